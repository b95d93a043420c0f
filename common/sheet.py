"""A sheet to draw strips on: pixels, text and outlines, in pixels from the top left.

It knows matplotlib and nothing of what is drawn on it.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Polygon, Rectangle
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D
from PIL import Image, ImageOps

from common.errors import file_error
from common.files import atomic_write

INK = "#22262a"
QUIET = "#7d868f"
HALO = "#101418"
HEADING = 19  # size of a title, in pixels
DPI = 100

MOST_BYTES = 1_500_000
"""What a PNG file has at most, about."""

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Formats that a sheet can be written in."""


@dataclass(frozen=True)
class Pen:
    """How a box is outlined.

    Attributes:
        colour: of the line.
        width: of the line in pixels.
        dashes: lengths of dash and gap in line widths; without any it is solid.
        halo: pixels of dark on both sides, so that it shows on any photograph.
        shade: how dark, in [0, 1].
    """

    colour: str
    width: float
    dashes: tuple[float, ...] = ()
    halo: float = 1.5
    shade: float = 0.65

    def layers(self) -> Iterator[dict[str, Any]]:
        """Yield how matplotlib draws the halo, and then the line."""
        halo = (self.width + 2 * self.halo) * 72 / DPI
        yield {"edgecolor": HALO, "linewidth": halo, "alpha": self.shade}
        style = (0, self.dashes) if self.dashes else "-"
        line = self.width * 72 / DPI
        yield {"edgecolor": self.colour, "linewidth": line, "linestyle": style}


def _font(size: float, bold: bool = False) -> FontProperties:
    """Return a font of ``size`` pixels, the one that comes with matplotlib itself."""
    weight = "bold" if bold else "normal"
    return FontProperties(family="DejaVu Sans", weight=weight, size=size * 72 / DPI)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return how wide a line of text will be, in pixels."""
    font = _font(size, bold)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return width * DPI / 72


def legible(text: str) -> str:
    """Put boxes for what the font lacks; matplotlib does too, but warns each time."""
    known = get_font(findfont(_font(HEADING, bold=True))).get_charmap()
    return "".join(letter if ord(letter) in known else "□" for letter in text)


def wrap(text: str, width: float) -> list[str]:
    """Break a title into lines of at most ``width`` pixels, at spaces if it can be."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if text_width(joined, HEADING, bold=True) <= width:
            lines[-1] = joined
            continue
        lines.append("")
        for letter in word:
            if text_width(lines[-1] + letter, HEADING, bold=True) > width:
                lines.append("")
            lines[-1] += letter
    return [line for line in lines if line]


class Sheet:
    """A figure in pixels, (0, 0) at the top left, x before y as matplotlib has it."""

    def __init__(self, width: int, height: int):
        self.height = height
        self._figure = Figure((width / DPI, height / DPI), DPI, facecolor="white")
        self._canvas = FigureCanvasAgg(self._figure)
        self._transform = Affine2D().scale(1, -1).translate(0, height)

    def pixels(self) -> np.ndarray:
        """Return uint8 (height, width, 3)."""
        self._canvas.draw()
        return np.array(self._canvas.buffer_rgba())[..., :3].copy()

    def photo(self, x: int, y: int, pixels: np.ndarray) -> None:
        """Put uint8 (h, w, 3) pixels with their top left corner at (x, y)."""
        bottom = self.height - y - len(pixels)
        self._figure.figimage(pixels, x, bottom, origin="upper", zorder=-1)

    def text(self, x: float, y: float, text: str, size: float, **look: Any) -> None:
        """Write a line with its middle at y; ``look`` as matplotlib's Text takes it."""
        font = _font(size, look.pop("bold", False))
        # Dollars in a file's name are dollars, also where a matplotlibrc wants TeX.
        plain = {"parse_math": False, "usetex": False, "transform": self._transform}
        look = {"color": INK, "va": "center_baseline"} | plain | look
        self._figure.text(x, y, text, fontproperties=font, **look)

    def box(self, box: Sequence[float], pen: Pen) -> None:
        """Outline (ymin, xmin, ymax, xmax) along its outside."""
        ymin, xmin, ymax, xmax = box
        out = pen.width / 2
        corner = xmin - out, ymin - out
        size = xmax - xmin + pen.width, ymax - ymin + pen.width
        for look in pen.layers():
            self._add(Rectangle(corner, *size, fill=False, joinstyle="miter", **look))

    def line(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        colour: str,
        width: float = 1.2,
        alpha: float = 1,
    ) -> None:
        """Draw a line through points, ``width`` pixels wide."""
        self._add(Line2D(xs, ys, color=colour, linewidth=width * 72 / DPI, alpha=alpha))

    def fill(self, points: Sequence, colour: str, alpha: float = 1) -> None:
        """Fill a polygon of (x, y) points."""
        self._add(Polygon(points, color=colour, alpha=alpha, linewidth=0))

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        """Fill a circle."""
        self._add(Circle((x, y), radius, color=colour, linewidth=0))

    def _add(self, artist: Artist) -> None:
        # No axes: they would work out limits and ticks that nobody looks at, which
        # takes half as long again as drawing.
        artist.set_transform(self._transform)
        self._figure.add_artist(artist)


def save_picture(pixels: np.ndarray, path: Path) -> None:
    """Write a picture in one stroke.

    Args:
        pixels: uint8 (h, w, 3) RGB.
        path: where to; its suffix, one of :data:`SUFFIXES`, says the format. A PNG
            file is kept under about 1.5 MB.

    Raises:
        InputError: the suffix is another.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise file_error(path, f"has suffix {suffix!r}", f"one of {SUFFIXES}")
    image = Image.fromarray(pixels)
    with atomic_write(path) as partial:
        if suffix == ".png":
            partial.write_bytes(_png(image))
        else:
            image.save(partial, quality=92)


def _png(image: Image.Image) -> bytes:
    """Return an image as PNG, made smaller until it has no more than MOST_BYTES."""
    while True:
        file = io.BytesIO()
        # Pillow's own level takes twice the time, to save one byte in forty.
        image.save(file, "PNG", compress_level=4)
        if file.tell() <= MOST_BYTES:
            return file.getvalue()
        # Fewer colours would do too, but then some lose the hue that they are known by.
        image = ImageOps.scale(image, 0.95 * (MOST_BYTES / file.tell()) ** 0.5)


def plain_name(name: str) -> str:
    """Return an image's name as the start of a file's name.

    Args:
        name: with whatever it has in it; its end is kept where it is long.
    """
    plain = re.sub(r"[^\w.-]+", "_", name).lstrip(".")
    return plain.encode()[-160:].decode(errors="ignore") or "image"
