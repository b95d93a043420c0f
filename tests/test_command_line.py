"""The programs as users start them: real processes, wrong words, missing files."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from elsewhere import squeezed

from common.command_line import parse, run, suppress_startup_output
from hierarchy.presets import FAST
from image_zooms.config import TestSettings, TrainSettings
from image_zooms.train import main

ROOT = Path(__file__).parents[1]
DETECTORS = ("image_zooms", "pool45_crops")


def start(*words, folder=ROOT):
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def line_of(process, status=1):
    """The one line that a mistake is answered with."""
    assert process.returncode == status, process.stderr
    (line,) = process.stderr.strip().splitlines()
    return line


@pytest.mark.slow
@pytest.mark.paths
@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("script", ["train", "test"])
@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (("{detector}/{script}.py",), ""),
        (("{script}.py",), "{detector}"),
        (("-m", "{detector}.{script}"), ""),
    ],
)
def test_scripts_start_in_three_ways_from_anywhere(detector, script, words, folder):
    names = {"detector": detector, "script": script}
    words = [word.format(**names) for word in words]
    process = start(*words, "--help", folder=ROOT / folder.format(**names))
    assert process.returncode == 0
    assert f"{script.title()} {detector}: " in process.stdout
    assert "--class_object" in process.stdout
    assert squeezed(ROOT / f"models_{detector}") in squeezed(process.stdout)


@pytest.mark.paths
@pytest.mark.parametrize("detector", DETECTORS)
def test_published_settings_have_their_published_defaults(detector):
    config = import_module(f"{detector}.config")
    train, test = config.TrainSettings(), config.TestSettings()
    assert (train.n, train.epochs, train.gamma, train.epsilon) == (0, 50, 0.9, 1)
    assert (train.batch_size, train.buffer_experience_replay) == (100, 1000)
    assert (train.class_name, train.scale_subregion) == ("aeroplane", 3 / 4)
    assert (train.number_of_steps, train.bool_draw, train.two_databases) == (10, 0, 0)
    assert train.learning_rate == 1e-6
    assert test.only_first_object == 1
    for settings, name, folder in [
        (train, "path_voc", "VOC2012"),
        (train, "path_voc2", "VOC2007"),
        (train, "path_model", f"models_{detector}"),
        (test, "path_model", f"models_{detector}"),
        (test, "path_testing_folder", "testing_visualizations"),
    ]:
        assert getattr(settings, name) == ROOT / folder


@pytest.mark.slow
@pytest.mark.paths
def test_a_terminal_without_some_letters_is_shown_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert "--class_object" in start("image_zooms/train.py", "--help").stdout
    process = start("image_zooms/test.py", "--path_model", tmp_path / "モデル")
    assert "model0.weights.h5" in line_of(process)


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from datasets.drawn.planes import draw_planes

    folder = tmp_path_factory.mktemp("planes")
    draw_planes(folder, trainval=1, test=1)
    return folder


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--class_object", "plane"], "plane"),
        (["--class_object", "21"], "21"),
        (["--quirks", "stale"], "no row 'stale'"),
        (["--epochs", "0"], "epochs is 0; expected at least 1"),
        (["--gamma", "1.5"], "gamma is 1.5"),
        (["--scale_subregion", "1"], "scale_subregion is 1.0"),
        (["--batch_size", "2000"], "expected at least batch_size, 2000"),
        (["--learning_rate", "nan"], "learning_rate is nan"),
        (["--learning_rate", "inf"], "learning_rate is inf"),
        (["--epsilon_step", "inf"], "epsilon_step is inf"),
        (["--cache_gb", "inf"], "cache_gb is inf"),
        (["--seed", "2147483648"], "seed is 2147483648; expected 0 to 2147483647"),
        (["-n", "7", "--path_model", "nowhere"], "epochs in nowhere: none"),
        (["--path_voc", "nowhere"], "nowhere"),
        (["--path_vgg", "nowhere.h5"], "nowhere.h5"),
    ],
)
def test_a_setting_that_cannot_be_is_named_in_one_line(
    words, part, planes, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    defaults = ["--path_voc", str(planes), "--path_model", "models"]
    with pytest.raises(SystemExit) as stop:  # its message is what Python prints
        run(main, TrainSettings, [*defaults, *words])
    assert stop.value.code.startswith("error: ") and part in stop.value.code
    assert "\n" not in stop.value.code
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["--preset", "fast"], ["--preset=fast"]])
@pytest.mark.parametrize("program", ["train", "test"])
def test_a_preset_is_where_settings_start_from(program, words):
    found = []
    kind = {"train": TrainSettings, "test": TestSettings}[program]
    run(found.append, kind, [*words, "--seed", "3", "--number_of_steps=7"])
    (settings,) = found
    own = {name: value for name, value in FAST.items() if hasattr(kind, name)}
    assert len(own) == {"train": len(FAST), "test": 2}[program]
    own |= {"trunk_dtype": "auto", "preset": "fast"}
    assert settings == kind(**{**own, "seed": 3, "number_of_steps": 7})
    run(found.append, kind, [])
    assert found[1] == kind()


def test_of_two_presets_the_last_one_counts():
    words = ["--preset", "fast", "--preset", "paper"]
    assert parse(TrainSettings, words) == TrainSettings()
    assert parse(TrainSettings, [*words[2:], *words[:2]]).preset == "fast"


def test_a_preset_that_does_not_exist_is_status_2(capsys):
    with pytest.raises(SystemExit) as caught:
        run(print, TrainSettings, ["--preset", "quick"])
    assert caught.value.code == 2
    assert "fast" in capsys.readouterr().err


@pytest.mark.slow
def test_a_flag_that_does_not_exist_is_status_2():
    process = start("image_zooms/train.py", "--epoch", "3")
    assert process.returncode == 2
    assert "--epoch" in process.stderr and "Traceback" not in process.stderr


@pytest.mark.slow
@pytest.mark.parametrize("detector", DETECTORS)
def test_testing_without_a_trained_network_says_how_to_get_one(detector, tmp_path):
    process = start(f"{detector}/test.py", "--path_model", tmp_path)
    line = line_of(process)
    assert "model0.weights.h5" in line and f"{detector}/train.py -n 0" in line


def test_what_libraries_say_is_shown_if_they_fail_only(capfd):
    def load(error):
        with pytest.raises(error), suppress_startup_output():
            os.write(2, b"no GPU found\n")
            raise error
        return capfd.readouterr().err

    with suppress_startup_output():
        os.write(2, b"no GPU found\n")
    assert capfd.readouterr().err == ""
    assert load(ImportError) == "no GPU found\n"
    assert load(KeyboardInterrupt) == load(SystemExit) == ""


@pytest.mark.slow
def test_functions_compiled_for_several_shapes_are_no_news():
    program = """
from common.command_line import suppress_startup_output
with suppress_startup_output():
    import tensorflow as tf
double = tf.function(lambda x: 2 * x)
for size in range(1, 12):
    double(tf.zeros(size))
"""
    process = start("-c", program)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""


def test_a_preset_can_be_had_in_python():
    words = ["--preset", "fast", "--seed", "3"]
    assert TrainSettings.of_preset("fast", seed=3) == parse(TrainSettings, words)
    assert TrainSettings.of_preset("paper") == TrainSettings()


def test_sigterm_ends_a_program_whatever_a_library_makes_of_it():
    @dataclass(frozen=True)
    class NoSettings:
        """None."""

    def main(settings):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        except SystemExit as error:
            raise SystemError("bad argument to internal function") from error

    with pytest.raises(SystemExit) as left:
        run(main, NoSettings, [])
    assert left.value.code == 143
