"""The tests that depend on where the clone lies, at paths that have broken programs."""

import os
import subprocess
import sys

import pytest
from elsewhere import copy_working_tree

pytestmark = pytest.mark.slow

PLACES = {
    "an early space": "a clone",
    "a very long path": "/".join(["long_name" * 8] * 3),
    "letters outside of ASCII": "ä ö/日本/cópia",
}
MARK = "pytest.mark." + "paths"


@pytest.mark.parametrize("place", PLACES)
def test_a_clone_may_lie_anywhere(place, tmp_path):
    clone = tmp_path / PLACES[place]
    copy_working_tree(clone)
    modules = [
        path.relative_to(clone)
        for path in sorted((clone / "tests").glob("test_*.py"))
        if MARK in path.read_text(encoding="utf-8")
    ]
    assert len(modules) >= 3
    words = [sys.executable, "-m", "pytest", "-q", "-m", "paths", "--color", "no"]
    words += ["-p", "no:cacheprovider", "--basetemp", clone / "runs", *modules]
    # The copy's own packages, not those that this environment may have installed.
    there = {"PYTHONPATH": str(clone), "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"}
    said = subprocess.run(
        list(map(str, words)),
        cwd=clone,
        env=os.environ | there,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert " passed" in said.stdout and "failed" not in said.stdout
