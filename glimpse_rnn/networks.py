"""The networks inside of the regressor, each a Keras layer of its own.

Source: paper, section 2 and Fig. 1; Mnih et al. 2014, section 3.1, for what it takes
over from there.
"""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from glimpse_rnn.config import ModelSettings
from weights.vgg16 import VGG_MEAN_BGR, load_vgg16

FILTERS = (32, 64, 128)
"""Channels of the paper's three convolutions."""

FEATURES = 256
"""Size of what is known of a glimpse: its contents and its place."""

PLACE_FEATURES = 128


def get_glimpse_network(
    settings: ModelSettings, channels: int, path_vgg: Path | None = None
) -> keras.layers.Layer:
    """Build what turns the pixels of a glimpse into features.

    Args:
        settings: which, and of how many levels.
        channels: of the images, 1 or 3.
        path_vgg: VGG-16 weights, for ``vgg16``; random ones without.

    Returns:
        A layer from float32 (n, bandwidth, bandwidth, levels · channels) in [0, 1] to
        float32 (n, features).
    """
    kind = settings.glimpse_network
    if kind == "fc":
        return keras.Sequential(
            [layers.Flatten(), layers.Dense(128, activation="relu", name="fc")],
            name="glimpse_fc",
        )
    if kind == "vgg16":
        return VggGlimpse(settings, channels, path_vgg)
    block = _residual if kind == "residual" else _convolution
    side = settings.bandwidth
    image = x = keras.Input((side, side, settings.levels * channels))
    for number, filters in enumerate(FILTERS, start=1):
        x = block(x, filters, bool(settings.batch_norm), f"conv{number}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, x, name=f"glimpse_{kind}")


def _convolution(x: Any, filters: int, batch_norm: bool, name: str) -> Any:
    """Apply the paper's 5×5 convolution of stride 2 with ReLU."""
    x = layers.Conv2D(
        filters, 5, strides=2, padding="same", use_bias=not batch_norm, name=name
    )(x)
    if batch_norm:
        x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _residual(x: Any, filters: int, batch_norm: bool, name: str) -> Any:
    """Apply the convolution, then add what two further ones of 3×3 make of it."""
    x = skipped = _convolution(x, filters, batch_norm, name)
    for part in "ab":
        if batch_norm:
            x = layers.BatchNormalization(momentum=0.9, name=f"{name}{part}_norm")(x)
        x = layers.ReLU(name=f"{name}{part}_relu")(x)
        x = layers.Conv2D(filters, 3, padding="same", name=f"{name}{part}")(x)
    return layers.Add(name=f"{name}_add")([x, skipped])


class VggGlimpse(keras.layers.Layer):
    """The first blocks of VGG-16 on each level of a glimpse, side by side.

    Args:
        settings: how many blocks and levels, and whether the blocks are trained.
        channels: of the images; grey ones are shown to all three of VGG-16's.
        path_vgg: VGG-16 weights; zeros without, to be loaded later.
    """

    def __init__(
        self, settings: ModelSettings, channels: int, path_vgg: Path | None = None
    ):
        super().__init__(name="glimpse_vgg16")
        self._levels = settings.levels
        self._channels = channels
        tap = f"block{settings.vgg_blocks}_pool"
        self.trunk = load_vgg16(path_vgg, (tap,))
        self.trunk.trainable = bool(settings.vgg_trainable)
        self.pool = layers.GlobalAveragePooling2D()
        # Averages of VGG-16's features are in the tens or hundreds.
        self.norm = layers.LayerNormalization()

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Build the normalisation; the trunk is built already."""
        *_, features = self.trunk.output_shape
        self.norm.build((None, self._levels * features))
        self.built = True

    def call(self, glimpses: Any) -> Any:
        """Return float32 (n, levels · features) of float32 (n, b, b, levels · C)."""
        mean = np.asarray(VGG_MEAN_BGR, np.float32)
        features = []
        for level in range(self._levels):
            first = level * self._channels
            pixels = glimpses[..., first : first + self._channels]
            if self._channels == 1:
                pixels = ops.repeat(pixels, 3, axis=-1)
            features.append(self.pool(self.trunk(255 * pixels[..., ::-1] - mean)))
        return self.norm(ops.concatenate(features, axis=-1))


class GlimpseFeatures(keras.layers.Layer):
    """What is seen and where it is, in one vector: g = ReLU(W·what + U·where).

    Args:
        what: from :func:`get_glimpse_network`.
    """

    def __init__(self, what: keras.layers.Layer):
        super().__init__(name="features")
        self.what = what
        self.from_what = layers.Dense(FEATURES, name="from_what")
        self.where = layers.Dense(PLACE_FEATURES, activation="relu", name="where")
        self.from_where = layers.Dense(FEATURES, use_bias=False, name="from_where")

    def call(self, glimpses: Any, locations: Any, training: bool = False) -> Any:
        """Return float32 (n, 256).

        Args:
            glimpses: float32 (n, bandwidth, bandwidth, levels · C).
            locations: float32 (n, 2).
            training: whether batches are normalised by their own means.
        """
        seen = self.from_what(self.what(glimpses, training=training))
        return ops.relu(seen + self.from_where(self.where(locations)))


class Core(keras.layers.Layer):
    """What remembers: one fully connected layer of [h, g] with ReLU, a GRU or an LSTM.

    Args:
        cell: ``fc``, ``gru`` or ``lstm``.
        state_size: units.
    """

    def __init__(self, cell: str, state_size: int):
        super().__init__(name="core")
        self.kind = cell
        self.state_size = state_size
        make = {
            "fc": lambda: layers.Dense(state_size, activation="relu", name="fc"),
            "gru": lambda: layers.GRUCell(state_size, name="gru"),
            "lstm": lambda: layers.LSTMCell(state_size, name="lstm"),
        }
        self.cell = make[cell]()

    def first_state(self, count: Any) -> list[Any]:
        """Return the state before the first glimpse, zeros: h, and c of an LSTM."""
        zeros = ops.zeros((count, self.state_size))
        return [zeros, zeros] if self.kind == "lstm" else [zeros]

    def call(self, features: Any, state: list[Any]) -> list[Any]:
        """Return the state after one more glimpse; h, (n, state_size), comes first."""
        if self.kind == "fc":
            return [self.cell(ops.concatenate([state[0], features], axis=-1))]
        _, state = self.cell(features, state)
        return list(state)
