"""How long the papers' trainings take on this machine, and what lockstep gains.

Meant for a GPU, but runs anywhere.
"""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.glimpse_rnn import ArrayBatches, random_images
from benchmarks.measuring import Measurement
from common.data_pipeline import fit
from common.memory import tune_malloc
from datasets.voc import VOC_CLASSES, VocImage, VocObject
from glimpse_rnn.config import TrainSettings as GlimpseSettings
from glimpse_rnn.model import get_model
from hierarchy.baselines import AgentPolicy
from hierarchy.config import TrainSettings
from hierarchy.encoder import StateEncoder
from hierarchy.evaluation import run_batch
from hierarchy.images import SearchImage
from hierarchy.q_network import get_q_network
from hierarchy.train import assemble, run_epoch
from studies.detectors import TEST_SETTINGS, TRAIN_SETTINGS, make_features
from weights import DEFAULT_PATH
from weights.fetch import ensure_trunk

STEPS = 50 * 900 * 10
"""Of the paper's training: epochs, images of VOC 2012 with an aeroplane, steps."""
EPSILON = 0.5
GLIMPSE_UPDATES = 8


def measure(searches: int = 16, images: int = 32) -> Iterator[Measurement]:
    """Yield each comparison as it is made.

    Args:
        searches: images in lockstep.
        images: of VOC size that are searched once.
    """
    tune_malloc()
    for detector in ("image_zooms", "pool45_crops"):
        yield from _detector(detector, searches, images)
        yield _testing(detector, searches, images)
    yield _glimpses()


def _detector(name: str, searches: int, images: int) -> Iterator[Measurement]:
    """Compare steps in lockstep with steps one by one, and on the device with off."""
    settings = TRAIN_SETTINGS[name]()
    ensure_trunk(DEFAULT_PATH)
    pictures = _pictures(images + 2 * searches)

    def seconds(number: int, on_device: Literal[0, 1]) -> float:
        chosen = replace(settings, num_searches=number, on_device=on_device)
        return _seconds_a_step(chosen, pictures[:images], pictures[images:])

    alone, together = seconds(1, 0), seconds(searches, 0)
    kept = seconds(searches, 1)
    work = "a training step on new images of VOC size, batch 100 out of 1,000"
    yield Measurement(
        f"lockstep_{name}",
        together,
        alone,
        "s/step",
        f"{work}, {searches} searches in lockstep against one by one;"
        f" {_paper_minutes(together)}",
    )
    yield Measurement(
        f"on_device_{name}",
        kept,
        together,
        "s/step",
        f"the same with --on_device 1 against without; {_paper_minutes(kept)}",
    )


def _paper_minutes(seconds: float) -> str:
    minutes = STEPS * seconds / 60
    return f"the paper's {STEPS:,} steps would take {minutes:.0f} minutes"


def _seconds_a_step(
    settings: TrainSettings, images: list[VocImage], warm_up: list[VocImage]
) -> float:
    settings = replace(settings, learning_starts=settings.batch_size)
    parts = assemble(settings, make_features(settings))
    state = np.zeros(parts.encoder.state_size, np.float32)
    for _ in range(settings.batch_size):
        parts.replay.store(state, 1, 1, state, settings.gamma)
    several = 2 * settings.num_searches
    sum(1 for _ in run_epoch(parts, warm_up[:several], EPSILON))
    start = time.perf_counter()
    steps = sum(1 for _ in run_epoch(parts, images, EPSILON))
    return (time.perf_counter() - start) / steps


def _testing(name: str, searches: int, images: int) -> Measurement:
    """Compare testing images in lockstep with testing them one by one."""
    settings = TEST_SETTINGS[name]()
    extract = make_features(settings)
    encoder = StateEncoder(extract.size)
    policy = AgentPolicy(get_q_network(encoder.state_size), extract, encoder)
    spec = settings.search_spec(extract.fill_colour)
    pictures = [SearchImage(image.key, image.pixels) for image in _pictures(2 * images)]
    halves = pictures[:images], pictures[images:]  # none is to be in the cache yet

    def seconds_an_image(pictures: list[SearchImage], number: int) -> float:
        start = time.perf_counter()
        for first in range(0, images, number):
            visited = run_batch(pictures[first : first + number], policy, spec)
            sum(1 for _ in visited)
        return (time.perf_counter() - start) / images

    together, alone = (
        seconds_an_image(half, number)
        for half, number in zip(halves, (searches, 1), strict=True)
    )
    return Measurement(
        f"test_{name}",
        together,
        alone,
        "s/image",
        f"an image of VOC size searched by a new agent, {searches} in"
        f" lockstep against one by one: {1 / together:.1f} images a second",
    )


def _pictures(number: int) -> list[VocImage]:
    """Return images of VOC size of nothing in particular, each with an object."""
    generator = np.random.default_rng(0)
    objects = (VocObject(VOC_CLASSES[0], (120, 150, 200, 260), False),)
    return [
        VocImage(
            str(index),
            str(index),
            Path(tempfile.gettempdir()),
            generator.integers(0, 256, (375, 500, 3), dtype=np.uint8),
            objects,
        )
        for index in range(number)
    ]


def _glimpses() -> Measurement:
    """Compare training in bfloat16 with the paper's best model as it is."""
    generator = np.random.default_rng(0)
    settings = GlimpseSettings()
    batch = settings.batch_size
    images, targets = random_images(settings, GLIMPSE_UPDATES * batch, generator)
    half, whole = (
        _seconds_an_image(replace(settings, convolution_dtype=dtype), images, targets)
        for dtype in ("bfloat16", "float32")
    )
    return Measurement(
        "glimpse_training_bfloat16",
        half,
        whole,
        "s/image",
        f"fit the paper's best model, batch {batch}, its convolutions in bfloat16"
        f" against float32: {1 / half:.0f} and {1 / whole:.0f} images a second",
    )


def _seconds_an_image(
    settings: GlimpseSettings, images: np.ndarray, targets: np.ndarray
) -> float:
    model = get_model(settings)
    batches = ArrayBatches(images, targets, settings.batch_size)
    fit(model, batches)
    start = time.perf_counter()
    fit(model, batches)
    return (time.perf_counter() - start) / len(images)
