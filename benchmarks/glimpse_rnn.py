"""glimpse_rnn against the usual sensor, and against the machine's lower bound."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.loop_sensor import LoopSensor
from benchmarks.measuring import Measurement, in_turns, seconds_of
from common.data_pipeline import fit
from common.device_arrays import compiled
from common.memory import tune_malloc
from glimpse_rnn.config import TrainSettings
from glimpse_rnn.model import GlimpseRegressor, get_model
from glimpse_rnn.sensor import GlimpseSensor

BATCH = 64
SENSOR_BATCH = 32
UPDATES = 16
"""Updates in each timed call of ``fit``, which takes some time to start: 1,024 images,
about an epoch of the door handles."""
ROUNDS = 5
"""Times that what is compared takes turns."""


def measure() -> Iterator[Measurement]:
    """Yield each comparison as it is made; some minutes on 2 cores."""
    tune_malloc()
    generator = np.random.default_rng(0)
    settings = TrainSettings()
    yield _sensor(settings, generator)
    images, targets = random_images(settings, UPDATES * BATCH, generator)
    model = get_model(settings)

    def train(number: int = UPDATES) -> None:
        count = number * BATCH
        batches = ArrayBatches(images[:count], targets[:count], BATCH)
        fit(model, batches)

    one_by_one, at_once = floor_of(model), floor_of(model)
    shape = BATCH, settings.glimpses, *model.glimpse_network.inputs[0].shape[1:]
    glimpses = ops.convert_to_tensor(generator.random(shape, dtype=np.float32))
    together = ops.reshape(glimpses, (-1, 1, *shape[2:]))
    ours, *floors = in_turns(
        [
            train,
            lambda: one_by_one.train_on_batch(glimpses),
            lambda: at_once.train_on_batch(together),
        ],
        ROUNDS,
    )
    ours /= UPDATES
    yield Measurement(
        "training_over_floor",
        ours / BATCH,
        min(floors) / BATCH,
        "s/image",
        f"fit the paper's best model, batch {BATCH}, against its convolutions alone,"
        f" forward and backward over {settings.glimpses} glimpses an image, taken one"
        " by one or all at once, whichever is faster",
    )
    sensor = LoopSensor(settings.bandwidth, settings.radius, settings.levels)
    model.sensor = sensor  # type: ignore[assignment]  # it has the same methods
    model.compile(model.optimizer, run_eagerly=True)
    yield Measurement(
        "training_over_loop_sensor",
        ours / BATCH,
        seconds_of(lambda: train(1), 2) / BATCH,
        "s/image",
        "the same, against the same model with a sensor that loops over samples,"
        " run eagerly as such programs are",
    )


def random_images(
    settings: TrainSettings, number: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return random images and targets: uint8 (n, S, S, 3), float32 (n, 4)."""
    side = settings.image_size
    images = generator.integers(0, 256, (number, side, side, 3), dtype=np.uint8)
    targets = np.ones((number, 4), np.float32)
    targets[:, :2] = generator.uniform(-1, 1, (number, 2))
    return images, targets


class ArrayBatches(keras.utils.PyDataset):
    """Batches of images that are at hand, as long as they fill them.

    Args:
        images: (n, …).
        targets: (n, …).
        size: of a batch.
    """

    def __init__(self, images: np.ndarray, targets: np.ndarray, size: int):
        super().__init__()
        self._arrays = images, targets
        self._size = size

    def __len__(self) -> int:
        return len(self._arrays[0]) // self._size

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        part = slice(index * self._size, (index + 1) * self._size)
        return tuple(array[part] for array in self._arrays)


def _sensor(settings: TrainSettings, generator: np.random.Generator) -> Measurement:
    """Compare a glimpse of a batch; the sums are made once for all of a run."""
    sizes = settings.bandwidth, settings.radius, settings.levels
    images = ops.convert_to_tensor(random_images(settings, SENSOR_BATCH, generator)[0])
    locations = generator.uniform(-1, 1, (SENSOR_BATCH, 2)).astype(np.float32)
    locations = ops.convert_to_tensor(locations)
    sensor, loop = GlimpseSensor(*sizes), LoopSensor(*sizes)
    prepare, glimpse = compiled(sensor.prepare), compiled(sensor.glimpse)
    sums = prepare(images)
    once, each, usual = in_turns(
        [
            lambda: _wait(prepare(images)),
            lambda: _wait(glimpse(sums, locations)),
            lambda: _wait(loop.glimpse(images, locations)),
        ],
        ROUNDS,
    )
    return Measurement(
        "sensor_ms_per_glimpse",
        1000 * each,
        1000 * usual,
        "ms",
        f"one glimpse of a batch of {SENSOR_BATCH}, against a loop over samples; the"
        f" sums that it reads, once for a batch, take {1000 * once:.0f} ms besides",
    )


def _wait(tensor: Any) -> None:
    """Wait until a tensor is computed, or the last of several."""
    last = tensor[-1] if isinstance(tensor, tuple) else tensor
    ops.convert_to_numpy(last[(0,) * len(last.shape)])


class Convolutions(keras.Model):
    """The convolutions of a glimpse network and nothing else, to be trained.

    Args:
        layers: the convolutions, built.
    """

    def __init__(self, layers: list[keras.layers.Conv2D]):
        super().__init__()
        self.convolutions = layers

    def call(self, glimpses: Any) -> Any:
        """Return the last convolution's outputs: float32 (n, T, h, w, c).

        Args:
            glimpses: float32 (n, T, b, b, C), each of the T is done by itself.
        """
        outputs = []
        for x in ops.unstack(glimpses, axis=1):
            for layer in self.convolutions:
                x = layer(x)
            outputs.append(x)
        return ops.stack(outputs, axis=1)

    def compute_loss(self, x=None, y=None, y_pred=None, *_, **__) -> Any:
        """Return the mean output, so that all of it has a gradient."""
        return ops.mean(y_pred)


def floor_of(model: GlimpseRegressor) -> Convolutions:
    """Return copies of a model's convolutions, compiled to be trained alone."""
    layers = [
        layer.__class__.from_config(layer.get_config())
        for layer in model.glimpse_network.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    floor = Convolutions(layers)
    floor.compile(keras.optimizers.SGD(1e-6), jit_compile=False)
    return floor
