"""What there is to find in a VOC set, read off its annotations without its images."""

from dataclasses import dataclass
from pathlib import Path

from common.boxes import Box
from common.errors import InputError, file_error
from datasets.voc import VocSet
from datasets.voc_annotations import VOC_CLASSES, class_name, class_number
from figures.figure import OUT
from hierarchy.config import VOC2007
from hierarchy.quirks import Quirks
from hierarchy.search import SearchSpec


@dataclass(frozen=True)
class Annotations:
    """Settings of what is computed from annotations."""

    path_voc: Path = VOC2007
    """Data set in the VOC layout; annotations and sets are enough."""
    image_set: str = "test"
    """List in ImageSets/Main, without the class's name."""
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

    def search_spec(self, scale: float) -> SearchSpec:
        """Return how to search on the hierarchy of a scale."""
        return SearchSpec(scale, self.number_of_steps, Quirks.parse(self.quirks))

    def scenes(self, name: str, skip_bad: int = 0) -> tuple[list["Scene"], list[str]]:
        """Read the images with an object of a class, see :func:`read_scenes`."""
        quirks = Quirks.parse(self.quirks)
        return read_scenes(self.path_voc, self.image_set, name, quirks, skip_bad)


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
    class_object: int | str,
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
    number = class_number(class_object)
    scenes, skipped = [], voc.skipped
    for index in range(len(voc)):
        try:
            scenes.append(_read(voc, index, number, path_voc))
        except InputError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
    return scenes, skipped


def _read(voc: VocSet, index: int, number: int, path_voc: Path) -> Scene:
    annotation = voc.annotation(index)
    path = Path(path_voc) / "Annotations" / f"{annotation.name}.xml"
    if annotation.size is None:
        raise file_error(path, "there is no size", "height and width of the image")
    boxes = [item.box for item in annotation.objects if item.class_id == number]
    if not boxes:
        what = f"there is no {class_name(number)}, though its set says so"
        raise file_error(path, what)
    return Scene(annotation.size, tuple(boxes))


def classes_of(path_voc: Path, image_set: str) -> list[str]:
    """Return the classes that have a set file of their own, in VOC order.

    Without any, all 20 are named, for their labels can be read off the annotations.
    """
    folder = Path(path_voc) / "ImageSets" / "Main"
    has_list = {n: (folder / f"{n}_{image_set}.txt").is_file() for n in VOC_CLASSES}
    return [name for name in VOC_CLASSES if has_list[name]] or list(VOC_CLASSES)


def scale_name(scale: float) -> str:
    """Return how the paper writes a scale: 3/4, 2/4; other scales as decimals."""
    quarters = scale * 4
    return f"{quarters:.0f}/4" if quarters == round(quarters) else f"{scale:g}"
