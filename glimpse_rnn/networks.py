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

from weights.layouts import read_trunk
from weights.vgg16 import VGG_MEAN_BGR, build_vgg16, set_trunk

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
    kind: str,
    bandwidth: int,
    levels: int,
    channels: int,
    *,
    pooling: str = "average",
    convolution_dtype: str = "float32",
    batch_norm: bool = False,
    vgg_blocks: int = 3,
    vgg_trainable: bool = False,
    seed: int = 0,
) -> keras.Model:
    """Build what turns a glimpse and its location into g = ReLU(W·what + U·where).

    ``where`` is a layer of 128 with ReLU over the location, ``what`` as ``kind`` says:
    three convolutions 5×5 of stride 2 with 32, 64 and 128 channels and ReLU (``cnn``);
    the same with a residual block of two convolutions 3×3 after each (``residual``); a
    layer of 128 with ReLU (``fc``); or the first blocks of VGG-16 over each level by
    itself, normalised over all that they found (``vgg16``).

    Args:
        kind: ``cnn``, ``residual``, ``fc`` or ``vgg16``. The blocks of VGG-16 hold
            zeros until :func:`load_trunk` or a checkpoint fills them.
        bandwidth: side of each crop, in pixels.
        levels: crops in a glimpse.
        channels: of the image, 1 or 3.
        pooling: ``average`` over the last convolution's places, or ``none``. Without
            effect on ``fc``.
        convolution_dtype: ``float32`` or ``bfloat16``; weights are float32.
        batch_norm: whether batches are normalised. Without effect on ``vgg16``.
        vgg_blocks: blocks of VGG-16.
        vgg_trainable: whether VGG-16 is trained too.
        seed: of the first weights.

    Returns:
        A model from float32 (n, bandwidth, bandwidth, levels · channels) in [0, 1] and
        float32 (n, 2) in [−1, 1] to float32 (n, 256).
    """
    layers = _Layers(seed)
    shape = bandwidth, bandwidth, levels * channels
    glimpse = keras.Input(shape, name="glimpse")
    location = keras.Input((2,), name="location")
    keeps_places = pooling == "none"
    is_half = convolution_dtype == "bfloat16"
    dtype = "mixed_bfloat16" if is_half else "float32"
    if kind == "vgg16":
        trunk = build_vgg16((f"block{vgg_blocks}_pool",), dtype)
        # Not the model alone: its layers were frozen one by one.
        trunk.trainable = vgg_trainable
        what = LevelFeatures(trunk, levels, channels, keeps_places, name=_VGG16_LEVELS)(
            glimpse
        )
    elif kind == "fc":
        what = _fully_connected(layers, glimpse, batch_norm)
    else:
        what = _convolutions(
            layers, glimpse, kind == "residual", batch_norm, keeps_places, dtype
        )
    where = layers.dense(WHERE_UNITS, "where", activation="relu")(location)
    together = keras.layers.Add(name="what_and_where")(
        [
            layers.dense(GLIMPSE_UNITS, "what_to_g")(what),
            layers.dense(GLIMPSE_UNITS, "where_to_g", use_bias=False)(where),
        ]
    )
    g = keras.layers.ReLU(name="g")(together)
    return keras.Model([glimpse, location], g, name="glimpse_network")


_VGG16_LEVELS = "vgg16_levels"


def load_trunk(glimpse_network: keras.Model, path: Path) -> None:
    """Fill the blocks of VGG-16 in a glimpse network from a weight file.

    Args:
        glimpse_network: of kind ``vgg16``, see :func:`get_glimpse_network`.
        path: weights of VGG-16, of any known layout.

    Raises:
        InputError: the weights cannot be read.
    """
    set_trunk(glimpse_network.get_layer(_VGG16_LEVELS).trunk, read_trunk(path))


def _fully_connected(layers: _Layers, glimpse, batch_norm: bool):
    x = keras.layers.Flatten(name="flatten")(glimpse)
    x = layers.dense(WHAT_UNITS, "fc", use_bias=not batch_norm)(x)
    return _activated(x, "fc", batch_norm)


def _convolutions(
    layers: _Layers,
    glimpse,
    is_residual: bool,
    batch_norm: bool,
    keeps_places: bool,
    dtype: str,
):
    policy = {"dtype": dtype}

    def convolved(x, filters: int, size: int, strides: int, name: str):
        options = policy | {"use_bias": not batch_norm}
        return layers.convolution(filters, size, strides, name, **options)(x)

    x = glimpse
    for number, filters in enumerate(FILTERS, start=1):
        name = f"conv{number}"
        x = _activated(convolved(x, filters, 5, 2, name), name, batch_norm, **policy)
        if is_residual:
            y = convolved(x, filters, 3, 1, f"{name}_a")
            y = _activated(y, f"{name}_a", batch_norm, **policy)
            y = convolved(y, filters, 3, 1, f"{name}_b")
            y = _normalised(y, f"{name}_b", batch_norm, **policy)
            x = keras.layers.Add(name=f"{name}_add", **policy)([x, y])
            x = keras.layers.ReLU(name=f"{name}_out", **policy)(x)
    if keeps_places:
        return keras.layers.Flatten(name="places", dtype="float32")(x)
    return keras.layers.GlobalAveragePooling2D(
        data_format="channels_last", name="pool", dtype="float32"
    )(x)


def _normalised(x, name: str, batch_norm: bool, **dtype):
    if not batch_norm:
        return x
    return keras.layers.BatchNormalization(name=f"{name}_norm", **dtype)(x)


def _activated(x, name: str, batch_norm: bool, **dtype):
    x = _normalised(x, name, batch_norm, **dtype)
    return keras.layers.ReLU(name=f"{name}_relu", **dtype)(x)


@keras.saving.register_keras_serializable("visual_search_rl")
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


def get_cell(kind: str, state_size: int, seed: int = 0) -> keras.layers.Layer:
    """Build what remembers: it takes g and its state, and gives h and its new state.

    The paper's, ``fc``, is one layer with ReLU over [h, g]: written as one matrix for h
    and one for g, that is Keras' simple recurrent cell.

    Args:
        kind: ``fc``, ``gru`` or ``lstm``.
        state_size: units of h.
        seed: of the first weights.
    """
    layers = _Layers(seed)
    options = {
        "kernel_initializer": layers.uniform(),
        "recurrent_initializer": keras.initializers.Orthogonal(seed=layers.seed()),
        "seed": layers.seed(),
        "name": "cell",
    }
    if kind == "fc":
        cell = keras.layers.SimpleRNNCell(state_size, activation="relu", **options)
    else:
        kinds = {"gru": keras.layers.GRUCell, "lstm": keras.layers.LSTMCell}
        cell = kinds[kind](state_size, **options)
    cell.build((None, GLIMPSE_UNITS))
    return cell


def get_head(
    state_size: int, units: int, name: str, activation: str | None, seed: int
) -> keras.layers.Dense:
    """Build a fully connected layer over h, as location, baseline and regression are.

    Args:
        state_size: units of h.
        units: numbers that it puts out.
        name: of the layer.
        activation: of its output.
        seed: of the first weights.
    """
    head = _Layers(seed).dense(units, name, activation=activation)
    head.build((None, state_size))
    return head
