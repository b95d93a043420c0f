"""The examples do what they say, where the libraries that they are about are there."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from common.files import REPOSITORY

DQN = REPOSITORY / "examples" / "dqn_planes.py"


def test_an_agent_from_elsewhere_takes_less_than_60_lines_of_code():
    _, _, code = DQN.read_text("utf-8").split('"""', 2)
    assert 30 < len(code.splitlines()) < 60


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("stable_baselines3") is None,
    reason="pip install -e '.[examples]' brings stable-baselines3",
)
def test_the_dqn_of_stable_baselines3_learns_and_is_scored(imagenet_trunk, tmp_path):
    code = "from pathlib import Path; from examples.dqn_planes import main;"
    code += "main(110, Path('planes'), Path('out'), trainval=2, test=2)"
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert process.returncode == 0, process.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["detector"] == "Stable-Baselines3's DQN"
    assert results["images"] == 2
    agent = results["agent"]
    assert len(agent["recall_after_regions"]["recall"]) == 6  # steps of a search
    assert 1 <= agent["regions_per_image"] <= 6
    assert "upper bound" in process.stdout
