"""Reading a data set to look at it: nothing stops at what is bad, all is listed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import InputError
from datasets.voc import VocImage, VocSet, class_name
from figures.scenes import Scene

PARTS = ("trainval", "test")
"""Parts of a set that trainings and tests take by default."""


@dataclass
class Boxes:
    """A set of boxes, read.

    Attributes:
        notes: what was found and how it was read, a line each.
        problems: what is wrong, a line each.
        scenes: images with the boxes of the class, by the part of the set.
        images: those to train on, to be decoded anew at each pass.
    """

    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    scenes: dict[str, list[Scene]] = field(default_factory=dict)
    images: "Passes | None" = None


@dataclass(frozen=True)
class Passes:
    """Images that are gone through as often as it takes, bad ones left out."""

    images: VocSet

    def __iter__(self) -> Iterator[VocImage]:
        while True:
            count = 0
            for image in self.images:
                count += 1
                yield image
            if not count:
                return


def read_boxes(path: Path, class_object: int | str) -> Boxes:
    """Read what a training and a test would read, without stopping at what is bad.

    Raises:
        InputError: there is no set, or no image of it holds the class.
    """
    found, name, refusals = Boxes(), class_name(class_object), []
    for part in PARTS:
        try:
            images = VocSet.open(path, part, name, skip_bad=1)
        except InputError as error:
            refusals.append(error)
            continue
        found.scenes[part] = list(_scenes(images, name, found.problems))
        found.problems += images.skipped
        found.notes.append(f"{path}: {part} of {len(images)} images with class {name}")
        if found.images is None:
            found.images = Passes(images)
    if not found.scenes:
        raise refusals[0]
    found.problems = list(dict.fromkeys(found.problems))
    return found


def _scenes(images: VocSet, name: str, problems: list[str]) -> Iterator[Scene]:
    for index in range(len(images)):
        try:
            image = images[index]
        except InputError as error:
            problems.append(str(error))
            continue
        boxes = tuple(o.box for o in image.objects if class_name(o.class_id) == name)
        if boxes:
            yield Scene(image.pixels.shape[:2], boxes)
