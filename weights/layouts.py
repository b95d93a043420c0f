"""Reads VGG-16 trunks and Q-networks out of every file layout met in the wild.

HDF5 of all versions of Keras, ``.keras`` archives and ONNX. The layout is decided from
what the file holds, arrays are checked before they are used and nothing in a file is
ever executed. The table of layouts is in ``weights/README.md``.

A file is first read into `StoredLayer` s, which are the same for all layouts; a trunk
is then looked for among them, at any depth of nested models, and Q-networks likewise.

Two facts about a trunk have to be found out. The **axes** of a kernel follow from the
shape of the first one: (64, 3, 3, 3) is (out, in, h, w), (3, 3, 3, 64) is
(h, w, in, out). Whether kernels are **flipped** along both axes cannot be seen from
shapes: Theano computed true convolutions and stored its kernels flipped. In this
order, the first that knows decides:

1. the caller (``rotate=True`` or ``False``);
2. the first kernel, where it is ImageNet's: three of its values are known;
3. the layout, where it is Keras 3's or ONNX: both compute correlations everywhere;
4. the file's name, where it says ``th_kernels`` (rotate) or ``tf_kernels`` (do not);
5. the attribute ``backend``, which Keras 1.2 and later write;
6. else the axes: (out, in, h, w) is taken for Theano's and flipped, (h, w, in, out) is
   taken as it is. This is a guess, and ``Trunk.reason`` says so.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import h5py
import numpy as np

from common.errors import InputError, file_error
from weights.identity import TrunkIdentity, identity_of
from weights.stored import (
    KERAS_0,
    KERAS_1,
    KERAS_3,
    ONNX_GRAPH,
    StoredArray,
    StoredLayer,
    StoredModel,
    opened,
    read_array,
)

Arrays = tuple[np.ndarray, np.ndarray]

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions and their filters in each of VGG-16's five blocks."""

IMAGENET_CORNER = (0.42947057, 0.11727387, 0.034013)
"""``block1_conv1`` kernel[0, 0, 0, :3] of ImageNet's VGG-16: (h, w, in, out), BGR."""

CHANNELS_FIRST = "out, in, h, w"
CHANNELS_LAST = "h, w, in, out"

FEATURES = (7, 7, 512)
"""Rows, columns and channels of the descriptor at the head of a Q-network's input."""

_HISTORY = 24
_ACTIONS = 6

_TRUNK_FILE = "VGG-16 weights in an HDF5, .keras or ONNX file"
_Q_NETWORK_FILE = "a Q-network in an HDF5 or .keras file"

_SIBLINGS = {8: "VGG-11", 10: "VGG-13", 16: "VGG-19"}
"""Networks of VGG-16's kind by their convolutions."""


def _convolution_shapes() -> dict[str, tuple[int, int]]:
    """Return (in, out) channels of the 13 convolutions by their Keras names."""
    shapes, channels = {}, 3
    for block, (layers, filters) in enumerate(BLOCKS, start=1):
        for layer in range(1, layers + 1):
            shapes[f"block{block}_conv{layer}"] = (channels, filters)
            channels = filters
    return shapes


CONVOLUTIONS = _convolution_shapes()
"""(in, out) channels of the 13 convolutions, in the order they are applied in."""


@dataclass(frozen=True)
class SourceTrunk:
    """The 13 convolutions exactly as a file holds them."""

    layout: str
    """which of the layouts the file has, in words"""
    kernel_axes: str
    """what the axes of the stored kernels are, `CHANNELS_FIRST` or `CHANNELS_LAST`"""
    layers: dict[str, Arrays]
    """layer name -> (kernel in the file's own axes, bias (out,)), both float32"""
    flipped: bool
    """whether the kernels are stored flipped along both axes, for a true convolution"""
    reason: str
    """what ``flipped`` was decided from"""


