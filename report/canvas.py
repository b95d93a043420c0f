"""A canvas in pixels for strips, and the files that pictures are written to.

Matplotlib draws and Pillow encodes; neither knows what is drawn.
"""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
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
from PIL import Image, ImageColor, ImageOps

from common.boxes import Box
from common.errors import file_error
from common.files import atomic_write

TEXT, MUTED, DARK = "#22262a", "#7d868f", "#101418"
HEADING, PLAIN, SMALL = 19, 18, 15
"""Sizes of text in pixels."""
MARGIN = 20
"""Pixels between a canvas's border and what is drawn on it."""
DPI = 100

MAX_BYTES = 1_500_000
"""Size of a PNG file at most, about."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Formats that a picture can be written in."""


@dataclass(frozen=True)
class LineStyle:
    """How a box is drawn.

    Attributes:
        colour: of the line.
        width: of the line in pixels.
        dashes: lengths of dash and gap in line widths; without any it is solid.
        outline: pixels of dark on both sides, which show it on any photograph.
        alpha: opacity of the outline, in [0, 1].
    """

    colour: str
    width: float
    dashes: tuple[float, ...] = ()
    outline: float = 1.5
    alpha: float = 0.65


def _font(size: float, bold: bool = False) -> FontProperties:
    """Return matplotlib's own font in ``size`` pixels."""
    weight = "bold" if bold else "normal"
    return FontProperties(family="DejaVu Sans", weight=weight, size=size * 72 / DPI)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return the width of a line of text in pixels."""
    font = _font(size, bold)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return width * DPI / 72


def legible(text: str) -> str:
    """Replace what the font lacks by boxes; matplotlib would warn of each."""
    known = get_font(findfont(_font(HEADING, bold=True))).get_charmap()
    return "".join(letter if ord(letter) in known else "□" for letter in text)


def wrap(text: str, width: float) -> list[str]:
    """Break a title into lines of at most ``width`` pixels, at spaces if it can be."""
    lines = [""]
    for word in legible(text).split():
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


class Canvas:
    """A picture being drawn, (0, 0) at the top left, x before y as in matplotlib."""

    def __init__(self, width: int, height: int):
        self._height = height
        self._figure = Figure((width / DPI, height / DPI), DPI, facecolor="white")
        self._canvas = FigureCanvasAgg(self._figure)
        self._transform = Affine2D().scale(1, -1).translate(0, height)

    def pixels(self) -> np.ndarray:
        """Return uint8 (height, width, 3)."""
        self._canvas.draw()
        return np.array(self._canvas.buffer_rgba())[..., :3].copy()

    def image(self, x: int, y: int, pixels: np.ndarray) -> None:
        """Put uint8 (h, w, 3) pixels with their top left corner at (x, y)."""
        bottom = self._height - y - len(pixels)
        self._figure.figimage(pixels, x, bottom, origin="upper", zorder=-1)

    def text(self, x: float, y: float, text: str, size: float, **look: Any) -> None:
        """Write a line with its middle at y; ``look`` as matplotlib's Text takes it."""
        font = _font(size, look.pop("bold", False))
        # Dollars in a file's name are dollars, also where a matplotlibrc wants TeX.
        plain = {"parse_math": False, "usetex": False, "transform": self._transform}
        look = {"color": TEXT, "va": "center_baseline", **plain, **look}
        self._figure.text(x, y, text, fontproperties=font, **look)

    def title(self, lines: Sequence[str], x: float, line_height: int) -> None:
        """Write the wrapped lines of a title at the top."""
        for number, line in enumerate(lines):
            y = MARGIN + line_height * number + 8
            self.text(x, y, line, HEADING, bold=True)

    def box(self, box: Sequence[float], style: LineStyle) -> None:
        """Draw a line along the outside of (ymin, xmin, ymax, xmax)."""
        ymin, xmin, ymax, xmax = box
        out = style.width / 2
        corner = xmin - out, ymin - out
        size = xmax - xmin + style.width, ymax - ymin + style.width
        dark: dict[str, Any] = {"edgecolor": DARK, "alpha": style.alpha}
        dark["linewidth"] = (style.width + 2 * style.outline) * 72 / DPI
        line: dict[str, Any] = {"edgecolor": style.colour}
        line["linewidth"] = style.width * 72 / DPI
        line["linestyle"] = (0, style.dashes) if style.dashes else "-"
        for look in (dark, line):
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

    def polygon(self, points: Sequence, colour: str, alpha: float = 1) -> None:
        """Fill a polygon of (x, y) points."""
        self._add(Polygon(points, color=colour, alpha=alpha, linewidth=0))

    def disc(self, x: float, y: float, radius: float, colour: str) -> None:
        """Fill a circle."""
        self._add(Circle((x, y), radius, color=colour, linewidth=0))

    def _add(self, artist: Artist) -> None:
        # Axes would work out limits and ticks, which takes half as long as drawing.
        artist.set_transform(self._transform)
        self._figure.add_artist(artist)


