"""Who decides at a test: the trained agent, chance, or one who knows the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np

from hierarchy.description import Describer, get_state
from hierarchy.metrics import best_iou
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
    """Looks at where a search stands and decides."""

    def decide(self, search: Search) -> Decision:
        """Return the action to take, and the region's score."""
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

    def decide(self, search: Search) -> Decision:
        """Return the action of the largest Q-value."""
        state = get_state(
            search.picture, search.region, search.state.history, self._describer
        )
        q_values = self._network.predict_on_batch(state[None])[0]
        action = int(np.argmax(q_values)) + 1
        return Decision(action, float(q_values[TRIGGER - 1]), q_values)


class RandomPolicy:
    """Random actions and random scores (paper, Fig. 5).

    Args:
        generator: of both.
    """

    def __init__(self, generator: np.random.Generator):
        self._generator = generator

    def decide(self, search: Search) -> Decision:
        """Return a random action and a random score in [0, 1)."""
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

    def decide(self, search: Search) -> Decision:
        """Return the movement to the best subregion, or the trigger."""
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
