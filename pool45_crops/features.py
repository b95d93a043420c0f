"""The features of pool45_crops: pooled from feature maps of the whole image.

Source: paper, section 3.2, "Pool45-Crops"; FIDELITY.md rows layout, widened_regions and
pool45_masking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hierarchy.encoder import get_state
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
from pool45_crops.config import SMALLEST_IMAGE, TestSettings, TrainSettings
from pool45_crops.on_device import OnDevicePool45Crops
from weights.vgg16 import DESCRIPTOR_MIRROR, DESCRIPTOR_SIZE, DTYPE, load_trunk

get_state_pool45 = get_state
"""The published name of what both detectors share."""


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """What VGG-16 makes of an image at the image's own size.

    Attributes:
        block4_pool: float32 (height // 16, width // 16, 512), not negative.
        block5_pool: float32 (height // 32, width // 32, 512), not negative.
    """

    block4_pool: np.ndarray
    block5_pool: np.ndarray

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.block4_pool.nbytes + self.block5_pool.nbytes


def obtain_descriptor_from_feature_map(
    maps: FeatureMaps, window: Window, quirks: Quirks = Quirks()
) -> np.ndarray:
    """Return the descriptor of a region.

    A region of the size of 7×7 cells of ``block5_pool``, 224 pixels square, or less is
    taken from ``block4_pool``. It is moved into the map where it reaches beyond it, as
    it can where the image's size is no multiple of the stride, and its bounds are
    truncated to cells. From 7 cells each way on it is max-pooled, else upsampled.
    Source: paper, section 3.2; FIDELITY.md rows layout and widened_regions.

    Args:
        maps: of the image.
        window: the region, (y, x, height, width) in pixels of the image.
        quirks: the published differences to follow.

    Returns:
        float32 (25088,): 7×7×512, flattened row, column, channel. With the quirk
        ``layout`` an upsampled one is flattened channel, row, column.
    """
    roi = region_of_interest(maps, window, quirks)
    if min(roi.shape[:2]) >= POOLED_SIZE:
        return extract_features_from_roi(roi).reshape(-1)
    descriptor = interpolate_3d_features(roi)
    if quirks.layout:
        descriptor = descriptor.transpose(2, 0, 1)
    return descriptor.reshape(-1)


def region_of_interest(
    maps: FeatureMaps, window: Window, quirks: Quirks = Quirks()
) -> np.ndarray:
    """Return the cells of a region: (rows, columns, 512), a view, at least 1×1.

    Which ones, and the arguments, are those of
    :func:`obtain_descriptor_from_feature_map`.
    """
    cells = maps.block5_pool if is_large(window) else maps.block4_pool
    ymin, xmin, ymax, xmax = cells_of(window, cells.shape[:2], quirks)
    return cells[ymin:ymax, xmin:xmax]


def extract_features_from_roi(roi: np.ndarray) -> np.ndarray:
    """Max-pool a region of interest to 7×7, all channels at once.

    Cells have a seventh of the region's rows and columns, rounded down; the last row
    and the last column of cells take the rest.

    Args:
        roi: (rows, columns, channels), at least 7 rows and 7 columns.

    Returns:
        (7, 7, channels).
    """
    columns_first = _pool_rows(roi).swapaxes(0, 1)
    return _pool_rows(columns_first).swapaxes(0, 1)


def _pool_rows(cells: np.ndarray) -> np.ndarray:
    """Max-pool the first axis to 7."""
    # Twenty times as fast as np.maximum.reduceat, which takes the rest by itself.
    step = len(cells) // POOLED_SIZE
    regular, rest = np.split(cells, [POOLED_SIZE * step])
    pooled = regular.reshape(POOLED_SIZE, step, *cells.shape[1:]).max(axis=1)
    if len(rest):
        pooled[-1] = np.maximum(pooled[-1], rest.max(axis=0))
    return pooled


def interpolate_3d_features(features: np.ndarray) -> np.ndarray:
    """Resize a region of interest to 7×7, all channels at once.

    Bilinear with the corners aligned, as the published program does it where it
    interpolates: corners keep their values, and a region of 7×7 stays as it is.

    Args:
        features: float32 (rows, columns, channels), of any size from 1×1.

    Returns:
        float32 (7, 7, channels).
    """
    rows, columns, channels = features.shape
    down = interpolation_weights(rows) @ features.reshape(rows, -1)
    return interpolation_weights(columns) @ down.reshape(POOLED_SIZE, columns, channels)


class Pool45Crops(FeatureExtractor):
    """Features of regions from the feature maps of their image, computed once.

    Args:
        trunk: VGG-16 to ``block4_pool`` and ``block5_pool``.
        fingerprint: what tells it from others, ready for JSON.
        capacity: bytes of feature maps cached at most.
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
        self._trunk = trunk
        self._quirks = quirks
        self._keeps_maps = keeps_maps
        self.cache: Cache[FeatureMaps] = Cache(capacity)

    def __call__(
        self, images: Sequence[SearchImage], regions: Sequence[Region]
    ) -> np.ndarray:
        """Return float32 (n, 25088): the pooled 7×7×512 descriptor of each region.

        Raises:
            InputError: an image is under 32 pixels high or wide.
        """
        descriptors = np.empty((len(regions), DESCRIPTOR_SIZE), np.float32)
        views = zip(descriptors, images, regions, strict=True)
        for descriptor, image, region in views:
            descriptor[:] = obtain_descriptor_from_feature_map(
                self._maps_of(image), region.window, self._quirks
            )
        return descriptors

    def _maps_of(self, image: SearchImage) -> FeatureMaps:
        # Each image by itself: their sizes differ, and a pass over a whole image keeps
        # a processor busy.
        if self._keeps_maps:
            image = image.original
        return self.cache.get(image.key, lambda: self.feature_maps(image))

    def feature_maps(self, image: SearchImage) -> FeatureMaps:
        """Return the maps of an image, from one pass through VGG-16.

        Raises:
            InputError: the image is under 32 pixels high or wide.
        """
        maps = self._trunk.predict_on_batch(map_input(image, self._quirks))
        return FeatureMaps(*(np.asarray(one[0], np.float32) for one in maps))


def make_features(settings: TrainSettings | TestSettings) -> FeatureExtractor:
    """Return the features that the settings ask for.

    Raises:
        InputError: ``path_vgg`` cannot be used.
    """
    extractor = OnDevicePool45Crops if settings.on_device else Pool45Crops
    trunk, fingerprint = load_trunk(settings, ("block4_pool", "block5_pool"))
    return extractor(
        trunk,
        fingerprint,
        settings.cache_bytes,
        settings.differences,
        settings.keeps_maps,
    )
