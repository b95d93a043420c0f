import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest

from common.epochs import write_settings
from common.errors import InputError
from common.run import StatefulGenerator, compare_with_training
from hierarchy.actions import PAPER_ACTIONS
from hierarchy.checkpoint import LOG_FIELDS, MORE_FIELDS, Checkpoints
from hierarchy.learner import QLearner
from hierarchy.q_network import get_q_network
from hierarchy.replay import ReplayMemory
from image_zooms.config import TestSettings
from pool45_crops.config import TestSettings as OtherSettings
from weights.identity import TrunkIdentity

pytestmark = pytest.mark.slow

STATE_SIZE = 8
TRUNK = TrunkIdentity("ImageNet VGG-16", "ab")
SETTINGS = {"trunk": TRUNK.to_json(), "gamma": 0.9, "quirks": ["stale_state"]}


class Run:
    """All that a checkpoint holds, at toy size."""

    def __init__(self, seed=0):
        self.learner = QLearner(STATE_SIZE, 4, learning_rate=1e-3, seed=seed)
        self.replay = ReplayMemory(6, STATE_SIZE)
        self.generator = StatefulGenerator(seed)
        self.others = {"replay": self.replay, "actions": self.generator}

    def work(self):
        generator = self.generator
        for _ in range(10):
            state, next_state = generator.random((2, STATE_SIZE), np.float32)
            action = int(generator.integers(1, 7))
            self.replay.store(state, action, 1.0, next_state, 0.9)
            if self.replay.is_full:
                self.learner.update(self.replay.sample(4, generator))

    def save(self, checkpoints, epoch, **columns):
        row = dict.fromkeys(LOG_FIELDS, "") | columns
        row |= {"epoch": epoch, "class_object": checkpoints.class_object}
        checkpoints.save(epoch, self.learner, self.others, row, SETTINGS)

    def restore(self, checkpoints, epoch, settings=SETTINGS):
        return checkpoints.restore(epoch, self.learner, self.others, settings)


def epochs_in_log(checkpoints):
    with open(checkpoints.log, newline="") as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "models", class_object=1)


def test_a_restored_run_goes_on_to_the_last_bit(checkpoints):
    run = Run()
    run.work()
    run.save(checkpoints, 0)
    run.work()
    other = Run(seed=9)
    assert other.restore(checkpoints, 0)
    other.work()
    for one, same in zip(
        run.learner.network.get_weights(),
        other.learner.network.get_weights(),
        strict=True,
    ):
        assert (one == same).all()


def test_an_epoch_leaves_its_files_and_a_row(checkpoints):
    run = Run()
    for epoch in range(2):
        run.save(checkpoints, epoch)
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == [
        "log.csv",
        "model0.weights.h5",
        "model0_epoch_0.state.h5",
        "model0_epoch_0.weights.h5",
        "model0_epoch_1.state.h5",
        "model0_epoch_1.weights.h5",
    ]
    assert checkpoints.latest.read_bytes() == checkpoints.weights(1).read_bytes()
    assert epochs_in_log(checkpoints) == [0, 1]


def test_states_of_the_last_epochs_are_kept_and_all_weights(checkpoints):
    run = Run()
    for epoch in range(5):
        run.save(checkpoints, epoch)
    assert checkpoints.epochs() == [0, 1, 2, 3, 4]
    assert [e for e in range(5) if checkpoints.state(e).exists()] == [2, 3, 4]
    assert Run().restore(checkpoints, 4) is True
    assert Run().restore(checkpoints, 1) is False


def test_an_epoch_that_is_not_there_is_refused_with_those_that_are(checkpoints):
    run = Run()
    for epoch in (0, 1, 2):
        run.save(checkpoints, epoch)
    with pytest.raises(InputError, match=r"model0_epoch_6.*epochs in .*: 0, 1, 2$"):
        checkpoints.check_start(7)
    checkpoints.check_start(3)
    with pytest.raises(InputError, match="none$"):
        Checkpoints(checkpoints.folder, class_object=2).check_start(1)


def test_starting_over_moves_what_was_there_aside(checkpoints):
    run = Run()
    for epoch in range(3):
        run.save(checkpoints, epoch)
    later = checkpoints.weights(2).read_bytes()
    archive = checkpoints.clear_from(1)
    assert checkpoints.epochs() == [0]
    assert epochs_in_log(checkpoints) == [0]
    assert (archive / checkpoints.weights(2).name).read_bytes() == later
    assert (archive / "log.csv").is_file()
    assert checkpoints.clear_from(1) is None


def test_a_state_without_weights_is_of_a_killed_epoch_and_goes(checkpoints):
    run = Run()
    for epoch in range(2):
        run.save(checkpoints, epoch)
    checkpoints.weights(1).unlink()
    assert checkpoints.epochs() == [0]
    assert checkpoints.clear_from(1) is None
    assert not checkpoints.state(1).exists()
    assert epochs_in_log(checkpoints) == [0]


