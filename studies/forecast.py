"""How long a detector's training will take on this machine, from a short measurement.

A few searches are run with the trunk and the images that training will have, and the
update is timed by itself: in training it would come only once the memory is full.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from datasets.voc import VocImage
from hierarchy.agent import Agent
from hierarchy.config import TrainSettings
from hierarchy.features import STATE_SIZE, Describer
from hierarchy.history import NUMBER_OF_ACTIONS
from hierarchy.q_network import QLearner, get_q_network
from hierarchy.replay import Transitions, ReplayMemory
from hierarchy.train import Trainer

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
    describer: Describer,
    images: Iterable[VocImage],
    seconds: float,
) -> Forecast:
    """Train for a while without keeping anything of it.

    Args:
        settings: of the training.
        describer: the detector's.
        images: to train on; as many are looked at as there is time for.
        seconds: how long to search; the updates come on top.
    """
    learner = QLearner(get_q_network(), settings.gamma)
    random = np.random.default_rng(0)
    # One more than is ever filled: nothing is learnt while the searches are timed.
    trainer = Trainer(
        Agent(learner, random),
        describer,
        ReplayMemory(settings.batch_size, STATE_SIZE),
        settings.rules,
        settings.class_id,
        settings.batch_size,
        random,
        learning_starts=2**31,
        known_actions=settings.known_actions,
        looks_ahead=settings.gamma > 0,
    )
    steps = trainer.epoch(images, epsilon=1.0)
    next(steps, None)  # the first compiles
    start, count, image = time.perf_counter(), 0, 0
    for step in steps:
        count, image = count + 1, step.image
        if time.perf_counter() - start > seconds:
            break
    search = (time.perf_counter() - start) / max(count, 1)
    update = _seconds_per_update(learner, settings.batch_size, random)
    return Forecast(
        max(count, 1) / (image + 1), search + settings.updates_per_step * update
    )


def _seconds_per_update(
    learner: QLearner, batch_size: int, random: np.random.Generator
) -> float:
    states = random.random((2, batch_size, STATE_SIZE), np.float32)
    batch = Transitions(
        states[0],
        np.ones(batch_size, np.int32),
        np.ones(batch_size, np.float32),
        states[1],
        np.full((batch_size, NUMBER_OF_ACTIONS), np.nan, np.float32),
    )
    learner.update(batch)
    start = time.perf_counter()
    for _ in range(_UPDATES):
        learner.update(batch)
    return (time.perf_counter() - start) / _UPDATES


def duration(seconds: float) -> str:
    """Return a time in the unit that fits: seconds, minutes, hours or days."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
