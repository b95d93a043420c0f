"""Items made ahead in the background."""

import threading
import time

import pytest

from common.errors import InputError
from common.prefetch import prefetch


def test_all_items_come_in_their_order():
    assert list(prefetch(iter(range(20)), 3)) == list(range(20))
    assert list(prefetch([], 3)) == []


def test_items_are_made_while_others_are_in_use_but_not_all_of_them():
    made = []

    def source():
        for number in range(10):
            made.append(number)
            yield number

    items = prefetch(source(), 3)
    assert made == []
    assert next(items) == 0
    deadline = time.monotonic() + 10
    while len(made) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2]
    items.close()


def test_an_error_is_raised_where_its_item_would_have_come():
    def source():
        yield 1
        yield 2
        raise InputError("third.jpg: is damaged")

    items = prefetch(source(), 5)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(InputError, match="third.jpg"):
        next(items)


def test_who_stops_early_leaves_nothing_running():
    before = threading.active_count()
    for _ in range(3):
        items = prefetch(iter(range(1000)), 2)
        next(items)
        items.close()
    assert threading.active_count() == before
