"""Searches as frames that :mod:`report.searches` draws, and files for their strips."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hierarchy.metrics import best_iou
from hierarchy.pictures import Picture, resize
from hierarchy.regions import ACTION_NAMES, TRIGGER, Box, Region
from hierarchy.rewards import IOU_THRESHOLD
from report.canvas import plain_name
from report.searches import SIDE, Action, Frame, Outcome, draw_search

if TYPE_CHECKING:
    from hierarchy.evaluation import Look
    from hierarchy.search import TrainingSearch
    from hierarchy.training import Step


ACTIONS = tuple(map(Action, ACTION_NAMES.values(), "↖↗↙↘⊙✓"))
"""All actions in the order of their numbers."""


def draw_sequences(frames: Sequence[Frame], path: Path, title: str = "") -> None:
    """Draw a search as a strip, see :func:`report.searches.draw_search`."""
    draw_search(frames, ACTIONS, path, title)


def frame_of(look: "Look", boxes: Sequence[Box] | None) -> Frame:
    """Return a look of a test as it is drawn.

    Args:
        look: one region analysed.
        boxes: of the objects; None where they are not known.
    """
    iou = None if boxes is None else best_iou(look.region.box, boxes)
    return Frame(
        picture=look.picture.pixels,
        region=look.region.box,
        pixels=_network_input(look.picture, look.region),
        action=look.decision.action,
        objects=tuple(boxes or ()),
        outcome=_outcome(look.decision.action, iou),
        q_values=look.decision.q_values,
        iou=iou,
    )


def _training_frame(step: "Step", is_first: bool) -> Frame:
    """Return a step of training as it is drawn, with the objects of the class."""
    search = step.search
    shown = [
        index
        for index, item in enumerate(search.objects)
        if item.class_id == search.class_object or index == search.followed.index
    ]
    return Frame(
        picture=search.picture.pixels,
        region=step.region.box,
        pixels=_network_input(search.picture, step.region),
        action=step.action,
        objects=tuple(search.objects[index].box for index in shown),
        followed=shown.index(search.followed.index),
        outcome=_outcome(step.action, step.iou),
        q_values=step.q_values,
        reward=step.reward,
        iou=step.iou,
        is_iou_after=step.action != TRIGGER,
        reached=search.region.box,
        note=_note(step, is_first),
    )


def _network_input(picture: Picture, region: Region) -> np.ndarray:
    """Return what the network sees of a region: uint8 (224, 224, 3)."""
    return resize(picture.crop(region), SIDE, SIDE)


def _outcome(action: int, iou: float | None) -> Outcome:
    """Judge a trigger by the IoU of its region."""
    if action != TRIGGER:
        return ""
    if iou is None:
        return "detection"
    return "right" if iou > IOU_THRESHOLD else "wrong"


def _note(step: "Step", is_first: bool) -> str:
    """Say how an action came about that the Q-values did not choose."""
    if step.q_values is not None:
        greedy = int(np.argmax(step.q_values)) + 1
        return "" if step.action == greedy else "random"
    # A trigger stays put, so its IoU is the one that the rule for forced ones saw.
    unseen = is_first and step.search.rules.quirks.first_iou
    forced = step.action == TRIGGER and step.iou > IOU_THRESHOLD and not unseen
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
        name, target = step.search.picture.name, step.search.target
        path = self._folder / f"epoch_{self._epoch:03d}" / strip_name(name, target)
        title = f"{name}, object {target}, epoch {self._epoch}"
        draw_sequences(frames, path, title)
        self._written += 1


def strip_name(name: str, number: int, kind: str = "object") -> str:
    """Return the file's name for the strip of a search.

    Args:
        name: the image's, with whatever it has in it; its end is kept where it is long.
        number: which of the image's objects, or which of its searches.
        kind: which of the two.
    """
    return f"{plain_name(name)}_{kind}_{number}.png"
