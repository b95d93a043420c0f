"""Tables of keypoints: CSV with a header, whatever stands between its columns."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from common.errors import InputError, file_error
from datasets.keypoint_rows import (
    UNSPLIT,
    BadRow,
    Images,
    Invisible,
    Keypoint,
    Layout,
    Row,
    check_inside,
    parse_number,
    parse_switch,
    split_word,
    splits_of_files,
)
from datasets.text import text_of

NEEDED = ("image", "x", "y")
"""Columns that a table cannot do without."""

COLUMNS = (*NEEDED, "normaliser", "visible", "split")
"""All columns that are read; more do no harm."""

SUFFIXES = (".csv", ".tsv")

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Table:
    """One CSV file, read.

    Attributes:
        path: of the file.
        separator: between its columns.
        places: of the columns that are read, by the names in :data:`COLUMNS`.
        width: number of columns.
        rows: (line, values) of each row that is not empty.
    """

    path: Path
    separator: str
    places: Mapping[str, int]
    width: int
    rows: Sequence[tuple[int, list[str]]]

    @property
    def has_decimal_commas(self) -> bool:
        """Whether numbers are written as 48,5 somewhere."""
        if self.separator == ",":
            return False
        numbers = [self.places[n] for n in ("x", "y", "normaliser") if n in self.places]
        return any(
            "," in values[place]
            for _, values in self.rows
            for place in numbers
            if place < len(values)
        )


def column_names(columns: Sequence[str]) -> dict[str, str]:
    """Return what columns are called, by what they hold.

    Args:
        columns: ``FIELD=COLUMN`` each, such as ``x=cx``.

    Raises:
        InputError: one is written otherwise or names no field, or two name one field
            or one column.
    """
    names = {name: name for name in COLUMNS}
    given: set[str] = set()
    for words in columns:
        field, equals, column = (part.strip() for part in words.partition("="))
        if field.lower() not in names or not equals or not column:
            raise InputError(
                f"columns is {words}; expected FIELD=COLUMN with one of"
                f" {', '.join(COLUMNS)} before the ="
            )
        if field.lower() in given:
            raise InputError(f"columns has {field} twice; expected each field once")
        given.add(field.lower())
        names[field.lower()] = column.lower()
    for column, count in Counter(names.values()).items():
        if count > 1:
            fields = " and ".join(name for name in names if names[name] == column)
            raise InputError(
                f"columns has {column} for {fields}; expected a column for each field"
            )
    return names


def table_layout(paths: Sequence[Path], folder: Path, columns: Sequence[str]) -> Layout:
    """Find the rows of one or more tables.

    Args:
        paths: of the tables; several are splits by their names.
        folder: of the set.
        columns: what columns are called, as :func:`column_names` takes it.

    Raises:
        InputError: a file is no table, or lacks a column.
    """
    names = column_names(columns)
    mapped = {words.partition("=")[0].strip().lower() for words in columns}
    tables = [read_table(path, names, mapped) for path in paths]
    rows = [
        Row(table.path, f"line {line}", partial(_table_row, table, values, split))
        for table, split in zip(tables, splits_of_files(paths), strict=True)
        for line, values in table.rows
    ]
    path = paths[0] if len(paths) == 1 else folder
    return Layout(path, folder, _words(tables), rows, tuple(_notes(tables)))


def _words(tables: Sequence[Table]) -> str:
    between = {_SEPARATORS[table.separator]: None for table in tables}
    words = "a table" if len(tables) == 1 else f"{len(tables)} tables"
    words += f" with {' and '.join(between)} between columns"
    if any(table.has_decimal_commas for table in tables):
        words += " and decimal commas"
    return words


def _notes(tables: Sequence[Table]) -> Iterator[str]:
    for name, what in (
        ("normaliser", "distances are divided by the image's height"),
        ("visible", "all keypoints are taken for visible"),
    ):
        if any(name not in table.places for table in tables):
            yield f"no column {name}: {what}"


def read_table(path: Path, names: Mapping[str, str], needed: set[str]) -> Table:
    """Read a table; its rows stay text.

    Args:
        path: of the file; a first line such as ``sep=;`` is taken at its word.
        names: of the columns, by what they hold.
        needed: what they must hold besides :data:`NEEDED`.

    Raises:
        InputError: it is no table, or lacks a column; lists those it has.
    """
    lines = text_of(path).splitlines()
    separator = None
    first = lines[0].strip().lower() if lines else ""
    if first.startswith("sep=") and len(first) == 5:
        separator = first[4]
    skipped = int(first.startswith("sep="))
    header_line = lines[skipped] if len(lines) > skipped else ""
    if separator not in _SEPARATORS:
        separator = _separator_of(header_line, names)
    reader = csv.reader(lines[skipped:], delimiter=separator, skipinitialspace=True)
    header = [name.strip().lower() for name in next(_parsed(path, reader), [])]
    where = f"line {skipped + 1}"
    places = _places(path, where, header, names, needed)
    rows = [
        (reader.line_num + skipped, values)
        for values in _parsed(path, reader)
        if any(value.strip() for value in values)
    ]
    return Table(path, separator, places, len(header), rows)


def _separator_of(header: str, names: Mapping[str, str]) -> str:
    """Return what separates most of the wanted columns, else most columns."""

    def found(separator: str) -> tuple[int, int]:
        values = header.lower().split(separator)
        columns = {value.strip(" \t\"'") for value in values}
        return len(columns & set(names.values())), len(values)

    return max(_SEPARATORS, key=found)


def _places(
    path: Path,
    where: str,
    header: Sequence[str],
    names: Mapping[str, str],
    needed: set[str],
) -> dict[str, int]:
    """Return where the columns are that are read."""
    missing = [
        names[name]
        for name in COLUMNS
        if (name in NEEDED or name in needed) and names[name] not in header
    ]
    if missing:
        there = ", ".join(name for name in header if name) or "nothing"
        raise file_error(
            path,
            f"{where}, no column {', '.join(missing)} among {there}",
            "image, x and y, or the names of such columns (--columns image=FILE x=CX"
            " y=CY)",
        )
    for name in names.values():
        if header.count(name) > 1:
            raise file_error(path, f"{where}, two columns {name}", "one")
    return {name: header.index(names[name]) for name in names if names[name] in header}


def _parsed(path: Path, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise file_error(path, f"is no table: {error}", "CSV") from None


def _table_row(
    table: Table, values: Sequence[str], file_split: str, images: Images
) -> Keypoint | Invisible:
    if len(values) != table.width:
        raise BadRow(f"{len(values)} fields", f"{table.width} as in the header")
    row = {name: values[place].strip() for name, place in table.places.items()}
    split = _split_of(row["split"]) if "split" in row else file_split
    if not parse_switch(row.get("visible", "1"), "visible"):
        return Invisible(split)
    x, y = (_number(table, row, name) for name in ("x", "y"))
    normaliser = _number(table, row, "normaliser") if "normaliser" in row else None
    if normaliser is not None and normaliser <= 0:
        raise BadRow(f"normaliser: {row['normaliser']}", "a length above 0")
    path = images.find(row["image"], "image", beside=table.path.parent)
    size = images.size(path, "image")
    check_inside(x, -0.5, size[1] - 0.5, "x")
    check_inside(y, -0.5, size[0] - 0.5, "y")
    length = float(size[0]) if normaliser is None else normaliser
    return Keypoint(row["image"], path, size, y + 0.5, x + 0.5, length, split)


def _split_of(text: str) -> str:
    split = split_word(text)
    if split is None:
        raise BadRow(f"split: {text.lower()!r}", "train or test")
    return split or UNSPLIT


def _number(table: Table, row: Mapping[str, str], name: str) -> float:
    """Return a number, with a decimal comma where commas separate no columns."""
    text = row[name]
    is_decimal = table.separator != "," and text.count(",") == 1 and "." not in text
    return parse_number(text.replace(",", ".") if is_decimal else text, name)
