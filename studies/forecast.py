"""How long a detector's training will take on this machine, from a short measurement.

A few searches are run with the trunk and the images that training will have, and the
update is timed by itself: in training it would come only once the memory is full.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from datasets.voc import VocImage
from hierarchy.config import TrainSettings
from hierarchy.features import FeatureExtractor
from hierarchy.replay import Transitions
from hierarchy.train import Parts, assemble, run_epoch

_UPDATES = 3
"""Updates that are timed, after one that compiles."""


@dataclass(frozen=True)
class Forecast:
    """What was measured.

    Attributes:
        steps_per_image: of the first epoch, where most actions are random.
        seconds_per_step: looking at a new region and the updates after it.
    """

    steps_per_image: float
    seconds_per_step: float

    def seconds(self, images: int, epochs: int) -> float:
        """Return how long a training takes at most: no region is seen again."""
        return images * epochs * self.steps_per_image * self.seconds_per_step


def measure(
    settings: TrainSettings,
    extract: FeatureExtractor,
    images: Iterable[VocImage],
    seconds: float,
) -> Forecast:
    """Train for a while without keeping anything of it.

    Args:
        settings: of the training.
        extract: the detector's features.
        images: to train on; as many are looked at as there is time for.
        seconds: how long to search; the updates come on top.
    """
    # More than is ever filled: nothing is learnt while the searches are timed.
    never = replace(
        settings,
        buffer_experience_replay=settings.batch_size,
        learning_starts=2**31,
        num_searches=1,
    )
    parts = assemble(never, extract)
    steps = run_epoch(parts, images, epsilon=1.0)
    next(steps, None)  # the first compiles
    start, count, image = time.perf_counter(), 0, 0
    for step in steps:
        count, image = count + 1, step.image
        if time.perf_counter() - start > seconds:
            break
    search = (time.perf_counter() - start) / max(count, 1)
    update = _seconds_per_update(parts)
    return Forecast(
        max(count, 1) / (image + 1), search + settings.updates_per_step * update
    )


def _seconds_per_update(parts: Parts) -> float:
    size, actions = parts.settings.batch_size, len(parts.spec.actions)
    shape = 2, size, parts.encoder.state_size
    states = np.random.default_rng(0).random(shape, np.float32)
    batch = Transitions(
        states[0],
        np.ones(size, np.int32),
        np.ones(size, np.float32),
        states[1],
        np.zeros(size, np.float32),
        np.full((size, actions), np.nan, np.float32),
    )
    parts.learner.update(batch)
    start = time.perf_counter()
    for _ in range(_UPDATES):
        parts.learner.update(batch)
    return (time.perf_counter() - start) / _UPDATES
