"""The networks of the glimpse regressor, each by itself.

Source: paper, section 2; where it is silent, FIDELITY.md. All of them are built with
known shapes, so that nothing is left to the first batch, and draw their first weights
from one seed.
"""

import math
from pathlib import Path

import keras
import numpy as np
from keras import ops

from glimpse_rnn.config import ModelSettings
from weights.vgg16 import VGG_MEAN_BGR, build_vgg16, load_vgg16

FILTERS = (32, 64, 128)
"""Channels of the three convolutions, 5×5 with stride 2."""

WHAT_UNITS = 128
"""Units of the glimpse network that is one fully connected layer."""

WHERE_UNITS = 128
"""Units of the layer that takes a location in."""

GLIMPSE_UNITS = 256
"""Units of g, in which what was seen and where it was seen meet."""


class _Layers:
    """Makes layers whose first weights all come from one seed.

    Args:
        seed: the seed.
    """

    def __init__(self, seed: int):
        self._seeds = np.random.SeedSequence(seed)

    def seed(self) -> int:
        """Return the next layer's seed."""
        return int(self._seeds.spawn(1)[0].generate_state(1)[0] >> 1)

    def uniform(self) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=self.seed())

    def dense(self, units: int, name: str, **options) -> keras.layers.Dense:
        return keras.layers.Dense(
            units, kernel_initializer=self.uniform(), name=name, **options
        )

    def convolution(self, filters: int, size: int, strides: int, name: str, **options):
        return keras.layers.Conv2D(
            filters,
            size,
            strides=strides,
            padding="same",
            data_format="channels_last",
            kernel_initializer=self.uniform(),
            name=name,
            **options,
        )


def get_glimpse_network(
    settings: ModelSettings,
    channels: int,
    path_vgg: Path | None = None,
    seed: int = 0,
) -> keras.Model:
    """Build what turns a glimpse and its location into g = ReLU(W·what + U·where).

    ``where`` is a layer of 128 with ReLU over the location, ``what`` as
    ``glimpse_network`` says: three convolutions 5×5 of stride 2 with 32, 64 and 128
    channels and ReLU (``cnn``); the same with a residual block of two convolutions 3×3
    after each (``residual``); a layer of 128 with ReLU (``fc``); or the first blocks of
    VGG-16 over each level by itself, normalised over all that they found (``vgg16``).
    What convolutions found is averaged over places, or ``pooling`` none.

    Args:
        settings: ``glimpse_network``, ``bandwidth``, ``levels``, ``batch_norm``,
            ``pooling``, ``convolution_dtype``, ``vgg_blocks`` and ``vgg_trainable``.
        channels: of the image, 1 or 3.
        path_vgg: weights of VGG-16; without them the blocks hold zeros, as if waiting
            for a checkpoint.
        seed: of the first weights.

    Returns:
        A model from float32 (n, bandwidth, bandwidth, levels · channels) in [0, 1] and
        float32 (n, 2) in [−1, 1] to float32 (n, 256).

    Raises:
        InputError: the weights cannot be read.
    """
    layers = _Layers(seed)
    side = settings.bandwidth
    glimpse = keras.Input((side, side, settings.levels * channels), name="glimpse")
    location = keras.Input((2,), name="location")
    if settings.glimpse_network == "vgg16":
        what = _vgg16(settings, channels, path_vgg)(glimpse)
    elif settings.glimpse_network == "fc":
        what = _fully_connected(layers, glimpse, bool(settings.batch_norm))
    else:
        what = _convolutions(layers, glimpse, settings)
    where = layers.dense(WHERE_UNITS, "where", activation="relu")(location)
    together = keras.layers.Add(name="what_and_where")(
        [
            layers.dense(GLIMPSE_UNITS, "what_to_g")(what),
            layers.dense(GLIMPSE_UNITS, "where_to_g", use_bias=False)(where),
        ]
    )
    g = keras.layers.ReLU(name="g")(together)
    return keras.Model([glimpse, location], g, name="glimpse_network")


def _fully_connected(layers: _Layers, glimpse, batch_norm: bool):
    x = keras.layers.Flatten(name="flatten")(glimpse)
    x = layers.dense(WHAT_UNITS, "fc", use_bias=not batch_norm)(x)
    return _activated(x, "fc", batch_norm)


def _convolutions(layers: _Layers, glimpse, settings: ModelSettings):
    batch_norm = bool(settings.batch_norm)
    dtype = {"dtype": _convolution_dtype(settings)}

    def convolved(x, filters: int, size: int, strides: int, name: str):
        options = dtype | {"use_bias": not batch_norm}
        return layers.convolution(filters, size, strides, name, **options)(x)

    x = glimpse
    for number, filters in enumerate(FILTERS, start=1):
        name = f"conv{number}"
        x = _activated(convolved(x, filters, 5, 2, name), name, batch_norm, **dtype)
        if settings.glimpse_network == "residual":
            y = convolved(x, filters, 3, 1, f"{name}_a")
            y = _activated(y, f"{name}_a", batch_norm, **dtype)
            y = convolved(y, filters, 3, 1, f"{name}_b")
            y = _normalised(y, f"{name}_b", batch_norm, **dtype)
            x = keras.layers.Add(name=f"{name}_add", **dtype)([x, y])
            x = keras.layers.ReLU(name=f"{name}_out", **dtype)(x)
    if settings.pooling == "none":
        return keras.layers.Flatten(name="places", dtype="float32")(x)
    return keras.layers.GlobalAveragePooling2D(
        data_format="channels_last", name="pool", dtype="float32"
    )(x)


