"""HDF5 files: rotten ones are told, foreign ones read elsewhere first."""

import gzip
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from importlib import import_module
from pathlib import Path

import fuzz_hdf5
import h5py
import keras
import numpy as np
import pytest

from common import hdf5, hdf5_guard
from common.command_line import run
from common.errors import InputError
from common.file_kinds import WEIGHTS_MEMBER, is_hdf5
from common.files import sha256_of
from common.hdf5 import checksummed_write, open_hdf5

ROOT = Path(__file__).parents[1]
DAMAGED = Path(__file__).parent / "damaged"


@pytest.fixture
def saved(tmp_path):
    """A file as the project writes it."""
    path = tmp_path / "saved.h5"
    with checksummed_write(path) as partial, h5py.File(partial, "w") as file:
        file["a/b"] = np.arange(1000.0)
        file.attrs["settings"] = "{}"
    return path


@pytest.fixture
def looks(monkeypatch):
    """Which files were given to another process; all of them pass."""
    looked = []

    def look(path, member):
        looked.append(path.name)
        return ""

    monkeypatch.setattr(hdf5, "_fault_of", look)
    monkeypatch.setattr(hdf5, "_read_before", set())
    return looked


def read(path, **options):
    with open_hdf5(path, "a file for this test", **options) as file:
        return file["a/b"][...]


