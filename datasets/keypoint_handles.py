"""The format of the Car Door Handle data set: one line a car, fields between bars."""

from functools import partial
from pathlib import Path

from datasets.keypoint_rows import (
    BadRow,
    Images,
    Invisible,
    Keypoint,
    Layout,
    Row,
    check_inside,
    check_size,
    parse_number,
    parse_switch,
)
from datasets.text import text_of

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


def handle_layout(path: Path) -> Layout:
    """Find the rows of a file in the Car Door Handle format.

    Raises:
        InputError: there is no such file, or it is no text.
    """
    rows = [
        Row(path, f"line {number}", partial(_handle, line))
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if line.strip()
    ]
    return Layout(path, path.parent, "in the Car Door Handle format", rows)


def _handle(line: str, images: Images) -> Keypoint | Invisible:
    """Parse a line."""
    values = [value.strip() for value in line.split("|")]
    if len(values) != len(_FIELDS):
        raise BadRow(f"{len(values)} fields", f"{len(_FIELDS)} between |")
    x, y = (parse_number(values[place], _named(place)) for place in (0, 1))
    size = _annotated_size(values[3])
    split = _split_of(*(parse_switch(values[place], _named(place)) for place in (4, 5)))
    if not parse_switch(values[6], _named(6)):
        return Invisible(split)
    x1, y1, x2, y2 = _numbers(values[8], 4, _named(8))
    if x2 < x1 or y2 < y1:
        raise BadRow(f"{_named(8)}: {values[8]}", "x1 <= x2 and y1 <= y2")
    path = images.find(values[2], _named(2))
    check_size(images.size(path, _named(3), size), size, _named(3), path)
    check_inside(x, 1, size[1], _named(0))
    check_inside(y, 1, size[0], _named(1))
    # Counted from 1, at the middle of pixels: pixel 1 reaches from 0 to 1.
    return Keypoint(values[2], path, size, y - 0.5, x - 0.5, y2 - y1 + 1, split)


def _named(place: int) -> str:
    return f"field {place + 1} ({_FIELDS[place]})"


def _annotated_size(text: str) -> tuple[int, int]:
    """Return (height, width) of ``W,H,3``."""
    width, height, channels = _numbers(text, 3, _named(3))
    whole = all(value == int(value) > 0 for value in (width, height))
    if not whole or channels not in (1, 3, 4):
        raise BadRow(f"{_named(3)}: {text}", "width, height and channels")
    return int(height), int(width)


def _split_of(train: bool, test: bool) -> str:
    if train == test:
        flags = f"{int(train)} and {int(test)}"
        raise BadRow(f"fields 5 and 6 (istrain, istest): {flags}", "one of them 1")
    return "train" if train else "test"


def _numbers(text: str, count: int, name: str) -> list[float]:
    values = text.split(",")
    if len(values) != count:
        raise BadRow(f"{name}: {text!r}", f"{count} numbers between commas")
    return [parse_number(value, name) for value in values]
