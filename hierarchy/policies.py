"""Who decides at a test: the trained agent, chance, or one who knows the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np

from hierarchy.description import Describer, get_states
from hierarchy.metrics import best_iou
from hierarchy.q_network import q_values_of
from hierarchy.regions import (
    ACTIONS,
    MOVES,
    TRIGGER,
    Box,
    calculate_overlapping,
    zoom,
)
from hierarchy.search import COVERED, Search


@dataclass(frozen=True, eq=False)
class Decision:
    """What a policy makes of a region.

    Attributes:
        action: 1 … 6.
        score: how much the region looks like the object, for ranking.
        q_values: float32 (6,), if the decision was made from Q-values.
    """

    action: int
    score: float
    q_values: np.ndarray | None = None


class Policy(Protocol):
    """Looks at where searches stand and decides."""

    def decide(self, searches: Sequence[Search]) -> list[Decision]:
        """Return for each search the action to take, and its region's score."""
        ...


class AgentPolicy:
    """The trained agent: the largest Q-value acts, the trigger's is the score.

    Args:
        network: the Q-network.
        describer: the detector's.
    """

    def __init__(self, network: keras.Sequential, describer: Describer):
        self._network = network
        self._describer = describer

    def decide(self, searches: Sequence[Search]) -> list[Decision]:
        """Return the actions of the largest Q-values."""
        states = get_states(searches, self._describer)
        return [
            Decision(int(np.argmax(values)) + 1, float(values[TRIGGER - 1]), values)
            for values in q_values_of(self._network, states)
        ]


class RandomPolicy:
    """Random actions and random scores (paper, Fig. 5).

    Args:
        generator: of both.
    """

    def __init__(self, generator: np.random.Generator):
        self._generator = generator

    def decide(self, searches: Sequence[Search]) -> list[Decision]:
        """Return random actions and random scores in [0, 1)."""
        return [self._draw() for _ in searches]

    def _draw(self) -> Decision:
        action = int(self._generator.integers(len(ACTIONS))) + 1
        return Decision(action, float(self._generator.random()))


class UpperBoundPolicy:
    """Greedy towards the largest IoU with an object, as far as the hierarchy goes.

    It triggers where no subregion is better. The region of the trigger is scored by
    its IoU, the regions on the way all lower than any trigger, so that its ranking is
    as good as its search (paper, Fig. 5).

    Args:
        boxes: the objects that are looked for.
    """

    def __init__(self, boxes: Sequence[Box]):
        self._boxes = boxes

    def decide(self, searches: Sequence[Search]) -> list[Decision]:
        """Return the movements to the best subregions, or the trigger."""
        return [self._best(search) for search in searches]

    def _best(self, search: Search) -> Decision:
        iou = self._iou(search, search.region.box)
        ious = {
            action: self._iou(search, self._child(search, action)) for action in MOVES
        }
        action = max(ious, key=ious.__getitem__)
        is_last = search.step + 1 >= search.number_of_steps
        if ious[action] <= iou or is_last:
            return Decision(TRIGGER, iou)
        return Decision(action, iou - 1)

    @staticmethod
    def _child(search: Search, action: int) -> Box:
        rules = search.rules
        return zoom(search.region, action, rules.scale_subregion, rules.quirks).box

    def _iou(self, search: Search, box: Box) -> float:
        """Return the best IoU of ``box`` with the objects not yet painted over."""
        left = [
            other
            for other in self._boxes
            if all(
                calculate_overlapping(painted, other) <= COVERED
                for painted in search.picture.painted
            )
        ]
        return best_iou(box, left)
