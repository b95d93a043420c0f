"""PASCAL VOC annotation files: classes, boxes and flags of one image's objects.

Reference: Everingham et al., The PASCAL Visual Object Classes Challenge, development
kit. Corners in the files count from 1 and are inclusive; boxes here count from 0 and
end before ymax and xmax.
"""

import reprlib
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from common.errors import InputError, file_error
from common.images import read_bytes
from datasets.objects import (
    Annotation,
    Convention,
    Edges,
    Size,
    Stated,
    StatedObject,
    number_of,
    place,
    rounded,
    shown,
)

CONVENTION = Convention(first=1, field="bndbox", names=("ymin", "xmin", "ymax", "xmax"))


def get_bb_of_gt_from_pascal_xml_annotation(
    image_name: str,
    path_voc: Path | str,
    one_based_boxes: bool = False,
    image_size: Size | None = None,
) -> Annotation:
    """Read the annotation of one image.

    Source: published program; FIDELITY.md row one_based_boxes.

    Args:
        image_name: the image's id, such as ``000005`` or ``2008_000001``.
        path_voc: the database.
        one_based_boxes: takes corners counted from 1 as bounds counted from 0,
            as the published program does.
        image_size: (height, width) of the picture in pixels; the file's own ``size``
            if left out. With neither, boxes are not held against the image.

    Raises:
        InputError: the file is missing, no XML, of a picture of another size, or an
            object's box or flag is not readable; one line that names the file, the
            object and the field.
    """
    path = file_inside(Path(path_voc) / "Annotations", image_name, ".xml")
    annotation = place(image_name, read_xml(path), image_size, one_based_boxes)
    for problem in annotation.problems:
        raise InputError(problem)
    return annotation


def read_xml(path: Path) -> Stated:
    """Return what an annotation file says.

    Args:
        path: a file in VOC's format, wherever it lies.

    Raises:
        InputError: the file is missing, no VOC annotation, or its size is unreadable.
    """
    root = parse_xml(path)
    if root.tag != "annotation":
        tag = reprlib.repr(root.tag)
        raise file_error(path, f"the root element is {tag}", "'annotation'")
    objects = tuple(_objects(root, path))
    return Stated(str(path), _size(root, path), objects, CONVENTION)


def parse_xml(path: Path) -> Element:
    """Parse an XML file; nothing it declares is expanded or fetched.

    Raises:
        InputError: it is missing or no XML.
    """
    data = read_bytes(path)
    if not data.strip():
        raise file_error(path, "is empty", "an XML annotation")
    try:
        return fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise file_error(
            path, "declares a document type or entities", "XML without either"
        ) from None
    except (ParseError, LookupError, ValueError) as error:  # the last two: encodings
        raise file_error(path, f"is not readable as XML: {error}") from None


def is_file_name(name: str) -> bool:
    """Tell whether a name, folders before it or not, stays below its folder."""
    path = PureWindowsPath(name)  # knows both kinds of slashes
    return bool(path.parts) and not (path.anchor or ".." in path.parts or "\0" in name)


def file_inside(folder: Path, name: str, suffix: str) -> Path:
    """Return the path of ``name`` with ``suffix`` in ``folder``.

    Raises:
        InputError: the name leads out of the folder.
    """
    if not is_file_name(name):
        quoted = reprlib.repr(name)
        raise file_error(folder, f"{quoted} is no name of a file in this folder")
    return folder / f"{name}{suffix}"


def _size(root: Element, path: Path) -> Size | None:
    """Return the stated (height, width); some tools leave it out or write zeros."""
    size = root.find("size")
    if size is None or size.find("height") is None or size.find("width") is None:
        return None
    found = []
    for tag in ("height", "width"):
        text = size.findtext(tag)
        number = number_of(text)
        if number is None or number < 0:
            what = f"size: {tag} is {shown(text)}"
            raise file_error(path, what, "a number of pixels")
        found.append(rounded(number))
    height, width = found
    return (height, width) if height and width else None


def _objects(root: Element, path: Path) -> Iterator[StatedObject]:
    """Yield the root's own objects: what lies inside of an object are its parts."""
    for count, element in enumerate(root.findall("object"), 1):
        name = " ".join((element.findtext("name") or "").split())
        where = f"{path}: object {count}" + (f" ({shown_name(name)})" if name else "")
        try:
            edges, difficult = _edges(element), _is_difficult(element)
        except InputError as error:
            yield StatedObject(where, name, None, problem=str(error))
        else:
            yield StatedObject(where, name, edges, difficult)


def shown_name(name: str) -> str:
    """Return a class's name as an error shows it: as it is, unless it is long."""
    return name if len(name) <= 40 else f"{name[:39]}…"


def _edges(element: Element) -> Edges:
    """Return the corners of an object."""
    bounds = element.find(CONVENTION.field)
    if bounds is None:
        raise InputError(": there is no bndbox; expected the object's corners")
    return Edges(*(_number(bounds, tag) for tag in CONVENTION.names))


def _number(bounds: Element, tag: str) -> float:
    text = bounds.findtext(tag)
    if text is None:
        raise InputError(f", bndbox: there is no {tag}; expected a number")
    number = number_of(text)
    if number is None:
        raise InputError(f", bndbox: {tag} is {shown(text)}; expected a number")
    return number


def _is_difficult(element: Element) -> bool:
    """Return the one flag that is read; absent or empty it is 0."""
    text = (element.findtext("difficult") or "").strip()
    if text not in ("", "0", "1"):
        raise InputError(f": difficult is {shown(text)}; expected 0 or 1")
    return text == "1"
