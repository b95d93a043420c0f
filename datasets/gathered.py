"""Sets without VOC's lists: found by looking at all files below a folder.

A layout is a function that takes the files and returns the set, or None where they are
of another one.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from common.errors import InputError, counted, file_error
from common.images import IMAGE_SUFFIXES
from datasets.coco_boxes import NoBoxes, read_coco
from datasets.cvat_boxes import read_cvat
from datasets.objects import Stated
from datasets.pictures import PictureIndex, folded
from datasets.splits import split_in, split_of
from datasets.text import text_of
from datasets.voc_annotations import parse_xml, read_xml
from datasets.voc_lists import Listed
from datasets.yolo_boxes import (
    Names,
    label_file,
    names_in,
    read_names,
    read_yaml,
    read_yolo,
)


class Files:
    """The files below a folder, by what they may be; hidden ones are left out.

    Attributes:
        almost: a line for each file that looks like a layout's, and why it is none.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.almost: list[str] = []
        self.by_suffix: dict[str, list[Path]] = {}
        for path in sorted(_files_below(folder)):
            self.by_suffix.setdefault(path.suffix.lower(), []).append(path)
        found = (path for one in IMAGE_SUFFIXES for path in self.by_suffix.get(one, []))
        self.pictures = sorted(found)
        self.index = PictureIndex(folder, self.pictures, split_of)

    def ending(self, *suffixes: str) -> list[Path]:
        """Return the files that end so."""
        return [path for one in suffixes for path in self.by_suffix.get(one, [])]

    def split_of(self, path: Path) -> str:
        """Return the split that the folders above a file say, else empty."""
        parts = path.relative_to(self.folder).parts[:-1]
        return next((split for split in map(split_of, parts) if split), "")


def _files_below(folder: Path) -> Iterator[Path]:
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(
            name for name in folders if not name.startswith((".", "__MACOSX"))
        )
        yield from (Path(parent, name) for name in names if not name.startswith("."))


class _Found(NamedTuple):
    """An image that a layout's files tell of.

    Attributes:
        annotation: the file that does, or the picture that has none.
        picture: None where it is not there.
        split: its name, or empty.
        read: returns what the annotation says, or raises what is wrong.
        missing: what to say of a picture that is not there.
    """

    annotation: Path
    picture: Path | None
    split: str
    read: Callable[[], Stated]
    missing: str = ""


class GatheredSet:
    """A set without VOC's lists, whose images were found by looking at all files.

    Args:
        files: all that there are.
        kind: how they were read.
        found: the set's images.
        notes: what is worth a line.
    """

    def __init__(
        self,
        files: Files,
        kind: str,
        found: Sequence[_Found],
        notes: Iterable[str] = (),
    ):
        folder = files.folder
        self.folder, self.kind, self.notes = folder, kind, list(notes)
        found = list(_annotated_once(found))
        self._found = dict(zip(_names_of(found, folder), found, strict=True))
        bare = set(files.pictures) - {one.picture for one in found}
        if bare:
            first = min(bare).relative_to(folder)
            more = f" and {len(bare) - 1} more have" if len(bare) > 1 else " has"
            self.notes.append(f"{folder}: {first}{more} no annotation; left out")
        stray = [name for name, one in self._found.items() if not one.split]
        if stray and len(stray) < len(self._found):
            more = f" and {len(stray) - 1} more are" if len(stray) > 1 else " is"
            self.notes.append(f"{folder}: {stray[0]}{more} in no split; left out")

    def splits(self, class_name: str) -> list[str]:
        """Return the names of the splits, the same for all classes."""
        return sorted({one.split for one in self._found.values()} - {""})

    def listed(self, split: str, class_name: str) -> list[Listed]:
        """Return the images of a split; of all of them where it is empty."""
        return [
            Listed(name)
            for name, one in self._found.items()
            if not split or one.split == split
        ]

    def picture(self, name: str) -> Path:
        """Return the path of an image's pixels."""
        one = self._found[name]
        if one.picture is None:
            raise file_error(one.annotation, one.missing, "a picture of its own")
        return one.picture

    def has_picture(self, name: str) -> bool:
        """Tell whether the image's pixels are there."""
        return self._found[name].picture is not None

    def stated(self, name: str) -> Stated:
        """Return what an image's annotation says."""
        return self._found[name].read()


