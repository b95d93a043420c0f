"""PASCAL VOC databases as they are on disk, read one image at a time.

Layout of the folder that ``path_voc`` names::

    Annotations/NAME.xml       classes, boxes, flags
    ImageSets/Main/SET.txt     names of images; CLASS_SET.txt with a label beside them
    JPEGImages/NAME.jpg        pixels

Reference: Everingham et al., The PASCAL Visual Object Classes Challenge, development
kit.
"""

import operator
import os
import reprlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from common.errors import InputError, file_error
from common.images import find_images, read_bytes, read_image
from datasets.voc_annotations import (
    VOC_CLASSES,
    Annotation,
    AnnotationFile,
    VocObject,
    class_name,
    class_number,
    file_inside,
    get_bb_of_gt_from_pascal_xml_annotation,
    is_file_name,
)

__all__ = [
    "VOC_CLASSES",
    "Annotation",
    "VocImage",
    "VocObject",
    "VocSet",
    "class_name",
    "class_number",
    "find_images",
    "get_bb_of_gt_from_pascal_xml_annotation",
    "load_images_labels_in_data_set",
    "load_images_names_in_data_set",
    "read_image",
]

_SUFFIXES = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")


def load_images_names_in_data_set(
    data_set_name: str, path_voc: Path | str
) -> list[str]:
    """Return the names of the images in a set, in the order of its file.

    Args:
        data_set_name: ``trainval``, or with a class ``aeroplane_trainval``. Where the
            file of the class is missing, that of ``trainval`` serves.
        path_voc: the database.

    Raises:
        InputError: there is no such set (the line lists those there are), or its file
            is not text or holds a name that leads out of the database.
    """
    path, _ = _find_set(data_set_name, Path(path_voc))
    return [row.name for row in _read_set(path)]


def load_images_labels_in_data_set(
    data_set_name: str, path_voc: Path | str
) -> list[int]:
    """Return the labels of the images in a set, in the order of its file.

    Args:
        data_set_name: a set with a class, such as ``aeroplane_trainval``. Where its
            file is missing, the annotations of ``trainval`` say the labels.
        path_voc: the database.

    Returns:
        1 where the image holds the class, 0 where all its objects of the class are
        difficult, -1 where it holds none.

    Raises:
        InputError: as for the names, or a label is none of the three; or there are
            only annotations, and one of them is bad.
    """
    return [label for _, label in _labelled(data_set_name, Path(path_voc))]


class _Row(NamedTuple):
    """A line of a set's file: its number from 1, the image, the label's text."""

    line: int
    name: str
    label: str | None


def _find_set(data_set_name: str, path_voc: Path) -> tuple[Path, int | None]:
    """Return a set's file and, if it lacks the labels, the class to find them for."""
    if not path_voc.is_dir():
        raise file_error(path_voc, "there is no such folder", "a set in VOC's layout")
    folder = path_voc / "ImageSets" / "Main"
    path = file_inside(folder, data_set_name, ".txt")
    if os.path.isfile(path):
        return path, None
    word, _, plain_name = data_set_name.partition("_")
    if word in VOC_CLASSES and is_file_name(plain_name):
        plain = file_inside(folder, plain_name, ".txt")
        if os.path.isfile(plain):
            return plain, class_number(word)
    # A full database has 63 sets; those of other classes would bury the rest.
    others = {*VOC_CLASSES} - {word}
    names = sorted(path.stem for path in folder.glob("*.txt"))
    names = [name for name in names if name.partition("_")[0] not in others]
    there = (
        f"one of {', '.join(names)}" if names else "SET.txt files, but there are none"
    )
    raise file_error(folder, f"there is no set {data_set_name}", there)


def _read_set(path: Path) -> list[_Row]:
    """Return the lines of a set's file that are not blank."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise file_error(path, f"is not UTF-8 text: {error.reason}") from None
    rows = []
    for line, fields in enumerate(map(str.split, text.splitlines()), 1):
        if not fields:
            continue
        if not is_file_name(fields[0]):
            shown = reprlib.repr(fields[0])
            raise file_error(path, f"line {line}: {shown} is no name of an image")
        rows.append(_Row(line, fields[0], fields[1] if len(fields) > 1 else None))
    return rows


def _labelled(
    data_set_name: str, path_voc: Path, skipped: dict[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """Yield (name, label) of a set's images.

    Images whose annotation is asked and is bad go to ``skipped``, by name with the
    reason; without one they raise.
    """
    path, class_id = _find_set(data_set_name, path_voc)
    for row in _read_set(path):
        try:
            if class_id is None:
                label = _label(path, row)
            else:
                label = AnnotationFile(row.name, path_voc).label(class_id)
        except InputError as error:
            # A broken set file concerns every image; only annotations are skipped.
            if skipped is None or class_id is None:
                raise
            skipped[row.name] = str(error)
        else:
            yield row.name, label


def _label(path: Path, row: _Row) -> int:
    """Return the label in the second column of a set's line."""
    if row.label is None:
        raise file_error(path, f"line {row.line}: there is no label", "-1, 0 or 1")
    if row.label not in ("-1", "0", "1", "+1"):
        shown = reprlib.repr(row.label)
        raise file_error(path, f"line {row.line}: label {shown}", "-1, 0 or 1")
    return int(row.label)


