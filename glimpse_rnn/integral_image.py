"""Means of rectangles in images, from sums that are made once for a batch.

A crop's pixel is the mean of a rectangle wherever the crop lies. There are two ways to
read any such mean from a few sums. :class:`BoxFilter` is for boxes of 1, 2, 4, … whole
pixels, as with the paper's sizes. :class:`IntegralImage` is for all rectangles.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from common.device_arrays import dtype_up_to, take_rows

_ALIGNED = 32
"""Numbers of 2 bytes in 64, where rows and parts of flat arrays begin."""


class BoxFilter:
    """The sum over the box of w × w pixels at every place, for each level's w.

    A level's boxes are four of the level's before it. A crop's pixels then are one
    look-up each.

    The sums of a level lie in one flat array, image after image and row after row, so
    that those of larger boxes are flat arrays added to themselves some places on.
    TensorFlow takes parts that start and end at multiples of 64 bytes without copying
    them: rows are filled up with zeros to such lengths, so that of the four parts of a
    doubling only the one that is some columns on is copied.

    Args:
        bandwidth: pixels along a crop's side.
        sides: of the levels' crops in pixels of the image, each twice the last; such
            as it :meth:`supports`.
    """

    def __init__(self, bandwidth: int, sides: Sequence[int]):
        self._bandwidth = bandwidth
        self._boxes = [side // bandwidth for side in sides]
        self._margin = self._boxes[-1]

    @staticmethod
    def supports(bandwidth: int, finest: int) -> bool:
        """Whether a crop's pixels are 1, 2, 4, … whole pixels of the image wide.

        Args:
            bandwidth: pixels along a crop's side.
            finest: side of the finest crop in pixels of the image.
        """
        box, rest = divmod(finest, bandwidth)
        return not rest and box.bit_count() == 1

    def prepare(self, images: Any) -> tuple[Any, ...]:
        """Return the images, and the sums of each level.

        Args:
            images: uint8 (n, H, W, C).

        Returns:
            The images as they are; then a level each, the finest first: flat, of
            :func:`~common.device_arrays.dtype_up_to` the largest sum. Taken as
            ``(n, rows, columns, C)`` it holds at [i, y, x] the sum over the w × w
            pixels from [y − m, x − m] on, with zeros outside of the image, for y up to
            H + m and x up to W + m; m is the widest level's w.
        """
        height, width, channels = images.shape[1:]
        rows, columns = self.padded_size(height, width)
        down = self._margin, rows - self._margin - height
        across = self._margin, columns - self._margin - width
        sums = ops.pad(images, [(0, 0), down, across, (0, 0)])
        sums = ops.cast(sums, dtype_up_to(255 * self._margin**2))
        sums = ops.reshape(sums, (-1,))
        box, of_boxes = 1, {1: sums}
        while box < self._margin:
            for apart in (box * columns * channels, box * channels):
                sums = _add_apart(sums, apart, math.lcm(_ALIGNED, channels))
            box *= 2
            of_boxes[box] = sums
        return images, *(of_boxes[box] for box in self._boxes)

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns that the sums of an image of some size take up."""
        # Besides its box's rows, which lie in the margin, a doubling costs the array's
        # end a row at most.
        doublings = self._margin.bit_length() - 1
        columns = width + 2 * self._margin
        rows = height + 2 * self._margin + doublings
        return rows, columns + -columns % _ALIGNED

    def image_size(self, sums: tuple[Any, ...]) -> tuple[int, int]:
        """Return height and width of the images that sums are of."""
        return tuple(sums[0].shape[1:3])

    def level(self, sums: tuple[Any, ...], centres: Any, level: int) -> Any:
        """Return one level's crops.

        Args:
            sums: what :meth:`prepare` returned.
            centres: int32 (n, 2), row and column of the crops' middles.
            level: number of the level, 0 is the finest.

        Returns:
            float32 (n, bandwidth, bandwidth, C) in [0, 1].
        """
        images, *of_levels = sums
        box, size = self._boxes[level], self.image_size(sums)
        edges = np.arange(self._bandwidth) * box - self._bandwidth * box // 2
        # Beyond this, as before 0, a box lies outside altogether.
        last = [side + self._margin for side in size]
        values = ops.reshape(of_levels[level], (-1, images.shape[-1]))
        padded = self.padded_size(*size)
        found = _look_up(values, padded, centres, edges + self._margin, last)
        return ops.cast(found, "float32") / (255 * box**2)


