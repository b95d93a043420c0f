"""A test's searches as records that :mod:`report.page` shows, and its page."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from common.boxes import Box
from hierarchy.baselines import Policy
from hierarchy.evaluation import VisitedRegion
from hierarchy.explore import explore
from hierarchy.metrics import DETECTION_IOU, best_iou
from hierarchy.search import SearchSpec
from hierarchy.strips import outcome_of, strip_name
from report.page import (
    FILE,
    Numbers,
    Page,
    Picture,
    Plot,
    SearchRecord,
    Step,
    about_lines,
    is_shown,
    picture_of,
    write_page,
)


class SearchPage:
    """Takes the searches of a test, image by image, and writes its page.

    Args:
        spec: how was searched.
        policy: that searched; it is asked about what it did not look at.
        total: images of the test.
        explored: how many of the images to explore.
        has_strips: whether each search is drawn as a strip, which the page links to.
    """

    def __init__(
        self,
        spec: SearchSpec,
        policy: Policy,
        total: int,
        explored: int = 0,
        has_strips: bool = False,
    ):
        self._spec, self._policy, self._total = spec, policy, total
        self._to_explore, self._has_strips = explored, has_strips
        self._images = 0
        self._records: list[SearchRecord] = []

    def add(
        self,
        name: str,
        visited: Sequence[VisitedRegion],
        boxes: tuple[Box, ...] | None,
    ) -> None:
        """Take what was visited in one more image.

        Args:
            name: of the image.
            visited: the regions, in order.
            boxes: of the objects; None where they are not known.
        """
        picture: Picture | None = None
        explored: tuple[Step, ...] = ()
        image = visited[0].image.original
        if is_shown(self._images, self._total):
            picture = picture_of(image.pixels)
            if self._to_explore > 0:
                self._to_explore -= 1
                found = explore(image, self._policy, self._spec)
                explored = tuple(step_of(region, boxes) for region in found)
        self._images += 1
        for number, regions in groupby(visited, attrgetter("number")):
            search = list(regions)
            strip = strip_name(name, number, "search") if self._has_strips else ""
            self._records.append(
                SearchRecord(
                    name=f"{name}, search {number + 1}" if number else name,
                    outcome=_outcome(search[-1], boxes),
                    steps=tuple(step_of(region, boxes) for region in search),
                    boxes=boxes,
                    masked=search[0].image.masked,
                    # Only the first search begins where exploring does.
                    explored=() if number else explored,
                    picture=picture,
                    strip=strip,
                )
            )

    def write(
        self,
        folder: Path,
        about: Mapping[str, Any],
        table: tuple[Sequence[str], Sequence[Sequence[str]]] = ((), ()),
        plots: Sequence[Plot] = (),
    ) -> None:
        """Write the page into a folder.

        Args:
            folder: of the test's results.
            about: what the test was made with, ``detector`` and ``class`` among it.
            table: names of the columns, and rows of text.
            plots: of the test.
        """
        actions = self._spec.actions
        page = Page(
            title=f"{about['detector']}: {about['class']}",
            about=about_lines(about),
            records=self._records,
            columns=table[0],
            rows=table[1],
            plots=plots,
            actions=[(action.name, action.glyph) for action in actions],
            trigger=actions.trigger,
            detection_iou=DETECTION_IOU,
            fill_colour=self._spec.fill_colour,
        )
        write_page(page, folder / FILE)


def step_of(visited: VisitedRegion, boxes: Iterable[Box] | None) -> Step:
    """Return a region that was looked at as the page shows it.

    Args:
        visited: one region analysed.
        boxes: of the objects; None where they are not known.
    """
    box, output = visited.region.box, visited.output
    iou = None if boxes is None else best_iou(box, list(boxes))
    return Step(visited.path, box, output.action, output.q_values, iou)


def _outcome(last: VisitedRegion, boxes: Sequence[Box] | None) -> str:
    """Judge a search by its last region."""
    iou = None if boxes is None else best_iou(last.region.box, boxes)
    return outcome_of(last.triggered, iou) or "none"


def _precision_recall(numbers: Mapping[str, Any]) -> tuple[Numbers, Numbers]:
    curve = numbers["precision_recall"]
    return curve["recall"], curve["precision"]


def _until_found(numbers: Mapping[str, Any]) -> tuple[Numbers, Numbers]:
    counts = numbers["regions_per_object_histogram"]
    return range(1, len(counts) + 1), counts


def _accuracy_over_iou(numbers: Mapping[str, Any]) -> tuple[Numbers, Numbers]:
    accuracy = numbers["accuracy"]
    return accuracy["iou"], accuracy["rate"]


def _recall_after_regions(numbers: Mapping[str, Any]) -> tuple[Numbers, Numbers]:
    recall = numbers["recall_after_regions"]["recall"]
    return range(1, len(recall) + 1), recall


PLOTS = (
    ("Precision and recall", "recall", "precision", _precision_recall),
    ("Regions until the object is found", "regions", "objects", _until_found),
    ("Objects found with an IoU over …", "IoU", "share", _accuracy_over_iou),
    ("Objects found after so many regions", "regions", "share", _recall_after_regions),
)
"""Title, labels of both axes, and what makes a line of the numbers of an agent."""


def plots_of(results: Mapping[str, Any], agents: Sequence[str]) -> list[Plot]:
    """Return the plots of a test.

    Args:
        results: what ``results.json`` holds.
        agents: names in it that each become a line.
    """
    plots = []
    for title, x_label, y_label, line in PLOTS:
        lines = {name.replace("_", " "): line(results[name]) for name in agents}
        plots.append(Plot(title, x_label, y_label, lines))
    return plots
