"""Keypoints on disk: the Car Door Handle format, and tables of any other set.

A set is a folder with one of these two files, and the images that it names:

``annotations.txt``, one line a car, as the Car Door Handle data set has it::

    x|y|car_ims/000002.jpg|W,H,3|istrain|istest|visible|class|x1,y1,x2,y2

x and y are counted from 1. The distance of a prediction is divided by the height of the
car's box, y2 - y1 + 1; the box plays no other part.

``annotations.csv``, for anything else, with a header::

    image,x,y,normaliser,visible,split
    photos/one.png,104.5,63,180,1,train

x (column) and y (row) are counted from 0, at the middle of pixels, and may have
fractions; ``normaliser`` is the length in pixels that distances are divided by;
``visible`` is 0 or 1; ``split`` is ``train`` or ``test``. More columns do no harm.

Invisible keypoints are dropped and counted. A row that makes no sense raises, or, with
``skip_bad``, is left out and listed.
"""

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from common.errors import InputError, file_error
from common.images import IMAGE_SUFFIXES, read_bytes, read_size

HANDLES, TABLE = "annotations.txt", "annotations.csv"
"""What the annotation file is called in a set's folder."""

SPLITS = ("train", "test")

COLUMNS = ("image", "x", "y", "normaliser", "visible", "split")
"""Header of a table."""

_FIELDS = (
    "x",
    "y",
    "image",
    "size W,H,3",
    "istrain",
    "istest",
    "visible",
    "class",
    "box x1,y1,x2,y2",
)
_IMAGE_FOLDERS = ("car_ims", "cars_train", "cars_test", "images", "JPEGImages")


@dataclass(frozen=True)
class Keypoint:
    """One image with the point to find in it.

    Attributes:
        name: of the image, as the annotation has it.
        path: of the image.
        size: (height, width) of the image in pixels.
        row: of the point in pixels; 0 is the image's upper edge, so that the middle of
            pixel k lies at k + 0.5.
        column: of the point, from the image's left edge.
        normaliser: length in pixels that distances are divided by.
        split: ``train`` or ``test``.
    """

    name: str
    path: Path
    size: tuple[int, int]
    row: float
    column: float
    normaliser: float
    split: str


@dataclass(frozen=True)
class Annotations:
    """What an annotation file holds.

    Attributes:
        path: of the file.
        keypoints: the visible ones, in the file's order.
        invisible: how many were dropped, by split.
        skipped: a line about each row that ``skip_bad`` went past.
    """

    path: Path
    keypoints: list[Keypoint] = field(default_factory=list)
    invisible: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    skipped: list[str] = field(default_factory=list)


def read_annotations(path: Path | str, skip_bad: int = 0) -> Annotations:
    """Read a set's annotations, and check them against its images' headers.

    Args:
        path: the set's folder, or its annotation file.
        skip_bad: 1 to leave bad rows out and list them, 0 to raise at the first.

    Raises:
        InputError: there are no annotations, a row is bad, or none is left; the line
            names the file, the line and the field.
    """
    path = _annotation_file(Path(path))
    is_table = path.suffix.lower() == ".csv"
    rows = _table_rows(path) if is_table else _handle_rows(path)
    found = Annotations(path)
    images = _Images(path.parent)
    for where, parse in rows:
        try:
            parsed = parse(images)
        except _BadRow as bad:
            error = file_error(path, f"{where}, {bad.what}", bad.expected)
            if not skip_bad:
                raise error from None
            found.skipped.append(str(error))
            continue
        if isinstance(parsed, Keypoint):
            found.keypoints.append(parsed)
        else:
            found.invisible[parsed] += 1
    if not found.keypoints:
        counts = f"{sum(found.invisible.values())} invisible"
        counts += f" and {len(found.skipped)} bad ones"
        raise file_error(path, f"no row is left beside {counts}", "visible keypoints")
    return found


def _annotation_file(path: Path) -> Path:
    if path.is_dir():
        for name in (HANDLES, TABLE):
            if (path / name).is_file():
                return path / name
        raise file_error(path, "holds no annotations", f"{HANDLES} or {TABLE} in it")
    if not path.exists():
        raise file_error(path, "there is no such file or folder", "a set of keypoints")
    return path


class _BadRow(Exception):
    """A row that makes no sense: what is wrong in which field, what was expected."""

    def __init__(self, what: str, expected: str = ""):
        super().__init__(what)
        self.what, self.expected = what, expected


_Row = tuple[str, Callable[["_Images"], Keypoint | str]]
"""Where a row stands, and what turns it into a keypoint, or its split if invisible."""


