"""Glimpses, Fig. 4: the network: glimpse network, and learned against random glimpses.

``python -m figures.glimpses_fig4 --runs STUDIES`` reads the CSV files that
``studies.glimpses`` wrote; see :mod:`figures.glimpses_studies`.
"""

from dataclasses import dataclass
from pathlib import Path

from common.command_line import run
from figures.glimpses_studies import draw_studies, read_studies
from figures.sets import OUT

NAME = "glimpses_fig4"
STUDIES = ("network", "policy", "glimpses")


@dataclass(frozen=True)
class Settings:
    """Draw detection rates over distance, by arm of each study."""

    runs: tuple[Path, ...] = ()
    """CSV files of studies, or folders of them."""
    out: Path = OUT
    """Folder for glimpses_fig4.png and .csv."""


def main(settings: Settings) -> None:
    """Read, draw and save."""
    draw_studies(read_studies(settings.runs, STUDIES), settings.out, NAME)


if __name__ == "__main__":
    run(main, Settings)
