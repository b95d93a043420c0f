"""Glimpse paper, Figs. 2 to 8 and Table 1: cases, studies, learning curve, rates."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import InputError, file_error
from common.images import read_image
from figures import published
from figures.figure import Made, Runs
from figures.published import DISTANCES, KEYS
from figures.runs import (
    Results,
    Rows,
    is_number,
    rates_of,
    read_all,
    read_rows,
    run_name,
)
from report.curves import PUBLISHED, Line, draw_line_panels, draw_lines, draw_table
from report.glimpses import Rollout, draw_cases


@dataclass(frozen=True)
class Cases(Runs):
    """Settings of Figs. 2, 7 and 8."""

    count: int = 8
    """Images drawn at most."""


@dataclass(frozen=True)
class LearningCurve(Runs):
    """Settings of Fig. 6; several seeds make several lines."""

    columns: tuple[str, ...] = ("validation_rate_0.10", "loss")
    """Columns of the log, the first that is there is drawn."""


@dataclass(frozen=True)
class Table1(Runs):
    """Settings of Table 1."""

    tables: tuple[Path, ...] = ()
    """CSV files of ``figures collect`` to take more numbers from."""
    named: tuple[str, ...] = ()
    """Runs to take from the tables."""


@dataclass(frozen=True)
class Case:
    """One image of a test; places are (row, column) in pixels of it.

    Attributes:
        image: its file.
        prediction: of the keypoint.
        truth: the keypoint.
        trajectory: of the glimpses, in order.
        distance: between prediction and truth, normalised.
    """

    image: Path
    prediction: tuple[float, float]
    truth: tuple[float, float]
    trajectory: tuple[tuple[float, float], ...]
    distance: float


def cases_of(results: Results) -> list[Case]:
    """Return what a test lists under ``cases``.

    Raises:
        InputError: there are none, or a field is not there or not of its kind.
    """
    listed = results.get("cases", kind=list)
    results.expect(bool(listed), "cases is empty", "at least one")
    cases = []
    for number, values in enumerate(listed):
        where = f"cases[{number}]"
        results.expect(isinstance(values, dict), f"{where} is no object", "fields")
        case = Results(Path(f"{results.path}: {where}"), values)
        trajectory = case.get("trajectory", kind=list)
        are_points = all(map(_is_point, trajectory))
        what = "trajectory is no list of points"
        case.expect(are_points, what, "(row, column) pairs")
        cases.append(
            Case(
                results.path.parent / case.get("image", kind=str),
                _point(case, "prediction"),
                _point(case, "truth"),
                tuple(map(tuple, trajectory)),
                float(case.get("distance", kind=(int, float))),
            )
        )
    return cases


def _is_point(values: object) -> bool:
    if not isinstance(values, list) or len(values) != 2:
        return False
    return all(map(is_number, values))


def _point(case: Results, name: str) -> tuple[float, float]:
    values = case.get(name, kind=list)
    case.expect(_is_point(values), f"{name} is {values}", "a (row, column) pair")
    return tuple(values)


def _ranked(settings: Cases) -> list[Case]:
    """Return the cases of all runs by rising distance."""
    if settings.count < 1:
        raise InputError(f"count is {settings.count}; expected at least 1")
    cases = [case for one in read_all(settings.runs) for case in cases_of(one)]
    return sorted(cases, key=lambda case: case.distance)


def digits(settings: Cases) -> Made:
    """Centroids of digits, evenly from the best to the worst, from results.json."""
    cases = _ranked(settings)
    places = np.linspace(0, len(cases) - 1, min(settings.count, len(cases)))
    some = [cases[int(place)] for place in places]
    return _cases(some, "Centroids of digits, from best to worst", with_glimpses=False)


def best(settings: Cases) -> Made:
    """Successful predictions, from results.json of tests."""
    return _cases(_ranked(settings)[: settings.count], "Best predictions")


def worst(settings: Cases) -> Made:
    """Failing predictions, from results.json of tests."""
    return _cases(_ranked(settings)[: -settings.count - 1 : -1], "Worst predictions")


def _cases(cases: Sequence[Case], title: str, with_glimpses: bool = True) -> Made:
    rollouts = [_rollout(case, with_glimpses) for case in cases]
    rows = []
    for case in cases:
        points = [("truth", case.truth), ("prediction", case.prediction)]
        points += [(f"glimpse {n}", at) for n, at in enumerate(case.trajectory, 1)]
        rows += [(case.image.name, case.distance, what, *at) for what, at in points]
    return Made(rows, partial(draw_cases, rollouts, title=title))


def _rollout(case: Case, with_glimpses: bool) -> Rollout:
    """Return a case with its picture, places in [−1, 1]."""
    picture, unknown = read_image(case.image), np.empty((0, 2))

    def locations(pixels: Sequence) -> np.ndarray:
        return 2 * np.array(pixels, float) / picture.shape[:2] - 1

    has_glimpses = with_glimpses and case.trajectory
    return Rollout(
        picture,
        locations(case.trajectory) if has_glimpses else unknown,
        locations(case.prediction),
        locations(case.truth),
        case.distance,
        windows=unknown,
    )


def objective(settings: Runs) -> Made:
    """The objective: regression loss, reward; from studies.glimpses' CSV files."""
    return _studies(settings.runs, ("objective", "reward"))


