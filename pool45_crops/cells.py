"""Which cells of which feature map a region is made of.

Source: paper, section 3.2, "Pool45-Crops"; FIDELITY.md row widened_regions.
"""

import numpy as np

from common.errors import InputError
from hierarchy.images import SearchImage
from hierarchy.quirks import Quirks
from hierarchy.regions import Box, Window, truncate
from pool45_crops.config import SMALLEST_IMAGE
from weights.vgg16 import trunk_input

STRIDE_OF_BLOCK4, STRIDE_OF_BLOCK5 = 16, 32
POOLED_SIZE = 7


def is_large(window: Window) -> bool:
    """Whether a region is taken from ``block5_pool``, not ``block4_pool``."""
    height, width = window[2:]
    return bool(np.sqrt(height * width) / POOLED_SIZE > STRIDE_OF_BLOCK5)


def cells_of(window: Window, size: tuple[int, int], quirks: Quirks = Quirks()) -> Box:
    """Return the cells of a region in the map that it is taken from.

    Args:
        window: (y, x, height, width) in pixels of the image.
        size: rows and columns of the map.
        quirks: the published differences to follow.

    Returns:
        (ymin, xmin, ymax, xmax) in cells.
    """
    stride = STRIDE_OF_BLOCK5 if is_large(window) else STRIDE_OF_BLOCK4
    y, x, height, width = (value / stride for value in window)
    if quirks.widened_regions:
        height, width = max(height, POOLED_SIZE), max(width, POOLED_SIZE)
    rows, columns = size
    y, x = max(min(y, rows - height), 0), max(min(x, columns - width), 0)
    return truncate((y, x, height, width), (rows, columns))


def interpolation_weights(size: int) -> np.ndarray:
    """Return what each of 7 new values takes from ``size`` old ones: (7, size)."""
    positions = np.linspace(0, size - 1, POOLED_SIZE)[:, None]
    distances = np.abs(positions - np.arange(size))
    return np.maximum(1 - distances, 0).astype(np.float32)


def map_input(image: SearchImage, quirks: Quirks = Quirks()) -> np.ndarray:
    """Return what VGG-16 takes for an image's maps: float32 (1, height, width, 3).

    Raises:
        InputError: the image is under 32 pixels high or wide.
    """
    height, width = image.size
    if min(height, width) < SMALLEST_IMAGE:
        raise InputError(
            f"{image.name}: the image is {height} pixels high and {width} wide;"
            f" expected at least {SMALLEST_IMAGE} each way for VGG-16's maps"
        )
    return trunk_input(image.pixels, quirks.channel_order)[None]
