"""HDF5 files that are safe to open: their checksum is right, or they were read before.

A few changed bytes in an HDF5 file can make the HDF5 library end the process without a
word, or never return. So no file is handed to it in this process before one of these
holds:

- The file ends in a line of text with the SHA-256 of all bytes before it, and that is
  right. :func:`checksummed_write` puts the line there. HDF5 does not read beyond its
  own end, and the line stays where a file is copied, packed or renamed. In a file that
  rotted it is wrong.
- Its SHA-256 is known to whoever opens it.
- Another process, :mod:`common.hdf5_guard`, has read all of it within
  :data:`TIME_LIMIT`. That costs a third of a second, once for each file.

Where another program writes into a file, HDF5 cuts the line off.
"""

import hashlib
import io
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from common import hdf5_guard
from common.errors import InputError, file_error
from common.file_kinds import (
    ARCHIVE_ERRORS,
    HDF5,
    KERAS,
    WEIGHTS_MEMBER,
    is_hdf5,
    kind_of,
)
from common.files import atomic_write

TIME_LIMIT = 45.0
"""Seconds in which another process has to read a file that is not known. The file was
read for its SHA-256 just before, so that no slow disk counts in it."""

AGAIN = "so get it again"
"""What to do about a damaged file that came from elsewhere."""

_LINE = "\nSHA-256 of all bytes before this line: {}\n"
_LINE_SIZE = len(_LINE.format("0" * 64))
_LINE_PATTERN = re.compile(_LINE.format("([0-9a-f]{64})"))
_CHUNK = 1 << 20

_read_before: set[str] = set()
"""SHA-256 of files that the other process has read for this one."""


@contextmanager
def checksummed_write(path: Path) -> Iterator[Path]:
    """Write an HDF5 file in one stroke, with its checksum behind it.

    Args:
        path: as :func:`common.files.atomic_write` takes it.

    Raises:
        InputError: it cannot be written.
    """
    with atomic_write(path) as partial:
        yield partial
        line = _LINE.format(_sha256(partial, partial.stat().st_size))
        with open(partial, "ab") as file:
            file.write(line.encode())


@contextmanager
def open_hdf5(
    path: Path,
    expected: str,
    way_on: str = AGAIN,
    known: Collection[str] = (),
    in_archives: bool = False,
) -> Iterator[h5py.File]:
    """Open an HDF5 file to read, safely.

    Args:
        path: the file.
        expected: what should be there, for the error.
        way_on: what to do where the file is damaged, for the error.
        known: SHA-256 of files that need no look.
        in_archives: whether the weights inside of a ``.keras`` archive will do.

    Raises:
        InputError: the file is missing, damaged, or none of HDF5, or the block fails on
            what it holds; one line that names it.
    """
    check_hdf5(path, expected, way_on, known, in_archives)
    try:
        with h5py.File(_source(path), "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise _damage(path, f"{type(error).__name__}: {error}", way_on) from error


def check_hdf5(
    path: Path,
    expected: str,
    way_on: str = AGAIN,
    known: Collection[str] = (),
    in_archives: bool = False,
) -> None:
    """Make sure that a file can be opened safely, here or by Keras.

    Args:
        path: as for :func:`open_hdf5`, like all others.
        expected: likewise.
        way_on: likewise.
        known: likewise.
        in_archives: likewise.

    Raises:
        InputError: it is missing, damaged, or no HDF5 file.
    """
    kind = kind_of(path, expected)
    if kind != HDF5 and not (in_archives and kind == KERAS):
        raise file_error(path, f"is a file of kind {kind}", expected)
    digest, saved = _digests(path)
    if saved is not None and saved != digest:
        raise file_error(
            path,
            "is damaged: its bytes are not those that were saved",
            f"an intact one, {way_on}",
        )
    if saved is None and digest not in {*known, *_read_before}:
        fault = _fault_of(path, WEIGHTS_MEMBER if kind == KERAS else "")
        if fault:
            raise _damage(path, fault, way_on)
        _read_before.add(digest)


def _source(path: Path) -> Path | io.BytesIO:
    """Return what h5py opens: the file, or the bytes of the one in an archive."""
    if is_hdf5(path):
        return path
    return io.BytesIO(read_member(path, WEIGHTS_MEMBER))


def read_member(path: Path, name: str) -> bytes:
    """Return a member of a ZIP archive; empty if there is none.

    Raises:
        InputError: the archive is damaged or encrypted.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name) if name in archive.namelist() else b""
    except ARCHIVE_ERRORS as error:
        raise file_error(
            path, "is a damaged or encrypted archive", "an intact one, so get it again"
        ) from error


def _digests(path: Path) -> tuple[str, str | None]:
    """Return the SHA-256 of a file's own bytes, and what its last line says.

    Both in hexadecimal, the second None where the last line is none of a checksum: then
    all bytes are the file's own.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(max(size - _LINE_SIZE, 0))
        end = file.read().decode("ascii", errors="replace")
    found = _LINE_PATTERN.fullmatch(end)
    if found:
        return _sha256(path, size - _LINE_SIZE), found[1]
    return _sha256(path, size), None


def _sha256(path: Path, size: int) -> str:
    """Return the SHA-256 of a file's first bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while size > 0 and (chunk := file.read(min(size, _CHUNK))):
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()


def _fault_of(path: Path, member: str) -> str:
    """Have another process read a file; return what is wrong with it, or nothing.

    However this process is left while it waits, by Ctrl-C or SIGTERM too, the other one
    ends.
    """
    command = [sys.executable, "-P", "-X", "utf8", os.path.abspath(hdf5_guard.__file__)]
    command += [str(TIME_LIMIT), os.path.abspath(path)]
    try:
        done = subprocess.run(
            [*command, *([member] if member else [])],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=TIME_LIMIT,
        )
    except subprocess.TimeoutExpired:
        return "Hang: the HDF5 library does not come to its end with it"
    except OSError as error:
        raise file_error(
            path, f"cannot be looked at: {sys.executable} does not start ({error})"
        ) from error
    if done.returncode == 0:
        return done.stdout
    if "Traceback" in done.stderr:  # Python's, such as that of a missing h5py
        reason = done.stderr.strip().splitlines()[-1]
        raise file_error(path, f"cannot be looked at: {reason}")
    return "Crash: the HDF5 library crashes on it"


def _damage(path: Path, fault: str, way_on: str) -> InputError:
    """Return the error for a fault, an error's class and what it says."""
    kind, _, message = fault.partition(": ")
    sizes = re.search(r"eof = (\d+).*stored_eof = (\d+)", message)
    if sizes:
        return file_error(
            path, f"is cut short: {sizes[1]} bytes", f"{sizes[2]}, {way_on}"
        )
    if kind == PermissionError.__name__:
        return file_error(path, "permission denied", "a file that may be read")
    if kind == BlockingIOError.__name__:
        return file_error(path, "is being written by another program", "it finished")
    if message.endswith(" lies in another file"):
        return file_error(path, message, "all of it in this one")
    reason = re.search(r"\((.*)\)$", message)  # behind what h5py was about to do
    what = "HDF5 file" if is_hdf5(path) else f"{KERAS} archive"
    words = f"is a damaged {what} ({reason[1] if reason else message})"
    return file_error(path, words, f"an intact one, {way_on}")