def test_classes_share_a_folder_and_its_log(checkpoints):
    other = Checkpoints(checkpoints.folder, class_object=7)
    Run().save(checkpoints, 0)
    Run().save(other, 0)
    other.clear_from(0)
    assert checkpoints.epochs() == [0]
    assert [row["class_object"] for row in checkpoints.rows()] == ["1"]


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_state_cut_short_is_named_in_one_line(checkpoints, share):
    run = Run()
    run.work()
    run.save(checkpoints, 0)
    state = checkpoints.state(0)
    state.write_bytes(state.read_bytes()[: int(share * state.stat().st_size)])
    with pytest.raises(InputError, match="is cut short|is empty|no weight") as caught:
        Run().restore(checkpoints, 0)
    assert str(state) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["state", "weights"])
def test_a_file_that_rotted_on_the_disk_is_told_before_it_is_read(checkpoints, kind):
    run = Run()
    run.work()
    run.save(checkpoints, 0)
    path = getattr(checkpoints, kind)(0)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    line = f"{path}: is damaged: its bytes are not those that were saved; expected an"
    ways = [lambda: Run().restore(checkpoints, 0)]
    if kind == "weights":
        ways += [lambda: compare(path)]
        ways += [lambda: get_q_network(STATE_SIZE, weights_path=path)]
    for way in ways:
        with pytest.raises(InputError, match=re.escape(line)):
            way()


def test_checkpoints_of_earlier_versions_are_gone_on_from(checkpoints):
    """They have no digest."""
    run = Run()
    run.work()
    run.save(checkpoints, 0)
    for path in (checkpoints.state(0), checkpoints.weights(0)):
        own, _, line = path.read_bytes()[:-1].rpartition(b"\n")
        assert line.startswith(b"SHA-256 of all bytes before")
        path.write_bytes(own)
    other = Run(seed=9)
    assert other.restore(checkpoints, 0)
    weights = zip(*(r.learner.network.get_weights() for r in (run, other)), strict=True)
    assert all((one == same).all() for one, same in weights)


@pytest.mark.parametrize("keeps_state", [True, False])
def test_another_trunk_or_discount_is_refused(checkpoints, keeps_state):
    Run().save(checkpoints, 0)
    if not keeps_state:
        checkpoints.state(0).unlink()
    other = {"name": "VGG-16 of unknown origin", "fingerprint": "cd"}
    line = (
        "model0_epoch_0.weights.h5: trunk was ImageNet VGG-16 ab in training, now it"
        " is VGG-16 of unknown origin cd"
    )
    with pytest.raises(InputError, match=line):
        Run().restore(checkpoints, 0, SETTINGS | {"trunk": other})
    with pytest.raises(InputError, match=r"gamma was 0.9 in training, now it is 0\.0"):
        Run().restore(checkpoints, 0, SETTINGS | {"gamma": 0.0})
    assert Run().restore(checkpoints, 0) is keeps_state


def test_weights_of_another_program_say_nothing_of_their_training(checkpoints, capsys):
    checkpoints.folder.mkdir()
    Run().learner.network.save_weights(checkpoints.weights(0))
    assert Run().restore(checkpoints, 0) is False
    assert "does not say what it was trained with" in capsys.readouterr().out


def test_a_log_of_other_columns_is_not_overwritten(checkpoints):
    checkpoints.folder.mkdir()
    checkpoints.log.write_text("time,place\n1,2\n")
    with pytest.raises(InputError, match="log.csv: has columns time,place"):
        Run().save(checkpoints, 0)
    assert checkpoints.log.read_text() == "time,place\n1,2\n"


def test_an_older_log_gets_new_columns_and_keeps_its_rows(checkpoints):
    checkpoints.folder.mkdir()
    old = dict.fromkeys(LOG_FIELDS, "7") | {"epoch": "0", "class_object": "1"}
    text = "\n".join(",".join(cells) for cells in (old, old.values())) + "\n"
    checkpoints.log.write_text(text)
    assert checkpoints.new_fields() == list(MORE_FIELDS)
    assert checkpoints.clear_from(1) is None
    assert checkpoints.log.read_text() == text  # nothing is written before an epoch is
    Run().save(checkpoints, 1)
    first, second = checkpoints.model_rows()
    assert first == old | dict.fromkeys(MORE_FIELDS, "")
    assert second.keys() == first.keys() and second["epoch"] == "1"
    assert checkpoints.new_fields() == []