def _annotated_once(found: Iterable[_Found]) -> Iterator[_Found]:
    """Yield the images; of one that two files annotate the second is without."""
    annotated: dict[Path, Path] = {}
    for one in found:
        if one.picture is not None:
            first = annotated.setdefault(one.picture, one.annotation)
            if first != one.annotation:
                missing = f"annotates {one.picture.name}, as {first} does"
                one = one._replace(picture=None, missing=missing)
        yield one


def _names_of(found: Sequence[_Found], folder: Path) -> list[str]:
    """Return a name for each image: its stem, or as much of its path as it takes."""
    paths = [(one.picture or one.annotation).relative_to(folder) for one in found]
    choices = [
        [path.stem for path in paths],
        [path.with_suffix("").as_posix() for path in paths],
        [path.as_posix() for path in paths],
    ]
    for names in choices:
        if len({folded(name) for name in names}) == len(names):
            return names
    return [f"{name}~{number}" for number, name in enumerate(choices[-1])]


def xml_layout(files: Files) -> GatheredSet | None:
    """Return a set of VOC's annotations, one an image, or of CVAT's, one a set."""
    paths = files.ending(".xml")
    if not paths:
        return None
    roots = (_root_of(path) for path in paths)
    if next(filter(None, roots), "annotation") == "annotations":
        return _cvat_layout(files, paths)
    found = [_one_xml(files, path) for path in paths]
    return GatheredSet(files, f"images {_beside(found)} XML files", found)


def _beside(found: Iterable[_Found]) -> str:
    """Return "beside" where pictures and annotations share folders, else "and"."""
    pairs = [(one.picture, one.annotation) for one in found if one.picture]
    is_beside = all(one.parent == other.parent for one, other in pairs)
    return "beside" if is_beside else "and"


def _root_of(path: Path) -> str:
    """Return the name of an XML file's root, empty where it cannot be read."""
    try:
        return str(parse_xml(path).tag)
    except InputError:
        return ""


def _one_xml(files: Files, path: Path) -> _Found:
    def read() -> Stated:
        return read_xml(path)

    missing = f"there is no picture {path.stem}"
    try:
        picture = files.index.of_stem(path.stem, path)
        if picture is None:
            picture = _picture_named_in(files, path)
    except InputError as error:
        picture, missing = None, str(error).partition(": ")[2]
    split = files.split_of(path) or (files.split_of(picture) if picture else "")
    return _Found(path, picture, split, read, missing)


def _picture_named_in(files: Files, path: Path) -> Path | None:
    """Return the picture that an annotation itself names."""
    try:
        named = parse_xml(path).findtext("filename") or ""
    except InputError:  # said when the annotation is read
        return None
    return files.index.of_name(named.strip(), path)


def coco_layout(files: Files) -> GatheredSet | None:
    """Return a set of COCO's JSON files, of all images or of a split each."""
    paths = files.ending(".json")
    instances = [path for path in paths if path.name.startswith("instances")]
    found: list[_Found] = []
    for path in instances or paths:
        try:
            said = read_coco(path) or {}
        except NoBoxes as error:
            files.almost.append(str(error))
            continue
        split = split_in(path.stem) or files.split_of(path)
        found += [
            _of_one_file(files, path, name, split, stated)
            for name, stated in said.items()
        ]
    return GatheredSet(files, "COCO's JSON", found) if found else None


def _of_one_file(
    files: Files, path: Path, name: str, split: str, stated: Stated
) -> _Found:
    """Return an image that a file about many names."""
    missing = f"there is no picture {name}"
    try:
        picture = files.index.of_name(name, path)
    except InputError as error:
        picture, missing = None, str(error).partition(": ")[2]
    split = split or (files.split_of(picture) if picture else "")
    return _Found(path, picture, split, lambda: stated, missing)


def _cvat_layout(files: Files, paths: Sequence[Path]) -> GatheredSet:
    found: list[_Found] = []
    shapes = Counter[str]()
    for path in paths:
        root = parse_xml(path)
        if root.tag != "annotations":
            raise file_error(path, f"the root element is '{root.tag}'", "annotations")
        images, others = read_cvat(root, path)
        shapes.update(others)
        for name, subset, stated in images:
            split = split_of(subset) or split_in(path.stem) or files.split_of(path)
            found.append(_of_one_file(files, path, name, split, stated))
    if shapes and not any(one.read().objects for one in found):
        what = " and ".join(counted(count, shape) for shape, count in shapes.items())
        raise file_error(
            files.folder, f"holds {what} in CVAT's XML, and no box", "boxes"
        )
    notes = [
        f"{files.folder}: {counted(count, shape)}, no boxes; left out"
        for shape, count in shapes.items()
    ]
    return GatheredSet(files, "CVAT's XML for images", found, notes)


