"""Reading a data set to look at it: nothing stops at what is bad, all is listed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from check.pictures import same_pictures
from common.errors import InputError, counted
from common.progress import console, track
from datasets.classes import ClassObject
from datasets.layouts import Layout, Survey, describe, find_layout, survey
from datasets.splits import ALL, TEST, TRAINVAL, choose, draw_held_out
from datasets.voc import VocImage, VocSet, class_name, images_of
from figures.scenes import Scene
from hierarchy.data import only_class

MOST_DECODED = 2000
"""Pictures that are decoded to find broken ones; some seconds."""


@dataclass
class Boxes:
    """A set of boxes, read.

    Attributes:
        class_object: the class that there is to search for.
        notes: what was found and how it was read, a line each.
        problems: what is wrong, a line each.
        scenes: images with the boxes of the class, by the part of the set.
        images: those of each part.
        shared: names of pictures that are both to train and to test on.
    """

    class_object: ClassObject
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    scenes: dict[str, list[Scene]] = field(default_factory=dict)
    images: dict[str, VocSet] = field(default_factory=dict)
    shared: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Passes:
    """Images that are gone through again and again, bad ones left out."""

    images: VocSet

    def __iter__(self) -> Iterator[VocImage]:
        while True:
            count = 0
            for image in self.images:
                count += 1
                yield image
            if not count:
                return


def read_boxes(path: Path, class_object: ClassObject) -> Boxes:
    """Read what a training and a test would read, without stopping at what is bad.

    Raises:
        InputError: there is no set, or no image of it holds the class.
    """
    layout = find_layout(path)
    listed = images_of(layout, ALL, class_object)
    found = survey(layout, [one.name for one in listed])
    class_object = only_class(found, class_object)
    read = Boxes(class_object)
    read.notes.append(describe(layout, len(listed), "", found))
    read.notes += layout.notes
    read.problems += found.lines(one.name for one in listed)
    refusals = []
    for part in (TRAINVAL, TEST):
        try:
            read.images[part] = _open(layout, part, found, read)
        except InputError as error:
            refusals.append(error)
            continue
    if not read.images:
        raise refusals[0]
    # What stands below the first line is among the problems already.
    read.notes += [str(error).partition("\n")[0] for error in refusals]
    for part, images in read.images.items():
        _decode(images)
        read.scenes[part] = list(_scenes(images, read.problems))
        read.notes += images.notes
        read.problems += images.skipped
    read.shared = _shared(layout, read.images)
    read.notes = list(dict.fromkeys(read.notes))
    read.problems = list(dict.fromkeys(read.problems))
    return read


def _open(layout: Layout, part: str, found: Survey, read: Boxes) -> VocSet:
    """Open a part of a set as a training or a test does, and look at all of it."""
    splits = layout.splits(class_name(read.class_object))
    choice = choose(part, splits, layout.folder)
    held_out = None
    if choice.is_pool:
        names = [one.name for one in images_of(layout, part, read.class_object)]
        held_out = draw_held_out(names, seed=0)
        count = f"{len(held_out)} of {counted(len(names), 'image')}"
        read.notes.append(f"there are no splits: {count} would be left to the test")
    images = VocSet.open(
        layout,
        part,
        read.class_object,
        skip_bad=1,
        held_out=held_out,
        known=found,
    )
    images.check()
    return images


def _scenes(images: VocSet, problems: list[str]) -> Iterator[Scene]:
    name = class_name(images.class_object)
    for index in sorted({*range(len(images))} - images.bad):
        try:
            annotation = images.annotation(index)
        except InputError as error:
            problems.append(str(error))
            continue
        boxes = tuple(o.box for o in annotation.objects if o.class_name == name)
        if boxes and annotation.size:
            yield Scene(annotation.size, boxes)


def _shared(layout: Layout, images: Mapping[str, VocSet]) -> list[str]:
    """Return the names of pictures that lie in several parts of a set."""
    named = [
        (part, name, layout.picture(name))
        for part, some in images.items()
        for name in some.names
        if layout.has_picture(name)
    ]
    groups = same_pictures(path for *_, path in named)
    return [
        named[group[0]][1]
        for group in groups
        if len({named[place][0] for place in group}) > 1
    ]


def _decode(images: VocSet) -> None:
    """Decode pictures, so that the set knows which are broken.

    Of very many some are tried, spread over the set; it is said how many.
    """
    step = -(-len(images) // MOST_DECODED) or 1
    tried = range(0, len(images), step)
    if step > 1:
        console.print(f"decoding {len(tried)} of {len(images)} pictures")
    images.decode(track(tried, "decoding", len(tried)))
