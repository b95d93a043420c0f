"""Rewrites a weight file of any known layout as a Keras 3 one.

    python -m weights.convert SOURCE DEST
    python -m weights.convert --q_network SOURCE DEST

Besides what it found it prints the largest difference between the source's outputs and
the new file's. The source's are computed here a second time, in NumPy, in float64 and
in the source's own convention (its axes, a true convolution where it means one), so
that a mistake in the conversion cannot hide in its check. A few seconds either way.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import tyro

from common import command_line
from common.devices import load_keras
from common.epochs import read_settings, write_settings
from common.errors import InputError, file_error
from common.file_kinds import is_hdf5
from common.hdf5 import checksummed_write
from weights import layouts

if TYPE_CHECKING:
    import keras

TOLERANCE = 1e-2
"""Difference, as a share of the largest output, over which a conversion is refused.
float32 against float64 differs by 1e-6, a wrong kernel by about 1; TensorFloat-32 on a
GPU lies between."""

_SUFFIX = ".weights.h5"


@dataclass(frozen=True)
class Settings:
    """Rewrite a weight file of any known layout as a Keras 3 .weights.h5 file."""

    source: tyro.conf.Positional[Path]
    """weight file to read"""
    dest: tyro.conf.Positional[Path]
    """file to write; its name ends in .weights.h5"""
    q_network: tyro.conf.FlagCreatePairsOff[bool] = False
    """the source is a Q-network, not a VGG-16 trunk"""
    rotate: Literal["auto", "yes", "no"] = "auto"
    """trunk: whether its kernels are stored flipped along both axes (Theano)"""
    feature_order: Literal["auto", "channel_row_column", "row_column_channel"] = "auto"
    """Q-network: order of its descriptor inputs; auto takes Keras 0.x and 1 files for
    channel_row_column and Keras 3 files for row_column_channel"""


def main(settings: Settings) -> None:
    """Convert one file and print what was found and how exact the result is."""
    source, dest = settings.source, settings.dest
    _check_paths(source, dest)
    with load_keras():
        from weights import vgg16  # noqa: F401  what the conversion is checked with
    if settings.q_network:
        choices = {"channel_row_column": True, "row_column_channel": False}
        convert_q_network(source, dest, choices.get(settings.feature_order))
    else:
        convert_trunk(source, dest, {"yes": True, "no": False}.get(settings.rotate))
    print(f"wrote {dest}")


def convert_trunk(source: Path, dest: Path, rotate: bool | None = None) -> float:
    """Rewrite a VGG-16 trunk and check the new file against the old one.

    Args:
        source: weight file of any known layout.
        dest: Keras 3 file to write; its name ends in ``.weights.h5``.
        rotate: as in :func:`weights.layouts.read_trunk`.

    Returns:
        Largest difference of the ``block5_pool`` features of a random 32 x 32 image.

    Raises:
        InputError: the source cannot be used, the destination cannot be written, or
            the outputs differ; then ``dest`` is as it was.
    """
    import keras

    from weights.vgg16 import build_vgg16

    stored = layouts.read_source_trunk(source, rotate)
    trunk = layouts.to_keras(stored)
    _describe_trunk(source, trunk)
    image = np.random.default_rng(0).uniform(-120, 140, (32, 32, 3)).astype(np.float32)
    before = reference_features(stored, image)
    with checksummed_write(dest) as partial:
        layouts.write_trunk(partial, trunk.layers)
        model = build_vgg16()
        model.load_weights(partial)
        after = keras.ops.convert_to_numpy(model(image[None]))[0]
        return _difference(dest, "features", before, after)


def convert_q_network(
    source: Path, dest: Path, channels_first: bool | None = None
) -> float:
    """Rewrite a Q-network and check the new file against the old one.

    What a checkpoint of this project was trained with is passed on.

    Args:
        source: Q-network file, published or this project's.
        dest: Keras 3 file to write; its name ends in ``.weights.h5``.
        channels_first: as in :func:`weights.layouts.read_q_network`.

    Returns:
        Largest difference of the Q-values of eight random states.

    Raises:
        InputError: as in :func:`convert_trunk`.
    """
    import keras

    stored = layouts.read_source_q_network(source, channels_first)
    network = layouts.to_channels_last(stored)
    order = "channel, row, column" if network.channels_first else "row, column, channel"
    sizes = ", ".join(str(array.shape) for array in network.arrays[::2])
    print(f"{source}: {network.layout}, 3 Dense layers {sizes}")
    print(f"descriptor inputs ordered {order}; written as row, column, channel")
    features, history = _random_states()
    before = reference_q_values(stored, features, history)
    states = np.concatenate([features.reshape(len(features), -1), history], axis=1)
    settings = read_settings(source) if is_hdf5(source) else None
    with checksummed_write(dest) as partial:
        model = _build_q_network(network.arrays)
        model.set_weights(network.arrays)
        model.save_weights(partial)
        if settings is not None:
            write_settings(partial, settings)
        model = _build_q_network(network.arrays)
        model.load_weights(partial)
        after = keras.ops.convert_to_numpy(model(states))
        return _difference(dest, "Q-values", before, after)


def reference_features(trunk: layouts.SourceTrunk, image: np.ndarray) -> np.ndarray:
    """Compute ``block5_pool`` in NumPy and in the source's own convention.

    Args:
        trunk: the convolutions as the file holds them.
        image: (h, w, 3) with sides that are multiples of 32, preprocessed.

    Returns:
        float64 (h // 32, w // 32, 512).
    """
    maps = image.astype(np.float64).transpose(2, 0, 1)
    names = iter(trunk.layers)
    for layers, _ in layouts.BLOCKS:
        for _ in range(layers):
            kernel, bias = trunk.layers[next(names)]
            maps = _convolve(maps, kernel, bias, trunk.kernel_axes, trunk.flipped)
            maps = np.maximum(maps, 0)
        channels, height, width = maps.shape
        maps = maps.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
    return maps.transpose(1, 2, 0)


def _convolve(
    maps: np.ndarray, kernel: np.ndarray, bias: np.ndarray, axes: str, true: bool
) -> np.ndarray:
    """Add up a 3 x 3 convolution of (channels, h, w) maps, one kernel place at a time.

    A correlation takes kernel[u, v] times x[r + u - 1, c + v - 1], a true convolution
    times x[r + 1 - u, c + 1 - v]: the kernel stays as stored, the other side moves.
    """
    _, height, width = maps.shape
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)))
    total = np.zeros((len(bias), height, width)) + bias[:, None, None]
    for u in range(3):
        for v in range(3):
            first = axes == layouts.CHANNELS_FIRST
            weights = kernel[:, :, u, v] if first else kernel[u, v].T
            row, column = (2 - u, 2 - v) if true else (u, v)
            moved = padded[:, row : row + height, column : column + width]
            total += np.tensordot(weights.astype(np.float64), moved, axes=1)
    return total


def reference_q_values(
    network: layouts.QNetworkWeights, features: np.ndarray, history: np.ndarray
) -> np.ndarray:
    """Compute Q-values in NumPy, with the inputs in the source's own order.

    Args:
        network: the arrays as the file holds them.
        features: (n, 7, 7, 512) descriptors: row, column, channel.
        history: (n, 24).

    Returns:
        float64 (n, 6).
    """
    if network.channels_first:
        features = features.transpose(0, 3, 1, 2)
    flat = features.reshape(len(features), -1)
    x = np.concatenate([flat, history], axis=1).astype(np.float64)
    arrays = network.arrays
    for kernel, bias in zip(arrays[:-2:2], arrays[1:-2:2], strict=True):
        x = np.maximum(x @ kernel + bias, 0)
    return x @ arrays[-2] + arrays[-1]


def _random_states(count: int = 8) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    features = np.maximum(random.normal(size=(count, *layouts.FEATURES)), 0)
    history = random.integers(0, 2, (count, 24))
    return features.astype(np.float32), history.astype(np.float32)


def _build_q_network(arrays: tuple[np.ndarray, ...]) -> "keras.Model":
    """Build the three Dense layers; dropout has no weights and needs none here."""
    import keras

    first, second, last = (kernel.shape[1] for kernel in arrays[::2])
    return keras.Sequential(
        [
            keras.Input((arrays[0].shape[0],)),
            keras.layers.Dense(first, activation="relu", kernel_initializer="zeros"),
            keras.layers.Dense(second, activation="relu", kernel_initializer="zeros"),
            keras.layers.Dense(last, kernel_initializer="zeros"),
        ]
    )


def _describe_trunk(source: Path, trunk: layouts.Trunk) -> None:
    flipped = "flipped along both axes" if trunk.flipped else "not flipped"
    print(f"{source}: {trunk.layout}, {len(trunk.layers)} convolutions")
    print(f"kernel axes ({trunk.kernel_axes}), {flipped}: {trunk.reason}")
    print(f"trunk: {trunk.identity}")


def _difference(dest: Path, what: str, before: np.ndarray, after: np.ndarray) -> float:
    """Print the largest difference; refuse a file that does not give the same."""
    difference = float(np.abs(before - after).max())
    largest = float(np.abs(before).max())
    print(f"largest difference of the {what}: {difference:.3g} (of {largest:.3g})")
    if not difference <= TOLERANCE * largest:
        raise file_error(
            dest,
            f"not written: its {what} would differ by {difference:.3g}",
            f"at most {TOLERANCE * largest:.3g}",
        )
    return difference


def _check_paths(source: Path, dest: Path) -> None:
    if not dest.name.endswith(_SUFFIX) or dest.name == _SUFFIX:
        raise InputError(f"DEST {dest}: expected a name ending in {_SUFFIX}")
    if dest.is_dir():
        raise InputError(f"DEST {dest}: is a folder; expected a file's name")
    if os.path.realpath(source) == os.path.realpath(dest):
        raise InputError(f"DEST {dest}: is SOURCE; expected another file")


if __name__ == "__main__":
    command_line.run(main, Settings)
