"""Reads VGG-16 trunks and Q-networks out of every HDF5 layout met in the wild.

Only h5py and NumPy: the layout is decided from what the file holds, arrays are checked
before they are used and nothing in a file is ever executed. The table of layouts is in
``weights/README.md``.

Two facts about a trunk have to be found out. The **axes** of a kernel follow from the
shape of the first one: (64, 3, 3, 3) is (out, in, h, w), (3, 3, 3, 64) is
(h, w, in, out). Whether kernels are **rotated** by 180 degrees cannot be seen from
shapes: Theano computed true convolutions and stored its kernels turned over. In this
order, the first that knows decides:

1. the caller (``rotate=True`` or ``False``);
2. the first kernel, where it is ImageNet's: three of its values are known;
3. the layout, where it is Keras 3's: Keras 3 computes correlations everywhere;
4. the file's name, where it says ``th_kernels`` (rotate) or ``tf_kernels`` (do not);
5. the attribute ``backend``, which Keras 1.2 and later write;
6. else the axes: (out, in, h, w) is taken for Theano's and rotated, (h, w, in, out) is
   taken as it is. This is a guess, and ``Trunk.reason`` says so.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from common.errors import InputError, file_error
from common.files import sha256_of

Arrays = tuple[np.ndarray, np.ndarray]

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions and their filters in each of VGG-16's five blocks."""

IMAGENET_CORNER = (0.42947057, 0.11727387, 0.034013)
"""``block1_conv1`` kernel[0, 0, 0, :3] of ImageNet's VGG-16: (h, w, in, out), BGR."""

CHANNELS_FIRST = "out, in, h, w"
CHANNELS_LAST = "h, w, in, out"

KERAS_0 = "Keras 0.x: layer_N/param_N"
KERAS_1 = "Keras 1 or 2: layer_names"
KERAS_3 = "Keras 3: layers/*/vars"
KERAS_3_BLOCKS = "Keras 3 in blocks: blockN/layers/*/vars"

FEATURES = (7, 7, 512)
"""Rows, columns and channels of the descriptor at the head of a Q-network's input."""

_HISTORY = 24
_ACTIONS = 6


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
    rotated: bool
    """whether the kernels are stored turned by 180 degrees, for a true convolution"""
    reason: str
    """what ``rotated`` was decided from"""