def network(settings: Runs) -> Made:
    """The network, and where it looks; from studies.glimpses' CSV files."""
    return _studies(settings.runs, ("network", "policy", "glimpses"))


def resolution(settings: Runs) -> Made:
    """Bandwidth and radius of glimpses; from studies.glimpses' CSV files."""
    return _studies(settings.runs, ("resolution",))


def _studies(paths: Sequence[Path], names: Sequence[str]) -> Made:
    """Make a figure of the detection rate of each variant of studies over distance.

    Lines are means over seeds, shades a standard deviation. The paper's own curves are
    not digitised; its best model, of Table 1, is drawn thin.
    """
    paper = published.DETECTION_RATES["paper, glimpses"]
    panels: dict[str, dict[str, Line]] = {}
    table: list[tuple] = []
    for study, variants in _read_studies(paths, names).items():
        lines = panels[study] = {}
        for variant, rates in variants.items():
            seeds = len(rates)
            mean, spread = rates.mean(axis=0), rates.std(axis=0, ddof=1 % seeds)
            label = f"{variant}  ({seeds} seeds)" if seeds > 1 else variant
            lines[label] = Line(DISTANCES, mean, spread=spread if seeds > 1 else None)
            table += [
                (study, variant, "here", seeds, *values)
                for values in zip(DISTANCES, mean, spread, strict=True)
            ]
        if variants:
            lines["paper, best model"] = Line(
                DISTANCES, paper, "#7d868f", look=PUBLISHED
            )
    draw = partial(
        draw_line_panels,
        panels,
        x_label="normalised distance",
        y_label="detection rate in %",
        ylim=(0, None),
        xticks=DISTANCES,
    )
    return Made(table, draw)


