"""What runs left behind: results of tests, logs, studies; checked field by field."""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import InputError, file_error
from common.images import read_bytes
from figures.published import KEYS

_EPOCH = re.compile(r"_epoch_(\d+)")
Kind = type | tuple[type, ...]


@dataclass(frozen=True, eq=False)
class Results:
    """A ``results.json``: its path, and what it holds."""

    path: Path
    values: dict[str, Any]

    def get(self, *names: str, kind: Kind = object) -> Any:
        """Return the field ``names[0].names[1]…``, which must be of a kind.

        Raises:
            InputError: it is not; names it with dots.
        """
        value: Any = self.values
        for depth, name in enumerate(names, 1):
            if not isinstance(value, dict) or name not in value:
                raise file_error(self.path, f"there is no {'.'.join(names[:depth])}")
            value = value[name]
        kinds = kind if isinstance(kind, tuple) else (kind,)
        words = " or ".join(one.__name__ for one in kinds)
        what = f"{'.'.join(names)} is a {type(value).__name__}"
        self.expect(isinstance(value, kind), what, f"a {words}")
        return value

    def numbers(self, *names: str) -> list[float]:
        """Return a field that is a list of numbers.

        Raises:
            InputError: it is none; names it with dots.
        """
        values = self.get(*names, kind=list)
        if not all(is_number(value) for value in values):
            raise file_error(self.path, f"{'.'.join(names)} holds more than numbers")
        return values

    def expect(self, is_right: bool, what: str, expected: str) -> None:
        """Raise an InputError that names the file unless something is right."""
        if not is_right:
            raise file_error(self.path, what, expected)

    @property
    def epoch(self) -> int | None:
        """Epoch of the Q-network that was tested, if its file's name says so."""
        found = _EPOCH.search(str(self.get("weights", "file")))
        return int(found[1]) if found else None


def is_number(value: object) -> bool:
    """Tell whether a value of a JSON file is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_results(path: Path) -> Results:
    """Read a test's ``results.json``, given the file or the folder that it lies in.

    Raises:
        InputError: it is not there, or no JSON object.
    """
    path = _file_in(path, "results.json", "results.json of a test")
    try:
        values = json.loads(read_bytes(path))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise file_error(path, f"is not readable as JSON: {error}") from None
    if not isinstance(values, dict):
        raise file_error(path, "is no JSON object", "results.json of a test")
    return Results(path, values)


def _file_in(path: Path, name: str, expected: str) -> Path:
    """Return the file that is meant: ``path``, or ``name`` in a folder."""
    path = Path(path)
    if path.is_dir() and name:
        path = path / name
    if not path.is_file():
        raise file_error(path, "there is no such file", expected)
    return path


def run_name(path: Path) -> str:
    """Return what to call the run that a file is of: its folder's name.

    Folders that every run has, such as ``results``, give way to the one above.
    """
    folder = Path(path).resolve().parent
    while folder.name in ("results", "models") and folder.parent.name:
        folder = folder.parent
    return folder.name


def read_all(paths: Sequence[Path]) -> list[Results]:
    """Read the results of several runs.

    Raises:
        InputError: there are none, or one cannot be read.
    """
    if not paths:
        raise InputError("runs: none was named; expected folders with results.json")
    return [read_results(path) for path in paths]


def read_same_test(paths: Sequence[Path]) -> list[Results]:
    """Read the results of runs that were tested on the same images.

    Raises:
        InputError: names the file and the field that differ.
    """
    runs = read_all(paths)
    for name in ("class", "images", "objects"):
        first = runs[0].get(name)
        for run in runs[1:]:
            what = f"{name} is {run.get(name)!r}"
            expected = f"{first!r} as in {runs[0].path}: curves in one plot must be of"
            run.expect(run.get(name) == first, what, f"{expected} the same test")
    return runs


def rates_of(results: Results, *names: str) -> list[float]:
    """Return the detection rates in % at the distances of the glimpses' Table 1.

    They are in ``detection_rate`` of the field of ``names``; of the model without any.

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


@dataclass(frozen=True, eq=False)
class Rows:
    """A CSV file: its path, the columns of its heading, its rows by column, as text."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]

    def column(self, *names: str) -> str:
        """Return the first of ``names`` that is a column.

        Raises:
            InputError: none is; lists those there are.
        """
        for name in names:
            if name in self.columns:
                return name
        there = ", ".join(self.columns)
        what = f"there is no column {' or '.join(names)}"
        raise file_error(self.path, what, f"one of those there are: {there}")

    def number(self, line: int, column: str) -> float | None:
        """Return a cell as a number, None where it is empty; lines count from 0.

        Raises:
            InputError: it is no number; names file, line and column.
        """
        text = (self.rows[line][column] or "").strip()
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            where = f"line {line + 2}, {column}: {text!r}"
            raise file_error(self.path, where, "a number") from None


def read_rows(path: Path, name: str = "") -> Rows:
    """Read a CSV file with a heading, or the one of a name in a folder.

    Raises:
        InputError: it is not there, has no heading or no rows.
    """
    path = _file_in(path, name, name or "a CSV file")
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise file_error(path, f"is not UTF-8 text: {error.reason}") from None
    reader = csv.DictReader(text.splitlines())
    rows = tuple(reader)
    if not reader.fieldnames or not rows:
        raise file_error(path, "is empty", "a heading and at least one row")
    return Rows(path, tuple(reader.fieldnames), rows)
