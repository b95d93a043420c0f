"""Writes VGG-16 trunks and Q-networks the way each program that is read wrote them.

Trunks come as {name: (kernel (h, w, in, out), bias)} for correlations; each writer
brings them into its own convention.
"""

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import onnx

from weights.layouts import BLOCKS, Arrays

Layers = dict[str, Arrays]

POOLED = {f"block{block}_conv{layers}" for block, (layers, _) in enumerate(BLOCKS, 1)}
"""Convolutions that a pool follows."""


def numbered(layers: Layers) -> Layers:
    """Call layers by numbers, as exporters do that know no names."""
    return {f"{number}": arrays for number, arrays in enumerate(layers.values())}


def put(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """Write an array; one of zeros takes no room in the file, nor time to write."""
    if array.any():
        group[name] = array
    else:
        group.create_dataset(name, array.shape, array.dtype)


def channels_first(kernel: np.ndarray) -> np.ndarray:
    return kernel.transpose(3, 2, 0, 1)


def theano(kernel: np.ndarray) -> np.ndarray:
    """Channels first and flipped, for a true convolution."""
    return channels_first(kernel)[:, :, ::-1, ::-1]


def keras_0(path: Path, layers: Layers, convert: Callable = theano) -> None:
    """A Sequential with zero padding before each convolution, as in the first files."""
    pools = POOLED - {"block5_conv3"}
    groups: list[tuple[np.ndarray, ...]] = []
    for name, (kernel, bias) in layers.items():
        groups += [(), (convert(kernel), bias)]
        groups += [()] if name in pools else []
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = len(groups)
        for number, arrays in enumerate(groups):
            group = file.create_group(f"layer_{number}")
            group.attrs["nb_params"] = len(arrays)
            for parameter, array in enumerate(arrays):
                put(group, f"param_{parameter}", array)


def layer_names(
    path: Path,
    groups: list[tuple[str, dict[str, np.ndarray]]],
    inside: str = "/",
    **attributes: str,
) -> None:
    """The layout of Keras 1 and 2, its names as bytes."""
    with h5py.File(path, "w") as file:
        root = file.require_group(inside)
        root.attrs["layer_names"] = np.array([name.encode() for name, _ in groups])
        root.attrs.update({key: text.encode() for key, text in attributes.items()})
        for name, arrays in groups:
            group = root.create_group(name)
            group.attrs["weight_names"] = np.array([name.encode() for name in arrays])
            for weight, array in arrays.items():
                put(group, weight, array)


def keras_1(path: Path, layers: Layers, convert: Callable = theano, **kwargs) -> None:
    """Names that Keras 1 gave by itself: order is all that tells the layers."""
    groups = []
    for number, (kernel, bias) in enumerate(layers.values(), start=1):
        name = f"convolution2d_{number}"
        groups.append((f"zeropadding2d_{number}", {}))
        groups.append((name, {f"{name}_W": convert(kernel), f"{name}_b": bias}))
    layer_names(path, groups, **kwargs)


def keras_2(path: Path, layers: Layers, convert: Callable, **kwargs) -> None:
    """The files of keras.applications, written by Keras 1 with VGG's names."""
    groups = [("input_1", {})]
    for name, (kernel, bias) in layers.items():
        arrays = {f"{name}_W_1:0": convert(kernel), f"{name}_b_1:0": bias}
        groups.append((name, arrays))
    layer_names(path, groups, **kwargs)


def keras_2_whole(path: Path, layers: Layers, convert: Callable, **kwargs) -> None:
    """A saved model of Keras 2: one level down, with the Dense layers on top."""
    groups = [
        (name, {f"{name}/kernel:0": convert(kernel), f"{name}/bias:0": bias})
        for name, (kernel, bias) in layers.items()
    ]
    sizes = {"fc1": (6, 5), "fc2": (5, 5), "predictions": (5, 4)}
    for name, size in sizes.items():
        arrays = {f"{name}/kernel:0": np.ones(size), f"{name}/bias:0": np.ones(size[1])}
        groups.append((name, arrays))
    layer_names(path, groups, inside="model_weights", **kwargs)


def keras_3(path: Path, layers: Layers, names: bool = True) -> None:
    """Groups conv2d, conv2d_1, … conv2d_12: not in alphabetical order."""
    with h5py.File(path, "w") as file:
        for number, (name, arrays) in enumerate(layers.items()):
            suffix = f"_{number}" if number else ""
            group = file.create_group(f"layers/conv2d{suffix}/vars")
            _fill_vars(group, name if names else "", arrays)
        _fill_vars(file.create_group("layers/dense/vars"), "", (np.ones((4, 2)),))
        slots = file.create_group("optimizer/vars")
        _fill_vars(slots, "", (np.ones((3, 3, 3, 64)), np.ones(64)))


def keras_archive(path: Path, layers: Layers) -> None:
    """A ``.keras`` archive of a classifier whose trunk is a model inside of it."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path, "w") as archive:
        inner = Path(folder) / "model.weights.h5"
        nested(inner, layers, "layers/functional/layers")
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.write(inner, inner.name)


def nested(path: Path, layers: Layers, inside: str) -> None:
    """Keras 3's trunk at some depth, beside a head with convolutions of its own."""
    with h5py.File(path, "w") as file:
        for number, (name, arrays) in enumerate(layers.items()):
            suffix = f"_{number}" if number else ""
            _fill_vars(file.create_group(f"{inside}/conv2d{suffix}/vars"), name, arrays)
        head = (np.ones((3, 3, 512, 8)), np.ones(8))
        _fill_vars(file.create_group("layers/conv2d/vars"), "head", head)
        _fill_vars(file.create_group("layers/dense/vars"), "", (np.ones((4, 2)),))
        norm = tuple(np.ones(8) for _ in range(4))
        _fill_vars(file.create_group("layers/batch_normalization/vars"), "", norm)


def keras_2_nested(path: Path, layers: Layers) -> None:
    """Keras 2: all of an inner model's weights are in one group."""
    inner = {}
    for name, (kernel, bias) in layers.items():
        inner |= {f"{name}/kernel:0": kernel, f"{name}/bias:0": bias}
    head = {"head/kernel:0": np.ones((3, 3, 512, 8)), "head/bias:0": np.ones(8)}
    groups = [("vgg16", inner), ("head", head)]
    layer_names(path, groups, inside="model_weights", backend="tensorflow")


def onnx_graph(path: Path, layers: Layers, names: str = "net/{}/kernel") -> None:
    """A graph of all convolutions, as exporters write it, and a Dense layer."""
    nodes, tensors, at = [], [], "image"
    for name, (kernel, bias) in layers.items():
        weight, offset = names.format(name), f"{names.format(name)}/bias"
        tensors += [
            onnx.numpy_helper.from_array(channels_first(kernel).copy(), weight),
            onnx.numpy_helper.from_array(bias, offset),
        ]
        nodes += [
            onnx.helper.make_node(
                "Conv", [at, weight, offset], [f"{name}/out"], pads=[1] * 4
            ),
            onnx.helper.make_node("Relu", [f"{name}/out"], [f"{name}/relu"]),
        ]
        at = f"{name}/relu"
        if name in POOLED:
            pooled = f"{name}/pool"
            nodes.append(
                onnx.helper.make_node(
                    "MaxPool", [at], [pooled], kernel_shape=[2, 2], strides=[2, 2]
                )
            )
            at = pooled
    save_graph(path, nodes, tensors, at)


def save_graph(path: Path, nodes: list, tensors: list, output: str) -> None:
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "trunk",
        [value("image", onnx.TensorProto.FLOAT, [1, 3, None, None])],
        [value(output, onnx.TensorProto.FLOAT, None)],
        tensors,
    )
    onnx.save(onnx.helper.make_model(graph), path)


