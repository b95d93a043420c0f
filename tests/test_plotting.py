"""What plots have in common: pictures side by side, boxes on pictures."""

import numpy as np
import pytest
from PIL import Image

from common.plotting import draw_images, outlined

GREY = np.full((40, 60, 3), 90, np.uint8)
RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_boxes_are_outlined_on_the_inside():
    drawn = outlined(GREY, [(5, 10, 25, 40)], ["#ff0000"], width=2)
    is_red = (drawn == RED).all(axis=-1)
    rows, columns = np.flatnonzero(is_red.any(axis=1)), np.flatnonzero(is_red.any(0))
    assert (rows[0], rows[-1]) == (5, 24)
    assert (columns[0], columns[-1]) == (10, 39)
    assert is_red.sum() == 20 * 30 - 16 * 26
    assert (drawn[~is_red] == 90).all()
    assert (GREY == 90).all(), "the picture itself was drawn on"


def test_later_boxes_lie_on_top_and_colours_come_again():
    boxes = [(0, 0, 10, 10), (20, 20, 30, 30), (30, 40, 40, 60)]
    drawn = outlined(GREY, boxes, ["#ff0000", "#0000ff"], width=1)
    assert [tuple(drawn[ymin, xmin]) for ymin, xmin, *_ in boxes] == [RED, BLUE, RED]
    twice = outlined(GREY, boxes[:1] * 2, ["#ff0000", "#0000ff"], width=1)
    assert not (twice == RED).all(axis=-1).any()


@pytest.mark.parametrize(("columns", "is_wide"), [(6, True), (1, False)])
def test_panels_stand_in_rows(tmp_path, columns, is_wide):
    panels = [("a picture", GREY), ("a map", np.eye(4)), ("$100", GREY)]
    draw_images(panels, tmp_path / "panels.png", columns)
    with Image.open(tmp_path / "panels.png") as picture:
        assert (picture.width > picture.height) == is_wide


def test_a_map_goes_from_dark_to_bright(tmp_path):
    draw_images([("", np.array([[0.0, 1.0], [1.0, 0.0]]))], tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        pixels = np.asarray(picture.convert("L"), float)
    height, width = pixels.shape
    quarter, rest = height // 3, 3 * width // 4
    assert pixels[quarter, rest] > pixels[quarter, width // 4] + 100
