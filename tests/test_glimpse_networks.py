"""Each network of the glimpse regressor against its formula in NumPy."""

import dataclasses

import keras
import numpy as np
import pytest

from glimpse_rnn.checkpoint import load_weights, save_weights
from glimpse_rnn.config import ModelSettings, TrainSettings
from glimpse_rnn.model import get_model
from glimpse_rnn.networks import (
    GLIMPSE_UNITS,
    get_cell,
    get_glimpse_network,
    get_head,
    load_trunk,
)
from tests.trunk_files import keras_3
from weights.vgg16 import load_vgg16, preprocess

SMALL = ModelSettings(image_size=32, bandwidth=8, radius=4, levels=2, state_size=16)


def small(**changes):
    return dataclasses.replace(SMALL, **changes)


def network_of(settings, channels=3, trunk_file=None, seed=0):
    """Build the glimpse network of a model's settings."""
    network = get_glimpse_network(
        settings.glimpse_network,
        settings.bandwidth,
        settings.levels,
        channels,
        pooling=settings.pooling,
        convolution_dtype=settings.convolution_dtype,
        vgg_blocks=settings.vgg_blocks,
        seed=seed,
    )
    if trunk_file is not None:
        load_trunk(network, trunk_file)
    return network


def relu(x):
    return np.maximum(x, 0)


def weights_of(network, name):
    return [np.asarray(weight) for weight in network.get_layer(name).get_weights()]


