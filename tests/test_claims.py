"""Claims: one holder at a time, whoever dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from common.claims import claim, holder

pytestmark = pytest.mark.slow

HOLD = """
import sys, time
from pathlib import Path
from common.claims import claim
print("held" if claim(Path(sys.argv[1]), "arm") else "refused", flush=True)
time.sleep(float(sys.argv[2]))
"""


def other_process(folder, seconds):
    words = [sys.executable, "-c", HOLD, str(folder), str(seconds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_one_of_many_processes_holds_the_work(tmp_path):
    racers = [other_process(tmp_path, 2) for _ in range(6)]
    answers = sorted(racer.communicate(timeout=60)[0].strip() for racer in racers)
    assert answers == ["held"] + ["refused"] * 5


def test_the_work_of_a_killed_process_is_taken_over_by_one(tmp_path):
    first = other_process(tmp_path, 60)
    assert first.stdout.readline().strip() == "held"
    assert claim(tmp_path, "arm") is None
    assert holder(tmp_path, "arm") == f"process {first.pid} on {socket.gethostname()}"
    first.send_signal(signal.SIGKILL)
    first.wait()
    racers = [other_process(tmp_path, 2) for _ in range(4)]
    answers = sorted(racer.communicate(timeout=60)[0].strip() for racer in racers)
    assert answers == ["held"] + ["refused"] * 3


def on_another_machine(path):
    record = json.loads(path.read_text()) | {"host": "elsewhere", "pid": 1}
    path.write_text(json.dumps(record))


def test_the_heart_of_a_process_elsewhere_says_whether_it_lives(tmp_path):
    held = claim(tmp_path, "arm")
    (path,) = tmp_path.iterdir()
    on_another_machine(path)
    assert claim(tmp_path, "arm", patience=60) is None
    os.utime(path, (time.time() - 100,) * 2)
    assert held.beat()
    assert claim(tmp_path, "arm", patience=60) is None
    os.utime(path, (time.time() - 100,) * 2)
    assert claim(tmp_path, "arm", patience=60) is not None
    assert not held.beat()


def test_what_is_released_is_free_at_once(tmp_path):
    claim(tmp_path, "arm").release()
    assert claim(tmp_path, "arm") is not None
    assert claim(tmp_path, "arm") is None


@pytest.mark.parametrize("text", ["", "{", "{}"])
def test_a_claim_that_is_just_being_written_holds(tmp_path, text):
    claim(tmp_path, "arm")
    (path,) = tmp_path.iterdir()
    path.write_text(text)
    assert claim(tmp_path, "arm") is None


def test_works_with_like_names_are_different(tmp_path):
    assert claim(tmp_path, "arm_1")
    assert claim(tmp_path, "arm_10")
    assert claim(tmp_path, "arm")
