"""The glimpse sensor: a pyramid of crops around a location, all of the same bandwidth.

Source: paper, section 2, "glimpse sensor"; Mnih et al. 2014, section 3.1. The paper's
text gives a level's side as 2^l · r; the sizes it lists, 60, 120 and 240, are
2 · r · 2^l for l = 0, 1, 2, which is what is done here.

Each pixel of a glimpse is the mean of the area that it covers, with zeros outside of
the image. It comes from a summed-area table: built once for a batch, then every glimpse
takes a few look-ups per pixel, whatever the size of its crop.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

EXACT_IN_FLOAT32 = 2**24
"""Integers up to here are exact in float32."""


class Corners(NamedTuple):
    """Edges of a glimpse's pixels along one axis.

    Attributes:
        below: int32 (n, bandwidth + 1), the edges' whole parts.
        above: the same plus one, at most the image's size.
        rest: float32 (n, bandwidth + 1) in [0, 1), what is left of the edges.
    """

    below: Any
    above: Any
    rest: Any


class GlimpseSensor:
    """Looks at batches of images, at one location in each.

    Args:
        bandwidth: side of a glimpse in its own pixels.
        radius: half the side of the finest crop, in pixels of the image.
        levels: crops; each has twice the side of the one before.
    """

    def __init__(self, bandwidth: int, radius: int, levels: int):
        self.bandwidth = bandwidth
        self.sides = tuple(2 * radius * 2**level for level in range(levels))

    def prepare(self, images: Any) -> Any:
        """Return what :meth:`glimpse` looks at: the images' summed-area tables.

        Args:
            images: uint8 (n, S, S, C).

        Returns:
            (n, S + 1, S + 1, C), at (r, c) the sum of all pixels above and left of that
            corner; float32 where it holds such sums exactly, else int32.
        """
        size = images.shape[1]
        is_exact = size * size * 255 < EXACT_IN_FLOAT32
        pixels = ops.cast(images, "float32" if is_exact else "int32")
        sums = ops.cumsum(ops.cumsum(pixels, axis=1), axis=2)
        return ops.pad(sums, [[0, 0], [1, 0], [1, 0], [0, 0]])

    def glimpse(self, tables: Any, locations: Any) -> Any:
        """Return the glimpses at the given locations.

        No gradient flows into the locations.

        Args:
            tables: from :meth:`prepare`.
            locations: float32 (n, 2), row and column in [−1, 1] over the image. A crop
                lies around the corner floor((location + 1) / 2 · S).

        Returns:
            float32 (n, bandwidth, bandwidth, levels · C) in [0, 1], the channels of the
            finest level first.
        """
        size = tables.shape[1] - 1
        locations = ops.stop_gradient(ops.convert_to_tensor(locations, "float32"))
        centres = ops.floor((locations + 1) / 2 * size)
        # Beyond twice the largest crop all is zero; far numbers would not fit int32.
        reach = float(size + 2 * self.sides[-1])
        centres = ops.clip(centres, -reach, reach)
        levels = [self._level(tables, centres, side) for side in self.sides]
        return ops.concatenate(levels, axis=-1)

    def _level(self, tables: Any, centres: Any, side: int) -> Any:
        """Return the crops of one side, (n, bandwidth, bandwidth, C)."""
        size = tables.shape[1] - 1
        ratio = side / self.bandwidth
        edges = np.arange(self.bandwidth + 1) * ratio - side / 2
        rows, columns = (
            _corners(centres[:, axis : axis + 1], edges, size) for axis in (0, 1)
        )
        sums = _differences(_look_up(tables, rows.below, columns.below))
        if side % self.bandwidth:
            sums = sums + _partial_sums(tables, rows, columns)
        return sums * np.float32(1 / (255 * ratio * ratio))


def _corners(centres: Any, edges: np.ndarray, size: int) -> Corners:
    """Return where a crop's pixels begin and end along one axis, inside the image."""
    # Split before centres are added: float32 would keep only part of the rest.
    whole = np.floor(edges)
    positions = centres + whole.astype(np.float32)
    is_inside = ops.logical_and(positions >= 0, positions < size)
    rest = ops.where(is_inside, (edges - whole).astype(np.float32), 0.0)
    below = ops.cast(ops.clip(positions, 0, size), "int32")
    return Corners(below, ops.minimum(below + 1, size), rest)


def _look_up(tables: Any, rows: Any, columns: Any) -> Any:
    """Return the tables' values at all pairs of rows and columns, (n, r, c, C)."""
    count, side, _, channels = ops.shape(tables)
    flat = ops.reshape(tables, (-1, channels))
    first = ops.arange(count, dtype="int32")[:, None, None] * (side * side)
    index = first + rows[:, :, None] * side + columns[:, None, :]
    return ops.take(flat, index, axis=0)


def _differences(sums: Any) -> Any:
    """Return the sum over each pixel from the sums up to its corners, as float32."""
    across = sums[:, :, 1:] - sums[:, :, :-1]
    return ops.cast(across[:, 1:] - across[:, :-1], "float32")


def _partial_sums(tables: Any, rows: Corners, columns: Corners) -> Any:
    """Return what pixels only partly covered add to sums over whole ones.

    Between its corners a table is bilinear. Differences of neighbours are taken before
    anything is multiplied, so that large sums cancel as exact integers.
    """
    corner = _look_up(tables, rows.below, columns.below)
    below = _look_up(tables, rows.above, columns.below)
    right = _look_up(tables, rows.below, columns.above)
    both = _look_up(tables, rows.above, columns.above)
    row_rest = rows.rest[:, :, None, None]
    column_rest = columns.rest[:, None, :, None]

    def floats(values: Any) -> Any:
        return ops.cast(values, "float32")

    row_sums = below - corner  # of the row below each corner, up to its column
    along_rows = floats(row_sums[:, :, 1:] - row_sums[:, :, :-1]) * row_rest
    column_sums = right - corner
    along_columns = floats(column_sums[:, 1:] - column_sums[:, :-1]) * column_rest
    pixels = floats(both - below - right + corner) * row_rest * column_rest
    return (
        (along_rows[:, 1:] - along_rows[:, :-1])
        + (along_columns[:, :, 1:] - along_columns[:, :, :-1])
        + _differences(pixels)
    )
