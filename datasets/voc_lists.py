"""PASCAL VOC's lists of images, and a database that has them.

::

    Annotations/NAME.xml       classes, boxes, flags
    ImageSets/Main/SET.txt     names of images; CLASS_SET.txt with a label beside them
    JPEGImages/NAME.jpg        pixels

Reference: Everingham et al., The PASCAL Visual Object Classes Challenge, development
kit.
"""

import os
import re
import reprlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from common.errors import file_error
from common.images import IMAGE_SUFFIXES
from datasets.classes import VOC_CLASSES, same_name
from datasets.objects import Stated
from datasets.pictures import FilesByStem, pictures_in
from datasets.text import text_of
from datasets.voc_annotations import file_inside, is_file_name, read_xml

LISTS = Path("ImageSets") / "Main"

_FOLDERS = ("jpegimages", "annotations")
_LABELS = ("-1", "0", "1", "+1")
_SUFFIXES = "|".join(re.escape(suffix) for suffix in IMAGE_SUFFIXES)
_PAIR = re.compile(rf"(.+?(?:{_SUFFIXES}))\s+\S.*\.xml", re.IGNORECASE)


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
    return [row.name for row in _rows(data_set_name, Path(path_voc))[2]]


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
    path, class_name, rows = _rows(data_set_name, Path(path_voc))
    if class_name is None:
        return [label_of(path, row) for row in rows]
    folder = VocFolder(Path(path_voc))
    return [folder.stated(row.name).label(class_name) for row in rows]


def _rows(data_set_name: str, path_voc: Path) -> tuple[Path, str | None, list["Row"]]:
    """Return a set's file, the class that it lacks the labels of, and its lines."""
    path, class_name = _find_set(data_set_name, path_voc)
    has_labels = "_" in data_set_name and class_name is None
    is_image = VocFolder(path_voc).is_image
    return path, class_name, read_list(path, has_labels, is_image)


class Row(NamedTuple):
    """A line of a set's file: its number from 1, the image, the label's text."""

    line: int
    name: str
    label: str | None


def _find_set(data_set_name: str, path_voc: Path) -> tuple[Path, str | None]:
    """Return a set's file and, if it lacks the labels, the class to find them for."""
    if not path_voc.is_dir():
        raise file_error(path_voc, "there is no such folder", "a set in VOC's layout")
    folder = path_voc / LISTS
    path = file_inside(folder, data_set_name, ".txt")
    if os.path.isfile(path):
        return path, None
    word, _, split = data_set_name.partition("_")
    if word in VOC_CLASSES and is_file_name(split):
        plain = file_inside(folder, split, ".txt")
        if os.path.isfile(plain):
            return plain, word
    # A full database has 63 sets; those of other classes would bury the rest.
    others = {*VOC_CLASSES} - {word}
    names = sorted(path.stem for path in folder.glob("*.txt"))
    names = [name for name in names if name.partition("_")[0] not in others]
    there = (
        f"one of {', '.join(names)}" if names else "SET.txt files, but there are none"
    )
    raise file_error(folder, f"there is no set {data_set_name}", there)


def read_list(
    path: Path,
    has_labels: bool = False,
    is_image: Callable[[str], bool] = lambda name: False,
) -> list[Row]:
    """Return the lines of a set's file that are not blank.

    A line is a name, ``NAME LABEL``, ``FOLDER/NAME.jpg``, or a picture's and an
    annotation's path side by side.

    Args:
        path: the file.
        has_labels: whether lines end with a label: those of a class do.
        is_image: tells whether there is an image of a name. A name with blanks in it,
            or with a suffix, is one if there is.

    Raises:
        InputError: it is not text, or a name in it leads out of the database.
    """
    text, rows = text_of(path), []
    for line, content in enumerate(map(str.strip, text.splitlines()), 1):
        if content:
            name, label = _fields(content, has_labels, is_image)
            if not is_file_name(name):
                quoted = reprlib.repr(name)
                raise file_error(path, f"line {line}: {quoted} is no name of an image")
            rows.append(Row(line, name, label))
    return rows


def _fields(
    content: str, has_labels: bool, is_image: Callable[[str], bool]
) -> tuple[str, str | None]:
    """Return the name and the label's text of a line."""
    pair = _PAIR.fullmatch(content)
    if pair:
        return image_name(pair[1], is_image), None
    first, *others = content.split()
    start, _, last = content.replace("\t", " ").rpartition(" ")
    if has_labels and last in _LABELS and _comes_last(others):
        return image_name(start.strip(), is_image), last
    if others and not has_labels:
        whole = image_name(content, is_image)
        if is_image(whole):
            return whole, None
    return image_name(first, is_image), others[0] if others else None


def _comes_last(others: Sequence[str]) -> bool:
    """Tell whether the label is a line's last field, and not the second of more."""
    return len(others) == 1 or (len(others) > 1 and others[0] not in _LABELS)


