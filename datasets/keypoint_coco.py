"""Keypoints in COCO's JSON: one of an object's named points, its box beside it.

Coordinates are COCO's: x and y name a pixel, counted from 0, so that the point lies in
its middle, as detectron2 takes them too. A point with v = 2 is visible. Those with
v = 1 (labelled, but hidden) and v = 0 (not labelled) are dropped as invisible.

Source: https://cocodataset.org/#format-data, "Keypoint Detection".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common.errors import file_error
from datasets.coco_boxes import is_crowd
from datasets.keypoint_rows import (
    BadRow,
    Images,
    Invisible,
    Keypoint,
    Layout,
    Row,
    check_inside,
    check_size,
    splits_of_files,
)
from datasets.objects import number_of
from datasets.text import text_of

VISIBLE = 2
"""COCO's v of a keypoint that is labelled and can be seen."""


@dataclass(frozen=True)
class CocoFile:
    """One JSON file, read.

    Attributes:
        path: of the file.
        images: COCO's, by their id.
        annotations: of objects.
        names: of the keypoints, by the category's id.
    """

    path: Path
    images: Mapping[Any, Mapping[str, Any]]
    annotations: Sequence[Mapping[str, Any]]
    names: Mapping[Any, Sequence[str]]


def coco_files(folder: Path) -> list[Path]:
    """Return the JSON files of a folder that may hold keypoints.

    They lie in the folder, in ``annotations/`` or in the folders of the splits. Where
    some are called after keypoints, as COCO's own are, the others are left alone.
    """
    places = sorted([*folder.glob("*.json"), *folder.glob("*/*.json")])
    named = [path for path in places if "keypoint" in path.name.lower()]
    return named or [path for path in places if "coco" in path.name.lower()] or places


def coco_layout(paths: Sequence[Path], folder: Path, keypoint: str) -> Layout:
    """Find the rows of one or more COCO files: one for each object with keypoints.

    Args:
        paths: of the files; several are splits by their names or folders.
        folder: of the set.
        keypoint: name of the point to find; may be empty where there is one alone.

    Raises:
        InputError: a file is no such JSON, or has no keypoint of that name.
    """
    files = [read_coco(path) for path in paths]
    path = paths[0] if len(paths) == 1 else folder
    chosen = _chosen_name(path, files, keypoint)
    has_boxes = any("bbox" in item for file in files for item in file.annotations)
    rows = [
        row
        for file, split in zip(files, splits_of_files(paths), strict=True)
        for row in _rows(file, chosen, split, has_boxes)
    ]
    if has_boxes:
        note = "distances are divided by the height of the object's box"
    else:
        note = "no boxes: distances are divided by the image's height"
    words = f"COCO's JSON, keypoint {chosen}"
    return Layout(path, folder, words, rows, (note,), one_an_image=True)


def read_coco(path: Path) -> CocoFile:
    """Read a JSON file; its annotations stay as they are.

    Raises:
        InputError: it is no JSON, or not COCO's.
    """
    try:
        content = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise file_error(path, f"is no JSON: {error}", "COCO's keypoints") from None
    lists = {}
    for name in ("images", "annotations", "categories"):
        items = content.get(name) if isinstance(content, dict) else None
        if not isinstance(items, list) or not all(isinstance(i, dict) for i in items):
            raise file_error(path, f"no list {name} of objects", "COCO's keypoints")
        lists[name] = items
    return CocoFile(
        path,
        dict(_by_id(path, "images", lists["images"])),
        lists["annotations"],
        _names(path, lists["categories"]),
    )


