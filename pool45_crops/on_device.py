"""The features of pool45_crops without leaving the device.

Feature maps stay where VGG-16 made them, as a list of cells. Pooling and interpolating
are one batched array operation there: of each of 7×7 new cells a few old ones are
gathered, and of those the largest is taken, or a weighted sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

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
from hierarchy.images import SearchImage, mean_colour
from hierarchy.quirks import Quirks
from hierarchy.regions import Region, Window
from pool45_crops.cells import (
    POOLED_SIZE,
    cells_of,
    interpolation_weights,
    is_large,
    map_input,
)
from pool45_crops.config import SMALLEST_IMAGE
from weights.vgg16 import DESCRIPTOR_MIRROR, DESCRIPTOR_SIZE, DTYPE

CHANNELS = 512


@dataclass(frozen=True, eq=False)
class OnDeviceMaps:
    """What VGG-16 makes of an image, on the device.

    Attributes:
        cells: float32 (capacity, 512), the cells of ``block4_pool`` row by row, those
            of ``block5_pool``, then zeros up to a power of two.
        sizes: rows and columns of the two maps.
    """

    cells: Array
    sizes: tuple[tuple[int, int], tuple[int, int]]

    @property
    def nbytes(self) -> int:
        """Bytes of the cells."""
        return nbytes(self.cells)


class OnDevicePool45Crops(FeatureExtractor):
    """Features of regions from feature maps that are kept on the device.

    Args:
        trunk: VGG-16 to ``block4_pool`` and ``block5_pool``.
        fingerprint: what tells it from others, ready for JSON.
        capacity: bytes of feature maps kept at most.
        quirks: the published differences to follow.
        keeps_maps: whether maps stay those of the image before anything was masked;
            FIDELITY.md row pool45_masking.
    """

    size, smallest_image = DESCRIPTOR_SIZE, SMALLEST_IMAGE
    may_differ = (DTYPE,)

    def __init__(
        self,
        trunk: keras.Model,
        fingerprint: dict[str, Any],
        capacity: int,
        quirks: Quirks = Quirks(),
        keeps_maps: bool = False,
    ):
        self.fingerprint, self.fill_colour = fingerprint, mean_colour(quirks)
        self.mirror = None if quirks.layout else DESCRIPTOR_MIRROR
        self._trunk = compiled_model(trunk)
        self._quirks = quirks
        self._keeps_maps = keeps_maps
        self._capacity = 1
        self.cache: Cache[OnDeviceMaps] = Cache(capacity)

        def pooled(cells: Sequence[Array], sources: SamplingGrid) -> Array:
            return pool(cells, sources, quirks.layout)

        self._pool = compiled(pooled, fused=True)

    def __call__(
        self, images: Sequence[SearchImage], regions: Sequence[Region]
    ) -> Array:
        """Return float32 (n, 25088), on the device: as ``Pool45Crops`` does.

        Args:
            images: that which each region is of, n of them.
            regions: n of them, at least one.

        Raises:
            InputError: an image is under 32 pixels high or wide.
        """
        views = [
            (self._maps_of(image), region.window)
            for image, region in zip(images, regions, strict=True)
        ]
        views += views[-1:] * (next_power_of_two(len(views)) - len(views))
        cells = [_padded(maps.cells, self._capacity) for maps, _ in views]
        sources = sampling_grid(
            [(maps.sizes, window) for maps, window in views], self._quirks
        )
        return self._pool(cells, sources)[: len(regions)]

    def _maps_of(self, image: SearchImage) -> OnDeviceMaps:
        if self._keeps_maps:
            image = image.original
        return self.cache.get(image.key, lambda: self.feature_maps(image))

    def feature_maps(self, image: SearchImage) -> OnDeviceMaps:
        """Return the maps of an image, from one pass through VGG-16.

        Raises:
            InputError: the image is under 32 pixels high or wide.
        """
        maps = self._trunk(map_input(image, self._quirks))
        fine, coarse = ((one.shape[1], one.shape[2]) for one in maps)
        flat = [ops.reshape(ops.cast(one, "float32"), (-1, CHANNELS)) for one in maps]
        cells = ops.concatenate(flat)
        # All as long as the longest so far: what is of one length is compiled once.
        self._capacity = max(self._capacity, next_power_of_two(cells.shape[0]))
        return OnDeviceMaps(_padded(cells, self._capacity), (fine, coarse))


class SamplingGrid(NamedTuple):
    """Which cells the 7×7 of n descriptors are made of.

    Attributes:
        rows: int32 (n, 7, k), what each of up to k rows adds to a cell's number.
        columns: the same of columns.
        row_weights: float32 (n, 7, k), of the rows where cells are interpolated.
        column_weights: the same of columns.
        is_pooled: bool (n,), whether cells are max-pooled.
    """

    rows: Array
    columns: Array
    row_weights: Array
    column_weights: Array
    is_pooled: Array


def sampling_grid(
    views: Sequence[tuple[Sequence[tuple[int, int]], Window]], quirks: Quirks = Quirks()
) -> SamplingGrid:
    """Return which cells regions are made of; k is a power of two.

    Args:
        views: of each region the sizes of its image's two maps, and its window.
        quirks: the published differences to follow.
    """
    sides, is_pooled = [], []
    for sizes, window in views:
        large = is_large(window)
        size = sizes[large]
        first = np.prod(sizes[0]) if large else 0
        ymin, xmin, ymax, xmax = cells_of(window, size, quirks)
        pooled = min(ymax - ymin, xmax - xmin) >= POOLED_SIZE
        make = _bins if pooled else _neighbours
        rows, row_weights = make(ymax - ymin)
        columns, column_weights = make(xmax - xmin)
        rows = first + (ymin + rows) * size[1]
        sides.append((rows, xmin + columns, row_weights, column_weights))
        is_pooled.append(pooled)
    most = next_power_of_two(max(part.shape[1] for side in sides for part in side))
    rows, columns, row_weights, column_weights = (
        np.stack([_widened(part, most) for part in parts])
        for parts in zip(*sides, strict=True)
    )
    return SamplingGrid(
        rows.astype(np.int32),
        columns.astype(np.int32),
        row_weights,
        column_weights,
        np.array(is_pooled),
    )


def _bins(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the old cells of each new one that is pooled: (7, k), some repeated.

    Their weights are zero. As ``extract_features_from_roi`` divides them.
    """
    step = size // POOLED_SIZE
    last = size - (POOLED_SIZE - 1) * step
    lengths = np.array([step] * (POOLED_SIZE - 1) + [last])
    within = np.minimum(np.arange(last), lengths[:, None] - 1)
    bins = step * np.arange(POOLED_SIZE)[:, None] + within
    return bins, np.zeros(bins.shape, np.float32)


