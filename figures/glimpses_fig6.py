"""Glimpses, Fig. 6: the learning curve.

``python -m figures.glimpses_fig6 --runs MODELS …`` reads the ``log.csv`` that training
appends a row to at each epoch.
"""

from dataclasses import dataclass
from pathlib import Path

from common.command_line import run
from common.errors import InputError
from figures.runs import read_rows, run_name
from figures.sets import OUT
from figures.style import Line, draw_lines, write_csv

NAME = "glimpses_fig6"


@dataclass(frozen=True)
class Settings:
    """Draw what a training's log says, epoch by epoch."""

    runs: tuple[Path, ...] = ()
    """log.csv files, or folders that hold one; several seeds make several lines."""
    columns: tuple[str, ...] = ("validation_rate_0.10", "loss")
    """Columns of the log, the first that is there is drawn."""
    out: Path = OUT
    """Folder for glimpses_fig6.png and .csv."""


def main(settings: Settings) -> None:
    """Read, draw and save."""
    if not settings.runs:
        raise InputError("runs: none was named; expected folders with log.csv")
    lines, rows, name = {}, [], ""
    for path in settings.runs:
        log = read_rows(path, "log.csv")
        epoch, name = log.column(["epoch"]), log.column(settings.columns)
        points = [
            (log.number(line, epoch), log.number(line, name))
            for line in range(len(log.rows))
        ]
        points = [point for point in points if None not in point]
        if not points:
            raise InputError(f"{log.path}: {name} is empty; expected numbers")
        label = run_name(log.path)
        while label in lines:
            label += "'"
        lines[label] = Line(*zip(*points, strict=True))
        rows += [(label, "here", *point) for point in points]
    write_csv(settings.out / f"{NAME}.csv", ("run", "source", "epoch", name), rows)
    path = settings.out / f"{NAME}.png"
    draw_lines(lines, path, "Learning curve", "epoch", name.replace("_", " "))
    print(path)


if __name__ == "__main__":
    run(main, Settings)
