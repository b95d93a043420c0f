"""The look at a data set, from settings to what is said and written."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from check.advice import box_advice, keypoint_advice
from check.boxes import box_facts
from check.config import MADE_BY, CheckSettings
from check.keypoints import keypoint_facts
from check.reading import MOST_DECODED, Boxes, Passes, read_boxes
from check.show import show_boxes, show_keypoints, show_lines, show_problems
from check.times import Times
from common.devices import start_keras
from common.errors import InputError, counted
from common.files import write_json
from common.images import read_image
from common.progress import console, track
from common.settings import to_json
from datasets.keypoint_annotations import Annotations, read_annotations
from datasets.keypoints import FileSource, KeypointSet
from datasets.pictures import unreadable
from datasets.splits import TRAINVAL
from datasets.voc import class_name
from glimpse_rnn.config import TrainSettings as GlimpseSettings
from weights.fetch import ensure_trunk

CACHE_BYTES = 2_000_000_000
"""Of decoded pictures, while a training is timed."""


def check(settings: CheckSettings) -> None:
    """Look at the sets that settings name; print, and write, what was found.

    Raises:
        InputError: a setting cannot be used, or a set has nothing to train on.
    """
    settings.check()
    found: dict[str, Any] = {"made_by": MADE_BY, "settings": to_json(settings)}
    if settings.path_voc is not None:
        found["boxes"] = look_at_boxes(settings)
    if settings.path_data is not None:
        found["keypoints"] = look_at_keypoints(settings)
    if settings.json is not None:
        write_json(settings.json, found)
        console.print(f"\nall of it: {settings.json}")


def look_at_boxes(settings: CheckSettings) -> dict[str, Any]:
    """Look at a set of boxes; returns what was found, ready for JSON."""
    assert settings.path_voc is not None
    read = read_boxes(settings.path_voc, settings.class_object)
    show_lines("read:", read.notes)
    show_problems(read.problems)
    if not any(read.scenes.values()):
        nothing = "no image is left that can be read: there is nothing to train on"
        show_lines("so:", [nothing])
        return {"read": read.notes, "wrong": read.problems, "advice": [nothing]}
    facts = box_facts(read.scenes, np.random.default_rng(settings.seed))
    show_boxes(facts)
    times = _detector_times(settings, read)
    advice = box_advice(facts, times, read.shared)
    found = _concluded(read.notes, read.problems, facts, times, advice)
    return {"class": class_name(read.class_object), **found, "shared": read.shared}


def _detector_times(settings: CheckSettings, read: Boxes) -> list[Times]:
    """Return what trainings come to; none where nothing can be measured, and why."""
    images = read.images.get(TRAINVAL)
    if not settings.seconds or images is None or next(iter(images), None) is None:
        return []
    console.print("\nmeasuring how long a training takes here …")
    flags = ["--path_vgg", str(settings.path_vgg)]
    flags += ["--class_object", str(read.class_object)]
    about = Passes(images), len(read.scenes[TRAINVAL]), settings.seconds, flags
    try:
        ensure_trunk(settings.path_vgg)
        with start_keras(settings):
            from check.timing import detector_times
        return list(detector_times(settings.detector, *about))
    except InputError as error:  # all else that was found is worth having
        console.print(f"not measured: {error}")
        return []


def look_at_keypoints(settings: CheckSettings) -> dict[str, Any]:
    """Look at a set of keypoints; returns what was found, ready for JSON."""
    assert settings.path_data is not None
    found = read_annotations(
        settings.path_data, 1, keypoint=settings.keypoint, columns=settings.columns
    )
    broken = undecodable(found)
    problems = found.skipped + list(broken.values())
    if found.held_out is not None:
        images = len({point.path for point in found.keypoints})
        count = f"{len(found.held_out)} of {counted(images, 'image')}"
        found.notes.append(f"there are no splits: {count} would be left to the test")
    show_lines("read:", found.notes)
    show_problems(problems)
    facts = keypoint_facts(found)
    show_keypoints(facts)
    times: list[Times] = []
    trained = [
        point
        for point in found.keypoints
        if point.split == "train" and point.path not in broken
    ]
    if settings.seconds and trained:
        console.print("\nmeasuring how long a training takes here …")
        with start_keras(settings):
            from check.timing import glimpse_times

        def open_images(side: int) -> KeypointSet:
            return KeypointSet(FileSource(trained, side, CACHE_BYTES))

        times = list(glimpse_times(open_images, settings.seconds))
    advice = keypoint_advice(
        facts, times, settings.keypoint, GlimpseSettings().image_size
    )
    return _concluded(found.notes, problems, facts, times, advice)


def undecodable(found: Annotations) -> dict[Path, str]:
    """Return a line for each picture that cannot be decoded, by its path.

    Of very many pictures some are tried, spread over the set; it is said how many.
    """
    pictures = list(dict.fromkeys((one.path, one.size) for one in found.keypoints))
    tried = range(0, len(pictures), -(-len(pictures) // MOST_DECODED))
    if len(tried) < len(pictures):
        console.print(f"decoding {len(tried)} of {len(pictures)} pictures")
    numbers = track(tried, "decoding", len(tried))
    bad = unreadable(lambda number: read_image(*pictures[number]), numbers)
    return {pictures[number][0]: line for number, line in bad.items()}


def _concluded(
    notes: Sequence[str],
    problems: Sequence[str],
    facts: Any,
    times: Sequence[Times],
    advice: Iterable[str],
) -> dict[str, Any]:
    """Print times and advice, and return all of it, ready for JSON."""
    sentences = list(advice)
    show_lines("on this machine:", [one.words() for one in times])
    show_lines("so:", sentences)
    return {
        "read": list(notes),
        "wrong": list(problems),
        **asdict(facts),
        "times": [asdict(one) for one in times],
        "advice": sentences,
    }
