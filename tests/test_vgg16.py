"""The trunk: its graph, its arithmetic, and the recorded descriptors."""

import hashlib
import json
import re

import keras
import numpy as np
import pytest
from scipy.signal import convolve2d
from trunk_files import theano, write_trunk

from common.errors import InputError
from weights.identity import (
    IMAGENET_FINGERPRINT,
    IMAGENET_NAME,
    UNKNOWN_NAME,
    identity_of,
)
from weights.layouts import BLOCKS, read_trunk
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


@pytest.mark.slow
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
    for output_layers in (("block6_pool",), ()):
        with pytest.raises(ValueError, match="block5_pool"):
            build_vgg16(output_layers)


def test_reduced_precision_is_only_a_policy():
    model = build_vgg16(("block1_pool",), dtype="mixed_bfloat16")
    output = model(np.zeros((1, 4, 4, 3), np.float32))
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}  # as stored


@pytest.mark.parametrize("layout", ["th_th_kernels", "keras_3"])
def test_features_against_true_convolutions(layout, tmp_path, random_layers):
    """Two blocks by SciPy's convolution, which flips kernels as Theano did."""
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


@pytest.mark.slow
def test_identity_is_of_the_tensors_and_not_of_the_file(tmp_path, random_layers):
    paths = []
    for layout in ("th_th_kernels", "keras_3", "onnx"):
        folder = tmp_path / layout
        folder.mkdir()
        paths.append(write_trunk(folder, layout, random_layers))
    first, *others = map(trunk_identity, paths)
    assert all(other == first for other in others)
    assert first.name == UNKNOWN_NAME and re.fullmatch(
        "[0-9a-f]{64}", first.fingerprint
    )
    assert json.loads(json.dumps(first.to_json())) == first.to_json()
    kernel, bias = random_layers["block5_conv3"]
    bias = bias.copy()
    bias[-1] = np.nextafter(bias[-1], np.float32(9))
    changed = random_layers | {"block5_conv3": (kernel, bias)}
    other = trunk_identity(write_trunk(tmp_path, "keras_3", changed))
    assert other.fingerprint != first.fingerprint
    with pytest.raises(InputError, match="no such file"):
        trunk_identity(tmp_path / "none.h5")


def test_fingerprint_by_hand(random_layers):
    digests = b"".join(
        hashlib.sha256(array.astype("<f4").tobytes()).digest()
        for arrays in random_layers.values()
        for array in arrays
    )
    fingerprint = hashlib.sha256(digests).hexdigest()
    assert identity_of(random_layers).fingerprint == fingerprint


def test_the_default_trunk_is_imagenets(imagenet_trunk):
    identity = trunk_identity(imagenet_trunk)
    assert identity.name == IMAGENET_NAME
    assert identity.fingerprint == IMAGENET_FINGERPRINT
    assert str(identity) == f"ImageNet VGG-16 ({IMAGENET_FINGERPRINT[:12]})"
    assert identity != identity_of(
        {n: (-k, b) for n, (k, b) in read_trunk(imagenet_trunk).layers.items()}
    )
