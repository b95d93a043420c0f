"""Measuring: run a policy over images, and put what it did into numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hierarchy.metrics import (
    Curve,
    Detection,
    Truth,
    best_iou,
    paper_curve,
    voc_curve,
)
from hierarchy.pictures import Picture
from hierarchy.policies import Decision, Policy
from hierarchy.regions import TRIGGER, Region
from hierarchy.rewards import IOU_THRESHOLD
from hierarchy.search import Search, SearchRules, detection_searches


@dataclass(frozen=True, eq=False)
class Look:
    """One region analysed in a search.

    Attributes:
        picture: what is searched, with what was painted over before.
        region: what was looked at.
        path: actions that led there.
        decision: what followed.
        number: of the search in its image, from 0.
    """

    picture: Picture
    region: Region
    path: tuple[int, ...]
    decision: Decision
    number: int


def run_policy(
    picture: Picture, policy: Policy, rules: SearchRules, only_first_object: bool = True
) -> Iterator[Look]:
    """Search a picture; yield each region as it is analysed.

    Args:
        picture: the image as it is.
        policy: who decides.
        rules: how to search.
        only_first_object: whether one search is all.
    """
    for _, look in run_together([picture], policy, rules, only_first_object):
        yield look


def run_together(
    pictures: Sequence[Picture],
    policy: Policy,
    rules: SearchRules,
    only_first_object: bool = True,
) -> Iterator[tuple[int, Look]]:
    """Search several pictures in lockstep, a step of each at a time.

    Args:
        pictures: the images as they are.
        policy: who decides; it is asked for all of them at once.
        rules: how to search.
        only_first_object: whether one search of a picture is all.

    Yields:
        The picture's index, and a region of it as it is analysed.
    """
    lanes = [
        _Lane(index, detection_searches(picture, rules, only_first_object))
        for index, picture in enumerate(pictures)
    ]
    while lanes := [lane for lane in lanes if lane.goes_on()]:
        stands = [(lane.search.region, lane.search.state.path) for lane in lanes]
        decisions = policy.decide([lane.search for lane in lanes])
        for lane, stand, decision in zip(lanes, stands, decisions, strict=True):
            lane.search.take(decision.action)
            picture = lane.search.picture
            yield lane.index, Look(picture, *stand, decision, lane.number)


class _Lane:
    """One picture's searches, one after the other."""

    def __init__(self, index: int, searches: Iterator[Search]):
        self.index = index
        self.number = -1
        self._searches = searches
        self.search: Search | None = None

    def goes_on(self) -> bool:
        """Make the next search the current one where that has ended."""
        while self.search is None or self.search.over:
            self.search = next(self._searches, None)
            self.number += 1
            if self.search is None:
                return False
        return True


@dataclass
class Tally:
    """What a policy did over all images of a test.

    Attributes:
        truths: the objects looked for in each image.
        regions: every region analysed, in order.
        triggers: the regions among them where the search triggered.
        regions_until_found: for each image with a find, how many regions were
            analysed up to the first one over IoU 0.5.
        seconds: that the searches took.
    """

    truths: list[Truth] = field(default_factory=list)
    regions: list[Detection] = field(default_factory=list)
    triggers: list[Detection] = field(default_factory=list)
    regions_until_found: list[int] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, truth: Truth, looks: Sequence[Look], seconds: float) -> None:
        """Count one more image."""
        image = len(self.truths)
        self.truths.append(truth)
        self.seconds += seconds
        found = [best_iou(k.region.box, truth.boxes) > IOU_THRESHOLD for k in looks]
        if any(found):
            self.regions_until_found.append(found.index(True) + 1)
        for look in looks:
            detection = Detection(image, look.region.box, look.decision.score)
            self.regions.append(detection)
            if look.decision.action == TRIGGER:
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
                    > IOU_THRESHOLD
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
    detections: Sequence[Detection], truths: Sequence[Truth]
) -> dict[str, float]:
    curve = voc_curve(detections, truths)
    return {
        "ap_11_point": curve.ap_11_point,
        "ap_area": curve.ap_area,
        "recall": curve.max_recall,
    }
