"""Drawn aeroplanes in the layout of PASCAL VOC, for where VOC is not at hand.

    python -m datasets.drawn.planes                       # draws drawn/planes
    python -m datasets.drawn.planes --test 200 --seed 7 --folder more_planes

Like aeroplanes in VOC they come in all sizes, places and poses, alone or in pairs, at
airports and over land, water and clouds, some cut by the picture's edge; one picture
in twelve has none. A box is the tight one of the pixels that show the aeroplane.
"""

import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from defusedxml.ElementTree import parse
from PIL import Image, ImageDraw

from common.command_line import run
from common.errors import InputError
from common.files import REPOSITORY, replacing, write_json, write_text
from datasets.drawn.complete import ensure_set, has_record
from datasets.drawn.painting import photograph
from datasets.drawn.scenes import plan_scene

DRAWN_PLANES = REPOSITORY / "drawn" / "planes"
"""Where the set lies unless somebody wants it elsewhere."""

TRAINVAL, TEST = 528, 48
"""How many pictures to train and to test on: enough for five minutes on two cores."""

VERSION = 2
"""Goes up when the same seed gives other pictures than before."""

SMALLEST_SIDE = 12
"""Birds, boats, cars and buses are annotated from this many pixels upwards."""

_RECORD = "planes.json"
_OVERVIEW = "overview.png"
_FIRST_NUMBER = {"trainval": 1, "test": 500_001}
_OWN_ENTRIES = {"JPEGImages", "Annotations", "ImageSets", _RECORD, _OVERVIEW}


@dataclass(frozen=True)
class Annotated:
    """One object of an annotation.

    Attributes:
        name: its class in PASCAL VOC.
        pose: Left, Right, Frontal, Rear or Unspecified.
        truncated: whether it reaches the picture's edge.
        box: (ymin, xmin, ymax, xmax) counted from 0; the last row and column belong
            to it.
    """

    name: str
    pose: str
    truncated: bool
    box: tuple[int, int, int, int]


def draw_picture(
    split: str, index: int, seed: int
) -> tuple[np.ndarray, list[Annotated]]:
    """Draw one picture of the set; it depends on nothing but the arguments.

    Args:
        split: ``trainval`` or ``test``.
        index: number of the picture in its split, from 0.
        seed: of the whole set.

    Returns:
        uint8 (rows, columns, 3) RGB, and what is to be seen, aeroplanes first.
    """
    rng = np.random.default_rng([seed, _FIRST_NUMBER[split], index])
    scene = plan_scene(rng, with_plane=has_plane(index))
    pixels, picture = photograph(scene)
    objects = []
    for thing in picture.things:
        box = thing.visible_box()
        if box is not None and _worth_naming(thing.name, box):
            cut = _reaches_edge(box, pixels.shape)
            objects.append(Annotated(thing.name, thing.pose, cut, box))
    return pixels, sorted(objects, key=lambda thing: thing.name != "aeroplane")


def has_plane(index: int) -> bool:
    """Return whether the picture of this number, from 0, shows an aeroplane.

    One in twelve does not, in ``train`` as in ``val``.
    """
    return index % 24 not in (6, 17)


def _worth_naming(name: str, box: tuple[int, int, int, int]) -> bool:
    sides = box[2] - box[0] + 1, box[3] - box[1] + 1
    return name == "aeroplane" or min(sides) >= SMALLEST_SIDE


def _reaches_edge(box: tuple[int, int, int, int], shape: tuple[int, ...]) -> bool:
    return min(box[:2]) == 0 or box[2] == shape[0] - 1 or box[3] == shape[1] - 1


