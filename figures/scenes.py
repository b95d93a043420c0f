"""What there is to find in a set, read off its annotations; no picture is decoded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.boxes import Box
from common.errors import InputError, file_error
from common.progress import console
from datasets.classes import VOC_CLASSES, ClassObject, class_name
from datasets.layouts import Layout, find_layout, survey
from datasets.voc import VocSet, images_of
from figures.figure import OUT
from hierarchy.config import VOC2007
from hierarchy.quirks import Quirks
from hierarchy.search import SearchSpec


@dataclass(frozen=True)
class Annotations:
    """Settings of what is computed from annotations."""

    path_voc: Path = VOC2007
    """Data set in any layout of docs/data.md; where annotations state sizes, pictures
    need not be there."""
    image_set: str = "test"
    """Split or list, without the class's name; all takes everything."""
    out: Path = OUT
    """Folder for the picture and the CSV file."""


@dataclass(frozen=True)
class Hierarchies(Annotations):
    """Settings of searches on hierarchies of regions."""

    scales: tuple[float, ...] = (3 / 4, 2 / 4)
    """Heights and widths of subregions over their parent's."""
    number_of_steps: int = 10
    """Actions of a search; the last one is the trigger, so one more than moves."""
    quirks: tuple[str, ...] = ()
    """Rows of FIDELITY.md in which to follow the published program, or "published"."""
    skip_bad: Literal[0, 1] = 0
    """1 goes on without annotations and objects that cannot be used, and lists them."""

    def search_spec(self, scale: float) -> SearchSpec:
        """Return how to search on the hierarchy of a scale."""
        return SearchSpec(scale, self.number_of_steps, Quirks.parse(self.quirks))

    def scenes(self, name: str) -> tuple[list["Scene"], list[str]]:
        """Read the images with an object of a class, see :func:`read_scenes`."""
        quirks = Quirks.parse(self.quirks)
        return read_scenes(self.path_voc, self.image_set, name, quirks, self.skip_bad)


@dataclass(frozen=True)
class Scene:
    """What there is to find in one image: its size (height, width) and one box or more.

    Finding any of the boxes is a find.
    """

    size: tuple[int, int]
    boxes: tuple[Box, ...]


def read_scenes(
    path_voc: Path,
    image_set: str,
    class_object: ClassObject,
    quirks: Quirks = Quirks(),
    skip_bad: int = 0,
) -> tuple[list[Scene], list[str]]:
    """Read the annotations of a set's images that hold a class; images are not needed.

    Returns:
        A scene for each image, and with ``skip_bad`` a line for each that is left out.

    Raises:
        InputError: there is no such set, or an annotation is bad or names no size.
    """
    voc = VocSet.open(
        path_voc,
        image_set,
        class_object,
        one_based_boxes=quirks.one_based_boxes,
        skip_bad=skip_bad,
    )
    name = class_name(class_object)
    voc.check(needs_pictures=False)
    for note in voc.notes:
        console.print(note)
    scenes, skipped = [], voc.skipped
    for index in range(len(voc)):
        try:
            scenes.append(_read(voc, index, name))
        except InputError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
    return scenes, list(dict.fromkeys(skipped))


def _read(voc: VocSet, index: int, name: str) -> Scene:
    annotation = voc.annotation(index)
    if annotation.size is None:
        what = "there is no size, and no picture to take it from"
        raise file_error(annotation.where, what, "height and width of the image")
    boxes = [item.box for item in annotation.objects if item.class_name == name]
    if not boxes:
        raise file_error(
            annotation.where, f"there is no {name}, though its set says so"
        )
    return Scene(annotation.size, tuple(boxes))


def classes_of(path_voc: Path, image_set: str) -> list[str]:
    """Return the classes of a set: VOC's in their order, then others by their names.

    Where classes have lists of their own, those; else the annotations say which.
    """
    layout = find_layout(path_voc)
    listed = [name for name in VOC_CLASSES if _has_list(layout, image_set, name)]
    if listed:
        return listed
    images = images_of(layout, image_set, VOC_CLASSES[0])
    there = survey(layout, [one.name for one in images]).objects
    known = [name for name in VOC_CLASSES if name in there]
    # Without any, the first class's error says what is there.
    return known + sorted({*there} - {*known}) or VOC_CLASSES[:1]


def _has_list(layout: Layout, image_set: str, name: str) -> bool:
    """Tell whether a class has a list of a set of its own, with labels."""
    if image_set not in layout.splits(name):
        return False
    return any(one.label is not None for one in layout.listed(image_set, name))


def scale_name(scale: float) -> str:
    """Return how the paper writes a scale: 3/4, 2/4; other scales as decimals."""
    quarters = scale * 4
    return f"{quarters:.0f}/4" if quarters == round(quarters) else f"{scale:g}"
