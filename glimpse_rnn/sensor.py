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

from common.device_arrays import take_rows

EXACT = 2**24
"""Whole numbers below this are exact in float32."""

BLOCK = 16
"""Pixels that are summed at once in making a table, and rows of them."""


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
    """Return the table in float32, in a fraction of the time that two sums take.

    Along a row channels are neighbours in memory, and a product with a matrix of zeros
    and ones sums them within a block of pixels. What lies before a block is added by
    products too, in two bytes: factors up to 255 are exact in every precision that
    devices multiply in, and so are powers of two. Rows are long, and simply added, in
    blocks of them too.

    Args:
        images: uint8 (n, H, W, C).

    Returns:
        float32 (n, H + 1, W + 1, C).
    """
    height, width, channels = images.shape[1:]
    down, right = -height % BLOCK, -width % BLOCK
    if down or right:
        images = ops.pad(images, [[0, 0], [0, down], [0, right], [0, 0]])
    until, block, before_block, spread = _matrices((width + right) // BLOCK, channels)
    pixels = ops.reshape(ops.cast(images, "float32"), (-1, BLOCK * channels))
    totals = ops.matmul(pixels, block)
    totals = ops.reshape(totals, (-1, before_block.shape[1]))
    high, low = _two_bytes(totals)
    before = 256 * ops.matmul(high, before_block) + ops.matmul(low, before_block)
    bytes_before = _two_bytes(ops.reshape(before, (-1, channels)))
    sums = ops.matmul(
        ops.concatenate([pixels, *bytes_before], axis=-1),
        np.concatenate([until, 256 * spread, spread]),
    )
    rows = _sum_rows(ops.reshape(sums, (-1, height + down, (width + right) * channels)))
    if down or right:
        rows = rows[:, :height, : width * channels]
    table = ops.pad(rows, [[0, 0], [1, 0], [channels, 0]])
    return ops.reshape(table, (-1, height + 1, width + 1, channels))


def _sum_rows(rows: Any) -> Any:
    """Return the sums of each row and those before it: float32 (n, rows, k)."""
    height, size = rows.shape[1:]
    blocks = ops.reshape(rows, (-1, height // BLOCK, BLOCK, size))
    sums = list(itertools.accumulate(ops.unstack(blocks, BLOCK, axis=2)))
    # Last, though it is a pass more: XLA takes three times as long otherwise.
    before = ops.cumsum(sums[-1], axis=1) - sums[-1]
    sums = ops.stack([one + before for one in sums], axis=2)
    return ops.reshape(sums, (-1, height, size))


def _matrices(blocks: int, channels: int) -> list[np.ndarray]:
    """Return float32 matrices of zeros and ones that sum pixels, channel by channel.

    They make of a block of pixels what each sums up to, and the whole block's sum; of
    all blocks' sums what comes before each; and give that to each pixel of a block.
    """
    upper = np.triu(np.ones((BLOCK, BLOCK)))
    one = np.ones((1, BLOCK))
    parts = upper, one.T, np.triu(np.ones((blocks, blocks)), 1), one
    return [np.kron(part, np.eye(channels)).astype(np.float32) for part in parts]


def _two_bytes(values: Any) -> tuple[Any, Any]:
    """Split whole numbers below 2^16: into 256ths and the rest."""
    high = ops.floor(values / 256)
    return high, values - 256 * high


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
    return take_rows(ops.reshape(table, (-1, channels)), index)


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
