"""The descriptor of image_zooms without leaving the device.

An image is brought to the device once. Cropping and resizing to 224×224 are array
operations there, on many regions at once, in the same integers as
:func:`hierarchy.pictures.resize` and so with the same pixels.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from common.device_arrays import bytes_of, compiled, compiled_model
from hierarchy.description import DESCRIPTOR_SIZE, Cache, vgg_input
from hierarchy.pictures import Picture, resize_taps
from hierarchy.quirks import Quirks
from hierarchy.regions import Region
from image_zooms.config import INPUT_SIZE

SMALLEST_ROOM = 1 << 16
"""Pixels, 256×256, that an image has room for at least."""


class ResidentImageZoomsDescriber:
    """Describes regions of images that are kept on the device.

    Args:
        trunk: VGG-16 to ``block5_pool``.
        capacity: bytes of images kept at most.
        quirks: the published differences to follow.
    """

    def __init__(self, trunk, capacity: int, quirks: Quirks = Quirks()):
        self._trunk = compiled_model(trunk)
        self._room = SMALLEST_ROOM
        self._capacity = capacity
        self.images: Cache[Any] = Cache(capacity, bytes_of)
        # Zero pixels go in, so that what is added to them comes out.
        added = vgg_input(np.zeros((INPUT_SIZE, INPUT_SIZE, 3), np.uint8), quirks)
        self._added = ops.convert_to_tensor(added)
        self._crop = compiled(
            lambda images, taps, added: to_vgg_input(
                crop_and_resize(images, taps), added, quirks
            ),
            fused=True,
        )

    def describe(self, pictures: Sequence[Picture], regions: Sequence[Region]) -> Any:
        """Return float32 (n, 25088), on the device: as ``ImageZoomsDescriber`` does.

        Batches are filled up to a power of two, for each size is compiled anew.
        """
        filled = 2 ** (len(regions) - 1).bit_length()
        pictures = [*pictures, *[pictures[-1]] * (filled - len(pictures))]
        wanted = [*regions, *[regions[-1]] * (filled - len(regions))]
        self._make_room(pictures)
        images = tuple(map(self._image, pictures))
        inputs = self._crop(images, taps_of(pictures, wanted), self._added)
        descriptors = ops.cast(self._trunk(inputs), "float32")
        return ops.reshape(descriptors, (filled, DESCRIPTOR_SIZE))[: len(regions)]

    def _make_room(self, pictures: Sequence[Picture]) -> None:
        """Give images room for the largest so far: of one size, they compile once."""
        largest = max(np.prod(picture.size) for picture in pictures)
        if largest > self._room:
            self._room = 2 ** (int(largest) - 1).bit_length()
            self.images = Cache(self._capacity, bytes_of)

    def _image(self, picture: Picture) -> Any:
        return self.images.get(picture.key, lambda: self._bring(picture))

    def _bring(self, picture: Picture) -> Any:
        """Bring an image to the device: uint8 (room, 3), row by row, then zeros."""
        pixels = np.zeros((self._room, 3), np.uint8)
        flat = picture.pixels.reshape(-1, 3)
        pixels[: len(flat)] = flat
        return ops.convert_to_tensor(pixels)


class Taps(NamedTuple):
    """Where the pixels of n resized regions come from; int32 (n, 2, size) each.

    Attributes:
        rows: what the two rows that a new one is mixed of add to a pixel's number in
            its flattened image.
        columns: what the two columns add.
        row_weights: of the two rows, in 1/2048.
        column_weights: of the two columns.
    """

    rows: Any
    columns: Any
    row_weights: Any
    column_weights: Any


def taps_of(
    pictures: Sequence[Picture], regions: Sequence[Region], size: int = INPUT_SIZE
) -> Taps:
    """Return the taps of regions that are resized to ``size`` each way."""
    taps = []
    for picture, region in zip(pictures, regions, strict=True):
        ymin, xmin, ymax, xmax = region.crop
        rows, row_weights = resize_taps(ymax - ymin, size)
        columns, column_weights = resize_taps(xmax - xmin, size, clamped=True)
        rows = (ymin + rows) * picture.size[1]
        taps.append((rows, xmin + columns, row_weights, column_weights))
    return Taps(*(np.stack(part).astype(np.int32) for part in zip(*taps, strict=True)))


def crop_and_resize(images: Sequence[Any], taps: Taps) -> Any:
    """Resize a region of each image, as :func:`hierarchy.pictures.resize` does.

    Args:
        images: n of uint8 (pixels, 3), flattened; all of one length.
        taps: of the regions.

    Returns:
        int32 (n, size, size, 3), RGB in 0 … 255.
    """
    room = images[0].shape[0]
    pixels = ops.concatenate(images)
    first = room * ops.arange(len(images), dtype="int32")[:, None, None]
    mixed = 0
    for row in (0, 1):
        across = 0
        for column in (0, 1):
            rows, columns = taps.rows[:, row, :, None], taps.columns[:, column, None, :]
            source = ops.take(pixels, first + rows + columns, axis=0)
            weights = taps.column_weights[:, column, None, :, None]
            across += ops.cast(source, "int32") * weights
        across = ops.right_shift(across, 4) * taps.row_weights[:, row, :, None, None]
        mixed += ops.right_shift(across, 16)
    return ops.right_shift(mixed + 2, 2)


def to_vgg_input(pixels: Any, added: Any, quirks: Quirks = Quirks()) -> Any:
    """Turn resized regions into what VGG-16 takes, as ``vgg_input`` does.

    Args:
        pixels: int32 (n, height, width, 3), RGB.
        added: float32 (height, width, 3), what ``vgg_input`` makes of zeros.
        quirks: the published differences to follow.

    Returns:
        float32 (n, height, width, 3).
    """
    axis = 1 if quirks.channel_order else -1
    return ops.cast(ops.flip(pixels, axis), "float32") + added
