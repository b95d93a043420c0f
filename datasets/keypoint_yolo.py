"""Keypoints in YOLO's text files: a line an object, ``kpt_shape`` in ``data.yaml``.

A line is a class, the box's centre, width and height, then x and y of each keypoint,
and with a ``kpt_shape`` of [K, 3] its visibility v. All lengths are shares of the
picture's, 0 at its left or upper edge. As in COCO a keypoint is visible where v is 2;
without v it is where it does not lie at 0, 0. The names are those of ``kpt_names``,
else numbers from 0.

Source: https://docs.ultralytics.com/datasets/pose/
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common.errors import file_error
from datasets.keypoint_coco import VISIBLE, choose_keypoint
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
    split_word,
)
from datasets.layouts import find_layout
from datasets.text import text_of
from datasets.yolo_boxes import label_file, read_yaml

_BEFORE = 5
"""Numbers of a line before the keypoints: class, centre, width and height."""


@dataclass(frozen=True)
class _Shape:
    """Which numbers of a line are the keypoint's.

    Attributes:
        name: of the keypoint.
        place: of it, from 0.
        count: of all keypoints.
        width: numbers of each, 2 or 3.
    """

    name: str
    place: int
    count: int
    width: int


def pose_file(folder: Path) -> Path | None:
    """Return the ``data.yaml`` of a folder that describes keypoints, None without."""
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        content = read_yaml(path)
        if content is not None and "kpt_shape" in content:
            return path
    return None


def yolo_layout(path: Path, folder: Path, keypoint: str) -> Layout:
    """Find the rows of YOLO's text files: one for each object.

    Args:
        path: of ``data.yaml``.
        folder: of the set.
        keypoint: name or number of the point to find; may be empty where there is one
            alone.

    Raises:
        InputError: the file is damaged, or has no keypoint of that name.
    """
    shape = _shape(path, read_yaml(path) or {}, keypoint)
    words = f"YOLO's text files, keypoint {shape.name}"
    note = "distances are divided by the height of the object's box"
    rows = list(_rows(folder, shape))
    return Layout(folder, folder, words, rows, (note,), one_an_image=True)


def _shape(path: Path, content: Mapping[str, Any], keypoint: str) -> _Shape:
    shape = content.get("kpt_shape")
    if not isinstance(shape, list) or not _is_shape(shape):
        expected = "the number of keypoints, and 2 or 3 numbers of each: [17, 3]"
        raise file_error(path, f"kpt_shape is {shape!r}", expected)
    count, width = shape
    names = _names(content.get("kpt_names"), count)
    there = {name.casefold(): name for name in names}
    name = choose_keypoint(path, there, keypoint)
    return _Shape(name, names.index(name), count, width)


def _is_shape(numbers: list[Any]) -> bool:
    is_pair = len(numbers) == 2 and all(isinstance(one, int) for one in numbers)
    return is_pair and numbers[0] > 0 and numbers[1] in (2, 3)


def _names(given: Any, count: int) -> list[str]:
    """Return the keypoints' names; a list, or one for each class, may give them."""
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, list) and given and isinstance(given[0], list):
        given = given[0]
    if isinstance(given, list) and len(given) == count:
        return [str(name).strip() for name in given]
    return [str(number) for number in range(count)]


def _rows(folder: Path, shape: _Shape) -> Iterator[Row]:
    layout = find_layout(folder)
    texts = dict.fromkeys(folder.rglob("*.txt"))
    for split in layout.splits("") or [UNSPLIT]:
        for listed in layout.listed(split, ""):
            picture = layout.picture(listed.name)
            text = label_file(picture, texts)
            if text is None:
                continue  # nothing there to find
            for number, line in enumerate(text_of(text).splitlines(), 1):
                if line.strip():
                    known = split_word(split) or UNSPLIT
                    parse = partial(_keypoint, line.split(), picture, shape, known)
                    yield Row(text, f"line {number}", parse)


def _keypoint(
    words: list[str], picture: Path, shape: _Shape, split: str, images: Images
) -> Keypoint | Invisible:
    """Parse a line."""
    wanted = _BEFORE + shape.count * shape.width
    if len(words) != wanted:
        raise BadRow(f"{len(words)} numbers", f"{wanted} with {shape.count} keypoints")
    start = _BEFORE + shape.place * shape.width
    x, y, *visibility = (
        parse_number(word, shape.name) for word in words[start : start + shape.width]
    )
    is_visible = visibility == [VISIBLE] if visibility else (x, y) != (0, 0)
    if not is_visible:
        return Invisible(split)
    size = images.size(picture, "picture")
    check_inside(x, 0, 1, f"{shape.name} x")
    check_inside(y, 0, 1, f"{shape.name} y")
    width, height = (parse_number(word, "box") for word in words[3:5])
    if width <= 0 or height <= 0:
        raise BadRow(f"box: {width:g} wide, {height:g} high", "above 0")
    row, column = y * size[0], x * size[1]
    area = width * height * size[0] * size[1]
    name = picture.name
    return Keypoint(name, picture, size, row, column, height * size[0], split, area)
