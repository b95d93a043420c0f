"""Keypoints on disk: which layout a set has, and what is in it.

A set is a folder with one of these, or one above it that holds no other, and the images
that it names:

``annotations.txt``, one line a car, as the Car Door Handle data set has it::

    x|y|car_ims/000002.jpg|W,H,3|istrain|istest|visible|class|x1,y1,x2,y2

x and y are counted from 1. The distance of a prediction is divided by the height of the
car's box, y2 - y1 + 1; the box plays no other part.

``annotations.csv``, or any other one CSV or TSV file, with a header::

    image,x,y,normaliser,visible,split
    photos/one.png,104.5,63,180,1,train

x (column) and y (row) are counted from 0, at the middle of pixels, and may have
fractions; ``normaliser`` is the length in pixels that distances are divided by, the
image's height where there is no such column; ``visible`` is 0 or 1, and 1 without that
column. More columns do no harm.

COCO's JSON with keypoints, ``annotations/person_keypoints_train2017.json`` or the like:
see :mod:`datasets.keypoint_coco`. YOLO's text files with ``kpt_shape`` in
``data.yaml``: see :mod:`datasets.keypoint_yolo`.

Splits are taken as they are, from a column, from fields, or from the names of several
annotation files. A part to validate on belongs to ``train`` where there is a ``test``,
and is ``test`` where there is none. Of a set without splits some images are held out
for the test (:func:`datasets.splits.draw_held_out`).

Invisible keypoints are dropped and counted. Rows that make no sense raise, all of them
together, or, with ``skip_bad``, are left out and listed.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from common.errors import (
    SKIP_HINT,
    counted,
    file_error,
    several_errors,
    with_lines,
)
from datasets.gathered import Files
from datasets.keypoint_coco import coco_files, coco_layout
from datasets.keypoint_handles import handle_layout
from datasets.keypoint_rows import (
    SPLITS,
    UNSPLIT,
    VALIDATION,
    BadRow,
    Images,
    Invisible,
    Keypoint,
    Layout,
    split_of_file,
)
from datasets.keypoint_tables import SUFFIXES, table_layout
from datasets.keypoint_yolo import pose_file, yolo_layout
from datasets.splits import draw_held_out

__all__ = ["SPLITS", "Annotations", "Keypoint", "read_annotations"]

HANDLES, TABLE = "annotations.txt", "annotations.csv"
"""What annotation files are called in a set's folder; a table may have other names."""


@dataclass(frozen=True)
class Annotations:
    """What a set's annotation files hold.

    Attributes:
        path: of the annotation file, or of the folder where there are several.
        keypoints: the visible ones, in the files' order.
        invisible: how many were dropped, by split.
        skipped: a line about each row that ``skip_bad`` went past.
        notes: how the set was read and what was taken for granted, a line each.
        folder: of the set, which images that are held out are named from.
        held_out: images that are left to the test, where the set does not say; None
            where it does.
    """

    path: Path
    keypoints: list[Keypoint] = field(default_factory=list)
    invisible: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    folder: Path = Path()
    held_out: list[str] | None = None


Divide = Callable[[list[str]], Collection[str] | None]
"""Returns which images of a set without splits are held out for the test.

It takes the names of all images; None is: all are to test on.
"""


def hold_out(names: list[str]) -> list[str]:
    """Draw the images that are held out, the same ones each time."""
    return draw_held_out(names, seed=0)


def read_annotations(
    path: Path | str,
    skip_bad: int = 0,
    *,
    keypoint: str = "",
    columns: Sequence[str] = (),
    divide: Divide = hold_out,
) -> Annotations:
    """Read a set's annotations, and check them against its images' headers.

    Args:
        path: the set's folder, or its annotation file.
        skip_bad: 1 to leave bad rows out and list them, 0 to raise.
        keypoint: the point to find, where a layout names several.
        columns: what a table's columns are called, ``FIELD=COLUMN`` each.
        divide: holds images out for the test where the set has no splits.

    Raises:
        InputError: there are no annotations, rows are bad, or none is left; names the
            file, the line and the field of each.
    """
    layout = find_layout(Path(path), keypoint, columns)
    images = Images(layout.folder)
    parsed, bad = _parse(layout, images)
    if bad and not skip_bad:
        raise several_errors(layout.path, bad, SKIP_HINT)
    seen = [point for point in parsed if isinstance(point, Keypoint)]
    if not seen:
        counts = f"{len(parsed)} invisible and {len(bad)} bad ones"
        error = file_error(
            layout.path, f"no row is left beside {counts}", "visible keypoints"
        )
        raise with_lines(str(error), bad)
    kept = _largest(seen) if layout.one_an_image else list(dict.fromkeys(seen))
    notes = list(_notes(layout, len(seen) - len(kept), list(images.swapped)))
    seen = kept
    splits = {point.split for point in parsed}
    held_out, is_whole = None, splits <= {UNSPLIT, VALIDATION}
    if is_whole:
        seen, held_out = _divided(seen, layout.folder, divide)
    invisible = dict.fromkeys(SPLITS, 0)
    for point in parsed:
        if isinstance(point, Invisible):
            invisible["train" if is_whole else _final(point.split, splits)] += 1
    points = [replace(point, split=_final(point.split, splits)) for point in seen]
    about = bad, notes, layout.folder, held_out
    return Annotations(layout.path, points, invisible, *about)


