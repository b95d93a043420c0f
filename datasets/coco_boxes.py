"""COCO's JSON for boxes: all images of a split in one file.

``bbox`` is x, y, width and height in pixels from the image's corner: corners count from
0, and the far edge x + width is the first column outside. A crowd (``iscrowd`` 1) is a
difficult object: neither asked for nor wrong.

Reference: https://cocodataset.org/#format-data
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from common.errors import InputError, file_error, printable
from datasets.classes import same_name
from datasets.objects import (
    Convention,
    Edges,
    Size,
    Stated,
    StatedObject,
    number_of,
    rounded,
    shown,
    shown_name,
)
from datasets.text import text_of

CONVENTION = Convention(field="bbox", names=("y", "x", "y + height", "x + width"))


class NoBoxes(InputError):
    """A file that looks like COCO's, and lacks what boxes need."""


def read_coco(path: Path) -> dict[str, Stated] | None:
    """Return what a file says of each image, by ``file_name``.

    Args:
        path: a JSON file.

    Returns:
        None where the file is of another kind: results, settings.

    Raises:
        NoBoxes: it is COCO's, of another kind: captions, outlines.
        InputError: the file is no JSON, or its tables lack what boxes need.
    """
    content = _content(path)
    if content is None:
        return None
    names = _names(content["categories"], path)
    files: dict[Any, str] = {}
    sizes: dict[str, Size | None] = {}
    objects: dict[str, list[StatedObject]] = {}
    for n, one in enumerate(content["images"]):
        file_name = _field(one, "file_name", path, "images", n)
        if not isinstance(file_name, str) or not file_name:
            what = f"images[{n}]: file_name is {shown(file_name)}"
            raise file_error(path, what, "a picture's name")
        number = _field(one, "id", path, "images", n)
        if number in files:
            raise file_error(path, f"images[{n}]: id {shown(number)} is there twice")
        files[number] = file_name
        sizes[file_name] = _size(one)
        objects.setdefault(file_name, [])
    for n, one in enumerate(content["annotations"]):
        image, said = one.get("image_id"), _object(one, n, names, path)
        if not isinstance(image, str | int) or image not in files:
            problem = f": image_id {shown(image)} is no image's id"
            said = StatedObject(said.where, "", None, problem=problem)
            image = next(iter(files))  # it is listed with some image, and bad there
        objects[files[image]].append(said)
    return {
        name: Stated(
            f"{path}: {printable(name)}", sizes[name], tuple(found), CONVENTION
        )
        for name, found in objects.items()
    }


def _content(path: Path) -> Mapping[str, Any] | None:
    """Return a file's tables, None where it has none of them.

    Raises:
        NoBoxes: it has some of them, or all without boxes.
    """
    try:
        content = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise file_error(path, f"is not readable as JSON: {error}") from None
    tables = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not any(table in content for table in tables):
        return None
    missing = [table for table in tables if not _is_table(content.get(table))]
    if not missing and not content["images"]:
        missing = ["images"]
    annotations = [] if missing else content["annotations"]
    if annotations and not any("bbox" in one for one in annotations):
        missing = ["bbox in its annotations"]
    if missing:
        what = f"looks like COCO's, but has no {' and no '.join(missing)}"
        raise NoBoxes(str(file_error(path, what)))
    return content


def _is_table(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _names(categories: Iterable[Mapping[str, Any]], path: Path) -> dict[Any, str]:
    """Return the classes, by their numbers.

    Raises:
        InputError: one has no number, or that of another.
    """
    names: dict[Any, str] = {}
    for n, one in enumerate(categories):
        number, name = _field(one, "id", path, "categories", n), one.get("name", "")
        first = names.setdefault(number, str(name))
        if same_name(first) != same_name(str(name)):
            what = f"categories[{n}]: id {shown(number)} is {shown(name)}"
            raise file_error(path, f"{what}, and {shown(first)} before", "one name")
    return names


def _field(
    one: Mapping[str, Any], name: str, path: Path, table: str, number: int
) -> Any:
    value = one.get(name)
    if not isinstance(value, str | int):
        what = f"{table}[{number}]: {name} is {shown(value)}"
        raise file_error(path, what, "a number or a text")
    return value


def _size(one: Mapping[str, Any]) -> Size | None:
    height, width = number_of(one.get("height")), number_of(one.get("width"))
    if not height or not width or min(height, width) < 1:
        return None
    return rounded(height), rounded(width)


def _object(
    one: Mapping[str, Any], number: int, names: Mapping[Any, str], path: Path
) -> StatedObject:
    category = one.get("category_id")
    known = isinstance(category, str | int) and category in names
    name = names[category] if known else ""
    where = f"{path}: annotation {shown(one.get('id', number))}"
    if not known:
        problem = f": category_id {shown(category)} is no category's id"
        return StatedObject(where, "", None, problem=problem)
    where += f" ({shown_name(name)})"
    box = one.get("bbox")
    numbers = [number_of(value) for value in box] if isinstance(box, list) else []
    if len(numbers) != 4 or None in numbers:
        problem = f", bbox: {shown(box)}; expected x, y, width and height"
        return StatedObject(where, name, None, problem=problem)
    x, y, width, height = (value for value in numbers if value is not None)
    edges, crowd = Edges(y, x, y + height, x + width), is_crowd(one)
    if crowd is None:
        problem = f", iscrowd: {shown(one['iscrowd'])}; expected 0 or 1"
        return StatedObject(where, name, None, problem=problem)
    return StatedObject(where, name, edges, crowd)


def is_crowd(annotation: Mapping[str, Any]) -> bool | None:
    """Tell whether an annotation is of a crowd, None where ``iscrowd`` is no flag.

    Some programs write the number as a text, and others leave it out.
    """
    said = annotation.get("iscrowd")
    number = 0 if said is None else number_of(said)
    return bool(number) if number in (0, 1) else None
