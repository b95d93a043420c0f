"""Searches as frames that :mod:`report.searches` draws, and files for their strips."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common.boxes import Box
from hierarchy.actions import PAPER_ACTIONS, ActionSet
from hierarchy.images import SearchImage, resize
from hierarchy.metrics import DETECTION_IOU, best_iou
from hierarchy.regions import Region
from hierarchy.rewards import TRIGGER_IOU
from report.canvas import FileNames, plain_name
from report.searches import SIDE, Frame, Outcome, draw_search

if TYPE_CHECKING:
    from hierarchy.evaluation import VisitedRegion
    from hierarchy.search import TrainingSearch
    from hierarchy.walk import Step


def draw_sequences(
    frames: Sequence[Frame],
    path: Path,
    title: str = "",
    actions: ActionSet = PAPER_ACTIONS,
) -> None:
    """Draw a search as a strip, see :func:`report.searches.draw_search`."""
    draw_search(frames, actions, path, title)


def frame_of(visited: "VisitedRegion", boxes: Sequence[Box] | None) -> Frame:
    """Return a region that a test visited as it is drawn.

    Args:
        visited: one region analysed.
        boxes: of the objects; None where they are not known.
    """
    iou = None if boxes is None else best_iou(visited.region.box, boxes)
    return Frame(
        picture=visited.image.pixels,
        region=visited.region.box,
        pixels=_network_input(visited.image, visited.region),
        action=visited.output.action,
        objects=tuple(boxes or ()),
        outcome=outcome_of(visited.triggered, iou),
        q_values=visited.output.q_values,
        iou=iou,
    )


def _training_frame(step: "Step", is_first: bool) -> Frame:
    """Return a step of training as it is drawn, with the objects of the class."""
    search, trigger = step.search, step.search.spec.actions.trigger
    shown = [
        index
        for index, item in enumerate(search.objects)
        if item.class_name == search.class_object or index == search.target.index
    ]
    return Frame(
        picture=search.image.pixels,
        region=step.region.box,
        pixels=_network_input(search.image, step.region),
        action=step.action,
        objects=tuple(search.objects[index].box for index in shown),
        followed=shown.index(search.target.index),
        outcome=outcome_of(step.action == trigger, step.iou),
        q_values=step.q_values,
        reward=step.reward,
        iou=step.iou,
        is_iou_after=step.action != trigger,
        reached=search.region.box,
        note=_note(step, is_first),
    )


def _network_input(image: SearchImage, region: Region) -> np.ndarray:
    """Return what the network sees of a region: uint8 (224, 224, 3)."""
    return resize(image.crop(region), SIDE, SIDE)


def outcome_of(triggered: bool, iou: float | None) -> Outcome:
    """Judge a trigger by the IoU of its region, None where that is not known."""
    if not triggered:
        return ""
    if iou is None:
        return "detection"
    return "right" if iou > DETECTION_IOU else "wrong"


def _note(step: "Step", is_first: bool) -> str:
    """Say how an action came about that the Q-values did not choose."""
    if step.q_values is not None:
        greedy = int(np.argmax(step.q_values)) + 1
        return "" if step.action == greedy else "random"
    # A trigger stays put, so its IoU is the one that the rule for forced ones saw.
    unseen = is_first and step.search.spec.quirks.first_iou
    triggered = step.action == step.search.spec.actions.trigger
    forced = triggered and step.iou > TRIGGER_IOU and not unseen
    return "forced" if forced else "random"


class StripWriter:
    """Listens to a training run and writes a strip for each of its searches.

    Files are ``epoch_007/NAME_object_0.png`` below the folder: the image's name, and
    the object that the search was begun for.

    Args:
        folder: where to; made if need be.
        limit: strips of an epoch at most, its first ones; None draws every search.
    """

    def __init__(self, folder: Path, limit: int | None = None):
        self._folder = Path(folder)
        self._limit = limit
        self._epoch = -1
        self._written = 0
        self._names = FileNames()
        self._frames: dict[TrainingSearch, list[Frame]] = {}

    def add(self, step: "Step", epoch: int) -> None:
        """Take one more step; the last one of a search writes its strip."""
        if epoch != self._epoch:
            # Frames of searches that broke off are forgotten.
            self._epoch, self._written, self._frames = epoch, 0, {}
        frames = self._frames.setdefault(step.search, [])
        frames.append(_training_frame(step, not frames))
        if step.is_last:
            self._write(step, self._frames.pop(step.search))

    def _write(self, step: "Step", frames: list[Frame]) -> None:
        if self._written == self._limit:
            return
        search = step.search
        name, target = search.image.name, search.object_index
        file = strip_name(self._names.of(name), target)
        path = self._folder / f"epoch_{self._epoch:03d}" / file
        title = f"{name}, object {target}, epoch {self._epoch}"
        draw_sequences(frames, path, title, search.spec.actions)
        self._written += 1


def strip_name(name: str, number: int, kind: str = "object") -> str:
    """Return the file's name for the strip of a search.

    Args:
        name: the image's, with whatever it has in it; its end is kept where it is long.
        number: which of the image's objects, or which of its searches.
        kind: which of the two.
    """
    return f"{plain_name(name)}_{kind}_{number}.png"
