"""Descriptors made on the device are those made in main memory, for both detectors."""

from functools import partial
from importlib import import_module

import numpy as np
import pytest
from keras import ops
from toy import zoom

from common.device_arrays import compiled
from hierarchy.actions import PAPER_ACTIONS
from hierarchy.images import SearchImage, mask_image_with_mean_background, resize
from hierarchy.quirks import Quirks
from hierarchy.regions import whole_image
from image_zooms.features import ImageZooms
from image_zooms.on_device import (
    MIN_CAPACITY,
    OnDeviceImageZooms,
    crop_and_resize,
    flattened,
    sampling_grid,
)
from pool45_crops import on_device
from pool45_crops.config import TrainSettings
from pool45_crops.features import (
    FeatureMaps,
    Pool45Crops,
    obtain_descriptor_from_feature_map,
)
from pool45_crops.on_device import OnDevicePool45Crops
from weights.vgg16 import load_trunk, trunk_input

pytestmark = pytest.mark.slow

SIZES = (60, 50), (90, 200), (224, 224), (130, 33), (32, 300)


def noise(height, width):
    random = np.random.default_rng([height, width])
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    return SearchImage(f"{height} by {width}", pixels)


def views(sizes=SIZES):
    """Return pictures and regions of them, at three levels of the hierarchy."""
    found = []
    for size in sizes:
        picture, region = noise(*size), whole_image(*size)
        for move in (1, 5, 4):
            found.append((picture, region))
            region = zoom(region, move, 3 / 4)
    return tuple(zip(*found, strict=True))


@pytest.mark.parametrize("size", [7, 224])
def test_regions_are_resized_to_the_same_pixels(size):
    pictures, regions = views(((1, 1), (2, 3), (300, 5), (97, 250), (224, 224)))
    sources = sampling_grid(list(zip(pictures, regions, strict=True)), size)
    images = [flattened(picture) for picture in pictures]
    crop = compiled(crop_and_resize, fused=True)
    found = ops.convert_to_numpy(crop(images, sources))
    for pixels, picture, region in zip(found, pictures, regions, strict=True):
        assert (pixels == resize(picture.crop(region), size, size)).all()


@pytest.fixture(scope="module")
def trunk_of(imagenet_trunk):
    def load(*output_layers):
        return load_trunk(TrainSettings(path_vgg=imagenet_trunk), output_layers)[0]

    return load


@pytest.mark.parametrize("quirk", [None, "channel_order"])
def test_image_zooms(quirk, trunk_of):
    trunk = trunk_of("block5_pool")
    quirks = Quirks.parse((quirk,) if quirk else ())
    pictures, regions = (given[1:6] for given in views())
    rows = {"channel_order": quirks.channel_order}
    expected = ImageZooms(trunk, {}, partial(trunk_input, **rows))(pictures, regions)
    extract = OnDeviceImageZooms(trunk, {}, 10**8, **rows)
    found = extract(pictures, regions)
    assert not isinstance(found, np.ndarray)
    assert expected.std(axis=1).min() > 0
    assert np.abs(ops.convert_to_numpy(found) - expected).max() < 1e-5 * expected.max()


def test_pool45_crops(trunk_of):
    trunk = trunk_of("block4_pool", "block5_pool")
    pictures, regions = views((*SIZES, (260, 330)))
    expected = Pool45Crops(trunk, {}, 10**8)(pictures, regions)
    found = OnDevicePool45Crops(trunk, {}, 10**8)(pictures, regions)
    assert not isinstance(found, np.ndarray)
    assert np.abs(ops.convert_to_numpy(found) - expected).max() < 1e-5 * expected.max()


