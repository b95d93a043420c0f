"""A training step of either detector against the published one and a lower bound."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from benchmarks.measuring import Measurement, seconds_of
from benchmarks.published_loop import published_q_network, published_update
from common.memory import tune_malloc
from datasets.drawn.planes import draw_planes
from datasets.voc import VocSet
from hierarchy.actions import TRIGGER
from hierarchy.agent import Agent
from hierarchy.config import TrainSettings
from hierarchy.encoder import StateEncoder
from hierarchy.features import FeatureExtractor
from hierarchy.learner import QLearner
from hierarchy.q_network import HIDDEN_UNITS
from hierarchy.replay import ReplayMemory, Transitions
from hierarchy.schedules import get_epsilon
from hierarchy.search import SearchSpec
from hierarchy.train import Parts, run_epoch
from weights import DEFAULT_PATH
from weights.fetch import ensure_trunk
from weights.vgg16 import DESCRIPTOR_SIZE

STATE_SIZE = StateEncoder(DESCRIPTOR_SIZE).state_size
BUFFER = 1000
BATCH = 100
EPOCHS = 50
TURN = 20  # epochs between two published steps
IMAGES = 2


@dataclass(frozen=True)
class Bench:
    """What training steps are timed on.

    Attributes:
        images: a few drawn planes.
        learner: a new Q-network.
        replay: a full memory.
        generator: of everything random.
    """

    images: VocSet
    learner: QLearner
    replay: ReplayMemory
    generator: np.random.Generator

    def training_step(
        self,
        extract: FeatureExtractor,
        published_extract: Callable[[], Any],
        dtype: str = "float32",
    ) -> Iterator[Measurement]:
        """Compare the mean step of a training, and of its first epoch.

        Args:
            extract: the detector's features, with nothing cached.
            published_extract: extracts a region's features as the published program.
            dtype: what the detector's trunk computes in.
        """
        seconds, published = self._step_seconds(extract, published_extract)
        for name, regions in (
            ("training_step", "mean over the 50 epochs of a training"),
            ("training_step_first_epoch", "in the first epoch, nothing seen before"),
        ):
            yield Measurement(
                name if dtype == "float32" else f"{name}_{dtype}",
                seconds[name],
                published,
                "s",
                f"extract, act, store and update, batch {BATCH} out of {BUFFER},"
                f" {regions}, trunk in {dtype}, against 201 single predictions and a"
                " fit",
            )

    def _step_seconds(
        self, extract: FeatureExtractor, published_extract: Callable[[], Any]
    ) -> tuple[dict[str, float], float]:
        """Return the time of a step by measurement, and that of a published one.

        The two are timed in turns, so that whatever else the machine does meanwhile
        slows both.
        """
        parts = Parts(
            TrainSettings(class_object=1, batch_size=BATCH),
            SearchSpec(),
            extract,
            StateEncoder(extract.size),
            self.learner,
            Agent(self.learner.q_values, 6, self.generator),
            self.replay,
            self.generator,
            {},
        )
        published_step = self._published_step(published_extract)
        self.learner.update(self.replay.sample(BATCH, self.generator))  # compiles
        published_step()  # so does this
        steps, seconds, published = [], [], []
        for epoch in range(EPOCHS):
            if epoch % TURN == 0:
                published.append(seconds_of(published_step, 1, warm_up=0))
            start = time.perf_counter()
            epsilon = get_epsilon(epoch)
            steps.append(sum(1 for _ in run_epoch(parts, self.images, epsilon)))
            seconds.append(time.perf_counter() - start)
        ours = {
            "training_step": sum(seconds) / sum(steps),
            "training_step_first_epoch": seconds[0] / steps[0],
        }
        return ours, statistics.median(published)

    def _published_step(
        self, published_extract: Callable[[], Any]
    ) -> Callable[[], None]:
        network = published_q_network()

        def step() -> None:
            published_extract()
            batch = self.replay.sample(BATCH, self.generator)
            network.predict(batch.states[:1], batch_size=1, verbose=0)
            published_update(network, batch)

        return step

    def update_over_floor(self) -> Measurement:
        """Compare an update with its matrix products and memory traffic alone."""
        batch = self.replay.sample(BATCH, self.generator)
        return Measurement(
            "update_over_floor",
            seconds_of(lambda: self.learner.update(batch), 20, warm_up=3),
            _product_seconds(batch) + _adam_traffic_seconds(self.learner),
            "s",
            f"one update with batch {BATCH} against its matrix products and Adam's"
            " memory traffic alone",
        )


@contextmanager
def bench() -> Iterator[Bench]:
    """Make what training steps are timed on; the trunk is there afterwards."""
    tune_malloc()
    ensure_trunk(DEFAULT_PATH)
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        draw_planes(Path(folder), trainval=IMAGES, test=1)
        images = VocSet.open(folder, "trainval", "aeroplane")
        learner = QLearner(STATE_SIZE, DESCRIPTOR_SIZE)
        yield Bench(images, learner, _full_memory(generator), generator)


def _full_memory(generator: np.random.Generator) -> ReplayMemory:
    """Return a full memory of states that look like descriptors."""
    replay = ReplayMemory(BUFFER, STATE_SIZE)

    def state() -> np.ndarray:
        values = generator.standard_normal(STATE_SIZE, dtype=np.float32)
        return np.maximum(values, 0)

    for _ in range(BUFFER):
        action = int(generator.integers(1, 7))
        replay.store(state(), action, 1, state(), 0.9 * (action != TRIGGER))
    return replay


def _product_seconds(batch: Transitions) -> float:
    """Return the time of the products that an update cannot do without.

    The first layer of states, of next states and of its gradient; of the second layer
    three passes forward (targets, next states, prediction) and two backward. The last
    layer is too small to show.
    """
    generator = np.random.default_rng(0)
    first = generator.standard_normal((STATE_SIZE, HIDDEN_UNITS), dtype=np.float32)
    second = first[:HIDDEN_UNITS]
    hidden = np.ascontiguousarray(batch.states[:, :HIDDEN_UNITS])
    pairs = [
        (batch.states, first),
        (batch.next_states, first),
        (np.ascontiguousarray(batch.states.T), hidden),
        *[(hidden, second)] * 4,
        (np.ascontiguousarray(hidden.T), hidden),
    ]
    with_numpy = sum(
        seconds_of(partial(np.matmul, *pair), 10, warm_up=2) for pair in pairs
    )
    tensors = [[ops.convert_to_tensor(array) for array in pair] for pair in pairs]

    def multiply(one: Any, other: Any) -> None:
        ops.convert_to_numpy(ops.matmul(one, other)[0, 0])  # waits until it is done

    with_keras = sum(seconds_of(partial(multiply, *pair), 10, 2) for pair in tensors)
    return min(with_numpy, with_keras)


def _adam_traffic_seconds(learner: QLearner) -> float:
    """Return the time to read weights, gradients and two moments and write three.

    That is seven passes over memory; a copy makes two, so three and a half copies, on
    as many threads as fill the memory bus.
    """
    size = learner.network.count_params()
    source, target = np.ones(size, np.float32), np.zeros(size, np.float32)
    halves = [slice(0, size // 2), slice(size // 2, size)]
    with ThreadPoolExecutor(len(halves)) as pool:

        def copy() -> None:
            list(pool.map(lambda h: np.copyto(target[h], source[h]), halves))

        return 3.5 * seconds_of(copy, 10, warm_up=2)
