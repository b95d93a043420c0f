"""What an annotation says of one image, in whatever format, and what it comes to.

A reader of a format returns :class:`Stated`: sizes and boxes as the file has them.
:func:`place` is the one way from there to :class:`VocObject`, and decides what is cut
and what is refused, for all formats alike.
"""

import math
import reprlib
from dataclasses import dataclass, field
from typing import NamedTuple

from common.boxes import Box
from common.errors import InputError, printable
from datasets.classes import same_name

Size = tuple[int, int]
"""(height, width) in pixels."""

_TOO_LARGE = 2.0**53  # in pixels; floats tell whole numbers apart up to here


@dataclass(frozen=True)
class VocObject:
    """One annotated object.

    Attributes:
        class_name: as :func:`datasets.classes.class_name` has it.
        box: (ymin, xmin, ymax, xmax) in pixels from 0, the last two exclusive.
        difficult: hard to recognise, so that VOC's protocol neither asks for it nor
            counts it as wrong.
    """

    class_name: str
    box: Box
    difficult: bool = False


@dataclass(frozen=True)
class Annotation:
    """What an annotation comes to.

    Attributes:
        name: the image's id.
        size: (height, width) of the image in pixels; None where nobody knows.
        objects: all objects that can be used, of every class, in the file's order.
        problems: one line for each object that cannot be used.
        overhangs: by how many pixels each box that was cut reached over the edge.
        is_swapped: the file exchanges height and width, and the picture decided.
        where: the file, as an error starts.
    """

    name: str
    size: Size | None
    objects: tuple[VocObject, ...]
    problems: tuple[str, ...] = ()
    overhangs: tuple[int, ...] = ()
    is_swapped: bool = False
    where: str = ""


class Edges(NamedTuple):
    """A box's edges as a file states them, in pixels or shares of the image."""

    ymin: float
    xmin: float
    ymax: float
    xmax: float


class Convention(NamedTuple):
    """What a format's numbers mean.

    Attributes:
        first: number of the first pixel. Where it is 1 the last pixel is inside of
            the box, so that both make the far edge the same number.
        is_share: edges are shares of the image's height and width.
        field: what the file calls the box.
        names: how errors call its edges: ymin, xmin, ymax, xmax.
    """

    first: int = 0
    is_share: bool = False
    field: str = "box"
    names: tuple[str, str, str, str] = ("top", "left", "bottom", "right")


@dataclass(frozen=True)
class StatedObject:
    """An object as its file has it.

    Attributes:
        where: file and object, as an error starts.
        name: the class as it stands there.
        edges: of the box; None where there is a problem with it.
        difficult: as :class:`VocObject` has it.
        problem: what is wrong besides, as an error goes on; empty if nothing is.
    """

    where: str
    name: str
    edges: Edges | None
    difficult: bool = False
    problem: str = ""

    @property
    def class_name(self) -> str:
        """The class, in the form that names are compared in."""
        return same_name(self.name)


@dataclass(frozen=True)
class Stated:
    """An annotation as its file has it.

    Attributes:
        where: the file, as an error starts.
        size: (height, width) in pixels; None where the file does not say.
        objects: in the order of the file.
        convention: of the boxes' numbers.
    """

    where: str
    size: Size | None
    objects: tuple[StatedObject, ...]
    convention: Convention = field(default=Convention())

    def label(self, class_name: str) -> int:
        """Return the label that VOC's own set files would give the image.

        1 with an object of the class, 0 where all of them are difficult, -1 without.
        """
        own = [one.difficult for one in self.objects if one.class_name == class_name]
        if not own:
            return -1
        return 0 if all(own) else 1


def place(
    name: str, stated: Stated, picture: Size | None, one_based_boxes: bool = False
) -> Annotation:
    """Return what an annotation comes to on its picture.

    Fractions of a pixel are rounded, halves up. Boxes that reach over the edge are cut
    there. Where height and width are exchanged, the picture's count.

    Args:
        name: the image's id.
        stated: what its file says.
        picture: (height, width) of the picture in pixels; None where there is none, and
            the stated size serves. With neither, boxes have no far edge to end at.
        one_based_boxes: takes corners counted from 1 as bounds counted from 0, as the
            published program does; FIDELITY.md row one_based_boxes.

    Raises:
        InputError: the picture has another size than the file says.
    """
    is_swapped = _is_swapped(stated, picture)
    size = picture or stated.size
    objects, problems, overhangs = [], [], []
    for one in stated.objects:
        try:
            box, overhang = _box(one, stated.convention, size, one_based_boxes)
        except InputError as error:
            problems.append(f"{one.where}{error}")
            continue
        objects.append(VocObject(one.class_name, box, one.difficult))
        if overhang:
            overhangs.append(overhang)
    found = tuple(objects), tuple(problems), tuple(overhangs)
    return Annotation(name, size, *found, is_swapped, stated.where)


