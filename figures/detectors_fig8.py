"""Detectors, Fig. 8: how many regions are analysed until an object is found.

``python -m figures.detectors_fig8 --runs RESULTS …`` reads the ``results.json`` that a
detector's test wrote.
"""

from dataclasses import dataclass
from pathlib import Path

from common.command_line import run
from figures import published
from figures.detectors_fig6 import distinct, is_same_protocol
from figures.runs import expect_same_test, read_all
from figures.sets import OUT
from figures.style import write_csv
from hierarchy.plots import draw_regions_per_object

NAME = "detectors_fig8"
PAPER = "paper"


@dataclass(frozen=True)
class Settings:
    """Draw how many objects were found after one region, two regions, …."""

    runs: tuple[Path, ...] = ()
    """results.json files, or folders that hold one, all of the same images."""
    agent: str = "agent"
    """Whose searches: agent, random or upper_bound."""
    out: Path = OUT
    """Folder for detectors_fig8.png and .csv."""


def main(settings: Settings) -> None:
    """Read, draw and save."""
    runs = read_all(settings.runs)
    expect_same_test(runs)
    labels = distinct([str(one.get("detector")) for one in runs])
    counts = {
        label: one.numbers(settings.agent, "regions_per_object_histogram")
        for label, one in zip(labels, runs, strict=True)
    }
    if all(map(is_same_protocol, runs)):
        counts[PAPER] = published.REGIONS_PER_OBJECT
    rows = [
        (label, published.DETECTORS if label == PAPER else "here", regions, found)
        for label, histogram in counts.items()
        for regions, found in enumerate(histogram, 1)
    ]
    columns = ("run", "source", "regions", "found")
    write_csv(settings.out / f"{NAME}.csv", columns, rows)
    images, what = runs[0].get("images"), runs[0].get("class")
    path = settings.out / f"{NAME}.png"
    draw_regions_per_object(
        counts, path, f"Regions until found, {what}, {images} images"
    )
    print(path)


if __name__ == "__main__":
    run(main, Settings)
