"""Rewards, and the object that they are measured against.

A reward is a function of what a step did. One is added by a line of the table::

    REWARDS["distance"] = distance_reward

and chosen by ``--reward distance``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hierarchy.quirks import Quirks
from hierarchy.regions import Box, calculate_iou

TRIGGER_IOU = 0.5
"""IoU over which the trigger earns its reward, and over which training forces it."""

REWARD_MOVEMENT = 1
REWARD_TRIGGER = 3


def get_reward_movement(iou: float, new_iou: float) -> int:
    """Return +1 if the IoU rose with the movement, else −1 (paper, equation 1)."""
    return REWARD_MOVEMENT if new_iou > iou else -REWARD_MOVEMENT


def get_reward_trigger(new_iou: float) -> int:
    """Return +3 if the IoU is over 0.5 at the trigger, else −3 (paper, equation 2)."""
    return REWARD_TRIGGER if new_iou > TRIGGER_IOU else -REWARD_TRIGGER


@dataclass(frozen=True)
class StepOutcome:
    """What one step of a training search did.

    Attributes:
        is_trigger: whether it was the trigger, which leaves the region as it is.
        previous_region: the region before the step.
        region: the region after it.
        target: box of the object followed after the step.
        previous_iou: IoU of that object with the region before the step, in [0, 1], as
            it was measured then: 0 where the object was not measured.
        iou: IoU of that object with the region after the step, in [0, 1].
        largest_rise: of the IoU, by the movement that raises it most from there; below
            0 where none raises it.
    """

    is_trigger: bool
    previous_region: Box
    region: Box
    target: Box
    previous_iou: float
    iou: float
    largest_rise: float


RewardFn = Callable[[StepOutcome], float]


def iou_sign_reward(outcome: StepOutcome) -> float:
    """Return ±1 for a movement and ±3 for the trigger (paper, section 3.3)."""
    if outcome.is_trigger:
        return get_reward_trigger(outcome.iou)
    return get_reward_movement(outcome.previous_iou, outcome.iou)


def graded_reward(outcome: StepOutcome) -> float:
    """Return ±3 for the trigger, up to 1 for a movement that raises the IoU, else −1.

    The movement that raises it most earns 1, others their share of that rise. With ±1
    an agent that does not look ahead cannot tell the best of several movements that
    raise the IoU. Not the paper's.
    """
    rise = outcome.iou - outcome.previous_iou
    if outcome.is_trigger or rise <= 0:
        return iou_sign_reward(outcome)
    return rise / outcome.largest_rise


REWARDS: dict[str, RewardFn] = {"iou_sign": iou_sign_reward, "graded": graded_reward}
"""What ``--reward`` can choose."""


@dataclass(frozen=True)
class Target:
    """The object that a search follows at one step.

    Attributes:
        index: its place among the image's objects.
        previous_iou: its IoU with the region one step before.
        iou: its IoU with the region now.
        ious: score of every object now, the next step's ``previous_ious``.
    """

    index: int
    previous_iou: float
    iou: float
    ious: tuple[float, ...]


def follow_iou(
    boxes: Sequence[Box],
    region: Box,
    class_names: Sequence[str],
    class_object: str,
    previous_ious: Sequence[float],
    available_objects: Sequence[bool],
    quirks: Quirks = Quirks(),
) -> Target:
    """Choose the object to follow: the one that overlaps the region most.

    Candidates are the objects of the class that are still to be found; the first one
    wins a tie. Source: paper, section 3.3; FIDELITY.md row exhausted_targets, where
    found objects score −1 and objects of other classes 0, and anything may win.

    Args:
        boxes: the image's objects, in annotation order.
        region: the region looked at.
        class_names: class of each object.
        class_object: the class searched for.
        previous_ious: score of each object one step before.
        available_objects: which objects are still to be found.
        quirks: the published differences to follow.

    Raises:
        ValueError: no object of the class is left (never with exhausted_targets).
    """
    scores = np.zeros(len(boxes))
    for index, box in enumerate(boxes):
        if class_names[index] == class_object and available_objects[index]:
            scores[index] = calculate_iou(region, box)
        elif class_names[index] == class_object or not quirks.exhausted_targets:
            scores[index] = -1
    index = int(np.argmax(scores))
    if scores[index] < 0 and not quirks.exhausted_targets:
        raise ValueError(f"no object of class {class_object} is left to follow")
    return Target(
        index, float(previous_ious[index]), float(scores[index]), tuple(scores.tolist())
    )
