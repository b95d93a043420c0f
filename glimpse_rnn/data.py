"""Which pictures a run works on: the data set asked for, or drawn ones.

``door_handle`` looks for ``door_handles/`` in the repository and draws cars where it is
not there; ``mnist_centroid`` looks for ``mnist/``, else downloads MNIST, else draws
digits. Whichever it is, it is said.
"""

import re
from functools import partial
from pathlib import Path

import numpy as np

from common.epochs import CONFIG
from common.errors import InputError, counted, file_error
from common.files import REPOSITORY
from common.progress import console
from common.run import folder_of, held_out_of
from common.settings import plain
from datasets.fetch import fetch
from datasets.keypoint_annotations import SPLITS, Annotations, read_annotations
from datasets.keypoints import FileSource, KeypointSet
from datasets.mnist import DigitSource, read_digits
from datasets.splits import draw_held_out
from glimpse_rnn.config import STEM, TestSettings, TrainSettings

DOOR_HANDLES = REPOSITORY / "door_handles"
"""Where the Car Door Handle data set is looked for."""

MNIST = REPOSITORY / "mnist"
"""Where MNIST is looked for and downloaded to."""

PLACES = {"train": 1, "test": 2}
"""Seeds of where digits lie: all runs train, and all test, on the same pictures."""

DRAWN_DIGITS = {"train": 10_000, "test": 2_000}
"""How many digits are drawn where there is no MNIST."""


def open_sets(
    settings: TrainSettings | TestSettings, *splits: str
) -> list[KeypointSet]:
    """Open splits of the data set that settings name, or of what can be had.

    Of a set without splits some images are held out for the test. Where a run goes on,
    or is tested, those are the ones that ``config.json`` names.

    Args:
        settings: of a training or a test.
        splits: ``train`` or ``test`` each; all but the last may turn out empty.

    Raises:
        InputError: a data set is not there or cannot be read.
    """
    path = settings.path_data
    if settings.task == "mnist_centroid":
        if path is None and ensure_mnist():
            path = MNIST
        return [open_digits(path, split, settings.image_size) for split in splits]
    if path is None:
        path = _handles_or_cars()
    notes: list[str] = []
    found = read_annotations(
        path,
        settings.skip_bad,
        keypoint=settings.keypoint,
        columns=settings.columns,
        divide=partial(_divided, settings, path, notes),
    )
    found.notes.extend(notes)
    if isinstance(settings, TrainSettings) and settings.flip:
        found.notes.extend(note_of_side(settings.keypoint))
    about = settings.image_size, settings.cache_gb, settings.skip_bad
    sets = [
        _open_split(found, split, *about, may_be_empty=split != splits[-1])
        for split in splits
    ]
    if found.held_out is not None:
        for images in sets:
            images.held_out = {str(plain(Path(path))): found.held_out}
    return sets


def _divided(
    settings: TrainSettings | TestSettings,
    path: Path,
    notes: list[str],
    names: list[str],
) -> list[str] | None:
    """Return which images of a set without splits are left to the test."""
    if isinstance(settings, TestSettings):
        return _left_over(held_out_of(folder_of(settings), STEM, path, names), notes)
    held_out = None
    if settings.n:
        held_out = held_out_of(settings.path_model, STEM, path, names)
    how = f"as {settings.path_model / CONFIG} has it"
    if held_out is None:
        held_out = draw_held_out(names, settings.split_seed)
        how = f"drawn with seed {settings.split_seed}, and written to config.json"
    if held_out:
        count = f"{len(held_out)} of {counted(len(names), 'image')}"
        notes.append(f"there are no splits: {count} are left to the test, {how}")
    else:
        notes.append("there is one image alone: none is left to a test")
    return held_out


def _left_over(held_out: list[str] | None, notes: list[str]) -> list[str] | None:
    """Return the images that the training left to the test; None takes all."""
    if held_out:
        notes.append("there are no splits: these are what training left to the test")
        return held_out
    if held_out is None:
        notes.append("there are no splits, and training took none: all images count")
    else:
        notes.append("training left no image to the test: it was trained on this one")
    return None


def note_of_side(keypoint: str) -> list[str]:
    """Return what to say where mirrored pictures show another keypoint."""
    if not {"left", "right"} & set(re.split("[^a-z]+", keypoint.lower())):
        return []
    return [f"{keypoint} has a side, and mirroring exchanges sides: --flip 0"]


