"""The sensor: a pyramid of area-averaged crops around a location.

Source: the paper, section on the glimpse sensor, and FIDELITY.md. A crop's pixel is the
mean over a rectangle, which a summed-area table (Crow 1984) gives from its four
corners, whatever its size. So the table is made once for a batch, and each glimpse
costs a handful of look-ups.
"""

import itertools
from typing import Any

import numpy as np
from keras import ops

EXACT = 2**24
"""Whole numbers below this are exact in float32."""

BLOCK = 16
"""Pixels that are summed at once in making a table."""


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
        self.bandwidth = bandwidth
        self.sides = tuple(2 * radius * 2**level for level in range(levels))

    def windows(self, size: int) -> np.ndarray:
        """Return height and width of each level as shares of the image, for drawings.

        Args:
            size: side of the image, in pixels.

        Returns:
            float (levels, 2), the finest first.
        """
        return np.repeat(np.array(self.sides)[:, None] / size, 2, axis=1)

    def prepare(self, images: Any) -> Any:
        """Return the summed-area table that :meth:`glimpse` reads; once for a batch.

        Args:
            images: uint8 (n, H, W, C).

        Returns:
            (n, H + 1, W + 1, C), at [i, y, x] the sum over the first y rows and x
            columns: float32 where every sum is exact in it, so up to 256 × 256, else
            int32. An int32 that overflows does no harm, differences are right again.
        """
        height, width = images.shape[1:3]
        if height * width * 255 < EXACT:
            return _quick_table(images)
        values = ops.pad(ops.cast(images, "int32"), [[0, 0], [1, 0], [1, 0], [0, 0]])
        return ops.cumsum(ops.cumsum(values, axis=1), axis=2)

    def glimpse(self, table: Any, locations: Any) -> Any:
        """Return what is seen at one location in each image.

        Args:
            table: what :meth:`prepare` returned.
            locations: float32 (n, 2), row and column, −1 and 1 are the image's edges;
                locations outside see zeros, and as much of the image as is in reach.

        Returns:
            float32 (n, bandwidth, bandwidth, levels · C) in [0, 1], the finest level's
            channels first.
        """
        size = [edges - 1 for edges in table.shape[1:3]]
        half = ops.convert_to_tensor([side / 2 for side in size], "float32")
        locations = ops.stop_gradient(ops.cast(locations, "float32"))
        centres = ops.floor((locations + 1) * half)
        # Farther out there are only zeros, and a float may be too large for an int.
        reach = self.sides[-1]
        centres = ops.cast(ops.clip(centres, -reach, max(size) + reach), "int32")
        levels = [self._level(table, centres, side) for side in self.sides]
        return ops.concatenate(levels, axis=-1)

    def _level(self, table: Any, centres: Any, side: int) -> Any:
        """Return one level: float32 (n, bandwidth, bandwidth, C) in [0, 1]."""
        edges = np.arange(self.bandwidth + 1) * side
        whole, rest = np.divmod(edges, self.bandwidth)
        whole = whole - side // 2
        area = 255 * (side / self.bandwidth) ** 2
        if not rest.any():
            corners = _look_up(table, centres, whole)
            return ops.cast(_steps(_steps(corners, 1), 2), "float32") / area
        corners = _look_up(table, centres, np.concatenate([whole, whole + 1]))
        sums = ops.cast(_strips(_strips(corners, 1), 2), "float32")
        share = (rest / self.bandwidth).astype("float32")
        sums = _blend(_blend(sums, share[:, None, None], 1), share[:, None], 2)
        return ops.clip(sums / area, 0, 1)