def draw_planes(
    folder: Path, trainval: int = TRAINVAL, test: int = TEST, seed: int = 0
) -> None:
    """Write a set of drawn aeroplanes; ``planes.json``, its record, comes last.

    Args:
        folder: the set's root, as VOC2007 is; made if it is not there.
        trainval: pictures to train on; every other one is in ``train``, the rest in
            ``val``.
        test: pictures to test on.
        seed: the same seed gives the same pictures, however many there are.

    Raises:
        InputError: a number of pictures is negative.
    """
    record = _record(trainval, test, seed)
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / _RECORD).unlink(missing_ok=True)
    for split in ("trainval", "test"):
        labels = {}
        for index in range(record[split]):
            name = _name(split, index)
            pixels, objects = draw_picture(split, index, seed)
            image = Image.fromarray(pixels)
            image.save(folder / "JPEGImages" / f"{name}.jpg", quality=90)
            text = annotation(f"{name}.jpg", pixels.shape, objects)
            (folder / "Annotations" / f"{name}.xml").write_text(text, "utf-8")
            labels[name] = any(thing.name == "aeroplane" for thing in objects)
        _write_lists(folder / "ImageSets" / "Main", split, labels)
    write_json(folder / _RECORD, record)


def _record(trainval: int, test: int, seed: int) -> dict[str, str | int]:
    """Return what tells one set from another, after a look at the numbers."""
    for name, number in (("trainval", trainval), ("test", test), ("seed", seed)):
        if not 0 <= number < _FIRST_NUMBER["test"]:
            raise InputError(f"{name}: {number}; expected 0 to 500000")
    numbers = {"seed": seed, "trainval": trainval, "test": test}
    return {"set": "planes", "version": VERSION} | numbers


def _name(split: str, index: int) -> str:
    return f"{_FIRST_NUMBER[split] + index:06d}"


def annotation(filename: str, shape: tuple[int, ...], objects: list[Annotated]) -> str:
    """Return the XML that goes with a picture, with all fields that VOC has.

    Args:
        filename: of the picture.
        shape: (rows, columns, channels) of the picture.
        objects: what is in it; corners are written counted from 1.
    """
    root = ElementTree.Element("annotation")
    _fields(root, folder="planes", filename=filename)
    source = ElementTree.SubElement(root, "source")
    _fields(source, database="Drawn planes", annotation="drawn", image="drawn")
    size = ElementTree.SubElement(root, "size")
    _fields(size, width=shape[1], height=shape[0], depth=shape[2])
    _fields(root, segmented=0)
    for thing in objects:
        entry = ElementTree.SubElement(root, "object")
        _fields(entry, name=thing.name, pose=thing.pose)
        _fields(entry, truncated=int(thing.truncated), difficult=0)
        ymin, xmin, ymax, xmax = (edge + 1 for edge in thing.box)
        corners = ElementTree.SubElement(entry, "bndbox")
        _fields(corners, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)
    ElementTree.indent(root, "\t")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _fields(parent: ElementTree.Element, **values: str | int) -> None:
    for name, value in values.items():
        ElementTree.SubElement(parent, name).text = str(value)


def _write_lists(folder: Path, split: str, labels: dict[str, bool]) -> None:
    """Write the lists of a split's pictures, plain and with labels 1 and -1."""
    names = list(labels)
    lists = {split: names}
    if split == "trainval":
        lists |= {"train": names[::2], "val": names[1::2]}
    for title, members in lists.items():
        write_text(folder / f"{title}.txt", "".join(f"{n}\n" for n in members))
        lines = (f"{n} {1 if labels[n] else -1:2d}\n" for n in members)
        write_text(folder / f"aeroplane_{title}.txt", "".join(lines))


# --- a complete set or none ----------------------------------------------------------


