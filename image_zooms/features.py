"""The descriptor of image_zooms: pixels of the region through VGG-16.

Source: paper, section 3.2, "Image-Zooms"; FIDELITY.md row channel_order.
"""

from collections.abc import Sequence

import numpy as np

from hierarchy.config import SharedSettings
from hierarchy.description import (
    DESCRIPTOR_SIZE,
    CachedDescriber,
    Describer,
    load_trunk,
    vgg_input,
)
from hierarchy.pictures import Picture, resize
from hierarchy.quirks import Quirks
from hierarchy.regions import Region
from image_zooms.config import INPUT_SIZE
from image_zooms.resident import ResidentImageZoomsDescriber


class ImageZoomsDescriber:
    """Describes a region by its own pass through VGG-16.

    Args:
        trunk: VGG-16 to ``block5_pool``.
        quirks: the published differences to follow.
    """

    def __init__(self, trunk, quirks: Quirks = Quirks()):
        self._trunk = trunk
        self._quirks = quirks

    def describe(
        self, pictures: Sequence[Picture], regions: Sequence[Region]
    ) -> np.ndarray:
        """Return float32 (n, 25088): ``block5_pool``, flattened row, column, channel.

        A region's pixels are resized to 224×224 whatever their shape.
        """
        pixels = [
            resize(picture.crop(region), INPUT_SIZE, INPUT_SIZE)
            for picture, region in zip(pictures, regions, strict=True)
        ]
        inputs = np.stack([vgg_input(image, self._quirks) for image in pixels])
        descriptors = self._trunk.predict_on_batch(inputs)
        return np.asarray(descriptors, np.float32).reshape(-1, DESCRIPTOR_SIZE)


def make_describer(settings: SharedSettings) -> Describer:
    """Return the describer that the settings ask for, with its cache.

    Raises:
        InputError: ``path_vgg`` cannot be used.
    """
    trunk, quirks = load_trunk(settings), settings.rules.quirks
    if settings.resident:
        describer = ResidentImageZoomsDescriber(trunk, settings.cache_bytes, quirks)
    else:
        describer = ImageZoomsDescriber(trunk, quirks)
    return CachedDescriber(describer, settings.cache_bytes)
