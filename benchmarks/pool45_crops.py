"""pool45_crops against the published way."""

from collections.abc import Iterator

import numpy as np

from benchmarks.measuring import Measurement, seconds_of
from benchmarks.published_loop import published_pooling
from benchmarks.training_step import bench
from hierarchy.images import Picture
from hierarchy.quirks import Quirks
from hierarchy.regions import MOVES, Region, whole_image, zoom
from pool45_crops.config import TrainSettings
from pool45_crops.features import Pool45Crops, make_features, region_of_interest

WIDENED = Quirks(widened_regions=True)


def measure() -> Iterator[Measurement]:
    """Yield each comparison as it is made; some minutes on 2 cores."""
    settings = TrainSettings()
    with bench() as training:
        picture = SearchImage("image", training.images[0].pixels)
        regions = _tree(whole_image(*picture.size), levels=3)
        describer = make_features(settings)
        rois = _published_rois(describer, picture, regions)
        yield _roi_pooling(describer, picture, regions, rois)
        # The published way is timed without the pass that makes the maps.
        yield from training.training_step(
            make_features(settings), lambda: published_pooling(rois[1])
        )


def _tree(region: Region, levels: int) -> list[Region]:
    """Return a region and all those below it, level by level."""
    tree, level = [], [region]
    for _ in range(levels):
        tree += level
        level = [zoom(parent, move, 3 / 4) for parent in level for move in MOVES]
    return tree


def _published_rois(
    describer: Pool45Crops, picture: Picture, regions: list[Region]
) -> list[np.ndarray]:
    """Return what the published program pools: (512, rows, columns) for each region."""
    maps = describer.feature_maps(picture)
    rois = (region_of_interest(maps, region.window, WIDENED) for region in regions)
    return [np.ascontiguousarray(roi.transpose(2, 0, 1)) for roi in rois]


def _roi_pooling(
    describer: Pool45Crops,
    picture: Picture,
    regions: list[Region],
    rois: list[np.ndarray],
) -> Measurement:
    """Compare descriptors of the hierarchy's upper levels, maps being there."""
    pictures = [picture] * len(regions)
    return Measurement(
        "roi_pooling",
        seconds_of(lambda: describer.describe(pictures, regions), 20) / len(regions),
        seconds_of(lambda: [published_pooling(roi) for roi in rois], 1) / len(rois),
        "s",
        f"a region out of {len(regions)} described together from the maps of their"
        " image, against three loops over channels, rows and columns",
    )
