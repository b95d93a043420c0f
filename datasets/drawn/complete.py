"""A drawn set is there completely or not at all, also after an interruption."""

import json
import os
import shutil
import time
from collections.abc import Callable, Set
from pathlib import Path

from common.errors import file_error


def ensure_set(
    folder: Path,
    draw: Callable[[Path], None],
    is_complete: Callable[[Path], bool],
    entries: Set[str],
    what: str,
) -> bool:
    """Draw a set unless it is there already.

    It is drawn into a temporary folder beside its place and moved there when it is
    complete, so that an interrupted drawing is never taken for a set.

    Args:
        folder: where the set belongs.
        draw: draws the set into a folder.
        is_complete: whether a folder holds the set, all of it.
        entries: names that a set of the kind has in its folder; one that holds nothing
            else is replaced.
        what: the set, for the error.

    Returns:
        whether it was drawn.

    Raises:
        InputError: the folder holds something else.
    """
    if is_complete(folder):
        return False
    if folder.exists() and not _is_replaceable(folder, entries):
        expected = f"{what}, an empty folder or none"
        raise file_error(folder, "holds other files", expected)
    _remove_abandoned(folder)
    partial = folder.with_name(f".partial-{os.getpid()}-{folder.name}")
    try:
        draw(partial)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    except OSError:
        if not is_complete(folder):  # else another process was faster
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return True


def _remove_abandoned(folder: Path) -> None:
    """Remove what drawings that were killed have left beside the folder."""
    for partial in folder.parent.glob(f".partial-*-{folder.name}"):
        if time.time() - partial.stat().st_mtime > 3600:  # none takes that long
            shutil.rmtree(partial, ignore_errors=True)


def _is_replaceable(folder: Path, entries: Set[str]) -> bool:
    """Return whether nothing would be lost with the folder but a drawn set."""
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= entries


def has_record(path: Path, record: dict[str, str | int]) -> bool:
    """Return whether a JSON file holds just this record."""
    try:
        return json.loads(path.read_text("utf-8")) == record
    except (OSError, ValueError):
        return False
