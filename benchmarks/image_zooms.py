"""image_zooms against the published way, and against the machine's floor."""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
from keras import ops

from benchmarks.measuring import Measurement, seconds_of
from benchmarks.published_loop import published_q_network, published_update
from common.memory import keep_freed_memory
from hierarchy.agent import Agent, get_epsilon
from hierarchy.description import STATE_SIZE, CachedDescriber, vgg_input
from hierarchy.pictures import Picture, resize
from hierarchy.q_network import HIDDEN_UNITS, QLearner, get_q_network
from hierarchy.regions import CENTRE, whole_image, zoom
from hierarchy.replay import Experiences, ReplayMemory
from hierarchy.search import SearchRules
from hierarchy.training import Trainer
from hierarchy.voc import VocSet
from image_zooms.features import ImageZoomsDescriber
from samples.planes import draw_planes
from weights import DEFAULT_PATH
from weights.fetch import ensure_trunk
from weights.vgg16 import load_vgg16

BUFFER = 1000
BATCH = 100
EPOCHS = 50
IMAGES = 2


def measure() -> Iterator[Measurement]:
    """Yield each comparison as it is made; some minutes on 2 cores."""
    keep_freed_memory()
    ensure_trunk(DEFAULT_PATH)
    trunk = load_vgg16()
    trunk.compile(jit_compile=False)
    generator = np.random.default_rng(0)
    replay = _full_memory(generator)
    learner = QLearner(get_q_network())
    with tempfile.TemporaryDirectory() as folder:
        images = _images(Path(folder))
        published = _published_step_seconds(trunk, replay, images, generator)
        seconds = _step_seconds(trunk, learner, replay, images, generator)
        for name, regions in (
            ("training_step", "mean over the 50 epochs of a training"),
            ("training_step_first_epoch", "in the first epoch, every region new"),
        ):
            yield Measurement(
                name,
                seconds[name],
                published,
                "s",
                f"describe, choose, store and update, batch {BATCH} out of {BUFFER},"
                f" {regions}, against 201 single predictions and a fit",
            )
        yield _describing_again(trunk, images)
    yield _update_over_floor(learner, replay, generator)


def _images(folder: Path) -> VocSet:
    draw_planes(folder, trainval=IMAGES, test=1)
    return VocSet.open(folder, "trainval", "aeroplane")


def _full_memory(generator: np.random.Generator) -> ReplayMemory:
    """Return a full memory of states that look like descriptors."""
    replay = ReplayMemory(BUFFER, STATE_SIZE)

    def state() -> np.ndarray:
        values = generator.standard_normal(STATE_SIZE, dtype=np.float32)
        return np.maximum(values, 0)

    for _ in range(BUFFER):
        action = int(generator.integers(1, 7))
        replay.store(state(), action, 1, state())
    return replay


def _step_seconds(
    trunk: keras.Model,
    learner: QLearner,
    replay: ReplayMemory,
    images: VocSet,
    generator: np.random.Generator,
) -> dict[str, float]:
    """Return the mean time of a step of the real training loop, by measurement."""
    learner.update(replay.sample(BATCH, generator))  # compiles
    describer = CachedDescriber(ImageZoomsDescriber(trunk), int(2e9))
    trainer = Trainer(
        Agent(learner, generator), describer, replay, SearchRules(), 1, BATCH, generator
    )
    steps, seconds = [], []
    for epoch in range(EPOCHS):
        start = time.perf_counter()
        steps.append(sum(1 for _ in trainer.epoch(images, get_epsilon(epoch))))
        seconds.append(time.perf_counter() - start)
    return {
        "training_step": sum(seconds) / sum(steps),
        "training_step_first_epoch": seconds[0] / steps[0],
    }


def _published_step_seconds(
    trunk: keras.Model,
    replay: ReplayMemory,
    images: VocSet,
    generator: np.random.Generator,
) -> float:
    network = published_q_network()
    pixels = images[0].pixels

    def step() -> None:
        inputs = vgg_input(resize(pixels))[None]
        trunk.predict(inputs, verbose=0)
        batch = replay.sample(BATCH, generator)
        network.predict(batch.states[:1], batch_size=1, verbose=0)
        published_update(network, batch)

    return seconds_of(step, repeats=3)


def _describing_again(trunk: keras.Model, images: VocSet) -> Measurement:
    """Compare a region seen before with one that is new."""
    picture = Picture("image", images[0].pixels)
    region = zoom(whole_image(*picture.size), CENTRE, 3 / 4)
    describer = ImageZoomsDescriber(trunk)
    cached = CachedDescriber(describer, int(1e9))
    return Measurement(
        "describe_again",
        seconds_of(lambda: cached.describe(picture, [region]), 200),
        seconds_of(lambda: describer.describe(picture, [region]), 10),
        "s",
        "descriptor of a region seen before against one pass through VGG-16",
    )


def _update_over_floor(
    learner: QLearner, replay: ReplayMemory, generator: np.random.Generator
) -> Measurement:
    batch = replay.sample(BATCH, generator)
    return Measurement(
        "update_over_floor",
        seconds_of(lambda: learner.update(batch), 20, warm_up=3),
        _product_seconds(batch) + _adam_traffic_seconds(learner),
        "s",
        f"one update with batch {BATCH} against its matrix products and Adam's memory"
        " traffic alone",
    )


def _product_seconds(batch: Experiences) -> float:
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
        seconds_of(lambda p=pair: np.matmul(*p), 10, warm_up=2) for pair in pairs
    )
    tensors = [[ops.convert_to_tensor(array) for array in pair] for pair in pairs]
    with_keras = sum(
        seconds_of(lambda p=pair: ops.convert_to_numpy(ops.matmul(*p)[0, 0]), 10, 2)
        for pair in tensors
    )
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
