"""Drawn digits in the manner of MNIST, for where MNIST is not at hand.

    python -m datasets.drawn.digits              # writes a sheet, drawn/digits.png

They are set in the fonts that matplotlib brings along, slanted, turned, stretched,
bent and written thick or thin, fitted into 20×20 pixels and put with their centroid in
the middle of 28×28, as MNIST's were.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from common.command_line import run
from common.files import REPOSITORY, replacing

SIDE = 28
"""Of a picture in pixels."""

_GLYPH = 20  # the longer side of the digit itself, in pixels
_LARGE = 56  # it is drawn this large and then reduced
_FONTS = (
    "DejaVuSans.ttf",
    "DejaVuSans-Oblique.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSerif-Italic.ttf",
    "DejaVuSansMono.ttf",
    "STIXGeneral.ttf",
    "STIXGeneralItalic.ttf",
    "cmr10.ttf",
    "cmss10.ttf",
    "cmti10.ttf",
    "cmtt10.ttf",
)


def draw_digits(count: int, seed: int) -> np.ndarray:
    """Draw digits.

    Args:
        count: how many.
        seed: of all of them; the first ones are the same however many there are.

    Returns:
        uint8 (count, 28, 28), 0 is background; the digits from 0 to 9 by turns.
    """
    digits = np.empty((count, SIDE, SIDE), np.uint8)
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        digits[number] = _drawn(str(number % 10), rng)
    return digits


def _drawn(digit: str, rng: np.random.Generator) -> np.ndarray:
    """Return one digit, uint8 (28, 28)."""
    image = Image.new("L", (2 * _LARGE, 2 * _LARGE))
    stroke = int(rng.integers(0, 4))
    ImageDraw.Draw(image).text(
        (_LARGE, _LARGE),
        digit,
        fill=255,
        font=_font(str(rng.choice(_FONTS))),
        anchor="mm",
        stroke_width=stroke,
        stroke_fill=255,
    )
    image = _bent(image, rng)
    return _centred(_fitted(image, rng))


@cache
def _font(name: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", name), _LARGE)


def _bent(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Slant, turn and stretch a picture, and bend it a little along a wave."""
    angle, slant = np.deg2rad(rng.normal(0, 8)), rng.normal(0, 0.2)
    stretch = np.exp(rng.normal(0, 0.12, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, slant], [0, 1]]) / stretch[:, None]
    middle = np.array(image.size) / 2
    shift = middle - matrix @ middle
    rows = np.concatenate([matrix, shift[:, None]], 1).ravel().tolist()
    image = image.transform(
        image.size, Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR
    )
    pixels = np.asarray(image)
    phase, size = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.06 * _LARGE)
    wave = size * np.sin(np.arange(len(pixels)) / _LARGE * 3.5 + phase)
    columns = np.arange(pixels.shape[1]) + np.rint(wave).astype(int)[:, None]
    columns = np.clip(columns, 0, pixels.shape[1] - 1)
    return Image.fromarray(np.take_along_axis(pixels, columns, 1))


def _fitted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cut a digit out, and reduce it to 20 pixels at its longer side."""
    image = image.crop(image.getbbox())
    factor = _GLYPH / max(image.size)
    size = [max(2, round(side * factor)) for side in image.size]
    small = image.resize(size, Image.Resampling.LANCZOS)
    if rng.random() < 0.5:
        return small
    soft = ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.6)))
    return small.filter(soft)


def _centred(image: Image.Image) -> np.ndarray:
    """Put a digit with its centroid in the middle of an empty picture."""
    pixels = np.asarray(image)
    total = pixels.sum(dtype=np.int64)
    corner = []
    for axis, side in enumerate(pixels.shape):
        weights = pixels.sum(1 - axis, dtype=np.int64)
        centroid = weights @ (np.arange(side) + 0.5) / total
        place = int(np.rint(SIDE / 2 - centroid))
        corner.append(min(max(place, 0), SIDE - side))
    row, column = corner
    picture = np.zeros((SIDE, SIDE), np.uint8)
    picture[row : row + pixels.shape[0], column : column + pixels.shape[1]] = pixels
    return picture


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
    rows = [
        np.hstack(digits[start : start + 20]) for start in range(0, len(digits), 20)
    ]
    width = max(row.shape[1] for row in rows)
    sheet = np.vstack(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows]
    )
    with replacing(settings.file) as partial:
        Image.fromarray(sheet).save(partial)
    print(f"{len(digits)} digits in {settings.file}")


if __name__ == "__main__":
    run(main, DigitsSettings)