def test_models_of_other_actions_share_a_log(checkpoints):
    one, other = (
        Checkpoints(checkpoints.folder, number, action_names=names)
        for number, names in ((1, ("up", "trigger")), (2, ("zoom out", "trigger")))
    )
    Run().save(one, 0, taken_up=0.5)
    Run().save(other, 0, taken_zoom_out=0.25)
    Run().save(one, 1, taken_up=0.75)
    (first, second), (third,) = one.model_rows(), other.model_rows()
    assert (first["taken_up"], second["taken_up"]) == ("0.5", "0.75")
    assert (third["taken_up"], third["taken_zoom_out"]) == ("", "0.25")
    one.clear_from(0)
    assert one.model_rows() == [] and other.model_rows() == [third]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"1,2\n", "line 2 is no epoch's row"),
        (b"%b\n" % b",".join([b"x"] * len(LOG_FIELDS)), "line 2 is no epoch's row"),
        (b"%b\n" % b",".join([b"1"] * 12), "line 2 is no epoch's row"),
        (b"\xff\xfe\n", "is no CSV text"),
    ],
)
def test_a_damaged_log_is_named_in_one_line_and_kept(checkpoints, content, line):
    checkpoints.folder.mkdir()
    damaged = ",".join(LOG_FIELDS).encode() + b"\n" + content
    checkpoints.log.write_bytes(damaged)
    with pytest.raises(InputError, match=line) as caught:
        Run().save(checkpoints, 0)
    assert str(checkpoints.log) in str(caught.value)
    assert checkpoints.log.read_bytes() == damaged


@pytest.mark.parametrize("moment", range(4))
def test_the_newest_weights_are_never_older_than_the_last_epoch(
    checkpoints, monkeypatch, moment
):
    """Stopped before any of the four files of an epoch appears."""
    run, replace, moments = Run(), os.replace, iter(range(9))
    run.save(checkpoints, 0)
    run.work()

    def stop_at_moment(*paths):
        if next(moments) == moment:
            raise KeyboardInterrupt
        replace(*paths)

    monkeypatch.setattr(os, "replace", stop_at_moment)
    with pytest.raises(KeyboardInterrupt):
        run.save(checkpoints, 1)
    assert checkpoints.epochs() == [0]
    newest = get_q_network(STATE_SIZE, weights_path=checkpoints.latest).get_weights()
    saved = [Run().learner.network.get_weights(), run.learner.network.get_weights()]
    assert (newest[0] == saved[moment == 3][0]).all()


@pytest.fixture
def trained(tmp_path) -> Path:
    """Weights that say what they were trained with."""
    path = tmp_path / "model0.weights.h5"
    Run().learner.network.save_weights(path)
    settings = SETTINGS | {
        "detector": "image_zooms",
        "class": "aeroplane",
        "actions": list(PAPER_ACTIONS.names),
        "history_length": 4,
        "number_of_steps": 6,
        "scale_subregion": 0.75,
        "quirks": ["epsilon"],
        "trunk_dtype": "bfloat16",
    }
    write_settings(path, settings)
    return path


def compare(weights, settings=None, trunk=TRUNK):
    """Compare a test with the training of its model, as programs do."""
    settings = settings or TestSettings()
    features = {"trunk": trunk.to_json(), "trunk_dtype": settings.computing_dtype}
    identity = settings.identity() | features
    may_differ = (*settings.search_identity(), "trunk_dtype")
    compare_with_training(weights, identity, may_differ)


def test_a_test_says_what_was_otherwise_in_training(trained, capsys):
    compare(trained)
    said = capsys.readouterr().out
    assert "number_of_steps was 6 in training, now it is 10" in said
    assert "quirks was epsilon in training, now it is none" in said
    assert "trunk_dtype was bfloat16 in training, now it is float32" in said
    assert "scale_subregion" not in said


@pytest.mark.parametrize(
    ("settings", "trunk", "line"),
    [
        (OtherSettings(), TRUNK, "detector was image_zooms .*, now it is pool45_crops"),
        (
            TestSettings(),
            TrunkIdentity("VGG-16 of unknown origin", "cd"),
            "trunk was ImageNet VGG-16 ab in training, now it is VGG-16 of unknown"
            " origin cd",
        ),
        (TestSettings(history_length=3), TRUNK, "history_length was 4 .* now it is 3"),
    ],
)
def test_a_test_refuses_another_detector_or_trunk(trained, settings, trunk, line):
    with pytest.raises(InputError, match=f"{re.escape(str(trained))}: {line}"):
        compare(trained, settings, trunk)


def test_a_network_of_another_program_can_be_tested(tmp_path, capsys):
    path = tmp_path / "published.weights.h5"
    Run().learner.network.save_weights(path)
    compare(path)
    assert "does not say what it was trained with" in capsys.readouterr().out
    path.write_bytes(b"cut short")
    with pytest.raises(InputError, match="is no weight file of a known kind"):
        compare(path)