def resized(
    pixels: np.ndarray,
    width: int,
    height: int,
    box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Resize a picture smoothly.

    Args:
        pixels: uint8 (h, w, 3).
        width: of the result.
        height: of the result.
        box: the part to take, (ymin, xmin, ymax, xmax) in pixels; all if left out.

    Returns:
        uint8 (height, width, 3).
    """
    ymin, xmin, ymax, xmax = box or (0, 0, *pixels.shape[:2])
    is_smaller = width < xmax - xmin
    method = Image.Resampling.LANCZOS if is_smaller else Image.Resampling.BICUBIC
    part = (xmin, ymin, xmax, ymax)
    return np.asarray(Image.fromarray(pixels).resize((width, height), method, part))


def outlined(
    pixels: np.ndarray, boxes: Iterable[Box], colours: Iterable[str], width: int = 3
) -> np.ndarray:
    """Return a picture with boxes drawn onto it, the line inside of each.

    Args:
        pixels: uint8 (h, w, 3) RGB, left as they are.
        boxes: (ymin, xmin, ymax, xmax) in pixels, half-open.
        colours: of the boxes, as ``#rrggbb``; they come again where there are fewer.
        width: of the lines in pixels.

    Returns:
        uint8 (h, w, 3) RGB.
    """
    drawn = pixels.copy()
    for (ymin, xmin, ymax, xmax), colour in zip(boxes, cycle(colours), strict=False):
        inside = drawn[ymin:ymax, xmin:xmax]
        is_line = np.ones(inside.shape[:2], bool)
        is_line[width:-width, width:-width] = False
        inside[is_line] = ImageColor.getrgb(colour)
    return drawn


def save_picture(pixels: np.ndarray, path: Path) -> None:
    """Write a picture atomically.

    Args:
        pixels: uint8 (h, w, 3) RGB.
        path: the file; its suffix, one of :data:`SUFFIXES`, says the format. A PNG
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


def to_image(pixels: np.ndarray, path: Path | str | None = None) -> Image.Image:
    """Return what was drawn as a Pillow image.

    Args:
        pixels: uint8 (h, w, 3) RGB.
        path: a file to write it to as well, as :func:`save_picture` does.

    Raises:
        InputError: the file's suffix is none that it can be written in.
    """
    if path is not None:
        save_picture(pixels, Path(path))
    return Image.fromarray(pixels)


def _png(image: Image.Image) -> bytes:
    """Return an image as PNG, made smaller until it has at most MAX_BYTES."""
    while True:
        file = io.BytesIO()
        # Pillow's default level takes twice the time, to save one byte in forty.
        image.save(file, "PNG", compress_level=4)
        if file.tell() <= MAX_BYTES:
            return file.getvalue()
        # Fewer colours would do too, but some would lose the hue they are known by.
        image = ImageOps.scale(image, 0.95 * (MAX_BYTES / file.tell()) ** 0.5)


def plain_name(name: str) -> str:
    """Return an image's name as the start of a file's name.

    Args:
        name: any text; the end of a long one is kept.
    """
    plain = re.sub(r"[^\w.-]+", "_", name).lstrip(".")
    return plain.encode()[-160:].decode(errors="ignore") or "image"


class FileNames:
    """Gives each image a start of its files' names that no other image has.

    ``a b`` and ``a+b`` would both be ``a_b``: the later one is ``a_b-2``. Capitals
    count as the same, as some systems have them.
    """

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, key: str, name: str = "") -> str:
        """Return the start for an image, the same each time.

        Args:
            key: identity of the image.
            name: what it is called, where that is shorter.
        """
        if key not in self._given:
            plain = start = plain_name(name or key)
            number = 1
            while start.casefold() in self._taken:
                number += 1
                start = f"{plain}-{number}"
            self._given[key] = start
            self._taken.add(start.casefold())
        return self._given[key]


def save_animation(
    pictures: Sequence[np.ndarray], path: Path, seconds: Sequence[float]
) -> None:
    """Write pictures that follow on each other, again and again, as WebP, atomically.

    Args:
        pictures: uint8 (h, w, 3) RGB, all of one size; at least one.
        path: the file, ``.webp``.
        seconds: that each is shown for.

    Raises:
        InputError: the suffix is another.
    """
    path = Path(path)
    if path.suffix.lower() != ".webp":
        raise file_error(path, f"has suffix {path.suffix!r}", "'.webp'")
    first, *others = map(Image.fromarray, pictures)
    times = [round(1000 * one) for one in seconds]
    look = {"save_all": True, "append_images": others, "duration": times, "loop": 0}
    with atomic_write(path) as partial:
        first.save(partial, "WEBP", quality=90, method=6, **look)
