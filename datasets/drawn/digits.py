"""Drawn digits in the manner of MNIST, for where MNIST is not at hand.

    python -m datasets.drawn.digits              # writes a sheet, drawn/digits.png

They are set in matplotlib's fonts, bent, fitted and centred as MNIST's were.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from skimage.util import montage

from common.command_line import run
from common.files import REPOSITORY, atomic_write

_FOLDER = Path(get_data_path(), "fonts", "ttf")
SIDE, _GLYPH, _LARGE = 28, 20, 56  # pixels of a picture, of the digit, and as drawn
_FONTS = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Italic",
          "DejaVuSansMono", "STIXGeneral", "STIXGeneralItalic", "cmr10", "cmss10",
          "cmti10", "cmtt10")  # fmt: skip


def draw_digits(count: int, seed: int) -> np.ndarray:
    """Digits from 0 to 9 by turns, uint8 (count, 28, 28); 0 is background."""
    digits = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        image = Image.new("L", (2 * _LARGE, 2 * _LARGE))
        stroke = int(rng.integers(0, 4))
        ImageDraw.Draw(image).text(
            (_LARGE, _LARGE), str(number % 10), 255, _font(str(rng.choice(_FONTS))),
            "mm", stroke_width=stroke, stroke_fill=255,
        )  # fmt: skip
        digits[number] = _centred(_fitted(_bent(image, rng), rng))
    return digits


_font = cache(lambda name: ImageFont.truetype(f"{_FOLDER}/{name}.ttf", _LARGE))


def _bent(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Image slanted, turned and stretched, and bent a little along a wave."""
    angle, slant = np.deg2rad(rng.normal(0, 8)), rng.normal(0, 0.2)
    stretch = np.exp(rng.normal(0, 0.12, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, slant], [0, 1]]) / stretch[:, None]
    middle = np.array(image.size) / 2
    rows = np.concatenate([matrix, (middle - matrix @ middle)[:, None]], 1)
    how = Image.Transform.AFFINE, rows.ravel().tolist(), Image.Resampling.BILINEAR
    pixels = np.asarray(image.transform(image.size, *how))
    phase, size = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.06 * _LARGE)
    wave = size * np.sin(np.arange(len(pixels)) / _LARGE * 3.5 + phase)
    columns = np.arange(pixels.shape[1]) + np.rint(wave).astype(int)[:, None]
    columns = np.clip(columns, 0, pixels.shape[1] - 1)
    return Image.fromarray(np.take_along_axis(pixels, columns, 1))


def _fitted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Digit cut out and reduced to 20 pixels at its longer side."""
    image = image.crop(image.getbbox())
    size = [max(2, round(side * _GLYPH / max(image.size))) for side in image.size]
    small, is_sharp = image.resize(size, Image.Resampling.LANCZOS), rng.random() < 0.5
    blur = 0 if is_sharp else float(rng.uniform(0.2, 0.6))
    return small.filter(ImageFilter.GaussianBlur(blur))


def _centred(image: Image.Image) -> np.ndarray:
    """Picture with the digit's centroid in its middle."""
    pixels, corner = np.asarray(image), []
    for axis, side in enumerate(pixels.shape):
        weights = pixels.sum(1 - axis, dtype=np.int64)
        centroid = weights @ (np.arange(side) + 0.5) / weights.sum()
        corner.append(min(max(int(np.rint(SIDE / 2 - centroid)), 0), SIDE - side))
    (row, column), (height, width) = corner, pixels.shape
    return np.pad(pixels, ((row, SIDE - row - height), (column, SIDE - column - width)))


@dataclass(frozen=True)
class DigitsSettings:
    """Draw a sheet of digits in the manner of MNIST, to see what they are like."""

    file: Path = REPOSITORY / "drawn" / "digits.png"
    """Where the sheet goes."""
    count: int = 200
    """How many digits it shows, 20 in a row."""
    seed: int = 0
    """The same seed gives the same digits."""


def main(settings: DigitsSettings) -> None:
    """Write the sheet, and say where it is."""
    digits = draw_digits(settings.count, settings.seed)
    sheet = montage(digits, fill=0, grid_shape=(-(-len(digits) // 20), 20))
    with atomic_write(settings.file) as partial:
        Image.fromarray(sheet).save(partial)
    print(f"{len(digits)} digits in {settings.file}")


if __name__ == "__main__":
    run(main, DigitsSettings)
