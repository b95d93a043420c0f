"""What all layouts of keypoints on disk share: rows, their fields and their images.

A layout (:class:`Layout`) is a list of rows that are still text. ``Row.parse`` makes a
keypoint of one, and raises :class:`BadRow` where the row makes no sense, so that one
place decides whether a bad row ends the program.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from common.errors import InputError, file_error
from common.images import IMAGE_SUFFIXES, read_size
from datasets.objects import number_of
from datasets.splits import TRAINVAL, split_in, split_of

SPLITS = ("train", "test")

UNSPLIT = ""
"""The split of a row whose set does not say one."""

VALIDATION = "val"
"""The split of a row that its set keeps to validate on, before it becomes another."""

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
        area: of the box of the object that the point belongs to, in square pixels; of
            several objects in an image the largest counts. 0 in layouts in which every
            row counts.
    """

    name: str
    path: Path
    size: tuple[int, int]
    row: float
    column: float
    normaliser: float
    split: str
    area: float = 0.0


class Invisible(NamedTuple):
    """A keypoint that cannot be seen; which split it belongs to."""

    split: str


class BadRow(Exception):
    """A row that makes no sense: what is wrong in which field, what was expected."""

    def __init__(self, what: str, expected: str = ""):
        super().__init__(what)
        self.what, self.expected = what, expected


class Row(NamedTuple):
    """A row of an annotation file.

    Attributes:
        file: that it stands in.
        where: in the file.
        parse: makes a keypoint of it; raises :class:`BadRow`.
    """

    file: Path
    where: str
    parse: Callable[["Images"], Keypoint | Invisible]

    def error(self, bad: BadRow) -> InputError:
        """Return what is wrong with the row, in one line."""
        return file_error(self.file, f"{self.where}, {bad.what}", bad.expected)


@dataclass(frozen=True)
class Layout:
    """A set as it was found.

    Attributes:
        path: what people call the set: its annotation file, or its folder where there
            are several.
        folder: that images are looked for in.
        words: how it is read.
        rows: of all annotation files, in their order.
        notes: what is taken for granted, a sentence each.
        one_an_image: whether only the largest object of an image counts.
    """

    path: Path
    folder: Path
    words: str
    rows: Sequence[Row]
    notes: tuple[str, ...] = ()
    one_an_image: bool = False


def split_word(text: str) -> str | None:
    """Return the split that a word stands for, None if it stands for none."""
    word = split_of(text.strip())
    return "train" if word == TRAINVAL else word


def split_of_file(path: Path) -> str:
    """Return the split that a file's name, or its folder's, stands for.

    ``person_keypoints_train2017.json``, ``test.csv`` and
    ``valid/_annotations.coco.json`` name one.
    """
    return split_word(split_in(path.stem) or path.parent.name) or UNSPLIT


def splits_of_files(paths: Sequence[Path]) -> list[str]:
    """Return the split of each annotation file of a set; one file alone has none.

    A set with nothing but a file called ``val`` or ``train`` is still to be split.
    """
    return [split_of_file(path) if len(paths) > 1 else UNSPLIT for path in paths]


def parse_number(text: str, name: str) -> float:
    """Return a field's number.

    Raises:
        BadRow: it is none, or not finite.
    """
    value = number_of(text)
    if value is None:
        raise BadRow(f"{name}: {text!r}", "a number")
    return value


def parse_switch(text: str, name: str) -> bool:
    """Return whether a field is 1, not 0.

    Raises:
        BadRow: it is neither.
    """
    if text not in ("0", "1"):
        raise BadRow(f"{name}: {text!r}", "0 or 1")
    return text == "1"


def check_inside(value: float, low: float, high: float, name: str) -> None:
    """Refuse a coordinate outside of the image.

    Raises:
        BadRow: it is not from ``low`` to ``high``.
    """
    if not low <= value <= high:
        raise BadRow(f"{name}: {value:g}", f"{low:g} to {high:g}, inside the image")


def check_size(
    real: tuple[int, int], annotated: tuple[int, int], field: str, path: Path
) -> None:
    """Refuse an annotation that was made on a picture of another size.

    Args:
        real: (height, width) of the picture in pixels.
        annotated: the same as the annotation has it.
        field: that has it.
        path: of the picture.

    Raises:
        BadRow: they differ.
    """
    if real == annotated:
        return
    what = f"{field}: {annotated[1]},{annotated[0]}"
    if real == annotated[::-1]:
        what += ", width and height swapped"
    raise BadRow(what, f"{real[1]},{real[0]} as {path} has")


class Images:
    """Finds the images that a set names, also where they were moved.

    Args:
        folder: of the set.

    Attributes:
        swapped: those whose annotation exchanges width and height.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self.swapped: dict[Path, None] = {}

    def find(self, name: str, field: str, beside: Path | None = None) -> Path:
        """Return the file; where it is not as named, its last part decides.

        Args:
            name: as the annotation has it.
            field: that has it.
            beside: a folder to look in first.

        Raises:
            BadRow: it is nowhere, or at several places.
        """
        # Names may have been written on Windows; none may lead out of the set.
        relative = PurePosixPath(name.replace("\\", "/"))
        if not relative.name or relative.name == "..":
            raise BadRow(f"{field}: {name!r}", "the name of an image")
        inside = not relative.is_absolute() and ".." not in relative.parts
        folders = [self._folder, self._folder.parent]
        folders = [beside, beside.parent, *folders] if beside else folders
        places = [folder / relative for folder in folders] if inside else []
        places += [self._folder / other / relative.name for other in _IMAGE_FOLDERS]
        for place in [*places, self._folder / relative.name]:
            if place.is_file():
                return place
        return self._found_anywhere(relative.name, name, field)

    def _found_anywhere(self, base: str, name: str, field: str) -> Path:
        """Return the one image of a name, capitals or the suffix aside if need be."""
        for kind, wanted in (("", base), ("capitals", base.lower()), ("stem", base)):
            found = self._by_name.get((kind, wanted), [])
            if len(found) == 1:
                return found[0]
            if found:
                what = f"{name} is not there, but {found[0]} and {found[1]} are"
                raise BadRow(f"{field}: {what}", "one image of that name")
        raise BadRow(f"{field}: {name} is missing", f"it in {self._folder} or below")

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[Path]]:
        """All images of the folder and its subfolders, by the last part of the name."""
        found: dict[tuple[str, str], list[Path]] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix.lower() in IMAGE_SUFFIXES:
                name = path.name
                for kind, key in (
                    ("", name),
                    ("capitals", name.lower()),
                    ("stem", path.stem),
                ):
                    found.setdefault((kind, key), []).append(path)
        return found

    def size(
        self, path: Path, field: str, annotated: tuple[int, int] | None = None
    ) -> tuple[int, int]:
        """Return an image's (height, width) in pixels.

        Raises:
            BadRow: it is no image.
        """
        try:
            return read_size(path, annotated)
        except InputError as error:
            raise BadRow(f"{field}: {error}") from None
