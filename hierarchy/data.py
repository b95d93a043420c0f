"""Which images a run works on: the data set asked for, or drawn planes."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from common.errors import InputError
from common.progress import console
from common.settings import plain
from datasets.voc import VocImage, VocSet, class_name
from hierarchy.config import VOC2007, VOC2012, TestSettings, TrainSettings


def training_set(settings: TrainSettings) -> VocSet:
    """Open the images to train on, and say which.

    Raises:
        InputError: a data set is not there or cannot be read.
    """
    folders = [_data_or_planes(settings.path_voc, VOC2012)]
    if settings.two_databases:
        folders.append(settings.path_voc2)
    sets = [_open_set(settings, folder) for folder in folders]
    if settings.max_images:
        sets = [images.first(settings.max_images) for images in sets]
    images = sets[0] if len(sets) == 1 else sets[0] + sets[1]
    return _announced("training", images, settings, folders)


def test_set(settings: TestSettings) -> VocSet:
    """Open the images to test on, and say which.

    Raises:
        InputError: the data set is not there or cannot be read.
    """
    folder = _data_or_planes(settings.path_voc_test, VOC2007)
    images = _open_set(settings, folder)
    return _announced("testing", images, settings, [folder])


def mirrored_in_turn(images: Iterable[VocImage], epoch: int) -> Iterator[VocImage]:
    """Mirror every other image, and in the next epoch those in between.

    Args:
        images: of one epoch.
        epoch: its number.
    """
    for number, image in enumerate(images):
        yield image.mirrored() if (number + epoch) % 2 else image


def _data_or_planes(folder: Path, default: Path) -> Path:
    """Return ``folder``, or drawn planes if it is a default that is not there."""
    if folder != default or folder.is_dir():
        return folder
    from datasets.drawn.planes import ensure_planes  # where nobody has data, alone

    planes = ensure_planes()
    console.print(
        f"{folder} is not there and no other data set was given: using the drawn"
        f" planes in {planes}"
    )
    return planes


def _open_set(settings: TrainSettings | TestSettings, folder: Path) -> VocSet:
    return VocSet.open(
        folder,
        settings.image_set,
        settings.class_id,
        one_based_boxes=settings.differences.one_based_boxes,
        skip_bad=settings.skip_bad,
    )


def _announced(
    doing: str,
    images: VocSet,
    settings: TrainSettings | TestSettings,
    folders: list[Path],
) -> VocSet:
    """Say what a program works on, and let the set be called so."""
    images.title = (
        f"{len(images)} images with class {class_name(settings.class_id)}"
        f" ({settings.image_set} of {', '.join(map(str, map(plain, folders)))})"
    )
    console.print(f"{doing} on {images.title}")
    return images


def nothing_to_search(settings: TrainSettings, images: VocSet) -> InputError:
    """Return the error for images none of which has an object to search for."""
    return InputError(
        f"{settings.path_voc}: none of {len(images)} images has an object of class"
        f" {class_name(settings.class_id)} in its annotation"
    )


def report_skipped(images: VocSet) -> None:
    """List the files that ``skip_bad`` went past."""
    if images.skipped:
        console.print(f"left out {len(images.skipped)} that cannot be read:")
        for line in images.skipped:
            console.print(f"  {line}")