@dataclass(frozen=True)
class Trunk:
    """The 13 convolutions as Keras 3 wants them."""

    layout: str
    """which of the layouts the file has, in words"""
    layers: dict[str, Arrays]
    """layer name -> (kernel (h, w, in, out), bias (out,)), both float32"""
    kernel_axes: str
    """what the axes of the stored kernels were"""
    rotated: bool
    """whether the stored kernels were turned by 180 degrees; here they no longer are"""
    reason: str
    """what ``rotated`` was decided from"""

    @property
    def is_imagenet(self) -> bool:
        """Whether the first kernel is ImageNet VGG-16's, the right way round."""
        return _is_imagenet_corner(self.layers["block1_conv1"][0][0, 0, 0, :3])


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
        path: the HDF5 file.
        rotate: whether its kernels are stored turned by 180 degrees; found out as the
            module's docstring says if left out.

    Returns:
        The trunk with kernels (h, w, in, out), ready for ``set_weights``.

    Raises:
        InputError: the file is missing, not HDF5, cut short or damaged, or its layers
            are not VGG-16's, or a weight is not a finite number.
    """
    return to_keras(read_source_trunk(path, rotate))


def to_keras(source: SourceTrunk) -> Trunk:
    """Bring a trunk to kernels (h, w, in, out) and to correlation, as Keras 3 has it.

    Arrays that need no change are shared with ``source``.
    """
    layers = {
        name: (_turn(kernel, source.kernel_axes, source.rotated), bias)
        for name, (kernel, bias) in source.layers.items()
    }
    return Trunk(
        source.layout, layers, source.kernel_axes, source.rotated, source.reason
    )


def read_source_trunk(path: Path | str, rotate: bool | None = None) -> SourceTrunk:
    """Read the 13 convolutions without changing their axes or turning them.

    Args:
        path: the HDF5 file.
        rotate: as in :func:`read_trunk`.

    Raises:
        InputError: as in :func:`read_trunk`.
    """
    path = Path(path)
    with _opened(path) as file:
        layout, weights = _weights_in_order(path, file)
        found = _name_convolutions(path, _pairs(weights, dimensions=4))
        axes = _kernel_axes(path, found["block1_conv1"][0])
        layers = {}
        for name, (kernel, bias) in found.items():
            inputs, outputs = CONVOLUTIONS[name]
            shape = _kernel_shape(axes, inputs, outputs)
            layers[name] = (
                _read(path, f"{name} kernel", kernel, shape),
                _read(path, f"{name} bias", bias, (outputs,)),
            )
        backend = _text(_root(file).attrs.get("backend", ""))
    if rotate is not None:
        rotated, reason = rotate, "asked for"
    else:
        first = _turn(layers["block1_conv1"][0], axes, rotated=False)
        rotated, reason = _rotation(path, first, layout, axes, backend)
    return SourceTrunk(layout, axes, layers, rotated, reason)


def read_q_network(
    path: Path | str, channels_first: bool | None = None
) -> QNetworkWeights:
    """Read a Q-network, with its inputs in this project's order.

    The published programs' files (Keras 0.x and 1) order the descriptor's 25,088 inputs
    channel, row, column; their rows of the first kernel are permuted to row, column,
    channel. The last 24 rows, the history, stay. Keras 3 files have this project's
    order already.

    Args:
        path: the HDF5 file.
        channels_first: the file's order, where it is not what its layout suggests:
            False for pool45_crops networks that were trained on max-pooled
            descriptors (row ``layout`` of the table of quirks).

    Raises:
        InputError: the file is missing, not HDF5, cut short or damaged, or is not a
            Q-network of three Dense layers, or a weight is not a finite number.
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
        path: the HDF5 file.
        channels_first: as in :func:`read_q_network`.

    Raises:
        InputError: as in :func:`read_q_network`.
    """
    path = Path(path)
    with _opened(path) as file:
        layout, weights = _weights_in_order(path, file)
        pairs = [pair for _, pair in _pairs(weights, dimensions=2)]
        shapes = _q_network_shapes(path, [kernel.shape for kernel, _ in pairs])
        arrays = []
        for number, (kernel, bias) in enumerate(pairs, start=1):
            shape = shapes[number - 1]
            arrays.append(_read(path, f"dense_{number} kernel", kernel, shape))
            arrays.append(_read(path, f"dense_{number} bias", bias, shape[1:]))
    if channels_first is None:
        channels_first = layout in (KERAS_0, KERAS_1)
    return QNetworkWeights(layout, tuple(arrays), channels_first)


def record_path(path: Path | str) -> Path:
    """Return where the JSON record of a weight file's origin lies: beside it."""
    path = Path(path)
    return path.with_name(f"{path.name}.json")


def read_record(path: Path | str) -> dict | None:
    """Read what the record beside a weight file says of it.

    Returns:
        The record (``name``, ``source``, ``sha256``, ``bytes``), or None where there is
        none, it cannot be read or it was written for other contents than the file's.
    """
    try:
        record = json.loads(record_path(path).read_text(encoding="utf-8"))
        agrees = record["sha256"] == sha256_of(Path(path))
        known = isinstance(record["name"], str) and isinstance(record["source"], str)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return record if agrees and known else None


