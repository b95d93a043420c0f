"""Rewards, and the object that they are measured against."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hierarchy.quirks import Quirks
from hierarchy.regions import Box, calculate_iou

IOU_THRESHOLD = 0.5
REWARD_MOVEMENT = 1
REWARD_TRIGGER = 3


def get_reward_movement(iou: float, new_iou: float) -> int:
    """Return +1 if the IoU rose with the movement, else −1 (paper, equation 1)."""
    return REWARD_MOVEMENT if new_iou > iou else -REWARD_MOVEMENT


def get_reward_trigger(new_iou: float) -> int:
    """Return +3 if the IoU is over 0.5 at the trigger, else −3 (paper, equation 2)."""
    return REWARD_TRIGGER if new_iou > IOU_THRESHOLD else -REWARD_TRIGGER


@dataclass(frozen=True)
class Followed:
    """The object that a search follows at one step.

    Attributes:
        index: its place among the image's objects.
        iou: its IoU with the region one step before, by which a reward is judged.
        new_iou: its IoU with the region now.
        last_matrix: what every object scored now; the next step's comparison.
    """

    index: int
    iou: float
    new_iou: float
    last_matrix: tuple[float, ...]


def follow_iou(
    boxes: Sequence[Box],
    region: Box,
    class_ids: Sequence[int],
    class_object: int,
    last_matrix: Sequence[float],
    available_objects: Sequence[bool],
    quirks: Quirks = Quirks(),
) -> Followed:
    """Choose the object to follow: the one that overlaps the region most.

    Candidates are the objects of the class that are still to be found; the first one
    wins a tie. Source: paper, section 3.3; FIDELITY.md row exhausted_targets, where
    found objects score −1 and objects of other classes 0, and anything may win.

    Args:
        boxes: the image's objects, in annotation order.
        region: the region looked at.
        class_ids: class of each object.
        class_object: the class searched for.
        last_matrix: score of each object one step before.
        available_objects: which objects are still to be found.
        quirks: the published differences to follow.

    Raises:
        ValueError: no object of the class is left (never with exhausted_targets).
    """
    scores = np.zeros(len(boxes))
    for index, box in enumerate(boxes):
        if class_ids[index] == class_object and available_objects[index]:
            scores[index] = calculate_iou(region, box)
        elif class_ids[index] == class_object or not quirks.exhausted_targets:
            scores[index] = -1
    index = int(np.argmax(scores))
    if scores[index] < 0 and not quirks.exhausted_targets:
        raise ValueError(f"no object of class {class_object} is left to follow")
    return Followed(
        index, float(last_matrix[index]), float(scores[index]), tuple(scores.tolist())
    )
