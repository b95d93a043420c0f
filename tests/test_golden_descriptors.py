"""ImageNet's descriptors, as recorded in float64, through what the programs call."""

import keras
import numpy as np
import pytest

import image_zooms.config
import image_zooms.features
import pool45_crops.config
import pool45_crops.features
from hierarchy.images import SearchImage, resize
from hierarchy.regions import whole_image
from weights.vgg16 import load_vgg16, preprocess

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def records(golden):
    records = golden("vgg_descriptors_imagenet")
    assert records
    return records


def assert_maps(maps: np.ndarray, record: dict) -> None:
    """Compare (rows, columns, channels) with a record."""
    maps = maps.transpose(2, 0, 1).astype(np.float64)
    channels, height, width = maps.shape
    assert list(maps.shape) == record["shape"]
    assert maps.sum() == pytest.approx(record["sum"], rel=1e-5)
    assert np.linalg.norm(maps) == pytest.approx(record["l2"], rel=1e-5)
    assert (maps > 0).mean() == pytest.approx(record["nonzero"], rel=1e-3)
    means = maps[:12].mean(axis=(1, 2))
    np.testing.assert_allclose(means, record["channel_means"], rtol=0, atol=1e-3)
    centre = maps[:12, height // 2, width // 2]
    np.testing.assert_allclose(centre, record["centre"], rtol=0, atol=1e-3)


@pytest.mark.parametrize("on_device", [0, 1])
def test_image_zooms(on_device, records, golden_image, imagenet_trunk):
    settings = image_zooms.config.TestSettings(
        path_vgg=imagenet_trunk, on_device=on_device
    )
    extract = image_zooms.features.make_features(settings)
    for record in records:
        picture = SearchImage(str(record["image_seed"]), golden_image(record))
        small = resize(picture.pixels)
        assert small.sum() == record["resized_224_sum"]
        corner = np.array(record["resized_224_corner"])
        np.testing.assert_array_equal(small[:2, :2], corner)
        region = whole_image(*picture.size)
        (descriptor,) = extract([picture], [region])
        descriptor = keras.ops.convert_to_numpy(descriptor)
        assert descriptor.dtype == np.float32
        assert_maps(descriptor.reshape(7, 7, 512), record["image_zooms_block5_pool"])


def test_pool45_crops(records, golden_image, imagenet_trunk):
    settings = pool45_crops.config.TestSettings(path_vgg=imagenet_trunk)
    extract = pool45_crops.features.make_features(settings)
    for record in records:
        picture = SearchImage(str(record["image_seed"]), golden_image(record))
        maps = extract.feature_maps(picture)
        assert_maps(maps.block4_pool, record["full_image_block4_pool"])
        assert_maps(maps.block5_pool, record["full_image_block5_pool"])


def test_the_trunk_alone(records, golden_image, imagenet_trunk):
    model = load_vgg16(imagenet_trunk, ("block4_pool", "block5_pool"))
    image = golden_image(records[-1])
    pool4, pool5 = model(preprocess(image)[None])
    for maps, name in ((pool4, "block4"), (pool5, "block5")):
        maps = keras.ops.convert_to_numpy(maps)[0]
        assert_maps(maps, records[-1][f"full_image_{name}_pool"])
