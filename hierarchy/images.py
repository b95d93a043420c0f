"""Images as searches see them: pixels under a name, and what is masked in them."""

from dataclasses import dataclass

import numpy as np

from common.boxes import Box
from hierarchy.quirks import Quirks
from hierarchy.regions import Region

MEAN_RGB = (124, 117, 104)
"""ImageNet's mean colour, rounded: after preprocessing such pixels are about zero."""

PUBLISHED_MEAN = (103, 116, 123)
"""The published program's: in the order blue, green, red, and truncated."""


@dataclass(frozen=True, eq=False)
class SearchImage:
    """An image as a search sees it.

    Attributes:
        name: identity of the image in its set; features are cached under it.
        pixels: uint8 (height, width, 3) RGB in 0 … 255. Not to be written to.
        masked: boxes masked, in order; a part of the identity.
        unmasked: the image before any of them was; None where there are none.
    """

    name: str
    pixels: np.ndarray
    masked: tuple[Box, ...] = ()
    unmasked: "SearchImage | None" = None

    @property
    def original(self) -> "SearchImage":
        """The image with nothing masked."""
        return self.unmasked or self

    @property
    def key(self) -> tuple[str, tuple[Box, ...]]:
        """Identity of the pixels."""
        return self.name, self.masked

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def crop(self, region: Region) -> np.ndarray:
        """Return the pixels of a region: uint8 (h, w, 3), a view."""
        ymin, xmin, ymax, xmax = region.crop
        return self.pixels[ymin:ymax, xmin:xmax]


def mean_colour(quirks: Quirks) -> tuple[int, int, int]:
    """Return what objects are masked with: RGB; FIDELITY.md row mask_colour."""
    return PUBLISHED_MEAN if quirks.mask_colour else MEAN_RGB


def mask_image_with_mean_background(
    found: Box, image: SearchImage, fill_colour: tuple[int, int, int] = MEAN_RGB
) -> SearchImage:
    """Fill the box of a found object with one colour, so that searches look elsewhere.

    Source: published program, after Caicedo and Lazebnik 2015.

    Args:
        found: the box to fill.
        image: left as it is.
        fill_colour: RGB in 0 … 255.
    """
    ymin, xmin, ymax, xmax = found
    pixels = image.pixels.copy()
    pixels[ymin:ymax, xmin:xmax] = fill_colour
    return SearchImage(image.name, pixels, (*image.masked, found), image.original)


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
    rows, row_weights = interpolation_sources(pixels.shape[0], height)
    columns, column_weights = interpolation_sources(
        pixels.shape[1], width, clamped=True
    )
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


def interpolation_sources(
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
