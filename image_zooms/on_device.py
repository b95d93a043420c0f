"""The features of image_zooms without leaving the device.

An image is brought to the device once. Cropping and resizing to 224×224 are array
operations there, on many regions at once, in the same integers as
:func:`hierarchy.images.resize` and so with the same pixels.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from common.device_arrays import (
    Array,
    compiled,
    compiled_model,
    nbytes,
    next_power_of_two,
)
from hierarchy.features import Cache, FeatureExtractor
from hierarchy.images import MEAN_RGB, SearchImage, interpolation_sources
from hierarchy.regions import Region
from image_zooms.config import INPUT_SIZE
from weights.vgg16 import DESCRIPTOR_MIRROR, DESCRIPTOR_SIZE, DTYPE, trunk_input

MIN_CAPACITY = 1 << 18
"""Pixels, 512×512, that an image takes at least: VOC's are of one length then, and
compile once."""


class OnDeviceImageZooms(FeatureExtractor):
    """Features of regions of images that are kept on the device.

    Args:
        trunk: VGG-16 to ``block5_pool``.
        fingerprint: what tells it from others, ready for JSON.
        capacity: bytes of images kept at most.
        channel_order: preprocesses as the published program does.
        fill_colour: RGB in 0 … 255 that found objects are masked with.
    """

    size, may_differ, mirror = DESCRIPTOR_SIZE, (DTYPE,), DESCRIPTOR_MIRROR

    def __init__(
        self,
        trunk: keras.Model,
        fingerprint: dict[str, Any],
        capacity: int,
        channel_order: bool = False,
        fill_colour: tuple[int, int, int] = MEAN_RGB,
    ):
        self.fingerprint, self.fill_colour = fingerprint, fill_colour
        self._trunk = compiled_model(trunk)
        self.images: Cache[Array] = Cache(capacity, nbytes)
        # Zero pixels go in, so that what is added to them comes out.
        zeros = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
        self._added = ops.convert_to_tensor(trunk_input(zeros, channel_order))
        axis = 1 if channel_order else -1

        def crop(images: Sequence[Array], sources: SamplingGrid, added: Array) -> Array:
            pixels = crop_and_resize(images, sources)
            return ops.cast(ops.flip(pixels, axis), "float32") + added

        self._crop = compiled(crop, fused=True)

    def __call__(
        self, images: Sequence[SearchImage], regions: Sequence[Region]
    ) -> Array:
        """Return float32 (n, 25088), on the device: as ``ImageZooms`` does.

        Args:
            images: that which each region is of, n of them.
            regions: n of them, at least one.
        """
        views = list(zip(images, regions, strict=True))
        kept = {image.key: self._kept(image) for image in images}
        by_capacity = defaultdict(list)
        for number, image in enumerate(images):
            by_capacity[kept[image.key].shape[0]].append(number)
        order = [number for numbers in by_capacity.values() for number in numbers]
        inputs = ops.concatenate(
            [self._inputs(numbers, views, kept) for numbers in by_capacity.values()]
        )
        missing = next_power_of_two(len(views)) - len(views)
        inputs = ops.take(inputs, [*np.argsort(order), *[0] * missing], axis=0)
        descriptors = ops.cast(self._trunk(inputs), "float32")
        return ops.reshape(descriptors, (-1, DESCRIPTOR_SIZE))[: len(views)]

    def _inputs(
        self,
        numbers: Sequence[int],
        views: Sequence[tuple[SearchImage, Region]],
        kept: dict,
    ) -> Array:
        """Return what VGG-16 takes of some regions whose images are equally long."""
        chosen = [views[number] for number in numbers]
        chosen += chosen[-1:] * (next_power_of_two(len(chosen)) - len(chosen))
        inputs = self._crop(
            [kept[image.key] for image, _ in chosen],
            sampling_grid(chosen),
            self._added,
        )
        return inputs[: len(numbers)]

    def _kept(self, image: SearchImage) -> Array:
        return self.images.get(image.key, lambda: flattened(image))


def flattened(image: SearchImage) -> Array:
    """Bring an image to the device: uint8 (capacity, 3), row by row, then zeros.

    The capacity is a power of two, for what is of one length is compiled once.
    """
    flat = image.pixels.reshape(-1, 3)
    pixels = np.zeros((max(next_power_of_two(len(flat)), MIN_CAPACITY), 3), np.uint8)
    pixels[: len(flat)] = flat
    return ops.convert_to_tensor(pixels)


class SamplingGrid(NamedTuple):
    """Where the pixels of n resized regions come from; int32 (n, 2, size) each.

    Attributes:
        rows: what the two rows that a new one is mixed of add to a pixel's number in
            its flattened image.
        columns: what the two columns add.
        row_weights: of the two rows, in 1/2048.
        column_weights: of the two columns.
    """

    rows: Array
    columns: Array
    row_weights: Array
    column_weights: Array


def sampling_grid(
    views: Sequence[tuple[SearchImage, Region]], size: int = INPUT_SIZE
) -> SamplingGrid:
    """Return where the pixels of regions come from if resized to ``size`` each way.

    Args:
        views: regions, each with its image.
        size: pixels each way.
    """
    sources = []
    for image, region in views:
        ymin, xmin, ymax, xmax = region.crop
        rows, row_weights = interpolation_sources(ymax - ymin, size)
        columns, column_weights = interpolation_sources(xmax - xmin, size, clamped=True)
        rows = (ymin + rows) * image.size[1]
        sources.append((rows, xmin + columns, row_weights, column_weights))
    parts = zip(*sources, strict=True)
    return SamplingGrid(*(np.stack(part).astype(np.int32) for part in parts))


def crop_and_resize(images: Sequence[Array], sources: SamplingGrid) -> Array:
    """Resize a region of each image, as :func:`hierarchy.images.resize` does.

    Args:
        images: n of uint8 (capacity, 3), flattened.
        sources: of the regions' pixels.

    Returns:
        int32 (n, size, size, 3), RGB in 0 … 255.
    """
    mixed = 0
    for row in (0, 1):
        across = 0
        for column in (0, 1):
            places = sources.rows[:, row, :, None] + sources.columns[:, column, None, :]
            found = [
                ops.take(image, places[number], axis=0)
                for number, image in enumerate(images)
            ]
            weights = sources.column_weights[:, column, None, :, None]
            across += ops.cast(ops.stack(found), "int32") * weights
        weights = sources.row_weights[:, row, :, None, None]
        mixed += ops.right_shift(ops.right_shift(across, 4) * weights, 16)
    return ops.right_shift(mixed + 2, 2)
