"""Damages small HDF5 files at random, and reads them as the programs do.

    python tests/fuzz_hdf5.py 20000

Each number from 0 on is a file, always the same one. Another process reads it first, as
``common.hdf5_guard`` does for the programs, and may crash or hang. What passes there is
read by the project's own readers, none of which may. ``tests/test_hdf5.py`` does the
same with a few hundred.
"""

import faulthandler
import os
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import trunk_files  # noqa: E402

from common import hdf5, hdf5_guard  # noqa: E402
from common.epochs import (  # noqa: E402
    read_settings,
    read_state,
    write_settings,
    write_state,
)
from common.errors import InputError  # noqa: E402
from weights.stored import opened  # noqa: E402

PATIENCE = 2
"""Seconds for one file, which takes a thousandth where nothing hangs."""

ENDED = "ended"
"""What became of a file that crashed or hung its process."""


@cache
def intact() -> list[bytes]:
    """Small files of every layout that is read, their settings in them."""
    random = np.random.default_rng(0)
    shapes = [(3, 3, 3, 4), (4,), (3, 3, 4, 2), (2,)]
    kernels = [random.normal(size=shape).astype(np.float32) for shape in shapes]
    layers = {"block1_conv1": tuple(kernels[:2]), "block1_conv2": tuple(kernels[2:])}
    state = {
        "learner": {"optimizer": {str(i): a for i, a in enumerate(kernels)}},
        "actions": {"bit_generator": "{}" * 40},
        "updates": np.array(3),
    }

    def state_file(path):
        with h5py.File(path, "w") as file:
            write_state(file, state)

    def compressed(path):
        with h5py.File(path, "w", libver="latest") as file:
            group = file.create_group("layers/conv2d/vars")
            options = {"chunks": True, "compression": "gzip", "fletcher32": True}
            group.create_dataset("0", data=np.zeros((3, 3, 8, 64)), **options)
            group.create_dataset("1", data=np.zeros(64), maxshape=(None,))

    writers = [
        lambda path: trunk_files.keras_0(path, layers),
        lambda path: trunk_files.keras_1(path, layers),
        lambda path: trunk_files.keras_3(path, layers),
        compressed,
        state_file,
    ]
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for number, write in enumerate(writers):
            path = Path(folder) / f"{number}.h5"
            write(path)
            write_settings(path, {"detector": "image_zooms", "steps": 10})
            files.append(path.read_bytes())
    return files


def damaged(number: int) -> bytes:
    """Return a file with up to eight bytes changed, most of them not of its arrays."""
    random = np.random.default_rng(number)
    files = intact()
    data = np.frombuffer(files[number % len(files)], np.uint8).copy()
    places = np.flatnonzero(data)  # nearly all zeros are room that nothing uses
    for place in random.choice(places, random.integers(1, 9)):
        place = int(place) + int(random.integers(0, 8)) * int(random.random() < 0.3)
        place %= len(data)
        data[place] = random.choice(
            [random.integers(256), data[place] ^ (1 << random.integers(8)), 0, 255]
        )
    return data.tobytes()


def read(path: Path) -> str:
    """Read a file in each way the programs do; return what they said."""
    said = []

    def layers():
        with opened(path, "weights") as stored:
            for layer in stored.layers:
                for array in layer.arrays:
                    array[...]

    def state():
        with hdf5.open_hdf5(path, "a state") as file:
            read_state(file)

    for way in (layers, state, lambda: read_settings(path)):
        try:
            way()
        except InputError as error:
            line = str(error)
            assert line.startswith(f"{path}: ") and "\n" not in line, line
            said.append("refused")
        else:
            said.append("read")
    return " ".join(said)


def work(job: str, numbers: list[int]) -> None:
    """Look at files one after the other, and say what came of each."""
    if job == "read":
        hdf5._fault_of = lambda *_: ""  # it has been asked
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "damaged.h5"
        for number in numbers:
            path.write_bytes(damaged(number))
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            fault = hdf5_guard.fault_of(path) if job == "guard" else read(path)
            faulthandler.cancel_dump_traceback_later()
            print(number, fault, flush=True)


def outcomes(job: str, numbers: list[int]) -> dict[int, str]:
    """Have processes look at files, a new one after each that ended."""
    found: dict[int, str] = {}
    numbers = list(numbers)
    while numbers:
        words = [sys.executable, __file__, job, *map(str, numbers[:2000])]
        done = subprocess.run(words, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            number, _, said = line.partition(" ")
            found[int(number)] = said
        left = [number for number in numbers if number not in found]
        if len(left) > max(len(numbers) - 2000, 0):
            if "Traceback" in done.stderr:
                raise AssertionError(f"file {left[0]}: {done.stderr}")
            found[left.pop(0)] = ENDED
        numbers = left
    return found


def look(numbers: range) -> tuple[dict[int, str], dict[int, str]]:
    """Return what the guard says of files, and what readers of those that pass."""
    processes = os.cpu_count() or 1

    def in_parallel(job, chosen):
        parts = [chosen[start::processes] for start in range(processes)]
        with ThreadPoolExecutor(processes) as pool:
            found = pool.map(lambda part: outcomes(job, part), parts)
            return {number: said for part in found for number, said in part.items()}

    guarded = in_parallel("guard", list(numbers))
    passed = [number for number in numbers if guarded[number] == ""]
    return guarded, in_parallel("read", passed)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        work(sys.argv[1], [int(word) for word in sys.argv[2:]])
    else:
        guarded, readings = look(range(int(sys.argv[1])))
        faults = Counter(said.partition(":")[0] for said in guarded.values())
        print("guard:", dict(faults))
        print("ended:", [n for n, said in guarded.items() if said == ENDED])
        print("readers of what passes:", dict(Counter(readings.values())))
        ended = [number for number, said in readings.items() if said == ENDED]
        sys.exit(f"ended: {ended}" if ended else 0)
