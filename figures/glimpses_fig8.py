"""Glimpses, Fig. 8: failing predictions.

``python -m figures.glimpses_fig8 --runs RESULTS`` reads the ``results.json`` of a
test of ``glimpse_rnn``; see :mod:`figures.glimpses_cases`.
"""

from dataclasses import dataclass
from pathlib import Path

from common.command_line import run
from common.errors import InputError
from figures.glimpses_cases import cases_of, draw_cases
from figures.runs import read_all
from figures.sets import OUT

NAME = "glimpses_fig8"


@dataclass(frozen=True)
class Settings:
    """Draw the worst predictions of a test, with their trajectories."""

    runs: tuple[Path, ...] = ()
    """A test's results.json, or the folder that holds it."""
    count: int = 8
    """Images drawn at most."""
    out: Path = OUT
    """Folder for glimpses_fig8.png and .csv."""


def main(settings: Settings) -> None:
    """Read, draw and save."""
    if settings.count < 1:
        raise InputError(f"count is {settings.count}; expected at least 1")
    cases = [case for one in read_all(settings.runs) for case in cases_of(one)]
    cases.sort(key=lambda case: -case.distance)
    draw_cases(cases[: settings.count], settings.out, NAME, "Worst predictions")


if __name__ == "__main__":
    run(main, Settings)
