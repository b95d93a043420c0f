"""What a number was made with, besides its settings: command, commit and machine."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.files import IS_CLONE, REPOSITORY


def provenance() -> dict[str, str]:
    """Return command, commit and machine of this run, ready for JSON.

    No name of a machine, user or folder outside of the repository is in it, so that it
    can be shown to others.
    """
    return {
        "command": command_of(sys.argv),
        "commit": commit(),
        "machine": machine(),
        "python": platform.python_version(),
    }


def command_of(arguments: Sequence[str]) -> str:
    """Return a command line with paths as they are from the repository on.

    Args:
        arguments: ``sys.argv``.
    """
    return "python " + " ".join(shlex.quote(_from_here(word)) for word in arguments)


def _from_here(word: str) -> str:
    """Return a word of a command line without what leads to the repository."""
    flag, equals, value = (
        word.partition("=") if word.startswith("-") else ("", "", word)
    )
    path = Path(value)
    if not path.is_absolute():
        return word
    inside = path.is_relative_to(REPOSITORY)
    plain = path.relative_to(REPOSITORY).as_posix() if inside else path.name
    return f"{flag}{equals}{plain}"


def without_folders(value: Any) -> Any:
    """Return a value with the last part alone of each absolute path in it.

    Args:
        value: a text, a list, or what no path is in. A text that starts with a path is
            that path; behind other words a path ends at a blank.
    """
    if isinstance(value, list):
        return [without_folders(item) for item in value]
    if not isinstance(value, str):
        return value
    if os.path.isabs(value):
        return Path(value).name
    words = value.split(" ")
    return " ".join(Path(word).name if os.path.isabs(word) else word for word in words)


def commit() -> str:
    """Return the commit that the repository is at, + if files differ; empty if none.

    An installed program has no commit: the repository that it may be started in is
    another one.
    """
    if not IS_CLONE:
        return ""
    words = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        said = subprocess.run(
            words, cwd=REPOSITORY, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.strip() if said.returncode == 0 else ""


def machine() -> str:
    """Return what the machine is, such as ``2 cores, AMD EPYC``."""
    return f"{os.cpu_count()} cores, {_processor()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()
