"""Glimpses, Table 1: detection rate at normalised distances, ours beside the paper's.

``python -m figures.glimpses_table1 --runs RESULTS …`` reads the ``results.json`` that
the tests of ``glimpse_rnn`` wrote, with the controls in them; ``--tables
results/glimpse_rnn.csv --named door_handles_strongest`` adds numbers that were
collected earlier.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.command_line import run
from common.errors import file_error
from figures import published
from figures.runs import Results, read_all, read_rows, run_name
from figures.sets import OUT
from figures.style import draw_table, write_csv

NAME = "glimpses_table1"
KEYS = tuple(f"{distance:.2f}" for distance in published.DISTANCES)
"""Names of the distances in files: 0.02 … 0.10."""


@dataclass(frozen=True)
class Settings:
    """Draw the table of detection rates."""

    runs: tuple[Path, ...] = ()
    """results.json files, or folders that hold one."""
    tables: tuple[Path, ...] = ()
    """CSV files of figures.collect to take more numbers from."""
    named: tuple[str, ...] = ()
    """Runs to take from the tables."""
    out: Path = OUT
    """Folder for glimpses_table1.png and .csv."""


def rates_of(results: Results, *names: str) -> list[float]:
    """Return the detection rates in % at the distances of Table 1.

    Args:
        results: of a test.
        names: of the field that holds ``detection_rate``; none for the model's own.

    Raises:
        InputError: a distance is not there, or is no number from 0 to 100.
    """
    rates = []
    for key in KEYS:
        rate = results.get(*names, "detection_rate", key, kind=(int, float))
        field = ".".join((*names, "detection_rate", key))
        results.expect(0 <= rate <= 100, f"{field} is {rate}", "0 to 100, in %")
        rates.append(float(rate))
    return rates


def ours(results: Results) -> dict[str, list[float]]:
    """Return the rates of a test's model and of its controls, by name."""
    label = run_name(results.path)
    found = {f"{label}, glimpses": rates_of(results)}
    controls: dict[str, Any] = results.values.get("controls") or {}
    for name in controls:
        plain = name.replace("_", " ")
        found[f"{label}, {plain}"] = rates_of(results, "controls", name)
    return found


def collected(path: Path, names: Sequence[str]) -> dict[str, list[float]]:
    """Return rates of earlier tests and of their controls, by name.

    Args:
        path: a CSV file of :mod:`figures.collect`.
        names: of the runs to take from it.

    Raises:
        InputError: a run is not there, or one of its rates.
    """
    rows = read_rows(path)
    runs, who, measures = (rows.column([name]) for name in ("run", "who", "measure"))
    values: dict[str, dict[str, float | None]] = {}
    for line, row in enumerate(rows.rows):
        if row[runs] in names:
            label = f"{row[runs].replace('_', ' ')}, {row[who]}"
            number = rows.number(line, rows.column(["value"]))
            values.setdefault(label, {})[row[measures]] = number
    there = {row[runs] for row in rows.rows}
    for name in names:
        if name not in there:
            raise file_error(path, f"holds no run {name}", ", ".join(sorted(there)))
    rates = {}
    for label, found in values.items():
        rates[label] = [found.get(f"% within {key}") for key in KEYS]
        if None in rates[label]:
            raise file_error(path, f"{label}: a rate is missing", ", ".join(KEYS))
    return rates


def _short(rate: float) -> str:
    return f"{rate:.1f}".removesuffix(".0")


def main(settings: Settings) -> None:
    """Read, draw and save."""
    rows: list[tuple] = []
    for results in read_all(settings.runs):
        rows += [(name, "here", *rates) for name, rates in ours(results).items()]
    for path in settings.tables:
        found = collected(path, settings.named)
        rows += [(name, "here", *rates) for name, rates in found.items()]
    strong = range(len(rows))
    rows += [
        (name, published.GLIMPSES, *rates)
        for name, rates in published.DETECTION_RATES.items()
    ]
    write_csv(settings.out / f"{NAME}.csv", ("method", "source", *KEYS), rows)
    draw_table(
        ("", *KEYS),
        [(name, *map(_short, rates)) for name, _, *rates in rows],
        settings.out / f"{NAME}.png",
        "Detection rate in % by normalised distance",
        strong,
    )
    print(settings.out / f"{NAME}.png")


if __name__ == "__main__":
    run(main, Settings)
