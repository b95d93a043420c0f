import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hierarchy.actions import TRIGGER
from hierarchy.history import empty_history, update_history_vector
from hierarchy.quirks import Quirks

ACTION = st.integers(1, 6)


@given(st.lists(ACTION, max_size=12))
def test_history_is_the_last_four_actions_oldest_first(actions):
    history = empty_history()
    for action in actions:
        history = update_history_vector(history, action)
    expected = [one for action in actions[-4:] for one in np.eye(6)[action - 1]]
    expected += [0] * (24 - len(expected))
    assert history.tolist() == expected
    assert history.dtype == np.float32


def test_the_old_history_is_left_alone():
    before = update_history_vector(empty_history(), 2)
    copy = before.copy()
    update_history_vector(before, 3)
    assert (before == copy).all()


def test_row_history_trigger_is_not_written_while_a_slot_is_free():
    quirks = Quirks(history_trigger=True)
    history = update_history_vector(empty_history(), 1, quirks)
    assert (update_history_vector(history, TRIGGER, quirks) == history).all()
    assert update_history_vector(history, TRIGGER)[6 + TRIGGER - 1] == 1
    for _ in range(3):
        history = update_history_vector(history, 1, quirks)
    assert update_history_vector(history, TRIGGER, quirks)[-1] == 1
    triggered = update_history_vector(history, TRIGGER)
    assert np.count_nonzero(update_history_vector(triggered, 2)) == 4
    moved = update_history_vector(triggered, 2, quirks)
    assert np.count_nonzero(moved) == 3
    assert np.count_nonzero(moved[12:18]) == 0
