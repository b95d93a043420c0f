"""Makes the set ``door_handles``: cars cut out of Stanford Cars, each with its handle.

    python -m datasets.door_handles --stanford_cars DIR --annotations FILE

The rule, step by step:

1. Of the Car Door Handle annotations the visible handles of training images count.
2. Stanford's devkit numbers its training images in another order than the annotations
   do. A row belongs to the car of the same class with the same box; where several cars
   have both, to one whose image is of the row's size, first come, first served.
3. ``datasets/door_handles.txt`` says which cars are in the set and which of them are
   tested on.
4. An image is cut to the car's box, both ends inside, and reduced with Lanczos's filter
   until its longest side has 288 pixels; a smaller one stays as it is. It is saved as
   JPEG of quality 85.
5. The handle moves along, scaled about the image's edges, not the middles of pixels,
   and is rounded to whole pixels; one outside of the box goes to its edge.
6. The box becomes the whole crop.
"""

import math
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from common import command_line
from common.errors import file_error
from common.files import REPOSITORY
from common.images import read_image, read_size
from datasets.folders import is_there, whole_folder
from datasets.text import text_of
from datasets.voc_layout import Box

LONGEST_SIDE = 288
"""Pixels of a crop's longer side, at most."""
JPEG_QUALITY = 85

MARKS = ("annotations.txt", "car_ims")
"""What the set has in its folder when it is whole."""

_SPLIT = Path(__file__).with_suffix(".txt")
_DEVKITS = ("car_devkit/devkit", "car_devkit", "", "devkit")
_IMAGE_FOLDERS = ("cars_train/cars_train", "cars_train")
"""Where archives of the set put things, relative to the folder of all of them."""
_ROW = "x|y|image|W,H,3|istrain|istest|visible|class|x1,y1,x2,y2"


@dataclass(frozen=True)
class Settings:
    """Join Stanford Cars with the Car Door Handle annotations into one small set."""

    stanford_cars: Path
    """folder that holds cars_train/ and devkit/cars_train_annos.mat, as unpacked"""
    annotations: Path
    """the Car Door Handle annotations, a text file of one line a car"""
    folder: Path = REPOSITORY / "door_handles"
    """the set's folder; by default where glimpse_rnn looks for it"""
    force: bool = False
    """make it even if it is there, and replace what else is in its place"""


class Car(NamedTuple):
    """A training image of Stanford Cars.

    Attributes:
        file: name of the image.
        label: number of the class.
        box: of the car.
    """

    file: str
    label: int
    box: Box


class Row(NamedTuple):
    """A visible handle of a training image.

    Attributes:
        x: column of the handle in pixels, counted from 1.
        y: row of the handle, likewise.
        sides: width and height of the image, the smaller first: files are published
            with the two swapped.
        label: number of the car's class.
        box: of the car.
    """

    x: float
    y: float
    sides: tuple[int, int]
    label: int
    box: Box


def main(settings: Settings) -> None:
    """Make the set that the settings describe."""
    folder = settings.folder
    if not settings.force and is_there(folder, MARKS, "door_handles"):
        print(f"{folder}: already there; --force makes it again")
        return
    images = _find(settings.stanford_cars, _IMAGE_FOLDERS)
    devkits = [f"{place}/cars_train_annos.mat".lstrip("/") for place in _DEVKITS]
    cars = read_devkit(_find(settings.stanford_cars, devkits))
    rows = read_rows(settings.annotations)
    found = match(rows, cars, images)
    sets = read_split()
    _check_all_there(settings.annotations, sets, found)
    print(f"{folder}: cutting {sum(map(len, sets.values()))} cars")
    with whole_folder(folder) as partial:
        moved = write_set(partial, images, sets, found)
    if moved:
        print(f"{moved} handles outside of their car's box were moved to its edge")
    print(f"{folder}: {len(sets['train'])} to train on, {len(sets['test'])} to test on")


