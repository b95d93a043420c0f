"""Measuring: run a policy over images, and put what it did into numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hierarchy.agent import ActionOutput
from hierarchy.baselines import Policy
from hierarchy.images import SearchImage
from hierarchy.metrics import (
    DETECTION_IOU,
    Curve,
    Detection,
    GroundTruth,
    best_iou,
    paper_curve,
    voc_curve,
)
from hierarchy.regions import Region
from hierarchy.search import Search, SearchSpec, detection_searches
from hierarchy.walk import walk


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


@dataclass
class Evaluator:
    """What a policy did over all images of a test.

    Attributes:
        truths: the objects looked for in each image.
        regions: every region analysed, in order.
        triggers: the regions among them where the search triggered.
        regions_until_found: for each image with a find, how many regions were
            analysed up to the first one over IoU 0.5.
        seconds: that the searches took.
    """

    truths: list[GroundTruth] = field(default_factory=list)
    regions: list[Detection] = field(default_factory=list)
    triggers: list[Detection] = field(default_factory=list)
    regions_until_found: list[int] = field(default_factory=list)
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
        if any(found):
            self.regions_until_found.append(found.index(True) + 1)
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
        counts = np.bincount(np.array(self.regions_until_found, int))
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

    def results(self) -> dict[str, Any]:
        """Return all numbers, ready for JSON; None stands for a mean of nothing."""
        curve = self.curve
        until_found = self.regions_until_found
        return {
            "paper": {"ap": curve.average_precision, "recall": curve.max_recall},
            "voc": _voc_numbers(self.triggers, self.truths),
            "voc_all_regions": _voc_numbers(self.regions, self.truths),
            "regions_per_object": float(np.mean(until_found)) if until_found else None,
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


def _voc_numbers(
    detections: Sequence[Detection], truths: Sequence[GroundTruth]
) -> dict[str, float]:
    curve = voc_curve(detections, truths)
    return {
        "ap_11_point": curve.ap_11_point,
        "ap_area": curve.ap_area,
        "recall": curve.max_recall,
    }
