"""Distances and rates, against values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.bootstrap import interval, resample_counts
from glimpse_rnn import metrics


def test_the_distance_is_that_of_pixels_over_the_height():
    """A picture of 200 × 400 with a car 100 high; 3 down and 4 right are 5 pixels."""
    target = np.array([[0.0, 0.0, 200 / 2 / 100, 400 / 2 / 100]])
    prediction = np.array([[3 / 100, 4 / 200]])
    assert metrics.normalised_distances(prediction, target) == pytest.approx(5 / 100)


def test_rates_count_what_lies_within():
    distances = np.array([0.0, 0.02, 0.03, 0.05, 0.07, 0.09, 0.11, 0.5])
    assert metrics.rates_of_table(distances) == {
        "0.02": 25.0,
        "0.04": 37.5,
        "0.06": 50.0,
        "0.08": 62.5,
        "0.10": 75.0,
    }
    summary = metrics.summary(distances)
    assert summary["median_delta"] == 0.06
    assert summary["mean_delta"] == pytest.approx(0.87 / 8)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_curve_is_the_share_below_each_distance(distances):
    curve = metrics.curve(np.array(distances))
    for threshold, rate in zip(curve["distance"], curve["rate"], strict=True):
        share = sum(distance <= threshold + 1e-12 for distance in distances)
        assert rate == pytest.approx(100 * share / len(distances), abs=1e-3)
    assert curve["rate"] == sorted(curve["rate"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_area_is_that_below_the_curve(distances):
    """Each image adds a step, from its Δ to the end of the curve."""
    below = [max(0, metrics.CURVE_END - delta) for delta in distances]
    area = 100 * np.mean(below) / metrics.CURVE_END
    curve = metrics.curve(np.array(distances))
    assert curve["area"] == pytest.approx(area, abs=1e-3)
    trapezoids = np.trapezoid(curve["rate"], curve["distance"]) / metrics.CURVE_END
    assert curve["area"] == pytest.approx(trapezoids, abs=1)


@pytest.mark.parametrize("images", [1, 2, 9, 10])
def test_intervals_are_those_of_the_images_drawn_again(images):
    rng = np.random.default_rng(images)
    distances, counts = rng.random(images) / 4, resample_counts(rng, images, 30)
    summary = metrics.summary(distances, counts)
    drawn = [metrics.summary(np.repeat(distances, row)) for row in counts]
    intervals = summary["intervals"]
    for name in ("median_delta", "mean_delta"):
        scores = np.array([one[name] for one in drawn])
        assert intervals[name] == pytest.approx(interval(scores), abs=2e-6)
    for threshold, pair in intervals["detection_rate"].items():
        scores = np.array([one["detection_rate"][threshold] for one in drawn])
        assert pair == pytest.approx(interval(scores), abs=2e-3)
    for name in ("rate", "area"):
        scores = np.array([one["curve"][name] for one in drawn])
        np.testing.assert_allclose(
            intervals["curve"][name], interval(scores), atol=2e-3
        )
    assert summary == {**metrics.summary(distances), "intervals": intervals}