@dataclass(frozen=True)
class Trunk:
    """The 13 convolutions as Keras 3 wants them."""

    layout: str
    """which of the layouts the file has, in words"""
    layers: dict[str, Arrays]
    """layer name -> (kernel (h, w, in, out), bias (out,)), both float32"""
    kernel_axes: str
    """what the axes of the stored kernels were"""
    flipped: bool
    """whether the stored kernels were flipped; here they no longer are"""
    reason: str
    """what ``flipped`` was decided from"""

    @cached_property
    def identity(self) -> TrunkIdentity:
        """Which trunk it is, told from all of its tensors."""
        return identity_of(self.layers)


@dataclass(frozen=True)
class QNetworkWeights:
    """A Q-network's six arrays, float32."""

    layout: str
    """which of the layouts the file has, in words"""
    arrays: tuple[np.ndarray, ...]
    """kernel (25112, n), bias (n,), kernel (n, m), bias (m,), kernel (m, 6), bias (6,),
    in the order that ``set_weights`` of three Dense layers takes"""
    channels_first: bool
    """whether the file's descriptor rows were ordered channel, row, column"""


def read_trunk(path: Path | str, rotate: bool | None = None) -> Trunk:
    """Read the 13 VGG-16 convolutions from a weight file of any known layout.

    Dense layers and whatever else the file holds are left alone.

    Args:
        path: the HDF5, ``.keras`` or ONNX file.
        rotate: whether its kernels are stored flipped along both axes; found out as the
            module's docstring says if left out.

    Returns:
        The trunk with kernels (h, w, in, out), ready for ``set_weights``.

    Raises:
        InputError: the file is missing, of another kind, cut short or damaged, or it
            holds no VGG-16 or something like it, which the line names, or a weight is
            not a finite number.
    """
    return to_keras(read_source_trunk(path, rotate))


def to_keras(source: SourceTrunk) -> Trunk:
    """Bring a trunk to kernels (h, w, in, out) and to correlation, as Keras 3 has it.

    Arrays that need no change are shared with ``source``.
    """
    layers = {
        name: (_flip(kernel, source.kernel_axes, source.flipped), bias)
        for name, (kernel, bias) in source.layers.items()
    }
    return Trunk(
        source.layout, layers, source.kernel_axes, source.flipped, source.reason
    )


def read_source_trunk(path: Path | str, rotate: bool | None = None) -> SourceTrunk:
    """Read the 13 convolutions without changing their axes or flipping them.

    Args:
        path: the HDF5, ``.keras`` or ONNX file.
        rotate: as in :func:`read_trunk`.

    Raises:
        InputError: as in :func:`read_trunk`.
    """
    path = Path(path)
    with opened(path, _TRUNK_FILE) as stored:
        found = _find_convolutions(path, stored)
        axes = _kernel_axes(path, found["block1_conv1"].arrays[0])
        layers = {}
        for name, layer in found.items():
            inputs, outputs = CONVOLUTIONS[name]
            kernel, *biases = layer.arrays
            if not biases:
                raise file_error(path, f"{name} has no bias", "a kernel and a bias")
            shape = _kernel_shape(axes, inputs, outputs)
            layers[name] = (
                read_array(path, f"{name} kernel", kernel, shape),
                read_array(path, f"{name} bias", biases[0], (outputs,)),
            )
    if rotate is not None:
        flipped, reason = rotate, "asked for"
    else:
        first = _flip(layers["block1_conv1"][0], axes, flipped=False)
        flipped, reason = _flipping(path, first, stored, axes)
    return SourceTrunk(stored.layout, axes, layers, flipped, reason)


def write_trunk(path: Path, layers: Mapping[str, Arrays]) -> None:
    """Write a trunk as Keras 3 does; equal tensors give equal files.

    Args:
        path: HDF5 file to write; see :func:`common.files.atomic_write`.
        layers: layer name -> (kernel (h, w, in, out), bias (out,)), in the order of
            the trunk.
    """
    with h5py.File(path, "w") as file:
        for number, (name, arrays) in enumerate(layers.items()):
            suffix = f"_{number}" if number else ""
            group = file.create_group(f"layers/conv2d{suffix}/vars")
            group.attrs["name"] = name
            for index, array in enumerate(arrays):
                group[str(index)] = np.asarray(array, "<f4")