# --- opening ---------------------------------------------------------------------


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file; whatever h5py makes of a bad one becomes one clear line."""
    if not path.exists():
        raise file_error(path, "no such file", "a weight file in HDF5 format")
    if path.is_dir():
        raise file_error(path, "is a folder", "a weight file in HDF5 format")
    if path.stat().st_size == 0:
        raise file_error(path, "is empty", "a weight file in HDF5 format")
    try:
        with h5py.File(path, "r") as file:
            yield file
    # A damaged file fails anywhere between opening and the last read, and h5py has no
    # error class of its own.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise _damage(path, error) from error


def _damage(path: Path, error: Exception) -> InputError:
    message = str(error)
    sizes = re.search(r"eof = (\d+).*stored_eof = (\d+)", message)
    if sizes:
        return file_error(
            path, f"is cut short: {sizes[1]} bytes", f"{sizes[2]}, so get it again"
        )
    if "signature not found" in message:
        return file_error(path, "is not an HDF5 file", "a weight file in HDF5 format")
    if isinstance(error, PermissionError):
        return file_error(path, "permission denied", "a file that may be read")
    detail = re.sub(r"^Unable to [^(]*", "", message.splitlines()[0] if message else "")
    return file_error(
        path, f"is a damaged HDF5 file {detail}", "an intact one, so get it again"
    )


# --- from each layout to one list of weights, in the order of the model ----------

_Weights = list[tuple[str, h5py.Dataset]]


def _weights_in_order(path: Path, file: h5py.File) -> tuple[str, _Weights]:
    """Tell the layout and list (label, dataset) of all weights."""
    root = _root(file)
    if "nb_layers" in root.attrs:
        return KERAS_0, _keras_0_weights(path, root)
    if "layer_names" in root.attrs:
        return KERAS_1, _keras_1_weights(path, root)
    weights = _keras_3_weights(file)
    if weights:
        in_blocks = "layers" not in file and "block1" in file
        return (KERAS_3_BLOCKS if in_blocks else KERAS_3), weights
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


def _keras_0_weights(path: Path, root: h5py.Group) -> _Weights:
    weights = []
    for number in range(int(root.attrs["nb_layers"])):
        layer = _group(path, root, f"layer_{number}")
        for parameter in range(int(layer.attrs.get("nb_params", 0))):
            label = f"layer_{number}/param_{parameter}"
            weights.append((label, _dataset(path, root, label)))
    return weights


def _keras_1_weights(path: Path, root: h5py.Group) -> _Weights:
    weights = []
    for name in _texts(root.attrs["layer_names"]):
        layer = _group(path, root, name)
        for weight in _texts(layer.attrs.get("weight_names", ())):
            weights.append((f"{name}/{weight}", _dataset(path, layer, weight)))
    return weights


def _keras_3_weights(file: h5py.File) -> _Weights:
    """List the datasets in groups called ``vars``; labels are the layers' own names."""
    holders: list[h5py.Group] = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        is_optimizer = name.startswith("optimizer")  # its slots have layers' shapes
        if isinstance(item, h5py.Group) and not is_optimizer:
            if name.rpartition("/")[2] == "vars":
                holders.append(item)

    file.visititems(visit)
    weights = []
    for holder in sorted(holders, key=lambda item: _natural(item.name)):
        label = f"{_text(holder.attrs.get('name', ''))} {holder.name}"
        for name in sorted(holder, key=_natural):
            if isinstance(holder[name], h5py.Dataset):
                weights.append((label, holder[name]))
    return weights


def _natural(name: str) -> list[tuple[str, int]]:
    """Sort ``conv2d``, ``conv2d_1``, … ``conv2d_10`` by their numbers."""
    parts = [re.fullmatch(r"(.*?)_?(\d*)", part) for part in name.split("/")]
    return [(part[1], int(part[2] or 0)) for part in parts]


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


def _texts(values: object) -> list[str]:
    return [_text(value) for value in np.ravel(values)]


# --- from the list to named and checked layers -----------------------------------

_Pair = tuple[h5py.Dataset, h5py.Dataset]