@pytest.fixture
def seen():
    rng = np.random.default_rng(5)
    glimpses = rng.random((3, 8, 8, 6), dtype=np.float32)
    return glimpses, rng.uniform(-1, 1, (3, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def trunk_file(tmp_path_factory, random_layers):
    path = tmp_path_factory.mktemp("trunk") / "trunk.h5"
    keras_3(path, random_layers)
    return path


def g_of(network, what, locations):
    """Compute ReLU(W·what + U·where)."""
    kernel, bias = weights_of(network, "where")
    where = relu(locations @ kernel + bias)
    (where_to_g,) = weights_of(network, "where_to_g")
    kernel, bias = weights_of(network, "what_to_g")
    return relu(what @ kernel + where @ where_to_g + bias)


def test_what_and_where_meet_in_g(seen):
    network = network_of(small(glimpse_network="fc"), 3)
    glimpses, locations = seen
    kernel, bias = weights_of(network, "fc")
    assert kernel.shape == (8 * 8 * 6, 128)
    what = relu(glimpses.reshape(3, -1) @ kernel + bias)
    expected = g_of(network, what, locations)
    g = network.predict([glimpses, locations], verbose=0)
    assert g.shape == (3, GLIMPSE_UNITS) and (g > 0).any()
    np.testing.assert_allclose(g, expected, atol=1e-5)


def strided(x, kernel, bias):
    """Convolve with stride 2, the padding's odd pixel below and to the right."""
    side, size = x.shape[1], kernel.shape[0]
    total = max(size - (2 if side % 2 == 0 else 1), 0)
    before = total // 2
    x = np.pad(x, [(0, 0), (before, total - before), (before, total - before), (0, 0)])
    out = np.zeros((len(x), -(-side // 2), -(-side // 2), kernel.shape[-1]))
    for row in range(out.shape[1]):
        for column in range(out.shape[2]):
            top, left = 2 * row, 2 * column
            patch = x[:, top : top + size, left : left + size]
            out[:, row, column] = np.tensordot(patch, kernel, 3) + bias
    return out


@pytest.mark.parametrize("pooling", ["average", "none"])
def test_the_paper_s_convolutions(seen, pooling):
    network = network_of(small(pooling=pooling), 3)
    x, locations = seen
    sizes = []
    for number in (1, 2, 3):
        kernel, bias = weights_of(network, f"conv{number}")
        sizes.append(kernel.shape)
        x = relu(strided(x, kernel, bias))
    assert sizes == [(5, 5, 6, 32), (5, 5, 32, 64), (5, 5, 64, 128)]
    assert x.shape == (3, 1, 1, 128)
    expected = g_of(network, x.mean(axis=(1, 2)), locations)
    g = network.predict(list(seen), verbose=0)
    np.testing.assert_allclose(g, expected, atol=1e-4)


def test_without_pooling_places_are_told_apart():
    """A glimpse whose convolved places are exchanged differs only without pooling."""
    settings = small(bandwidth=16)
    rng = np.random.default_rng(8)
    places = rng.random((2, 2, 2, 128), dtype=np.float32)
    for pooling, tells in (("average", False), ("none", True)):
        network = network_of(dataclasses.replace(settings, pooling=pooling), 3)
        last = network.get_layer("conv3_relu").output
        behind = keras.Model([last, network.inputs[1]], network.output)
        g, turned = (
            behind.predict([maps, np.zeros((2, 2), np.float32)], verbose=0)
            for maps in (places, places[:, ::-1])
        )
        assert (np.abs(g - turned).max() > 1e-3) == tells


def test_convolutions_in_half_precision_are_nearly_the_same(seen):
    whole = network_of(SMALL, 3)
    half = network_of(small(convolution_dtype="bfloat16"), 3)
    half.set_weights(whole.get_weights())
    assert {str(w.dtype) for w in half.weights} == {"float32"}
    expected, g = (
        whole.predict(list(seen), verbose=0),
        half.predict(list(seen), verbose=0),
    )
    assert g.dtype == np.float32
    assert 0 < np.abs(g - expected).max() < 0.02 * np.abs(expected).max()


def test_residual_blocks_that_add_nothing_leave_the_convolutions(seen):
    plain = network_of(SMALL, 3)
    residual = network_of(small(glimpse_network="residual"), 3)
    for layer in plain.layers:
        residual.get_layer(layer.name).set_weights(layer.get_weights())
    different = residual.predict(list(seen), verbose=0)
    for number in (1, 2, 3):
        block = residual.get_layer(f"conv{number}_b")
        block.set_weights([np.zeros(w.shape) for w in block.get_weights()])
    g = plain.predict(list(seen), verbose=0)
    np.testing.assert_allclose(residual.predict(list(seen), verbose=0), g, atol=1e-6)
    assert np.abs(different - g).max() > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["average", "none"])
@pytest.mark.parametrize("channels", [1, 3])
def test_vgg16_sees_every_level_as_an_image(channels, pooling, trunk_file):
    settings = small(glimpse_network="vgg16", vgg_blocks=2, pooling=pooling)
    network = network_of(settings, channels, trunk_file)
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (2, 8, 8, 2, channels)).astype(np.uint8)
    glimpses = (pixels / 255).astype(np.float32).reshape(2, 8, 8, -1)
    locations = np.zeros((2, 2), np.float32)

    trunk = load_vgg16(trunk_file, ("block2_pool",))
    features = []
    for level in range(2):
        image = np.broadcast_to(pixels[:, :, :, level], (2, 8, 8, 3))
        maps = trunk.predict(preprocess(image), verbose=0)
        is_averaged = pooling == "average"
        features.append(maps.mean(axis=(1, 2)) if is_averaged else maps.reshape(2, -1))
    what = np.concatenate(features, axis=1)
    assert what.shape == (2, 2 * 128 * (1 if is_averaged else 2 * 2))
    what = what - what.mean(axis=1, keepdims=True)
    what /= np.sqrt(what.var(axis=1, keepdims=True) + 1e-3)
    expected = g_of(network, what, locations)
    g = network.predict([glimpses, locations], verbose=0)
    np.testing.assert_allclose(g, expected, atol=1e-3)


@pytest.mark.slow
def test_vgg16_in_bfloat16_finds_nearly_the_same(trunk_file):
    rng = np.random.default_rng(3)
    seen = rng.random((2, 8, 8, 6), dtype=np.float32), np.zeros((2, 2), np.float32)
    found = []
    for dtype in ("float32", "bfloat16"):
        settings = small(glimpse_network="vgg16", vgg_blocks=2, convolution_dtype=dtype)
        found.append(network_of(settings, 3, trunk_file).predict(seen, verbose=0))
    whole, half = found
    assert half.dtype == np.float32 and (whole != half).any()
    np.testing.assert_allclose(half, whole, atol=0.05)


def trunk_weights(model):
    return model.glimpse_network.get_layer("vgg16_levels").trunk.get_weights()


@pytest.mark.parametrize("trainable", [0, 1])
def test_vgg16_is_frozen_or_tuned_and_saved(trainable, trunk_file, tmp_path):
    settings = TrainSettings(
        **small(
            glimpse_network="vgg16", vgg_blocks=1, vgg_trainable=trainable, glimpses=2
        ).architecture(),
        path_vgg=trunk_file,
    )
    model = get_model(settings)
    model.run_eagerly = True  # done before a graph of it is traced
    before = trunk_weights(model)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    model.train_on_batch(images, rng.uniform(-1, 1, (4, 4)).astype(np.float32))
    after = trunk_weights(model)
    changed = [bool((a != b).any()) for a, b in zip(before, after, strict=True)]
    assert changed == [bool(trainable)] * 4
    save_weights(model, tmp_path / "model.weights.h5")
    # What was saved needs no file of VGG-16's.
    again = get_model(ModelSettings(**settings.architecture()))
    load_weights(again, tmp_path / "model.weights.h5")
    assert all((a == b).all() for a, b in zip(after, trunk_weights(again), strict=True))


def test_the_paper_s_cell_is_a_layer_over_state_and_glimpse():
    cell = get_cell("fc", 4)
    rng = np.random.default_rng(2)
    g = rng.standard_normal((3, GLIMPSE_UNITS)).astype(np.float32)
    h = rng.random((3, 4), dtype=np.float32)
    of_g, of_h, bias = (np.asarray(weight) for weight in cell.get_weights())
    layer = np.concatenate([of_h, of_g])
    expected = relu(np.concatenate([h, g], axis=1) @ layer + bias)
    out, _ = cell(keras.ops.convert_to_tensor(g), [keras.ops.convert_to_tensor(h)])
    out = keras.ops.convert_to_numpy(out)
    np.testing.assert_allclose(out, expected, atol=1e-4)


def test_seeds_give_first_weights():
    def all_weights(seed):
        networks = network_of(SMALL, seed=seed), get_cell("fc", 16, seed)
        head = get_head(16, 2, "location", "tanh", seed)
        return [w for part in (*networks, head) for w in part.get_weights() if w.any()]

    first, same, other = all_weights(1), all_weights(1), all_weights(2)
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert not any((a == b).all() for a, b in zip(first, other, strict=True))
    kernels = [w for w in first if w.ndim == 2]
    # No two layers of a network start alike, whatever their sizes.
    assert len({float(kernel.flat[0]) for kernel in kernels}) == len(kernels)
