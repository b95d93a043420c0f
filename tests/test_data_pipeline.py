"""Batches that reach fit are the ones that there are, and wait for nothing."""

import keras
import numpy as np
import pytest

from common import data_pipeline
from common.data_pipeline import fit


class Pairs(keras.utils.PyDataset):
    """Three batches of inputs, nested as a model's may be, and targets."""

    def __init__(self):
        super().__init__()
        generator = np.random.default_rng(0)
        self._images = generator.integers(0, 256, (12, 5, 4), dtype=np.uint8)
        self._noise = generator.random((12, 2), np.float32)

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index == 1 and self._images[0, 0, 0] == 0:
            raise ValueError("the first image is black")
        part = slice(4 * index, 4 * index + 4)
        images, noise = self._images[part], self._noise[part]
        return (images, noise), noise.sum(1, keepdims=True)

    def blacken(self):
        self._images[:] = 0


class Linear(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, kernel_initializer="ones")
        self.compile(keras.optimizers.SGD(0.1), "mse")

    def call(self, inputs):
        images, noise = inputs
        means = keras.ops.mean(keras.ops.cast(images, "float32"), axis=(1, 2))
        return self.dense(keras.ops.concatenate([noise, means[:, None] / 255], 1))


@pytest.mark.slow
def test_fit_learns_the_same_as_from_the_batches():
    weights = []
    plain = {"shuffle": False, "verbose": 0}
    for train in (lambda *given: keras.Model.fit(*given, **plain), fit):
        model = Linear()
        for _ in range(2):
            history = train(model, Pairs())
        weights.append([*model.get_weights(), *history.history["loss"]])
    for plain, fed in zip(*weights, strict=True):
        np.testing.assert_array_equal(plain, fed)


def test_an_error_in_a_batch_comes_out_as_it_is():
    batches = Pairs()
    batches.blacken()
    with pytest.raises(ValueError, match="^the first image is black$"):
        fit(Linear(), batches)


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="TensorFlow's own pipelines"
)
def test_the_pipeline_is_not_tuned_and_knows_its_end():
    epoch = data_pipeline._pipeline(Pairs(), [])
    assert epoch.options().autotune.enabled is False
    assert int(epoch.cardinality()) == 3
    (images, noise), targets = epoch.element_spec
    assert images.shape.as_list() == [None, 5, 4]
    assert noise.shape.as_list() == [None, 2]
    assert targets.shape.as_list() == [None, 1]
