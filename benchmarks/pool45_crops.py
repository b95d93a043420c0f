"""pool45_crops against the reference implementation."""

from collections.abc import Iterator

import numpy as np

from benchmarks.measuring import Measurement, seconds_of
from benchmarks.published_loop import published_pooling
from benchmarks.training_step import bench
from hierarchy.actions import PAPER_ACTIONS
from hierarchy.images import SearchImage
from hierarchy.quirks import Quirks
from hierarchy.regions import Region, whole_image
from pool45_crops.config import TrainSettings
from pool45_crops.features import Pool45Crops, make_features, region_of_interest

WIDENED = Quirks(widened_regions=True)


def measure() -> Iterator[Measurement]:
    """Yield each comparison as it is made; some minutes on 2 cores."""
    settings = TrainSettings()
    with bench() as training:
        image = SearchImage("image", training.images[0].pixels)
        regions = _tree(whole_image(*image.size), levels=3)
        extract = make_features(settings)
        assert isinstance(extract, Pool45Crops)
        rois = _published_rois(extract, image, regions)
        yield _roi_pooling(extract, image, regions, rois)
        # The reference implementation is timed without the pass that makes the maps.
        yield from training.training_step(
            make_features(settings), lambda: published_pooling(rois[1])
        )


def _tree(region: Region, levels: int) -> list[Region]:
    """Return a region and all those below it, level by level."""
    tree, level = [], [region]
    for _ in range(levels):
        tree += level
        level = [
            PAPER_ACTIONS.apply(move, parent, 3 / 4)
            for parent in level
            for move in PAPER_ACTIONS.moves
        ]
    return tree


def _published_rois(
    extract: Pool45Crops, image: SearchImage, regions: list[Region]
) -> list[np.ndarray]:
    """Return what the published program pools: (512, rows, columns) for each region."""
    maps = extract.feature_maps(image)
    rois = (region_of_interest(maps, region.window, WIDENED) for region in regions)
    return [np.ascontiguousarray(roi.transpose(2, 0, 1)) for roi in rois]


def _roi_pooling(
    extract: Pool45Crops,
    image: SearchImage,
    regions: list[Region],
    rois: list[np.ndarray],
) -> Measurement:
    """Compare descriptors of the hierarchy's upper levels, maps being there."""
    images = [image] * len(regions)
    return Measurement(
        "roi_pooling",
        seconds_of(lambda: extract(images, regions), 20) / len(regions),
        seconds_of(lambda: [published_pooling(roi) for roi in rois], 1) / len(rois),
        "s",
        f"a region out of {len(regions)} described together from the maps of their"
        " image, against three loops over channels, rows and columns",
    )
