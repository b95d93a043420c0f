import numpy as np
import pytest
from toy import zoom
from trunk_files import keras_3

import image_zooms.config
import image_zooms.features
import pool45_crops.config
import pool45_crops.features
from hierarchy.actions import CENTRE
from hierarchy.encoder import get_state
from hierarchy.features import Cache, CachedFeatures, FeatureExtractor
from hierarchy.images import (
    MEAN_RGB,
    SearchImage,
    mask_image_with_mean_background,
    mean_colour,
    resize,
)
from hierarchy.quirks import Quirks
from hierarchy.regions import whole_image
from weights.vgg16 import trunk_input


class MeanColour(FeatureExtractor):
    """A region's mean colour; counts."""

    size, fingerprint = 3, {"features": "mean colour"}

    def __init__(self):
        self.count = 0

    def __call__(self, images, regions):
        self.count += len(regions)
        views = zip(images, regions, strict=True)
        means = [image.crop(region).mean(axis=(0, 1)) for image, region in views]
        return np.array(means, np.float32)


@pytest.fixture
def picture():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    return SearchImage("one", pixels)


def test_a_region_is_described_once(picture):
    extract = MeanColour()
    cached = CachedFeatures(extract, 1_000_000)
    root = whole_image(40, 60)
    regions = [root, zoom(root, CENTRE, 3 / 4), root]
    first, again = (cached([picture] * 3, regions) for _ in range(2))
    assert extract.count == 2
    assert (first == MeanColour()([picture] * 3, regions)).all()
    assert (first == again).all()


def test_painting_over_an_object_makes_other_descriptors(picture):
    cached = CachedFeatures(MeanColour(), 1_000_000)
    root = whole_image(40, 60)
    masked = mask_image_with_mean_background((0, 0, 40, 60), picture)
    assert (cached([picture], [root]) != MEAN_RGB).any()
    assert (cached([masked], [root]) == MEAN_RGB).all()
    assert (picture.pixels[0, 0] != MEAN_RGB).any()


def test_pictures_of_one_set_are_told_apart_by_name(picture):
    cached = CachedFeatures(MeanColour(), 1_000_000)
    other = SearchImage("two", 255 - picture.pixels)
    root = whole_image(40, 60)
    assert (cached([picture], [root]) != cached([other], [root])).any()


def test_a_cache_stays_within_its_bytes_and_forgets_the_oldest():
    cache = Cache(3 * 80)
    made = []

    def make(key):
        made.append(key)
        return np.full(10, key, np.float64)

    for key in (1, 2, 3, 1, 4, 1, 2):
        assert (cache.get(key, lambda key=key: make(key)) == key).all()
        assert cache._bytes <= 240
    assert made == [1, 2, 3, 4, 2]
    assert (cache.hits, cache.misses) == (2, 5)


def test_a_cache_of_nothing_holds_nothing():
    cache = Cache(0)
    for _ in range(2):
        cache.get("a", lambda: np.zeros(4))
    assert cache.misses == 2


def test_a_state_is_descriptor_then_history(picture):
    history = np.arange(24, dtype=np.float32)
    state = get_state(picture, whole_image(40, 60), history, MeanColour())
    assert state.dtype == np.float32
    assert (state[3:] == history).all()
    assert state[:3] == pytest.approx(picture.pixels.mean(axis=(0, 1)))


def test_the_network_sees_bgr_minus_the_means():
    pixels = np.array([[[10, 20, 30]]], np.uint8)
    expected = [30 - 103.939, 20 - 116.779, 10 - 123.68]
    assert trunk_input(pixels)[0, 0] == pytest.approx(expected, abs=1e-4)


def test_row_channel_order_is_upside_down_with_means_off_three_rows():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3)).astype(np.uint8)
    found = trunk_input(pixels, channel_order=True)
    expected = pixels[::-1].astype(np.float64)
    for row, mean in enumerate((103.939, 116.779, 123.68)):
        expected[row] -= mean
    np.testing.assert_allclose(found, expected, atol=1e-4)
    expected = pixels[..., ::-1] - np.array([103.939, 116.779, 123.68])
    np.testing.assert_allclose(trunk_input(pixels), expected, atol=1e-4)


def test_row_mask_colour_paints_the_means_in_bgr_order(picture):
    colour = mean_colour(Quirks(mask_colour=True))
    masked = mask_image_with_mean_background((1, 2, 3, 4), picture, colour)
    assert masked.pixels[1, 2].tolist() == [103, 116, 123]
    colour = mean_colour(Quirks())
    masked = mask_image_with_mean_background((1, 2, 3, 4), picture, colour)
    assert masked.pixels[1, 2].tolist() == [124, 117, 104]
    assert abs(trunk_input(masked.pixels)[1, 2]).max() < 0.5
    untouched = np.ones((40, 60), bool)
    untouched[1:3, 2:4] = False
    assert (masked.pixels[untouched] == picture.pixels[untouched]).all()


def test_resizing_is_the_published_one_to_the_last_grey_level(golden, golden_image):
    for record in golden("vgg_descriptors_imagenet"):
        resized = resize(golden_image(record))
        assert int(resized.sum()) == record["resized_224_sum"]
        assert resized[:2, :2].tolist() == record["resized_224_corner"]


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 2), (224, 224), (600, 333)])
def test_resizing_is_within_a_grey_level_of_exact_bilinear(shape):
    from skimage import transform

    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    exact = transform.resize(
        pixels, (224, 224), order=1, mode="edge", anti_aliasing=False
    )
    assert np.abs(resize(pixels) - 255 * exact).max() <= 1.01


@pytest.mark.slow
def test_a_trunk_in_half_precision_describes_nearly_the_same(random_layers, tmp_path):
    path = tmp_path / "trunk.h5"
    keras_3(path, random_layers)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    picture, root = SearchImage("one", pixels), whole_image(64, 96)
    for package in (image_zooms, pool45_crops):
        whole, half = (
            package.features.make_features(
                package.config.TestSettings(path_vgg=path, trunk_dtype=dtype)
            )([picture], [root])
            for dtype in ("float32", "bfloat16")
        )
        assert whole.dtype == half.dtype == np.float32
        error = np.linalg.norm(half - whole) / np.linalg.norm(whole)
        assert 0 < error < 0.03
