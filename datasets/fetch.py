"""Fetches data sets from their official addresses and lays them out for the programs.

    python -m datasets.fetch voc2007 voc2012 caltech_aeroplanes mnist

``docs/data.md`` says what each holds and under which terms.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import tyro

from common import command_line
from common.download import download, has_checksum, part_of
from common.errors import InputError, file_error
from common.files import REPOSITORY, check_folder
from datasets.caltech import unpack_aeroplanes
from datasets.folders import any_exists, is_there, whole_folder
from datasets.voc_layout import unpack_voc

Name = Literal["voc2007", "voc2012", "caltech_aeroplanes", "mnist"]

DOWNLOADS = "downloads"
"""Where archives lie until they are unpacked; those put there by hand are taken."""


@dataclass(frozen=True)
class Archive:
    """A file of an official server.

    Attributes:
        url: where it is.
        checksum: as its publisher, or those who have long used it, state it.
        size: in bytes, for the announcement.
    """

    url: str
    checksum: str
    size: int

    @property
    def name(self) -> str:
        """Name of the file, also on a mirror and among the downloads."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class DataSet:
    """A set that can be fetched.

    Attributes:
        title: what it is called in a sentence.
        folder: its name beside the programs, where their default paths find it.
        archives: what it is made of.
        unpack: makes it of the archives, in an empty folder.
        marks: paths that it has when it is whole; ``|`` between alternatives.
    """

    title: str
    folder: str
    archives: tuple[Archive, ...]
    unpack: Callable[[Sequence[Path], Path], None]
    marks: tuple[str, ...]


def _copy(archives: Sequence[Path], folder: Path) -> None:
    """Take files over that are read as they are downloaded."""
    for archive in archives:
        shutil.copyfile(archive, folder / archive.name)


_VOC = "http://host.robots.ox.ac.uk/pascal/VOC/"
_VOC_MARKS = ("Annotations", "JPEGImages", "ImageSets/Main/trainval.txt")
_IDX = "train-images-idx3-ubyte|train-images.idx3-ubyte"
_IDX_GZ = "train-images-idx3-ubyte.gz|train-images.idx3-ubyte.gz"

SETS: dict[Name, DataSet] = {
    "voc2007": DataSet(
        "PASCAL VOC 2007",
        "VOC2007",
        (
            Archive(
                _VOC + "voc2007/VOCtrainval_06-Nov-2007.tar",
                "md5:c52e279531787c972589f7e41ab4ae64",
                460_032_000,
            ),
            Archive(
                _VOC + "voc2007/VOCtest_06-Nov-2007.tar",
                "md5:b6e924de25625d8de591ea690078ad9f",
                451_020_800,
            ),
        ),
        unpack_voc,
        (*_VOC_MARKS, "ImageSets/Main/test.txt"),
    ),
    "voc2012": DataSet(
        "PASCAL VOC 2012",
        "VOC2012",
        (
            Archive(
                _VOC + "voc2012/VOCtrainval_11-May-2012.tar",
                "md5:6cd6e144f989b92b3379bac3b3de84fd",
                1_999_639_040,
            ),
        ),
        unpack_voc,
        _VOC_MARKS,
    ),
    "caltech_aeroplanes": DataSet(
        "Caltech-101's aeroplanes",
        "caltech_aeroplanes",
        (
            Archive(
                "https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip",
                "md5:3138e1922a9193bfa496528edbbc45d0",
                137_414_764,
            ),
        ),
        unpack_aeroplanes,
        (*_VOC_MARKS, "ImageSets/Main/test.txt"),
    ),
    "mnist": DataSet(
        "MNIST",
        "mnist",
        (
            Archive(
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
                "sha256:"
                "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
                11_490_434,
            ),
        ),
        _copy,
        (f"mnist.npz|{_IDX}|{_IDX_GZ}",),
    ),
}


@dataclass(frozen=True)
class Settings:
    """Fetch data sets from their official addresses, checked and laid out."""

    names: tyro.conf.Positional[tuple[Name, ...]]
    """one or more of the sets"""
    folder: Path = REPOSITORY
    """where the sets go, each into a folder of its own; by default where the programs
    look for them"""
    mirror: str | None = None
    """an address below which files of the same names lie, instead of the official ones;
    checksums stay the same"""
    force: bool = False
    """fetch sets that are there again, and replace what else is in their place"""
    keep_archives: Literal[0, 1] = 0
    """1 to leave archives in the folder downloads/ once they are unpacked"""


