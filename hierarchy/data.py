"""Which images a run works on: the data set asked for, or drawn planes."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from common.epochs import CONFIG
from common.errors import InputError, counted, printable
from common.progress import console
from common.run import folder_of, held_out_of
from common.settings import plain
from datasets.classes import ClassObject, model_stem
from datasets.layouts import Survey, describe, find_layout, survey
from datasets.splits import choose, draw_held_out
from datasets.voc import VocImage, VocSet, class_name, images_of
from hierarchy.config import VOC2007, VOC2012, TestSettings, TrainSettings

Divide = Callable[[Path, ClassObject, list[str]], list[str] | None]
"""Returns which images of a set without splits are left to the test, and says so.

It takes the folder, the class and the names of all images; None is: whatever is asked
for takes all of them.
"""


def training_set(settings: TrainSettings) -> VocSet:
    """Open and check the images to train on, and say which.

    The set's ``class_object`` is the class to search for.

    Raises:
        InputError: a data set is not there or cannot be used; lists all that is wrong.
    """
    folders = [_data_or_planes(settings.path_voc, VOC2012)]
    if settings.two_databases:
        folders.append(settings.path_voc2)
    class_object, sets = settings.class_object, []

    def divide(folder: Path, class_object: ClassObject, names: list[str]) -> list[str]:
        return _drawn(settings, folder, class_object, names)

    for folder in folders:
        sets.append(_open_set(settings, class_object, folder, divide, or_only=True))
        class_object = sets[0].class_object
    if settings.max_images:
        sets = [images.first(settings.max_images) for images in sets]
    images = sets[0] if len(sets) == 1 else sets[0] + sets[1]
    return _checked("training", images, settings.image_set, folders)


def test_set(settings: TestSettings) -> VocSet:
    """Open and check the images to test on, and say which.

    Raises:
        InputError: the data set is not there or cannot be used; lists all that is
            wrong.
    """
    folder = _data_or_planes(settings.path_voc_test, VOC2007)

    def divide(folder: Path, _: ClassObject, names: list[str]) -> list[str] | None:
        return _left_over(settings, folder, names)

    images = _open_set(settings, settings.class_object, folder, divide)
    return _checked("testing", images, settings.image_set, [folder])


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


def _open_set(
    settings: TrainSettings | TestSettings,
    class_object: ClassObject,
    folder: Path,
    divide: Divide,
    or_only: bool = False,
) -> VocSet:
    """Open a set, and say what was found in its folder.

    Args:
        settings: of the run.
        class_object: the class to search for.
        folder: of the set.
        divide: leaves images to the test where the set comes without splits.
        or_only: whether the only class of a set will do where none was asked for.
    """
    layout = find_layout(folder)
    choice = choose(settings.image_set, layout.splits(class_name(class_object)), folder)
    listed = images_of(layout, settings.image_set, class_object)
    found = survey(layout, (one.name for one in listed if one.label is None))
    parts = f" of {' and '.join(choice.parts)}" if choice.parts else ""
    console.print(describe(layout, len(listed), parts, found))
    if or_only:
        class_object = only_class(found, class_object)
    held_out = None
    if choice.is_pool:
        held_out = divide(folder, class_object, [one.name for one in listed])
    images = VocSet.open(
        layout,
        settings.image_set,
        class_object,
        one_based_boxes=settings.differences.one_based_boxes,
        skip_bad=settings.skip_bad,
        held_out=held_out,
        known=found,
    )
    if held_out is not None:
        images.held_out = {str(plain(folder)): held_out}
    images.title = choice.title
    return images


def only_class(found: Survey, class_object: ClassObject) -> ClassObject:
    """Return the class to search for: the only one there is, where none was asked for.

    Nobody who has pictures of raccoons alone means the default, aeroplanes.
    """
    is_asked_for = class_object is not None or class_name(None) in found.objects
    if is_asked_for or len(found.objects) != 1:
        return class_object
    (name,) = found.objects
    spelling = found.spelling[name]
    console.print(
        f"searching for {printable(spelling)}, the only class there is;"
        " --class_object was not given"
    )
    return f"name:{spelling}" if spelling.isdecimal() else spelling


def _drawn(
    settings: TrainSettings, folder: Path, class_object: ClassObject, names: list[str]
) -> list[str]:
    """Return what a training leaves to its test: where it goes on, the same again."""
    held_out, stem = None, model_stem(class_object)
    if settings.n:
        held_out = held_out_of(settings.path_model, stem, folder, names)
    how = f"as {settings.path_model / CONFIG} has it"
    if held_out is None:
        held_out = draw_held_out(names, settings.seed)
        how = f"drawn with seed {settings.seed}, and written to config.json"
    if held_out:
        left = f"{len(held_out)} of {counted(len(names), 'image')} are left to the test"
        console.print(f"no split to test on: {left}, {how}")
    else:
        console.print("there is one image alone: none is left to the test")
    return held_out


def _left_over(
    settings: TestSettings, folder: Path, names: list[str]
) -> list[str] | None:
    """Return the images that the training left to the test; None takes all."""
    stem = settings.trained_stem
    held_out = held_out_of(folder_of(settings), stem, folder, names)
    if held_out:
        left = f"{len(held_out)} of {counted(len(names), 'image')}"
        console.print(f"no split to test on: {left}, those that training left to it")
        return held_out
    if held_out is None:
        console.print(f"no split to test on, and none left by {stem}: all images")
    else:
        console.print("training left no image to the test, so this one was trained on")
    return None


def _checked(doing: str, images: VocSet, image_set: str, folders: list[Path]) -> VocSet:
    """Look at all that a program works on, say what it is, and let it be called so."""
    parts = images.title or image_set
    images.title = printable(
        f"{counted(len(images), 'image')} with class {class_name(images.class_object)}"
        f" ({parts} of {', '.join(map(str, map(plain, folders)))})"
    )
    images.check()
    for note in images.notes:
        console.print(note)
    console.print(f"{doing} on {images.title}")
    return images


def nothing_to_search(settings: TrainSettings, images: VocSet) -> InputError:
    """Return the error for images none of which has an object to search for."""
    return InputError(
        f"{settings.path_voc}: none of {len(images)} images has an object of class"
        f" {printable(settings.class_name)} in its annotation"
    )


def report_skipped(images: VocSet) -> None:
    """List what ``skip_bad`` went past."""
    if images.skipped:
        console.print(f"left out {len(images.skipped)} that cannot be used:")
        for line in images.skipped:
            console.print(f"  {line}")
