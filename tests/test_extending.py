"""New ideas plugged in from outside: the code is that of docs/extending.md."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from squares import write_squares

import image_zooms
from common import command_line
from common.errors import InputError
from hierarchy import actions, metrics, rewards
from hierarchy.regions import whole_image

pytestmark = pytest.mark.slow

DOCUMENT = Path(__file__).parents[1] / "docs" / "extending.md"
BLOCK = re.compile(r"```python\n# (\w+)\.py\n(.*?)```", re.DOTALL)
FAST = [
    *("--gamma", "0", "--counterfactual_rewards", "1", "--number_of_steps", "4"),
    *("--batch_size", "16", "--learning_starts", "16", "--learning_rate", "1e-3"),
]


@pytest.fixture(scope="module", autouse=True)
def plugged_in(tmp_path_factory):
    """The document's blocks as modules, and tables as they were afterwards."""
    folder = tmp_path_factory.mktemp("outside")
    for name, code in BLOCK.findall(DOCUMENT.read_text("utf-8")):
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    from hierarchy.targets import TARGETS

    tables = rewards.REWARDS, actions.ACTION_SETS, TARGETS
    before = [dict(table) for table in tables]
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    for table, kept in zip(tables, before, strict=True):
        table.clear()
        table.update(kept)


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    folder = tmp_path_factory.mktemp("squares")
    write_squares(folder, trainval=60, test=40)
    return folder


def run(program: str, *flags: object) -> None:
    """Run one of the toy detector's programs, as its command would."""
    module = importlib.import_module(f"mean_brightness_{program}")
    settings = getattr(module, f"{program.title()}Settings")
    command_line.run(module.main, settings, [str(flag) for flag in flags])


def train(squares, models, *flags, n=0, epochs=1):
    paths = "--path_voc", squares, "--path_model", models
    run("train", "-n", n, "--epochs", epochs, *paths, *FAST, *flags)


def measured(squares, models, results, *flags):
    paths = "--path_voc_test", squares, "--path_model", models
    run("test", *paths, "--path_testing_folder", results, *flags)
    return json.loads((results / "results.json").read_text())