def yolo_layout(files: Files) -> GatheredSet | None:
    """Return a set of YOLO's text files, if any lies where a picture's would."""
    texts = dict.fromkeys(files.ending(".txt"))
    labels = {picture: label_file(picture, texts) for picture in files.pictures}
    if not any(labels.values()):
        return None
    names, splits = _yolo_names(files, texts), _yolo_splits(files, texts)
    found = []
    for picture, path in labels.items():
        split = splits.get(picture, "") if splits else files.split_of(picture)
        found.append(
            _Found(path or picture, picture, split, partial(read_yolo, path, names))
        )
    return GatheredSet(files, "YOLO's text files", found)


_NAMES = ("classes.txt", "obj.names", "classes.names", "_darknet.labels", "labels.txt")


def _yolo_names(files: Files, texts: Iterable[Path]) -> Names:
    """Return the classes, by their numbers.

    Raises:
        InputError: no file names them.
    """
    for path in files.ending(".yaml", ".yml"):
        content = read_yaml(path)
        if content is not None:
            return names_in(content, path)
    for path in (*texts, *files.ending(".names", ".labels")):
        if path.name.lower() in _NAMES or path.suffix.lower() == ".names":
            return read_names(path)
    raise file_error(
        files.folder,
        "holds YOLO's text files, and none that names the classes",
        "data.yaml or classes.txt",
    )


def _yolo_splits(files: Files, texts: Iterable[Path]) -> dict[Path, str]:
    """Return the pictures' splits as ``data.yaml`` or lists say; nothing without."""
    found: dict[str, set[Path]] = {}
    for path in files.ending(".yaml", ".yml"):
        content = read_yaml(path) or {}
        for key in ("train", "val", "test"):
            values = content.get(key) or []
            for value in values if isinstance(values, list) else [values]:
                root = str(content.get("path") or "")
                pictures = _pictures_at(files, path.parent, root, str(value))
                found.setdefault(key, set()).update(pictures)
    if not any(found.values()):
        for path in texts:
            split = split_of(path.stem)
            if split and path.parent == files.folder:
                found.setdefault(split, set()).update(_pictures_in_list(files, path))
    # Sets to try things with say train and val of the same folder: not two splits.
    if found.get("train") and found.get("train") == found.get("val"):
        del found["val"]
    splits: dict[Path, str] = {}
    for split, pictures in found.items():
        for picture in pictures:
            if splits.setdefault(picture, split) != split:
                what = f"{picture} is in {splits[picture]} and in {split}"
                raise file_error(files.folder, what, "one split an image")
    return splits


def _pictures_at(files: Files, beside: Path, root: str, value: str) -> set[Path]:
    """Return the pictures of a folder or list that ``data.yaml`` names.

    It may be meant from the file's folder, from ``path``, or, as Roboflow writes it,
    from a folder that is not there.
    """
    parts = [part for part in value.replace("\\", "/").split("/") if part != ".."]
    for start in (beside / root / value, beside / value, beside.joinpath(*parts)):
        if start.is_file():
            return _pictures_in_list(files, start)
        above = os.path.join(os.path.abspath(start), "")
        inside = {p for p in files.pictures if os.path.abspath(p).startswith(above)}
        if inside:
            return inside
    return set()


def _pictures_in_list(files: Files, path: Path) -> set[Path]:
    """Return the pictures that a list names, a line each.

    Raises:
        InputError: one is not there.
    """
    found, lines = set(), text_of(path).splitlines()
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line:
            continue
        # The folders in the line say which one; where the list lies says nothing.
        picture = files.index.of_name(line, files.folder / path.name)
        if picture is None:
            raise file_error(path, f"line {number}: there is no picture {line}")
        found.add(picture)
    return found


LAYOUTS: Sequence[Callable[[Files], GatheredSet | None]] = (
    xml_layout,
    coco_layout,
    yolo_layout,
)
"""In the order in which they are tried."""
