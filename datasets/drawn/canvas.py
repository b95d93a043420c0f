"""Colours, curves, noise, antialiased layers, and the picture they end up in.

Points are (x, y): to the right and down, in pixels of the picture, as Pillow has them.
Boxes and arrays are (row, column). Colours are float RGB between 0 and 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from skimage.filters import gaussian

SUPERSAMPLING = 2
"""Layers are drawn this many times larger and averaged down: smooth edges."""

VISIBLE = 0.5
"""A pixel belongs to a thing that covers at least this share of it."""


def colour(text: str) -> np.ndarray:
    """Return the colour that ``#rrggbb`` names, float32 (3,) between 0 and 1."""
    levels = [int(text[start : start + 2], 16) for start in (1, 3, 5)]
    return np.array(levels, np.float32) / 255


def mix(first: np.ndarray, second: np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Return ``first`` with a ``share`` of ``second`` stirred in."""
    return first + (np.asarray(second) - first) * share


def smoothstep(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return 0 below ``low``, 1 above ``high`` and a soft S between them."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def spline(
    points: Sequence[Sequence[float]], closed: bool = False, steps: int = 8
) -> np.ndarray:
    """Return a smooth curve through all points (Catmull-Rom).

    Args:
        points: (n, 2) what the curve goes through.
        closed: whether it comes back to its first point.
        steps: points of the curve for each piece.

    Returns:
        float64 (m, 2).
    """
    points = np.asarray(points, float)
    if closed:
        around = np.concatenate([points[-1:], points, points[:2]])
    else:
        around = np.concatenate([points[:1], points, points[-1:]])
    before, start, end, after = around[:-3], around[1:-2], around[2:-1], around[3:]
    t = np.linspace(0, 1, steps, endpoint=False)[:, None, None]
    curve = start + 0.5 * t * (
        (end - before)
        + t * (2 * before - 5 * start + 4 * end - after)
        + t * t * (3 * (start - end) + after - before)
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    cells: tuple[float, float],
    octaves: int = 4,
    persistence: float = 0.5,
) -> np.ndarray:
    """Return layered noise, each layer twice as fine and fainter than the last.

    Args:
        rng: where the noise comes from.
        shape: (rows, columns) of the result.
        cells: how many lumps of the coarsest layer fit in the height and the width.
        octaves: number of layers.
        persistence: strength of a layer relative to the one before.

    Returns:
        float32 (rows, columns), stretched to 0 … 1.
    """
    total = np.zeros((2, 2), np.float32)
    for octave in range(octaves):
        lumps = [max(2, round(count * 2**octave)) for count in cells]
        layer = rng.random(lumps, dtype=np.float32)
        total = _stretched(total, layer.shape) + persistence**octave * layer
    total = _stretched(total, shape)
    total -= total.min()
    return total / max(float(total.max()), 1e-6)


def _stretched(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    image = Image.fromarray(values)
    return np.array(image.resize(shape[::-1], Image.Resampling.BICUBIC))


def softened(values: np.ndarray, radius: float) -> np.ndarray:
    """Return a float32 (rows, columns) array blurred by ``radius`` pixels."""
    return gaussian(values, radius, mode="nearest", preserve_range=True)


def resized(pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return a float32 (rows, columns, 3) picture, 0 … 1, at another size."""
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8))
    image = image.resize(shape[::-1], Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32) / 255


