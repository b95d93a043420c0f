"""The VGG-16 trunk in Keras 3, with named layers and any of them as output.

Reference: Simonyan and Zisserman, *Very Deep Convolutional Networks for Large-Scale
Image Recognition* (arXiv 1409.1556), configuration D without its Dense layers. Layers
are called as in ``keras.applications``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.backend import keras
from weights import DEFAULT_PATH
from weights.config import TrunkSettings
from weights.fetch import ensure_trunk
from weights.identity import TrunkIdentity
from weights.layouts import BLOCKS, Trunk, read_trunk

DESCRIPTOR_SIZE = 7 * 7 * 512
"""Numbers that ``block5_pool`` makes of an image of 224×224 pixels."""

DESCRIPTOR_MIRROR = np.arange(DESCRIPTOR_SIZE).reshape(7, 7, 512)[:, ::-1].ravel()
"""Which numbers of a descriptor are, nearly, those of the mirrored image."""

DTYPE = "trunk_dtype"
"""What the dtype is called in an identity; a test may have another."""

VGG_MEAN_BGR = (103.939, 116.779, 123.68)
"""What VGG-16 was trained with: ImageNet's mean pixel, blue, green, red."""


def build_vgg16(
    output_layers: Sequence[str] = ("block5_pool",), dtype: str = "float32"
) -> keras.Model:
    """Build the trunk up to its deepest output; its weights are zero until set.

    Args:
        output_layers: names of the layers to put out, from ``block1_conv1`` to
            ``block5_pool``.
        dtype: dtype policy of the layers; ``mixed_bfloat16`` for speed on a GPU.

    Returns:
        A frozen functional model. Input: float32 (n, height, width, 3), BGR minus
        ``VGG_MEAN_BGR``, any size. Output: (n, rows, columns, channels), one array for
        one layer, else a list in that order. A pool halves rows and columns
        and drops an odd last one.

    Raises:
        ValueError: an output is not a layer of VGG-16, or there is none.
    """
    image = x = keras.Input((None, None, 3), name="image", dtype="float32")
    outputs = {}
    for block, (layers, filters) in enumerate(BLOCKS, start=1):
        for layer in range(1, layers + 1):
            name = f"block{block}_conv{layer}"
            outputs[name] = x = _convolution(name, filters, dtype)(x)
        name = f"block{block}_pool"
        outputs[name] = x = keras.layers.MaxPooling2D(
            2, padding="valid", data_format="channels_last", dtype=dtype, name=name
        )(x)
    unknown = [name for name in output_layers if name not in outputs]
    if unknown or not output_layers:
        raise ValueError(
            f"output_layers {list(output_layers)}: expected some of"
            f" {', '.join(outputs)}"
        )
    chosen = [outputs[name] for name in output_layers]
    model = keras.Model(image, chosen if len(chosen) > 1 else chosen[0], name="vgg16")
    model.trainable = False
    return model


def _convolution(name: str, filters: int, dtype: str) -> keras.layers.Layer:
    return keras.layers.Conv2D(
        filters,
        3,
        padding="same",
        activation="relu",
        kernel_initializer="zeros",  # soon replaced
        data_format="channels_last",
        dtype=dtype,
        name=name,
    )


def load_vgg16(
    path: Path | str = DEFAULT_PATH,
    output_layers: Sequence[str] = ("block5_pool",),
    rotate: bool | None = None,
    dtype: str = "float32",
) -> keras.Model:
    """Build the trunk and give it the weights of a file of any known layout.

    Args:
        path: the weight file; see ``weights/README.md`` for the layouts.
        output_layers: as in :func:`build_vgg16`.
        rotate: whether the file's kernels are stored flipped along both axes; found out
            if left out (see :mod:`weights.layouts`).
        dtype: as in :func:`build_vgg16`.

    Raises:
        InputError: the file cannot be used; the line says why.
        ValueError: as in :func:`build_vgg16`.
    """
    model = build_vgg16(output_layers, dtype)
    set_trunk(model, read_trunk(path, rotate))
    return model


def set_trunk(model: keras.Model, trunk: Trunk) -> None:
    """Give a model of :func:`build_vgg16` the weights of a trunk, in place."""
    for layer in model.layers:
        if layer.name in trunk.layers:
            layer.set_weights(trunk.layers[layer.name])


def preprocess(images: np.ndarray) -> np.ndarray:
    """Turn RGB pixels into what VGG-16 takes.

    Args:
        images: uint8 (…, height, width, 3), RGB, 0 to 255.

    Returns:
        float32 of the same shape, BGR minus ``VGG_MEAN_BGR``, C order.

    Raises:
        ValueError: the last axis is not three channels.
    """
    if images.shape[-1] != 3:
        raise ValueError(f"images have shape {images.shape}: expected (…, h, w, 3)")
    mean = np.asarray(VGG_MEAN_BGR, np.float32)
    return np.subtract(images[..., ::-1], mean, dtype=np.float32, order="C")


def load_trunk(
    settings: TrunkSettings, output_layers: Sequence[str] = ("block5_pool",)
) -> tuple[keras.Model, dict[str, Any]]:
    """Return the trunk that settings ask for, and what tells it from any other.

    ImageNet's is fetched where settings name the default file and it is not there.

    Args:
        settings: their ``path_vgg`` names the file, their ``trunk_dtype`` what it
            computes in and puts out.
        output_layers: as in :func:`build_vgg16`.

    Returns:
        The trunk, and its identity and dtype, ready for JSON.

    Raises:
        InputError: the file cannot be used or had; the line says why.
    """
    ensure_trunk(settings.path_vgg)
    trunk = read_trunk(settings.path_vgg)
    model = build_vgg16(output_layers, settings.computing_dtype)
    set_trunk(model, trunk)
    # Measured on a CPU: one image takes as long or longer through XLA, which besides
    # would compile anew for every size of image.
    model.compile(jit_compile=False)
    return model, {
        "trunk": trunk.identity.to_json(),
        DTYPE: settings.computing_dtype,
    }


def trunk_input(pixels: np.ndarray, channel_order: bool = False) -> np.ndarray:
    """Turn an image into what VGG-16 takes.

    Args:
        pixels: uint8 (height, width, 3) RGB.
        channel_order: does as the published program does; FIDELITY.md row
            channel_order.

    Returns:
        float32 (height, width, 3): BGR minus the VGG means.
    """
    if not channel_order:
        return preprocess(pixels)
    upside_down = pixels[::-1].astype(np.float32)
    for row, mean in enumerate(VGG_MEAN_BGR):
        upside_down[row] -= mean
    return upside_down


def trunk_identity(path: Path | str) -> TrunkIdentity:
    """Say which trunk a file holds, told from its tensors.

    Args:
        path: the weight file, of any known layout.

    Raises:
        InputError: the file cannot be used; the line says why.
    """
    return read_trunk(path).identity
