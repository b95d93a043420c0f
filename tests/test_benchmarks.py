import numpy as np
import pytest

from benchmarks.measuring import Measurement, seconds_of
from benchmarks.published_loop import published_pooling, published_update
from hierarchy.actions import TRIGGER
from hierarchy.learner import QLearner
from hierarchy.replay import Transitions
from pool45_crops.features import extract_features_from_roi

pytestmark = pytest.mark.slow


def test_a_ratio_says_how_many_times_faster_or_slower_than_a_floor():
    faster = Measurement("training_step", 0.1, 5.0, "s", "how")
    assert faster.to_json() == {
        "name": "training_step",
        "ours": 0.1,
        "reference": 5.0,
        "unit": "s",
        "how": "how",
        "ratio": 50.0,
    }
    assert Measurement("update_over_floor", 0.3, 0.2, "s", "").ratio == pytest.approx(
        1.5
    )


def test_the_time_is_the_median_of_the_counted_runs(monkeypatch):
    clock = iter([0, 3, 10, 11, 20, 29])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    runs = []
    assert seconds_of(lambda: runs.append(1), repeats=3, warm_up=2) == 3
    assert len(runs) == 5


class Recording:
    """A network that predicts with another one and notes what it is fitted to."""

    def __init__(self, network):
        self.network = network

    def predict(self, states, **_):
        return self.network.predict_on_batch(states)

    def fit(self, states, targets, **_):
        self.targets = targets


def test_the_published_way_fits_the_targets_that_the_learner_uses():
    """What is timed as the reference does the same work as what is timed as ours."""
    random = np.random.default_rng(0)
    learner = QLearner(20, 4, dropout=0.0)
    network = learner.network
    network.set_weights([20 * weight for weight in network.get_weights()])
    actions = random.integers(1, 7, 12).astype(np.int32)
    batch = Transitions(
        random.random((12, 20), np.float32),
        actions,
        random.choice([-3.0, -1.0, 1.0, 3.0], 12).astype(np.float32),
        random.random((12, 20), np.float32),
        np.where(actions == TRIGGER, 0, 0.9).astype(np.float32),
        np.full((12, 6), np.nan, np.float32),
    )
    recording = Recording(network)
    published_update(recording, batch)
    error = network.predict_on_batch(batch.states) - recording.targets
    assert learner.update(batch) == pytest.approx(float((error**2).mean()), rel=1e-4)


@pytest.mark.parametrize("size", [(7, 7), (13, 16), (31, 8)])
def test_the_published_way_pools_what_the_detector_pools(size):
    roi = np.random.default_rng(0).random((*size, 5), np.float32)
    expected = published_pooling(roi.transpose(2, 0, 1))
    assert (extract_features_from_roi(roi) == expected).all()