def image_name(text: str, is_image: Callable[[str], bool]) -> str:
    """Return the id of an image that a list names by its id or its file."""
    parts = PureWindowsPath(text).parts  # knows both kinds of slashes
    known = [n for n, part in enumerate(parts[:-1]) if part.lower() in _FOLDERS]
    if known and not is_image(text):
        text = "/".join(parts[known[-1] + 1 :])
    stem, suffix = os.path.splitext(text)
    is_file = stem and suffix.lower() in (*IMAGE_SUFFIXES, ".xml")
    return stem if is_file and not is_image(text) else text


def label_of(path: Path, row: Row) -> int:
    """Return the label in the last column of a set's line.

    Raises:
        InputError: there is none.
    """
    if row.label is None:
        raise file_error(path, f"line {row.line}: there is no label", "-1, 0 or 1")
    if row.label not in _LABELS:
        quoted = reprlib.repr(row.label)
        raise file_error(path, f"line {row.line}: label {quoted}", "-1, 0 or 1")
    return int(row.label)


class Listed(NamedTuple):
    """An image of a split, with its label for a class; None where no list says it."""

    name: str
    label: int | None = None


class VocFolder:
    """A database in VOC's layout, with its lists.

    Files are opened when they are asked for: a database may be without the pictures,
    and one of 20,000 images opens at once.

    Args:
        folder: with ``ImageSets`` in it.
    """

    kind = "PASCAL VOC with lists"

    def __init__(self, folder: Path):
        self.folder = folder
        self.notes: list[str] = []
        self._lists = lists_of(folder) or folder / LISTS
        annotations = _folder_like(folder, "Annotations")
        self._annotations = FilesByStem(annotations, (".xml",), "an annotation")
        self._pictures = pictures_in(_folder_like(folder, "JPEGImages", "images"))

    def splits(self, class_name: str) -> list[str]:
        """Return the splits that there is a list of, for all classes or this one."""
        found: dict[str, None] = {}
        for stem in self._stems():
            word, _, split = stem.partition("_")
            own = _split_of_class(stem, class_name)
            if own:
                found[own] = None
            elif not (split and word in VOC_CLASSES):
                found[stem] = None
        return list(found)

    def listed(self, split: str, class_name: str) -> list[Listed]:
        """Return the images of a split; one that is named twice, once."""
        own = [s for s in self._stems() if _split_of_class(s, class_name) == split]
        path = self._lists / f"{(own or [split])[0]}.txt"
        found: dict[str, Listed] = {}
        twice: list[str] = []
        for row in read_list(path, bool(own), self.is_image):
            one = Listed(row.name, label_of(path, row) if own else None)
            if found.setdefault(row.name, one) != one:
                what = f"line {row.line}: {row.name} has another label than before"
                raise file_error(path, what, "one label an image")
            if found[row.name] is not one:
                twice.append(row.name)
        note = _named_twice(path, twice) if twice else ""
        if note and note not in self.notes:
            self.notes.append(note)
        return list(found.values())

    def picture(self, name: str) -> Path:
        """Return the path of an image's pixels."""
        return self._pictures.find(name)

    def has_picture(self, name: str) -> bool:
        """Tell whether the image's pixels are there: annotations may come alone."""
        return self._pictures.has(name)

    def stated(self, name: str) -> Stated:
        """Return what an image's annotation says."""
        return read_xml(self._annotations.find(name))

    def _stems(self) -> Iterator[str]:
        yield from sorted(path.stem for path in self._lists.glob("*.txt"))

    def is_image(self, name: str) -> bool:
        """Tell whether there is an image of a name, annotated or not."""
        return is_file_name(name) and (
            self._annotations.has(name) or self._pictures.has(name)
        )


def lists_of(folder: Path) -> Path | None:
    """Return the folder of a database's lists, None if it has none."""
    for lists in (folder / LISTS, folder / LISTS.parent):
        if any(lists.glob("*.txt")):
            return lists
    return None


def _split_of_class(stem: str, class_name: str) -> str | None:
    """Return the split of a list that is a class's own: ``aeroplane_val``."""
    for place, letter in enumerate(stem):
        if letter == "_" and same_name(stem[:place]) == class_name:
            return stem[place + 1 :] or None
    return None


def _folder_like(folder: Path, *names: str) -> Path:
    """Return a subfolder of one of some names, capitals aside."""
    if (folder / names[0]).is_dir():
        return folder / names[0]
    there = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    found = (there[name.lower()] for name in names if name.lower() in there)
    return next(found, folder / names[0])


def _named_twice(path: Path, names: Sequence[str]) -> str:
    others = f" and {len(names) - 1} more are" if len(names) > 1 else " is"
    return f"{path}: {names[0]}{others} named twice; taken once"
