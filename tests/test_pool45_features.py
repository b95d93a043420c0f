"""Descriptors of pool45_crops: recorded ones, a second derivation, every image size."""

from math import floor, prod, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from toy import zoom

from common.errors import InputError
from hierarchy.actions import CENTRE, PAPER_ACTIONS, TRIGGER, UP_LEFT
from hierarchy.history import empty_history
from hierarchy.images import MEAN_RGB, SearchImage, mask_image_with_mean_background
from hierarchy.quirks import Quirks
from hierarchy.regions import whole_image
from hierarchy.search import Search
from image_zooms.config import TrainSettings as ImageZoomsTrainSettings
from pool45_crops.config import TestSettings, TrainSettings
from pool45_crops.features import (
    FeatureMaps,
    extract_features_from_roi,
    get_state_pool45,
    interpolate_3d_features,
    make_features,
    obtain_descriptor_from_feature_map,
)

PUBLISHED = Quirks.published()
LAYOUT = Quirks(layout=True)
WIDENED = Quirks(widened_regions=True)


def maps_of(record):
    """The maps that a record names by seed, channels last."""
    random = np.random.RandomState(record["feature_seed"])
    maps = []
    for stride in (16, 32):
        shape = (512, record["height"] // stride, record["width"] // stride)
        maps.append(random.rand(*shape).astype("float32").transpose(1, 2, 0))
    return FeatureMaps(*maps)


def test_descriptors_are_the_published_ones(golden):
    records = golden("roi_descriptors")
    assert records
    for record in records:
        found = obtain_descriptor_from_feature_map(
            maps_of(record), record["region"], PUBLISHED
        )
        assert found.shape == (25088,) and found.dtype == np.float32
        total = found.sum(dtype=np.float64)
        assert total == pytest.approx(record["descriptor_sum"], rel=1e-6)
        found = found.reshape(record["shape"])
        if record["shape"][-1] == 512:
            found = found.transpose(2, 0, 1)
        expected = np.array(record["channels_0_to_1"])
        np.testing.assert_allclose(found[:2], expected, rtol=0, atol=1e-5)


# --- a second derivation: one number after the other -------------------------------


def bounds(start, size, cells, widened):
    """First and last cell of an extent, given in cells as floats."""
    if widened and size < 7:
        size = 7
    if start + size > cells:
        start = cells - size
    if start < 0:
        start = 0
    first, end = floor(start), floor(min(start + size, cells))
    return range(first, max(end, first + 1))


def descriptor_by_hand(maps, window, widened):
    y, x, height, width = window
    is_large = sqrt(height * width) / 7 > 32
    cells, stride = (maps.block5_pool, 32) if is_large else (maps.block4_pool, 16)
    rows = bounds(y / stride, height / stride, cells.shape[0], widened)
    columns = bounds(x / stride, width / stride, cells.shape[1], widened)
    descriptor = np.empty((7, 7, cells.shape[2]))
    for row, column, channel in np.ndindex(descriptor.shape):
        if len(rows) >= 7 and len(columns) >= 7:
            descriptor[row, column, channel] = max(
                cells[r, c, channel]
                for r in seventh(rows, row)
                for c in seventh(columns, column)
            )
        else:
            place = (
                [rows[0] + row / 6 * (len(rows) - 1)],
                [columns[0] + column / 6 * (len(columns) - 1)],
            )
            plane = cells[:, :, channel]
            descriptor[row, column, channel] = map_coordinates(plane, place, order=1)[0]
    return descriptor.ravel()


def seventh(extent, number):
    step = len(extent) // 7
    return extent[number * step :] if number == 6 else extent[number * step :][:step]


@st.composite
def windows_in_maps(draw):
    """A region of the hierarchy of an image of any size, and maps of two channels."""
    size = draw(st.tuples(st.integers(32, 700), st.integers(32, 700)))
    region = whole_image(*size)
    scale = draw(st.sampled_from([3 / 4, 2 / 4, 0.6]))
    for action in draw(st.lists(st.sampled_from(PAPER_ACTIONS.moves), max_size=9)):
        region = zoom(region, action, scale)
    random = np.random.default_rng(prod(size))
    maps = [
        random.random((size[0] // stride, size[1] // stride, 2), np.float32)
        for stride in (16, 32)
    ]
    return FeatureMaps(*maps), region.window


@settings(max_examples=60, deadline=None)
@given(windows_in_maps(), st.booleans())
def test_descriptors_are_those_derived_by_hand(drawn, widened):
    maps, window = drawn
    found = obtain_descriptor_from_feature_map(
        maps, window, Quirks(widened_regions=widened)
    )
    expected = descriptor_by_hand(maps, window, widened)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_pooling_and_upsampling_leave_seven_cells_as_they_are():
    cells = np.random.default_rng(0).random((7, 7, 3), np.float32)
    assert (extract_features_from_roi(cells) == cells).all()
    np.testing.assert_allclose(interpolate_3d_features(cells), cells, rtol=1e-6)
    assert (interpolate_3d_features(cells[:1, :1]) == cells[0, 0]).all()


# --- rows of FIDELITY.md -------------------------------------------------------------


def numbered_maps():
    """Maps of 32×48 and 16×24 cells whose numbers say where they are."""
    row, column = np.ogrid[:32, :48]
    cells = np.zeros((32, 48, 512), np.float32)
    cells[:, :, 0], cells[:, :, 1] = row, column
    return FeatureMaps(cells, cells[:16, :24])


SMALL = (32.0, 48.0, 48.0, 32.0)
"""Rows 2 to 4 and columns 3 and 4 of block4_pool."""
LARGE = (0.0, 0.0, 128.0, 128.0)
"""Rows and columns 0 to 7."""


def test_row_layout_puts_channels_first_where_regions_are_upsampled():
    maps = numbered_maps()
    for window, differs in [(SMALL, True), (LARGE, False)]:
        default = obtain_descriptor_from_feature_map(maps, window).reshape(7, 7, 512)
        found = obtain_descriptor_from_feature_map(maps, window, LAYOUT)
        assert (found == default.ravel()).all() != differs
        if differs:
            assert (found == default.transpose(2, 0, 1).ravel()).all()


def test_row_widened_regions_takes_seven_cells():
    maps = numbered_maps()
    found = obtain_descriptor_from_feature_map(maps, SMALL, WIDENED).reshape(7, 7, 512)
    assert found[:, 0, 0].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert found[0, :, 1].tolist() == [3, 4, 5, 6, 7, 8, 9]
    found = obtain_descriptor_from_feature_map(maps, SMALL).reshape(7, 7, 512)
    assert found[:, 0, 0] == pytest.approx([2, 7 / 3, 8 / 3, 3, 10 / 3, 11 / 3, 4])
    assert found[0, :, 1] == pytest.approx(3 + np.arange(7) / 6)


@pytest.fixture(scope="module")
def features_of(imagenet_trunk):
    """Make the extract that settings ask for."""
    return lambda kind, **flags: make_features(kind(path_vgg=imagenet_trunk, **flags))


def noise(height, width, name="one", seed=0):
    random = np.random.default_rng(seed)
    return SearchImage(
        name, random.integers(0, 256, (height, width, 3)).astype(np.uint8)
    )


@pytest.mark.slow
def test_row_pool45_masking_keeps_the_maps_in_training_alone(features_of):
    picture = noise(96, 128)
    masked = mask_image_with_mean_background((10, 20, 60, 90), picture)
    masked = mask_image_with_mean_background((70, 0, 90, 30), masked)
    root = [whole_image(96, 128)]
    quirks = ("pool45_masking",)
    for kind, flags, stays in [
        (TrainSettings, {}, False),
        (TestSettings, {}, False),
        (TrainSettings, {"quirks": quirks}, True),
        # The maps of the unmasked image, too, where there is no room to keep them.
        (TrainSettings, {"quirks": quirks, "cache_gb": 0}, True),
        (TestSettings, {"quirks": quirks}, False),
    ]:
        extract = features_of(kind, **flags)
        before = extract([picture], root)
        assert (extract([masked], root) == before).all() == stays


def test_row_pool45_history_leaves_the_trigger_out_in_training_alone():
    for kind, quirks, recorded in [
        (TrainSettings, (), True),
        (TrainSettings, ("pool45_history",), False),
        (TrainSettings, ("published",), False),
        (TestSettings, ("published",), True),
        (ImageZoomsTrainSettings, ("pool45_history",), True),
    ]:
        search = Search(noise(64, 64), kind(quirks=quirks).search_spec(MEAN_RGB))
        for action in [UP_LEFT] * 4:
            search.step(action)
        before = search.state.history
        search.step(TRIGGER)
        assert (search.state.history == before).all() != recorded
        assert search.triggered


# --- the extract, with VGG-16 ------------------------------------------------------


@pytest.mark.slow
def test_maps_are_those_of_vgg16_at_the_images_own_size(
    golden, golden_image, features_of
):
    extract = features_of(TestSettings)
    for record in golden("vgg_descriptors_imagenet"):
        maps = extract.feature_maps(SearchImage("image", golden_image(record)))
        for name in ("block4_pool", "block5_pool"):
            cells, expected = getattr(maps, name), record[f"full_image_{name}"]
            assert [cells.shape[axis] for axis in (2, 0, 1)] == expected["shape"]
            total = cells.sum(dtype=np.float64)
            assert total == pytest.approx(expected["sum"], rel=1e-3)


@pytest.mark.slow
def test_maps_are_computed_once_and_anew_after_painting(features_of):
    extract = features_of(TrainSettings)
    picture, root = noise(64, 96), whole_image(64, 96)
    regions = [root, *(zoom(root, action, 3 / 4) for action in PAPER_ACTIONS.moves)]
    together = extract([picture] * len(regions), regions)
    assert together.shape == (6, 25088) and together.dtype == np.float32
    for region, expected in zip(regions, together, strict=True):
        assert (extract([picture], [region])[0] == expected).all()
    assert extract.cache.misses == 1
    masked = mask_image_with_mean_background((0, 0, 40, 40), picture)
    fresh = features_of(TestSettings)
    expected = fresh([SearchImage("other", masked.pixels)] * len(regions), regions)
    assert (extract([masked] * len(regions), regions) == expected).all()
    assert extract.cache.misses == 2


def test_maps_stay_within_cache_gb(features_of):
    size = (4 * 6 + 2 * 3) * 512 * 4  # of the maps of 64×96 pixels, in bytes
    extract = features_of(TrainSettings, cache_gb=2.5 * size / 1e9)
    pictures = [noise(64, 96, str(number), number) for number in range(3)]
    root = [whole_image(64, 96)]
    first = [extract([picture], root) for picture in pictures]
    assert extract.cache._bytes == 2 * size
    again = [extract([picture], root) for picture in pictures]
    assert extract.cache.misses == 6
    assert (np.array(first) == np.array(again)).all()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(32, 32), (32, 47), (63, 33), (40, 300)])
def test_images_from_32_pixels_up_can_be_searched(size, features_of):
    for quirks in ((), ("published",)):
        extract = features_of(TestSettings, quirks=quirks)
        picture, region = noise(*size), whole_image(*size)
        maps = extract.feature_maps(picture)
        top = max(maps.block4_pool.max(), maps.block5_pool.max())
        for action in (*PAPER_ACTIONS.moves, *[CENTRE] * 9):
            state = get_state_pool45(picture, region, empty_history(), extract)
            assert state.shape == (25112,)
            assert 0 <= state.min() < state.max() <= 1.0001 * top
            region = zoom(region, action, 3 / 4)


@pytest.mark.parametrize("size", [(31, 32), (32, 31), (1, 1), (500, 20)])
def test_smaller_images_are_refused_by_name(size, features_of):
    extract = features_of(TestSettings)
    with pytest.raises(InputError) as error:
        extract([noise(*size, name="VOC2007/000005")], [whole_image(*size)])
    line = str(error.value)
    assert line.startswith("VOC2007/000005: ") and "\n" not in line
    assert f"{size[0]} pixels high and {size[1]} wide; expected at least 32" in line
