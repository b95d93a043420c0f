"""How detections are judged: ranked regions, precision and recall, average precision.

Two protocols. The paper's ranks all regions that an agent analysed and counts images,
one object each; VOC's counts objects and ignores difficult ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.boxes import Box
from hierarchy.regions import calculate_iou

DETECTION_IOU = 0.5
"""IoU over which a region counts as a detection, whatever earns a reward."""


@dataclass(frozen=True)
class Detection:
    """A region that is claimed to hold an object.

    Attributes:
        image: number of its image.
        box: (ymin, xmin, ymax, xmax), half-open, in pixels.
        score: how sure the agent is; only the order of scores counts.
    """

    image: int
    box: Box
    score: float


@dataclass(frozen=True)
class GroundTruth:
    """The objects of one image that are looked for.

    Attributes:
        boxes: (ymin, xmin, ymax, xmax) of each, half-open, in pixels.
        difficult: which of them VOC's protocol ignores.
    """

    boxes: tuple[Box, ...]
    difficult: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class Curve:
    """A precision–recall curve.

    Attributes:
        is_true_positive: bool (n,), whether the detection of each rank is right.
        positives: what there was to find.
    """

    is_true_positive: np.ndarray
    positives: int

    @property
    def recall(self) -> np.ndarray:
        """Share of the positives found down to each rank: float64 (n,) in [0, 1]."""
        return np.cumsum(self.is_true_positive) / max(self.positives, 1)

    @property
    def precision(self) -> np.ndarray:
        """Share of right ones down to each rank: float64 (n,) in [0, 1]."""
        return np.cumsum(self.is_true_positive) / np.arange(
            1, len(self.is_true_positive) + 1
        )

    @property
    def max_recall(self) -> float:
        """Share of the positives found at all."""
        return float(self.recall[-1]) if len(self.is_true_positive) else 0.0

    @property
    def average_precision(self) -> float:
        """Area under the curve as it is.

        That is the mean over positives of the precision at the rank that finds them,
        0 for those not found.
        """
        return float(
            self.precision[self.is_true_positive].sum() / max(self.positives, 1)
        )

    @property
    def ap_11_point(self) -> float:
        """VOC 2007's: mean of the best precision at recall ≥ 0, 0.1, … 1."""
        recall, precision = self.recall, self.precision
        # Recall is a ratio of integers: ask in tenths, not in rounded floats.
        best = [
            precision[recall * 10 >= tenth - 1e-9].max(initial=0.0)
            for tenth in range(11)
        ]
        return float(np.mean(best))

    @property
    def ap_area(self) -> float:
        """VOC 2010's: area under the curve made monotonous from the right."""
        envelope = np.maximum.accumulate(self.precision[::-1])[::-1]
        return float(envelope[self.is_true_positive].sum() / max(self.positives, 1))


def best_iou(box: Box, boxes: Sequence[Box]) -> float:
    """Return the largest IoU of a box with any of ``boxes``; 0 if there are none."""
    return max((calculate_iou(box, other) for other in boxes), default=0.0)


def _ranked(detections: Sequence[Detection]) -> list[Detection]:
    """Sort by score, the largest first; ties keep their order."""
    return sorted(detections, key=lambda detection: -detection.score)


def paper_curve(
    detections: Sequence[Detection], truths: Sequence[GroundTruth]
) -> Curve:
    """Judge detections as the paper does (section 4).

    A region over IoU 0.5 with an object is right if it is its image's first such
    region by rank; all others are wrong. There is one object to find in each image.

    Args:
        detections: all regions analysed, with the trigger's Q-value as score.
        truths: of each image, by its number; every image holds the class.
    """
    found: set[int] = set()
    is_true_positive = []
    for detection in _ranked(detections):
        iou = best_iou(detection.box, truths[detection.image].boxes)
        is_right = iou > DETECTION_IOU and detection.image not in found
        is_true_positive.append(is_right)
        if is_right:
            found.add(detection.image)
    return Curve(np.array(is_true_positive, bool), len(truths))


def voc_curve(detections: Sequence[Detection], truths: Sequence[GroundTruth]) -> Curve:
    """Judge detections as the VOC development kit does.

    A detection belongs to the object that it overlaps most. Over IoU 0.5 it is right
    if it is the object's first by rank, and ignored if the object is difficult.

    Args:
        detections: with any score.
        truths: of each image, by its number.
    """
    found: set[tuple[int, int]] = set()
    is_true_positive = []
    for detection in _ranked(detections):
        truth = truths[detection.image]
        ious = [calculate_iou(detection.box, box) for box in truth.boxes]
        index = int(np.argmax(ious)) if ious else -1
        if index < 0 or ious[index] <= DETECTION_IOU:
            is_true_positive.append(False)
        elif not truth.difficult[index]:
            is_true_positive.append((detection.image, index) not in found)
            found.add((detection.image, index))
    positives = sum(not flag for truth in truths for flag in truth.difficult)
    return Curve(np.array(is_true_positive, bool), positives)
