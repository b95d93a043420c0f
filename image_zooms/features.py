"""The features of image_zooms: pixels of the region through VGG-16.

Source: paper, section 3.2, "Image-Zooms"; FIDELITY.md row channel_order.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from hierarchy.features import CachedFeatures, FeatureExtractor
from hierarchy.images import MEAN_RGB, SearchImage, mean_colour, resize
from hierarchy.regions import Region
from image_zooms.config import INPUT_SIZE, TestSettings, TrainSettings
from image_zooms.on_device import OnDeviceImageZooms
from weights.vgg16 import DTYPE, load_trunk, trunk_input


class ImageZooms(FeatureExtractor):
    """Features of a region by its own pass through a trunk.

    Args:
        trunk: any Keras model from float32 (n, 224, 224, 3); VGG-16 to ``block5_pool``
            in the paper.
        fingerprint: what tells it from others, ready for JSON.
        preprocess: turns uint8 (224, 224, 3) RGB pixels into what the trunk takes.
        fill_colour: RGB in 0 … 255 that found objects are masked with.
    """

    may_differ = (DTYPE,)

    def __init__(
        self,
        trunk: keras.Model,
        fingerprint: dict[str, Any],
        preprocess: Callable[[np.ndarray], np.ndarray] = trunk_input,
        fill_colour: tuple[int, int, int] = MEAN_RGB,
    ):
        self._trunk, self._preprocess = trunk, preprocess
        output_shape = trunk.compute_output_shape((1, INPUT_SIZE, INPUT_SIZE, 3))
        self.size = int(np.prod(output_shape[1:]))
        places = np.arange(self.size).reshape(output_shape[1:])
        # Without rows and columns nothing in a descriptor has a side.
        self.mirror = (places[:, ::-1] if places.ndim == 3 else places).ravel()
        self.fingerprint, self.fill_colour = fingerprint, fill_colour

    def __call__(
        self, images: Sequence[SearchImage], regions: Sequence[Region]
    ) -> np.ndarray:
        """Return float32 (n, size): the trunk's output, flattened row, column, channel.

        A region's pixels are resized to 224×224 whatever their shape.
        """
        inputs = [
            self._preprocess(resize(image.crop(region), INPUT_SIZE, INPUT_SIZE))
            for image, region in zip(images, regions, strict=True)
        ]
        descriptors = self._trunk.predict_on_batch(np.stack(inputs))
        return np.asarray(descriptors, np.float32).reshape(len(inputs), self.size)


def make_features(settings: TrainSettings | TestSettings) -> FeatureExtractor:
    """Return the features that the settings ask for, with their cache.

    Raises:
        InputError: ``path_vgg`` cannot be used.
    """
    trunk, fingerprint = load_trunk(settings)
    quirks = settings.differences
    channel_order, fill_colour = quirks.channel_order, mean_colour(quirks)
    extract: FeatureExtractor
    if settings.on_device:
        extract = OnDeviceImageZooms(
            trunk, fingerprint, settings.cache_bytes, channel_order, fill_colour
        )
    else:
        preprocess = partial(trunk_input, channel_order=channel_order)
        extract = ImageZooms(trunk, fingerprint, preprocess, fill_colour)
    return CachedFeatures(extract, settings.cache_bytes)