def read_split() -> dict[str, list[str]]:
    """Return the names of the images to train and to test on, as Stanford has them."""
    sets: dict[str, list[str]] = {"train": [], "test": []}
    for line in _SPLIT.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            image_set, number = line.split()
            sets[image_set].append(f"{number}.jpg")
    return sets


def _find(folder: Path, names: Iterable[str]) -> Path:
    names = list(names)
    for name in names:
        if (folder / name).exists():
            return folder / name
    what = "there is no such folder" if not folder.is_dir() else f"lacks {names[-1]}"
    raise file_error(folder, f"{what} (stanford_cars)", "cars_train/ and devkit/ in it")


# --- reading -------------------------------------------------------------------------


_UNREADABLE = (
    *(MatReadError, KeyError, ValueError, TypeError, IndexError, OSError),
    *(
        zlib.error,
        UnboundLocalError,
        NotImplementedError,
    ),  # SciPy's, for a changed byte
)


def read_devkit(path: Path) -> list[Car]:
    """Read ``cars_train_annos.mat``.

    Raises:
        InputError: it is missing or holds something else.
    """
    try:
        table = loadmat(path, variable_names=["annotations"], squeeze_me=True)
        return [_car(entry) for entry in np.atleast_1d(table["annotations"])]
    except _UNREADABLE as e:
        reason = " ".join(str(e).split())
        expected = "annotations with bbox_x1, bbox_y1, bbox_x2, bbox_y2, class, fname"
        raise file_error(path, f"cannot be read: {reason}", expected) from e


def _car(entry: np.void) -> Car:
    sides = (int(entry[f"bbox_{side}"]) for side in ("x1", "y1", "x2", "y2"))
    return Car(str(entry["fname"]), int(entry["class"]), Box(*sides))


def read_rows(path: Path) -> list[Row]:
    """Read the visible handles of training images.

    Raises:
        InputError: the file is missing, or a line is not as in the data set.
    """
    lines = text_of(path).splitlines()
    rows = (_row(path, number, line) for number, line in enumerate(lines, 1))
    return [row for row in rows if row is not None]


def _row(path: Path, number: int, line: str) -> Row | None:
    """Parse a line; None where it is blank, invisible or not of a training image."""
    if not line.strip():
        return None
    try:
        *place, _, size, train, _, visible, label, edges = line.strip().split("|")
        if not int(train) or not int(visible):
            return None
        sides = sorted(int(side) for side in size.split(",")[:2])
        box = Box(*(int(float(edge)) for edge in edges.split(",")))
        x, y = map(float, place)
        if not (math.isfinite(x) and math.isfinite(y)):
            raise ValueError
        return Row(x, y, (sides[0], sides[1]), int(label), box)
    except (ValueError, TypeError, IndexError):
        raise file_error(path, f"line {number}: {line[:80]!r}", _ROW) from None


# --- joining -------------------------------------------------------------------------


def match(rows: Iterable[Row], cars: Iterable[Car], images: Path) -> dict[str, Row]:
    """Find each handle's car by class and box.

    Args:
        rows: the handles.
        cars: of the devkit.
        images: folder of the images; they are looked at where several cars fit.

    Returns:
        The handles by the name of the image; those without a car are left out.
    """
    fitting: dict[tuple[int, Box], list[Car]] = defaultdict(list)
    for car in cars:
        fitting[car.label, car.box].append(car)
    found: dict[str, Row] = {}
    for row in rows:
        candidates = fitting.get((row.label, row.box), [])
        if len(candidates) > 1:
            candidates = _of_size(candidates, row.sides, images)
        free = [car for car in candidates if car.file not in found]
        if free:
            found[free[0].file] = row
    return found


def _of_size(cars: list[Car], sides: tuple[int, int], images: Path) -> list[Car]:
    """Return the cars whose image has the sides; all of them if none has."""
    fitting = [
        car for car in cars if sorted(read_size(images / car.file)) == list(sides)
    ]
    return fitting or cars


