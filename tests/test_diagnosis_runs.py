"""Small trainings in which something is wrong, and what they say of it."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import squares

from hierarchy.features import FeatureExtractor
from hierarchy.rewards import REWARDS

pytestmark = pytest.mark.slow

CASE = {"number_of_steps": 4, "gamma": 0, "path_testing_folder": Path("unused")}
EAGER = {
    "batch_size": 16,
    "learning_starts": 16,
    "epsilon": 0.0,
    "epochs": 1,
    "updates_per_step": 2,
}
"""Learns early, and acts by what it learnt."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("squares")
    squares.write_squares(folder, trainval=24, test=2)
    return folder


@pytest.fixture
def said(capsys, images, tmp_path):
    """Train on squares; return what was said, each note apart."""

    def call(features=squares.Brightness, **changes):
        from hierarchy.train import train

        values = CASE | {"path_voc": images, "path_model": tmp_path} | changes
        settings = squares.TrainSettings(**values)
        train(settings, lambda _: features())
        lines = capsys.readouterr().out.splitlines()
        notes = [line.removeprefix("note: ") for line in lines if "note: " in line]
        return lines, notes

    return call


def rows_of(folder):
    with open(folder / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_a_training_too_short_ends_with_what_to_change(said, images, tmp_path, capsys):
    lines, notes = said(epochs=2, max_images=3)
    assert lines[-1] == f"note: {notes[-1]}" and len(notes) == 2  # once, and at the end
    steps = sum(int(row["steps"]) for row in rows_of(tmp_path))
    assert notes[-1].startswith(
        f"nothing learnt: the memory holds {steps} of the 1000 experiences"
    )
    # What it says can be done, and helps.
    flags = notes[-1].partition("; ")[2].partition(" begin")[0].split()
    assert flags[0] == "--batch_size"
    batch_size = int(flags[1])
    results = tmp_path / "results"
    test = squares.TestSettings(
        path_voc_test=images, path_model=tmp_path, path_testing_folder=results
    )
    squares.measure(test)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"note: {notes[-1]}"
    (finding,) = json.loads((results / "results.json").read_text())["findings"]
    assert finding == {"name": "nothing_learnt", "words": notes[-1]}
    # Without a log the weights themselves tell.
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copyfile(tmp_path / "model0.weights.h5", alone / "model0.weights.h5")
    squares.measure(
        squares.TestSettings(
            path_voc_test=images,
            weights_path=alone / "model0.weights.h5",
            path_testing_folder=results,
        )
    )
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("note: nothing learnt: the weights are those of a new")
    _, notes = said(
        epochs=1, max_images=3, batch_size=batch_size, learning_starts=batch_size
    )
    assert not any("nothing learnt" in note for note in notes)


class Constant(FeatureExtractor):
    """Sees the same everywhere, as a trunk of zeros does."""

    size = 9
    fingerprint = {"features": "constant"}

    def __call__(self, images, regions):
        return np.zeros((len(regions), 9), np.float32)


def test_constant_features_are_told(said):
    _, notes = said(Constant, **EAGER)
    assert notes[0].startswith("the trunk's features are constant (spread 0)")
    assert len(notes) == 2 and notes[0] == notes[1]


def test_q_values_that_are_alike_are_told_and_why_is_mended(said, tmp_path):
    # Steps this long leave no hidden unit that answers.
    _, notes = said(**EAGER | {"learning_rate": 1.0, "epochs": 2})
    assert any(note.startswith("all Q-values alike") for note in notes)
    assert float(rows_of(tmp_path)[-1]["q_spread_states"]) < 0.02
    _, notes = said(**EAGER | {"learning_rate": 1e-3, "epochs": 2})
    assert notes == []
    assert float(rows_of(tmp_path)[-1]["q_spread_states"]) > 0.05


def rewarding(action):
    """Make a reward that is for an action, wherever it is done."""

    def reward(outcome):
        return 1.0 if outcome.is_trigger == (action == "trigger") else -1.0

    return reward


def test_an_agent_that_triggers_at_once_is_told(said, monkeypatch):
    monkeypatch.setitem(REWARDS, "trigger", rewarding("trigger"))
    rates = {"learning_rate": 1e-2, "descriptor_scale": 1.0, "epochs": 3}
    _, notes = said(**EAGER | rates | {"reward": "trigger"})
    assert any(note.startswith("the agent triggers at once in") for note in notes)


def test_an_agent_that_does_one_thing_is_told(said):
    # From a network that prefers one action and cannot learn.
    _, notes = said(**EAGER | {"learning_rate": 1e-12})
    assert any(note.startswith("one action in") for note in notes)


def test_a_loss_that_grows_is_told(said):
    diverging = {"gamma": 1.0, "learning_rate": 0.03, "epochs": 5}
    _, notes = said(**EAGER | diverging)
    assert any(note.startswith("the loss ") for note in notes)


def test_a_run_goes_on_with_a_log_of_an_earlier_version(said, tmp_path):
    said(**EAGER | {"epochs": 1})
    rows = rows_of(tmp_path)
    names = list(rows[0])
    old = names[: names.index("class_object") + 1]
    with open(tmp_path / "log.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, old, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    lines, _ = said(**EAGER | {"epochs": 1, "n": 1})
    assert any(
        f"{len(names) - len(old)} columns are new, from updates to greedy_trigger; they"
        " stay empty in the rows of earlier epochs" in line
        for line in lines
    )
    first, second = rows_of(tmp_path)
    assert list(first) == names
    assert first == rows[0] | dict.fromkeys(names[len(old) :], "")
    assert second["epoch"] == "1" and second["updates"] != ""


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """MNIST's files, of drawn digits."""
    from datasets.drawn.cars import draw_cars

    folder = tmp_path_factory.mktemp("cars")
    draw_cars(folder, train=24, test=2)
    return folder


def test_glimpses_at_the_edge_are_told(digits, tmp_path, capsys):
    from glimpse_rnn.config import TrainSettings
    from glimpse_rnn.training import train

    sizes = {"image_size": 32, "radius": 4, "bandwidth": 8, "levels": 1}
    sizes |= {"glimpses": 3, "state_size": 16, "batch_size": 8, "validation": 0}
    values = {"path_data": digits, "path_model": tmp_path, "learning_rate": 1.0}
    train(TrainSettings(**sizes, **values, epochs=3))
    notes = [line for line in capsys.readouterr().out.splitlines() if "note: " in line]
    assert any("note: glimpses at the edge in" in note for note in notes)
