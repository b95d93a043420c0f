"""The one walker: through images and their searches, for training, tests and Gymnasium.

Searches of one image follow on from each other. Those of different images do not, and
several of them can be walked at a time, a step of each.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from common.device_arrays import Array
from hierarchy.regions import Region
from hierarchy.search import Search, TrainingSearch

Item = TypeVar("Item")
AnySearch = TypeVar("AnySearch", bound=Search)


class Slot(Generic[Item, AnySearch]):
    """A place for one of the searches that are walked at a time.

    Attributes:
        index: number of the image among all, from 0.
        item: the image, as it was given.
        search: the current search of it.
        number: of the search among those of the image, from 0.
        state: what the Q-network sees of where the search stands, for whoever walks;
            None where a search begins.
    """

    index: int
    item: Item
    search: AnySearch
    number: int
    state: Any

    def __init__(self) -> None:
        self._searches: Iterator[AnySearch] = iter(())
        self._has_search = False

    def leave(self) -> None:
        """Give the search up before its end."""
        self._has_search = False

    def advance(
        self,
        items: Iterator[tuple[int, Item]],
        searches_of: Callable[[Item], Iterator[AnySearch]],
    ) -> bool:
        """Stay with a search that goes on, else take up the next there is.

        Returns:
            Whether there is one.
        """
        if self._has_search and not self.search.done:
            return True
        self._has_search = False
        while (search := next(self._searches, None)) is None:
            following = next(items, None)
            if following is None:
                return False
            self.index, self.item = following
            self.number, self._searches = -1, searches_of(self.item)
        self.search, self.state, self._has_search = search, None, True
        self.number += 1
        return True


def walk(
    items: Iterable[Item],
    searches_of: Callable[[Item], Iterator[AnySearch]],
    width: int = 1,
) -> Iterator[list[Slot[Item, AnySearch]]]:
    """Walk through the searches of images, ``width`` images at a time.

    Whoever walks takes one step of each search that is yielded before going on. With
    ``exhausted_targets`` a search may be done as it begins, and is yielded all the
    same: the published program looks at it too.

    Args:
        items: the images.
        searches_of: opens the searches of one.
        width: images at a time.

    Yields:
        The slots that have a search, one or more.
    """
    numbered = enumerate(items)
    slots: list[Slot[Item, AnySearch]] = [Slot() for _ in range(width)]
    while slots := [slot for slot in slots if slot.advance(numbered, searches_of)]:
        yield slots


@dataclass(eq=False)
class Step:
    """One step of a training search.

    Attributes:
        image: number of the image in this epoch, from 0.
        search: the search, as it stands after the step.
        region: the region before the step.
        state: float32 (state_size,), what the Q-network saw of it.
        action: number of the action, from 1.
        q_values: float32 (actions,) on which it was decided, or None.
        reward: of the step.
        counterfactual_rewards: float32 (actions,), what actions would have earned, NaN
            where that is not learnt from.
        iou: of the region with the followed object after the step.
        is_greedy: whether the action was chosen for its Q-value.
        loss: of the updates after the step, their mean; None before learning begins.
        is_last: whether the search ended with it.
    """

    image: int
    search: TrainingSearch
    region: Region
    state: Array
    action: int
    q_values: np.ndarray | None
    reward: float
    counterfactual_rewards: np.ndarray
    iou: float
    is_greedy: bool = False
    loss: float | None = None
    is_last: bool = False
