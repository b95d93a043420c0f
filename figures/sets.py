"""Annotations of a VOC set without its images: all that ceilings and chance need."""

from dataclasses import dataclass
from pathlib import Path

from common.errors import InputError, file_error
from common.files import REPOSITORY
from datasets.voc import VocSet
from datasets.voc_annotations import VOC_CLASSES, class_name, class_number
from hierarchy.metrics import Truth
from hierarchy.quirks import Quirks

OUT = REPOSITORY / "runs" / "figures"
"""Where figures go unless a folder is named."""


@dataclass(frozen=True)
class AnnotatedImage:
    """An image of which only the annotation is known.

    Attributes:
        name: its id.
        size: (height, width) in pixels.
        truth: its objects of one class; at least one.
    """

    name: str
    size: tuple[int, int]
    truth: Truth


def read_set(
    path_voc: Path,
    image_set: str,
    class_object: int | str,
    quirks: Quirks = Quirks(),
    skip_bad: int = 0,
) -> tuple[list[AnnotatedImage], list[str]]:
    """Read the annotations of a set's images that hold a class.

    Args:
        path_voc: the database; its images need not be there.
        image_set: ``trainval``, ``test``, ….
        class_object: number or name of the class.
        quirks: the published differences to follow.
        skip_bad: 0 to raise on a bad annotation, 1 to go on without it.

    Returns:
        The images, and a line for each that was left out.

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
    images, skipped = [], voc.skipped
    for index in range(len(voc)):
        try:
            images.append(_read(voc, index, number, path_voc))
        except InputError as error:
            if not skip_bad:
                raise
            skipped.append(str(error))
    return images, skipped


def _read(voc: VocSet, index: int, number: int, path_voc: Path) -> AnnotatedImage:
    annotation = voc.annotation(index)
    path = Path(path_voc) / "Annotations" / f"{annotation.name}.xml"
    if annotation.size is None:
        raise file_error(path, "there is no size", "height and width of the image")
    objects = [item for item in annotation.objects if item.class_id == number]
    if not objects:
        what = f"there is no {class_name(number)}, though its set says so"
        raise file_error(path, what)
    truth = Truth(
        tuple(item.box for item in objects), tuple(item.difficult for item in objects)
    )
    return AnnotatedImage(annotation.name, annotation.size, truth)


def classes_of(path_voc: Path, image_set: str) -> list[str]:
    """Return the classes that have a set file of their own, in VOC order.

    Without any, all 20 are named, for their labels can be read off the annotations.
    """
    folder = Path(path_voc) / "ImageSets" / "Main"
    there = [
        name for name in VOC_CLASSES if (folder / f"{name}_{image_set}.txt").is_file()
    ]
    return there or list(VOC_CLASSES)