def refusal(path):
    with pytest.raises(InputError) as caught:
        read(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and "\n" not in line
    return line


def foreign(path):
    """Write a file that another program made."""
    with h5py.File(path, "w") as file:
        file["a/b"] = np.arange(1000.0)
    return path


def test_a_file_of_ones_own_is_opened_at_once_wherever_it_is(saved, tmp_path, looks):
    assert (read(saved) == np.arange(1000)).all()
    copy = tmp_path / "model_best"
    shutil.copyfile(saved, copy)
    assert (read(copy) == np.arange(1000)).all()
    assert looks == []


def test_the_last_line_is_the_sha256_of_all_before_it(saved):
    """As a user would check it, with other programs."""
    content, _, line = saved.read_bytes()[:-1].rpartition(b"\n")
    saved.with_name("content").write_bytes(content)
    words = ["openssl", "dgst", "-sha256", "-r", str(saved.with_name("content"))]
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    digest = subprocess.run(words, capture_output=True, check=True).stdout.split()[0]
    assert line == b"SHA-256 of all bytes before this line: " + digest


def test_a_rotten_file_is_told_before_hdf5_is_asked(saved, monkeypatch, looks):
    content = saved.read_bytes()
    monkeypatch.setattr(h5py, "File", None)
    own = len(content) - hdf5._LINE_SIZE
    for place in [8, 9, own - 1, *np.random.default_rng(0).integers(8, own, 40)]:
        rotten = bytearray(content)
        rotten[place] ^= 1 << int(place) % 8
        saved.write_bytes(rotten)
        assert "is damaged: its bytes are not those that were saved" in refusal(saved)
    assert looks == []


def test_what_is_cut_off_or_added_costs_the_last_line_or_the_file(saved, looks):
    content = saved.read_bytes()
    saved.write_bytes(content[:-1])  # only the last line is hurt, the file is whole
    assert (read(saved) == np.arange(1000)).all()
    assert looks == ["saved.h5"]
    saved.write_bytes(content[: len(content) // 2])
    own = len(content) - hdf5._LINE_SIZE
    assert f"is cut short: {len(content) // 2} bytes; expected {own}" in refusal(saved)


def test_a_file_that_was_written_into_is_a_foreign_one(saved, looks):
    with h5py.File(saved, "r+") as file:
        file["more"] = np.arange(5000)
    assert (read(saved) == np.arange(1000)).all()
    assert looks == ["saved.h5"]


def test_a_foreign_file_is_looked_at_once_for_each_content(tmp_path, looks):
    path = foreign(tmp_path / "a.h5")
    read(path)
    read(path)
    shutil.copyfile(path, tmp_path / "b.h5")
    read(tmp_path / "b.h5")
    assert looks == ["a.h5"]
    with h5py.File(path, "r+") as file:
        file["a/b"][0] = 7
    assert read(path)[0] == 7
    assert looks == ["a.h5", "a.h5"]


def test_a_knsaved_is_not_looked_at(tmp_path, looks):
    path = foreign(tmp_path / "a.h5")
    read(path, known=[sha256_of(path)])
    assert looks == []


def test_a_file_of_another_kind_is_called_what_it_is(tmp_path):
    path = tmp_path / "a.h5"
    assert "no such file" in refusal(path)
    path.write_bytes(b"<!DOCTYPE html><html></html>")
    assert "is a web page" in refusal(path)
    path.write_bytes(b"")
    assert "is empty" in refusal(path)


@pytest.mark.parametrize("size", [0, 512, 1024, 8192])
def test_the_signature_is_looked_for_where_hdf5_does(size, tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", userblock_size=size) as file:
        file["a/b"] = np.arange(10)
    content = path.read_bytes()
    for text in (content, content[:-1], content[: size + 8], content[: size + 7]):
        path.write_bytes(text)
        assert is_hdf5(path) == h5py.is_hdf5(path) == (len(text) > size + 7)
    path.write_bytes(bytes(100) + content)
    assert is_hdf5(path) == h5py.is_hdf5(path) is False


def test_what_lies_in_other_files_is_refused(saved, tmp_path):
    """Nobody has looked at the other file."""
    path = tmp_path / "links.h5"
    with h5py.File(path, "w") as file:
        file["a/b"] = h5py.ExternalLink(str(saved), "/a/b")
    assert f"{path}: a/b lies in another file" in refusal(path)
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((1000,), float)
        layout[:] = h5py.VirtualSource(str(saved), "/a/b", (1000,))
        file.create_virtual_dataset("a/b", layout)
    assert f"{path}: /a/b lies in another file" in refusal(path)
    with h5py.File(path, "w") as file:
        raw = [(str(tmp_path / "raw"), 0, 8000)]
        file.create_dataset("a/b", (1000,), float, external=raw)
    assert f"{path}: /a/b lies in another file" in refusal(path)


def test_an_array_that_was_never_written_is_not_read(tmp_path):
    """It may be of any size, and takes no room in the file."""
    path = tmp_path / "large.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a/b", (1 << 20, 1 << 20))
    assert hdf5_guard.fault_of(path) == ""


# --- the other process ------------------------------------------------------------


@pytest.fixture(params=["crash", "hang", "endless"])
def deadly(request, tmp_path):
    """A file that ends the process which reads it, or never lets it go."""
    path = tmp_path / f"{request.param}.h5"
    packed = DAMAGED / f"{request.param}.h5.gz"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    return path


@pytest.mark.slow
def test_a_deadly_file_is_one_line(deadly, guard_process, monkeypatch):
    monkeypatch.setattr(hdf5, "TIME_LIMIT", 2.0)
    line = refusal(deadly)
    assert "is a damaged HDF5 file (" in line and "expected an intact one" in line


def guarded_by(monkeypatch, program: str, tmp_path) -> None:
    """Let the other process run something else."""
    path = tmp_path / "guard.py"
    path.write_text(program)
    monkeypatch.setattr(hdf5_guard, "__file__", str(path))
    monkeypatch.setattr(hdf5, "_read_before", set())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.abort()", "the HDF5 library crashes on it"),
        ("import time; time.sleep(60)", "the HDF5 library does not come to its end"),
        ("import h6py", "cannot be looked at: ModuleNotFoundError: No module named"),
        ("print('OSError: Unable to open (bad heap)', end='')", "HDF5 file (bad heap)"),
    ],
)
def test_however_the_other_process_ends(
    program, words, guard_process, monkeypatch, tmp_path
):
    guarded_by(monkeypatch, program, tmp_path)
    monkeypatch.setattr(hdf5, "TIME_LIMIT", 1.0)
    assert words in refusal(foreign(tmp_path / "a.h5"))


def test_no_other_process_is_one_line(guard_process, monkeypatch, tmp_path):
    monkeypatch.setattr(hdf5, "_read_before", set())
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    line = refusal(foreign(tmp_path / "a.h5"))
    assert "cannot be looked at" in line and "does not start" in line


@pytest.mark.slow
def test_an_archive_is_read_by_the_other_process(guard_process, tmp_path):

    inner = foreign(tmp_path / WEIGHTS_MEMBER)
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, inner.name)
    assert (read(path, in_archives=True) == np.arange(1000)).all()
    assert "is a file of kind .keras" in refusal(path)
    crash = gzip.decompress((DAMAGED / "crash.h5.gz").read_bytes())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(WEIGHTS_MEMBER, crash)
    with pytest.raises(InputError, match="crashes on it"):
        read(path, in_archives=True)


