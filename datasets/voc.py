"""Sets of annotated images, read one at a time.

:func:`datasets.layouts.find_layout` finds out how a set's files are to be read,
:func:`datasets.splits.choose` which of its images serve; what is left is to open them.
"""

import operator
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from common.errors import (
    SKIP_HINT,
    InputError,
    counted,
    file_error,
    printable,
    several_errors,
    with_lines,
)
from common.images import find_images, read_image, read_size, too_small
from datasets.classes import (
    VOC_CLASSES,
    ClassObject,
    class_id,
    class_name,
    class_number,
)
from datasets.layouts import Layout, Survey, find_layout, survey
from datasets.objects import Annotation, Size, VocObject, place
from datasets.pictures import unreadable
from datasets.splits import choose, share_of
from datasets.voc_annotations import get_bb_of_gt_from_pascal_xml_annotation
from datasets.voc_lists import (
    Listed,
    load_images_labels_in_data_set,
    load_images_names_in_data_set,
)

__all__ = [
    "VOC_CLASSES",
    "Annotation",
    "VocImage",
    "VocObject",
    "VocSet",
    "class_id",
    "class_name",
    "class_number",
    "find_images",
    "get_bb_of_gt_from_pascal_xml_annotation",
    "load_images_labels_in_data_set",
    "load_images_names_in_data_set",
    "read_image",
]

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class VocImage:
    """One image with what is known about it.

    Attributes:
        name: id inside of its set.
        key: identity among all sets: folder of the set, slash, id.
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
    layout: Layout
    name: str
    key: str


@dataclass
class _Known:
    """What is known of the images of a set, by their index.

    Attributes:
        bad: why an image cannot be used.
        bad_objects: why objects of an image cannot be used that can do without.
        sizes: (height, width) of pictures that were looked at.
    """

    bad: dict[int, str] = field(default_factory=dict)
    bad_objects: dict[int, tuple[str, ...]] = field(default_factory=dict)
    sizes: dict[int, Size] = field(default_factory=dict)

    def add(self, other: "_Known", shift: int = 0, count: int | None = None) -> None:
        """Take over what is known of another set's first ``count`` images."""
        self.bad |= _shifted(other.bad, shift, count)
        self.bad_objects |= _shifted(other.bad_objects, shift, count)
        self.sizes |= _shifted(other.sizes, shift, count)


def _shifted(known: dict[int, T], shift: int, count: int | None) -> dict[int, T]:
    return {n + shift: one for n, one in known.items() if count is None or n < count}


