"""Caltech-101's aeroplanes in the layout of PASCAL VOC, with motorbikes for contrast.

Everything follows from Caltech's own archive:

- Picture ``NNNNNN`` up to 000800 is ``airplanes/image_NNNN.jpg``, picture 1000 + n is
  ``Motorbikes/image_n.jpg``, unchanged.
- Boxes are those of Caltech's annotations, ``box_coord`` = top, bottom, left, right in
  whole pixels, taken over as they are.
- Numbers that are divisible by 5 are left out, and 118; why, is not recorded.
- Of the aeroplanes a permutation with seed 7 puts the first 520 into ``trainval``, the
  other 119 into ``test``; of the 20 motorbikes the first ten and the last ten.
"""

import re
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from common.errors import file_error
from common.images import read_size
from datasets.archives import open_archive, write_file
from datasets.voc_layout import Box, annotation_xml, write_lists

IMAGES = "caltech-101/101_ObjectCategories.tar.gz"
BOXES = "caltech-101/Annotations.tar"
"""The two archives inside of Caltech's zip."""


class Category(NamedTuple):
    """A category of Caltech-101 that goes into the set.

    Attributes:
        images: folder of its images.
        boxes: folder of its annotations.
        label: VOC's name of the class.
        offset: what is added to Caltech's numbers.
        numbers: of the pictures that are taken.
    """

    images: str
    boxes: str
    label: str
    offset: int
    numbers: tuple[int, ...]


_LEFT_OUT = 118
_TRAINVAL, _SEED = 520, 7


def _taken(count: int) -> tuple[int, ...]:
    """Return the numbers from 1 to ``count`` whose pictures are taken."""
    numbers = range(1, count + 1)
    return tuple(number for number in numbers if number % 5 and number != _LEFT_OUT)


AEROPLANES = Category("airplanes", "Airplanes_Side_2", "aeroplane", 0, _taken(800))
MOTORBIKES = Category("Motorbikes", "Motorbikes_16", "motorbike", 1000, _taken(24))
CATEGORIES = AEROPLANES, MOTORBIKES


def split() -> dict[str, dict[str, int]]:
    """Return for each set the names of its images, in order, with their labels."""
    # RandomState, not default_rng: NumPy promises that its streams never change.
    shuffled = np.random.RandomState(_SEED).permutation(AEROPLANES.numbers)
    planes = {"trainval": shuffled[:_TRAINVAL], "test": shuffled[_TRAINVAL:]}
    others = [MOTORBIKES.offset + number for number in MOTORBIKES.numbers]
    half = len(others) // 2
    negatives = {"trainval": others[:half], "test": others[half:]}
    return {
        image_set: {_name(number): 1 for number in sorted(planes[image_set])}
        | {_name(number): -1 for number in negatives[image_set]}
        for image_set in planes
    }


def _name(number: int) -> str:
    return f"{number:06d}"


def unpack_aeroplanes(archives: Sequence[Path], folder: Path) -> None:
    """Make the set from Caltech's archive.

    Args:
        archives: ``caltech-101.zip`` alone.
        folder: where to.

    Raises:
        InputError: the archive is damaged or unsafe, or lacks a picture or a box.
        OSError: a file cannot be written.
    """
    (archive,) = archives
    _unpack_images(archive, folder)
    boxes = _read_boxes(archive)
    (folder / "Annotations").mkdir()
    for category in CATEGORIES:
        for number in category.numbers:
            _annotate(archive, folder, category, number, boxes)
    write_lists(folder, AEROPLANES.label, split())


def _unpack_images(archive: Path, folder: Path) -> None:
    wanted = {category.images: category for category in CATEGORIES}
    with open_archive(archive, IMAGES) as files:
        for name, file in files:
            found = re.fullmatch(r"101_ObjectCategories/(\w+)/image_(\d{4})\.jpg", name)
            category = wanted.get(found[1]) if found else None
            if found and category and int(found[2]) in category.numbers:
                image = _name(category.offset + int(found[2]))
                write_file(file, folder / "JPEGImages" / f"{image}.jpg")


def _read_boxes(archive: Path) -> dict[str, Box]:
    """Return the boxes of both categories, by the image's name in the set."""
    wanted = {category.boxes: category for category in CATEGORIES}
    boxes = {}
    with open_archive(archive, BOXES) as files:
        for name, file in files:
            found = re.fullmatch(r"Annotations/(\w+)/annotation_(\d{4})\.mat", name)
            category = wanted.get(found[1]) if found else None
            if found and category and int(found[2]) in category.numbers:
                image = _name(category.offset + int(found[2]))
                boxes[image] = _read_box(archive, name, file.read())
    return boxes


def _read_box(archive: Path, name: str, data: bytes) -> Box:
    try:
        found = loadmat(BytesIO(data), variable_names=["box_coord"])["box_coord"]
        top, bottom, left, right = (int(round(side)) for side in np.ravel(found))
    except (MatReadError, KeyError, ValueError, TypeError, OSError) as error:
        reason = " ".join(str(error).split())
        what = f"{name} in {Path(BOXES).name} cannot be read: {reason}"
        raise file_error(archive, what, "box_coord of four numbers") from error
    return Box(left, top, right, bottom)


def _annotate(
    archive: Path,
    folder: Path,
    category: Category,
    number: int,
    boxes: dict[str, Box],
) -> None:
    name = _name(category.offset + number)
    image = folder / "JPEGImages" / f"{name}.jpg"
    if not image.exists():
        raise file_error(archive, f"lacks {category.images}/image_{number:04d}.jpg")
    if name not in boxes:
        raise file_error(archive, f"lacks {category.boxes}/annotation_{number:04d}.mat")
    text = annotation_xml(
        name, read_size(image), category.label, boxes[name], "Caltech-101"
    )
    (folder / "Annotations" / f"{name}.xml").write_text(text)
