"""Measuring: run a policy over images, and put what it did into numbers."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from common.bootstrap import interval, resampled_means
from common.prefetch import prefetch
from hierarchy.agent import ActionOutput
from hierarchy.baselines import Policy
from hierarchy.images import SearchImage
from hierarchy.metrics import (
    ACCURACY_IOUS,
    COCO_IOUS,
    DETECTION_IOU,
    Curve,
    Detection,
    GroundTruth,
    Ranking,
    best_iou,
    coco_rankings,
    is_found_by,
    paper_curve,
    paper_ranking,
    top_ious,
    voc_ranking,
)
from hierarchy.regions import Region
from hierarchy.search import Search, SearchSpec, detection_searches
from hierarchy.walk import walk

Item = TypeVar("Item")
_VOC = {"ap_11_point": "ap_11_point", "ap_area": "ap_area", "recall": "max_recall"}
CURVE_NUMBERS = {
    "paper": {"ap": "average_precision", "recall": "max_recall"},
    "voc": _VOC,
    "voc_all_regions": _VOC,
}
"""By protocol, numbers in results and what they are of a curve."""


@dataclass(frozen=True, eq=False)
class VisitedRegion:
    """One region analysed in a search.

    Attributes:
        image: what is searched, with what was masked before.
        region: what was looked at.
        path: numbers of the actions that led there.
        output: what the policy made of it.
        number: of the search in its image, from 0.
        triggered: whether the search triggered on it.
    """

    image: SearchImage
    region: Region
    path: tuple[int, ...]
    output: ActionOutput
    number: int
    triggered: bool


def run_policy(
    image: SearchImage,
    policy: Policy,
    spec: SearchSpec,
    only_first_object: bool = True,
) -> Iterator[VisitedRegion]:
    """Search an image; yield each region as it is analysed.

    Args:
        image: as it is.
        policy: decides.
        spec: how to search.
        only_first_object: whether one search is all.
    """
    for _, visited in run_batch([image], policy, spec, only_first_object):
        yield visited


def run_batch(
    images: Sequence[SearchImage],
    policy: Policy,
    spec: SearchSpec,
    only_first_object: bool = True,
) -> Iterator[tuple[int, VisitedRegion]]:
    """Search several images at a time, a step of each.

    Args:
        images: as they are.
        policy: decides, for all of them at once.
        spec: how to search.
        only_first_object: whether one search of an image is all.

    Yields:
        The image's index, and a region of it as it is analysed.
    """

    def searches_of(image: SearchImage) -> Iterator[Search]:
        return detection_searches(image, spec, only_first_object)

    for slots in walk(images, searches_of, len(images)):
        outputs = policy.decide([slot.search for slot in slots])
        for slot, output in zip(slots, outputs, strict=True):
            search, state = slot.search, slot.search.state
            search.step(output.action)
            yield (
                slot.index,
                VisitedRegion(
                    search.image,
                    state.region,
                    state.path,
                    output,
                    slot.number,
                    search.triggered,
                ),
            )


def run_images(
    images: Iterable[tuple[Item, SearchImage]],
    policy: Policy,
    spec: SearchSpec,
    only_first_object: bool = True,
    num_searches: int = 1,
) -> Iterator[tuple[Item, list[VisitedRegion], float]]:
    """Search images, several at a time, and the next ones decoded meanwhile.

    Args:
        images: each with what it is of.
        policy: decides.
        spec: how to search.
        only_first_object: whether one search of an image is all.
        num_searches: images at a time.

    Yields:
        What an image is of, the regions visited, and the seconds that it took.
    """
    decoded = prefetch(images, num_searches + 1)
    while several := list(islice(decoded, num_searches)):
        visited: list[list[VisitedRegion]] = [[] for _ in several]
        start = time.perf_counter()
        searched = [image for _, image in several]
        for index, region in run_batch(searched, policy, spec, only_first_object):
            visited[index].append(region)
        seconds = (time.perf_counter() - start) / len(several)
        for (item, _), own in zip(several, visited, strict=True):
            yield item, own, seconds


def searches_in(visited: Iterable[VisitedRegion]) -> dict[int, list[VisitedRegion]]:
    """Return the regions visited in an image by search."""
    searches = defaultdict(list)
    for region in visited:
        searches[region.number].append(region)
    return searches


@dataclass
class Evaluator:
    """What a policy did over all images of a test.

    Attributes:
        number_of_steps: actions that a search may take; recall is counted after so many
            regions at most.
        truths: the objects looked for in each image.
        regions: every region analysed, in order.
        triggers: the regions among them where the search triggered.
        found_after: how many regions of each image were analysed up to the first one
            over IoU 0.5; 0 where there was none.
        seconds: that the searches took.
    """

    number_of_steps: int = SearchSpec.number_of_steps
    truths: list[GroundTruth] = field(default_factory=list)
    regions: list[Detection] = field(default_factory=list)
    triggers: list[Detection] = field(default_factory=list)
    found_after: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def add(
        self, truth: GroundTruth, visited: Sequence[VisitedRegion], seconds: float
    ) -> None:
        """Count one more image."""
        image = len(self.truths)
        self.truths.append(truth)
        self.seconds += seconds
        ious = [best_iou(one.region.box, truth.boxes) for one in visited]
        found = [iou > DETECTION_IOU for iou in ious]
        self.found_after.append(found.index(True) + 1 if any(found) else 0)
        for one in visited:
            detection = Detection(image, one.region.box, one.output.score)
            self.regions.append(detection)
            if one.triggered:
                self.triggers.append(detection)

    @property
    def curve(self) -> Curve:
        """The paper's precision–recall curve."""
        return paper_curve(self.regions, self.truths)

    @property
    def histogram(self) -> list[int]:
        """Images found after 1, 2, … regions (paper, Fig. 8)."""
        counts = np.bincount(np.array(self.found_after, int))
        return counts[1:].tolist()

    @property
    def triggers_over_half(self) -> float | None:
        """Share of the triggers over IoU 0.5; None without triggers."""
        if not self.triggers:
            return None
        return float(
            np.mean(
                [
                    best_iou(trigger.box, self.truths[trigger.image].boxes)
                    > DETECTION_IOU
                    for trigger in self.triggers
                ]
            )
        )

    def results(self, counts: np.ndarray | None = None) -> dict[str, Any]:
        """Return all numbers, ready for JSON; None stands for a mean of nothing.

        ``docs/scores.md`` defines them.

        Args:
            counts: int (resamples, images), as
                :func:`common.bootstrap.resample_counts` returns it; adds ``intervals``,
                which for each number has [low, high] in its place. None, or no image,
                leaves that out.
        """
        rankings = self._rankings()
        scores = _each(np.ndarray.tolist, self._scores(rankings))
        scores["accuracy"]["iou"] = ACCURACY_IOUS.tolist()
        (ranking,) = rankings["paper"]
        curve, finds = ranking.curve, [after for after in self.found_after if after]
        results = {
            **scores,
            "regions_per_object": float(np.mean(finds)) if finds else None,
            "regions_per_object_histogram": self.histogram,
            "regions_per_image": len(self.regions) / max(len(self.truths), 1),
            "triggers": len(self.triggers),
            "triggers_over_half": self.triggers_over_half,
            "seconds_per_image": self.seconds / max(len(self.truths), 1),
            "precision_recall": {
                "recall": curve.recall.tolist(),
                "precision": curve.precision.tolist(),
            },
        }
        if counts is not None and self.truths:
            results["intervals"] = _each(interval, self._scores(rankings, counts))
        return results

    def _rankings(self) -> dict[str, list[Ranking]]:
        """Return what was analysed as each protocol ranks it."""
        return {
            "paper": [paper_ranking(self.regions, self.truths)],
            "voc": [voc_ranking(self.triggers, self.truths)],
            "voc_all_regions": [voc_ranking(self.regions, self.truths)],
            "coco": coco_rankings(self.triggers, self.truths),
        }

    def _scores(
        self, rankings: dict[str, list[Ranking]], counts: np.ndarray | None = None
    ) -> dict[str, Any]:
        """Return the scores, or with ``counts`` those of each resample.

        Returns:
            By names float64 arrays, in front the axis of resamples if there are any.
        """

        def mean(values: np.ndarray) -> np.ndarray:
            if counts is None:
                return np.asarray(values.sum(axis=0) / max(len(values), 1))
            return resampled_means(counts, values)

        def curves(name: str) -> Iterator[Any]:  # one at a time: they are large
            for ranking in rankings[name]:
                yield ranking.curve if counts is None else ranking.resampled(counts)

        fits = top_ious(self.triggers, self.truths)
        is_found = is_found_by(self.found_after, self.number_of_steps)
        scores = {
            name: _numbers_of(next(curves(name)), names)
            for name, names in CURVE_NUMBERS.items()
        }
        return scores | {
            "coco": _coco_numbers(curves("coco")),
            "accuracy": {
                "rate": mean(fits[:, None] > ACCURACY_IOUS),
                "area": mean(fits),
            },
            "recall_after_regions": {
                "recall": mean(is_found),
                "area": mean(is_found.mean(axis=1)),
            },
        }


def _numbers_of(curve: Any, names: dict[str, str]) -> dict[str, np.ndarray]:
    """Return numbers of a curve, or of resampled ones, by their names in results."""
    return {name: np.asarray(getattr(curve, own)) for name, own in names.items()}


def _coco_numbers(curves: Iterable[Any]) -> dict[str, Any]:
    """Return COCO's numbers of the curves at each IoU, or of resampled ones."""
    names = {"ap": "ap_101_point", "recall": "max_recall"}
    at = {
        f"{iou:.2f}": _numbers_of(curve, names)
        for iou, curve in zip(COCO_IOUS, curves, strict=True)
    }
    means = {
        name: np.asarray(np.mean([numbers[name] for numbers in at.values()], axis=0))
        for name in names
    }
    return means | {"ap_by_iou": {iou: numbers["ap"] for iou, numbers in at.items()}}


def _each(
    change: Callable[[np.ndarray], Any], scores: dict[str, Any]
) -> dict[str, Any]:
    """Return the same dictionaries with every array changed."""
    return {
        name: _each(change, value) if isinstance(value, dict) else change(value)
        for name, value in scores.items()
    }
