import os
import subprocess
import sys

import pytest

from common.errors import file_error
from common.files import remove_partial_files, replacing, sha256_of, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_the_old_one_until_it_is_the_new_one(tmp_path):
    path = tmp_path / "a.weights.h5"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert partial.parent == path.parent and partial.name.endswith(".weights.h5")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.weights.h5"]


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_folders_are_made(tmp_path):
    write_json(tmp_path / "a" / "b" / "c.json", {"x": [1, None]})
    assert (tmp_path / "a" / "b" / "c.json").read_text().startswith("{")


def test_numbers_that_json_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", float("nan"))
    assert names(tmp_path) == []


def test_what_dead_processes_left_is_removed_and_nothing_else(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    living = os.getppid()
    (tmp_path / f".partial-{dead.pid}-a.h5").write_text("")
    (tmp_path / f".partial-{living}-b.h5").write_text("")
    (tmp_path / "c.h5").write_text("")
    remove_partial_files(tmp_path)
    assert names(tmp_path) == [f".partial-{living}-b.h5", "c.h5"]


def test_sha256(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert sha256_of(path).startswith("ba7816bf8f01cfea414140de5dae2223")


def test_an_error_is_one_line():
    text = str(file_error("a.h5", "is\ncut short", "an h5 file"))
    assert text == "a.h5: is cut short; expected an h5 file"
