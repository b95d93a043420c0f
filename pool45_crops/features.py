"""The descriptor of pool45_crops: a region pooled from the feature maps of its image.

Source: paper, section 3.2, "Pool45-Crops"; FIDELITY.md rows layout, widened_regions and
pool45_masking.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from common.errors import file_error
from hierarchy.config import SharedSettings, TrainSettings
from hierarchy.description import (
    DESCRIPTOR_SIZE,
    Cache,
    Describer,
    vgg_input,
)
from hierarchy.pictures import Picture
from hierarchy.quirks import Quirks
from hierarchy.regions import Region, Window
from weights.vgg16 import load_vgg16

CELLS = 7
"""Cells of a descriptor along either axis."""

STRIDES = (16, 32)
"""Pixels of the image between cells of ``block4_pool`` and of ``block5_pool``."""

TAPS = ("block4_pool", "block5_pool")

LEAST_SIDE = STRIDES[1]
"""Pixels that an image needs along either axis for ``block5_pool`` to have a cell."""


class FeatureMaps(NamedTuple):
    """What VGG-16 makes of a whole image at its own size.

    Attributes:
        block4_pool: float32 (height // 16, width // 16, 512).
        block5_pool: float32 (height // 32, width // 32, 512).
    """

    block4_pool: np.ndarray
    block5_pool: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.block4_pool.nbytes + self.block5_pool.nbytes


def obtain_descriptor_from_feature_map(
    feature_maps: FeatureMaps, window: Window, quirks: Quirks = Quirks()
) -> np.ndarray:
    """Return the descriptor of a region: max-pooled, or upsampled where it is small.

    It is taken from ``block5_pool`` if the region's side, √(height · width), is more
    than 7 cells there, else from ``block4_pool``. A region of 7 cells or more along
    both axes is max-pooled, any other interpolated. Source: paper, section 3.2;
    FIDELITY.md rows layout and widened_regions.

    Args:
        feature_maps: of the region's image.
        window: (y, x, height, width) in pixels of the image, as floats.
        quirks: the published differences to follow.

    Returns:
        float32 (25088,): row, column, channel; with ``layout`` an interpolated one is
        channel, row, column.
    """
    _, _, height, width = window
    level = int(np.sqrt(height * width) / CELLS > STRIDES[1])
    feature_map, stride = feature_maps[level], STRIDES[level]
    cells = tuple(value / stride for value in window)
    bounds = _widened_bounds if quirks.widened_regions else _bounds
    top, bottom = bounds(cells[0], cells[2], feature_map.shape[0])
    left, right = bounds(cells[1], cells[3], feature_map.shape[1])
    roi = feature_map[top:bottom, left:right]
    if min(roi.shape[:2]) >= CELLS:
        return extract_features_from_roi(roi).reshape(-1)
    features = interpolate_3d_features(roi)
    return (features.transpose(2, 0, 1) if quirks.layout else features).reshape(-1)


def _bounds(start: float, length: float, size: int) -> tuple[int, int]:
    """Return the cells, from and to, that a region covers along one axis of a map."""
    first = min(int(start), size - 1)
    return first, min(max(int(start + length), first + 1), size)


def _widened_bounds(start: float, length: float, size: int) -> tuple[int, int]:
    """Return the same as published: at least 7 cells, shifted so as not to reach out.

    Only where the whole map has fewer they are fewer.
    """
    length = max(length, CELLS)
    if start + length > size:
        start = size - length
    return max(int(start), 0), int(start + length)


def extract_features_from_roi(roi: np.ndarray) -> np.ndarray:
    """Max-pool a region of a feature map to 7×7.

    Pooling cells have floor(size / 7) map cells; the last ones take the rest too.

    Args:
        roi: float32 (height, width, channels), both sides 7 or more.

    Returns:
        float32 (7, 7, channels).
    """
    for axis in (0, 1):
        starts = np.arange(CELLS) * (roi.shape[axis] // CELLS)
        roi = np.maximum.reduceat(roi, starts, axis=axis)
    return roi


def interpolate_3d_features(features: np.ndarray) -> np.ndarray:
    """Resize a region of a feature map to 7×7, bilinear, its corners kept in place.

    Args:
        features: float32 (height, width, channels), of any size from 1×1.

    Returns:
        float32 (7, 7, channels).
    """
    for axis in (0, 1):
        places = np.linspace(0, features.shape[axis] - 1, CELLS)
        first = np.floor(places).astype(int)
        second = np.minimum(first + 1, features.shape[axis] - 1)
        shape = [CELLS if axis == other else 1 for other in range(3)]
        rest = (places - first).astype(np.float32).reshape(shape)
        before, after = (np.take(features, at, axis) for at in (first, second))
        features = before + (after - before) * rest
    return features


class Pool45Describer:
    """Describes regions from the feature maps of one pass over the whole image.

    Args:
        trunk: VGG-16 with both of :data:`TAPS` as outputs.
        capacity: bytes of feature maps remembered at most, besides the last.
        quirks: the published differences to follow.
        keeps_maps: whether an image keeps its maps when it is painted over (row
            pool45_masking).
    """

    def __init__(
        self,
        trunk,
        capacity: int,
        quirks: Quirks = Quirks(),
        keeps_maps: bool = False,
    ):
        self._trunk = trunk
        self._quirks = quirks
        self._keeps_maps = keeps_maps
        self.cache = Cache(capacity)
        self._last: tuple[object, FeatureMaps | None] = (None, None)

    def describe(self, picture: Picture, regions: Sequence[Region]) -> np.ndarray:
        """Return float32 (n, 25088): the descriptor of each region.

        Raises:
            InputError: the image has a side of less than 32 pixels.
        """
        maps = self.maps(picture)
        descriptors = np.empty((len(regions), DESCRIPTOR_SIZE), np.float32)
        for row, region in zip(descriptors, regions, strict=True):
            row[:] = obtain_descriptor_from_feature_map(
                maps, region.window, self._quirks
            )
        return descriptors

    def maps(self, picture: Picture) -> FeatureMaps:
        """Return an image's feature maps, made now if they are not remembered."""
        key = picture.name if self._keeps_maps else picture.key
        # A search asks for the same maps all along, even where there is no cache.
        if self._last[0] != key:
            maps = self.cache.get(key, lambda: self._compute(picture))
            self._last = key, maps
        return self._last[1]

    def _compute(self, picture: Picture) -> FeatureMaps:
        if min(picture.size) < LEAST_SIDE:
            height, width = picture.size
            raise file_error(
                picture.name,
                f"is an image of {width} x {height} pixels",
                f"at least {LEAST_SIDE} x {LEAST_SIDE} for pool45_crops",
            )
        inputs = vgg_input(picture.pixels, self._quirks)
        outputs = self._trunk.predict_on_batch(inputs[None])
        return FeatureMaps(*(np.asarray(output[0], np.float32) for output in outputs))


def make_describer(settings: SharedSettings) -> Describer:
    """Return the describer that the settings ask for, with its cache.

    Raises:
        InputError: ``path_vgg`` cannot be used.
    """
    trunk = load_vgg16(settings.path_vgg, TAPS)
    # Measured on a CPU: one image takes as long or longer through XLA.
    trunk.compile(jit_compile=False)
    quirks = settings.rules.quirks
    is_training = isinstance(settings, TrainSettings)
    return Pool45Describer(
        trunk, settings.cache_bytes, quirks, quirks.pool45_masking and is_training
    )
