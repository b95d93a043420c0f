"""Rollouts of the glimpse regressor as pictures: what is drawn where."""

import numpy as np
import pytest
from PIL import Image
from recorded_canvas import record, texts

from report.canvas import MARGIN
from report.glimpses import (
    CELL,
    COLUMNS,
    GLIMPSE,
    PICTURE,
    PREDICTION,
    TRUTH,
    Rollout,
    draw_cases,
    draw_rollout,
)

WINDOWS = np.array([[0.2, 0.2], [0.4, 0.4]])


def rollout(images=True, truth=(0.5, 0.5), prediction=(0.5, -0.5), size=(150, 200)):
    rng = np.random.default_rng(0)
    return Rollout(
        picture=np.full((*size, 3), 90, np.uint8),
        locations=np.array([[-0.8, -0.8], [0.0, 0.0], [-0.5, 0.5]]),
        prediction=np.array(prediction),
        truth=None if truth is None else np.array(truth),
        distance=None if truth is None else 0.25,
        windows=WINDOWS,
        glimpse_images=rng.integers(0, 256, (3, 2, 8, 8, 3), np.uint8)
        if images
        else None,
        name="$car_{1}.jpg",
    )


@pytest.fixture
def calls(monkeypatch):
    return record(monkeypatch)


def size_of(path):
    with Image.open(path) as image:
        return image.size


def crosses(calls, colour):
    """Middles of the crosses of a colour, in the order in which they are drawn."""
    lines = [(xs, ys) for xs, ys, shade, *_ in calls["line"] if shade == colour]
    return [(np.mean(xs), np.mean(ys)) for xs, ys in lines[::2]]


def test_marks_are_where_the_numbers_say(tmp_path, calls):
    draw_rollout(rollout(), tmp_path / "run.png")
    left, top, picture = calls["image"][0]
    assert picture.shape[:2] == PICTURE[::-1]  # of the same shape, it fills its space

    def place(row, column):
        x = left + (column + 1) / 2 * PICTURE[0]
        return x, top + (row + 1) / 2 * PICTURE[1]

    assert crosses(calls, TRUTH)[0] == pytest.approx(place(0.5, 0.5))
    assert crosses(calls, PREDICTION)[0] == pytest.approx(place(0.5, -0.5))
    discs = [(x, y) for x, y, _, colour in calls["disc"] if colour == GLIMPSE]
    assert discs[1] == pytest.approx(place(0, 0))
    (xs, ys), *_ = (c[:2] for c in calls["line"] if c[2] == GLIMPSE)
    assert len(xs) == len(ys) == 3  # the trajectory
    (ymin, xmin, ymax, xmax), _ = calls["box"][1]  # the second glimpse's window
    assert (xmin + xmax) / 2 == pytest.approx(place(0, 0)[0])
    assert xmax - xmin == pytest.approx(0.2 * PICTURE[0])
    assert len(calls["image"]) == 2 + 3 * 2  # whole, closer, what each glimpse saw
    assert {"1", "2", "3", "×2", "$car_{1}.jpg, Δ 0.250"} <= set(texts(calls))


@pytest.mark.parametrize("size", [(3, 400), (400, 3), (1, 1)])
@pytest.mark.parametrize("truth", [None, (-1.0, 1.0)])
def test_pictures_of_every_shape_fit(tmp_path, size, truth):
    shown = rollout(truth=truth, prediction=(4, -4), size=size)
    draw_rollout(shown, tmp_path / "run.png")
    width, height = size_of(tmp_path / "run.png")
    assert 350 < height < 600 and 700 < width < 1300


def test_without_a_truth_there_is_none(tmp_path, calls):
    draw_rollout(rollout(truth=None, images=False), tmp_path / "run.png")
    assert not crosses(calls, TRUTH) and crosses(calls, PREDICTION)
    assert "truth" not in texts(calls) and "closer" in texts(calls)


def test_cases_stand_side_by_side(tmp_path, calls):
    draw_cases([rollout(images=False)] * 6, tmp_path / "cases.png", "Best of 6")
    corners = [(x, y) for x, y, _ in calls["image"]]
    assert len(corners) == 6 and len({x for x, _ in corners}) == COLUMNS == 4
    assert len({y for _, y in corners}) == 2
    assert min(x for x, _ in corners) == MARGIN
    assert all(pixels.shape[:2] == CELL[::-1] for *_, pixels in calls["image"])
    assert "Best of 6" in texts(calls)


def test_what_is_not_known_is_not_drawn(tmp_path, calls):
    nothing = np.empty((0, 2))
    shown = Rollout(
        np.zeros((9, 9, 3), np.uint8), nothing, np.zeros(2), np.zeros(2), 0.1, nothing
    )
    draw_cases([shown], tmp_path / "cases.png", "t")
    assert not calls["box"] and not calls["disc"]
    assert {"prediction", "truth", "Δ 0.100"} <= set(texts(calls))
    assert not any("glimpses" in text for text in texts(calls))
