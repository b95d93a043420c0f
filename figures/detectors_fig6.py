"""Detectors, Fig. 6: both detectors' precision over recall, with the baselines.

``python -m figures.detectors_fig6 --runs IMAGE_ZOOMS POOL45_CROPS`` reads the
``results.json`` that each detector's test wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes

from common.command_line import run
from figures import published
from figures.runs import Results, expect_same_test, read_all
from figures.sets import OUT
from figures.style import draw_published, write_csv
from hierarchy.plots import Curve, draw_precision_recall

NAME = "detectors_fig6"
COLUMNS = ("curve", "source", "recall", "precision")


@dataclass(frozen=True)
class Settings:
    """Draw the precision–recall curves of several tests in one plot."""

    runs: tuple[Path, ...] = ()
    """results.json files, or folders that hold one, all of the same images."""
    out: Path = OUT
    """Folder for detectors_fig6.png and .csv."""


def curve_of(results: Results, agent: str) -> Curve:
    """Return recall, precision and AP of ``agent`` by the paper's protocol.

    Raises:
        InputError: a field is not there, or recall and precision differ in length.
    """
    recall = results.numbers(agent, "precision_recall", "recall")
    precision = results.numbers(agent, "precision_recall", "precision")
    results.expect(
        len(recall) == len(precision),
        f"{agent}.precision_recall: {len(recall)} recalls, {len(precision)} precisions",
        "as many of both",
    )
    return recall, precision, results.get(agent, "paper", "ap", kind=(int, float))


def is_same_protocol(results: Results) -> bool:
    """Tell whether a test is the paper's."""
    return published.is_same_protocol(results.get("images"), results.get("class"))


def rows_of(curves: Mapping[str, Curve]) -> list[tuple]:
    """Return curves as rows of :data:`COLUMNS`."""
    return [
        (name, "here", recall, precision)
        for name, (recalls, precisions, _) in curves.items()
        for recall, precision in zip(recalls, precisions, strict=True)
    ]


def published_rows(names: Sequence[str]) -> list[tuple]:
    """Return the digitised points of the paper's curves, as rows of :data:`COLUMNS`."""
    return [
        (name, published.DETECTORS, recall, precision)
        for name in names
        for recall, precision in published.CURVES[name].points
    ]


def draw_behind(names: Mapping[str, str], axes: Axes, colours: Mapping) -> None:
    """Draw the paper's curves thin, in the colours of ours.

    Args:
        names: key in :data:`published.CURVES` of each of our curves that has one.
        axes: where to.
        colours: of our curves.
    """
    for ours, name in names.items():
        draw_published(axes, f"paper, {name}", published.CURVES[name], colours[ours])


def draw(
    curves: Mapping[str, Curve],
    names: Mapping[str, str],
    folder: Path,
    name: str,
    title: str,
) -> None:
    """Write a figure of precision–recall curves, and its numbers.

    Args:
        curves: ours.
        names: key in :data:`published.CURVES` of each of ours that is drawn beside it.
        folder: where to.
        name: of both files, without suffix.
        title: what stands above.
    """
    rows = rows_of(curves) + published_rows(list(names.values()))
    write_csv(folder / f"{name}.csv", COLUMNS, rows)
    behind = partial(draw_behind, names) if names else None
    draw_precision_recall(curves, folder / f"{name}.png", title, behind)
    print(folder / f"{name}.png")


def distinct(names: Sequence[str]) -> list[str]:
    """Number names that occur again."""
    return [
        name if names.index(name) == place else f"{name} ({names[:place].count(name)})"
        for place, name in enumerate(names)
    ]


def main(settings: Settings) -> None:
    """Read, draw and save."""
    runs = read_all(settings.runs)
    expect_same_test(runs)
    labels = distinct([str(one.get("detector")) for one in runs])
    curves = {
        label: curve_of(one, "agent") for label, one in zip(labels, runs, strict=True)
    }
    for baseline in ("random", "upper_bound"):
        curves[baseline.replace("_", " ")] = curve_of(runs[0], baseline)
    same = all(map(is_same_protocol, runs))
    names = {label: label for label in labels if same and label in published.CURVES}
    images, what = runs[0].get("images"), runs[0].get("class")
    draw(curves, names, settings.out, NAME, f"Detectors, {what}, {images} images")


if __name__ == "__main__":
    run(main, Settings)
