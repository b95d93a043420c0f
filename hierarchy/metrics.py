"""How detections are judged: ranked regions, precision and recall, average precision.

Three protocols. The paper's ranks all regions that an agent analysed and counts images,
one object each; VOC's counts objects and ignores difficult ones; COCO's does so at ten
IoUs. Each judges detections within their own image, and so what comes of a set of
images is a :class:`Ranking`, which can be asked for its :class:`Curve` and for the
curves of resampled images. ``docs/scores.md`` has the formulas side by side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from common.boxes import Box
from hierarchy.regions import calculate_iou, calculate_overlapping

DETECTION_IOU = 0.5
"""IoU over which a region counts as a detection, whatever earns a reward."""

COCO_IOUS = np.linspace(0.5, 0.95, 10)
"""IoUs from which a detection is right, in COCO's floats: 0.5, 0.55, … 0.95."""

COCO_RECALLS = np.linspace(0, 1, 101)
"""Recalls at which COCO reads precision, in its floats."""

COCO_MOST = 100
"""Detections of an image that COCO looks at, those of the largest scores."""

ACCURACY_IOUS = np.arange(101) / 100
"""IoUs at which accuracy is written: 0, 0.01, … 1."""

_BLOCK = 4_000_000
"""Numbers in the arrays that resampling works on at a time."""


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
        difficult: which of them VOC's and COCO's protocols ignore.
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
        return float(
            self._envelope[self.is_true_positive].sum() / max(self.positives, 1)
        )

    @property
    def ap_101_point(self) -> float:
        """COCO's: mean of the best precision at recall ≥ 0, 0.01, … 1.

        COCO's evaluators give −1, for "not defined", where there are no positives; this
        is 0 then, as the others are.
        """
        # Unlike the 11 points these compare rounded floats, as COCO's evaluators do.
        ranks = np.searchsorted(self.recall, COCO_RECALLS)
        return float(np.append(self._envelope, 0.0)[ranks].mean())

    @property
    def _envelope(self) -> np.ndarray:
        """Best precision from each rank on: float64 (n,)."""
        return np.maximum.accumulate(self.precision[::-1])[::-1]


