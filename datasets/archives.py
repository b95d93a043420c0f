"""Archives unpacked file by file; nothing in them decides where it lands on the disk.

Nothing is written but plain files, at places that the caller chooses by name. An
archive that holds a path or a link out of its folder is refused altogether: it is not
what it should be.
"""

import gzip
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from common.errors import file_error

Files = Iterator[tuple[str, IO[bytes]]]
"""Names of an archive's files, each with its bytes to be read before the next."""

_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # zipfile: a way of packing that it does not know
)


def unpack(path: Path, folder: Path, place: Callable[[str], str | None]) -> int:
    """Unpack the files of an archive that have a place.

    Args:
        path: a tar, tar.gz or zip.
        folder: where to.
        place: a file's name in the archive into its path below the folder, or into
            None to leave it out.

    Returns:
        how many files were written.

    Raises:
        InputError: the archive is missing, damaged or unsafe.
        OSError: a file cannot be written.
    """
    count = 0
    with open_archive(path) as files:
        for name, file in files:
            where = place(name)
            if where is not None:
                write_file(file, folder / where)
                count += 1
    return count


def write_file(file: IO[bytes], path: Path) -> None:
    """Write what is left of an open file to a path, whose folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)


@contextmanager
def open_archive(path: Path, inner: str | None = None) -> Iterator[Files]:
    """Open an archive, or one inside a zip, to go through its files in their order.

    Args:
        path: a tar, tar.gz or zip.
        inner: the name of a tar or tar.gz inside a zip; it is read where it lies.

    Raises:
        InputError: the archive is missing, damaged or unsafe, also while it is read.
    """
    try:
        with open(path, "rb") as file:
            yield _files(path, file, inner)
    except FileNotFoundError as error:
        if error.filename != str(path):
            raise
        raise file_error(path, "there is no such file", "an archive") from None
    except _DAMAGED as error:
        where = f"{inner} in it is" if inner else "the archive is"
        raise file_error(path, f"{where} damaged: {error}") from error


def _files(path: Path, file: IO[bytes], inner: str | None) -> Files:
    if not zipfile.is_zipfile(file):
        file.seek(0)
        yield from _tar_files(path, file)
        return
    with zipfile.ZipFile(file) as archive:
        if inner is None:
            yield from _zip_files(path, archive)
        elif inner in archive.namelist():
            with archive.open(inner) as tar:
                yield from _tar_files(path, tar)
        else:
            raise file_error(path, f"the archive lacks {inner}")


def _tar_files(path: Path, file: IO[bytes]) -> Files:
    # r|*: read once from front to end, which an archive inside an archive allows too.
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for member in archive:
            _check_name(path, member.name)
            try:
                tarfile.data_filter(member, str(path.parent))
            except tarfile.FilterError as error:
                raise _unsafe(path, member.name) from error
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                yield member.name, content


def _zip_files(path: Path, archive: zipfile.ZipFile) -> Files:
    for member in archive.infolist():
        # zipfile turns \ into / on Windows alone; the name as it was stored decides.
        _check_name(path, member.orig_filename)
        if stat.S_ISLNK(member.external_attr >> 16):
            raise _unsafe(path, member.filename)
        if member.flag_bits & 1:
            raise file_error(path, f"{member.filename} in it is encrypted")
        if not member.is_dir():
            with archive.open(member) as file:
                yield member.filename, file


def _check_name(path: Path, name: str) -> None:
    """Refuse names that lead out of the folder on any system."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0]:
        raise _unsafe(path, name)


def _unsafe(path: Path, name: str) -> Exception:
    what = f"the archive holds {name!r}, which leads out of its folder"
    return file_error(path, what, "files inside of it; nothing of it is kept")
