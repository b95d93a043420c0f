"""Rollouts on the page: other first glimpses, and which images are shown."""

from types import SimpleNamespace

import numpy as np
import pytest
from keras import ops

from glimpse_rnn import page
from glimpse_rnn.evaluation import run_files, trace
from glimpse_rnn.model import GlimpseRegressor
from glimpse_rnn.page import explore, first_glimpses, shown, trajectory_of

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)


@pytest.fixture(scope="module", params=["learned", "predicted"])
def model(request):
    return GlimpseRegressor(
        image_size=32, bandwidth=8, radius=4, glimpses=3, location=request.param
    )


def test_first_glimpses_are_the_middles_of_equal_parts():
    first = first_glimpses().reshape(9, 9, 2)
    middles = [(2 * n + 1) / 9 - 1 for n in range(9)]
    assert first[:, 0, 0] == pytest.approx(middles)
    assert first[0, :, 1] == pytest.approx(middles)


def test_rollouts_of_pictures_of_like_names_are_files_of_their_own():
    images = SimpleNamespace(names=["x/a b.png", "a_b.png", "A_b.png", "y/a b.png"])
    files = run_files(images)
    assert len({file.lower() for file in files}) == 4
    assert files[0] == "a_b_run.png"


def test_exploring_runs_the_model_from_other_first_glimpses(model):
    target = np.array([0.3, -0.2, 0.5, 0.25])
    explored = explore(model, IMAGES[1], target, seed=0)
    assert len(explored) == 81
    for index in (0, 40, 63, 64, 80):  # 64 are run at a time
        noise = np.zeros((1, 3, 2), np.float32)
        noise[0, 0] = first_glimpses()[index]
        outputs = model((IMAGES[1:2], noise))
        own = explored[index]
        assert own.locations[0] == pytest.approx(first_glimpses()[index], abs=1e-6)
        for name in ("locations", "predictions"):
            expected = ops.convert_to_numpy(outputs[name])[0]
            assert getattr(own, name) == pytest.approx(expected, abs=1e-4)
        offsets = (own.predictions - target[:2]) * target[2:]
        assert own.distances == pytest.approx(np.hypot(*offsets.T))


def test_first_glimpses_that_were_drawn_and_given_lead_to_the_same(model):
    drawn = trace(model, IMAGES, seed=3)
    given = trace(model, IMAGES, seed=3, first=drawn["locations"][:, 0])
    for name, values in drawn.items():
        assert given[name] == pytest.approx(values, abs=1e-6), name


def test_without_a_keypoint_there_are_no_distances(model):
    outputs = trace(model, IMAGES)
    assert trajectory_of(outputs, 0, None).distances is None


@pytest.mark.parametrize("count", [1, 6, 120, 121, 700])
def test_the_worst_are_shown_and_the_best_is_among_the_others(count):
    distances = np.random.default_rng(1).permutation(count) / count
    chosen = shown(distances)
    assert len(chosen) == len(set(chosen)) == min(count, page.GALLERY)
    ranked = distances[chosen]
    assert (np.diff(ranked) < 0).all() and ranked[-1] == 0
    half = min(count, page.GALLERY // 2)
    assert ranked[:half] == pytest.approx(np.sort(distances)[::-1][:half])