def _fill_vars(group: h5py.Group, name: str, arrays: tuple[np.ndarray, ...]) -> None:
    if name:
        group.attrs["name"] = name
    for number, array in enumerate(arrays):
        put(group, str(number), array)


def as_stored(kernel: np.ndarray) -> np.ndarray:
    return kernel


def flipped(kernel: np.ndarray) -> np.ndarray:
    """Channels last, but for a true convolution: Keras 1 on Theano could do that."""
    return kernel[::-1, ::-1]


TRUNKS: dict[str, tuple[str, Callable[[Path, Layers], None], bool]] = {
    # layout: (file name, writer, whether its kernels are stored flipped)
    "keras_0": ("vgg16_weights.h5", keras_0, True),
    "keras_1": ("vgg16.h5", keras_1, True),
    "keras_1_whole": (
        "model.h5",
        lambda path, layers: keras_1(path, layers, inside="model_weights"),
        True,
    ),
    "tf_tf_kernels": (
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        lambda path, layers: keras_2(path, layers, as_stored),
        False,
    ),
    "tf_th_kernels": (
        "vgg16_weights_tf_dim_ordering_th_kernels_notop.h5",
        lambda path, layers: keras_2(path, layers, flipped),
        True,
    ),
    "th_th_kernels": (
        "vgg16_weights_th_dim_ordering_th_kernels.h5",
        lambda path, layers: keras_2(path, layers, theano),
        True,
    ),
    "th_tf_kernels": (
        "vgg16_weights_th_dim_ordering_tf_kernels.h5",
        lambda path, layers: keras_2(path, layers, channels_first),
        False,
    ),
    "keras_2_whole": (
        "whole.h5",
        lambda path, layers: keras_2_whole(
            path, layers, as_stored, backend="tensorflow"
        ),
        False,
    ),
    "keras_2_theano": (
        "theano.h5",
        lambda path, layers: keras_2_whole(path, layers, flipped, backend="theano"),
        True,
    ),
    "keras_3": ("vgg16.weights.h5", keras_3, False),
    "keras_3_nameless": (
        "vgg16.weights.h5",
        lambda path, layers: keras_3(path, layers, names=False),
        False,
    ),
    "keras_3_deep": (
        "deep.weights.h5",
        lambda path, layers: nested(path, layers, "layers/a/layers/b/layers/c/layers"),
        False,
    ),
    "keras_archive": ("classifier.keras", keras_archive, False),
    "keras_2_nested": ("nested.h5", keras_2_nested, False),
    "onnx": ("vgg16.onnx", onnx_graph, False),
    "onnx_nameless": (
        "export.onnx",
        lambda path, layers: onnx_graph(path, numbered(layers)),
        False,
    ),
}