def _quick_table(images: Any) -> Any:
    """Return the table in float32, in half the time that two cumulative sums take.

    Sums run within blocks, then each block gets what lies before it. Along a row
    channels are neighbours in memory, so a product with a matrix of zeros and ones
    sums them; its factors, up to 255, are exact in every precision that devices
    multiply in. Rows are long, and simply added.

    Args:
        images: uint8 (n, H, W, C).

    Returns:
        float32 (n, H + 1, W + 1, C).
    """
    height, width, channels = images.shape[1:]
    down, right = -(height + 1) % BLOCK, -(width + 1) % BLOCK
    padded = ops.pad(images, [[0, 0], [1, down], [1, right], [0, 0]])
    rows, columns = padded.shape[1:3]

    until = np.kron(np.triu(np.ones((BLOCK, BLOCK))), np.eye(channels))
    values = ops.reshape(ops.cast(padded, "float32"), (-1, BLOCK * channels))
    blocks = ops.matmul(values, ops.convert_to_tensor(until, "float32"))
    blocks = ops.reshape(blocks, (-1, columns // BLOCK, BLOCK * channels))
    before = _sum_before(blocks[:, :, -channels:])
    values = blocks + ops.tile(before, (1, 1, BLOCK))

    blocks = ops.reshape(values, (-1, rows // BLOCK, BLOCK, columns * channels))
    sums = list(itertools.accumulate(ops.unstack(blocks, BLOCK, axis=2)))
    before = _sum_before(sums[-1])
    values = ops.stack([values + before for values in sums], axis=2)
    table = ops.reshape(values, (-1, rows, columns, channels))
    return table[:, : height + 1, : width + 1]


def _sum_before(totals: Any) -> Any:
    """Return along axis 1 the sum of all that come before."""
    return ops.cumsum(totals, axis=1) - totals


def _look_up(table: Any, centres: Any, offsets: np.ndarray) -> Any:
    """Return the table at all pairs of a row and a column near each centre.

    Args:
        table: (n, H + 1, W + 1, C).
        centres: int32 (n, 2).
        offsets: int (k,), added to the centre's row and to its column; where that
            leaves the image the table's edge is read, so outside counts as zeros.

    Returns:
        (n, k, k, C).
    """
    rows, columns, channels = table.shape[1:]
    near = centres[:, :, None] + ops.convert_to_tensor(offsets, "int32")
    y = ops.clip(near[:, 0], 0, rows - 1)
    x = ops.clip(near[:, 1], 0, columns - 1)
    first = ops.arange(ops.shape(centres)[0], dtype="int32")[:, None] * rows
    index = ((first + y) * columns)[:, :, None] + x[:, None, :]
    return ops.take(ops.reshape(table, (-1, channels)), index, axis=0)


def _part(values: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """Return a slice along axis 1 or 2."""
    part = slice(start, stop)
    return values[:, part] if axis == 1 else values[:, :, part]


def _steps(values: Any, axis: int) -> Any:
    """Return each value less the one before it."""
    return _part(values, axis, 1, None) - _part(values, axis, None, -1)


def _strips(corners: Any, axis: int) -> Any:
    """Return sums over strips of whole pixels, exact: b strips, then b + 1 strips.

    Args:
        corners: along ``axis`` b + 1 values at edges rounded down, then as many one
            pixel on.
        axis: 1 or 2.

    Returns:
        Along ``axis`` what lies from each edge rounded down to the next, then the one
        pixel in which each edge lies.
    """
    edges = corners.shape[axis] // 2
    below, above = (
        _part(corners, axis, None, edges),
        _part(corners, axis, edges, None),
    )
    return ops.concatenate([_steps(below, axis), above - below], axis=axis)


def _blend(strips: Any, share: np.ndarray, axis: int) -> Any:
    """Return sums between fractional edges, from sums over whole pixels near them.

    The table itself has large values: interpolated in float32 they would lose what
    makes the difference between two.

    Args:
        strips: float32, along ``axis`` as :func:`_strips` returns them.
        share: how far each edge is into its pixel, shaped to multiply along ``axis``.
        axis: 1 or 2.

    Returns:
        float32, b sums along ``axis``.
    """
    between = strips.shape[axis] // 2
    whole = _part(strips, axis, None, between)
    parts = ops.multiply(_part(strips, axis, between, None), share)
    return whole + _steps(parts, axis)
