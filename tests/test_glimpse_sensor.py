import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_rnn.sensor import GlimpseSensor


def overlap(start, end, size):
    """How much of each of ``size`` unit pixels lies between start and end."""
    pixels = np.arange(size)
    return np.clip(np.minimum(end, pixels + 1) - np.maximum(start, pixels), 0, None)


def reference(image, location, bandwidth, radius, levels):
    """Area means by weights of overlap, in float64, one glimpse pixel at a time."""
    size = len(image)
    centre = np.floor((np.float32(location) + 1) / 2 * size)
    found = []
    for level in range(levels):
        side = 2 * radius * 2**level
        edges = np.linspace(-side / 2, side / 2, bandwidth + 1)
        weights = [
            np.stack(
                [
                    overlap(middle + a, middle + b, size)
                    for a, b in zip(edges[:-1], edges[1:], strict=True)
                ]
            )
            for middle in centre
        ]
        area = (side / bandwidth) ** 2
        found.append(
            np.einsum("ir,rcx,jc->ijx", weights[0], image / 255, weights[1]) / area
        )
    return np.concatenate(found, axis=-1)


def look(images, locations, *sizes):
    sensor = GlimpseSensor(*sizes)
    tables = sensor.prepare(keras.ops.convert_to_tensor(images))
    locations = np.asarray(locations, np.float32)
    return keras.ops.convert_to_numpy(sensor.glimpse(tables, locations))


coordinates = st.floats(-3, 3, width=32)


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(8, 40),
    bandwidth=st.integers(1, 13),
    radius=st.integers(1, 12),
    levels=st.integers(1, 3),
    channels=st.sampled_from([1, 3]),
    locations=st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=3),
    seed=st.integers(0, 2**16),
)
def test_glimpses_are_area_means(
    size, bandwidth, radius, levels, channels, locations, seed
):
    shape = (len(locations), size, size, channels)
    images = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    found = look(images, locations, bandwidth, radius, levels)
    expected = [
        reference(image, location, bandwidth, radius, levels)
        for image, location in zip(images, locations, strict=True)
    ]
    np.testing.assert_allclose(found, np.stack(expected), atol=2e-5)


@pytest.mark.parametrize("size", [256, 300])
@pytest.mark.parametrize("bandwidth", [60, 37])
def test_large_bright_images_lose_nothing(size, bandwidth):
    """The largest sums there are, beyond what float32 counts exactly at size 300."""
    images = np.full((2, size, size, 1), 255, np.uint8)
    images[1] -= np.random.default_rng(0).integers(0, 3, images[1].shape, np.uint8)
    locations = [(0.9, 0.8), (-0.3, 0.97)]
    found = look(images, locations, bandwidth, 30, 3)
    expected = [
        reference(image, location, bandwidth, 30, 3)
        for image, location in zip(images, locations, strict=True)
    ]
    np.testing.assert_allclose(found, np.stack(expected), atol=2e-5)


@pytest.mark.parametrize("location", [(-1e9, 0), (0, 1e9), (5, 5), (np.inf, -np.inf)])
def test_there_is_nothing_to_see_far_outside(location):
    images = np.full((1, 20, 20, 3), 255, np.uint8)
    assert not look(images, [location], 6, 3, 2).any()


def test_the_papers_crops_are_60_120_and_240_pixels():
    images = np.zeros((1, 256, 256, 1), np.uint8)
    images[0, 128, 128] = 255  # the pixel right below the centre's corner
    found = look(images, [(0, 0)], 60, 30, 3)
    assert found.shape == (1, 60, 60, 3)
    assert found[0, 30, 30].tolist() == [1, 1 / 4, 1 / 16]
    assert np.count_nonzero(found) == 3


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one is enough")
def test_no_gradient_flows_into_locations():
    import tensorflow as tf

    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1)).astype(np.uint8)
    sensor = GlimpseSensor(5, 3, 2)
    locations = tf.Variable([[0.1, 0.2], [0.3, -0.4]])
    with tf.GradientTape() as tape:
        seen = sensor.glimpse(sensor.prepare(tf.constant(images)), locations)
        total = tf.reduce_sum(seen) + 0.0 * tf.reduce_sum(locations)
    assert not tape.gradient(total, locations).numpy().any()
    assert seen.numpy().any()