def write_trunk(folder: Path, layout: str, layers: Layers) -> Path:
    """Write a trunk in one of ``TRUNKS`` under its usual file name."""
    name, write, _ = TRUNKS[layout]
    write(folder / name, layers)
    return folder / name


def q_network_keras_0(path: Path, arrays: list[np.ndarray]) -> None:
    """Dense, activation, dropout, …: only every third layer has weights."""
    with h5py.File(path, "w") as file:
        file.attrs["nb_layers"] = 8
        for number in range(8):
            group = file.create_group(f"layer_{number}")
            held = arrays[:2] if number % 3 == 0 else []
            arrays = arrays[len(held) :]
            group.attrs["nb_params"] = len(held)
            for parameter, array in enumerate(held):
                put(group, f"param_{parameter}", array)


def q_network_keras_1(path: Path, arrays: list[np.ndarray]) -> None:
    """As the published programs saved it."""
    groups: list[tuple[str, dict[str, np.ndarray]]] = []
    for number in range(1, 4):
        name = f"dense_{number}"
        kernel, bias = arrays[2 * number - 2 : 2 * number]
        groups.append((name, {f"{name}_W": kernel, f"{name}_b": bias}))
        groups.append((f"activation_{number}", {}))
        groups.append((f"dropout_{number}", {}))
    layer_names(path, groups)


def q_network_keras_3(path: Path, arrays: list[np.ndarray]) -> None:
    """As this project saves it, with the seed that a Dropout layer keeps."""
    with h5py.File(path, "w") as file:
        for number in range(3):
            suffix = f"_{number}" if number else ""
            pair = tuple(arrays[2 * number : 2 * number + 2])
            _fill_vars(file.create_group(f"layers/dense{suffix}/vars"), "", pair)
        seed = (np.zeros(2, np.uint32),)
        group = file.create_group("layers/dropout/seed_generator/vars")
        _fill_vars(group, "", seed)