def read_q_network(
    path: Path | str, channels_first: bool | None = None
) -> QNetworkWeights:
    """Read a Q-network, with its inputs in this project's order.

    The published programs' files (Keras 0.x and 1) order the descriptor's 25,088 inputs
    channel, row, column; their rows of the first kernel are permuted to row, column,
    channel. The last 24 rows, the history, stay. Keras 3 files have this project's
    order already.

    Args:
        path: the HDF5 or ``.keras`` file.
        channels_first: the file's order, where it is not what its layout suggests:
            False for pool45_crops networks that were trained on max-pooled
            descriptors (row ``layout`` of the table of quirks).

    Raises:
        InputError: the file is missing, of another kind, cut short or damaged, or is
            not a Q-network of three Dense layers, or a weight is not a finite number.
    """
    return to_channels_last(read_source_q_network(path, channels_first))


def to_channels_last(source: QNetworkWeights) -> QNetworkWeights:
    """Permute a Q-network's descriptor rows to row, column, channel, if they are not.

    ``channels_first`` goes on saying what the file's order was.
    """
    if not source.channels_first:
        return source
    kernel = _rows_to_channels_last(source.arrays[0])
    return QNetworkWeights(source.layout, (kernel, *source.arrays[1:]), True)


def read_source_q_network(
    path: Path | str, channels_first: bool | None = None
) -> QNetworkWeights:
    """Read a Q-network's six arrays in the file's own order.

    Args:
        path: the HDF5 or ``.keras`` file.
        channels_first: as in :func:`read_q_network`.

    Raises:
        InputError: as in :func:`read_q_network`.
    """
    path = Path(path)
    with opened(path, _Q_NETWORK_FILE) as stored:
        dense = [layer.arrays for layer in stored.layers if _is_dense(layer)]
        shapes = _q_network_shapes(path, [kernel.shape for kernel, _ in dense])
        arrays = []
        for number, (kernel, bias) in enumerate(dense, start=1):
            shape, name = shapes[number - 1], f"dense_{number}"
            arrays.append(read_array(path, f"{name} kernel", kernel, shape))
            arrays.append(read_array(path, f"{name} bias", bias, shape[1:]))
    if channels_first is None:
        channels_first = stored.layout in (KERAS_0, KERAS_1)
    return QNetworkWeights(stored.layout, tuple(arrays), channels_first)


# --- which layers are the trunk's -------------------------------------------------


def _find_convolutions(path: Path, stored: StoredModel) -> dict[str, StoredLayer]:
    """Find the trunk, at any depth: each nested model is looked at by itself.

    One whose blocks are models of their own is put together by its layers' names.
    """
    models: dict[str, list[StoredLayer]] = {}
    for layer in stored.layers:
        models.setdefault(layer.model, []).append(layer)
    found, refused = {}, {}
    for model, layers in models.items():
        try:
            found[model] = _trunk_among(path, layers, stored.is_ordered)
        except InputError as error:
            refused[sum(layer.is_convolution for layer in layers)] = error
    if len(found) > 1:
        places = ", ".join(model or "the outermost model" for model in found)
        raise file_error(path, f"holds several trunks: {places}", "one")
    if found:
        return next(iter(found.values()))
    named = {name for layer in stored.layers if (name := _block_name(layer))}
    if set(CONVOLUTIONS) <= named:
        return _trunk_among(path, stored.layers, stored.is_ordered)
    # Of a model and what is wrapped around it, the one with the convolutions.
    raise refused[max(refused)] if refused else _count_error(path, 0)


