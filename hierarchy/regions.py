"""Geometry of the hierarchy: regions of an image, and parts of regions.

A region is known twice. Its *window* is exact and in floats; multiplied down the
hierarchy it never drifts. Its *box* is what IoU is measured on and its *crop* the
pixels that the network sees, both in whole pixels. Here box and crop are the same; in
the published program they drift apart (``nested_truncation``).
"""

from dataclasses import dataclass

from common.boxes import Box
from hierarchy.quirks import Quirks

Window = tuple[float, float, float, float]
"""(y, x, height, width) in pixels, as floats."""


@dataclass(frozen=True)
class Region:
    """One node of the hierarchy.

    Attributes:
        window: exact (y, x, height, width) in the image, floats in pixels.
        crop: the pixels seen, as a box in the image.
        image_size: (height, width) of the image in pixels.
    """

    window: Window
    crop: Box
    image_size: tuple[int, int]

    @property
    def box(self) -> Box:
        """The window in whole pixels inside the image, on which IoU is measured."""
        return truncate(self.window, self.image_size)

    def at(self, window: Window) -> "Region":
        """Return another region of the same image.

        Args:
            window: (y, x, height, width) in pixels. It is made as small as the image
                and moved inside of it where it is not.
        """
        y, x, height, width = window
        rows, columns = self.image_size
        height, width = min(height, rows), min(width, columns)
        y, x = min(max(y, 0.0), rows - height), min(max(x, 0.0), columns - width)
        window = (y, x, height, width)
        return Region(window, truncate(window, self.image_size), self.image_size)


def whole_image(height: int, width: int) -> Region:
    """Return the root of the hierarchy: the whole image, sizes in pixels."""
    return Region(
        (0.0, 0.0, float(height), float(width)), (0, 0, height, width), (height, width)
    )


def subregion(
    region: Region,
    place: tuple[float, float],
    scale_subregion: float,
    quirks: Quirks = Quirks(),
) -> Region:
    """Return a part of a region that is smaller by a factor.

    Source: paper, section 3.1 and Fig. 2; FIDELITY.md rows centre_offset,
    corner_offset and nested_truncation.

    Args:
        region: what the part is of.
        place: of the part, from the top and from the left: 0 at that edge, 1/2 in the
            middle, 1 at the other edge.
        scale_subregion: the part's height and width over the region's, in (0, 1).
        quirks: the published differences to follow.
    """
    y, x, height, width = region.window
    size = (height * scale_subregion, width * scale_subregion)
    if quirks.corner_offset:
        scale_mask = 1.0 / (scale_subregion * 4)
        space = (size[0] * scale_mask, size[1] * scale_mask)
    else:
        space = (height - size[0], width - size[1])
    dy, dx = space[0] * place[0], space[1] * place[1]
    if quirks.centre_offset and place == (1 / 2, 1 / 2):
        dx = dy
    window = (y + dy, x + dx, *size)
    if quirks.nested_truncation:
        crop = _crop_of_crop(region.crop, (dy, dx, *size))
    else:
        crop = truncate(window, region.image_size)
    return Region(window, crop, region.image_size)


def truncate(window: Window, limits: tuple[int, int]) -> Box:
    """Return a window's bounds as array slices take them.

    Args:
        window: (y, x, height, width) in pixels.
        limits: (height, width) of the array, which a window may reach beyond (only
            with centre_offset does it).

    Returns:
        The bounds truncated to whole pixels inside the array, at least one each way.
    """
    y, x, height, width = window
    ymin, xmin = min(int(y), limits[0] - 1), min(int(x), limits[1] - 1)
    ymax, xmax = min(int(y + height), limits[0]), min(int(x + width), limits[1])
    return ymin, xmin, max(ymax, ymin + 1), max(xmax, xmin + 1)


def _crop_of_crop(crop: Box, window: Window) -> Box:
    """Cut ``window``, relative to ``crop``, out of ``crop``."""
    top, left, bottom, right = crop
    ymin, xmin, ymax, xmax = truncate(window, (bottom - top, right - left))
    return top + ymin, left + xmin, top + ymax, left + xmax


def area(box: Box) -> int:
    """Return the number of pixels in a box; 0 if it is empty."""
    ymin, xmin, ymax, xmax = box
    return max(ymax - ymin, 0) * max(xmax - xmin, 0)


def intersection(one: Box, other: Box) -> int:
    """Return the number of pixels that two boxes share."""
    return area(
        (
            max(one[0], other[0]),
            max(one[1], other[1]),
            min(one[2], other[2]),
            min(one[3], other[3]),
        )
    )


def calculate_iou(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes, in [0, 1]."""
    shared = intersection(one, other)
    union = area(one) + area(other) - shared
    return shared / union if union else 0.0


def calculate_overlapping(region: Box, ground_truth: Box) -> float:
    """Return the share of the ground truth's area that a region covers, in [0, 1]."""
    size = area(ground_truth)
    return intersection(region, ground_truth) / size if size else 0.0
