"""The regression check of measured ratios."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from benchmarks.check import check, read_ratios, worse
from common.errors import InputError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def test_faster_ratios_fall_and_floors_rise_when_they_get_worse():
    before = {"step": 50.0, "update_over_floor": 1.0, "gone": 3.0}
    assert worse({"step": 40.0, "update_over_floor": 1.29}, before, 0.3) == []
    assert worse({"step": 500.0, "update_over_floor": 0.2, "new": 1.0}, before, 0) == []
    lines = worse({"step": 38.0, "update_over_floor": 1.31}, before, 0.3)
    assert lines == ["step: 38, was 50", "update_over_floor: 1.31, was 1"]


def write(path, **ratios):
    items = [
        {"suite": "speed", "name": name, "ratio": ratio}
        for name, ratio in ratios.items()
    ]
    path.write_text(json.dumps(items))
    return path


def test_the_program_fails_in_one_line(tmp_path):
    before = write(tmp_path / "before.json", step=50, other=2)
    words = [sys.executable, "-m", "benchmarks.check", "--committed", str(before)]
    for ratio, status in ((49, 0), (20, 1)):
        measured = write(tmp_path / "now.json", step=ratio)
        process = subprocess.run(
            [*words, str(measured)], capture_output=True, text=True, cwd=ROOT
        )
        assert process.returncode == status, process.stderr
        assert ("speed step: 20, was 50" in process.stderr) == bool(status)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": 1}', '[{"name": "a"}]'])
def test_what_is_no_measurement_is_refused_by_name(tmp_path, text):
    path = tmp_path / "now.json"
    path.write_text(text)
    with pytest.raises(InputError, match="now.json: holds something else"):
        read_ratios(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_ratios(tmp_path / "none.json")


def test_nothing_to_compare_is_no_success(tmp_path):
    now, before = write(tmp_path / "a.json", a=1), write(tmp_path / "b.json", b=1)
    with pytest.raises(InputError, match="none of speed a"):
        check([now], before, 0.3)


def test_suites_are_measured_into_one_table(tmp_path, monkeypatch, capsys):
    from benchmarks import __main__, check, measuring

    def measure(name):
        yield measuring.Measurement("step", 1.0, 3.0, "s", name)
        yield measuring.Measurement("memory_growth", 2.0, 1.0, "GB", name)

    names = "image_zooms", "growth"
    measures = {name: partial(measure, name) for name in names}
    monkeypatch.setattr(__main__, "_measures", lambda: measures)
    path = tmp_path / "all.json"
    __main__.main(__main__.Settings(("image_zooms", "growth"), path))
    said = capsys.readouterr().out
    assert said.count("step: 3") == 2
    assert check.read_ratios(path) == {
        "image_zooms step": 3,
        "image_zooms memory_growth": 2,
        "growth step": 3,
        "growth memory_growth": 2,
    }
    how = [item["how"] for item in json.loads(path.read_text())]
    assert how == ["image_zooms"] * 2 + ["growth"] * 2


def test_the_committed_ratios_can_be_compared_with():
    from benchmarks.check import COMMITTED

    suites = {name.split()[0] for name in read_ratios(COMMITTED)}
    assert suites >= {"image_zooms", "pool45_crops", "glimpse_rnn", "growth"}
