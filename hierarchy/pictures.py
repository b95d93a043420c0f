"""Pictures: pixels under a name, and what has been painted over on them."""

from dataclasses import dataclass

import numpy as np

from hierarchy.quirks import Quirks
from hierarchy.regions import Box, Region

MEAN_RGB = (124, 117, 104)
"""The VGG mean colour, rounded: after preprocessing such pixels are about zero."""

PUBLISHED_MEAN = (103, 116, 123)


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as a search sees it.

    Attributes:
        name: identity of the image in its set; descriptors are remembered by it.
        pixels: uint8 (height, width, 3) RGB in 0 … 255. Not to be written to.
        painted: boxes painted over, in order; a part of the identity.
        unpainted: the picture before any of them was; None where there are none.
    """

    name: str
    pixels: np.ndarray
    painted: tuple[Box, ...] = ()
    unpainted: "Picture | None" = None

    @property
    def original(self) -> "Picture":
        """The picture with nothing painted over."""
        return self.unpainted or self

    @property
    def key(self) -> tuple[str, tuple[Box, ...]]:
        """Identity of the pixels."""
        return self.name, self.painted

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def crop(self, region: Region) -> np.ndarray:
        """Return the pixels of a region: uint8 (h, w, 3), a view."""
        ymin, xmin, ymax, xmax = region.crop
        return self.pixels[ymin:ymax, xmin:xmax]


def mask_image_with_mean_background(
    found: Box, picture: Picture, quirks: Quirks = Quirks()
) -> Picture:
    """Paint a found object over with the VGG mean, so that searches look elsewhere.

    Source: published program, after Caicedo and Lazebnik 2015; FIDELITY.md row
    mask_colour.

    Args:
        found: the box to paint over.
        picture: left as it is.
        quirks: the published differences to follow.
    """
    ymin, xmin, ymax, xmax = found
    pixels = picture.pixels.copy()
    pixels[ymin:ymax, xmin:xmax] = PUBLISHED_MEAN if quirks.mask_colour else MEAN_RGB
    painted = (*picture.painted, found)
    return Picture(picture.name, pixels, painted, picture.original)


def resize(pixels: np.ndarray, height: int = 224, width: int = 224) -> np.ndarray:
    """Resize pixels as the published program did, to the last grey level.

    Bilinear with half-pixel centres and no antialiasing, in the fixed-point arithmetic
    of OpenCV: weights in 1/2048, and a second pass whose products are truncated, so
    that the result lies within one grey level of the exact one, and 1/8 of a level
    below it in the mean.

    Args:
        pixels: uint8 (h, w, 3), of any size from 1×1.
        height: of the result.
        width: of the result.

    Returns:
        uint8 (height, width, 3).
    """
    rows, row_weights = resize_taps(pixels.shape[0], height)
    columns, column_weights = resize_taps(pixels.shape[1], width, clamped=True)
    # int32 holds every product: 255 · 2048 in the first pass, its 1/16 in the second.
    source = pixels.astype(np.int32)
    across = sum(
        source[:, column] * weight[:, None]
        for column, weight in zip(columns, column_weights, strict=True)
    )
    across >>= 4
    mixed = sum(
        (across[row] * weight[:, None, None]) >> 16
        for row, weight in zip(rows, row_weights, strict=True)
    )
    return ((mixed + 2) >> 2).astype(np.uint8)


def resize_taps(
    size: int, new_size: int, clamped: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return the source indices of each new pixel and their weights in 1/2048.

    Both int32 (2, new_size), of :func:`resize`. Beyond the border either the position
    is clamped, as OpenCV does along rows, or only its two indices: the same but for
    truncation.

    Args:
        size: pixels along this side.
        new_size: of them in the result.
        clamped: as is done along rows, for their columns.
    """
    centres = (np.arange(new_size) + 0.5) * (size / new_size) - 0.5
    centres = centres.astype(np.float32)
    if clamped:
        centres = np.clip(centres, 0, size - 1)
    first = np.floor(centres)
    weight = centres - first
    indices = np.clip(np.stack([first, first + 1]).astype(np.int32), 0, size - 1)
    weights = np.rint(np.stack([1 - weight, weight]) * np.float32(2048))
    return indices, weights.astype(np.int32)