def arrays_in(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[...]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return found


# Files of one's own


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("mean_brightness_train", "mean_brightness"),
        ("mean_brightness_test", "mean_brightness"),
        ("resnet_train", "image_zooms"),
        ("distance_reward", "image_zooms"),
        ("more_actions", "image_zooms"),
        ("more_actions_test", "image_zooms"),
        ("double_dqn", "image_zooms"),
    ],
)
def test_the_document_s_programs_start_from_any_folder(name, program, tmp_path):
    folder = next(Path(path) for path in sys.path if "outside" in path)
    words = [sys.executable, folder / f"{name}.py", "--help"]
    outside = {**os.environ, "PYTHONPATH": str(DOCUMENT.parents[1])}
    done = subprocess.run(
        words, cwd=tmp_path, env=outside, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "--history_length" in done.stdout
    assert ("--path_vgg" in done.stdout) == (program == "image_zooms")


# Detectors


def test_a_third_detector_trains_and_tests(squares, tmp_path, monkeypatch, capsys):
    """Nothing of VGG-16 is fetched, loaded or recorded."""
    monkeypatch.setattr("weights.fetch.fetch", pytest.fail)
    monkeypatch.setattr("weights.layouts.read_trunk", pytest.fail)
    train(squares, tmp_path / "models")
    results = measured(squares, tmp_path / "models", tmp_path / "results")
    assert results["features"] == "mean brightness, 3×3"
    assert results["detector"] == "mean_brightness"
    assert "trunk" not in results
    config = json.loads((tmp_path / "models" / "config.json").read_text())
    said = capsys.readouterr().out + json.dumps(config)
    assert "vgg" not in said.lower() and "trunk" not in said


def test_a_third_detector_is_used_in_python(squares, tmp_path):
    train(squares, tmp_path / "models", "--max_images", 8)
    (picture, *_) = sorted((squares / "JPEGImages").iterdir())
    found = tmp_path / "found"
    flags = "--path_testing_folder", found, "--images", picture
    run("test", "--path_model", tmp_path / "models", *flags)
    written = json.loads((found / "searches.json").read_text())["images"]
    (expected,) = written[0]["detections"]
    detector = importlib.import_module("mean_brightness_detector").Detector
    result = detector.load(tmp_path / "models").search(picture)
    ymin, xmin, ymax, xmax = result.box
    box = {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}
    assert (box, result.score) == (expected["box"], expected["trigger_q_value"])
    with pytest.raises(InputError, match="detector was mean_brightness in training"):
        image_zooms.Detector.load(tmp_path / "models")


def test_any_trunk_of_keras_applications_serves_image_zooms(tmp_path):
    from hierarchy.test import test
    from hierarchy.train import train as train_detector
    from image_zooms.config import TestSettings, TrainSettings

    write_squares(tmp_path / "squares", trainval=1, test=1)
    models, results = tmp_path / "models", tmp_path / "results"
    settings = TrainSettings(
        path_voc=tmp_path / "squares",
        path_model=models,
        epochs=1,
        number_of_steps=2,
        batch_size=1,
        buffer_experience_replay=2,
        learning_starts=1,
    )
    extract = importlib.import_module("resnet_train").make_features(settings)
    train_detector(settings, lambda _: extract)
    state = arrays_in(models / "model0_epoch_0.state.h5")
    assert state["replay/states"].shape[1] == 2048 + 24
    testing = TestSettings(
        path_voc_test=tmp_path / "squares",
        path_model=models,
        path_testing_folder=results,
    )
    test(testing, lambda _: extract)
    found = json.loads((results / "results.json").read_text())
    assert found["trunk"]["name"] == "ResNet-50" and found["images"] == 1


# Rewards


def test_a_reward_by_distance_is_trained_and_recorded(squares, tmp_path):
    importlib.import_module("distance_reward")
    outcome = rewards.StepOutcome(
        False, (0, 0, 96, 96), (24, 24, 96, 96), (40, 40, 96, 96), 0.5, 0.4, 0.1
    )
    assert rewards.REWARDS["distance"](outcome) == 1
    assert rewards.iou_sign_reward(outcome) == -1
    train(squares, tmp_path / "models", "--reward", "distance")
    config = json.loads((tmp_path / "models" / "config.json").read_text())
    assert config["model0"]["identity"]["reward"] == "distance"
    with pytest.raises(SystemExit, match="reward was distance in training, now it is"):
        train(squares, tmp_path / "models", "--reward", "iou_sign", n=1)


def test_what_counts_as_a_detection_does_not_move_with_the_reward(monkeypatch):
    truth = metrics.GroundTruth(((0, 0, 100, 60),), (False,))
    region = metrics.Detection(0, (0, 0, 100, 100), 1.0)  # IoU 0.6
    assert metrics.paper_curve([region], [truth]).average_precision == 1
    monkeypatch.setattr(rewards, "TRIGGER_IOU", 0.7)
    assert rewards.get_reward_trigger(0.6) == -3
    assert metrics.paper_curve([region], [truth]).average_precision == 1


# Actions and history


@pytest.mark.parametrize("name", ["zoom out", "sideways"])
def test_a_seventh_action(name, squares, tmp_path):
    importlib.import_module("more_actions")
    table = actions.ACTION_SETS[name]
    corner = table.apply(actions.UP_LEFT, whole_image(96, 96), 3 / 4)
    moved = table.apply(7, corner, 3 / 4)
    expected = {"zoom out": (0, 0, 96, 96), "sideways": (0, 18, 72, 90)}[name]
    assert moved.box == expected
    flags = "--actions", name, "--bool_draw", 1
    folder = "--path_testing_folder", tmp_path / "drawn"
    train(squares, tmp_path / "models", *flags, *folder, "--max_images", 3)
    weights = arrays_in(tmp_path / "models" / "model0.weights.h5")
    shapes = {array.shape for array in weights.values()}
    assert shapes >= {(9 + 4 * len(table), 1024), (1024, len(table))}
    assert len(list((tmp_path / "drawn").rglob("*.png"))) == 3
    results = measured(squares, tmp_path / "models", tmp_path / "results")
    assert results["settings"]["actions"] == name  # from config.json
    with pytest.raises(SystemExit, match="actions was .* in training, now it is"):
        other = "--actions", "paper"
        measured(squares, tmp_path / "models", tmp_path / "results", *other)


@pytest.mark.parametrize("length", [0, 1, 6])
def test_another_history_length(length, squares, tmp_path):
    flags = "--history_length", length, "--max_images", 8
    train(squares, tmp_path / "models", *flags)
    weights = arrays_in(tmp_path / "models" / "model0.weights.h5")
    assert (9 + 6 * length, 1024) in {array.shape for array in weights.values()}
    results = measured(squares, tmp_path / "models", tmp_path / "results")
    assert results["settings"]["history_length"] == length


# Targets

DOUBLE = (
    *("--target", "double_q_learning", "--target_update_period", 8),
    *("--gamma", 0.9, "--max_images", 8, "--buffer_experience_replay", 64),
)


def test_double_dqn_by_hand():
    importlib.import_module("double_dqn")
    from hierarchy.targets import TARGETS

    q_next = np.array([[1.0, 5.0, 2.0], [7.0, 0.0, 3.0]], np.float32)
    q_target = np.array([[10.0, 20.0, 30.0], [4.0, 5.0, 6.0]], np.float32)
    reward, discount = np.array([1.0, -1.0], "f4"), np.array([0.5, 0.0], "f4")
    given = q_next, q_target, reward, discount
    assert np.allclose(TARGETS["double_q_learning"](*given), [1 + 0.5 * 20, -1])
    assert np.allclose(TARGETS["q_learning"](*given), [1 + 0.5 * 30, -1])
    for target in TARGETS.values():
        with pytest.raises(ValueError, match="expected"):
            target(q_next, q_target, reward[:, None], discount)


def test_double_dqn_resumes_exactly(squares, tmp_path):
    importlib.import_module("double_dqn")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(squares, whole, *DOUBLE, epochs=3)
    train(squares, parts, *DOUBLE, epochs=1)
    train(squares, parts, *DOUBLE, n=1, epochs=2)
    names = "model0_epoch_2.weights.h5", "model0_epoch_2.state.h5"
    for one, other in ((arrays_in(f / name) for f in (whole, parts)) for name in names):
        assert one.keys() == other.keys()
        for name in one:
            assert np.array_equal(one[name], other[name], equal_nan=True), name
    target = arrays_in(whole / names[1])["learner/target_network/0"]
    learning = arrays_in(whole / names[0])["layers/dense/vars/0"]
    assert target.shape == learning.shape and (target != learning).any()


# It learns


@pytest.mark.parametrize(
    "flags",
    [
        (),
        ("--gamma", 0.3),
        ("--gamma", 0.3, "--target", "double_q_learning", "--target_update_period", 50),
    ],
    ids=["rewards", "q_learning", "double_q_learning"],
)
def test_it_finds_bright_squares(flags, squares, tmp_path):
    importlib.import_module("double_dqn")
    train(squares, tmp_path / "models", *flags, epochs=4)
    results = measured(squares, tmp_path / "models", tmp_path / "results")
    assert results["agent"]["paper"]["ap"] > 0.8
    assert results["random"]["paper"]["ap"] < 0.2