def ensure_planes(
    folder: Path = DRAWN_PLANES,
    trainval: int = TRAINVAL,
    test: int = TEST,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> Path:
    """Draw the set unless it is there already, complete and with these numbers.

    It is drawn into a temporary folder beside its place and moved there when it is
    complete, so that an interrupted drawing is never taken for a set.

    Args:
        folder: the set's root, as VOC2007 is.
        trainval: pictures to train on.
        test: pictures to test on.
        seed: of the set.
        report: told before drawing begins.

    Returns:
        the folder.

    Raises:
        InputError: a number is negative, or the folder holds something else.
    """
    folder = Path(folder)
    record = _record(trainval, test, seed)

    def draw(partial: Path) -> None:
        report(f"drawing {trainval + test} pictures of aeroplanes into {folder}")
        draw_planes(partial, trainval, test, seed)

    def is_complete(place: Path) -> bool:
        return _holds(place, record)

    ensure_set(folder, draw, is_complete, _OWN_ENTRIES, "a set of drawn planes")
    return folder


def _holds(folder: Path, record: dict[str, str | int]) -> bool:
    """Return whether a folder holds the set that a record describes, all of it."""
    if not has_record(folder / _RECORD, record):
        return False
    names = [_name(s, i) for s in ("trainval", "test") for i in range(record[s])]
    pictures = {path.stem for path in (folder / "JPEGImages").glob("*.jpg")}
    annotations = {path.stem for path in (folder / "Annotations").glob("*.xml")}
    return pictures.issuperset(names) and annotations.issuperset(names)


# --- a look at it --------------------------------------------------------------------


def overview(folder: Path, columns: int = 6, rows: int = 5) -> Image.Image:
    """Return a sheet of the set's first pictures with their boxes.

    Aeroplanes are boxed in red, everything else that has a name in yellow.

    Args:
        folder: the set's root.
        columns: pictures side by side.
        rows: pictures one above the other.
    """
    width, height, gap = 250, 188, 6
    size = (columns * (width + gap) + gap, rows * (height + gap) + gap)
    sheet = Image.new("RGB", size, "#f4f1ea")
    names = sorted(path.stem for path in (folder / "JPEGImages").glob("*.jpg"))
    for place, name in enumerate(names[: columns * rows]):
        small = _with_boxes(folder, name)
        small.thumbnail((width, height), Image.Resampling.LANCZOS)
        row, column = divmod(place, columns)
        left = gap + column * (width + gap) + (width - small.width) // 2
        top = gap + row * (height + gap) + (height - small.height) // 2
        sheet.paste(small, (left, top))
    return sheet


def _with_boxes(folder: Path, name: str) -> Image.Image:
    with Image.open(folder / "JPEGImages" / f"{name}.jpg") as image:
        picture = image.convert("RGB")
    draw = ImageDraw.Draw(picture)
    for entry in parse(folder / "Annotations" / f"{name}.xml").iter("object"):
        edges = ("xmin", "ymin", "xmax", "ymax")
        box = [int(entry.findtext(f"bndbox/{edge}")) - 1 for edge in edges]
        tint = "#e4312b" if entry.findtext("name") == "aeroplane" else "#f6c945"
        draw.rectangle(box, outline=tint, width=3)
    return picture


@dataclass(frozen=True)
class PlanesSettings:
    """Draw a set of aeroplanes in the layout of PASCAL VOC, with an overview of it."""

    folder: Path = DRAWN_PLANES
    """The set's root; what is there already and matches is kept."""
    trainval: int = TRAINVAL
    """Pictures to train on."""
    test: int = TEST
    """Pictures to test on."""
    seed: int = 0
    """The same seed gives the same pictures, however many there are."""


def main(settings: PlanesSettings) -> None:
    """Draw the set and its overview, and say what there is."""
    start = time.perf_counter()
    folder = ensure_planes(
        settings.folder, settings.trainval, settings.test, settings.seed
    )
    with replacing(folder / _OVERVIEW) as partial:
        overview(folder).save(partial)
    print(
        f"{settings.trainval} pictures to train on and {settings.test} to test on"
        f" in {folder}, after {time.perf_counter() - start:.1f} s;"
        f" {folder / _OVERVIEW} shows some"
    )


if __name__ == "__main__":
    run(main, PlanesSettings)