class VocSet:
    """The images of a set that hold a class, decoded anew at each access.

    Iterating yields the images in the order of the set, every time the same. Nothing is
    kept but names, so a set may be larger than memory. Several sets are added:
    ``voc2012 + voc2007``.

    With ``skip_bad`` an image that cannot be read is left out by iteration and by
    :meth:`read`, an object that cannot be used is left out of its image, and both are
    listed once in :attr:`skipped`; indexing raises all the same where it has nothing to
    give.

    Args:
        images: (layout, id) of each image.
        class_object: the class that the images hold.
        one_based_boxes: takes corners counted from 1 as bounds counted from 0,
            as the published program does.
        skip_bad: 0 to raise on a bad image or object, 1 to go on without it.
        skipped: one line for each image that is left out from the beginning.
        smallest_image: pixels that an image must have each way; a smaller one is bad.

    Attributes:
        class_object: the class that the images hold.
        title: what the set is called, for people.
        notes: what was made of it that is worth a line and no error.
        held_out: names of images that a draw left to the test, by folder of the set.

    Raises:
        InputError: an image is named twice.
    """

    def __init__(
        self,
        images: Iterable[tuple[Layout, str]],
        class_object: ClassObject,
        *,
        one_based_boxes: bool = False,
        skip_bad: int = 0,
        skipped: Iterable[str] = (),
        smallest_image: int = 1,
    ) -> None:
        self._entries = _with_keys(list(images))
        self.class_object = class_object
        self._one_based = one_based_boxes
        self._skip_bad = skip_bad
        self._smallest_image = smallest_image
        self._left_out = list(skipped)
        self.title = ""
        self.notes: list[str] = []
        self.held_out: dict[str, list[str]] = {}
        self._known = _Known()

    @classmethod
    def open(
        cls,
        path_voc: Path | str | Layout,
        image_set: str,
        class_object: ClassObject,
        *,
        one_based_boxes: bool = False,
        skip_bad: int = 0,
        with_difficult: bool = False,
        smallest_image: int = 1,
        held_out: Collection[str] | None = None,
        known: Survey | None = None,
    ) -> "VocSet":
        """Find the images of a set that hold a class.

        Where lists say which do, annotations stay unread.

        Args:
            path_voc: the set's folder, or what was found in it.
            image_set: ``trainval``, ``test``, the name of a split, or ``all``;
                :func:`datasets.splits.choose` says what serves.
            class_object: number or name of the class.
            one_based_boxes: takes corners counted from 1 as bounds counted from 0,
                as the published program does.
            skip_bad: 0 to raise on a bad image or object, 1 to go on without it.
            with_difficult: take images with only difficult objects too (label 0), as
                VOC's protocol does; the published program takes label 1 alone.
            smallest_image: pixels that an image must have each way.
            held_out: names of the images that a set without splits holds out for its
                test; None takes all of them for whatever is asked.
            known: what the annotations hold, where somebody has looked already.

        Raises:
            InputError: there is no such set, no image of it holds the class, or an
                annotation that had to be asked for the class is bad.
        """
        layout = find_layout(path_voc) if isinstance(path_voc, Path | str) else path_voc
        name = class_name(class_object)
        listed = images_of(layout, image_set, name, held_out)
        unlabelled = [one.name for one in listed if one.label is None]
        found = known or survey(layout, unlabelled)
        wanted = (0, 1) if with_difficult else (1,)
        names = [one.name for one in listed if _label(one, found, name) in wanted]
        taken = set(names)
        bad = found.lines(one for one in unlabelled if one not in taken)
        if not names and bad and not skip_bad:
            raise several_errors(layout.folder, bad, SKIP_HINT)
        if not names:
            there = found
            if not there.objects:
                there = survey(layout, [one.name for one in listed])
            raise _no_such_class(layout, image_set, class_object, there, bad)
        images = cls(
            ((layout, one) for one in names),
            class_id(None) if class_object is None else class_object,
            one_based_boxes=one_based_boxes,
            skip_bad=skip_bad,
            skipped=bad,
            smallest_image=smallest_image,
        )
        images.notes = list(layout.notes)
        if bad and not skip_bad:
            others = images._look(needs_pictures=True)[0]
            raise several_errors(layout.folder, [*bad, *others], SKIP_HINT)
        return images

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
        """One line for each image or object left out so far, with the reason."""
        objects = (line for lines in self._known.bad_objects.values() for line in lines)
        return [*self._left_out, *self._known.bad.values(), *objects]

    @property
    def bad(self) -> frozenset[int]:
        """Indices of the images that turned out to be bad so far."""
        return frozenset(self._known.bad)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> VocImage:
        index = range(len(self))[operator.index(index)]
        layout, name, key = self._entries[index]
        path, stated = layout.picture(name), layout.stated(name)
        pixels = read_image(path, stated.size, self._smallest_image)
        height, width, _ = pixels.shape
        annotation = place(name, stated, (height, width), self._one_based)
        self._judge(index, annotation)
        return VocImage(name, key, path, pixels, annotation.objects)

    def __iter__(self) -> Iterator[VocImage]:
        for index in range(len(self)):
            image = self.read(index)
            if image is not None:
                yield image

    def __add__(self, other: "VocSet") -> "VocSet":
        if self._settings != other._settings:
            raise ValueError("sets that are added must have the same settings")
        both = self._with([*self._entries, *other._entries])
        both._known.add(other._known, shift=len(self))
        both._left_out += other._left_out
        both.notes += [note for note in other.notes if note not in both.notes]
        both.held_out |= other.held_out
        return both

    def at_least(self, smallest_image: int) -> "VocSet":
        """Return the set in which an image is bad that has fewer pixels each way.

        Raises:
            InputError: :meth:`check` saw such images, and they are not skipped.
        """
        larger = self._with(self._entries)
        larger._smallest_image, larger.title = smallest_image, self.title
        known, bad = larger._known, {}
        for index, (height, width) in known.sizes.items():
            if min(height, width) < smallest_image and index not in known.bad:
                layout, name, _ = self._entries[index]
                path = layout.picture(name)
                bad[index] = str(too_small(path, height, width, smallest_image))
        if bad and not self._skip_bad:
            raise several_errors(self.title, list(bad.values()), SKIP_HINT)
        known.bad |= bad
        return larger

    def first(self, count: int) -> "VocSet":
        """Return the set of the first ``count`` images alone."""
        return self._with(self._entries[:count])

    @property
    def _settings(self) -> tuple[str, bool, int, int]:
        name = class_name(self.class_object)
        return name, self._one_based, self._skip_bad, self._smallest_image

    @property
    def _folders(self) -> str:
        """The sets' folders, as an error starts."""
        folders = dict.fromkeys(str(one.layout.folder) for one in self._entries)
        return ", ".join(folders)

    def _with(self, entries: Sequence[_Entry]) -> "VocSet":
        """Return a set of other images with the same settings, and what is known."""
        images = VocSet(
            ((layout, name) for layout, name, _ in entries),
            self.class_object,
            one_based_boxes=self._one_based,
            skip_bad=self._skip_bad,
            skipped=self._left_out,
            smallest_image=self._smallest_image,
        )
        images.notes, images.held_out = list(self.notes), dict(self.held_out)
        images._known.add(self._known, count=len(entries))
        return images

    def read(self, index: int) -> VocImage | None:
        """Return an image, or None where it is bad and bad ones are skipped.

        An image once found bad is not tried again, so that all epochs are the same.

        Raises:
            InputError: it is bad, and bad ones are not skipped. All others are decoded
                then, so that the error lists every one that cannot be.
        """
        index = range(len(self))[index]
        if index in self._known.bad:
            return None
        try:
            return self[index]
        except InputError as error:
            if not self._skip_bad:
                others = self.decode(n for n in range(len(self)) if n != index)
                bad = [str(error), *others]
                raise several_errors(self._folders, bad, SKIP_HINT) from None
            self._known.bad[index] = str(error)
            return None

    def decode(self, indices: Iterable[int]) -> list[str]:
        """Decode images, and return a line for each that cannot be used.

        With ``skip_bad`` they are left out from then on.
        """
        untried = (index for index in indices if index not in self._known.bad)
        found = unreadable(self.__getitem__, untried)
        if self._skip_bad:
            self._known.bad |= found
        return list(found.values())

    def annotation(self, index: int) -> Annotation:
        """Return an image's annotation, held against the header of its picture.

        Pixels are not decoded. Where there is no picture, the size is the one that the
        annotation states.

        Raises:
            InputError: a file is bad, or an object is and bad ones are not skipped.
        """
        index = range(len(self))[operator.index(index)]
        annotation = self._inspect(index)
        self._judge(index, annotation)
        return annotation

    def check(self, needs_pictures: bool = True) -> None:
        """Look at all annotations and the headers of all pictures, before hours pass.

        Afterwards :attr:`skipped` and :attr:`notes` say all that can be said without
        decoding a picture.

        Args:
            needs_pictures: whether an image is bad whose picture is not there.

        Raises:
            InputError: something cannot be used and is not skipped; lists all of it.
        """
        bad, notes = self._look(needs_pictures)
        if bad and not self._skip_bad:
            raise several_errors(self._folders, bad, SKIP_HINT)
        self.notes += [note for note in notes if note not in self.notes]

    def _look(self, needs_pictures: bool) -> tuple[list[str], list[str]]:
        """Return what cannot be used, and what is worth a line, an image at a time."""
        bad: list[str] = []
        overhangs: list[tuple[int, str]] = []
        swapped: list[str] = []
        for index, entry in enumerate(self._entries):
            try:
                annotation = self._inspect(index, needs_pictures)
                bad += annotation.problems
                overhangs += [(over, entry.key) for over in annotation.overhangs]
                swapped += [entry.key] * annotation.is_swapped
                if self._skip_bad:
                    self._judge(index, annotation)
            except InputError as error:
                bad.append(str(error))
                if self._skip_bad:
                    self._known.bad[index] = str(error)
        return bad, _notes(overhangs, swapped)

    def _inspect(self, index: int, needs_picture: bool = False) -> Annotation:
        """Return an image's annotation, whatever is wrong with its objects."""
        layout, name, _ = self._entries[index]
        stated, size = layout.stated(name), None
        if needs_picture or layout.has_picture(name):
            path = layout.picture(name)
            size = self._known.sizes[index] = read_size(path, stated.size)
            if min(size) < self._smallest_image:
                raise too_small(path, *size, self._smallest_image)
        return place(name, stated, size, self._one_based)

    def _judge(self, index: int, annotation: Annotation) -> None:
        """Refuse an annotation with bad objects, or list those that it does without.

        Raises:
            InputError: bad objects are not skipped, or none of the class is left.
        """
        if not annotation.problems:
            return
        name = class_name(self.class_object)
        if not self._skip_bad:
            raise InputError(annotation.problems[0])
        if all(item.class_name != name for item in annotation.objects):
            problem = f"{annotation.problems[0]}; no other {name} is left there"
            raise InputError(printable(problem))
        self._known.bad_objects[index] = annotation.problems