def main(settings: Settings) -> None:
    """Fetch the sets that the settings name."""
    if not settings.names:
        raise InputError(f"names: none; expected one of {', '.join(get_args(Name))}")
    for name in dict.fromkeys(settings.names):
        fetch(
            name,
            settings.folder,
            settings.mirror,
            settings.force,
            bool(settings.keep_archives),
        )


def fetch(
    name: Name,
    folder: Path = REPOSITORY,
    mirror: str | None = None,
    force: bool = False,
    keep_archives: bool = False,
    say: Callable[[str], object] = print,
) -> Path:
    """Fetch a set unless it is there; says what it does.

    Args:
        name: of the set.
        folder: where the set's own folder goes.
        mirror: an address below which files of the same names lie; None for the
            official ones.
        force: fetch it even if it is there, and replace whatever is in its place.
        keep_archives: leave the archives where they were downloaded to.
        say: takes lines for the user.

    Returns:
        The set's folder.

    Raises:
        InputError: it cannot be had, or its place holds something else. What was there
            before is then as it was; archives are kept for the next try.
    """
    data_set = SETS[name]
    dest = Path(folder) / data_set.folder
    if not force and is_there(dest, data_set.marks, data_set.title):
        say(f"{dest}: already there; --force fetches it again")
        return dest
    check_folder(dest.parent, "folder")
    downloads = dest.parent / DOWNLOADS
    try:
        archives = _download_all(data_set, downloads, mirror, force, say)
        say(f"{dest}: unpacking")
        with whole_folder(dest) as partial:
            data_set.unpack(archives, partial)
            _check_whole(data_set, partial, archives)
        if not keep_archives:
            _remove_all(archives, say)
    finally:
        _remove_if_empty(downloads)
    say(f"{dest}: {data_set.title}")
    return dest


def _download_all(
    data_set: DataSet,
    downloads: Path,
    mirror: str | None,
    force: bool,
    say: Callable[[str], object],
) -> list[Path]:
    """Return the paths of a set's archives, all of them there and checked."""
    paths = [downloads / archive.name for archive in data_set.archives]
    missing = [
        (archive, path)
        for archive, path in zip(data_set.archives, paths, strict=True)
        if not _is_good(archive, path, force)
    ]
    if missing:
        say(_announcement(data_set, missing))
    for archive, path in missing:
        url = f"{mirror.rstrip('/')}/{archive.name}" if mirror else archive.url
        try:
            download(url, path, archive.checksum)
        except InputError as error:
            raise InputError(f"{error}{_way_on(path)}") from error
    return paths


def _way_on(path: Path) -> str:
    """Say what to do where a download failed: go on with it, or get it elsewhere."""
    if part_of(path).exists():
        return "; the same command goes on from there"
    return f"; --mirror names another address, an archive put at {path} is taken"


def _is_good(archive: Archive, path: Path, force: bool) -> bool:
    """Return whether an archive is there; another file of its name is refused."""
    if not path.exists():
        return False
    if has_checksum(path, archive.checksum):
        return True
    if force:
        return False
    raise file_error(
        path,
        f"is not the archive that it should be ({archive.checksum})",
        "it to be removed, or --force to replace it",
    )


def _announcement(data_set: DataSet, missing: Sequence[tuple[Archive, Path]]) -> str:
    total = sum(archive.size for archive, _ in missing)
    parts = [part_of(path) for _, path in missing]
    have = sum(part.stat().st_size for part in parts if part.exists())
    names = ", ".join(archive.name for archive, _ in missing)
    there = f", {have / 1e6:,.0f} MB of it there already" if have else ""
    return f"{data_set.title}: {total / 1e6:,.0f} MB to download{there} ({names})"


def _check_whole(data_set: DataSet, folder: Path, archives: Sequence[Path]) -> None:
    for mark in data_set.marks:
        if not any_exists(folder, mark):
            names = " and ".join(str(archive) for archive in archives)
            raise file_error(names, f"lacks {mark}", data_set.title)


def _remove_all(archives: Sequence[Path], say: Callable[[str], object]) -> None:
    for archive in archives:
        archive.unlink(missing_ok=True)
        say(f"{archive}: removed; --keep_archives 1 would keep it")


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


if __name__ == "__main__":
    command_line.run(main, Settings)
