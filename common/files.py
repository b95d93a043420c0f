"""Files that are either the old one or the new one, never half of either."""

import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import InputError, file_error

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_BESIDE_PACKAGES = Path(__file__).resolve().parent.parent

IS_CLONE = (_BESIDE_PACKAGES / "pyproject.toml").is_file()
"""Whether the program runs from a clone, or was installed without one."""

REPOSITORY = _BESIDE_PACKAGES if IS_CLONE else Path.cwd()
"""Folder that default paths are anchored to.

A clone's own, wherever a program is started from. An installed program has none: its
data and results belong to the folder it is started from, not among the packages.
"""

_PARTIAL = ".partial-"

_UNPORTABLE = frozenset('<>:"/\\|?*%')
_LONGEST_NAME = 160
"""Bytes; systems take 255, of which the rest of a name needs some."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Write ``path`` in one stroke.

    Yields a temporary path in the same folder, with the same suffixes, to write to.
    When the block ends well the file is flushed to disk and renamed to ``path``; when
    it raises, the temporary file is removed and ``path`` stays as it was.

    Args:
        path: the file to create or replace; its folder is made if need be.

    Raises:
        InputError: it cannot be written: the disk is full, the folder is not the
            user's, or the like.
    """
    path = Path(path)
    partial = path.with_name(f"{_PARTIAL}{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)
    except OSError as error:
        raise file_error(path, f"cannot be written: {reason_of(error)}") from error
    except RuntimeError as error:
        # h5py's own, where it notices a full disk only as it closes a file.
        number = re.search(r"errno = (\d+)", str(error))
        if not number:
            raise
        reason = os.strerror(int(number[1]))
        raise file_error(path, f"cannot be written: {reason}") from error
    finally:
        _remove(partial)


def reason_of(error: OSError) -> str:
    """Return what the system says is wrong, in few words.

    h5py adds addresses and offsets, and on some errors knows nothing but its own text.
    """
    return os.strerror(error.errno) if error.errno else str(error)


def check_folder(folder: Path, field: str) -> None:
    """Make sure, before hours of work, that their results can be written.

    Args:
        folder: made if need be.
        field: the setting that names it.

    Raises:
        InputError: it is no folder, or files cannot be made in it.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"files cannot be made there ({field}): {reason_of(error)}"
        raise file_error(folder, reason) from error


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Keep other runs, which would mix their files with this one's, out of a folder.

    The system gives the folder free when the process ends, however it ends. Where it
    knows no such locks (Windows, some network drives) nothing is kept out.

    Args:
        folder: it exists.

    Raises:
        InputError: another process is in the folder.
    """
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            os.close(handle)
            raise InputError(
                f"{folder}: another run is writing there; expected one at a time"
            ) from error
    try:
        yield
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Remove a file that may not be there, in a folder that may be none."""
    try:
        path.unlink(missing_ok=True)
    except OSError:  # there is no folder to hold it, which was reported already
        pass


def _flush(path: Path) -> None:
    """Wait until the file or folder is on the disk, so that a rename is the end."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_partial_files(folder: Path) -> None:
    """Remove temporary files that a killed process left in ``folder``.

    Files of processes that are still running are theirs and stay.
    """
    for partial in Path(folder).glob(f"{_PARTIAL}*"):
        pid = partial.name.removeprefix(_PARTIAL).partition("-")[0]
        if pid.isdigit() and not _is_running(int(pid)):
            partial.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's process, so there is one
        return True
    return pid != os.getpid()


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` in UTF-8, in one stroke."""
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, in one stroke.

    Raises:
        ValueError: if a number is not finite, which JSON cannot hold.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def portable_name(text: str) -> str:
    """Return a text as part of a file's name, another one for each text.

    Letters of any script and blanks stay. What some system's file names cannot hold is
    percent-encoded, as UTF-8. Of a text that is too long the start stays, and a digest
    tells it from others.

    Args:
        text: without line breaks.
    """
    name = "".join(c if _is_portable(c) else _percent(c) for c in text)
    data = name.encode()
    if len(data) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]
    return f"{data[: _LONGEST_NAME - 13].decode(errors='ignore')}~{digest}"


def _is_portable(character: str) -> bool:
    return character.isprintable() and character not in _UNPORTABLE


def _percent(character: str) -> str:
    data = character.encode(errors="surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
