import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from numpy.lib.stride_tricks import sliding_window_view

from glimpse_rnn import integral_image
from glimpse_rnn.integral_image import BoxFilter, IntegralImage
from glimpse_rnn.sensor import GlimpseSensor


def reference_overlaps(centre, side, bandwidth, size):
    """Return float64 (bandwidth, size): how much of each pixel each output covers."""
    edges = centre - side / 2 + np.arange(bandwidth + 1) * side / bandwidth
    pixels = np.arange(size)
    ends = np.minimum(edges[1:, None], pixels + 1)
    starts = np.maximum(edges[:-1, None], pixels)
    return np.maximum(ends - starts, 0)


def reference_glimpse(image, location, bandwidth, radius, levels):
    """Average areas of one image in float64, without a table: (b, b, levels · C)."""
    half = (np.float32(location) + np.float32(1)) / np.float32(2)
    seen = []
    for level in range(levels):
        side = 2 * radius * 2**level
        rows, columns = (
            reference_overlaps(
                np.floor(share * np.float32(size)), side, bandwidth, size
            )
            for share, size in zip(half, image.shape[:2], strict=True)
        )
        strips = np.tensordot(rows, image.astype(np.float64), (1, 0))
        sums = np.moveaxis(np.tensordot(columns, strips, (1, 1)), 0, 1)
        seen.append(sums / (side / bandwidth) ** 2 / 255)
    return np.concatenate(seen, axis=-1)


def glimpse_of(sensor, images, locations):
    sums = sensor.prepare(ops.convert_to_tensor(images))
    return ops.convert_to_numpy(
        sensor.glimpse(sums, ops.convert_to_tensor(np.float32(locations)))
    )


def random_images(seed, count, size, channels):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, size, size, channels)).astype(np.uint8)


CORNERS = [(0, 0), (-1, -1), (1, 1), (-1, 1), (1, -1)]
OUTSIDE = [(-3, 0), (0, 3), (1e9, -1e9), (-1.4, 1.3)]


