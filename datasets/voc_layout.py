"""The layout of PASCAL VOC, unpacked from its archives or written.

::

    Annotations/NAME.xml       classes, boxes, flags
    ImageSets/Main/SET.txt     names of images; CLASS_SET.txt with a label beside them
    JPEGImages/NAME.jpg        pixels

Reference: Everingham et al., The PASCAL Visual Object Classes Challenge, development
kit.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from common.errors import file_error
from datasets.archives import unpack

NEEDED = (("Annotations",), ("ImageSets", "Main"), ("JPEGImages",))
"""What the programs read; the rest of VOC, for other tasks, is left out."""


class Box(NamedTuple):
    """A box in pixels, counted from 1, both ends inside."""

    xmin: int
    ymin: int
    xmax: int
    ymax: int


def unpack_voc(archives: Sequence[Path], folder: Path) -> None:
    """Unpack VOC's archives into one folder, without the ``VOCdevkit/VOCYEAR`` above.

    Args:
        archives: of one year, as they are downloaded.
        folder: where to.

    Raises:
        InputError: an archive is damaged or unsafe, or holds no VOC.
        OSError: a file cannot be written.
    """
    for archive in archives:
        if not unpack(archive, folder, _place):
            raise file_error(archive, "holds no VOCdevkit/VOC…/JPEGImages", "VOC")


def _place(name: str) -> str | None:
    parts = PurePosixPath(name).parts
    if len(parts) < 4 or parts[0] != "VOCdevkit" or parts[-1].startswith("."):
        return None
    below = parts[2:]
    if any(below[: len(needed)] == needed for needed in NEEDED):
        return "/".join(below)
    return None


_XML = """\
<annotation>
	<folder>{folder}</folder>
	<filename>{name}.jpg</filename>
	<source><database>{database}</database></source>
	<size>
		<width>{width}</width>
		<height>{height}</height>
		<depth>3</depth>
	</size>
	<segmented>0</segmented>
	<object>
		<name>{label}</name>
		<pose>Unspecified</pose>
		<truncated>0</truncated>
		<difficult>0</difficult>
		<bndbox>
			<xmin>{box.xmin}</xmin>
			<ymin>{box.ymin}</ymin>
			<xmax>{box.xmax}</xmax>
			<ymax>{box.ymax}</ymax>
		</bndbox>
	</object>
</annotation>
"""


def annotation_xml(
    name: str, size: tuple[int, int], label: str, box: Box, database: str
) -> str:
    """Return the annotation of an image with one object.

    Args:
        name: of the image, without a suffix.
        size: height and width in pixels.
        label: VOC's name of the object's class.
        box: of the object.
        database: where the image comes from.
    """
    return _XML.format(
        folder=database.replace("-", ""),
        name=name,
        database=database,
        height=size[0],
        width=size[1],
        label=label,
        box=box,
    )


def write_lists(folder: Path, class_name: str, sets: dict[str, dict[str, int]]) -> None:
    """Write ``ImageSets/Main``.

    Args:
        folder: of the data set.
        class_name: of the class that labels are about.
        sets: for each set, names of images with 1 where they hold the class, else -1.
    """
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True, exist_ok=True)
    for image_set, labels in sets.items():
        names = "".join(f"{name}\n" for name in labels)
        labelled = "".join(f"{name} {label:2d}\n" for name, label in labels.items())
        (lists / f"{image_set}.txt").write_text(names)
        (lists / f"{class_name}_{image_set}.txt").write_text(labelled)
