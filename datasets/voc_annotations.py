"""PASCAL VOC annotation files: classes, boxes and flags of one image's objects.

Reference: Everingham et al., The PASCAL Visual Object Classes Challenge, development
kit. Corners in the files count from 1 and are inclusive; boxes here count from 0 and
end before ymax and xmax.
"""

import math
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from common.boxes import Box
from common.errors import InputError, file_error
from common.images import read_bytes

VOC_CLASSES = (
    "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse"
    " motorbike person pottedplant sheep sofa train tvmonitor"
).split()
"""Names of the 20 classes; the published numbers count from 1."""


def class_number(class_object: int | str) -> int:
    """Return the published number of a class, 1 (aeroplane) to 20 (tvmonitor).

    Args:
        class_object: the number, as an int or in digits, or the name in any case.

    Raises:
        InputError: it is none of the 20 classes.
    """
    word = str(class_object).strip().lower()
    if word in VOC_CLASSES:
        return VOC_CLASSES.index(word) + 1
    if word in map(str, range(1, len(VOC_CLASSES) + 1)):
        return int(word)
    named = ", ".join(f"{number} {name}" for number, name in enumerate(VOC_CLASSES, 1))
    raise InputError(
        f"class_object: {reprlib.repr(class_object)} is no class of PASCAL VOC;"
        f" expected one of {named}"
    )


def class_name(number: int | str) -> str:
    """Return the name of a class, given as :func:`class_number` takes it."""
    return VOC_CLASSES[class_number(number) - 1]


@dataclass(frozen=True)
class VocObject:
    """One annotated object.

    Attributes:
        class_id: 1 to 20.
        box: (ymin, xmin, ymax, xmax) in pixels from 0, the last two exclusive.
        difficult: hard to recognise, so that VOC's protocol neither asks for it nor
            counts it as wrong.
        truncated: the object goes on outside of the box.
    """

    class_id: int
    box: Box
    difficult: bool
    truncated: bool = False


@dataclass(frozen=True)
class Annotation:
    """What an annotation file says.

    Attributes:
        name: the image's id.
        size: (height, width) in pixels as the file states it; None where it does not.
        objects: all objects, of every class, in the order of the file.
    """

    name: str
    size: tuple[int, int] | None
    objects: tuple[VocObject, ...]


def get_bb_of_gt_from_pascal_xml_annotation(
    image_name: str,
    path_voc: Path | str,
    one_based_boxes: bool = False,
    image_size: tuple[int, int] | None = None,
) -> Annotation:
    """Read the annotation of one image.

    Fractions of a pixel are rounded, halves up. Boxes that stick out of the image by
    one pixel, as tools that count from 0 write them, are cut at its border. Source:
    published program; FIDELITY.md row one_based_boxes.

    Args:
        image_name: the image's id, such as ``000005`` or ``2008_000001``.
        path_voc: the database.
        one_based_boxes: takes corners counted from 1 as bounds counted from 0,
            as the published program does.
        image_size: (height, width) of the decoded image in pixels; the file's own
            ``size`` if left out. With neither, boxes are not held against the image.

    Raises:
        InputError: the file is missing, no XML, or an object's class, box or flag is
            not readable; one line that names the file, the object and the field.
    """
    file = AnnotationFile(image_name, path_voc)
    size = file.size()
    return Annotation(
        image_name, size, file.objects(one_based_boxes, image_size or size)
    )