def _convolution_dtype(settings: ModelSettings) -> str:
    """Return the dtype policy of layers that convolve."""
    is_half = settings.convolution_dtype == "bfloat16"
    return "mixed_bfloat16" if is_half else "float32"


def _normalised(x, name: str, batch_norm: bool, **dtype):
    if not batch_norm:
        return x
    return keras.layers.BatchNormalization(name=f"{name}_norm", **dtype)(x)


def _activated(x, name: str, batch_norm: bool, **dtype):
    x = _normalised(x, name, batch_norm, **dtype)
    return keras.layers.ReLU(name=f"{name}_relu", **dtype)(x)


def _vgg16(
    settings: ModelSettings, channels: int, path: Path | None
) -> "LevelFeatures":
    options = {
        "taps": (f"block{settings.vgg_blocks}_pool",),
        "dtype": _convolution_dtype(settings),
    }
    trunk = build_vgg16(**options) if path is None else load_vgg16(path, **options)
    # Not the model alone: its layers were frozen one by one.
    trunk.trainable = bool(settings.vgg_trainable)
    keeps = settings.pooling == "none"
    return LevelFeatures(trunk, settings.levels, channels, keeps, name="vgg16_levels")


@keras.saving.register_keras_serializable("glimpse_rnn")
class LevelFeatures(keras.layers.Layer):
    """Gives each level of a glimpse to VGG-16 as an image of its own.

    All levels' features are put side by side and normalised together, for VGG-16's are
    tens and hundreds where other networks' are ones.

    Args:
        trunk: a model of :mod:`weights.vgg16`.
        levels: crops in a glimpse.
        channels: of each, 1 (taken as grey) or 3 (RGB).
        keeps_places: whether the features of each place are kept; else they are
            averaged over places.
        **options: Keras' own.
    """

    def __init__(
        self,
        trunk: keras.Model,
        levels: int,
        channels: int,
        keeps_places: bool = False,
        **options,
    ):
        super().__init__(**options)
        self.trunk = trunk
        self._levels = levels
        self._channels = channels
        self._keeps_places = keeps_places
        self._norm = keras.layers.LayerNormalization(name="norm")

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the normalisation for as many features as there are."""
        self._norm.build(self.compute_output_shape(shape))
        super().build(shape)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple:
        """Return (n, levels · features), or (n, levels · places · features)."""
        number, *sides, _ = shape
        *places, features = self.trunk.compute_output_shape((None, *sides, 3))[1:]
        kept = math.prod(places) if self._keeps_places else 1
        return number, self._levels * kept * features

    def call(self, glimpse):
        """Return what :meth:`compute_output_shape` says, in float32.

        Args:
            glimpse: float32 (n, b, b, levels · channels) in [0, 1].
        """
        side = glimpse.shape[1]
        x = ops.reshape(glimpse, (-1, side, side, self._levels, self._channels))
        x = ops.transpose(x, (0, 3, 1, 2, 4))
        x = ops.reshape(x, (-1, side, side, self._channels))
        # RGB turned into BGR; a grey channel thrice.
        x = ops.take(x, (2, 1, 0) if self._channels == 3 else (0, 0, 0), axis=-1)
        x = self.trunk(x * 255 - np.asarray(VGG_MEAN_BGR, np.float32))
        x = ops.cast(x, "float32")
        if not self._keeps_places:
            x = ops.mean(x, axis=(1, 2))
        features = self._levels * math.prod(x.shape[1:])
        return self._norm(ops.reshape(x, (-1, features)))


def get_cell(settings: ModelSettings, seed: int = 0) -> keras.layers.Layer:
    """Build what remembers: it takes g and its state, and gives h and its new state.

    The paper's, ``fc``, is one layer with ReLU over [h, g]: written as one matrix for h
    and one for g, that is Keras' simple recurrent cell.

    Args:
        settings: ``cell`` and ``state_size``.
        seed: of the first weights.
    """
    layers = _Layers(seed)
    options = {
        "kernel_initializer": layers.uniform(),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=layers.seed()),
        "seed": layers.seed(),
        "name": "cell",
    }
    if settings.cell == "fc":
        cell = keras.layers.SimpleRNNCell(
            settings.state_size, activation="relu", **options
        )
    else:
        kinds = {"gru": keras.layers.GRUCell, "lstm": keras.layers.LSTMCell}
        cell = kinds[settings.cell](settings.state_size, **options)
    cell.build((None, GLIMPSE_UNITS))
    return cell


def get_head(
    settings: ModelSettings, units: int, name: str, activation: str | None, seed: int
) -> keras.layers.Dense:
    """Build a fully connected layer over h, as location, baseline and regression are.

    Args:
        settings: ``state_size``.
        units: numbers that it puts out.
        name: of the layer.
        activation: of its output.
        seed: of the first weights.
    """
    head = _Layers(seed).dense(units, name, activation=activation)
    head.build((None, settings.state_size))
    return head
