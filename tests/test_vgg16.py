"""The trunk: its graph, its arithmetic, and the recorded descriptors."""

import json

import keras
import numpy as np
import pytest
from scipy.signal import convolve2d
from trunk_files import theano, write_trunk

from common.errors import InputError
from common.files import sha256_of, write_json
from hierarchy.pictures import resize
from weights import DEFAULT_PATH
from weights.layouts import BLOCKS, record_path
from weights.vgg16 import (
    VGG_MEAN_BGR,
    build_vgg16,
    load_vgg16,
    preprocess,
    trunk_identity,
)


def test_preprocess():
    image = np.zeros((2, 1, 4, 3), np.uint8)
    image[0, 0, 0] = (10, 20, 30)
    pixels = preprocess(image)
    assert pixels.dtype == np.float32 and pixels.shape == image.shape
    assert pixels.flags.c_contiguous
    blue, green, red = VGG_MEAN_BGR
    expected = np.float32([30 - blue, 20 - green, 10 - red])
    np.testing.assert_allclose(pixels[0, 0, 0], expected, rtol=1e-6)
    with pytest.raises(ValueError, match="shape"):
        preprocess(image[..., :2])


def test_graph_is_that_of_keras_applications():
    ours = build_vgg16()
    theirs = keras.applications.VGG16(include_top=False, weights=None)
    assert [layer.name for layer in ours.layers[1:]] == [
        layer.name for layer in theirs.layers[1:]
    ]
    assert [weight.shape for weight in ours.weights] == [
        weight.shape for weight in theirs.weights
    ]
    assert not ours.trainable_weights
    random = np.random.default_rng(0)
    theirs.set_weights([random.normal(0, 0.1, w.shape) for w in theirs.weights])
    ours.set_weights(theirs.get_weights())
    image = random.uniform(-100, 100, (1, 45, 70, 3)).astype(np.float32)
    found, expected = (keras.ops.convert_to_numpy(m(image)) for m in (ours, theirs))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_taps():
    model = build_vgg16(("block4_pool", "block1_conv2"))
    assert "block5_conv1" not in [layer.name for layer in model.layers]
    pool, convolution = model(np.zeros((2, 33, 47, 3), np.float32))
    assert pool.shape == (2, 2, 2, 512)
    assert convolution.shape == (2, 33, 47, 64)
    for taps in (("block6_pool",), ()):
        with pytest.raises(ValueError, match="block5_pool"):
            build_vgg16(taps)


def test_reduced_precision_is_only_a_policy():
    model = build_vgg16(("block1_pool",), dtype="mixed_bfloat16")
    output = model(np.zeros((1, 4, 4, 3), np.float32))
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}  # as stored


@pytest.mark.parametrize("layout", ["th_th_kernels", "keras_3"])
def test_features_against_true_convolutions(layout, tmp_path, random_layers):
    """Two blocks by SciPy's convolution, which turns kernels over as Theano did."""
    path = write_trunk(tmp_path, layout, random_layers)
    image = np.random.default_rng(5).integers(0, 256, (14, 18, 3)).astype(np.uint8)
    maps = preprocess(image).transpose(2, 0, 1)
    for block, (layers, _) in enumerate(BLOCKS[:2], start=1):
        for layer in range(1, layers + 1):
            kernel, bias = random_layers[f"block{block}_conv{layer}"]
            maps = np.stack(
                [
                    sum(map(convolve2d, maps, filters, ["same"] * len(maps))) + offset
                    for filters, offset in zip(theano(kernel), bias, strict=True)
                ]
            ).clip(0)
        _, height, width = maps.shape
        maps = maps[:, : height // 2 * 2, : width // 2 * 2]
        maps = np.maximum(maps[:, ::2], maps[:, 1::2])
        maps = np.maximum(maps[:, :, ::2], maps[:, :, 1::2])
    features = load_vgg16(path, ("block2_pool",))(preprocess(image)[None])
    found = keras.ops.convert_to_numpy(features)[0].transpose(2, 0, 1)
    np.testing.assert_allclose(found, maps, rtol=1e-3, atol=1e-3 * maps.max())


def test_golden_descriptors(golden, golden_image, hed_trunk):
    model = load_vgg16(hed_trunk, ("block4_pool", "block5_pool"))
    records = golden("vgg_descriptors")
    assert records
    for record in records:
        image = golden_image(record)
        small = resize(image)
        assert small.sum() == record["resized_224_sum"]
        corner = np.array(record["resized_224_corner"])
        np.testing.assert_array_equal(small[:2, :2], corner)
        _, zooms = model(preprocess(small)[None])
        pool4, pool5 = model(preprocess(image)[None])
        assert_descriptor(zooms, record["image_zooms_block5_pool"])
        assert_descriptor(pool4, record["full_image_block4_pool"])
        assert_descriptor(pool5, record["full_image_block5_pool"])


def assert_descriptor(features, record) -> None:
    maps = keras.ops.convert_to_numpy(features)[0].transpose(2, 0, 1)
    maps = maps.astype(np.float64)
    channels, height, width = maps.shape
    assert list(maps.shape) == record["shape"]
    assert maps.sum() == pytest.approx(record["sum"], rel=1e-3)
    assert np.linalg.norm(maps) == pytest.approx(record["l2"], rel=1e-3)
    assert (maps > 0).mean() == pytest.approx(record["nonzero"], rel=1e-3)
    means = maps[:12].mean(axis=(1, 2))
    np.testing.assert_allclose(means, record["channel_means"], rtol=1e-3, atol=1e-4)
    centre = maps[:12, height // 2, width // 2]
    np.testing.assert_allclose(centre, record["centre"], rtol=1e-3, atol=1e-3)


def test_default_trunk_says_what_it_is(hed_trunk):
    identity = trunk_identity(DEFAULT_PATH)
    assert set(identity) == {"name", "source", "sha256"}
    assert "unknown" not in identity["name"]
    assert identity["sha256"] == sha256_of(DEFAULT_PATH)


def test_identity_with_and_without_a_record(tmp_path, blank_layers):
    path = write_trunk(tmp_path, "th_th_kernels", blank_layers)
    unknown = trunk_identity(path)
    assert unknown["name"] == "unknown (Keras 1 or 2: layer_names)"
    assert path.name in unknown["source"] and str(tmp_path) not in unknown["source"]
    record = {"name": "mine", "source": "here", "sha256": unknown["sha256"]}
    write_json(record_path(path), record | {"bytes": path.stat().st_size})
    assert trunk_identity(path) == record
    json.dumps(trunk_identity(path))
    write_json(record_path(path), record | {"sha256": "0" * 64})
    assert trunk_identity(path) == unknown
    with pytest.raises(InputError, match="no such file"):
        trunk_identity(tmp_path / "none.h5")