class Layer:
    """A transparent sheet, as large as the picture, for shapes with smooth edges."""

    def __init__(self, height: int, width: int) -> None:
        size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
        self.image = Image.new("RGBA", size, (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.image)

    def polygon(
        self, points: np.ndarray, fill: np.ndarray, opacity: float = 1.0
    ) -> None:
        """Fill the polygon through ``points``, (n, 2)."""
        flat = (np.asarray(points) * SUPERSAMPLING).ravel().tolist()
        self._draw.polygon(flat, fill=_bytes(fill, opacity))

    def ellipse(
        self,
        centre: Sequence[float],
        radii: Sequence[float],
        fill: np.ndarray,
        opacity: float = 1.0,
    ) -> None:
        """Fill an upright ellipse; ``radii`` are its half width and half height."""
        # Pillow's own ellipses take ten times as long.
        corners = 12 if max(radii) < 6 else 48
        self.polygon(_CIRCLES[corners] * radii + centre, fill, opacity)

    def line(
        self,
        points: Sequence[Sequence[float]],
        fill: np.ndarray,
        width: float,
        opacity: float = 1.0,
    ) -> None:
        """Draw a line through ``points``, ``width`` pixels of the picture wide."""
        flat = (np.asarray(points, float) * SUPERSAMPLING).ravel().tolist()
        pen = max(1, round(width * SUPERSAMPLING))
        self._draw.line(flat, fill=_bytes(fill, opacity), width=pen, joint="curve")

    def averaged(self) -> tuple[np.ndarray, tuple[int, int]] | None:
        """Return what has been drawn at the picture's size, or None if nothing.

        Returns:
            float32 (rows, columns, 4) of the smallest part that holds the drawing,
            colour and coverage between 0 and 1, and the (row, column) it begins at.
        """
        box = self.image.getbbox()
        if box is None:
            return None
        left, top = (value // SUPERSAMPLING for value in box[:2])
        right, bottom = (-(-value // SUPERSAMPLING) for value in box[2:])
        edges = [side * SUPERSAMPLING for side in (left, top, right, bottom)]
        small = self.image.crop(edges).reduce(SUPERSAMPLING)
        return np.asarray(small, np.float32) / 255, (top, left)


_CIRCLES = {
    corners: np.stack([np.cos(turn), np.sin(turn)], 1)
    for corners in (12, 48)
    for turn in [np.linspace(0, 2 * np.pi, corners, endpoint=False)]
}


def _bytes(fill: np.ndarray, opacity: float) -> tuple[int, int, int, int]:
    shares = (*fill.tolist(), opacity)
    return tuple(min(255, max(0, int(255 * share + 0.5))) for share in shares)


@dataclass
class Thing:
    """Something in a picture that an annotation may name.

    Attributes:
        name: its class, as PASCAL VOC calls it.
        coverage: float32 (rows, columns), how much of each pixel shows it.
        pose: Left, Right, Frontal, Rear or Unspecified.
    """

    name: str
    coverage: np.ndarray
    pose: str = "Unspecified"

    def visible_box(self) -> tuple[int, int, int, int] | None:
        """Return (ymin, xmin, ymax, xmax) of its visible pixels, or None.

        Counted from 0; the last row and column belong to the box.
        """
        visible = self.coverage >= VISIBLE
        rows, columns = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
        if not len(rows):
            return None
        return int(rows[0]), int(columns[0]), int(rows[-1]), int(columns[-1])


@dataclass
class Picture:
    """What has been painted so far, and which things can be seen in it.

    Attributes:
        pixels: float32 (rows, columns, 3) between 0 and 1.
        things: what annotations may name, back to front.
    """

    pixels: np.ndarray
    things: list[Thing] = field(default_factory=list)

    @classmethod
    def blank(cls, height: int, width: int) -> "Picture":
        """Return a black picture."""
        return cls(np.zeros((height, width, 3), np.float32))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.pixels.shape[:2]

    def layer(self) -> Layer:
        """Return an empty sheet of the picture's size."""
        return Layer(*self.shape)

    def blend(
        self,
        fill: np.ndarray,
        coverage: np.ndarray,
        corner: tuple[int, int] = (0, 0),
    ) -> None:
        """Lay paint over the picture; what is below shows less by as much.

        Args:
            fill: (3,) or float (rows, columns, 3).
            coverage: float (rows, columns) between 0 and 1.
            corner: (row, column) where the paint begins; it lies inside.
        """
        (top, left), (rows, columns) = corner, coverage.shape
        part = np.s_[top : top + rows, left : left + columns]
        below = self.pixels[part]
        below += (np.asarray(fill, np.float32) - below) * coverage[..., None]
        for thing in self.things:
            thing.coverage[part] *= 1 - coverage

    def lay(self, layer: Layer, opacity: float = 1.0) -> None:
        """Lay a sheet over the picture."""
        drawn = layer.averaged()
        if drawn is not None:
            paint, corner = drawn
            self.blend(paint[..., :3], paint[..., 3] * opacity, corner)

    def lay_thing(self, layer: Layer, name: str, pose: str = "Unspecified") -> None:
        """Lay a sheet that holds one thing to name; see :class:`Thing`."""
        drawn = layer.averaged()
        if drawn is None:
            return
        paint, (top, left) = drawn
        self.blend(paint[..., :3], paint[..., 3], (top, left))
        coverage = np.zeros(self.shape, np.float32)
        rows, columns = paint.shape[:2]
        coverage[top : top + rows, left : left + columns] = paint[..., 3]
        self.things.append(Thing(name, coverage, pose))

    def glow(self, centre: Sequence[float], radius: float, light: np.ndarray) -> None:
        """Add light that fades with the distance from ``centre``, (x, y)."""
        bells = []
        for middle, size in zip(centre[::-1], self.shape, strict=True):
            away = (np.arange(size, dtype=np.float32) - np.float32(middle)) / radius
            bells.append(np.exp(-(away**2)))
        rows, columns = (np.flatnonzero(bell > 0.005) for bell in bells)
        if not len(rows) or not len(columns):
            return
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        strength = np.outer(bells[0][part[0]], bells[1][part[1]])[..., None]
        self.pixels[part] += (1 - self.pixels[part]) * (strength * np.float32(light))


def developed(
    pixels: np.ndarray, rng: np.random.Generator, blur: float, grain: float
) -> np.ndarray:
    """Return the picture as a camera hands it over: a little soft and grainy.

    Args:
        pixels: float (rows, columns, 3) between 0 and 1.
        rng: where the grain comes from.
        blur: standard deviation in pixels, above 0 and below 1.
        grain: standard deviation of the noise, of the same range as the pixels.

    Returns:
        uint8 (rows, columns, 3).
    """
    beside = np.exp(-0.5 / blur**2)
    bell = np.array([beside, 1, beside]) / (1 + 2 * beside)
    lens = ImageFilter.Kernel((3, 3), np.outer(bell, bell).ravel().tolist(), scale=1)
    image = Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8))
    soft = np.asarray(image.filter(lens)).astype(np.int16)
    noise = rng.standard_normal(pixels.shape[:2], dtype=np.float32)
    soft += np.rint(noise * np.float32(255 * grain)).astype(np.int16)[..., None]
    return np.clip(soft, 0, 255).astype(np.uint8)