def _by_id(
    path: Path, name: str, items: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    for number, item in enumerate(items, 1):
        if not isinstance(item.get("id"), int | str):
            what = f"{name}, number {number}, id: {item.get('id')!r}"
            raise file_error(path, what, "a number")
        yield item["id"], item


def _names(
    path: Path, categories: Sequence[Mapping[str, Any]]
) -> dict[Any, Sequence[str]]:
    """Return the keypoints' names of each category that has them."""
    found: dict[Any, Sequence[str]] = {}
    for category in categories:
        names = category.get("keypoints")
        number = category.get("id")
        if isinstance(names, list) and names and isinstance(number, int | str | None):
            own = [str(name).strip() for name in names]
            if found.setdefault(number, own) != own:
                what = (
                    f"categories, id: {number!r} is there twice, with other keypoints"
                )
                raise file_error(path, what, "one category an id")
    return found


def _chosen_name(path: Path, files: Sequence[CocoFile], keypoint: str) -> str:
    """Return the keypoint that is asked for as the files spell it."""
    there = {
        name.casefold(): name
        for file in files
        for names in file.names.values()
        for name in names
    }
    return choose_keypoint(path, there, keypoint)


def choose_keypoint(path: Path, there: Mapping[str, str], keypoint: str) -> str:
    """Return the keypoint that is asked for, or the only one that there is.

    Args:
        path: of the set.
        there: names in small letters, and as they are spelt.
        keypoint: what is asked for; may be empty.

    Raises:
        InputError: there are none, or several, or none of that name; lists them.
    """
    if not there:
        raise file_error(path, "its categories name no keypoints", "their names")
    if not keypoint and len(there) == 1:
        return next(iter(there.values()))
    if keypoint.casefold() in there:
        return there[keypoint.casefold()]
    asked = f"no keypoint {keypoint}" if keypoint else f"{len(there)} keypoints"
    names = ", ".join(there.values())
    raise file_error(path, asked, f"--keypoint NAME with one of {names}")


def _rows(file: CocoFile, name: str, split: str, has_boxes: bool) -> Iterator[Row]:
    """Yield a row for each object whose category has the keypoint."""
    places = {
        number: [other.casefold() for other in names].index(name.casefold())
        for number, names in file.names.items()
        if name.casefold() in (other.casefold() for other in names)
    }
    for number, item in enumerate(file.annotations, 1):
        category = item.get("category_id")
        if not isinstance(category, int | str | None):
            category = None
        if category is None and len(places) == 1:
            (category,) = places  # with one category there is nothing to confuse
        if category not in places or is_crowd(item):
            continue  # of other objects, or of a crowd without keypoints
        where = f"annotation {item.get('id', number)}"
        parse = partial(_keypoint, file, item, name, places[category], split, has_boxes)
        yield Row(file.path, where, parse)


def _keypoint(
    file: CocoFile,
    item: Mapping[str, Any],
    name: str,
    place: int,
    split: str,
    has_boxes: bool,
    images: Images,
) -> Keypoint | Invisible:
    """Parse an object's annotation."""
    if is_crowd(item) is None:
        raise BadRow(f"iscrowd: {item['iscrowd']!r}", "0 or 1")
    image = file.images.get(_id_of(item))
    if image is None:
        raise BadRow(f"image_id: {item.get('image_id')!r}", "the id of an image")
    x, y, visibility = _point(item.get("keypoints"), place)
    if visibility != VISIBLE:
        return Invisible(split)
    path, size = _picture(file, image, images)
    # Half a pixel more than the last one's middle is still inside: tools that count
    # from the edge write it.
    check_inside(x, -0.5, size[1], f"{name} x")
    check_inside(y, -0.5, size[0], f"{name} y")
    width, height = _box(item) if has_boxes else (size[1], size[0])
    row, column = min(y + 0.5, size[0]), min(x + 0.5, size[1])
    named = str(image["file_name"])
    return Keypoint(named, path, size, row, column, height, split, width * height)


def _id_of(item: Mapping[str, Any]) -> Any:
    number = item.get("image_id")
    return number if isinstance(number, int | str) else None


def _picture(
    file: CocoFile, image: Mapping[str, Any], images: Images
) -> tuple[Path, tuple[int, int]]:
    """Return an image's path, and its (height, width) in pixels."""
    named = image.get("file_name")
    if not isinstance(named, str):
        raise BadRow(f"file_name: {named!r}", "the name of an image")
    path = images.find(named, "file_name", beside=file.path.parent)
    width, height = image.get("width"), image.get("height")
    if width is None and height is None:
        return path, images.size(path, "file_name")
    if not all(isinstance(side, int) and side > 0 for side in (width, height)):
        raise BadRow(f"width and height: {width!r}, {height!r}", "pixels above 0")
    annotated = int(height or 0), int(width or 0)
    real = images.size(path, "file_name", annotated)
    if real == annotated[::-1] != annotated:
        images.swapped[path] = None  # points and boxes are the picture's all the same
    else:
        check_size(real, annotated, f"width, height of {named}", path)
    return path, real


def _point(values: Any, place: int) -> tuple[float, float, float]:
    """Return x, y and v of one of an object's keypoints."""
    if not isinstance(values, list) or len(values) < 3 * place + 3 or len(values) % 3:
        count = len(values) if isinstance(values, list) else repr(values)
        raise BadRow(f"keypoints: {count} numbers", f"x, y, v for {place + 1} or more")
    x, y, visibility = (
        finite(value, "keypoints") for value in values[3 * place : 3 * place + 3]
    )
    if visibility not in (0, 1, VISIBLE):
        raise BadRow(f"keypoints, v: {visibility:g}", "0, 1 or 2")
    return x, y, visibility


def _box(item: Mapping[str, Any]) -> tuple[float, float]:
    """Return width and height of an object's box in pixels."""
    box = item.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise BadRow(f"bbox: {box!r}", "[x, y, width, height]")
    width, height = (finite(value, "bbox") for value in box[2:])
    if width <= 0 or height <= 0:
        raise BadRow(f"bbox: {width:g} wide, {height:g} high", "above 0")
    return width, height


def finite(value: Any, name: str) -> float:
    """Return a number of JSON.

    Raises:
        BadRow: it is none, or not finite.
    """
    number = None if isinstance(value, str) else number_of(value)
    if number is None:
        raise BadRow(f"{name}: {value!r}", "numbers")
    return number
