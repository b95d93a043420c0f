"""The VGG-16 trunk in Keras 3, with named layers and any of them as output.

Reference: Simonyan and Zisserman, *Very Deep Convolutional Networks for Large-Scale
Image Recognition* (arXiv 1409.1556), configuration D without its Dense layers. Layers
are called as in ``keras.applications``.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from weights import DEFAULT_PATH
from weights.identity import TrunkIdentity
from weights.layouts import BLOCKS, Trunk, read_trunk

VGG_MEAN_BGR = (103.939, 116.779, 123.68)
"""What VGG-16 was trained with: ImageNet's mean pixel, blue, green, red."""


def build_vgg16(
    taps: Sequence[str] = ("block5_pool",), dtype: str = "float32"
) -> keras.Model:
    """Build the trunk up to its deepest tap, its weights all zero until they are set.

    Args:
        taps: names of the layers to put out, ``block1_conv1`` to ``block5_pool``.
        dtype: dtype policy of the layers; ``mixed_bfloat16`` for speed on a GPU.

    Returns:
        A frozen functional model. Input: float32 (n, height, width, 3), BGR minus
        ``VGG_MEAN_BGR``, any size. Output: (n, rows, columns, channels), one array for
        one tap, else a list in the order of ``taps``. A pool halves rows and columns
        and drops an odd last one.

    Raises:
        ValueError: a tap is not a layer of VGG-16, or there is none.
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
    unknown = [tap for tap in taps if tap not in outputs]
    if unknown or not taps:
        raise ValueError(f"taps {list(taps)}: expected some of {', '.join(outputs)}")
    tapped = [outputs[tap] for tap in taps]
    model = keras.Model(image, tapped if len(taps) > 1 else tapped[0], name="vgg16")
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
    taps: Sequence[str] = ("block5_pool",),
    rotate: bool | None = None,
    dtype: str = "float32",
) -> keras.Model:
    """Build the trunk and give it the weights of a file of any known layout.

    Args:
        path: the weight file; see ``weights/README.md`` for the layouts.
        taps: as in :func:`build_vgg16`.
        rotate: whether the file's kernels are stored turned by 180 degrees; found out
            if left out (see :mod:`weights.layouts`).
        dtype: as in :func:`build_vgg16`.

    Raises:
        InputError: the file cannot be used; the line says why.
        ValueError: as in :func:`build_vgg16`.
    """
    model = build_vgg16(taps, dtype)
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


def trunk_identity(path: Path | str) -> TrunkIdentity:
    """Say which trunk a file holds, told from its tensors.

    Args:
        path: the weight file, of any known layout.

    Raises:
        InputError: the file cannot be used; the line says why.
    """
    return read_trunk(path).identity