@dataclass(frozen=True, eq=False)
class ResampledCurves:
    """Precision–recall curves of resampled images, as :class:`Curve` has one.

    An image that is drawn several times has its detections so many times, copies of one
    right after another. Points of the curves are those right detections.

    Attributes:
        copies: int (resamples, points), how many there are of each.
        hits: int (resamples, points), right detections down to its last copy.
        ranks: int (resamples, points), detections down to its last copy.
        positives: int (resamples,), what there was to find.
    """

    copies: np.ndarray
    hits: np.ndarray
    ranks: np.ndarray
    positives: np.ndarray

    @property
    def max_recall(self) -> np.ndarray:
        """Share of the positives found at all: float64 (resamples,)."""
        return self.copies.sum(axis=1) / self._at_least_one

    @property
    def average_precision(self) -> np.ndarray:
        """Area under the curves as they are: float64 (resamples,)."""
        # Copy r of c has precision (h + r) / (n + r), with h hits and n ranks before;
        # by harmonic numbers H they add up to c − (n − h) (H(n + c) − H(n)).
        steps = np.arange(1, self.ranks.max(initial=0) + 1)
        harmonic = np.concatenate([[0.0], np.cumsum(1 / steps)])
        misses = self.ranks - self.hits
        before = self.ranks - self.copies
        precision = self.copies - misses * (harmonic[self.ranks] - harmonic[before])
        return precision.sum(axis=1) / self._at_least_one

    @property
    def ap_11_point(self) -> np.ndarray:
        """VOC 2007's: float64 (resamples,)."""
        return self._best_precision(np.arange(11) / 10 - 1e-10).mean(axis=1)

    @property
    def ap_area(self) -> np.ndarray:
        """VOC 2010's: float64 (resamples,)."""
        return (self.copies * self._envelope).sum(axis=1) / self._at_least_one

    @property
    def ap_101_point(self) -> np.ndarray:
        """COCO's: float64 (resamples,)."""
        return self._best_precision(COCO_RECALLS).mean(axis=1)

    @property
    def _at_least_one(self) -> np.ndarray:
        return np.maximum(self.positives, 1)

    @property
    def _envelope(self) -> np.ndarray:
        """Best precision from each point on: float64 (resamples, points)."""
        # Copies only raise precision, so that the last of them has the best.
        precision = self.hits / np.maximum(self.ranks, 1)
        return np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]

    def _best_precision(self, recalls: np.ndarray) -> np.ndarray:
        """Return it at recall ≥ each of ``recalls``: float64 (resamples, recalls)."""
        recall = self.hits / self._at_least_one[:, None]
        nothing = np.zeros((len(recall), 1))
        envelope = np.concatenate([self._envelope, nothing], axis=1)
        points = np.stack([np.searchsorted(row, recalls) for row in recall])
        return np.take_along_axis(envelope, points, axis=1)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Detections by falling score, each judged within its own image.

    Attributes:
        images: int (n,), number of the image that each is of.
        is_true_positive: bool (n,), whether it is right.
        positives: int (images,), what there was to find in each image.
    """

    images: np.ndarray
    is_true_positive: np.ndarray
    positives: np.ndarray

    @property
    def curve(self) -> Curve:
        """The precision–recall curve of the images as they are."""
        return Curve(self.is_true_positive, int(self.positives.sum()))

    def resampled(self, counts: np.ndarray) -> ResampledCurves:
        """Return the curves of resampled images.

        Args:
            counts: int (resamples, images), how often each image is drawn, as
                :func:`common.bootstrap.resample_counts` returns it.
        """
        points = np.flatnonzero(self.is_true_positive)
        ranks = np.empty((len(counts), len(points)), np.int32)
        rows = max(1, _BLOCK // max(len(self.images), 1))
        for start in range(0, len(counts), rows):
            drawn = counts[start : start + rows][:, self.images]
            down_to = np.cumsum(drawn, axis=1, dtype=np.int32)
            ranks[start : start + rows] = down_to[:, points]
        copies = counts[:, self.images[points]]
        hits = np.cumsum(copies, axis=1, dtype=np.int32)
        return ResampledCurves(copies, hits, ranks, counts @ self.positives)


def best_iou(box: Box, boxes: Sequence[Box]) -> float:
    """Return the largest IoU of a box with any of ``boxes``; 0 if there are none."""
    return max((calculate_iou(box, other) for other in boxes), default=0.0)


def _ranked(detections: Sequence[Detection]) -> list[Detection]:
    """Sort by score, the largest first; ties keep their order."""
    return sorted(detections, key=lambda detection: -detection.score)


def paper_ranking(
    detections: Sequence[Detection], truths: Sequence[GroundTruth]
) -> Ranking:
    """Judge detections as the paper does (section 4).

    A region over IoU 0.5 with an object is right if it is its image's first such
    region by rank; all others are wrong. There is one object to find in each image.

    Args:
        detections: all regions analysed, with the trigger's Q-value as score.
        truths: of each image, by its number; every image holds the class.
    """
    found: set[int] = set()
    judged = []
    for detection in _ranked(detections):
        iou = best_iou(detection.box, truths[detection.image].boxes)
        is_right = iou > DETECTION_IOU and detection.image not in found
        judged.append((detection.image, is_right))
        if is_right:
            found.add(detection.image)
    return _ranking(judged, [1] * len(truths))


def voc_ranking(
    detections: Sequence[Detection], truths: Sequence[GroundTruth]
) -> Ranking:
    """Judge detections as the VOC development kit does.

    A detection belongs to the object that it overlaps most. Over IoU 0.5 it is right
    if it is the object's first by rank, and ignored if the object is difficult.

    Args:
        detections: with any score.
        truths: of each image, by its number.
    """
    found: set[tuple[int, int]] = set()
    judged = []
    for detection in _ranked(detections):
        truth = truths[detection.image]
        ious = [calculate_iou(detection.box, box) for box in truth.boxes]
        index = int(np.argmax(ious)) if ious else -1
        if index < 0 or ious[index] <= DETECTION_IOU:
            judged.append((detection.image, False))
        elif not truth.difficult[index]:
            is_right = (detection.image, index) not in found
            judged.append((detection.image, is_right))
            found.add((detection.image, index))
    return _ranking(judged, _not_difficult(truths))


def coco_rankings(
    detections: Sequence[Detection], truths: Sequence[GroundTruth]
) -> list[Ranking]:
    """Judge detections as COCO's evaluators do, at each of :data:`COCO_IOUS`.

    By falling score a detection takes, of the objects of its image that are left, the
    one that it overlaps most, if by the IoU at least. It is right if it takes one. If
    it can only take a difficult object it is ignored; these are what COCO calls crowds:
    any number of detections take one, and overlap is then the share of the detection
    that lies within it. Source: ``pycocotools.cocoeval``, ``evaluateImg``, for one
    class, objects of all sizes and 100 detections an image.

    Args:
        detections: with any score.
        truths: of each image, by its number.

    Returns:
        A ranking for each IoU.
    """
    of_images: list[list[Detection]] = [[] for _ in truths]
    for detection in _ranked(detections):
        of_images[detection.image].append(detection)
    kept = [detection for own in of_images for detection in own[:COCO_MOST]]
    order = np.argsort([-detection.score for detection in kept], kind="stable")
    images = np.array([detection.image for detection in kept], int)[order]
    overlaps = [
        _overlaps_as_coco(own[:COCO_MOST], truth)
        for own, truth in zip(of_images, truths, strict=True)
    ]
    rankings = []
    for iou in COCO_IOUS:
        judged = [
            is_right
            for rows, truth in zip(overlaps, truths, strict=True)
            for is_right in _judge_as_coco(rows, sorted(truth.difficult), iou)
        ]
        pairs = zip(images.tolist(), (judged[rank] for rank in order), strict=True)
        counted = [(image, right) for image, right in pairs if right is not None]
        rankings.append(_ranking(counted, _not_difficult(truths)))
    return rankings


def _overlaps_as_coco(
    detections: Sequence[Detection], truth: GroundTruth
) -> list[list[float]]:
    """Return each detection's overlap with each object, difficult ones last."""
    objects = sorted(
        zip(truth.boxes, truth.difficult, strict=True), key=lambda item: item[1]
    )
    return [
        [
            calculate_overlapping(box, detection.box)
            if is_difficult
            else calculate_iou(detection.box, box)
            for box, is_difficult in objects
        ]
        for detection in detections
    ]


