"""Controls: known answers, and a regression that is trained once."""

import numpy as np
import pytest

from datasets.keypoints import KeypointSet
from glimpse_rnn.batches import NONE
from glimpse_rnn.controls import whole_image_predictions
from glimpse_rnn.evaluation import constant_summary

pytestmark = pytest.mark.slow


class Dots:
    """A bright dot on black; where it is is what is to be found."""

    canvas_shape = (32, 32, 1)

    def __init__(self, number):
        rng = np.random.default_rng(number)
        self._places = rng.integers(3, 29, (number, 2))
        self.names = [f"dot {index}" for index in range(number)]
        self.sizes = np.full((number, 2), 32)
        places = (self._places + 0.5) / 32 * 2 - 1
        self.targets = np.hstack([places, np.full((number, 2), 0.5)]).astype("f4")

    def canvas(self, number):
        canvas = np.zeros(self.canvas_shape, np.uint8)
        row, column = self._places[number]
        canvas[row - 3 : row + 3, column - 3 : column + 3] = 255
        return canvas


def test_a_constant_is_right_where_the_keypoint_is_there():
    targets = np.array([[0.0, 0.0, 1, 1], [0.0, 0.05, 1, 1], [0.5, 0.5, 1, 1]])
    rates = constant_summary(np.zeros(2), targets)["detection_rate"]
    assert rates["0.02"] == pytest.approx(100 / 3, abs=1e-3)
    assert rates["0.06"] == pytest.approx(200 / 3, abs=1e-3)


def test_the_whole_image_regression_is_trained_once(tmp_path):
    training = KeypointSet(Dots(64))
    images, _ = training.arrays()
    options = (tmp_path, 3, 16, 0, NONE)
    first, how = whole_image_predictions(training, images, *options)
    assert first.shape == (64, 2) and "3 epochs" in how
    file = tmp_path / "whole_image.weights.h5"
    written = file.stat().st_mtime_ns
    again, _ = whole_image_predictions(training, images, *options)
    assert file.stat().st_mtime_ns == written
    assert (first == again).all()
    other, _ = whole_image_predictions(training, images, tmp_path, 1, 16, 0, NONE)
    assert file.stat().st_mtime_ns > written and (other != first).any()