def images_of(
    layout: Layout,
    image_set: str,
    class_object: ClassObject,
    held_out: Collection[str] | None = None,
) -> list[Listed]:
    """Return the images of what serves for a set, with a class or without.

    Args:
        layout: what a folder holds.
        image_set: as :meth:`VocSet.open` takes it.
        class_object: whose lists count, where classes have lists of their own.
        held_out: as :meth:`VocSet.open` takes it.

    Raises:
        InputError: nothing serves, or a list is bad.
    """
    name = class_name(class_object)
    choice = choose(image_set, layout.splits(name), layout.folder)
    parts = choice.parts or ("",)
    listed = {one.name: one for part in parts for one in layout.listed(part, name)}
    if choice.is_pool and held_out is not None:
        return [listed[one] for one in share_of(list(listed), image_set, held_out)]
    return list(listed.values())


def _label(one: Listed, found: Survey, name: str) -> int:
    """Return an image's label: a list's, else the annotation's."""
    if one.label is not None:
        return one.label
    return found.labels.get(one.name, {}).get(name, -1)


def _no_such_class(
    layout: Layout,
    image_set: str,
    class_object: ClassObject,
    there: Survey,
    bad: Sequence[str],
) -> InputError:
    """Return the error for a class that no image holds.

    It names the classes that there are, and in lines of their own what could not be
    read.
    """
    name = class_name(class_object)
    if class_object is None and len(there.objects) > 1:
        what = f"holds several classes, and no {name}: {there.classes}"
        error = file_error(layout.folder, what, "--class_object to name one of them")
        return with_lines(str(error), bad)
    what = f"no image of {image_set} holds class {name}"
    count = there.objects[name]
    if count and not any(one.get(name) == 1 for one in there.labels.values()):
        what += f" to search for: all {count} objects of {name} are difficult"
        there = replace(there, objects=there.objects - Counter({name: count}))
    elif count:
        what += ", unless as a difficult object or in another part of the set"
    if bad:
        what += f", {len(bad)} could not be read"
    expected = f"class_object to be one of those there: {there.classes}"
    if count and not there.objects:
        expected = f"a {name} that is not difficult: there is no other class"
    number = str(class_object)
    if number.isdecimal() and number in there.objects:
        expected += f"; --class_object name:{number} is the class called {number}"
    return with_lines(str(file_error(layout.folder, what, expected)), bad)


