"""Drawn cars in the Car Door Handle format, for where the data set is not at hand.

    python -m datasets.drawn.cars                         # draws drawn/cars
    python -m datasets.drawn.cars --train 2000 --seed 7 --folder more_cars

Saloons, hatchbacks, estates, vans, pickups and coupés of all colours stand in streets,
car parks, the country and studios, turned to the left or the right, seen from before
or behind, in all lights. The point to find is the handle of the front door on the side
that is seen. It is 1 to 3 % as long as the picture is wide.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from common.command_line import run
from common.errors import InputError
from common.files import REPOSITORY, replacing, write_json, write_text
from datasets.drawn.complete import ensure_set, has_record
from datasets.drawn.motorcars import SHAPES
from datasets.drawn.streets import photograph_car, plan_street

DRAWN_CARS = REPOSITORY / "drawn" / "cars"
"""Where the set lies unless somebody wants it elsewhere."""

TRAIN, TEST = 600, 150
"""How many pictures to train and to test on."""

VERSION = 1
"""Goes up when the same seed gives other pictures than before."""

_RECORD, _OVERVIEW = "cars.json", "overview.png"
_ANNOTATIONS, _IMAGES = "annotations.txt", "car_ims"
_OWN_ENTRIES = {_ANNOTATIONS, _IMAGES, _RECORD, _OVERVIEW}
_FIRST_NUMBER = {"train": 1, "test": 500_001}


@dataclass(frozen=True)
class Annotated:
    """What is to be known about a picture.

    Attributes:
        kind: of the car, one of :data:`datasets.drawn.motorcars.SHAPES`.
        handle: (row, column) of the pixel that the handle's middle is in, from 0.
        box: (ymin, xmin, ymax, xmax) of the car, counted from 0; the last row and
            column belong to it.
    """

    kind: str
    handle: tuple[int, int]
    box: tuple[int, int, int, int]


def draw_picture(split: str, index: int, seed: int) -> tuple[np.ndarray, Annotated]:
    """Draw one picture of the set; it depends on nothing but the arguments.

    Args:
        split: ``train`` or ``test``.
        index: number of the picture in its split, from 0.
        seed: of the whole set.

    Returns:
        uint8 (rows, columns, 3) RGB, and what is to be known about it.
    """
    rng = np.random.default_rng([seed, _FIRST_NUMBER[split], index])
    scene = plan_street(rng)
    pixels, box = photograph_car(scene)
    row, column = (int(value) for value in scene.handle)
    return pixels, Annotated(scene.car.kind, (row, column), box)


def annotation(name: str, shape: tuple[int, ...], split: str, what: Annotated) -> str:
    """Return a picture's line in the Car Door Handle format.

    Args:
        name: of the image, with its folder.
        shape: (rows, columns, channels) of the image.
        split: ``train`` or ``test``.
        what: the annotation; pixels are written counted from 1.
    """
    row, column = what.handle
    ymin, xmin, ymax, xmax = what.box
    fields = (
        column + 1,
        row + 1,
        name,
        f"{shape[1]},{shape[0]},{shape[2]}",
        int(split == "train"),
        int(split == "test"),
        1,
        list(SHAPES).index(what.kind) + 1,
        f"{xmin + 1},{ymin + 1},{xmax + 1},{ymax + 1}",
    )
    return "|".join(map(str, fields))


def draw_cars(folder: Path, train: int = TRAIN, test: int = TEST, seed: int = 0):
    """Write a set of drawn cars; ``cars.json``, its record, comes last.

    Args:
        folder: the set's root; made if it is not there.
        train: pictures to train on.
        test: pictures to test on.
        seed: the same seed gives the same pictures, however many there are.

    Raises:
        InputError: a number of pictures is negative.
    """
    record = _record(train, test, seed)
    (folder / _IMAGES).mkdir(parents=True, exist_ok=True)
    (folder / _RECORD).unlink(missing_ok=True)
    lines = []
    for split, name in _names(record):
        index = int(Path(name).stem) - _FIRST_NUMBER[split]
        pixels, what = draw_picture(split, index, seed)
        Image.fromarray(pixels).save(folder / name, quality=92)
        lines.append(annotation(name, pixels.shape, split, what))
    write_text(folder / _ANNOTATIONS, "".join(f"{line}\n" for line in lines))
    write_json(folder / _RECORD, record)


def _record(train: int, test: int, seed: int) -> dict[str, str | int]:
    """Return what tells one set from another, after a look at the numbers."""
    numbers = {"seed": seed, "train": train, "test": test}
    for name, number in numbers.items():
        if not 0 <= number < _FIRST_NUMBER["test"]:
            raise InputError(f"{name}: {number}; expected 0 to 500000")
    return {"set": "cars", "version": VERSION} | numbers


def _names(record: dict[str, str | int]) -> list[tuple[str, str]]:
    """Return split and image name of all pictures of a set."""
    return [
        (split, f"{_IMAGES}/{_FIRST_NUMBER[split] + index:06d}.jpg")
        for split in ("train", "test")
        for index in range(record[split])
    ]


def ensure_cars(
    folder: Path = DRAWN_CARS,
    train: int = TRAIN,
    test: int = TEST,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> Path:
    """Draw the set unless it is there already, complete and with these numbers.

    Args:
        folder: the set's root.
        train: pictures to train on.
        test: pictures to test on.
        seed: of the set.
        report: told before drawing begins.

    Returns:
        the folder.

    Raises:
        InputError: a number is negative, or the folder holds something else.
    """
    folder = Path(folder)
    record = _record(train, test, seed)

    def draw(partial: Path) -> None:
        report(f"drawing {train + test} pictures of cars into {folder}")
        draw_cars(partial, train, test, seed)

    def is_complete(place: Path) -> bool:
        if not has_record(place / _RECORD, record):
            return False
        images = {f"{_IMAGES}/{path.name}" for path in (place / _IMAGES).glob("*.jpg")}
        names = {name for _, name in _names(record)}
        return names <= images and (place / _ANNOTATIONS).is_file()

    ensure_set(folder, draw, is_complete, _OWN_ENTRIES, "a set of drawn cars")
    return folder


# --- a look at it --------------------------------------------------------------------


def overview(folder: Path, columns: int = 6, rows: int = 5) -> Image.Image:
    """Return a sheet of the set's first pictures, boxes and handles marked.

    Args:
        folder: the set's root.
        columns: pictures side by side.
        rows: pictures one above the other.
    """
    width, height, gap = 250, 188, 6
    size = (columns * (width + gap) + gap, rows * (height + gap) + gap)
    sheet = Image.new("RGB", size, "#f4f1ea")
    lines = (folder / _ANNOTATIONS).read_text("utf-8").splitlines()
    for place, line in enumerate(lines[: columns * rows]):
        small = _marked(folder, line)
        small.thumbnail((width, height), Image.Resampling.LANCZOS)
        row, column = divmod(place, columns)
        left = gap + column * (width + gap) + (width - small.width) // 2
        top = gap + row * (height + gap) + (height - small.height) // 2
        sheet.paste(small, (left, top))
    return sheet


def _marked(folder: Path, line: str) -> Image.Image:
    x, y, name, *_, box = line.split("|")
    with Image.open(folder / name) as image:
        picture = image.convert("RGB")
    draw = ImageDraw.Draw(picture)
    draw.rectangle([int(edge) - 1 for edge in box.split(",")], outline="#f6c945")
    draw.circle((int(x) - 1, int(y) - 1), 9, outline="#35d04f", width=2)
    return picture


@dataclass(frozen=True)
class CarsSettings:
    """Draw a set of cars in the Car Door Handle format, with an overview of it."""

    folder: Path = DRAWN_CARS
    """The set's root; what is there already and matches is kept."""
    train: int = TRAIN
    """Pictures to train on."""
    test: int = TEST
    """Pictures to test on."""
    seed: int = 0
    """The same seed gives the same pictures, however many there are."""


def main(settings: CarsSettings) -> None:
    """Draw the set and its overview, and say what there is."""
    start = time.perf_counter()
    folder = ensure_cars(settings.folder, settings.train, settings.test, settings.seed)
    with replacing(folder / _OVERVIEW) as partial:
        overview(folder).save(partial)
    print(
        f"{settings.train} pictures to train on and {settings.test} to test on"
        f" in {folder}, after {time.perf_counter() - start:.1f} s;"
        f" {folder / _OVERVIEW} shows some"
    )


if __name__ == "__main__":
    run(main, CarsSettings)