class AnnotationFile:
    """An annotation file that has been parsed and is read on demand.

    Args:
        image_name: the image's id.
        path_voc: the database.

    Raises:
        InputError: the file is missing or no VOC annotation.
    """

    def __init__(self, image_name: str, path_voc: Path | str) -> None:
        folder = Path(path_voc) / "Annotations"
        self._path = file_inside(folder, image_name, ".xml")
        self._root = _read_xml(self._path)

    def size(self) -> tuple[int, int] | None:
        """Return the stated (height, width); some tools leave it out or write zeros."""
        size = self._root.find("size")
        if size is None or size.find("height") is None or size.find("width") is None:
            return None
        where = f"{self._path}: size"
        height, width = (_number(size, tag, where) for tag in ("height", "width"))
        if height < 0 or width < 0:
            raise InputError(f"{where}: height {height}, width {width} is negative")
        return (height, width) if height and width else None

    def objects(
        self, one_based_boxes: bool = False, image_size: tuple[int, int] | None = None
    ) -> tuple[VocObject, ...]:
        """Return all objects, with boxes inside an image of (height, width) pixels."""
        height, width = image_size or (None, None)
        found = []
        for class_id, where, element in self._elements():
            bounds = element.find("bndbox")
            if bounds is None:
                raise InputError(f"{where}: there is no bndbox")
            within = f"{where}, bndbox"
            ymin, ymax = _extent(bounds, "y", height, within, one_based_boxes)
            xmin, xmax = _extent(bounds, "x", width, within, one_based_boxes)
            flags = [_flag(element, tag, where) for tag in ("difficult", "truncated")]
            found.append(VocObject(class_id, (ymin, xmin, ymax, xmax), *flags))
        return tuple(found)

    def label(self, class_id: int) -> int:
        """Return the label that VOC's own set files would give the image.

        1 with an object of the class, 0 where all of them are difficult, -1 without.
        """
        difficult = [
            _flag(element, "difficult", where)
            for number, where, element in self._elements()
            if number == class_id
        ]
        if not difficult:
            return -1
        return 0 if all(difficult) else 1

    def _elements(self) -> Iterator[tuple[int, str, Element]]:
        """Yield each object's class, how an error names it, and its element.

        Only the root's own children: what lies inside of an object are its parts.
        """
        for count, element in enumerate(self._root.findall("object"), 1):
            name = (element.findtext("name") or "").strip()
            if name.lower() not in VOC_CLASSES:
                raise InputError(
                    f"{self._path}: object {count}, name: {reprlib.repr(name)} is no"
                    f" class of PASCAL VOC; expected one of {', '.join(VOC_CLASSES)}"
                )
            yield class_number(name), f"{self._path}: object {count} ({name})", element


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
        shown = reprlib.repr(name)
        raise file_error(folder, f"{shown} is no name of a file in this folder")
    return folder / f"{name}{suffix}"


def _read_xml(path: Path) -> Element:
    """Parse an annotation file; nothing it declares is expanded or fetched."""
    data = read_bytes(path)
    if not data.strip():
        raise file_error(path, "is empty", "an XML annotation")
    try:
        root = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise file_error(
            path, "declares a document type or entities", "XML without either"
        ) from None
    except (ParseError, LookupError, ValueError) as error:  # the last two: encodings
        raise file_error(path, f"is not readable as XML: {error}") from None
    if root.tag != "annotation":
        tag = reprlib.repr(root.tag)
        raise file_error(path, f"the root element is {tag}", "'annotation'")
    return root


def _extent(
    bounds: Element, axis: str, length: int | None, where: str, one_based_boxes: bool
) -> tuple[int, int]:
    """Return a box's start and end along an axis of ``length`` pixels, end exclusive.

    The published program takes the corners as they are for such bounds.
    """
    low_tag, high_tag = f"{axis}min", f"{axis}max"
    low, high = _number(bounds, low_tag, where), _number(bounds, high_tag, where)
    if high < low:
        side = "left of" if axis == "x" else "above"
        raise InputError(
            f"{where}: {high_tag} {high} is {side} {low_tag} {low};"
            f" expected {low_tag} <= {high_tag}"
        )
    last = high if length is None else length
    for tag, value in ((low_tag, low), (high_tag, high)):
        if not 0 <= value <= last + 1:
            upper = "" if length is None else f" and at most {length}"
            raise InputError(
                f"{where}: {tag} {value} is outside of the image; expected at least"
                f" 1{upper}"
            )
    start = max(low if one_based_boxes else low - 1, 0)
    end = min(high, last)
    if start >= end:
        raise InputError(
            f"{where}: {low_tag} {low} to {high_tag} {high} is an empty box;"
            f" expected {low_tag} < {high_tag}, inside of the image"
        )
    return start, end


def _number(parent: Element, tag: str, where: str) -> int:
    """Return a child's number, rounded to a whole one."""
    text = parent.findtext(tag)
    if text is None:
        raise InputError(f"{where}: there is no {tag}; expected a number")
    try:
        value = math.nan if "_" in text else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        shown = reprlib.repr(text.strip())
        raise InputError(f"{where}: {tag} is {shown}; expected a number")
    return math.floor(value + 0.5)


def _flag(element: Element, tag: str, where: str) -> bool:
    """Return a child's 0 or 1; an absent one is 0."""
    text = element.findtext(tag, "0").strip()
    if text not in ("0", "1"):
        raise InputError(f"{where}: {tag} is {reprlib.repr(text)}; expected 0 or 1")
    return text == "1"