def test_the_reference_averages_by_hand():
    image = np.array([[10, 20, 30, 40]] * 4, np.uint8)[..., None]
    seen = reference_glimpse(image, (0.0, 0.0), 1, 1, 2)
    np.testing.assert_allclose(seen[0, 0] * 255, [25, 25])
    seen = reference_glimpse(image, (0.0, 1.0), 2, 1, 1)
    np.testing.assert_allclose(seen[..., 0] * 255, [[40, 0], [40, 0]])
    seen = reference_glimpse(image, (0.0, 0.5), 4, 3, 1)  # 1.5 pixels an output pixel
    np.testing.assert_allclose(seen[1, :, 0] * 255 * 1.5, [20, 40, 40, 0])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_glimpse_is_the_exact_area_average(data):
    size = data.draw(st.sampled_from([8, 13, 24]), "size")
    bandwidth = data.draw(st.sampled_from([1, 3, 4, 7, 20]), "bandwidth")
    radius = data.draw(st.integers(1, 9), "radius")
    levels = data.draw(st.integers(1, 3), "levels")
    channels = data.draw(st.sampled_from([1, 3]), "channels")
    coordinate = st.floats(-2.5, 2.5, width=32)
    locations = CORNERS + OUTSIDE
    locations = locations + data.draw(
        st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=3), "locations"
    )
    images = random_images(size, len(locations), size, channels)
    seen = glimpse_of(GlimpseSensor(bandwidth, radius, levels), images, locations)
    assert seen.dtype == np.float32
    assert seen.shape == (len(locations), bandwidth, bandwidth, levels * channels)
    for image, location, values in zip(images, locations, seen, strict=True):
        expected = reference_glimpse(image, location, bandwidth, radius, levels)
        np.testing.assert_allclose(values, expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("size", [256, 257, 700])
@pytest.mark.parametrize(("bandwidth", "radius"), [(60, 30), (48, 25)])
def test_large_images_are_exact_too(size, bandwidth, radius):
    """At 257 an image's sum is past float32's whole numbers."""
    images = np.concatenate(
        [random_images(0, 1, size, 3), np.full((1, size, size, 3), 255, np.uint8)]
    )
    images = np.repeat(images, 3, axis=0)
    locations = [(0.93, 0.97), (1.0, 1.0), (0.1, -0.99)] * 2
    seen = glimpse_of(GlimpseSensor(bandwidth, radius, 3), images, locations)
    for image, location, values in zip(images, locations, seen, strict=True):
        expected = reference_glimpse(image, location, bandwidth, radius, 3)
        np.testing.assert_allclose(values, expected, atol=1e-5)


@pytest.mark.parametrize("levels", [1, 2, 3, 5])
@pytest.mark.parametrize(("bandwidth", "radius"), [(2, 1), (1, 1), (4, 2), (5, 10)])
def test_crops_of_whole_boxes_are_exact(bandwidth, radius, levels):
    """As fine as the image, half as fine, and a quarter; up to 16 times coarser."""
    images = random_images(6, 9, 23, 3)
    images[4:] = 255
    locations = [(0, 0), (0.93, 0.97), (-1, 0.4), (1, 1), (0.1, -0.99)]
    locations = (locations + OUTSIDE + locations)[:9]
    sensor = GlimpseSensor(bandwidth, radius, levels)
    for image, location, values in zip(
        images, locations, glimpse_of(sensor, images, locations), strict=True
    ):
        expected = reference_glimpse(image, location, bandwidth, radius, levels)
        np.testing.assert_allclose(values, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", None])
@pytest.mark.parametrize("size", [(1, 1), (15, 16), (7, 40)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("box", "levels"), [(1, 1), (1, 3), (2, 2), (1, 5)])
def test_box_sums_are_exact(monkeypatch, dtype, size, channels, box, levels):
    if dtype is not None:  # as on a GPU
        monkeypatch.setattr(integral_image, "dtype_up_to", lambda largest: dtype)
    images = np.random.default_rng(5).integers(0, 256, (2, *size, channels))
    images[1] = 255
    sides = [3 * box * 2**level for level in range(levels)]
    assert BoxFilter.supports(3, sides[0])
    sums_of = BoxFilter(3, sides)
    sums = sums_of.prepare(ops.convert_to_tensor(images.astype(np.uint8)))
    margin = sides[-1] // 3
    around = margin, margin
    padded = np.pad(images, [(0, 0), around, around, (0, 0)])
    assert sums_of.image_size(sums) == size
    rows, columns = sums_of.padded_size(*size)
    wanted = tuple(side + margin + 1 for side in size)
    for found, side in zip(sums[1:], sides, strict=True):
        boxes = sliding_window_view(padded, (side // 3,) * 2, axis=(1, 2))
        whole = np.full(2 * rows * columns * channels, -1)
        whole[: len(found)] = ops.convert_to_numpy(found)
        whole = whole.reshape(2, rows, columns, channels)
        np.testing.assert_array_equal(
            whole[:, : wanted[0], : wanted[1]],
            boxes[:, : wanted[0], : wanted[1]].sum(axis=(-2, -1)),
        )


@pytest.mark.parametrize(
    ("bandwidth", "radius", "supported"),
    [(60, 30, True), (30, 30, True), (1, 4, True), (60, 90, False), (60, 45, False)]
    + [(60, 15, False)],
)
def test_boxes_are_whole_powers_of_two(bandwidth, radius, supported):
    assert BoxFilter.supports(bandwidth, 2 * radius) is supported


@pytest.mark.parametrize("size", [(1, 1), (15, 16), (17, 40), (257, 256)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_table_holds_exact_sums(size, channels):
    images = np.random.default_rng(5).integers(0, 256, (2, *size, channels))
    images[1] = 255
    sums_of = IntegralImage(4, [6])
    table = sums_of.prepare(ops.convert_to_tensor(images.astype(np.uint8)))
    expected = np.zeros((2, size[0] + 1, size[1] + 1, channels), np.int64)
    expected[:, 1:, 1:] = images.cumsum(1).cumsum(2)
    np.testing.assert_array_equal(ops.convert_to_numpy(table), expected)
    assert sums_of.image_size(table) == size


def test_a_table_that_overflows_still_gives_right_glimpses():
    """2,960² pixels of 255 sum to more than an int32 holds."""
    images = np.full((1, 2960, 2960, 1), 255, np.uint8)
    assert images.size * 255 > 2**31
    images[0, -15:, -20:] = 51
    seen = glimpse_of(GlimpseSensor(4, 10, 1), images, [(0.99, 0.99)])
    np.testing.assert_allclose(
        seen[0], reference_glimpse(images[0], (0.99, 0.99), 4, 10, 1), atol=1e-6
    )
    assert {51, 255} <= set(np.unique(np.rint(seen * 255)))


@pytest.mark.parametrize(("height", "width"), [(16, 40), (31, 9)])
def test_images_need_not_be_square(height, width):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (3, height, width, 3)).astype(np.uint8)
    locations = [(0.3, -0.6), (1, 1), (-0.9, 0.95)]
    seen = glimpse_of(GlimpseSensor(5, 4, 2), images, locations)
    for image, location, values in zip(images, locations, seen, strict=True):
        np.testing.assert_allclose(
            values, reference_glimpse(image, location, 5, 4, 2), atol=1e-5
        )


@settings(max_examples=20, deadline=None)
@given(
    row=st.integers(8, 24),
    column=st.integers(8, 24),
    level=st.integers(0, 255),
    bandwidth=st.sampled_from([3, 4, 7, 16, 33]),
)
def test_a_flat_image_stays_flat_where_no_border_is_in_reach(
    row, column, level, bandwidth
):
    images = np.full((1, 32, 32, 3), level, np.uint8)
    location = np.array([row, column]) / 16 - 1
    seen = glimpse_of(GlimpseSensor(bandwidth, 4, 2), images, [location])
    np.testing.assert_allclose(seen, level / 255, atol=1e-5)
    assert 0 <= seen.min() <= seen.max() <= 1


@settings(max_examples=20, deadline=None)
@given(
    location=st.tuples(*[st.floats(-1, 1, width=32)] * 2),
    bandwidth=st.sampled_from([3, 8, 50]),
)
def test_a_crop_that_holds_the_image_keeps_its_sum(location, bandwidth):
    images = random_images(1, 1, 12, 1)
    seen = glimpse_of(GlimpseSensor(bandwidth, 12, 2), images, [location])
    for level, side in enumerate((24, 48)):
        total = seen[..., level].sum(dtype=np.float64) * (side / bandwidth) ** 2
        assert total == pytest.approx(images.sum(dtype=np.float64) / 255, rel=1e-5)


def test_crops_of_disjoint_places_add_up_to_the_image():
    """Four finest crops tile the image: nothing is lost or seen twice."""
    images = np.repeat(random_images(2, 1, 16, 3), 4, axis=0)
    quarters = [(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)]
    seen = glimpse_of(GlimpseSensor(8, 4, 1), images, quarters)
    rows = [np.concatenate(seen[pair], axis=1) for pair in ([0, 1], [2, 3])]
    np.testing.assert_array_equal(np.rint(np.concatenate(rows) * 255), images[0])


def test_the_finest_level_comes_first():
    images = np.zeros((1, 64, 64, 1), np.uint8)
    images[0, 30:34, 30:34] = 255
    seen = glimpse_of(GlimpseSensor(4, 2, 3), images, [(0, 0)])
    np.testing.assert_allclose(seen.mean(axis=(0, 1, 2)), [1, 1 / 4, 1 / 16])


def test_windows_are_shares_of_the_image():
    sensor = GlimpseSensor(60, 30, 3)
    assert sensor.sides == (60, 120, 240)
    np.testing.assert_allclose(
        sensor.windows(240), [[0.25, 0.25], [0.5, 0.5], [1.0, 1.0]]
    )


def gradient_into_locations(sensor, images, locations):
    """Return the gradient of a glimpse's weighted sum, zeros where there is none."""
    sums = sensor.prepare(ops.convert_to_tensor(images))

    def value(points):
        seen = sensor.glimpse(sums, points)
        # A path past the sensor, so that a gradient exists at all.
        return ops.sum(seen * ops.sum(seen)) + 3 * ops.sum(points)

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        points = tf.Variable(locations)
        with tf.GradientTape() as tape:
            total = value(points)
        return tape.gradient(total, points).numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(value)(locations))
    points = ops.convert_to_tensor(locations).requires_grad_()
    value(points).backward()
    return points.grad.numpy()


@pytest.mark.parametrize("bandwidth", [4, 5])
def test_no_gradient_reaches_the_locations(bandwidth):
    images = random_images(3, 2, 20, 3)
    locations = np.array([[0.1, -0.4], [0.9, 0.2]], np.float32)
    gradient = gradient_into_locations(
        GlimpseSensor(bandwidth, 4, 2), images, locations
    )
    np.testing.assert_array_equal(gradient, 3)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="TensorFlow's own")
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("bandwidth", [4, 5])
def test_inside_a_graph_it_sees_the_same(compiled, bandwidth):
    """The number of images is not known there, unless XLA compiles it."""
    import tensorflow as tf

    sensor = GlimpseSensor(bandwidth, 4, 2)
    images = random_images(4, 3, 20, 3)
    locations = np.array([[0.1, -0.4], [0.9, 0.2], [-1, 1]], np.float32)

    @tf.function(
        jit_compile=compiled,
        input_signature=[
            tf.TensorSpec((None, 20, 20, 3), tf.uint8),
            tf.TensorSpec((None, 2), tf.float32),
        ],
    )
    def see(images, locations):
        return sensor.glimpse(sensor.prepare(images), locations)

    np.testing.assert_allclose(
        see(images, locations), glimpse_of(sensor, images, locations), atol=1e-6
    )
