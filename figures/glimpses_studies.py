"""What Figs. 3, 4 and 5 of the glimpse paper share: studies, an arm a line.

``studies.glimpses`` writes ``STUDY/STUDY.csv`` with a row for each arm and seed:
the columns study, arm, seed, and the detection rates in % under names that end in
0.02 … 0.10. A file without the column study is called after its study.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from common.errors import InputError, file_error
from figures import published
from figures.glimpses_table1 import KEYS
from figures.runs import Rows, read_rows
from figures.style import Line, draw_panels, write_csv

Arms = dict[str, np.ndarray]
"""Rates in % of each arm: float64 (seeds, 5)."""


def read_studies(paths: Sequence[Path], wanted: Sequence[str]) -> dict[str, Arms]:
    """Read studies from CSV files, or from folders of them.

    Args:
        paths: of files, or folders that hold STUDY.csv or STUDY/STUDY.csv.
        wanted: names of studies; others are passed over.

    Raises:
        InputError: none of ``wanted`` is there, or a file cannot be read.
    """
    arms: dict[str, dict[str, list]] = {name: defaultdict(list) for name in wanted}
    if not paths:
        raise InputError("runs: none was named; expected CSV files of studies")
    for path in paths:
        for file in _files(path, wanted):
            rows = read_rows(file)
            for line, row in enumerate(rows.rows):
                study = row["study"] if "study" in rows.columns else file.stem
                if study in arms:
                    arm = row[rows.column(["arm"])]
                    arms[study][arm].append(_rates(rows, line))
    if not any(arms.values()):
        there = ", ".join(map(str, paths))
        raise InputError(
            f"runs: no study {' or '.join(wanted)} in {there}; expected its CSV file"
        )
    return {
        study: {arm: np.array(rates) for arm, rates in found.items()}
        for study, found in arms.items()
    }


def _files(path: Path, wanted: Sequence[str]) -> list[Path]:
    """Return the files of the studies in a folder; a file is returned as it is."""
    if not path.is_dir():
        return [path]
    places = [path / inside / f"{name}.csv" for name in wanted for inside in ("", name)]
    return [place for place in places if place.is_file()]


def _rates(rows: Rows, line: int) -> list[float]:
    rates = []
    for key in KEYS:
        named = [name for name in rows.columns if name.endswith(key)]
        rate = rows.number(line, named[0] if named else rows.column([key]))
        if rate is None or not 0 <= rate <= 100:
            where = f"line {line + 2}, {named[0]}: {rate}"
            raise file_error(rows.path, where, "a detection rate from 0 to 100, in %")
        rates.append(rate)
    return rates


def draw_studies(studies: Mapping[str, Arms], folder: Path, name: str) -> None:
    """Draw the detection rate of each arm over distance, a panel for each study.

    Lines are means over seeds, shades a standard deviation. The paper's own curves
    are not digitised; its best model, of Table 1, is drawn thin.

    Args:
        studies: arms by name, by study.
        folder: where to.
        name: of both files, without suffix.
    """
    paper = published.DETECTION_RATES["paper, glimpses"]
    panels, table = {}, []
    for study, arms in studies.items():
        lines = {}
        for arm, rates in arms.items():
            seeds = len(rates)
            mean, spread = rates.mean(axis=0), rates.std(axis=0, ddof=1 % seeds)
            shade = spread if seeds > 1 else None
            label = f"{arm}  ({seeds} seeds)" if seeds > 1 else arm
            lines[label] = Line(published.DISTANCES, mean, spread=shade)
            table += [
                (study, arm, "here", seeds, *values)
                for values in zip(published.DISTANCES, mean, spread, strict=True)
            ]
        if arms:
            thin = Line(published.DISTANCES, paper, "#7d868f", thin=True)
            lines["paper, best model"] = thin
        panels[study] = lines
    columns = ("study", "arm", "source", "seeds", "distance", "rate", "deviation")
    write_csv(folder / f"{name}.csv", columns, table)
    draw_panels(
        panels,
        folder / f"{name}.png",
        "normalised distance",
        "detection rate in %",
        ylim=(0, None),
        xticks=published.DISTANCES,
    )
    print(folder / f"{name}.png")
