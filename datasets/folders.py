"""A set's folder is there completely or not at all, also after an interruption."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import file_error
from common.files import exclusive_lock, reason_of


def is_there(folder: Path, marks: Iterable[str], what: str) -> bool:
    """Return whether a set is in its folder.

    Args:
        folder: where it belongs.
        marks: paths below the folder that the set has; ``|`` between alternatives.
        what: the set, for the error.

    Raises:
        InputError: the folder holds something else, which is not replaced unasked.
    """
    if not os.path.lexists(folder):
        return False
    missing = [mark for mark in marks if not any_exists(folder, mark)]
    if not missing:
        return True
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        return False
    lacks = missing[0].replace("|", " or ")
    raise file_error(
        folder,
        f"is there, but lacks {lacks}",
        f"{what}, an empty folder or none; --force replaces what is there",
    )


def any_exists(folder: Path, mark: str) -> bool:
    """Return whether a folder has one of the paths in ``mark``, ``|`` between them."""
    return any((folder / name).exists() for name in mark.split("|"))


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Make a folder in one stroke.

    Yields an empty folder beside it to fill. When the block ends well that folder takes
    the place of ``folder``, whatever is there; when it raises, it is removed, and
    ``folder`` stays as it was. What a killed process left is removed first.

    Args:
        folder: to make or replace.

    Raises:
        InputError: it cannot be written, or another process is making it.
    """
    partial = folder.with_name(f".partial-{folder.name}")
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(partial):
            try:
                _empty(partial)
                yield partial
                _swap(partial, folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise file_error(folder, f"cannot be written: {reason_of(error)}") from error


def _swap(partial: Path, folder: Path) -> None:
    """Put a whole folder into its place once all of it is on the disk."""
    if hasattr(os, "sync"):  # one for all files; each of its own would take minutes
        os.sync()
    if not os.path.lexists(folder):
        os.replace(partial, folder)
        return
    # A folder cannot be replaced in one step: the old one steps aside for a moment.
    old = folder.with_name(f".partial-old-{folder.name}")
    _remove(old)
    os.rename(folder, old)
    try:
        os.replace(partial, folder)
    except OSError:
        os.rename(old, folder)
        raise
    _remove(old)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