def announce(doing: str, images: KeypointSet, more: str = "") -> None:
    """Say what a program works on."""
    console.print(f"{doing} on {images.described}{more}")
    for note in images.notes:
        console.print(f"  {note}")


def _handles_or_cars() -> Path:
    """Return the Car Door Handle data set, or drawn cars if it is not there."""
    if DOOR_HANDLES.is_dir():
        return DOOR_HANDLES
    from datasets.drawn.cars import ensure_cars  # where nobody has data, alone

    cars = ensure_cars()
    console.print(
        f"{DOOR_HANDLES} is not there and no other data set was given: using the drawn"
        f" cars in {cars}"
    )
    return cars


def open_keypoints(
    path: Path | str, split: str, image_size: int, cache_gb: float, skip_bad: int = 0
) -> KeypointSet:
    """Open one split of a set of images with annotations.

    Args:
        path: the set's folder, or its annotation file; see
            :mod:`datasets.keypoint_annotations`.
        split: ``train`` or ``test``.
        image_size: side of the canvases in pixels.
        cache_gb: how much memory decoded canvases may take up, in 10⁹ bytes.
        skip_bad: 1 to decode all images once, leave out bad ones and bad rows, and list
            them; 0 to raise at bad rows now, at broken images when the first is met.

    Raises:
        InputError: there is no such set, a row is bad, or nothing is left of the split.
    """
    if split not in SPLITS:
        raise ValueError(f"split: {split}; expected {' or '.join(SPLITS)}")
    found = read_annotations(path, skip_bad)
    return _open_split(found, split, image_size, cache_gb, skip_bad)


def _open_split(
    found: Annotations,
    split: str,
    image_size: int,
    cache_gb: float,
    skip_bad: int,
    may_be_empty: bool = False,
) -> KeypointSet:
    """Open one split of annotations; see :func:`open_keypoints`."""
    keypoints = [point for point in found.keypoints if point.split == split]
    source = FileSource(keypoints, image_size, int(cache_gb * 1e9))
    numbers, skipped = np.arange(len(keypoints)), list(found.skipped)
    if skip_bad:
        bad = source.problems()
        skipped += bad.values()
        numbers = np.array([n for n in numbers if n not in bad], np.int64)
    if not len(numbers) and not may_be_empty:
        others = len(found.keypoints) - len(keypoints)
        what = f"no row is left for {split} beside {others} for the other split"
        raise file_error(found.path, what, "one at least")
    notes = list(found.notes)
    if found.invisible[split]:
        more = counted(found.invisible[split], "more is", "more are")
        notes.append(f"{more} dropped, with nothing to see")
    if skipped:
        notes.append(f"{counted(len(skipped), 'bad row is', 'bad rows are')} left out")
    title = f"with a keypoint ({split} of {found.path})"
    return KeypointSet(source, numbers, title, notes, skipped)


def report_skipped(images: KeypointSet) -> None:
    """List the rows and files that ``skip_bad`` went past."""
    if images.skipped:
        console.print(f"left out {len(images.skipped)} that cannot be used:")
        for line in images.skipped:
            console.print(f"  {line}")


# --- digits --------------------------------------------------------------------------


def open_digits(path: Path | str | None, split: str, image_size: int) -> KeypointSet:
    """Open digits at random places, always the same ones for a split.

    Args:
        path: MNIST as :func:`datasets.mnist.read_digits` takes it; None for drawn
            digits.
        split: ``train`` or ``test``.
        image_size: side of the canvases in pixels, 28 or more.

    Raises:
        InputError: there are no such files, or they hold something else.
    """
    if path is None:
        from datasets.drawn.digits import draw_digits

        # Test digits come from another seed than those to train on.
        digits = draw_digits(DRAWN_DIGITS[split], PLACES[split])
        title = f"of drawn digits ({split})"
    else:
        digits = read_digits(path, split)
        title = f"of digits ({split} of {path})"
    return KeypointSet(DigitSource(digits, image_size, PLACES[split]), title=title)


def ensure_mnist() -> bool:
    """Download MNIST unless it is there; returns whether it is there now."""
    if MNIST.is_dir():
        return True
    try:
        fetch("mnist", MNIST.parent, say=console.print)
    except InputError as error:
        console.print(f"{error}; {MNIST.name}/ is not there either: using drawn digits")
        return False
    return True