def _notes(overhangs: Sequence[tuple[int, str]], swapped: Sequence[str]) -> list[str]:
    """Return a line for boxes that were cut, and one for sizes the wrong way round."""
    notes = []
    if overhangs:
        most, key = max(overhangs)
        notes.append(
            f"{counted(len(overhangs), 'box', 'boxes')} over the edge of the picture,"
            f" by up to {counted(most, 'pixel')} ({key}): cut there"
        )
    if swapped:
        notes.append(
            f"height and width exchanged in {counted(len(swapped), 'annotation')}"
            f" ({swapped[0]}): those of the picture count"
        )
    return notes


def _with_keys(images: list[tuple[Layout, str]]) -> list[_Entry]:
    """Give each image a key that no other image has."""
    prefixes: dict[Path, str] = {}
    for layout, _ in images:
        if layout.folder not in prefixes:
            prefixes[layout.folder] = _prefix(layout.folder, prefixes)
    entries = [
        _Entry(layout, name, f"{prefixes[layout.folder]}/{name}")
        for layout, name in images
    ]
    for key, count in Counter(entry.key for entry in entries).items():
        if count > 1:
            raise InputError(
                f"image sets: {key} is named {count} times; expected each image once"
            )
    return entries


def _prefix(folder: Path, taken: dict[Path, str]) -> str:
    """Return a set's folder name, numbered where another one has it too."""
    absolute = Path(os.path.abspath(folder))
    for path, prefix in taken.items():
        if os.path.abspath(path) == str(absolute):
            return prefix
    prefix, number = absolute.name, 2
    while prefix in taken.values():
        prefix, number = f"{absolute.name}~{number}", number + 1
    return prefix
