"""Prefetching: items made in the background, a little before they are needed."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")

_END = object()


def prefetch(items: Iterable[Item], count: int = 2) -> Iterator[Item]:
    """Yield items in their order, while a thread makes the next ones.

    What making an item raises is raised where the item would have come. A consumer that
    stops early, for whatever reason, leaves nothing running.

    Args:
        items: made one after the other, such as images decoded when they are asked for.
        count: how many are made ahead; they take up memory.
    """
    source = iter(items)
    with ThreadPoolExecutor(1) as pool:
        waiting: deque[Future] = deque()
        try:
            while True:
                while len(waiting) < count:
                    waiting.append(pool.submit(next, source, _END))
                item = waiting.popleft().result()
                if item is _END:
                    return
                yield item
        finally:
            pool.shutdown(cancel_futures=True)
