"""Layers as a file stores them, the same for every layout.

HDF5 as Keras 0.x to 3 wrote it and ``.keras`` archives are read here, ONNX in
:mod:`weights.onnx_graph`.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np

from common.errors import file_error
from common.file_kinds import KERAS, ONNX, kind_of
from common.hdf5 import open_hdf5, read_member
from weights.identity import KNOWN_FILES

KERAS_0 = "Keras 0.x: layer_N/param_N"
KERAS_1 = "Keras 1 or 2: layer_names"
KERAS_3 = "Keras 3: layers/*/vars"
ONNX_GRAPH = "ONNX: Conv nodes"

StoredArray: TypeAlias = Any
"""An ``h5py.Dataset``, which has no types, or an array."""


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """A layer with weights.

    Attributes:
        label: what the file calls it; ends in the layer's own name.
        model: the nested model that it is a layer of, empty for the outermost.
        arrays: its weights in their order; of HDF5 not read yet.
        foreign: what of a convolution or behind it VGG-16 has not, as far as the file
            says what is computed.
    """

    label: str
    model: str
    arrays: tuple[StoredArray, ...]
    foreign: tuple[str, ...] = ()

    @property
    def is_convolution(self) -> bool:
        """Whether its first weight is a kernel of two spatial dimensions."""
        return self.arrays[0].ndim == 4

    @property
    def is_normalisation(self) -> bool:
        """Whether all of its weights are numbers of features, as many in each.

        Means and variances, scales, offsets, or some of them.
        """
        shapes = {array.shape for array in self.arrays}
        is_flat = len(shapes) == 1 and self.arrays[0].ndim == 1
        return is_flat and self.arrays[0].dtype.kind == "f"


@dataclass(frozen=True, eq=False)
class StoredModel:
    """All layers with weights that a file holds.

    Attributes:
        layout: in words.
        layers: all of them.
        is_ordered: whether they come in the order of the model.
        backend: what Keras ran on, where the file says so.
    """

    layout: str
    layers: list[StoredLayer] = field(repr=False)
    is_ordered: bool = True
    backend: str = ""


@contextmanager
def opened(path: Path, expected: str) -> Iterator[StoredModel]:
    """Open a weight file; whatever a bad one causes becomes one clear line.

    Args:
        path: the file.
        expected: what should be there, for the error.

    Raises:
        InputError: the file is missing, damaged or none that holds weights.
    """
    kind = kind_of(path, expected)
    if kind == ONNX:
        # Imported here: onnx takes a while to load, and few files are its.
        from weights.onnx_graph import read_graph

        yield read_graph(path, expected)
        return
    config = None
    if kind == KERAS:
        config = read_member(path, "config.json").decode(errors="replace")
    with open_hdf5(path, expected, known=KNOWN_FILES, in_archives=True) as file:
        yield _read_hdf5(path, file, config)


def _read_hdf5(path: Path, file: h5py.File, config: str | None) -> StoredModel:
    """Tell the layout and list the layers, in the order of the model if it is known."""
    root = _root(file)
    backend = _text(root.attrs.get("backend", ""))
    if "nb_layers" in root.attrs:
        layers = _keras_0_layers(path, root)
        return StoredModel(KERAS_0, layers, backend=backend)
    if "layer_names" in root.attrs:
        layers = _keras_1_layers(path, root)
        layers, is_ordered = _ordered(layers, file.attrs.get("model_config"))
        # Of a nested model trainable weights come before the others.
        is_ordered = is_ordered or not any(layer.model for layer in layers)
        return StoredModel(KERAS_1, layers, is_ordered, backend)
    layers, is_ordered = _ordered(_keras_3_layers(file), config)
    if layers:
        return StoredModel(KERAS_3, layers, is_ordered)
    raise file_error(
        path,
        "has none of the known layouts",
        "attribute nb_layers (Keras 0.x) or layer_names (Keras 1 and 2), or groups "
        "named vars (Keras 3)",
    )


def _root(file: h5py.File) -> h5py.Group:
    """Return the group of the weights: whole saved models keep them one level down."""
    inner = file.get("model_weights")
    return inner if isinstance(inner, h5py.Group) else file


def _keras_0_layers(path: Path, root: h5py.Group) -> list[StoredLayer]:
    layers = []
    for number in range(int(root.attrs["nb_layers"])):
        name = f"layer_{number}"
        group = _group(path, root, name)
        arrays = [
            _dataset(path, root, f"{name}/param_{parameter}")
            for parameter in range(int(group.attrs.get("nb_params", 0)))
        ]
        if arrays:
            layers.append(StoredLayer(name, "", tuple(arrays)))
    return layers


def _keras_1_layers(path: Path, root: h5py.Group) -> list[StoredLayer]:
    """List layers by their names; a nested model's are all in the group of it."""
    layers = []
    for name in _texts(root.attrs["layer_names"]):
        group = _group(path, root, name)
        inside: dict[str, list[h5py.Dataset]] = {}
        for weight in _texts(group.attrs.get("weight_names", ())):
            layer = weight.rpartition("/")[0] or name
            inside.setdefault(layer, []).append(_dataset(path, group, weight))
        model = name if len(inside) > 1 else ""
        layers += [StoredLayer(key, model, tuple(own)) for key, own in inside.items()]
    return layers