def _neighbours(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the two old cells of each new one, and their weights: (7, 2)."""
    weights = interpolation_weights(size)
    first = np.minimum(np.argmax(weights > 0, axis=1), max(size - 2, 0))
    cells = np.stack([first, np.minimum(first + 1, size - 1)], axis=1)
    taken = np.take_along_axis(weights, cells, axis=1)
    taken[cells[:, 0] == cells[:, 1], 1] = 0
    return cells, taken


def _widened(part: np.ndarray, width: int) -> np.ndarray:
    """Widen (7, k) to a width: cells are repeated, weights are zero."""
    mode: Literal["constant", "edge"] = "edge"
    if part.dtype == np.float32:
        mode = "constant"
    return np.pad(part, [(0, 0), (0, width - part.shape[1])], mode)


def pool(
    cells: Sequence[Array], sources: SamplingGrid, channels_first: bool = False
) -> Array:
    """Return descriptors made of gathered cells: float32 (n, 25088).

    Where a backend does not fuse it, what is gathered takes n · 7 · 7 · k · k · 2 KB:
    100 MB for 16 regions of images of VOC's size.

    Args:
        cells: n of float32 (capacity, 512), not negative.
        sources: of the regions' cells.
        channels_first: whether interpolated ones are flattened channel, row, column;
            FIDELITY.md row layout.
    """
    places = sources.rows[:, :, None, :, None] + sources.columns[:, None, :, None, :]
    found = ops.stack(
        [ops.take(one, places[number], axis=0) for number, one in enumerate(cells)]
    )
    largest = ops.max(found, axis=(3, 4))
    row_weights = sources.row_weights[:, :, None, :, None]
    weights = row_weights * sources.column_weights[:, None, :, None, :]
    mixed = ops.sum(found * weights[..., None], axis=(3, 4))
    if channels_first:
        mixed = ops.transpose(mixed, (0, 3, 1, 2))
    largest, mixed = (
        ops.reshape(one, (len(cells), DESCRIPTOR_SIZE)) for one in (largest, mixed)
    )
    return ops.where(sources.is_pooled[:, None], largest, mixed)


def _padded(cells: Array, capacity: int) -> Array:
    missing = capacity - cells.shape[0]
    return ops.pad(cells, ((0, missing), (0, 0))) if missing else cells
