"""The history vector: which actions brought the search here."""

import numpy as np

from hierarchy.quirks import Quirks
from hierarchy.regions import ACTIONS, TRIGGER

ACTIONS_OF_HISTORY = 4
NUMBER_OF_ACTIONS = len(ACTIONS)
HISTORY_SIZE = ACTIONS_OF_HISTORY * NUMBER_OF_ACTIONS


def empty_history() -> np.ndarray:
    """Return the history of a search that has not acted: (24,) float32 zeros."""
    return np.zeros(HISTORY_SIZE, np.float32)


def update_history_vector(
    history_vector: np.ndarray, action: int, quirks: Quirks = Quirks()
) -> np.ndarray:
    """Return the history after one more action.

    The last four actions stand one-hot in four slots of six, the oldest first; slots
    not yet used are zero.

    Source: paper, section 3.2; FIDELITY.md row history_trigger.

    Args:
        history_vector: (24,) float32 of zeros and ones; left as it is.
        action: 1 … 6.
        quirks: the published differences to follow.

    Returns:
        (24,) float32 of zeros and ones.
    """
    slots = history_vector.reshape(ACTIONS_OF_HISTORY, NUMBER_OF_ACTIONS).copy()
    newest = np.count_nonzero(slots)
    is_full = newest == ACTIONS_OF_HISTORY
    if is_full:
        newest -= 1
        slots[:-1] = slots[1:]
        if quirks.history_trigger:
            slots[newest - 1, TRIGGER - 1] = 0
    slots[newest] = 0
    if is_full or not (quirks.history_trigger and action == TRIGGER):
        slots[newest, action - 1] = 1
    return slots.reshape(-1)