def _text_of(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise file_error(path, f"byte {error.start} is not UTF-8", "text") from None


# --- the Car Door Handle format ------------------------------------------------------


def _handle_rows(path: Path) -> Iterator[_Row]:
    for number, line in enumerate(_text_of(path).splitlines(), 1):
        if line.strip():
            yield f"line {number}", partial(_handle, line)


def _handle(line: str, images: "_Images") -> Keypoint | str:
    """Parse a line; returns the split instead if the handle cannot be seen."""
    values = [value.strip() for value in line.split("|")]
    if len(values) != len(_FIELDS):
        raise _BadRow(f"{len(values)} fields", f"{len(_FIELDS)} between |")
    x, y = (_number(values[place], _named(place)) for place in (0, 1))
    size = _annotated_size(values[3])
    split = _split_of(*(_switch(values[place], _named(place)) for place in (4, 5)))
    if not _switch(values[6], _named(6)):
        return split
    x1, y1, x2, y2 = _numbers(values[8], 4, _named(8))
    if x2 < x1 or y2 < y1:
        raise _BadRow(f"{_named(8)}: {values[8]}", "x1 <= x2 and y1 <= y2")
    path = images.find(values[2], _named(2))
    _check_size(images, path, size)
    _check_inside(x, 1, size[1], _named(0))
    _check_inside(y, 1, size[0], _named(1))
    # Counted from 1, at the middle of pixels: pixel 1 reaches from 0 to 1.
    return Keypoint(values[2], path, size, y - 0.5, x - 0.5, y2 - y1 + 1, split)


def _named(place: int) -> str:
    return f"field {place + 1} ({_FIELDS[place]})"


def _annotated_size(text: str) -> tuple[int, int]:
    """Return (height, width) of ``W,H,3``."""
    width, height, channels = _numbers(text, 3, _named(3))
    whole = all(value == int(value) > 0 for value in (width, height))
    if not whole or channels not in (1, 3, 4):
        raise _BadRow(f"{_named(3)}: {text}", "width, height and channels")
    return int(height), int(width)


def _split_of(train: bool, test: bool) -> str:
    if train == test:
        flags = f"{int(train)} and {int(test)}"
        raise _BadRow(f"fields 5 and 6 (istrain, istest): {flags}", "one of them 1")
    return "train" if train else "test"


def _check_size(images: "_Images", path: Path, size: tuple[int, int]) -> None:
    real = images.size(path, _named(3), size)
    if real == size:
        return
    what = f"{_named(3)}: {size[1]},{size[0]}"
    if real == size[::-1]:
        what += ", width and height swapped"
    raise _BadRow(what, f"{real[1]},{real[0]} as {path} has")


# --- tables --------------------------------------------------------------------------


def _table_rows(path: Path) -> Iterator[_Row]:
    reader = csv.reader(_text_of(path).splitlines(), skipinitialspace=True)
    header = [name.strip().lower() for name in next(_parsed(path, reader), [])]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        what = f"line 1, no column {', '.join(missing)}"
        raise file_error(path, what, f"the header {','.join(COLUMNS)}")
    for values in _parsed(path, reader):
        if any(value.strip() for value in values):
            where = f"line {reader.line_num}"
            yield where, partial(_table_row, header, values)


def _parsed(path: Path, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise file_error(path, f"is no table: {error}", "CSV") from None


def _table_row(
    header: list[str], values: list[str], images: "_Images"
) -> Keypoint | str:
    if len(values) != len(header):
        raise _BadRow(f"{len(values)} fields", f"{len(header)} as in the header")
    row = {name: value.strip() for name, value in zip(header, values, strict=True)}
    split = row["split"].lower()
    if split not in SPLITS:
        raise _BadRow(f"split: {row['split']!r}", " or ".join(SPLITS))
    if not _switch(row["visible"], "visible"):
        return split
    x, y, normaliser = (_number(row[name], name) for name in ("x", "y", "normaliser"))
    if normaliser <= 0:
        raise _BadRow(f"normaliser: {row['normaliser']}", "a length above 0")
    path = images.find(row["image"], "image")
    size = images.size(path, "image")
    _check_inside(x, -0.5, size[1] - 0.5, "x")
    _check_inside(y, -0.5, size[0] - 0.5, "y")
    return Keypoint(row["image"], path, size, y + 0.5, x + 0.5, normaliser, split)


# --- fields --------------------------------------------------------------------------


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _BadRow(f"{name}: {text!r}", "a number")
    return value


def _numbers(text: str, count: int, name: str) -> list[float]:
    values = text.split(",")
    if len(values) != count:
        raise _BadRow(f"{name}: {text!r}", f"{count} numbers between commas")
    return [_number(value, name) for value in values]


def _switch(text: str, name: str) -> bool:
    if text not in ("0", "1"):
        raise _BadRow(f"{name}: {text!r}", "0 or 1")
    return text == "1"


def _check_inside(value: float, low: float, high: float, name: str) -> None:
    if not low <= value <= high:
        raise _BadRow(f"{name}: {value:g}", f"{low:g} to {high:g}, inside the image")


class _Images:
    """Finds the images that a set names, also where they were moved."""

    def __init__(self, folder: Path):
        self._folder = folder

    def find(self, name: str, field: str) -> Path:
        """Return the file; where it is not as named, its last part decides."""
        # Names may have been written on Windows; none may lead out of the set.
        relative = PurePosixPath(name.replace("\\", "/"))
        if not relative.name or relative.name == "..":
            raise _BadRow(f"{field}: {name!r}", "the name of an image")
        inside = not relative.is_absolute() and ".." not in relative.parts
        places = [self._folder / relative, self._folder.parent / relative]
        places = places if inside else []
        places += [self._folder / other / relative.name for other in _IMAGE_FOLDERS]
        for place in [*places, self._folder / relative.name]:
            if place.is_file():
                return place
        return self._found_anywhere(relative.name, name, field)

    def _found_anywhere(self, base: str, name: str, field: str) -> Path:
        found = self._by_name.get(base, [])
        if len(found) == 1:
            return found[0]
        if found:
            what = f"{field}: {name} is not there, but {found[0]} and {found[1]} are"
            raise _BadRow(what, "one image of that name")
        raise _BadRow(f"{field}: {name} is missing", f"it in {self._folder} or below")

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        """All images of the folder and its subfolders, by the last part."""
        found: dict[str, list[Path]] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                found.setdefault(path.name, []).append(path)
        return found

    def size(
        self, path: Path, field: str, annotated: tuple[int, int] | None = None
    ) -> tuple[int, int]:
        """Return an image's (height, width)."""
        try:
            return read_size(path, annotated)
        except InputError as error:
            raise _BadRow(f"{field}: {error}") from None
