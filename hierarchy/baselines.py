"""Policies at a test: the trained agent, and the paper's two baselines."""

from collections.abc import Sequence
from typing import Protocol

import keras
import numpy as np

from common.boxes import Box
from common.device_arrays import array_namespace
from hierarchy.agent import ActionOutput
from hierarchy.augmentation import Mirror
from hierarchy.encoder import StateEncoder, get_states
from hierarchy.features import FeatureExtractor
from hierarchy.metrics import best_iou
from hierarchy.q_network import q_values_of
from hierarchy.regions import calculate_overlapping
from hierarchy.search import MIN_COVERAGE, Search


class Policy(Protocol):
    """Looks at where searches stand and decides."""

    def decide(self, searches: Sequence[Search]) -> list[ActionOutput]:
        """Return for each search the action to take, and its region's score."""
        ...


class AgentPolicy:
    """The trained agent: the largest Q-value acts, the trigger's is the score.

    Args:
        network: the Q-network.
        extract: the detector's features.
        encoder: of states.
        mirror: makes Q-values the means of a state's and its mirrored one's; None takes
            the state's alone.

    Attributes:
        network: as given.
    """

    def __init__(
        self,
        network: keras.Sequential,
        extract: FeatureExtractor,
        encoder: StateEncoder,
        mirror: Mirror | None = None,
    ):
        self.network, self._extract, self._encoder = network, extract, encoder
        self._mirror = mirror

    def decide(self, searches: Sequence[Search]) -> list[ActionOutput]:
        """Return the actions of the largest Q-values."""
        if not searches:
            return []
        trigger = searches[0].spec.actions.trigger
        return [
            ActionOutput(int(np.argmax(values)) + 1, values, float(values[trigger - 1]))
            for values in self._q_values(searches)
        ]

    def _q_values(self, searches: Sequence[Search]) -> np.ndarray:
        states = get_states(searches, self._extract, self._encoder)
        values = q_values_of(self.network, states)
        if self._mirror is None:
            return values
        mirrored = list(self._mirror.states(array_namespace(states[0]).stack(states)))
        others = q_values_of(self.network, mirrored)[:, self._mirror.actions]
        return (values + others) / 2


class RandomPolicy:
    """Random actions and random scores (paper, Fig. 5).

    Args:
        generator: of both.
    """

    def __init__(self, generator: np.random.Generator):
        self._generator = generator

    def decide(self, searches: Sequence[Search]) -> list[ActionOutput]:
        """Return random actions and random scores in [0, 1)."""
        return [self._sample(len(search.spec.actions)) for search in searches]

    def _sample(self, num_actions: int) -> ActionOutput:
        action = int(self._generator.integers(num_actions)) + 1
        return ActionOutput(action, score=float(self._generator.random()))


class CentrePolicy:
    """The centre, then the trigger, without looking at anything.

    It finds what a data set gives away whose objects lie in the middle.
    """

    def decide(self, searches: Sequence[Search]) -> list[ActionOutput]:
        """Return the movement to the centre, and after it the trigger."""
        return [self._next(search) for search in searches]

    @staticmethod
    def _next(search: Search) -> ActionOutput:
        actions = search.spec.actions
        if search.state.path or "centre" not in actions.names:
            return ActionOutput(actions.trigger, score=1.0)
        return ActionOutput(actions.names.index("centre") + 1)


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

    def decide(self, searches: Sequence[Search]) -> list[ActionOutput]:
        """Return the movements to the best subregions, or the trigger."""
        return [self._best(search) for search in searches]

    def _best(self, search: Search) -> ActionOutput:
        iou = self._iou(search, search.region.box)
        actions = search.spec.actions
        ious = {
            action: self._iou(search, self._next_box(search, action))
            for action in actions.moves
        }
        action = max(ious, key=ious.__getitem__)
        is_last = search.steps_taken + 1 >= search.number_of_steps
        if ious[action] <= iou or is_last:
            return ActionOutput(actions.trigger, score=iou)
        return ActionOutput(action, score=iou - 1)

    @staticmethod
    def _next_box(search: Search, action: int) -> Box:
        spec = search.spec
        return spec.actions.apply(
            action, search.region, spec.scale_subregion, spec.quirks
        ).box

    def _iou(self, search: Search, box: Box) -> float:
        """Return the best IoU of ``box`` with the objects not yet masked."""
        left = [
            other
            for other in self._boxes
            if all(
                calculate_overlapping(masked, other) <= MIN_COVERAGE
                for masked in search.image.masked
            )
        ]
        return best_iou(box, left)
