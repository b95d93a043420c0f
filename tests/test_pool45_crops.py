import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InputError
from hierarchy.history import empty_history
from hierarchy.pictures import Picture, mask_image_with_mean_background
from hierarchy.quirks import Quirks
from hierarchy.regions import CENTRE, TRIGGER, UP_LEFT, Region, whole_image, zoom
from hierarchy.search import SearchRules, TrainingSearch
from hierarchy.voc import VocObject
from image_zooms import config as image_zooms_config
from pool45_crops.config import TestSettings, TrainSettings
from pool45_crops.features import (
    FeatureMaps,
    Pool45Describer,
    extract_features_from_roi,
    interpolate_3d_features,
    make_describer,
    obtain_descriptor_from_feature_map,
)

PUBLISHED = Quirks.published()


def recorded_maps(record):
    random = np.random.RandomState(record["feature_seed"])
    maps = [
        random.rand(512, record["height"] // stride, record["width"] // stride)
        for stride in (16, 32)
    ]
    return FeatureMaps(*(m.astype(np.float32).transpose(1, 2, 0) for m in maps))


def test_descriptors_are_the_published_ones(golden):
    branches = set()
    for record in golden("roi_descriptors"):
        found = obtain_descriptor_from_feature_map(
            recorded_maps(record), record["region"], PUBLISHED
        ).reshape(record["shape"])
        if record["branch"] == "max_pooled":
            found = found.transpose(2, 0, 1)
        branches.add((record["map"], record["branch"]))
        np.testing.assert_allclose(found[:2], record["channels_0_to_1"], atol=1e-5)
        assert found.sum(dtype=float) == pytest.approx(
            record["descriptor_sum"], rel=1e-6
        )
    assert {branch for _, branch in branches} == {"max_pooled", "interpolated"}
    assert {name for name, _ in branches} == {"pool4", "pool5"}


@settings(max_examples=60, deadline=None)
@given(st.integers(7, 40), st.integers(7, 40), st.integers(0, 99))
def test_max_pooling_takes_the_largest_of_each_cell(height, width, seed):
    roi = np.random.default_rng(seed).random((height, width, 2), np.float32)
    found = extract_features_from_roi(roi)
    for row in range(7):
        for column in range(7):
            down = height if row == 6 else (row + 1) * (height // 7)
            right = width if column == 6 else (column + 1) * (width // 7)
            patch = roi[row * (height // 7) : down, column * (width // 7) : right]
            assert (found[row, column] == patch.max(axis=(0, 1))).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(-9, 9), st.integers(-9, 9))
def test_interpolation_keeps_corners_and_planes(height, width, slope, other):
    """A plane stays a plane, and its corners stay where they are."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    features = (3 + slope * rows + other * columns)[..., None]
    found = interpolate_3d_features(features)[..., 0]
    across = np.linspace(0, height - 1, 7)[:, None]
    along = np.linspace(0, width - 1, 7)
    np.testing.assert_allclose(found, 3 + slope * across + other * along, atol=1e-3)


regions = st.lists(st.integers(1, 5), max_size=9)


@settings(max_examples=60, deadline=None)
@given(st.integers(32, 400), st.integers(32, 400), regions, st.booleans(), st.data())
def test_every_region_of_every_image_has_a_descriptor(
    height, width, path, is_published, data
):
    quirks = PUBLISHED if is_published else Quirks()
    scale = data.draw(st.sampled_from([3 / 4, 2 / 4]))
    region = whole_image(height, width)
    for action in path:
        region = zoom(region, action, scale, quirks)
    maps = FeatureMaps(
        *(np.ones((height // s, width // s, 512), np.float32) for s in (16, 32))
    )
    found = obtain_descriptor_from_feature_map(maps, region.window, quirks)
    assert found.shape == (25088,) and (found == 1).all()


def grid_maps(height=320, width=320):
    """Maps whose channel 0 tells the row and channel 1 the column of each cell."""
    maps = []
    for stride in (16, 32):
        feature_map = np.zeros((height // stride, width // stride, 512), np.float32)
        rows, columns = np.mgrid[: height // stride, : width // stride]
        feature_map[..., 0], feature_map[..., 1] = rows, columns
        maps.append(feature_map)
    return FeatureMaps(*maps)


def test_row_layout_flattens_interpolated_descriptors_channels_first():
    window = (0.0, 0.0, 64.0, 64.0)  # 4 × 4 cells of block4_pool
    ours = obtain_descriptor_from_feature_map(grid_maps(), window)
    theirs = obtain_descriptor_from_feature_map(
        grid_maps(), window, Quirks(layout=True)
    )
    assert (ours.reshape(7, 7, 512)[:, 0, 0] == np.linspace(0, 3, 7)).all()
    assert (
        theirs.reshape(512, 7, 7) == ours.reshape(7, 7, 512).transpose(2, 0, 1)
    ).all()
    large = (0.0, 0.0, 320.0, 320.0)
    pooled = [
        obtain_descriptor_from_feature_map(grid_maps(), large, Quirks(layout=on))
        for on in (False, True)
    ]
    assert (pooled[0] == pooled[1]).all()


def test_row_widened_regions_takes_seven_cells_where_a_region_has_fewer():
    window = (256.0, 256.0, 64.0, 64.0)  # the last 4 × 4 of 20 × 20 cells
    ours = obtain_descriptor_from_feature_map(grid_maps(), window)
    theirs = obtain_descriptor_from_feature_map(
        grid_maps(), window, Quirks(widened_regions=True)
    )
    assert ours.reshape(7, 7, 512)[:, 0, 0].tolist() == np.linspace(16, 19, 7).tolist()
    assert theirs.reshape(7, 7, 512)[:, 0, 0].tolist() == list(range(13, 20))


def test_row_pool45_history_leaves_the_trigger_out_in_training():
    picture = Picture("image", np.zeros((100, 100, 3), np.uint8))
    objects = (VocObject(1, (80, 80, 90, 90), False),)

    def history(is_published):
        rules = SearchRules(quirks=Quirks(pool45_history=is_published))
        search = TrainingSearch(picture, rules, objects, 1)
        search.take(UP_LEFT)
        before = search.state.history
        search.take(TRIGGER)
        return before, search.state.history

    before, after = history(True)
    assert (before == after).all() and (after != empty_history()).any()
    before, after = history(False)
    assert np.count_nonzero(after) == np.count_nonzero(before) + 1


class Summing:
    """A trunk whose maps hold the mean of the image, and which counts its passes."""

    def __init__(self):
        self.passes = 0

    def predict_on_batch(self, images):
        self.passes += 1
        _, height, width, _ = images.shape
        return [
            np.full((1, height // s, width // s, 512), images.mean(), np.float32)
            for s in (16, 32)
        ]


@pytest.fixture
def picture():
    return Picture("image.jpg", np.full((96, 128, 3), 200, np.uint8))


def test_row_pool45_masking_keeps_the_maps_of_the_image_before_it_was_painted(picture):
    painted = mask_image_with_mean_background((0, 0, 96, 64), picture)
    whole = [whole_image(*picture.size)]
    ours, theirs = (
        Pool45Describer(Summing(), 0, keeps_maps=keeps) for keeps in (False, True)
    )
    before = ours.describe(picture, whole)
    assert (theirs.describe(picture, whole) == before).all()
    assert (theirs.describe(painted, whole) == before).all()
    assert (ours.describe(painted, whole) < before).all()


def test_only_training_keeps_the_maps_as_published(hed_trunk):
    on = {"path_vgg": hed_trunk, "quirks": ("published",)}
    assert make_describer(TrainSettings(**on))._keeps_maps
    assert not make_describer(TestSettings(**on))._keeps_maps
    assert not make_describer(TrainSettings(path_vgg=hed_trunk))._keeps_maps


def test_rows_of_one_detector_are_refused_by_the_other():
    with pytest.raises(InputError, match="layout does not concern image_zooms"):
        image_zooms_config.TrainSettings(quirks=("layout",)).check()
    published = image_zooms_config.TrainSettings(quirks=("published",)).rules.quirks
    assert not published.pool45_history and published.stale_state
    assert TrainSettings(quirks=("published",)).rules.quirks.pool45_history


def test_an_image_passes_through_vgg_once_while_it_is_searched(picture):
    trunk = Summing()
    describer = Pool45Describer(trunk, capacity=0)
    region = whole_image(*picture.size)
    for _ in range(3):
        region = zoom(region, CENTRE, 3 / 4)
        describer.describe(picture, [region, region])
    assert trunk.passes == 1
    other = Picture("other.jpg", picture.pixels)
    describer.describe(other, [region])
    describer.describe(picture, [region])
    assert trunk.passes == 3


def test_maps_are_remembered_within_their_bound(picture):
    trunk = Summing()
    size = (6 * 8 + 3 * 4) * 512 * 4
    describer = Pool45Describer(trunk, capacity=2 * size)
    pictures = [Picture(f"{number}", picture.pixels) for number in range(3)]
    for one in (*pictures, pictures[2], pictures[1]):
        describer.maps(one)
    assert trunk.passes == 3
    describer.maps(pictures[0])
    assert trunk.passes == 4


def test_features_are_vggs_of_the_whole_image(golden, golden_image, hed_trunk):
    describer = make_describer(TestSettings(path_vgg=hed_trunk))
    for record in golden("vgg_descriptors"):
        if min(record["height"], record["width"]) < 32:
            continue
        maps = describer.maps(Picture(str(record["image_seed"]), golden_image(record)))
        for name, found in zip(
            ("full_image_block4_pool", "full_image_block5_pool"), maps, strict=True
        ):
            expected = record[name]
            assert list(found.transpose(2, 0, 1).shape) == expected["shape"]
            assert found.sum(dtype=float) == pytest.approx(expected["sum"], rel=1e-4)


def test_an_image_of_32_pixels_will_do_and_a_smaller_one_is_named(hed_trunk):
    describer = make_describer(TestSettings(path_vgg=hed_trunk))
    small = Picture("small.jpg", np.zeros((32, 32, 3), np.uint8))
    assert describer.describe(small, [whole_image(32, 32)]).shape == (1, 25088)
    smaller = Picture("smaller.jpg", np.zeros((40, 31, 3), np.uint8))
    with pytest.raises(InputError, match="smaller.jpg: is an image of 31 x 40 pixels"):
        describer.describe(smaller, [Region((0, 0, 40, 31), (0, 0, 40, 31), (40, 31))])