WAITING = """
import signal, sys
from dataclasses import dataclass
from pathlib import Path
from common import command_line, hdf5_guard
from weights.layouts import read_trunk
hdf5_guard.__file__ = sys.argv[1]
signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal
@dataclass(frozen=True)
class Settings:
    '''Read a trunk.'''
    path: Path
command_line.run(lambda settings: read_trunk(settings.path), Settings, sys.argv[2:])
"""
HANGING = f"""
import os, re, runpy, sys
limit, path = sys.argv[1:]
runpy.run_path({hdf5_guard.__file__!r})["end_in_time"](float(limit))
with open(path + ".pid", "w") as file:
    print(os.getpid(), file=file)
re.match("(a+)+$", "a" * 100 + "b")  # in C, Python's lock held
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
@pytest.mark.parametrize(
    ("number", "status", "words"),
    [
        (signal.SIGTERM, 143, "terminated"),
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGKILL, -signal.SIGKILL, ""),
    ],
)
def test_a_program_that_waits_can_be_ended_and_the_other_ends_with_it(
    number, status, words, tmp_path
):
    guard, path = tmp_path / "hanging.py", foreign(tmp_path / "a.h5")
    guard.write_text(HANGING)
    command = [sys.executable, "-c", WAITING, str(guard), "--path", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    started = Path(f"{path}.pid")
    assert soon(lambda: started.is_file() and started.read_text().endswith("\n"))
    other = int(started.read_text())
    assert is_running(other)
    process.send_signal(number)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == status
    assert said.strip() == words
    assert soon(lambda: not is_running(other))


def soon(is_so):
    for _ in range(1500):
        if is_so():
            return True
        time.sleep(0.02)
    return False


def is_running(number):
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_the_other_process_ends_by_itself_where_nobody_waits(tmp_path):
    guard, path = tmp_path / "hanging.py", foreign(tmp_path / "a.h5")
    guard.write_text(HANGING)
    words = [sys.executable, str(guard), "0.5", str(path)]
    assert subprocess.run(words, timeout=30).returncode == 1


@pytest.mark.slow
def test_hundreds_of_damaged_files_are_read_or_refused():
    """Whatever the other process says is whole, none of the readers may choke on."""
    guarded, readings = fuzz_hdf5.look(range(400))
    assert len(guarded) == 400
    faults = [said for said in guarded.values() if said]
    assert len(faults) > 50 and len(readings) > 50  # else nothing was tried
    assert fuzz_hdf5.ENDED not in readings.values()
    assert {word for said in readings.values() for word in said.split()} == {
        "read",
        "refused",
    }


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from datasets.drawn.planes import draw_planes

    folder = tmp_path_factory.mktemp("planes")
    draw_planes(folder, trainval=1, test=1)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("image_zooms.train", ["--path_vgg", "{file}", "--path_voc", "{planes}"]),
        ("pool45_crops.test", ["--weights_path", "{file}", "--images", "{planes}"]),
        ("weights.convert", ["{file}", "{out}.weights.h5"]),
        ("weights.convert", ["--q_network", "{file}", "{out}.weights.h5"]),
    ],
)
def test_programs_end_in_one_line(
    program, words, guard_process, tmp_path, monkeypatch, planes
):
    path = tmp_path / "crash.h5"
    path.write_bytes(gzip.decompress((DAMAGED / "crash.h5.gz").read_bytes()))
    monkeypatch.setattr(hdf5, "_read_before", set())
    names = {"file": path, "planes": planes, "out": tmp_path / "out"}
    package, script = program.split(".")
    module, kind = import_module(program), f"{script.title()}Settings"
    if package != "weights":
        words = [*words, "--path_model", "{out}"]
        settings = getattr(import_module(f"{package}.config"), kind)
    else:
        settings = module.Settings
    with pytest.raises(SystemExit) as caught:
        run(module.main, settings, [word.format(**names) for word in words])
    line = str(caught.value.code)
    assert line.startswith(f"error: {path}: is a damaged HDF5 file"), line
    assert "\n" not in line
    assert not list(tmp_path.rglob("out*.h5"))


@pytest.mark.slow
def test_weights_of_glimpses_are_looked_at_first(guard_process, tmp_path, monkeypatch):
    from glimpse_rnn.checkpoint import load_weights

    path = tmp_path / "crash.h5"
    path.write_bytes(gzip.decompress((DAMAGED / "crash.h5.gz").read_bytes()))
    with pytest.raises(InputError, match="is a damaged HDF5 file"):
        load_weights(keras.Sequential(), path)
