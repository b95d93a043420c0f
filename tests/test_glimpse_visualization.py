"""Trajectories, cases and curves: what can be read off the files, by pixels alone."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageColor

from common.files import REPOSITORY
from glimpse_rnn import metrics
from glimpse_rnn.visualization import (
    CELL,
    GLIMPSE,
    MARGIN,
    PICTURE,
    PREDICTION,
    TRUTH,
    Run,
    draw_cases,
    draw_detection_rate,
    draw_run,
)

WINDOWS = np.array([[0.2, 0.2], [0.4, 0.4]])


def a_run(seen=True, truth=(0.5, 0.5), prediction=(0.5, -0.5), size=(150, 200)):
    rng = np.random.default_rng(0)
    return Run(
        picture=np.full((*size, 3), 90, np.uint8),
        locations=np.array([[-0.8, -0.8], [0.0, 0.0], [-0.5, 0.5]]),
        prediction=np.array(prediction),
        truth=None if truth is None else np.array(truth),
        distance=None if truth is None else 0.25,
        windows=WINDOWS,
        seen=rng.integers(0, 256, (3, 2, 8, 8, 3), np.uint8) if seen else None,
        name="$car_{1}.jpg",
    )


def read(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def places_of(pixels, colour):
    """Rows and columns that have about this colour."""
    apart = np.abs(pixels - ImageColor.getrgb(colour)).max(axis=2)
    return np.argwhere(apart < 12)


def middle_of(pixels, colour, left, right, top, bottom):
    places = places_of(pixels[top:bottom, left:right], colour)
    low, high = places.min(axis=0), places.max(axis=0)
    return (low + high) / 2 + (top, left)


def test_marks_are_where_the_numbers_say(tmp_path):
    draw_run(a_run(), tmp_path / "run.png")
    pixels = read(tmp_path / "run.png")
    picture = pixels[:-60, : MARGIN + PICTURE[0]]
    top = np.argwhere((picture[:, MARGIN + PICTURE[0] - 3] == 90).all(axis=1)).min()
    for colour, (row, column) in ((TRUTH, (0.5, 0.5)), (PREDICTION, (0.5, -0.5))):
        y = top + (row + 1) / 2 * PICTURE[1]
        x = MARGIN + (column + 1) / 2 * PICTURE[0]
        found = middle_of(picture, colour, MARGIN, MARGIN + PICTURE[0], top, None)
        assert found == pytest.approx((y, x), abs=2)
    x = MARGIN + 0.5 * PICTURE[0]
    places = places_of(picture, GLIMPSE) - (top + PICTURE[1] / 2, x)
    assert (np.abs(places).max(axis=1) < 10).sum() > 60  # a disc under the number


@pytest.mark.parametrize("size", [(3, 400), (400, 3), (1, 1)])
@pytest.mark.parametrize("truth", [None, (-1.0, 1.0)])
def test_pictures_of_every_shape_fit(tmp_path, size, truth):
    draw_run(a_run(truth=truth, prediction=(4, -4), size=size), tmp_path / "run.png")
    height, width, _ = read(tmp_path / "run.png").shape
    assert 350 < height < 600 and 700 < width < 1300


def test_without_a_truth_nothing_is_green(tmp_path):
    draw_run(a_run(truth=None, seen=False), tmp_path / "run.png")
    assert not len(places_of(read(tmp_path / "run.png"), TRUTH))


def test_cases_stand_side_by_side(tmp_path):
    draw_cases([a_run(seen=False)] * 6, tmp_path / "cases.png", "Best of 6")
    pixels = read(tmp_path / "cases.png")
    grey = (pixels == 90).all(axis=2)
    # Two rows, of which the first has four pictures: their lowest corners show.
    columns = np.flatnonzero(np.diff(grey.any(axis=0).astype(int)) == 1)
    assert len(columns) == 4
    rows = grey[:, MARGIN + 1]
    assert rows.sum() == pytest.approx(2 * CELL[1], abs=20)


def test_curves_become_a_picture(tmp_path):
    values = metrics.curve(np.linspace(0, 0.2, 50))
    path = tmp_path / "rate.png"
    draw_detection_rate({"mean policy": values}, path, "t", {"paper": [10] * 5})
    assert len(places_of(read(path), "#e8590c")) > 500


def test_neither_keras_nor_pyplot_is_loaded():
    code = "import sys, glimpse_rnn.visualization as _;"
    code += "print({'keras', 'tensorflow', 'matplotlib.pyplot'} & {*sys.modules})"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "set()", answer.stderr