def _pairs(weights: _Weights, dimensions: int) -> list[tuple[str, _Pair]]:
    """Find kernels of so many dimensions that their bias follows."""
    return [
        (label, (kernel, bias))
        for (label, kernel), (_, bias) in zip(weights, weights[1:], strict=False)
        if kernel.ndim == dimensions and bias.ndim == 1
    ]


def _name_convolutions(path: Path, pairs: list[tuple[str, _Pair]]) -> dict[str, _Pair]:
    """Tell which convolution is which: by name where there are names, else by order."""
    named = {}
    for label, pair in pairs:
        name = re.search(r"block[1-5]_conv[1-3]", label)
        if name:
            named.setdefault(name[0], pair)
    if not named:
        named = dict(zip(CONVOLUTIONS, (pair for _, pair in pairs), strict=False))
    missing = [name for name in CONVOLUTIONS if name not in named]
    if missing:
        raise file_error(
            path,
            f"holds {len(CONVOLUTIONS) - len(missing)} of VGG-16's 13 convolutions, "
            f"{missing[0]} is missing",
            "all of block1_conv1 to block5_conv3",
        )
    return {name: named[name] for name in CONVOLUTIONS}


def _kernel_axes(path: Path, kernel: h5py.Dataset) -> str:
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


def _read(
    path: Path, what: str, dataset: h5py.Dataset, shape: tuple[int, ...]
) -> np.ndarray:
    """Read an array as float32, its shape checked before a byte of it is read."""
    if dataset.shape != shape:
        raise file_error(path, f"{what} has shape {dataset.shape}", str(shape))
    if dataset.dtype.kind != "f":
        raise file_error(path, f"{what} has type {dataset.dtype}", "floating point")
    if dataset.external or dataset.is_virtual or dataset.file.filename != str(path):
        raise file_error(path, f"{what} lies in another file", "it in this file")
    with np.errstate(over="ignore"):  # beyond float32 is caught as infinite
        array = dataset[...].astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise file_error(path, f"{what} has values that are not finite", "numbers")
    return array


# --- turning ---------------------------------------------------------------------


def _rotation(
    path: Path, first: np.ndarray, layout: str, axes: str, backend: str
) -> tuple[bool, str]:
    """Decide whether kernels are stored turned, and say from what.

    ``first`` is the first kernel, (h, w, in, out), otherwise as stored.
    """
    if _is_imagenet_corner(first[0, 0, 0, :3]):
        return False, "the first kernel is ImageNet's"
    if _is_imagenet_corner(first[2, 2, 0, :3]):
        return True, "the first kernel is ImageNet's, turned"
    if layout in (KERAS_3, KERAS_3_BLOCKS):
        return False, "Keras 3 computes correlations"
    for word, rotated in (("th_kernels", True), ("tf_kernels", False)):
        if word in path.name:
            return rotated, f"the file's name says {word}"
    if backend in ("theano", "tensorflow"):
        return backend == "theano", f"attribute backend is {backend}"
    return axes == CHANNELS_FIRST, f"guessed from kernel axes ({axes})"


def _is_imagenet_corner(values: np.ndarray) -> bool:
    return bool(np.allclose(values, IMAGENET_CORNER, rtol=0, atol=1e-4))


def _turn(kernel: np.ndarray, axes: str, rotated: bool) -> np.ndarray:
    """Bring a kernel to (h, w, in, out), turned back if it is stored turned."""
    if axes == CHANNELS_FIRST:
        kernel = kernel.transpose(2, 3, 1, 0)
    if rotated:
        kernel = kernel[::-1, ::-1]
    return np.ascontiguousarray(kernel)


def _rows_to_channels_last(kernel: np.ndarray) -> np.ndarray:
    """Permute descriptor rows from channel, row, column to row, column, channel."""
    rows, columns, channels = FEATURES
    size = rows * columns * channels
    features = kernel[:size].reshape(channels, rows, columns, -1)
    features = features.transpose(1, 2, 0, 3).reshape(size, -1)
    return np.concatenate([features, kernel[size:]])
