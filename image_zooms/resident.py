"""The descriptor of image_zooms without leaving the device.

An image is brought to the device once. Cropping and resizing to 224×224 are array
operations there, on many regions at once, in the same integers as
:func:`hierarchy.pictures.resize` and so with the same pixels.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from keras import ops

from common.device_arrays import (
    Array,
    bytes_of,
    compiled,
    compiled_model,
    fill_up,
)
from hierarchy.description import DESCRIPTOR_SIZE, Cache, vgg_input
from hierarchy.pictures import Picture, resize_taps
from hierarchy.quirks import Quirks
from hierarchy.regions import Region
from image_zooms.config import INPUT_SIZE

LEAST_ROOM = 1 << 18
"""Pixels, 512×512, that an image has room for at least: VOC's are of one length then,
and compile once."""


class ResidentImageZoomsDescriber:
    """Describes regions of images that are kept on the device.

    Args:
        trunk: VGG-16 to ``block5_pool``.
        capacity: bytes of images kept at most.
        quirks: the published differences to follow.
    """

    def __init__(self, trunk, capacity: int, quirks: Quirks = Quirks()):
        self._trunk = compiled_model(trunk)
        self.images: Cache[Array] = Cache(capacity, bytes_of)
        # Zero pixels go in, so that what is added to them comes out.
        zeros = np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
        self._added = ops.convert_to_tensor(vgg_input(zeros, quirks))
        axis = 1 if quirks.channel_order else -1

        def crop(images: Sequence[Array], sources: PixelSources, added: Array) -> Array:
            pixels = crop_and_resize(images, sources)
            return ops.cast(ops.flip(pixels, axis), "float32") + added

        self._crop = compiled(crop, fused=True)

    def describe(self, pictures: Sequence[Picture], regions: Sequence[Region]) -> Array:
        """Return float32 (n, 25088), on the device: as ``ImageZoomsDescriber`` does.

        Args:
            pictures: that which each region is of, n of them.
            regions: n of them, at least one.
        """
        views = list(zip(pictures, regions, strict=True))
        images = {picture.key: self._image(picture) for picture in pictures}
        by_room = defaultdict(list)
        for number, picture in enumerate(pictures):
            by_room[images[picture.key].shape[0]].append(number)
        order = [number for numbers in by_room.values() for number in numbers]
        inputs = ops.concatenate(
            [self._inputs(numbers, views, images) for numbers in by_room.values()]
        )
        missing = fill_up(len(views)) - len(views)
        inputs = ops.take(inputs, [*np.argsort(order), *[0] * missing], axis=0)
        descriptors = ops.cast(self._trunk(inputs), "float32")
        return ops.reshape(descriptors, (-1, DESCRIPTOR_SIZE))[: len(views)]

    def _inputs(
        self,
        numbers: Sequence[int],
        views: Sequence[tuple[Picture, Region]],
        images: dict,
    ) -> Array:
        """Return what VGG-16 takes of some regions whose images have the same room."""
        chosen = [views[number] for number in numbers]
        chosen += chosen[-1:] * (fill_up(len(chosen)) - len(chosen))
        inputs = self._crop(
            [images[picture.key] for picture, _ in chosen],
            sources_of(chosen),
            self._added,
        )
        return inputs[: len(numbers)]

    def _image(self, picture: Picture) -> Array:
        return self.images.get(picture.key, lambda: flattened(picture))


def flattened(picture: Picture) -> Array:
    """Bring an image to the device: uint8 (room, 3), row by row, then zeros.

    The room is a power of two, for what is of one length is compiled once.
    """
    flat = picture.pixels.reshape(-1, 3)
    pixels = np.zeros((max(fill_up(len(flat)), LEAST_ROOM), 3), np.uint8)
    pixels[: len(flat)] = flat
    return ops.convert_to_tensor(pixels)


class PixelSources(NamedTuple):
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


def sources_of(
    views: Sequence[tuple[Picture, Region]], size: int = INPUT_SIZE
) -> PixelSources:
    """Return where the pixels of regions come from if resized to ``size`` each way.

    Args:
        views: regions, each with its picture.
        size: pixels each way.
    """
    sources = []
    for picture, region in views:
        ymin, xmin, ymax, xmax = region.crop
        rows, row_weights = resize_taps(ymax - ymin, size)
        columns, column_weights = resize_taps(xmax - xmin, size, clamped=True)
        rows = (ymin + rows) * picture.size[1]
        sources.append((rows, xmin + columns, row_weights, column_weights))
    parts = zip(*sources, strict=True)
    return PixelSources(*(np.stack(part).astype(np.int32) for part in parts))


def crop_and_resize(images: Sequence[Array], sources: PixelSources) -> Array:
    """Resize a region of each image, as :func:`hierarchy.pictures.resize` does.

    Args:
        images: n of uint8 (room, 3), flattened.
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