def _judge_as_coco(
    overlaps: Sequence[Sequence[float]], difficult: Sequence[bool], iou: float
) -> Iterator[bool | None]:
    """Yield of each detection of an image whether it is right, None if ignored."""
    taken: set[int] = set()
    for row in overlaps:
        best, found = iou, -1
        for index, overlap in enumerate(row):
            if index in taken:
                continue
            if found >= 0 and difficult[index] and not difficult[found]:
                break  # one that counts is better than any that does not
            if overlap >= best:
                best, found = overlap, index
        if found < 0:
            yield False
        elif difficult[found]:
            yield None
        else:
            taken.add(found)
            yield True


def _not_difficult(truths: Sequence[GroundTruth]) -> list[int]:
    """Return how many objects of each image are not difficult."""
    return [sum(not flag for flag in truth.difficult) for truth in truths]


def _ranking(judged: Sequence[tuple[int, bool]], positives: Sequence[int]) -> Ranking:
    """Return the ranking of (image, whether right) by rank."""
    return Ranking(
        np.array([image for image, _ in judged], int),
        np.array([is_right for _, is_right in judged], bool),
        np.array(positives, int),
    )


def paper_curve(
    detections: Sequence[Detection], truths: Sequence[GroundTruth]
) -> Curve:
    """Return the curve of :func:`paper_ranking`, which explains the arguments."""
    return paper_ranking(detections, truths).curve


def voc_curve(detections: Sequence[Detection], truths: Sequence[GroundTruth]) -> Curve:
    """Return the curve of :func:`voc_ranking`, which explains the arguments."""
    return voc_ranking(detections, truths).curve


def top_ious(
    detections: Sequence[Detection], truths: Sequence[GroundTruth]
) -> np.ndarray:
    """Return how well each image's first-ranked detection fits an object.

    Args:
        detections: with any score.
        truths: of each image, by its number.

    Returns:
        float64 (images,), the best IoU with any object of the image, difficult or not;
        0 in images without a detection.
    """
    ious = np.zeros(len(truths))
    for detection in reversed(_ranked(detections)):
        boxes = truths[detection.image].boxes
        ious[detection.image] = best_iou(detection.box, boxes)
    return ious


def is_found_by(found_after: Sequence[int], most: int) -> np.ndarray:
    """Return whether an object was found within 1, 2, … ``most`` regions.

    Args:
        found_after: regions analysed in each image up to the first one over IoU 0.5;
            0 where there is none.
        most: regions up to which to say it.

    Returns:
        bool (images, most).
    """
    after = np.array(found_after, int)[:, None]
    return (after > 0) & (after <= np.arange(1, most + 1))
