"""What a set of keypoints holds, and how far one gets without looking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from check.pictures import same_pictures
from datasets.keypoint_annotations import SPLITS, Annotations
from datasets.keypoint_rows import Keypoint
from datasets.keypoints import with_scales
from glimpse_rnn.metrics import normalised_distances, rates_of_table

GRID = (6, 12)
"""Rows and columns that keypoints are counted in."""


@dataclass(frozen=True)
class Spread:
    """Three numbers of many.

    Attributes:
        smallest: of them.
        median: of them.
        largest: of them.
    """

    smallest: float
    median: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> "Spread":
        """Return the spread of one number or more."""
        ordered = (np.min(values), np.median(values), np.max(values))
        return cls(*(round(float(value), 4) for value in ordered))


@dataclass(frozen=True)
class KeypointFacts:
    """What there is to locate.

    Attributes:
        images: how many have a visible keypoint, by split.
        invisible: keypoints that cannot be seen, by split.
        heights: of the pictures, in pixels.
        widths: of the pictures, in pixels.
        grid: how many keypoints lie in each part of the picture, rows of columns.
        deviation: of the keypoints' rows and columns, in shares of the picture's
            height and width.
        normalisers: lengths that distances are divided by, in pixels.
        normalisers_of_height: the same over the picture's height.
        duplicates: groups of names that hold the same picture.
        shared: such groups that are partly to train and partly to test on.
        constant: how many test images, in %, are found within each distance by the
            mean place of the training images; empty where a split is.
    """

    images: dict[str, int]
    invisible: dict[str, int]
    heights: Spread
    widths: Spread
    grid: list[list[int]]
    deviation: tuple[float, float]
    normalisers: Spread
    normalisers_of_height: Spread
    duplicates: list[list[str]]
    shared: list[list[str]]
    constant: dict[str, float]


def keypoint_facts(found: Annotations) -> KeypointFacts:
    """Count what there is to locate; reads files only to compare pictures.

    Args:
        found: with one visible keypoint at least.
    """
    points = found.keypoints
    sizes = np.array([point.size for point in points])
    where = np.array([[point.row, point.column] for point in points]) / sizes
    lengths = np.array([point.normaliser for point in points])
    grid, _ = np.histogramdd(where, bins=GRID, range=[(0, 1), (0, 1)])
    rows, columns = where.std(axis=0)
    places = same_pictures(point.path for point in points)
    groups = [[points[place] for place in group] for group in places]
    shared = [group for group in groups if len({point.split for point in group}) > 1]
    return KeypointFacts(
        {split: sum(point.split == split for point in points) for split in SPLITS},
        dict(found.invisible),
        Spread.of(sizes[:, 0]),
        Spread.of(sizes[:, 1]),
        grid.astype(int).tolist(),
        (round(float(rows), 4), round(float(columns), 4)),
        Spread.of(lengths),
        Spread.of(lengths / sizes[:, 0]),
        [[point.name for point in group] for group in groups],
        [[point.name for point in group] for group in shared],
        constant_rates(points),
    )


def constant_rates(points: Iterable[Keypoint]) -> dict[str, float]:
    """Return the detection rates, in %, of the training images' mean place."""
    targets = {}
    for split in SPLITS:
        some = [point for point in points if point.split == split]
        if not some:
            return {}
        targets[split] = with_scales(
            np.array([[point.row, point.column] for point in some]),
            np.array([point.size for point in some]),
            np.array([point.normaliser for point in some]),
        )
    mean = targets["train"][:, :2].mean(axis=0)
    test = targets["test"]
    predictions = np.broadcast_to(mean, (len(test), 2))
    return rates_of_table(normalised_distances(predictions, test))
