"""Mirrored states, against regions of mirrored images."""

import numpy as np
import pytest
from toy import zoom

from common.errors import InputError
from hierarchy.actions import (
    CENTRE,
    DOWN_LEFT,
    DOWN_RIGHT,
    PAPER_ACTIONS,
    TRIGGER,
    UP_LEFT,
    UP_RIGHT,
    Action,
    ActionSet,
)
from hierarchy.augmentation import mirror_half, mirror_of
from hierarchy.baselines import AgentPolicy
from hierarchy.encoder import StateEncoder
from hierarchy.evaluation import run_policy
from hierarchy.features import FeatureExtractor
from hierarchy.history import empty_history, update_history_vector
from hierarchy.images import SearchImage
from hierarchy.regions import whole_image
from hierarchy.replay import Transitions
from hierarchy.search import SearchSpec

SIDES = {UP_LEFT: UP_RIGHT, DOWN_LEFT: DOWN_RIGHT, CENTRE: CENTRE, TRIGGER: TRIGGER}
SWAPPED = SIDES | {other: action for action, other in SIDES.items()}


class Columns(FeatureExtractor):
    """Mean brightness of a region's 4 columns of 2 rows: features that have sides."""

    size = 8
    mirror = np.arange(8).reshape(2, 4)[:, ::-1].ravel()

    def __call__(self, images, regions):
        crops = [
            image.crop(region) for image, region in zip(images, regions, strict=True)
        ]
        grids = [np.array_split(crop.mean(axis=2), 2) for crop in crops]
        rows = [
            [part.mean() for half in grid for part in np.array_split(half, 4, axis=1)]
            for grid in grids
        ]
        return np.array(rows, np.float32)


def state_of(image, path):
    """The state after some actions, of the paper's history."""
    region, history = whole_image(*image.size), empty_history()
    for action in path:
        region = zoom(region, action, 3 / 4)
        history = update_history_vector(history, action)
    extract = Columns()
    return StateEncoder(8).encode(extract([image], [region]), history[None])


@pytest.fixture
def image():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    return SearchImage("one", pixels)


def test_a_mirrored_state_is_that_of_the_mirrored_search(image):
    mirror = mirror_of(Columns(), StateEncoder(8), PAPER_ACTIONS)
    other = SearchImage("mirrored", image.pixels[:, ::-1])
    for path in ((), (UP_LEFT,), (DOWN_RIGHT, UP_RIGHT)):
        expected = state_of(other, [SWAPPED[action] for action in path])
        found = mirror.states(state_of(image, path))
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        assert (mirror.states(found) == state_of(image, path)).all()


def test_half_of_a_batch_is_mirrored_whole():
    mirror = mirror_of(Columns(), StateEncoder(8), PAPER_ACTIONS)
    rng, n = np.random.default_rng(0), 400
    batch = Transitions(
        rng.random((n, 32), np.float32),
        rng.integers(1, 7, n).astype(np.int32),
        rng.random(n, np.float32),
        rng.random((n, 32), np.float32),
        rng.random(n, np.float32),
        rng.random((n, 6), np.float32),
    )
    before = Transitions(*(array.copy() for array in batch))
    after = mirror_half(batch, mirror, np.random.default_rng(1))
    chosen = (after.states != before.states).any(axis=1)
    assert 160 < chosen.sum() < 240
    for index in range(n):
        if not chosen[index]:
            for one, other in zip(after, before, strict=True):
                assert (one[index] == other[index]).all()
            continue
        assert after.actions[index] == SWAPPED[int(before.actions[index])]
        for name in ("states", "next_states"):
            old = getattr(before, name)[index][None]
            assert (getattr(after, name)[index] == mirror.states(old)[0]).all()
        for action, other in SWAPPED.items():
            old = before.counterfactual_rewards[index, action - 1]
            assert after.counterfactual_rewards[index, other - 1] == old
    assert (after.rewards == before.rewards).all()
    assert (after.discounts == before.discounts).all()


def test_a_test_takes_the_mean_of_both_sides(image):
    class Brightest:
        """Says up left as loud as the upper left corner is bright, 0 else."""

        def predict_on_batch(self, states):
            values = np.zeros((len(states), 6), np.float32)
            values[:, UP_LEFT - 1] = states[:, 0]
            return values

    extract, encoder = Columns(), StateEncoder(8)
    mirror = mirror_of(extract, encoder, PAPER_ACTIONS)
    policy = AgentPolicy(Brightest(), extract, encoder, mirror)
    first = next(run_policy(image, policy, SearchSpec()))
    corners = extract([image], [whole_image(64, 64)])[0][[0, 3]]
    expected = [corners[0] / 2, corners[1] / 2, 0, 0, 0, 0]
    np.testing.assert_allclose(first.output.q_values, expected, rtol=1e-6)


def test_what_has_no_sides_known_is_refused():
    class Unknown(FeatureExtractor):
        size = 8

    with pytest.raises(InputError, match="flip_states is 1.*features"):
        mirror_of(Unknown(), StateEncoder(8), PAPER_ACTIONS)
    more = ActionSet(*PAPER_ACTIONS, Action("right", "→", lambda r, s, q: r))
    with pytest.raises(InputError, match="flip_states is 1.*'right'"):
        mirror_of(Columns(), StateEncoder(8, num_actions=7), more)
    twice = ActionSet(*PAPER_ACTIONS, Action("right", "→", lambda r, s, q: r, "centre"))
    with pytest.raises(InputError, match="flip_states is 1.*actions.*twice"):
        mirror_of(Columns(), StateEncoder(8, num_actions=7), twice)