def _read_studies(
    paths: Sequence[Path], wanted: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Read wanted studies from CSV files, a row for each variant and seed.

    Paths are files, or folders that hold STUDY.csv or STUDY/STUDY.csv. A file without
    the column ``study`` is called after its study.

    Returns:
        By study and variant, rates in %: float64 (seeds, 5).

    Raises:
        InputError: none of ``wanted`` is there, or a file cannot be read.
    """
    if not paths:
        raise InputError("runs: none was named; expected CSV files of studies")
    variants: dict[str, dict[str, list]] = {name: defaultdict(list) for name in wanted}
    for file in (file for path in paths for file in _study_files(path, wanted)):
        rows = read_rows(file)
        for line, row in enumerate(rows.rows):
            study = row["study"] if "study" in rows.columns else file.stem
            if study in variants:
                variants[study][row[rows.column("arm")]].append(_rates_in(rows, line))
    if not any(variants.values()):
        there, names = ", ".join(map(str, paths)), " or ".join(wanted)
        raise InputError(f"runs: no study {names} in {there}; expected its CSV file")
    return {
        study: {variant: np.array(rates) for variant, rates in found.items()}
        for study, found in variants.items()
    }


def _study_files(path: Path, wanted: Sequence[str]) -> list[Path]:
    if not path.is_dir():
        return [path]
    places = [path / inside / f"{name}.csv" for name in wanted for inside in ("", name)]
    return [place for place in places if place.is_file()]


def _rates_in(rows: Rows, line: int) -> list[float]:
    """Return the rates in % of a row, under names that end in 0.02 … 0.10."""
    rates = []
    for key in KEYS:
        named = [name for name in rows.columns if name.endswith(key)]
        rate = rows.number(line, named[0] if named else rows.column(key))
        if rate is None or not 0 <= rate <= 100:
            where = f"line {line + 2}, {named[0]}: {rate}"
            raise file_error(rows.path, where, "a detection rate from 0 to 100, in %")
        rates.append(rate)
    return rates


def learning_curve(settings: LearningCurve) -> Made:
    """The learning curve, from log.csv of trainings."""
    if not settings.runs:
        raise InputError("runs: none was named; expected folders with log.csv")
    lines: dict[str, Line] = {}
    rows: list[tuple] = []
    name = ""
    for path in settings.runs:
        log = read_rows(path, "log.csv")
        epoch, name = log.column("epoch"), log.column(*settings.columns)
        columns = [
            [log.number(n, column) for n in range(len(log.rows))]
            for column in (epoch, name)
        ]
        points = [
            (x, y)
            for x, y in zip(*columns, strict=True)
            if x is not None and y is not None
        ]
        if not points:
            raise InputError(f"{log.path}: {name} is empty; expected numbers")
        label = run_name(log.path)
        while label in lines:
            label += "'"
        epochs, values = zip(*points, strict=True)
        lines[label] = Line(epochs, values)
        rows += [(label, "here", *point) for point in points]
    draw = partial(
        draw_lines,
        lines,
        title="Learning curve",
        x_label="epoch",
        y_label=name.replace("_", " "),
    )
    return Made(rows, draw, ("run", "source", "epoch", name))


def table1(settings: Table1) -> Made:
    """Detection rates at normalised distances, from results.json of tests."""
    rates: list[tuple] = []
    for results in read_all(settings.runs):
        label = run_name(results.path)
        rates.append((f"{label}, glimpses", *rates_of(results)))
        controls: dict[str, Any] = results.values.get("controls") or {}
        for name in controls:
            own = rates_of(results, "controls", name)
            rates.append((f"{label}, {name.replace('_', ' ')}", *own))
    for path in settings.tables:
        rates += _collected(path, settings.named)
    papers = [(name, *row) for name, row in published.DETECTION_RATES.items()]
    rows = [(name, "here", *row) for name, *row in rates]
    rows += [(name, published.GLIMPSES, *row) for name, *row in papers]
    cells = [(name, *map(_short, row)) for name, *row in rates + papers]
    title = "Detection rate in % by normalised distance"
    bold = range(len(rates))
    return Made(rows, partial(draw_table, ("", *KEYS), cells, title=title, bold=bold))


def _collected(path: Path, names: Sequence[str]) -> list[tuple]:
    """Return name and rates of earlier tests and controls out of a CSV of collect."""
    rows = read_rows(path)
    run, who, measure, value = (
        rows.column(name) for name in ("run", "who", "measure", "value")
    )
    there = {row[run] for row in rows.rows}
    for name in names:
        if name not in there:
            raise file_error(path, f"holds no run {name}", ", ".join(sorted(there)))
    found: dict[str, dict[str, float | None]] = defaultdict(dict)
    for line, row in enumerate(rows.rows):
        if row[run] in names:
            label = f"{row[run].replace('_', ' ')}, {row[who]}"
            found[label][row[measure]] = rows.number(line, value)
    rates = []
    for label, numbers in found.items():
        own = [numbers.get(f"% within {key}") for key in KEYS]
        if None in own:
            raise file_error(path, f"{label}: a rate is missing", ", ".join(KEYS))
        rates.append((label, *own))
    return rates


def _short(rate: float) -> str:
    return f"{rate:.1f}".removesuffix(".0")
