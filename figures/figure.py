"""A figure: what it shows, what it reads, and the two files that come of it."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from common.files import REPOSITORY, atomic_write

OUT = REPOSITORY / "runs" / "figures"
"""Folder of figures unless one is named."""


@dataclass(frozen=True)
class Runs:
    """Settings of a figure that is drawn from saved runs."""

    runs: tuple[Path, ...] = ()
    """Files of saved runs, or folders that hold one; the list of figures says which."""
    out: Path = OUT
    """Folder for the picture and the CSV file."""


@dataclass(frozen=True, eq=False)
class Made:
    """A figure that is ready to be written.

    Attributes:
        rows: of the CSV file, in the order of its columns; None stays empty.
        draw: draws the picture, given ``path``; None where there is only a table.
        columns: of the CSV file where settings choose them.
        stem: of the files where settings choose it.
        suffix: of the picture's file.
    """

    rows: Sequence[Sequence]
    draw: Callable[..., None] | None = None
    columns: tuple[str, ...] = ()
    stem: str = ""
    suffix: str = ".png"


@dataclass(frozen=True)
class Figure:
    """A figure or table of one of the papers.

    Attributes:
        paper: what it is called there; empty if it is ours.
        columns: of the CSV file.
        make: reads and computes everything, and writes nothing. Its docstring begins
            with what is shown and what it is read from.
    """

    paper: str
    columns: tuple[str, ...]
    make: Callable[[Any], Made]

    @property
    def settings(self) -> type:
        """Dataclass of the flags, which ``make`` takes; has a field ``out``."""
        return get_type_hints(self.make)["settings"]

    @property
    def about(self) -> str:
        """What the figure is called and shows, in one line."""
        shows = (self.make.__doc__ or "").partition("\n")[0].rstrip(".")
        return f"{self.paper}: {shows}".removeprefix(": ")

    def write(self, name: str, settings: Any) -> None:
        """Write ``name.csv`` and a picture into the settings' folder ``out``.

        Raises:
            InputError: a file cannot be used; then nothing is written.
        """
        made = self.make(settings)
        path = settings.out / f"{made.stem or name}.csv"
        write_csv(path, made.columns or self.columns, made.rows)
        if made.draw is not None:
            path = path.with_suffix(made.suffix)
            made.draw(path=path)
        print(path)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write numbers atomically; floats with six digits.

    Args:
        path: the file.
        columns: their names.
        rows: values in the order of the columns; None stays empty.
    """
    with atomic_write(Path(path)) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_short(value) for value in row])


def _short(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else value
