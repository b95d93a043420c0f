"""The history vector: which actions brought the search here."""

import numpy as np

from hierarchy.actions import PAPER_ACTIONS, ActionSet
from hierarchy.quirks import Quirks

HISTORY_LENGTH = 4
"""Actions that the paper's history holds."""


def empty_history(
    history_length: int = HISTORY_LENGTH, actions: ActionSet = PAPER_ACTIONS
) -> np.ndarray:
    """Return the history of a search that has not acted.

    Args:
        history_length: actions that it holds.
        actions: those there are.

    Returns:
        float32 zeros, (24,) in the paper.
    """
    return np.zeros(history_length * len(actions), np.float32)


def update_history_vector(
    history_vector: np.ndarray,
    action: int,
    quirks: Quirks = Quirks(),
    actions: ActionSet = PAPER_ACTIONS,
) -> np.ndarray:
    """Return the history after one more action.

    The last actions stand one-hot in as many slots, the oldest first; slots not yet
    used are zero. A history of no slots stays as it is.

    Source: paper, section 3.2; FIDELITY.md row history_trigger.

    Args:
        history_vector: float32 zeros and ones, (24,) in the paper; left as it is.
        action: its number, from 1.
        quirks: the published differences to follow.
        actions: those there are.

    Returns:
        float32 of zeros and ones, as long.
    """
    slots = history_vector.reshape(-1, len(actions)).copy()
    if not len(slots):
        return history_vector
    newest = np.count_nonzero(slots)
    is_full = newest == len(slots)
    if is_full:
        newest -= 1
        slots[:-1] = slots[1:]
        if quirks.history_trigger and newest:
            slots[newest - 1, actions.trigger - 1] = 0
    slots[newest] = 0
    if is_full or not (quirks.history_trigger and action == actions.trigger):
        slots[newest, action - 1] = 1
    return slots.reshape(-1)