class IntegralImage:
    """The sum over all pixels above and left of every corner (Crow 1984).

    Any rectangle's sum follows from its four corners, those of fractional rectangles
    from the corners around each.

    Args:
        bandwidth: pixels along a crop's side.
        sides: of the levels' crops in pixels of the image.
    """

    def __init__(self, bandwidth: int, sides: Sequence[int]):
        self._bandwidth = bandwidth
        self._sides = sides

    def prepare(self, images: Any) -> Any:
        """Return the table.

        Args:
            images: uint8 (n, H, W, C).

        Returns:
            (n, H + 1, W + 1, C) of :func:`~common.device_arrays.dtype_up_to` the
            largest sum, at [i, y, x] the sum over the first y rows and x columns. An
            int32 that overflows does no harm, differences are right again.
        """
        height, width = images.shape[1:3]
        values = ops.cast(images, dtype_up_to(255 * height * width))
        values = ops.pad(values, [(0, 0), (1, 0), (1, 0), (0, 0)])
        return ops.cumsum(ops.cumsum(values, axis=1), axis=2)

    def image_size(self, table: Any) -> tuple[int, int]:
        """Return height and width of the images that a table is of."""
        height, width = table.shape[1:3]
        return height - 1, width - 1

    def level(self, table: Any, centres: Any, level: int) -> Any:
        """Return one level's crops.

        Args:
            table: what :meth:`prepare` returned.
            centres: int32 (n, 2), row and column of the crops' middles.
            level: number of the level, 0 is the finest.

        Returns:
            float32 (n, bandwidth, bandwidth, C) in [0, 1].
        """
        side, last = self._sides[level], self.image_size(table)
        _, *size, channels = table.shape
        values = ops.reshape(table, (-1, channels))
        whole, rest = np.divmod(np.arange(self._bandwidth + 1) * side, self._bandwidth)
        whole = whole - side // 2
        area = 255 * (side / self._bandwidth) ** 2
        if not rest.any():
            corners = _look_up(values, size, centres, whole, last)
            return ops.cast(_steps(_steps(corners, 1), 2), "float32") / area
        edges = np.concatenate([whole, whole + 1])
        corners = _look_up(values, size, centres, edges, last)
        sums = ops.cast(_strips(_strips(corners, 1), 2), "float32")
        share = (rest / self._bandwidth).astype("float32")
        sums = _blend(_blend(sums, share[:, None, None], 1), share[:, None], 2)
        return ops.clip(sums / area, 0, 1)


def _look_up(
    values: Any,
    size: Sequence[int],
    centres: Any,
    offsets: np.ndarray,
    last: Sequence[int],
) -> Any:
    """Return values at all pairs of a row and a column near each centre.

    Args:
        values: (m, C), rows of n images after each other; the last one's end may lack.
        size: rows and columns of each of the n.
        centres: int32 (n, 2).
        offsets: int (k,), added to the centre's row and to its column.
        last: row and column that are read where that leads beyond them; row and column
            0 where it leads before these.

    Returns:
        (n, k, k, C).
    """
    rows, columns = size
    near = centres[:, :, None] + ops.convert_to_tensor(offsets, "int32")
    y, x = (ops.clip(near[:, axis], 0, last[axis]) for axis in (0, 1))
    first = ops.arange(ops.shape(centres)[0], dtype="int32")[:, None] * rows
    index = ((first + y) * columns)[:, :, None] + x[:, None, :]
    return take_rows(values, index)


def _part(values: Any, axis: int, start: int | None, stop: int | None) -> Any:
    """Return a slice along axis 1 or 2."""
    part = slice(start, stop)
    return values[:, part] if axis == 1 else values[:, :, part]


def _add_apart(values: Any, apart: int, unit: int) -> Any:
    """Return each value of a flat array plus the one that lies some places on.

    Args:
        values: (m · unit,).
        apart: how many places on.
        unit: the array that is returned is shorter, but still a multiple of this, for
            TensorFlow copies parts of other lengths.
    """
    shorter = apart + -apart % unit
    return values[:-shorter] + values[apart : apart - shorter or None]


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
