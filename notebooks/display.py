"""What a notebook shows: pictures, small enough to be committed with it."""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path

from IPython.display import Image
from PIL import Image as Pillow

MOST_BYTES = 100_000
"""What a PNG may have; photographs have more and are shown as JPEG."""


def show(path: Path, *others: Path, width: int = 900) -> Image:
    """Return a picture for a cell to end with, reduced to what a page shows of it.

    Args:
        path: of the picture, of any format. It is shown as PNG or, where that would
            be large, as JPEG: every reader of notebooks knows both.
        others: more pictures, to its right and as high.
        width: of all together, in pixels at most.
    """
    picture = _side_by_side([_opened(one) for one in (path, *others)])
    if picture.width > width:
        height = round(picture.height * width / picture.width)
        picture = picture.resize((width, height), Pillow.Resampling.LANCZOS)
    as_png = _written(picture, "PNG", optimize=True)
    if len(as_png) <= MOST_BYTES:
        return Image(as_png, format="png")
    return Image(_written(picture, "JPEG", quality=85, optimize=True), format="jpeg")


def _written(picture: Pillow.Image, kind: str, **options: int) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


def _opened(path: Path) -> Pillow.Image:
    with Pillow.open(path) as picture:
        return picture.convert("RGB")


def _side_by_side(pictures: Sequence[Pillow.Image]) -> Pillow.Image:
    """Return one picture of several, all made as high as the lowest."""
    if len(pictures) == 1:
        return pictures[0]
    height = min(picture.height for picture in pictures)
    fitted = [
        picture.resize((round(picture.width * height / picture.height), height))
        for picture in pictures
    ]
    whole = Pillow.new("RGB", (sum(one.width for one in fitted), height), "white")
    left = 0
    for one in fitted:
        whole.paste(one, (left, 0))
        left += one.width
    return whole


def quietly() -> contextlib.redirect_stdout:
    """Keep what a program says to a terminal, such as how fast it is, off the page."""
    return contextlib.redirect_stdout(io.StringIO())
