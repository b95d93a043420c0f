"""YOLO's text files: one beside each picture, a line an object.

A line is a class's number from 0, then the box's x, y, width and height as shares of
the picture's, x and y those of the centre. Edges are half a width or height from it: 0
is the picture's corner, and the far edge is the first column or row outside. A line of
more pairs of numbers is the outline of a segment; the box around it counts.

Reference: https://docs.ultralytics.com/datasets/detect/
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from common.errors import InputError, file_error
from common.images import read_bytes
from datasets.objects import (
    Convention,
    Edges,
    Stated,
    StatedObject,
    number_of,
    shown,
    shown_name,
)
from datasets.text import text_of

CONVENTION = Convention(is_share=True, names=("top", "left", "bottom", "right"))

Names = Mapping[int, str]
"""Classes by their numbers."""


def read_yolo(path: Path | None, names: Names) -> Stated:
    """Return what a text file says of its picture.

    Args:
        path: the file; None where a picture has none, and so no objects.
        names: of the classes.

    Raises:
        InputError: the file is no text.
    """
    if path is None:
        return Stated("", None, (), CONVENTION)
    lines = text_of(path).splitlines()
    found = tuple(_objects(lines, path, names))
    return Stated(str(path), None, found, CONVENTION)


def _objects(lines: list[str], path: Path, names: Names) -> Iterator[StatedObject]:
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        where = f"{path}: line {number}"
        known = int(words[0]) if words[0].isdecimal() else -1
        if known not in names:
            problem = (
                f": class {shown(words[0])} is none of the {len(names)} that have names"
            )
            yield StatedObject(where, "", None, problem=problem)
            continue
        name = names[known]
        where += f" ({shown_name(name)})"
        try:
            yield StatedObject(where, name, _edges(words[1:]))
        except InputError as error:
            yield StatedObject(where, name, None, problem=str(error))


def _edges(words: list[str]) -> Edges:
    numbers = [value for value in map(number_of, words) if value is not None]
    is_outline = len(words) >= 6 and len(words) % 2 == 0
    if len(numbers) != len(words) or not (len(words) == 4 or is_outline):
        raise InputError(
            f": {shown(' '.join(words))} behind the class; expected x, y, width and"
            " height, or the corners of an outline"
        )
    if is_outline:
        across, down = numbers[::2], numbers[1::2]
        return Edges(min(down), min(across), max(down), max(across))
    x, y, width, height = numbers
    # More than a few times the picture are pixels, not shares of it.
    if max(map(abs, numbers)) > 2:
        raise InputError(
            f": {shown(' '.join(words))} are no shares of the picture; expected x, y,"
            " width and height from 0 to 1"
        )
    return Edges(y - height / 2, x - width / 2, y + height / 2, x + width / 2)


def read_names(path: Path) -> Names:
    """Return the classes of ``classes.txt`` or ``obj.names``: a line a name, from 0."""
    lines = [" ".join(line.split()) for line in text_of(path).splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return dict(enumerate(lines))


def read_yaml(path: Path) -> dict[str, Any] | None:
    """Return what ``data.yaml`` says; None where the file is of another kind.

    Raises:
        InputError: it is no YAML.
    """
    import yaml  # here: few sets need it

    try:
        content = yaml.safe_load(read_bytes(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if path.stem.lower() not in ("data", "dataset"):
            return None
        what = getattr(error, "problem", None) or type(error).__name__
        raise file_error(path, f"is not readable as YAML: {what}") from None
    return content if isinstance(content, dict) and "names" in content else None


def names_in(content: Mapping[str, Any], path: Path) -> Names:
    """Return the classes of a ``data.yaml``, whose ``names`` is a list or a table.

    Raises:
        InputError: it is neither.
    """
    names = content["names"]
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(
        str(key).isdecimal() and isinstance(name, str | int | float)
        for key, name in names.items()
    ):
        raise file_error(path, f"names is {shown(names)}", "a list of classes")
    return {int(key): " ".join(str(name).split()) for key, name in names.items()}


def label_file(picture: Path, is_there: Mapping[Path, object]) -> Path | None:
    """Return a picture's text file: in ``labels`` for ``images``, or beside it.

    Args:
        picture: its path.
        is_there: the text files that there are.
    """
    parts = list(picture.with_suffix(".txt").parts)
    places = [Path(*parts)]
    for place in range(len(parts) - 2, -1, -1):
        if parts[place].lower() in ("images", "image", "imgs"):
            for word in ("labels", "Labels", "LABELS", "label", "labelTxt"):
                places.append(Path(*parts[:place], word, *parts[place + 1 :]))
            break
    return next((place for place in places if place in is_there), None)
