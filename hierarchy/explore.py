"""What an agent thinks of regions beside its way: the first levels of the hierarchy."""

import copy
from collections.abc import Iterator

from hierarchy.baselines import Policy
from hierarchy.evaluation import VisitedRegion
from hierarchy.images import SearchImage
from hierarchy.search import Search, SearchSpec

DEPTH = 3
"""Movements to the deepest regions that are explored."""

BATCH = 25
"""Regions that are looked at together, which bounds the memory that a trunk takes."""


def explore(
    image: SearchImage, policy: Policy, spec: SearchSpec, depth: int = DEPTH
) -> Iterator[VisitedRegion]:
    """Ask a policy about every region that a search of an image can come to.

    Each has the history of the movements that lead to it. With the paper's actions
    there are 1 + 5 + 25 + 125 regions.

    Args:
        image: as it is.
        policy: is asked.
        spec: how to search; no region lies beyond its last step.
        depth: movements at most.

    Yields:
        The regions, level by level.
    """
    level = [Search(image, spec)]
    for remaining in reversed(range(depth + 1)):
        for start in range(0, len(level), BATCH):
            searches = level[start : start + BATCH]
            outputs = policy.decide(searches)
            for search, output in zip(searches, outputs, strict=True):
                state, triggers = search.state, output.action == spec.actions.trigger
                yield VisitedRegion(
                    image, state.region, state.path, output, 0, triggers
                )
        if remaining:
            level = [
                after
                for search in level
                for move in spec.actions.moves
                if not (after := _after(search, move)).done
            ]


def _after(search: Search, action: int) -> Search:
    """Return the search after one more action; the given one stays as it is."""
    ahead = copy.copy(search)  # a step replaces, it changes nothing
    ahead.step(action)
    return ahead
