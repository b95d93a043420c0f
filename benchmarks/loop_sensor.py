"""The sensor as most public programs have it: one sample after the other, eagerly."""

from typing import Any

from keras import ops


class LoopSensor:
    """Pads each image, cuts each level out and averages it; for whole ratios only.

    Args:
        bandwidth: side of every resized crop, in pixels.
        radius: half the side of the finest crop; the ratio of every level's side to
            ``bandwidth`` must be whole.
        levels: how many crops there are.
    """

    def __init__(self, bandwidth: int, radius: int, levels: int):
        self.sides = [2 * radius * 2**level for level in range(levels)]
        self._ratios = [side // bandwidth for side in self.sides]

    def prepare(self, images: Any) -> Any:
        """Return the images as they are."""
        return images

    def glimpse(self, images: Any, locations: Any) -> Any:
        """Return what is seen: float32 (n, b, b, levels · C) in [0, 1].

        Args:
            images: uint8 (n, S, S, C).
            locations: float32 (n, 2), row and column in [−1, 1].
        """
        size = images.shape[1]
        locations = ops.convert_to_numpy(ops.stop_gradient(locations))
        seen = []
        for image, location in zip(images, locations, strict=True):
            row, column = (int((place + 1) / 2 * size) for place in location)
            levels = []
            for side, ratio in zip(self.sides, self._ratios, strict=True):
                half = side // 2
                padded = ops.pad(image, [[half, half], [half, half], [0, 0]])
                crop = padded[row : row + side, column : column + side]
                crop = ops.cast(crop, "float32")[None] / 255
                levels.append(
                    ops.average_pool(crop, ratio, ratio, data_format="channels_last")[0]
                )
            seen.append(ops.concatenate(levels, axis=-1))
        return ops.stack(seen)
