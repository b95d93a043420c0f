"""The project at other places: copies of it, and paths in what programs say there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def copy_working_tree(folder):
    """Copy what git tracks, and new files that it does not ignore, into a folder."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        said = subprocess.run(words, cwd=ROOT, capture_output=True)
    except OSError:
        pytest.skip("git is not installed")
    if said.returncode:
        pytest.skip("not a clone, so nothing says which files belong to the project")
    for name in said.stdout.decode("utf-8", "surrogateescape").split("\0"):
        source, target = ROOT / name, folder / name
        if name and source.is_file():  # and not deleted since it was added
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def squeezed(text):
    """Return a help text as one word: lines are broken at spaces, even of a path."""
    return re.sub(r"[\s│]", "", str(text))
