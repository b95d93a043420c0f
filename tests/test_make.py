"""What ``make`` says before it does anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [
    pytest.mark.paths,
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
]


def make(*words):
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of a make that runs the tests
    environment = {k: v for k, v in os.environ.items() if k not in outer}
    return subprocess.run(
        ["make", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("image_zooms", "aeroplanes"),
        ("pool45_crops", "aeroplanes"),
        ("glimpse_rnn", "cars"),
    ],
)
def test_a_demo_begins_with_what_it_does_and_how_long_it_takes(model, data):
    said = make("say_demo", f"MODEL={model}")
    assert said.startswith(f"make demo trains {model} on drawn {data}")
    assert f"runs/demo_{model}/results" in said and " minutes on 2 cores" in said
    first = make("--dry-run", "demo", f"MODEL={model}").splitlines()[0]
    assert first.startswith(f'echo "make demo trains {model}')


def test_testing_begins_with_what_it_does_and_how_long_it_takes():
    said = make("say_test")
    assert said.startswith("make test runs all tests") and " minutes on 2 cores" in said
    assert make("--dry-run", "test").startswith('echo "make test runs')


def test_fast_tests_leave_out_the_slow_ones_and_lint_checks_types():
    said = make("--dry-run", "test-fast")
    assert "-m pytest" in said and "-m 'not slow'" in said
    assert all(f"-m {tool}" in make("--dry-run", "lint") for tool in ("ruff", "mypy"))