@dataclass(frozen=True, eq=False)
class VocImage:
    """One image with what is known about it.

    Attributes:
        name: id inside of its database.
        key: identity among all databases of a set: folder of the database, slash, id.
        path: the image file.
        pixels: uint8 (height, width, 3), RGB, 0 to 255.
        objects: all objects, of every class, in the order of the annotation.
    """

    name: str
    key: str
    path: Path
    pixels: np.ndarray
    objects: tuple[VocObject, ...]

    def mirrored(self) -> "VocImage":
        """Return the image left to right, under a key of its own."""
        width = self.pixels.shape[1]
        objects = []
        for item in self.objects:
            ymin, xmin, ymax, xmax = item.box
            box = (ymin, width - xmax, ymax, width - xmin)
            objects.append(replace(item, box=box))
        pixels = np.ascontiguousarray(self.pixels[:, ::-1])
        key = f"{self.key}~mirrored"
        return replace(self, key=key, pixels=pixels, objects=tuple(objects))


class _Entry(NamedTuple):
    path_voc: Path
    name: str
    key: str


class VocSet:
    """The images of a set that hold a class, decoded anew at each access.

    Iterating yields the images in the order of the set's file, every time the same.
    Nothing is kept but names, so a set may be larger than memory. Sets of several
    databases are added: ``voc2012 + voc2007``.

    With ``skip_bad`` an image that cannot be read is left out by iteration and by
    :meth:`read`, and listed once in :attr:`skipped`; indexing raises all the same, as
    it has nothing to give.

    Args:
        images: (database, id) of each image.
        one_based_boxes: takes corners counted from 1 as bounds counted from 0,
            as the published program does.
        skip_bad: 0 to raise on a bad image, 1 to go on without it.
        skipped: one line for each image that is left out from the beginning.
        smallest_image: pixels that an image must have each way; a smaller one is bad.

    Attributes:
        title: what the set is called, for people.

    Raises:
        InputError: an image is named twice.
    """

    def __init__(
        self,
        images: Iterable[tuple[Path, str]],
        *,
        one_based_boxes: bool = False,
        skip_bad: int = 0,
        skipped: Iterable[str] = (),
        smallest_image: int = 1,
    ) -> None:
        self._entries = _with_keys(list(images))
        self._one_based = one_based_boxes
        self._skip_bad = skip_bad
        self._smallest_image = smallest_image
        self._left_out = list(skipped)
        self.title = ""
        self._bad: dict[int, str] = {}

    @classmethod
    def open(
        cls,
        path_voc: Path | str,
        image_set: str,
        class_object: int | str,
        *,
        one_based_boxes: bool = False,
        skip_bad: int = 0,
        with_difficult: bool = False,
        smallest_image: int = 1,
    ) -> "VocSet":
        """Find the images of a set that hold a class; annotations stay unread.

        Args:
            path_voc: the database.
            image_set: ``train``, ``val``, ``trainval`` or ``test``.
            class_object: number or name of the class.
            one_based_boxes: takes corners counted from 1 as bounds counted from 0,
                as the published program does.
            skip_bad: 0 to raise on a bad image, 1 to go on without it.
            with_difficult: take images with only difficult objects too (label 0), as
                VOC's protocol does; the published program takes label 1 alone.
            smallest_image: pixels that an image must have each way.

        Raises:
            InputError: there is no such set, or no image of it holds the class.
        """
        path_voc = Path(path_voc)
        name = class_name(class_object)
        skipped: dict[str, str] = {}
        labelled = _labelled(
            f"{name}_{image_set}", path_voc, skipped if skip_bad else None
        )
        wanted = (0, 1) if with_difficult else (1,)
        names = [image for image, label in labelled if label in wanted]
        if not names:
            what = f"no image of {image_set} holds class {name}"
            if skipped:
                what += f", {len(skipped)} could not be read"
            raise file_error(path_voc, what)
        images = [(path_voc, image) for image in names]
        return cls(
            images,
            one_based_boxes=one_based_boxes,
            skip_bad=skip_bad,
            skipped=skipped.values(),
            smallest_image=smallest_image,
        )

    @property
    def names(self) -> list[str]:
        """Ids of all images, also of those that turn out to be bad."""
        return [entry.name for entry in self._entries]

    @property
    def keys(self) -> list[str]:
        """Identities of all images, in the same order."""
        return [entry.key for entry in self._entries]

    @property
    def skipped(self) -> list[str]:
        """One line for each image left out so far, with the reason."""
        return [*self._left_out, *self._bad.values()]

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> VocImage:
        path_voc, name, key = self._entries[operator.index(index)]
        path = _image_path(path_voc, name)
        annotation = AnnotationFile(name, path_voc)
        pixels = read_image(path, annotation.size(), self._smallest_image)
        height, width, _ = pixels.shape
        objects = annotation.objects(self._one_based, (height, width))
        return VocImage(name, key, path, pixels, objects)

    def __iter__(self) -> Iterator[VocImage]:
        for index in range(len(self)):
            image = self.read(index)
            if image is not None:
                yield image

    def __add__(self, other: "VocSet") -> "VocSet":
        if self._settings != other._settings:
            raise ValueError("sets that are added must have the same settings")
        images = [entry[:2] for entry in (*self._entries, *other._entries)]
        left_out = self._left_out + other._left_out
        both = self._with(images, left_out)
        shifted = {len(self) + index: line for index, line in other._bad.items()}
        both._bad = self._bad | shifted
        return both

    def at_least(self, smallest_image: int) -> "VocSet":
        """Return the set in which an image is bad that has fewer pixels each way."""
        images = [entry[:2] for entry in self._entries]
        larger = self._with(images, self._left_out)
        larger._smallest_image, larger.title = smallest_image, self.title
        return larger

    def first(self, count: int) -> "VocSet":
        """Return the set of the first ``count`` images alone."""
        images = [entry[:2] for entry in self._entries[:count]]
        return self._with(images, self._left_out)

    @property
    def _settings(self) -> tuple[bool, int, int]:
        return self._one_based, self._skip_bad, self._smallest_image

    def _with(self, images: list[tuple[Path, str]], left_out: list[str]) -> "VocSet":
        """Return a set of other images with the same settings."""
        return VocSet(
            images,
            one_based_boxes=self._one_based,
            skip_bad=self._skip_bad,
            skipped=left_out,
            smallest_image=self._smallest_image,
        )

    def read(self, index: int) -> VocImage | None:
        """Return an image, or None where it is bad and bad ones are skipped.

        An image once found bad is not tried again, so that all epochs are the same.
        """
        index = range(len(self))[index]
        if index in self._bad:
            return None
        try:
            return self[index]
        except InputError as error:
            if not self._skip_bad:
                raise
            self._bad[index] = str(error)
            return None

    def annotation(self, index: int) -> Annotation:
        """Return an image's annotation without decoding the image.

        Boxes are held against the size that the annotation states.
        """
        path_voc, name, _ = self._entries[operator.index(index)]
        return get_bb_of_gt_from_pascal_xml_annotation(name, path_voc, self._one_based)


