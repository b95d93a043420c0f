import os
import signal
import subprocess
import sys

import pytest

from common.errors import InputError, file_error
from common.files import (
    atomic_write,
    check_folder,
    exclusive_lock,
    remove_partial_files,
    sha256_of,
    write_json,
    write_text,
)

pytestmark = pytest.mark.paths


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_the_old_one_until_it_is_the_new_one(tmp_path):
    path = tmp_path / "a.weights.h5"
    path.write_text("old")
    with atomic_write(path) as partial:
        partial.write_text("new")
        assert partial.parent == path.parent and partial.name.endswith(".weights.h5")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.weights.h5"]


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_folders_are_made(tmp_path):
    write_json(tmp_path / "a" / "b" / "c.json", {"x": [1, None]})
    assert (tmp_path / "a" / "b" / "c.json").read_text().startswith("{")


def test_a_file_where_a_folder_should_be_is_named_in_one_line(tmp_path):
    (tmp_path / "a").write_text("old")
    for path in (tmp_path / "a" / "c.txt", tmp_path / "a" / "b" / "c.txt"):
        with pytest.raises(InputError, match=f"^{path}: cannot be written: .+$"):
            write_text(path, "new")
        with pytest.raises(InputError, match=rf"^{path}: .+ \(path_model\): .+$"):
            check_folder(path, "path_model")
    with pytest.raises(InputError, match="path_model"):
        check_folder(tmp_path / "a", "path_model")
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.slow
def test_a_full_disk_is_named_in_one_line_and_the_old_file_stays(tmp_path):
    """A limit on the size of files fails as a full disk does: in the middle."""
    (tmp_path / "a.h5").write_text("old")
    program = (
        "import h5py, numpy, resource, signal, sys; from pathlib import Path;"
        "from common.command_line import run; from common.files import *;"
        "from dataclasses import make_dataclass;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "def main(_):\n"
        "  with atomic_write(Path('a.h5')) as path, h5py.File(path, 'w') as file:\n"
        "    file['x'] = numpy.ones(1_000_000)\n"
        "run(main, make_dataclass('Settings', []), [])"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    assert process.stderr == "error: a.h5: cannot be written: File too large\n"
    assert process.returncode == 1
    assert (tmp_path / "a.h5").read_text() == "old"
    assert names(tmp_path) == ["a.h5"]


def test_a_folder_that_can_be_written_to_is_left_as_it_is(tmp_path):
    check_folder(tmp_path / "a" / "b", "path_model")
    assert names(tmp_path / "a" / "b") == []


@pytest.mark.slow
def test_a_folder_takes_one_run_at_a_time(tmp_path):
    words = "from common.files import exclusive_lock\n"
    words += f"with exclusive_lock({str(tmp_path)!r}):"
    hold = subprocess.Popen(
        [sys.executable, "-c", f"{words}\n print(1, flush=True)\n input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert hold.stdout.readline()
    with pytest.raises(InputError, match="another run"), exclusive_lock(tmp_path):
        pass
    hold.kill()
    hold.communicate()
    with exclusive_lock(tmp_path):
        assert names(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status", "said"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_a_stopped_program_says_so_and_leaves_nothing_half_written(
    number, status, said, tmp_path
):
    program = (
        "import signal, time; from pathlib import Path;"
        "from dataclasses import make_dataclass;"
        "from common.command_line import run; from common.files import atomic_write\n"
        # Where tests run in the background, their children are born deaf to Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def main(_):\n"
        "  with atomic_write(Path('a.txt')) as partial:\n"
        "    partial.write_text('half'); print(1, flush=True); time.sleep(60)\n"
        "run(main, make_dataclass('Settings', []), [])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline()
    process.send_signal(number)
    _, complaints = process.communicate(timeout=30)
    assert (process.returncode, complaints.strip()) == (status, said)
    assert names(tmp_path) == []


def test_numbers_that_json_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", float("nan"))
    assert names(tmp_path) == []


@pytest.mark.slow
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


def test_a_disk_that_h5py_finds_full_as_it_closes_a_file(tmp_path):
    path = tmp_path / "model.h5"
    path.write_text("earlier")
    with pytest.raises(InputError, match=r"model.h5: cannot be written: No space left"):
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise RuntimeError(
                "Can't decrement id ref count (file write failed: errno = 28, error"
                " message = 'No space left on device')"
            )
    with pytest.raises(RuntimeError, match="something else"):
        with atomic_write(path):
            raise RuntimeError("something else")
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]