@pytest.mark.parametrize("quirk", [None, "layout", "widened_regions"])
def test_cells_are_pooled_whatever_the_region(quirk):
    quirks = Quirks.parse((quirk,) if quirk else ())
    height, width = 640, 1000
    random = np.random.default_rng(0)
    maps = FeatureMaps(
        *(
            random.random((height // stride, width // stride, 512), np.float32)
            for stride in (16, 32)
        )
    )
    windows = [
        tuple(random.uniform((0, 0, 1, 1), (height, width, height, width)))
        for _ in range(60)
    ]
    windows += [(0, 0, height, width), (0, 0, 224, 224), (0, 0, 225, 225)]
    both = maps.block4_pool, maps.block5_pool
    cells = np.concatenate([one.reshape(-1, 512) for one in both])
    sizes = [one.shape[:2] for one in both]
    sources = on_device.sampling_grid([(sizes, window) for window in windows], quirks)
    pool = compiled(lambda *given: on_device.pool(*given, quirks.layout), fused=True)
    found = ops.convert_to_numpy(pool([cells] * len(windows), sources))
    for descriptor, window in zip(found, windows, strict=True):
        expected = obtain_descriptor_from_feature_map(maps, window, quirks)
        assert np.abs(descriptor - expected).max() < 1e-5, window


def test_pool45_crops_keeps_maps_where_the_published_program_does(trunk_of):
    trunk = trunk_of("block4_pool", "block5_pool")
    picture = noise(64, 96)
    masked = mask_image_with_mean_background((0, 0, 64, 96), picture)
    region = [whole_image(64, 96)]
    for keeps_maps in (False, True):
        extract = OnDevicePool45Crops(trunk, {}, 10**8, keeps_maps=keeps_maps)
        before, after = (
            ops.convert_to_numpy(extract([one], region)) for one in (picture, masked)
        )
        assert (before == after).all() == keeps_maps


def test_images_are_brought_to_the_device_once_and_within_bounds(trunk_of):
    trunk = trunk_of("block5_pool")
    small = [noise(40, 40 + number) for number in range(4)]
    extract = OnDeviceImageZooms(trunk, {}, 3 * MIN_CAPACITY * 3)
    for _ in range(2):
        for picture in small[:3]:
            extract([picture], [whole_image(*picture.size)])
    assert (extract.images.misses, extract.images.hits) == (3, 3)
    extract(small[3:], [whole_image(*small[3].size)])
    extract(small[:1], [whole_image(*small[0].size)])
    assert extract.images.misses == 5  # the first made way for the fourth


def test_images_of_different_length_are_described_together(trunk_of):
    trunk = trunk_of("block5_pool")
    pictures = [noise(*size) for size in ((50, 60), (600, 500), (50, 70), (500, 600))]
    regions = [whole_image(*picture.size) for picture in pictures]
    expected = ImageZooms(trunk, {})(pictures, regions)
    extract = OnDeviceImageZooms(trunk, {}, 10**8)
    found = ops.convert_to_numpy(extract(pictures, regions))
    assert np.abs(found - expected).max() < 1e-5 * expected.max()
    assert len({image.shape[0] for image in map(flattened, pictures)}) == 2


@pytest.mark.parametrize(
    "make, output_layers",
    [
        (OnDeviceImageZooms, ("block5_pool",)),
        (OnDevicePool45Crops, ("block4_pool", "block5_pool")),
    ],
)
def test_each_region_needs_its_picture(make, output_layers, trunk_of):
    pictures, regions = views()
    with pytest.raises(ValueError):
        make(trunk_of(*output_layers), {}, 10**8)(pictures[:3], regions[:4])


@pytest.mark.parametrize("detector", ["image_zooms", "pool45_crops"])
def test_the_setting_chooses_where_descriptors_are(detector, imagenet_trunk):
    picture = noise(40, 50)
    regions = [zoom(whole_image(40, 50), move, 3 / 4) for move in PAPER_ACTIONS.moves]
    found = []
    for flag in (0, 1):
        settings = import_module(f"{detector}.config").TrainSettings(
            path_vgg=imagenet_trunk, on_device=flag
        )
        extract = import_module(f"{detector}.features").make_features(settings)
        found.append(extract([picture] * len(regions), regions))
        assert isinstance(found[-1], np.ndarray) == (not flag)
    here, there = found[0], ops.convert_to_numpy(found[1])
    assert here.shape == there.shape == (len(regions), 25088)
    assert np.abs(here - there).max() < 1e-5 * here.max()
