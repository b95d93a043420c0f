"""A policy and a reward from outside: the code of docs/extending.md itself."""

import json
import re

import keras
import numpy as np
import pytest

from common.errors import InputError
from common.files import REPOSITORY
from datasets.drawn.cars import draw_cars
from glimpse_rnn.config import TestSettings, TrainSettings
from glimpse_rnn.losses import REWARDS, rewards
from glimpse_rnn.model import get_model
from glimpse_rnn.policies import POLICIES
from glimpse_rnn.testing import test as run_test
from glimpse_rnn.training import train

pytestmark = pytest.mark.slow

TOY = {
    "image_size": 32,
    "radius": 4,
    "bandwidth": 8,
    "levels": 2,
    "glimpses": 4,
    "state_size": 16,
    "batch_size": 8,
    "validation": 0.25,
}


def code_of_the_document():
    text = (REPOSITORY / "docs" / "extending.md").read_text(encoding="utf-8")
    _, section = text.split("## glimpse_rnn\n")
    (block,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return block


@pytest.fixture
def additions():
    """Add what the document adds, and take it out again."""
    tables = POLICIES, REWARDS
    before = [dict(table) for table in tables]
    exec(code_of_the_document(), {"__name__": "additions"})
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cars")
    draw_cars(folder, train=24, test=6)
    return folder


def test_programs_train_and_test_what_was_added(additions, cars, tmp_path):
    folders = {"path_model": tmp_path / "models", "path_data": cars}
    train(TrainSettings(location="grid", reward="linear", epochs=1, **TOY, **folders))
    results = tmp_path / "results"
    run_test(TestSettings.for_model(**folders, path_testing_folder=results, samples=1))
    trajectories = [
        case["trajectory"]
        for case in json.loads((results / "results.json").read_text())["cases"]
    ]
    assert len(trajectories) == 6
    for (top, left), _, _, (bottom, right) in trajectories:
        assert (bottom, right) == pytest.approx((3 * top, 3 * left), rel=1e-4)


def test_the_added_policy_and_reward_are_what_they_say(additions):
    model = get_model(TrainSettings(location="grid", reward="linear", **TOY))
    images = np.zeros((2, 32, 32, 3), np.uint8)
    rollout = model.trace(images, "sample", 3)
    expected = [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]
    np.testing.assert_array_equal(rollout["locations"], [expected] * 2)
    assert "log_probabilities" not in rollout
    got = rewards(keras.ops.convert_to_tensor([0.0, 0.25, 4.0]), "linear")
    np.testing.assert_allclose(keras.ops.convert_to_numpy(got), [1, 0.5, 0], atol=1e-6)


@pytest.mark.parametrize(
    "changes, words",
    [
        (
            {"location": "grid"},
            "location is grid; expected one of learned, predicted, random, centre",
        ),
        ({"reward": "linear"}, "reward is linear; expected one of exponential, binary"),
    ],
)
def test_what_was_not_added_is_refused(changes, words, tmp_path):
    with pytest.raises(InputError, match=f"^{words}$"):
        train(TrainSettings(path_model=tmp_path, **TOY, **changes))
    assert not list(tmp_path.iterdir())