def _trunk_among(
    path: Path, layers: list[StoredLayer], is_ordered: bool
) -> dict[str, StoredLayer]:
    """Return the 13 convolutions of one model by name, or refuse it."""
    convolutions = [layer for layer in layers if layer.is_convolution]
    named = {}
    for layer in convolutions:
        if name := _block_name(layer):
            if name in named:
                raise file_error(path, f"holds {name} twice", "one trunk")
            named[name] = layer
    if not named:
        if len(convolutions) != len(CONVOLUTIONS):
            raise _count_error(path, len(convolutions), convolutions)
        if not is_ordered and not all(map(_is_numbered, convolutions)):
            raise file_error(
                path,
                "its 13 convolutions have no names that tell their order",
                "block1_conv1 to block5_conv3, or a .keras file of the model",
            )
        named = dict(zip(CONVOLUTIONS, convolutions, strict=True))
    missing = [name for name in CONVOLUTIONS if name not in named]
    if len(named) > len(CONVOLUTIONS) or (missing and len(named) in _SIBLINGS):
        raise _count_error(path, len(named), list(named.values()))
    if missing:
        raise _count_error(path, len(CONVOLUTIONS) - len(missing), missing=missing[0])
    trunk = {name: named[name] for name in CONVOLUTIONS}
    _refuse_other_inputs(path, trunk)
    _refuse_normalisation(path, layers, trunk, is_ordered)
    _refuse_foreign(path, trunk)
    return trunk


def _block_name(layer: StoredLayer) -> str | None:
    """Return VGG's name of a layer, from ``block1_conv2`` or ``conv1_2``."""
    found = re.search(r"(?:block|conv)([1-9])_(?:conv)?([1-9])(?![0-9])", layer.label)
    return f"block{found[1]}_conv{found[2]}" if found else None


def _is_numbered(layer: StoredLayer) -> bool:
    """Whether Keras named a layer by itself, by which layers were sorted."""
    return bool(re.search(r"conv(olution)?2d(_\d+)?( |$)", layer.label))


def _count_error(
    path: Path,
    count: int,
    convolutions: Sequence[StoredLayer] = (),
    missing: str = "",
) -> InputError:
    """Say how many convolutions there are instead of 13, and whose."""
    filters = [max(layer.arrays[-1].shape) for layer in convolutions]
    name = _SIBLINGS.get(count)
    if name and filters == sorted(filters) and max(filters) <= BLOCKS[-1][1]:
        return file_error(
            path, f"holds {count} convolutions, which is {name}", "VGG-16's 13"
        )
    if count > len(CONVOLUTIONS):
        return file_error(path, f"holds {count} convolutions", "VGG-16's 13")
    missing = missing or list(CONVOLUTIONS)[count]
    return file_error(
        path,
        f"holds {count} of VGG-16's 13 convolutions, {missing} is missing",
        "all of block1_conv1 to block5_conv3",
    )


def _refuse_other_inputs(path: Path, trunk: Mapping[str, StoredLayer]) -> None:
    """Refuse PyTorch's VGG-16, whose tensors fit but whose pixels are others."""
    first = trunk["block1_conv1"].label
    if re.search(r"features\.0\.weight", first):
        raise file_error(
            path,
            f"is PyTorch's VGG-16 ({first}), which takes RGB in units of its own",
            "VGG-16 as published, which takes BGR minus the mean pixel",
        )


def _refuse_normalisation(
    path: Path,
    layers: list[StoredLayer],
    trunk: Mapping[str, StoredLayer],
    is_ordered: bool,
) -> None:
    """Refuse a trunk whose convolutions are normalised: it is another network.

    Normalisations behind the trunk are a classifier's. Where the file does not say
    what follows what, any of as many features as a convolution has may be the trunk's.
    """
    if is_ordered:
        before_last = layers[: layers.index(trunk["block5_conv3"])]
        normalised = any(layer.is_normalisation for layer in before_last)
        advice = "VGG-16 as published, without"
    else:
        filters = {outputs for _, outputs in CONVOLUTIONS.values()}
        normalised = any(
            layer.is_normalisation and layer.arrays[0].size in filters
            for layer in layers
        )
        advice = (
            "VGG-16 as published, without; where it is on top of the trunk alone, a"
            " .keras file of the model, which tells"
        )
    if normalised:
        raise file_error(
            path, "is VGG-16 with batch normalisation, another network", advice
        )