def find_layout(path: Path, keypoint: str = "", columns: Sequence[str] = ()) -> Layout:
    """Find out what a folder or an annotation file holds.

    Args:
        path: the folder or file.
        keypoint: as for :func:`read_annotations`.
        columns: as for :func:`read_annotations`.

    Raises:
        InputError: there are no annotations, or a file cannot be used.
    """
    files = _annotation_files(path)
    folder = path if path.is_dir() else _set_folder(path)
    kind = files[0].suffix.lower()
    if kind in SUFFIXES:
        _refuse(path, "keypoint", keypoint, "a table")
        return table_layout(files, folder, columns)
    if columns:
        _refuse(path, "columns", " ".join(columns), "no table")
    if kind == ".json":
        return coco_layout(files, folder, keypoint)
    if kind in (".yaml", ".yml"):
        return yolo_layout(files[0], folder, keypoint)
    _refuse(path, "keypoint", keypoint, "in the Car Door Handle format")
    return handle_layout(files[0])


def _refuse(path: Path, flag: str, value: str, what: str) -> None:
    """Refuse a flag that says nothing about a layout."""
    if value:
        raise file_error(path, f"is {what}; {flag} is {value}", "no such flag")


def _annotation_files(path: Path) -> list[Path]:
    """Return the annotation files of a set, all in one layout."""
    if not path.exists():
        raise file_error(path, "there is no such file or folder", "a set of keypoints")
    if not path.is_dir():
        return [path]
    if files := _files_in(path):
        return files
    for folders in _levels_below(path):
        sets = [(folder, files) for folder in folders if (files := _files_in(folder))]
        if len(sets) > 1:
            several = ", ".join(str(folder.relative_to(path)) for folder, _ in sets)
            raise file_error(path, f"holds several sets: {several}", "one of them")
        if sets:
            return sets[0][1]
    raise file_error(
        path,
        "holds no annotations",
        f"{HANDLES}, {TABLE} or another CSV table, COCO's JSON or YOLO's data.yaml",
    )


def _files_in(folder: Path) -> list[Path]:
    """Return the annotation files of a folder that is a set's; nothing without any."""
    for name in (HANDLES, TABLE):
        if (folder / name).is_file():
            return [folder / name]
    if pose := pose_file(folder):
        return [pose]
    tables = [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES]
    for files in (tables, coco_files(folder)):
        if files:
            return _of_one_set(folder, files)
    return []


def _levels_below(path: Path) -> Iterator[list[Path]]:
    """Yield the folders below one that lead to files, those of one depth together."""
    files = (file for files in Files(path).by_suffix.values() for file in files)
    folders = {folder for file in files for folder in file.relative_to(path).parents}
    depths = sorted(folders - {Path()}, key=lambda folder: (len(folder.parts), folder))
    for _, level in groupby(depths, lambda folder: len(folder.parts)):
        yield [path / folder for folder in level]


def _of_one_set(path: Path, files: list[Path]) -> list[Path]:
    """Return files that are the splits of one set, or one file that is all of it."""
    splits = [split_of_file(file) for file in files]
    if len(files) > 1 and (UNSPLIT in splits or len(set(splits)) < len(splits)):
        names = ", ".join(str(file.relative_to(path)) for file in files)
        raise file_error(
            path,
            f"holds {names}",
            "one file, or one called train, val or test for each split; --path_data"
            " may name a file",
        )
    return files


def _set_folder(file: Path) -> Path:
    """Return the folder of the set that an annotation file belongs to."""
    parent = file.parent
    return parent.parent if parent.name.lower() == "annotations" else parent


def _parse(
    layout: Layout, images: Images
) -> tuple[list[Keypoint | Invisible], list[str]]:
    """Return what the rows hold, and a line about each that makes no sense."""
    parsed, bad = [], []
    for row in layout.rows:
        try:
            parsed.append(row.parse(images))
        except BadRow as error:
            bad.append(str(row.error(error)))
    return parsed, bad


def _largest(points: Iterable[Keypoint]) -> list[Keypoint]:
    """Return one keypoint an image, that of the largest object, in their order."""
    chosen: dict[Path, Keypoint] = {}
    for point in points:
        if point.path not in chosen or point.area > chosen[point.path].area:
            chosen[point.path] = point
    return list(chosen.values())


def _divided(
    points: Sequence[Keypoint], folder: Path, divide: Divide
) -> tuple[list[Keypoint], list[str] | None]:
    """Return the keypoints with a split, and the images that are held out."""
    names = [_identity(point.path, folder) for point in points]
    held_out = divide(list(dict.fromkeys(names)))
    wanted = set(names if held_out is None else held_out)
    splits = ("test" if name in wanted else "train" for name in names)
    divided = [
        replace(point, split=split) for point, split in zip(points, splits, strict=True)
    ]
    return divided, None if held_out is None else list(held_out)


def _identity(path: Path, folder: Path) -> str:
    """Return what tells an image from the others of its set, wherever that lies."""
    inside = path.is_relative_to(folder)
    return path.relative_to(folder).as_posix() if inside else path.name


def _final(split: str, splits: set[str]) -> str:
    """Return ``train`` or ``test`` of a row that may be one to validate on."""
    if split != VALIDATION:
        return split
    return "train" if "test" in splits else "test"


def _notes(layout: Layout, left_out: int, swapped: Sequence[Path]) -> Iterator[str]:
    """Yield how a set was read, and what was made of it that is no error."""
    yield f"{layout.path}: {layout.words}, {counted(len(layout.rows), 'row')}"
    yield from layout.notes
    if left_out and layout.one_an_image:
        objects = f"{counted(left_out, 'more object')} in the same images"
        yield f"{objects}: the largest of an image counts"
    elif left_out:
        twice = "row is", "rows are"
        yield f"{counted(left_out, *twice)} there twice: each counts once"
    if swapped:
        yield (
            f"height and width exchanged in {counted(len(swapped), 'annotation')}"
            f" ({swapped[0]}): those of the picture count"
        )
