"""The sensor: a pyramid of area-averaged crops around a location.

Source: the paper, section on the glimpse sensor, and FIDELITY.md.
"""

from typing import Any

import numpy as np
from keras import ops

from glimpse_rnn.integral_image import BoxFilter, IntegralImage


class GlimpseSensor:
    """Crops around a location, each level twice as wide as the last.

    Level k covers a square of ``2 · radius · 2^k`` pixels around the whole pixel
    ``floor((location + 1) / 2 · size)``, with zeros outside of the image, averaged over
    areas to ``bandwidth`` × ``bandwidth``, also where that is a fraction of the square
    or more than it. Nothing in it is trained and no gradient reaches the locations.

    Args:
        bandwidth: side of every resized crop, in pixels.
        radius: half the side of the finest crop, in pixels of the image.
        levels: how many crops there are.

    Attributes:
        sides: side of each level's crop in pixels of the image, the finest first.
    """

    def __init__(self, bandwidth: int, radius: int, levels: int):
        self.sides = tuple(2 * radius * 2**level for level in range(levels))
        is_supported = BoxFilter.supports(bandwidth, self.sides[0])
        kind = BoxFilter if is_supported else IntegralImage
        self._areas = kind(bandwidth, self.sides)

    def windows(self, size: int) -> np.ndarray:
        """Return height and width of each level as shares of the image, for drawings.

        Args:
            size: side of the image, in pixels.

        Returns:
            float (levels, 2), the finest first.
        """
        return np.repeat(np.array(self.sides)[:, None] / size, 2, axis=1)

    def prepare(self, images: Any) -> Any:
        """Return the sums that :meth:`glimpse` reads; once for a batch.

        Args:
            images: uint8 (n, H, W, C).

        Returns:
            What ``prepare`` of :class:`~glimpse_rnn.integral_image.BoxFilter` or of
            :class:`~glimpse_rnn.integral_image.IntegralImage` does: the images and, for
            each level, whole numbers; or one table for all.
        """
        return self._areas.prepare(images)

    def glimpse(self, sums: Any, locations: Any) -> Any:
        """Return what is seen at one location in each image.

        Args:
            sums: what :meth:`prepare` returned.
            locations: float32 (n, 2), row and column, −1 and 1 are the image's edges;
                locations outside see zeros, and as much of the image as is in reach.

        Returns:
            float32 (n, bandwidth, bandwidth, levels · C) in [0, 1], the finest level's
            channels first.
        """
        size = self._areas.image_size(sums)
        half = ops.convert_to_tensor([side / 2 for side in size], "float32")
        locations = ops.stop_gradient(ops.cast(locations, "float32"))
        centres = ops.floor((locations + 1) * half)
        # Farther out there are only zeros, and a float may be too large for an int.
        reach = self.sides[-1]
        centres = ops.cast(ops.clip(centres, -reach, max(size) + reach), "int32")
        levels = [
            self._areas.level(sums, centres, level) for level in range(len(self.sides))
        ]
        return ops.concatenate(levels, axis=-1)
