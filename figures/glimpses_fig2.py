"""Glimpses, Fig. 2: centroids of translated digits.

``python -m figures.glimpses_fig2 --runs RESULTS`` reads the ``results.json`` of a
test of ``glimpse_rnn``; see :mod:`figures.glimpses_cases`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.command_line import run
from common.errors import InputError
from figures.glimpses_cases import cases_of, draw_cases
from figures.runs import read_all
from figures.sets import OUT

NAME = "glimpses_fig2"


@dataclass(frozen=True)
class Settings:
    """Draw predicted centroids of digits (red) beside the true ones (green)."""

    runs: tuple[Path, ...] = ()
    """A test's results.json, or the folder that holds it."""
    count: int = 8
    """Images drawn at most."""
    out: Path = OUT
    """Folder for glimpses_fig2.png and .csv."""


def main(settings: Settings) -> None:
    """Read, draw and save."""
    if settings.count < 1:
        raise InputError(f"count is {settings.count}; expected at least 1")
    cases = [case for one in read_all(settings.runs) for case in cases_of(one)]
    # From the best to the worst, evenly: examples of all, not a choice.
    cases.sort(key=lambda case: case.distance)
    places = np.linspace(0, len(cases) - 1, min(settings.count, len(cases)))
    some = [cases[int(place)] for place in places]
    title = "Centroids of translated digits, from best to worst"
    draw_cases(some, settings.out, NAME, title, with_trajectory=False)


if __name__ == "__main__":
    run(main, Settings)