def _refuse_foreign(path: Path, trunk: Mapping[str, StoredLayer]) -> None:
    """Refuse what a file says to compute otherwise than VGG-16 does."""
    for name, layer in list(trunk.items())[:-1]:
        for what in layer.foreign:
            if what == "BatchNormalization":
                raise file_error(
                    path,
                    "is VGG-16 with batch normalisation, another network",
                    "VGG-16 as published, without",
                )
            raise file_error(
                path,
                f"has {what} at {name}, so that it is another network",
                "VGG-16 as published",
            )


def _kernel_axes(path: Path, kernel: StoredArray) -> str:
    """Tell the axes from the first kernel, where no two readings have one shape."""
    for axes in (CHANNELS_FIRST, CHANNELS_LAST):
        if kernel.shape == _kernel_shape(axes, *CONVOLUTIONS["block1_conv1"]):
            return axes
    raise file_error(
        path,
        f"block1_conv1 kernel has shape {kernel.shape}",
        "(64, 3, 3, 3) or (3, 3, 3, 64)",
    )


def _kernel_shape(axes: str, inputs: int, outputs: int) -> tuple[int, ...]:
    if axes == CHANNELS_FIRST:
        return (outputs, inputs, 3, 3)
    return (3, 3, inputs, outputs)


# --- Q-networks -------------------------------------------------------------------


def _is_dense(layer: StoredLayer) -> bool:
    return [array.ndim for array in layer.arrays] == [2, 1]


def _q_network_shapes(
    path: Path, shapes: list[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Check that three Dense layers follow each other from the state to the actions."""
    inputs = int(np.prod(FEATURES)) + _HISTORY
    fits = (
        len(shapes) == 3
        and shapes[0][0] == inputs
        and shapes[0][1] == shapes[1][0]
        and shapes[1][1] == shapes[2][0]
        and shapes[2][1] == _ACTIONS
    )
    if not fits:
        raise file_error(
            path,
            f"its Dense kernels have shapes {', '.join(map(str, shapes)) or 'none'}",
            f"a Q-network's ({inputs}, n), (n, m), (m, {_ACTIONS})",
        )
    return shapes


# --- flipping ---------------------------------------------------------------------


def _flipping(
    path: Path, first: np.ndarray, stored: StoredModel, axes: str
) -> tuple[bool, str]:
    """Decide whether kernels are stored flipped, and say from what.

    ``first`` is the first kernel, (h, w, in, out), otherwise as stored.
    """
    if _is_imagenet_corner(first[0, 0, 0, :3]):
        return False, "the first kernel is ImageNet's"
    if _is_imagenet_corner(first[2, 2, 0, :3]):
        return True, "the first kernel is ImageNet's, flipped"
    if stored.layout == KERAS_3:
        return False, "Keras 3 computes correlations"
    if stored.layout == ONNX_GRAPH:
        return False, "ONNX computes correlations"
    for word, flipped in (("th_kernels", True), ("tf_kernels", False)):
        if word in path.name:
            return flipped, f"the file's name says {word}"
    if stored.backend in ("theano", "tensorflow"):
        return stored.backend == "theano", f"attribute backend is {stored.backend}"
    return axes == CHANNELS_FIRST, f"guessed from kernel axes ({axes})"


def _is_imagenet_corner(values: np.ndarray) -> bool:
    return bool(np.allclose(values, IMAGENET_CORNER, rtol=0, atol=1e-4))


def _flip(kernel: np.ndarray, axes: str, flipped: bool) -> np.ndarray:
    """Bring a kernel to (h, w, in, out), flipped back if it is stored flipped."""
    if axes == CHANNELS_FIRST:
        kernel = kernel.transpose(2, 3, 1, 0)
    if flipped:
        kernel = kernel[::-1, ::-1]
    return np.ascontiguousarray(kernel)


def _rows_to_channels_last(kernel: np.ndarray) -> np.ndarray:
    """Permute descriptor rows from channel, row, column to row, column, channel."""
    rows, columns, channels = FEATURES
    size = rows * columns * channels
    features = kernel[:size].reshape(channels, rows, columns, -1).transpose(1, 2, 0, 3)
    return np.concatenate([features.reshape(size, -1), kernel[size:]])
