"""Files that are either the old one or the new one, never half of either."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
"""Folder that default paths are anchored to, wherever a program is started from."""

_PARTIAL = ".partial-"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write ``path`` in one stroke.

    Yields a temporary path in the same folder, with the same suffixes, to write to.
    When the block ends well the file is flushed to disk and renamed to ``path``; when
    it raises, the temporary file is removed and ``path`` stays as it was.

    Args:
        path: the file to create or replace; its folder is made if need be.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{_PARTIAL}{os.getpid()}-{path.name}")
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


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
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, in one stroke.

    Raises:
        ValueError: if a number is not finite, which JSON cannot hold.
    """
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
