import keras
import numpy as np
import pytest
from keras import ops

from benchmarks import glimpse_rnn
from benchmarks.glimpse_rnn import floor_of
from benchmarks.loop_sensor import LoopSensor
from glimpse_rnn.config import ModelSettings, TrainSettings
from glimpse_rnn.model import get_model
from glimpse_rnn.sensor import GlimpseSensor

pytestmark = pytest.mark.slow


def test_the_sensor_that_is_timed_as_reference_sees_the_same():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 24, 24, 3), dtype=np.uint8)
    locations = np.append(random.uniform(-1, 1, (4, 2)), [[1, -1]], axis=0)
    seen = []
    for sensor in (GlimpseSensor(6, 3, 3), LoopSensor(6, 3, 3)):
        table = sensor.prepare(ops.convert_to_tensor(images))
        locations = ops.convert_to_tensor(locations, "float32")
        seen.append(ops.convert_to_numpy(sensor.glimpse(table, locations)))
    np.testing.assert_allclose(*seen, atol=1e-6)


def test_the_sensor_is_timed(monkeypatch):
    monkeypatch.setattr(glimpse_rnn, "SENSOR_BATCH", 2)
    monkeypatch.setattr(glimpse_rnn, "ROUNDS", 1)
    settings = TrainSettings(image_size=32, bandwidth=8, radius=4)
    measured = glimpse_rnn._sensor(settings, np.random.default_rng(0))
    assert measured.ours > 0 and measured.reference > 0


def test_the_floor_trains_the_models_own_convolutions_and_nothing_else():
    settings = ModelSettings(task="mnist_centroid")
    model = get_model(settings)
    floor = floor_of(model)
    glimpses = np.random.default_rng(0).random((4, 2, 12, 12, 3), np.float32)
    floor(glimpses)
    shapes = [tuple(weight.shape) for weight in floor.trainable_variables]
    assert shapes == [
        tuple(weight.shape)
        for layer in model.glimpse_network.layers
        if isinstance(layer, keras.layers.Conv2D)
        for weight in layer.trainable_variables
    ]
    assert len(shapes) == 6
    before = floor.get_weights()
    floor.optimizer.learning_rate = 1.0
    floor.train_on_batch(glimpses)
    for old, new in zip(before, floor.get_weights(), strict=True):
        assert not np.array_equal(old, new)
