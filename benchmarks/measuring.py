"""Timing, and the record of what was timed."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One comparison.

    Attributes:
        name: what was compared; one ending in ``_over_floor`` is against a bound that
            no program can beat, in ``_growth`` against the same with less to do.
        ours: what this project needs, in ``unit``.
        reference: what the other way, or the lower bound, needs.
        unit: of both.
        how: what was done, in a sentence.
    """

    name: str
    ours: float
    reference: float
    unit: str
    how: str

    @property
    def ratio(self) -> float:
        """How many times faster this project is, or what it takes more."""
        if is_better_smaller(self.name):
            return self.ours / self.reference
        return self.reference / self.ours

    def to_json(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        return asdict(self) | {"ratio": self.ratio}


def is_better_smaller(name: str) -> bool:
    """Whether a measurement's ratio is what is taken more, not what is gained."""
    return name.endswith(("_over_floor", "_growth"))


def seconds_of(work: Callable[[], Any], repeats: int, warm_up: int = 1) -> float:
    """Return the median time of ``work`` in seconds, after some runs not counted."""
    for _ in range(warm_up):
        work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def in_turns(works: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Return each one's least time in seconds.

    Other work on the machine only ever adds to a time, and by taking turns none of
    them has a quiet hour to itself.
    """
    for work in works:
        work()
    times = [[seconds_of(work, 1, 0) for work in works] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]
