"""How long trainings take on this machine, and how much memory; a moment of each runs.

The detectors' is measured by :mod:`studies.forecast`, as ``make paper`` does it.
"""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar, get_args, get_type_hints

from check.times import Times
from common.command_line import parse
from common.data_pipeline import fit
from common.memory import peak_bytes, tune_malloc
from datasets.keypoints import KeypointSet
from datasets.voc import VocImage
from glimpse_rnn.batches import KeypointBatches
from glimpse_rnn.config import TrainSettings as GlimpseSettings
from glimpse_rnn.model import get_model
from glimpse_rnn.training import augmentation_of
from hierarchy.config import TrainSettings
from hierarchy.features import FeatureExtractor
from studies.detectors import TRAIN_SETTINGS, Name, make_features
from studies.forecast import measure

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")

FLOAT = 4
"""Bytes of a number in replay memory and caches."""


TIMED = ("fast", "paper")
"""Presets that are timed, where a family has them. The paper's is the largest: what the
other takes in memory shows before it."""


def detector_times(
    name: Name,
    images: Iterable[VocImage],
    count: int,
    seconds: float,
    flags: Sequence[str] = (),
) -> Iterator[Times]:
    """Yield what the trainings of a detector come to, preset by preset.

    Args:
        name: of the detector.
        images: to train on.
        count: how many those are.
        seconds: how long to measure each, start not counted.
        flags: of all trainings, as on a command line.

    Raises:
        InputError: the trunk cannot be used.
    """
    tune_malloc()
    kind = TRAIN_SETTINGS[name]
    for preset, settings in _presets(kind, flags):
        extract = make_features(settings)
        forecast = measure(settings, extract, images, seconds)
        epoch = forecast.seconds(count, 1)
        regions = int(count * forecast.steps_per_image * settings.epochs)
        memory = peak_bytes() + _replay_bytes(settings, extract)
        memory += min(settings.cache_bytes, regions * extract.size * FLOAT)
        yield Times(
            preset,
            count,
            settings.epochs,
            epoch,
            epoch * settings.epochs,
            memory,
            settings.epochs * _weights_bytes(settings, extract),
        )
        del extract
        gc.collect()


def _presets(
    kind: type[Settings], flags: Sequence[str]
) -> Iterator[tuple[str, Settings]]:
    """Yield the settings of each preset as a command line makes them."""
    known = get_args(get_type_hints(kind).get("preset", Literal["paper"]))
    for name in TIMED:
        if name in known:
            chosen = ["--preset", name] if len(known) > 1 else []
            yield name, parse(kind, [*chosen, *flags])


def _replay_bytes(settings: TrainSettings, extract: FeatureExtractor) -> int:
    """Return what a full replay memory takes: states before steps and after them."""
    return 2 * settings.buffer_experience_replay * extract.size * FLOAT


def _weights_bytes(settings: TrainSettings, extract: FeatureExtractor) -> int:
    """Return what the Q-network of an epoch takes on disk."""
    from hierarchy.q_network import HIDDEN_UNITS

    state = extract.size + settings.history_length * len(settings.action_set)
    others = HIDDEN_UNITS + len(settings.action_set)
    return HIDDEN_UNITS * (state + others) * FLOAT


def glimpse_times(
    open_images: Callable[[int], KeypointSet], seconds: float, flags: Sequence[str] = ()
) -> Iterator[Times]:
    """Yield what the trainings of glimpse_rnn come to, preset by preset.

    Args:
        open_images: opens the images to train on, given the side of their canvases.
        seconds: how long to measure each, start not counted.
        flags: of all trainings, as on a command line.
    """
    tune_malloc()
    for preset, settings in _presets(GlimpseSettings, flags):
        model, images = get_model(settings), open_images(settings.image_size)
        few = images.subset(range(min(len(images), 2 * settings.batch_size)))
        batches = KeypointBatches(
            few,
            settings.batch_size,
            settings.seed,
            augmentation_of(settings),
            sample_noise=model.sample_noise,
        )
        fit(model, batches)  # compiles, and decodes
        start, count = time.perf_counter(), 0
        while not count or time.perf_counter() - start < seconds:
            fit(model, batches)
            count += batches.images_per_epoch
        epoch = len(images) * (time.perf_counter() - start) / count
        side, _, channels = images.canvas_shape
        canvases = len(images) * side * side * channels
        yield Times(
            preset,
            len(images),
            settings.epochs,
            epoch,
            epoch * settings.epochs,
            peak_bytes() + min(int(settings.cache_gb * 1e9), canvases),
            settings.epochs * FLOAT * model.count_params(),
        )