def _keras_3_layers(file: h5py.File) -> list[StoredLayer]:
    """List the groups called ``vars``; labels end in the layers' own names."""
    holders: list[h5py.Group] = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        is_optimizer = name.startswith("optimizer")  # its slots have layers' shapes
        if isinstance(item, h5py.Group) and not is_optimizer:
            if name.rpartition("/")[2] == "vars":
                holders.append(item)

    file.visititems(visit)
    layers = []
    for holder in sorted(holders, key=lambda item: _natural(item.name)):
        names = sorted(holder, key=_natural)
        arrays = tuple(
            holder[name] for name in names if isinstance(holder[name], h5py.Dataset)
        )
        if arrays:
            layer = holder.name.removesuffix("/vars").strip("/")
            own = _text(holder.attrs.get("name", ""))
            model = layer.rpartition("/")[0]
            layers.append(StoredLayer(f"{layer} {own}".strip(), model, arrays))
    return layers


def _ordered(
    layers: list[StoredLayer], config: object
) -> tuple[list[StoredLayer], bool]:
    """Put layers into the order in which a model's configuration lists them.

    Args:
        layers: as a file lists them.
        config: the configuration in JSON, if there is one.

    Returns:
        The layers, and whether the configuration knows all of them.
    """
    names = list(_names_in(config))
    places = {name: place for place, name in enumerate(names)}
    own = [re.split(r"[/ ]", layer.label)[-1] for layer in layers]
    if len(places) < len(names) or not set(own) <= set(places):
        return layers, False
    order = sorted(range(len(layers)), key=lambda number: places[own[number]])
    return [layers[number] for number in order], True


def _names_in(config: object) -> Iterator[str]:
    """Yield the names of all layers, of nested models where they are."""
    try:
        waiting = [json.loads(_text(config))]
    except ValueError:
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict):
            inner = value.get("config")
            if "class_name" in value and isinstance(inner, dict):
                layers = inner.get("layers")
                if isinstance(layers, list):
                    waiting.append(layers)
                elif isinstance(inner.get("name"), str):
                    yield inner["name"]


def _natural(name: str) -> list[tuple[str, int]]:
    """Sort ``conv2d``, ``conv2d_1``, … ``conv2d_10`` by their numbers."""
    parts = [re.fullmatch(r"(.*?)_?(\d*)", part) for part in name.split("/")]
    return [(part[1], int(part[2] or 0)) for part in parts if part]


def _group(path: Path, parent: h5py.Group, name: str) -> h5py.Group:
    child = parent.get(name)
    if not isinstance(child, h5py.Group):
        raise file_error(path, f"group {name} is missing", "every layer it lists")
    return child


def _dataset(path: Path, parent: h5py.Group, name: str) -> h5py.Dataset:
    child = parent.get(name)
    if not isinstance(child, h5py.Dataset):
        where = f"{parent.name}/{name}".lstrip("/")
        raise file_error(path, f"array {where} is missing", "every weight it lists")
    return child


def _text(value: object) -> str:
    """Decode an attribute: bytes from Keras 1 on Python 2, text from later ones."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return str(value)


def _texts(values: Any) -> list[str]:
    return [_text(value) for value in np.ravel(values)]


def read_array(
    path: Path, what: str, array: StoredArray, shape: tuple[int, ...]
) -> np.ndarray:
    """Read an array as float32, its shape checked before a byte of it is read.

    Raises:
        InputError: it has another shape, or is no numbers.
    """
    if array.shape != shape:
        raise file_error(path, f"{what} has shape {array.shape}", str(shape))
    if array.dtype.kind != "f":
        raise file_error(path, f"{what} has type {array.dtype}", "floating point")
    with np.errstate(over="ignore"):  # beyond float32 is caught as infinite
        values = array[...].astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise file_error(path, f"{what} has values that are not finite", "numbers")
    return values