def _with_keys(images: list[tuple[Path, str]]) -> list[_Entry]:
    """Give each image a key that no other image has."""
    prefixes: dict[Path, str] = {}
    for path_voc, _ in images:
        if path_voc not in prefixes:
            prefixes[path_voc] = _prefix(path_voc, prefixes)
    entries = [_Entry(path, name, f"{prefixes[path]}/{name}") for path, name in images]
    for key, count in Counter(entry.key for entry in entries).items():
        if count > 1:
            raise InputError(
                f"image sets: {key} is named {count} times; expected each image once"
            )
    return entries


def _prefix(path_voc: Path, taken: dict[Path, str]) -> str:
    """Return a database's folder name, numbered where another one has it too."""
    folder = Path(os.path.abspath(path_voc))
    for path, prefix in taken.items():
        if os.path.abspath(path) == str(folder):
            return prefix
    prefix, number = folder.name, 2
    while prefix in taken.values():
        prefix, number = f"{folder.name}~{number}", number + 1
    return prefix


def _image_path(path_voc: Path, name: str) -> Path:
    """Return the image file of an id, whatever its suffix."""
    folder = path_voc / "JPEGImages"
    for suffix in _SUFFIXES:
        path = file_inside(folder, name, suffix)
        if os.path.isfile(path):
            return path
    raise file_error(
        folder / f"{name}{_SUFFIXES[0]}",
        "there is no such file",
        f"an image ending in {', '.join(_SUFFIXES[:3])}",
    )
