import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from hierarchy.quirks import Quirks
from hierarchy.regions import (
    area,
    calculate_iou,
    calculate_overlapping,
    whole_image,
)

MOVES = PAPER_ACTIONS.moves

SIDE = st.integers(1, 600)
SCALE = st.sampled_from([3 / 4, 2 / 4, 0.6])


def zoom(region, action, scale, quirks=Quirks()):
    return PAPER_ACTIONS.apply(action, region, scale, quirks)


def mask(box, shape):
    ymin, xmin, ymax, xmax = box
    pixels = np.zeros(shape, bool)
    pixels[ymin:ymax, xmin:xmax] = True
    return pixels


@st.composite
def boxes(draw, height=40, width=50):
    ymin, ymax = sorted(draw(st.tuples(st.integers(0, height), st.integers(0, height))))
    xmin, xmax = sorted(draw(st.tuples(st.integers(0, width), st.integers(0, width))))
    return ymin, xmin, ymax, xmax


@given(boxes(), boxes())
def test_iou_and_overlap_are_those_of_masks(one, other):
    a, b = mask(one, (40, 50)), mask(other, (40, 50))
    union = (a | b).sum()
    assert area(one) == a.sum()
    assert calculate_iou(one, other) == ((a & b).sum() / union if union else 0)
    expected = (a & b).sum() / b.sum() if b.any() else 0
    assert calculate_overlapping(one, other) == expected


@given(SIDE, SIDE, SCALE)
def test_subregions_lie_in_the_corners_and_the_middle(height, width, scale):
    root = whole_image(height, width)
    windows = {action: zoom(root, action, scale).window for action in MOVES}
    for window in windows.values():
        assert window[2:] == (height * scale, width * scale)
    down, right = height - height * scale, width - width * scale
    corners = {
        UP_LEFT: (0, 0),
        UP_RIGHT: (0, right),
        DOWN_LEFT: (down, 0),
        DOWN_RIGHT: (down, right),
        CENTRE: (down / 2, right / 2),
    }
    for action, corner in corners.items():
        assert windows[action][:2] == pytest.approx(corner)


def test_quarters_of_two_fourths_tile_the_image_without_overlap():
    root = whole_image(100, 200)
    quarters = [zoom(root, action, 2 / 4) for action in MOVES if action != CENTRE]
    covered = sum(mask(region.box, (100, 200)).astype(int) for region in quarters)
    assert (covered == 1).all()


@given(SIDE, SIDE, SCALE, st.lists(st.sampled_from(MOVES), max_size=12))
def test_regions_stay_inside_their_parent_and_keep_a_pixel(height, width, scale, path):
    region = whole_image(height, width)
    for action in path:
        parent, region = region, zoom(region, action, scale)
        assert region.crop == region.box
        assert area(region.box) >= 1
        ymin, xmin, ymax, xmax = region.box
        assert 0 <= ymin < ymax <= height and 0 <= xmin < xmax <= width
        y, x, h, w = parent.window
        assert region.window[0] >= y and region.window[1] >= x
        assert region.window[0] + region.window[2] <= y + h + 1e-9
        assert region.window[1] + region.window[3] <= x + w + 1e-9


@given(SIDE, SIDE, SCALE, st.lists(st.sampled_from(MOVES), max_size=12))
def test_published_crops_stay_inside_the_image_too(height, width, scale, path):
    region = whole_image(height, width)
    for action in path:
        region = zoom(region, action, scale, Quirks.published())
        for ymin, xmin, ymax, xmax in (region.crop, region.box):
            assert 0 <= ymin < ymax <= height and 0 <= xmin < xmax <= width


def test_row_centre_offset_is_off_centre_where_the_image_is_not_square():
    quirks = Quirks(centre_offset=True)
    y, x, _, _ = zoom(whole_image(100, 400), CENTRE, 3 / 4, quirks).window
    assert (y, x) == (12.5, 12.5)
    assert zoom(whole_image(100, 400), CENTRE, 3 / 4).window[:2] == (12.5, 50)
    square = whole_image(100, 100)
    assert zoom(square, CENTRE, 3 / 4, quirks) == zoom(square, CENTRE, 3 / 4)


def test_row_corner_offset_cannot_build_the_non_overlapping_hierarchy():
    quirks = Quirks(corner_offset=True)
    root = whole_image(100, 200)
    assert zoom(root, DOWN_RIGHT, 2 / 4, quirks).window[:2] == (25, 50)
    assert zoom(root, DOWN_RIGHT, 2 / 4).window[:2] == (50, 100)
    assert zoom(root, DOWN_RIGHT, 3 / 4, quirks).window == pytest.approx(
        zoom(root, DOWN_RIGHT, 3 / 4).window
    )


def test_row_nested_truncation_lets_crop_and_box_drift_apart():
    quirks = Quirks(nested_truncation=True)
    region = whole_image(333, 333)
    for _ in range(4):
        region = zoom(region, DOWN_RIGHT, 3 / 4, quirks)
    assert region.crop != region.box
    drift = np.abs(np.subtract(region.crop, region.box))
    assert drift.max() <= 4
    region = whole_image(333, 333)
    for _ in range(4):
        region = zoom(region, DOWN_RIGHT, 3 / 4)
    assert region.crop == region.box


def test_the_trigger_does_not_move():
    root = whole_image(10, 10)
    assert zoom(root, TRIGGER, 3 / 4) == root
    for number in (0, 7):
        with pytest.raises(ValueError, match=f"action {number}: expected 1 to 6"):
            zoom(root, number, 3 / 4)


def test_numbers_and_trigger_follow_from_the_table():
    assert (list(PAPER_ACTIONS.numbers), TRIGGER) == ([1, 2, 3, 4, 5, 6], 6)
    assert MOVES == (UP_LEFT, UP_RIGHT, DOWN_LEFT, DOWN_RIGHT, CENTRE)
    stay = Action("stay", "=", lambda region, scale, quirks: region)
    more = ActionSet(stay, *PAPER_ACTIONS)
    assert (more.trigger, more.moves) == (7, (1, 2, 3, 4, 5, 6))
    assert more.names == ("stay", *PAPER_ACTIONS.names)
    other_trigger = Action("found", "!")
    for wrong in ([stay], [stay, stay, PAPER_ACTIONS[-1]], [*more, other_trigger]):
        with pytest.raises(ValueError, match="one trigger"):
            ActionSet(*wrong)


@given(
    SIDE,
    SIDE,
    st.tuples(*[st.floats(-900, 900)] * 2, *[st.floats(1, 900)] * 2),
)
def test_a_window_is_kept_inside_the_image(height, width, window):
    y, x, h, w = whole_image(height, width).at(window).window
    assert 0 <= y <= y + h <= height + 1e-6 and 0 <= x <= x + w <= width + 1e-6
    assert (h, w) == (min(window[2], height), min(window[3], width))
