"""CVAT for images: XML with all images in one file.

``xtl``, ``ytl``, ``xbr`` and ``ybr`` are in pixels from the image's corner: they count
from 0, and the far edge is the first column or row outside. Shapes other than upright
boxes are no objects.

Reference: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from common.errors import InputError, file_error
from datasets.objects import (
    Convention,
    Edges,
    Size,
    Stated,
    StatedObject,
    number_of,
    rounded,
    shown,
)

CONVENTION = Convention(field="box", names=("ytl", "xtl", "ybr", "xbr"))

_OTHER_SHAPES = ("polygon", "polyline", "points", "ellipse", "cuboid", "mask")


class CvatImage(NamedTuple):
    """An image of a file: what it is called, its ``subset``, and what is said of it."""

    name: str
    subset: str
    stated: Stated


def read_cvat(root: Element, path: Path) -> tuple[list[CvatImage], Counter[str]]:
    """Return what a file says of each image, and how many shapes are no boxes.

    Args:
        root: of the parsed file, ``annotations``.
        path: the file.

    Raises:
        InputError: it is of a video, or an image has no name.
    """
    if root.find("track") is not None:
        raise file_error(path, "holds tracks of a video", "an export as images")
    found, others = [], Counter[str]()
    for number, image in enumerate(root.findall("image"), 1):
        name = (image.get("name") or "").strip()
        if not name:
            raise file_error(path, f"image {number}: there is no name")
        objects = tuple(_objects(image, f"{path}: {name}"))
        stated = Stated(f"{path}: {name}", _size(image), objects, CONVENTION)
        found.append(CvatImage(name, image.get("subset") or "", stated))
        others.update(one.tag for one in image if one.tag in _OTHER_SHAPES)
    return found, others


def _size(image: Element) -> Size | None:
    height, width = (number_of(image.get(name)) for name in ("height", "width"))
    if not height or not width or min(height, width) < 1:
        return None
    return rounded(height), rounded(width)


def _objects(image: Element, where: str) -> Iterator[StatedObject]:
    for count, box in enumerate(image.findall("box"), 1):
        name = " ".join((box.get("label") or "").split())
        here = f"{where}: box {count}" + (f" ({name})" if name else "")
        try:
            yield StatedObject(here, name, _edges(box))
        except InputError as error:
            yield StatedObject(here, name, None, problem=str(error))


def _edges(box: Element) -> Edges:
    if number_of(box.get("rotation", "0")) != 0:
        turned = shown(box.get("rotation"))
        raise InputError(f": rotation is {turned}; expected an upright box")
    numbers = []
    for name in CONVENTION.names:
        number = number_of(box.get(name))
        if number is None:
            raise InputError(f": {name} is {shown(box.get(name))}; expected a number")
        numbers.append(number)
    return Edges(*numbers)