def _check_all_there(
    path: Path, sets: dict[str, list[str]], found: dict[str, Row]
) -> None:
    wanted = [name for names in sets.values() for name in names]
    missing = [name for name in wanted if name not in found]
    if missing:
        what = f"no visible handle for {len(missing)} of {len(wanted)} cars, the first"
        expected = "a row with its class and box for each car of the set"
        raise file_error(path, f"{what} cars_train/{missing[0]}", expected)


# --- writing -------------------------------------------------------------------------


def write_set(
    folder: Path, images: Path, sets: dict[str, list[str]], found: dict[str, Row]
) -> int:
    """Write crops and annotations.

    Args:
        folder: where to.
        images: folder of Stanford's images.
        sets: names of the images to train and to test on.
        found: the handle of each.

    Returns:
        how many handles lay outside of their box.

    Raises:
        InputError: an image is missing, broken or smaller than the box.
        OSError: a file cannot be written.
    """
    (folder / "car_ims").mkdir()
    lines, outside = [], 0
    for image_set, name in _in_order(sets):
        row = found[name]
        crop, box = cut(read_image(images / name), row.box, images / name)
        crop.save(folder / "car_ims" / name, quality=JPEG_QUALITY)
        x, y = moved((row.x, row.y), box, crop.size)
        outside += not (box.xmin <= row.x <= box.xmax and box.ymin <= row.y <= box.ymax)
        lines.append(_line(x, y, name, crop.size, image_set, row.label))
    (folder / "annotations.txt").write_text("".join(lines))
    return outside


def _in_order(sets: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    for image_set, names in sets.items():
        for name in names:
            yield image_set, name


def cut(pixels: np.ndarray, box: Box, path: Path) -> tuple[Image.Image, Box]:
    """Cut an image to a box and reduce it.

    Args:
        pixels: uint8 (height, width, 3).
        box: what to keep; what of it is outside of the image is given up.
        path: of the image, for the error.

    Returns:
        The crop, and the part of the box that is in the image.

    Raises:
        InputError: nothing of the box is in the image.
    """
    height, width, _ = pixels.shape
    left, top = max(box.xmin, 1), max(box.ymin, 1)
    box = Box(left, top, min(box.xmax, width), min(box.ymax, height))
    if box.xmin > box.xmax or box.ymin > box.ymax:
        raise file_error(path, f"the image is {width}×{height}", "its car's box inside")
    kept = pixels[box.ymin - 1 : box.ymax, box.xmin - 1 : box.xmax]
    crop = Image.fromarray(np.ascontiguousarray(kept))
    size = reduced(crop.size)
    if size != crop.size:
        crop = crop.resize(size, Image.Resampling.LANCZOS)
    return crop, box


def reduced(size: tuple[int, int]) -> tuple[int, int]:
    """Return (width, height) with the longest side at most 288 pixels."""
    scale = min(1.0, LONGEST_SIDE / max(size))
    width, height = (max(1, _rounded(side * scale)) for side in size)
    return width, height


def moved(
    point: tuple[float, float], box: Box, size: tuple[int, int]
) -> tuple[int, int]:
    """Return where a point of the image is in the crop.

    Args:
        point: x and y in the image, in pixels, counted from 1.
        box: what the crop shows of the image.
        size: width and height of the crop.

    Returns:
        x and y in the crop, in whole pixels, counted from 1.
    """
    places = []
    for place, low, high, side in zip(point, box[:2], box[2:], size, strict=True):
        scaled = (place - low + 0.5) * side / (high - low + 1) + 0.5
        places.append(min(max(_rounded(scaled), 1), side))
    return places[0], places[1]


def _rounded(value: float) -> int:
    return math.floor(value + 0.5)


def _line(
    x: int, y: int, name: str, size: tuple[int, int], image_set: str, label: int
) -> str:
    width, height = size
    train = int(image_set == "train")
    fields = (x, y, f"car_ims/{name}", f"{width},{height},3", train, 1 - train, 1)
    return "|".join(map(str, (*fields, label, f"1,1,{width},{height}"))) + "\n"


if __name__ == "__main__":
    command_line.run(main, Settings)
