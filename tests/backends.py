"""Programs run under several of Keras's backends, each in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


def skip_unless_another(backend):
    """Skip a test where a backend is not installed, or the one the tests run under."""
    if backend == keras.config.backend():
        pytest.skip("compared with itself")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")


def under_both(program, other, tmp_path, given, *arguments):
    """Return the arrays that a program saves under this backend and under another.

    Its arguments are the file with what it is given, the file to save to, and more.
    """
    results = []
    for name in (keras.config.backend(), other):
        output = tmp_path / f"{name}.npz"
        words = [given, output, *arguments]
        subprocess.run(
            [sys.executable, "-c", program, *map(str, words)],
            check=True,
            cwd=ROOT,
            env=os.environ | {"KERAS_BACKEND": name},
        )
        results.append(dict(np.load(output)))
    ours, theirs = results
    assert ours.keys() == theirs.keys()
    return ours, theirs
