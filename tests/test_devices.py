"""What backends are told before they start."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from common import devices
from common.devices import DETERMINISTIC_XLA, prepare_devices
from common.errors import InputError
from image_zooms.config import TrainSettings

ROOT = Path(__file__).parents[1]
ASK = """
from common.devices import prepare_devices
import sys
prepare_devices(sys.argv[1] == "1")
import keras
if keras.config.backend() == "tensorflow":
    from tensorflow.python.framework import config
    print(config.is_op_determinism_enabled())
elif keras.config.backend() == "torch":
    import torch
    print(torch.are_deterministic_algorithms_enabled())
else:
    import os
    print("deterministic_ops=true" in os.environ.get("XLA_FLAGS", ""))
"""


@pytest.mark.slow
@pytest.mark.parametrize("deterministic", [0, 1])
def test_a_run_is_repeatable_where_that_is_asked_for(deterministic):
    words = [sys.executable, "-c", ASK, str(deterministic)]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split()[-1] == str(bool(deterministic))


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    monkeypatch.setenv("XLA_FLAGS", "--xla_some_flag=1")
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    for _ in range(2):
        prepare_devices(True)
        assert os.environ["XLA_FLAGS"] == f"--xla_some_flag=1 {DETERMINISTIC_XLA}"
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"


def test_backends_that_cannot_promise_it_are_refused(monkeypatch):
    for name in ("XLA_FLAGS", "CUBLAS_WORKSPACE_CONFIG"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(keras.config, "backend", lambda: "numpy")
    with pytest.raises(InputError, match="deterministic is 1, the backend numpy"):
        prepare_devices(True)


@pytest.mark.parametrize(
    ("flags", "knows"),
    [("fpu avx512_bf16 sse", True), ("amx_bf16", True), ("avx512f avx2", False)],
)
def test_processors_that_know_bfloat16(flags, knows, monkeypatch):
    text = f"processor : 0\nmodel name : one\nflags : {flags}\nbugs : avx512_bf16\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: text)
    assert devices.knows_bfloat16() is knows
    settings = TrainSettings(trunk_dtype="auto")
    assert settings.computing_dtype == ("bfloat16" if knows else "float32")
    assert TrainSettings(trunk_dtype="float32").computing_dtype == "float32"


def test_a_system_that_does_not_say_knows_no_bfloat16(monkeypatch):
    def absent(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    assert not devices.knows_bfloat16()