def _is_swapped(stated: Stated, picture: Size | None) -> bool:
    """Tell whether a file exchanges height and width; refuse any other difference."""
    if picture is None or stated.size in (None, picture):
        return False
    if stated.size == picture[::-1]:
        return True
    height, width = stated.size or picture
    raise InputError(
        f"{stated.where}: size is {width} wide and {height} high, but the picture is"
        f" {picture[1]} wide and {picture[0]} high; expected the same, else boxes are"
        " wrong: label that picture, or put back the one that was labelled"
    )


def _box(
    one: StatedObject, convention: Convention, size: Size | None, one_based: bool
) -> tuple[Box, int]:
    """Return a box inside of the image, and the pixels that it reached over the edge.

    Raises:
        InputError: there is none; how the error goes on behind the object.
    """
    if one.problem or one.edges is None:
        raise InputError(one.problem)
    if not one.class_name:
        raise InputError(": there is no name; expected the name of a class")
    height, width = size or (None, None)
    shift = 1 if convention.first and not one_based else 0
    extents = []
    for axis, length in ((0, height), (1, width)):
        low, high = one.edges[axis], one.edges[axis + 2]
        if convention.is_share:
            low, high = low * (length or 0), high * (length or 0)
        names = convention.names[axis], convention.names[axis + 2]
        try:
            if not max(abs(low), abs(high)) < _TOO_LARGE:
                far = f"{names[0]} {low:g} to {names[1]} {high:g}"
                raise InputError(f"{far}; expected numbers inside of the image")
            ends = rounded(low), rounded(high)
            extents.append(_extent(ends, names, shift, length, axis))
        except InputError as error:
            raise InputError(f", {convention.field}: {error}") from None
    (ymin, ymax, over_y), (xmin, xmax, over_x) = extents
    return (ymin, xmin, ymax, xmax), max(over_y, over_x)


def _extent(
    ends: tuple[int, int],
    names: tuple[str, str],
    shift: int,
    length: int | None,
    axis: int,
) -> tuple[int, int, int]:
    """Return a box's start and end along an axis, and the pixels that were cut."""
    (low, high), (low_name, high_name) = ends, names
    if high < low:
        side = "left of" if axis else "above"
        raise InputError(
            f"{high_name} {high} is {side} {low_name} {low};"
            f" expected {low_name} <= {high_name}"
        )
    start, end = low - shift, high
    last = max(end, 0) if length is None else length
    inside = max(start, 0), min(end, last)
    if inside[0] >= inside[1]:
        raise InputError(
            f"{low_name} {low} to {high_name} {high} is an empty box;"
            f" expected {low_name} < {high_name}, inside of the image"
        )
    overhang = max(inside[0] - start, end - inside[1])
    if overhang > last:  # by more than the whole image: no matter of an edge
        name, value = (low_name, low) if inside[0] - start > last else (high_name, high)
        raise InputError(
            f"{name} {value} is outside of the image; expected at least {shift} and"
            f" at most {last}"
        )
    return *inside, overhang


def rounded(value: float) -> int:
    """Return the whole number next to a finite one, halves up."""
    return math.floor(value + 0.5)


def number_of(value: object) -> float | None:
    """Return a finite number that a file has as a text or a number; None if it is none.

    Python would also read ``1_0`` and ``infinity``, and take True for 1.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and "_" in value:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def shown_name(name: str) -> str:
    """Return a class's name as a line shows it: as it is, unless it is long."""
    name = printable(name)
    return name if len(name) <= 40 else f"{name[:39]}…"


def shown(value: object) -> str:
    """Return a value as an error shows it, short and in one line."""
    return reprlib.repr(value.strip() if isinstance(value, str) else value)
