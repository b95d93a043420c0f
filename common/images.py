"""Image files into arrays: whatever the file holds, RGB comes out or one clear line."""

import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from common.boxes import Box
from common.errors import InputError, file_error

IMAGE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".gif",
    ".ppm",
    ".pgm",
    ".tif",
    ".tiff",
    ".webp",
)
"""Suffixes, in small letters, by which images are found in a folder."""

# Only these readers are let near a file: others of Pillow start programs (EPS).
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")

_MOST_PIXELS = 1 << 26
"""64 megapixels, 200 MB in RGB: more is a decompression bomb or a mistake."""

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What an EXIF orientation asks a viewer to do."""
_SWAPS_SIDES = {_UPRIGHT[number] for number in (5, 6, 7, 8)}

T = TypeVar("T")


def read_bytes(path: Path | str) -> bytes:
    """Return a file's bytes.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    path = Path(path)
    try:
        if path.is_file():
            return path.read_bytes()
        # A device or a pipe could block, or never end.
        reason = "is not a file" if path.exists() else "there is no such file"
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    raise file_error(path, reason)


def read_image(
    path: Path | str,
    annotated_size: tuple[int, int] | None = None,
    smallest: int = 1,
) -> np.ndarray:
    """Decode an image file.

    Grey, black-and-white, palette, CMYK and YCCK images become RGB; 16 bits a channel
    are scaled down to 8; transparent pixels are laid over white, as on paper; of an
    animation the first frame counts. An EXIF orientation is applied as viewers do, so
    that boxes drawn in a viewer fit, unless the annotation was made on the pixels as
    they are stored, which its size gives away.

    Args:
        path: a JPEG, PNG, BMP, GIF, PPM, TIFF or WebP file.
        annotated_size: (height, width) that the annotation states, in pixels. Where it
            fits the stored pixels only, the EXIF orientation is left alone.
        smallest: pixels that the image must have each way to be of use.

    Returns:
        uint8 (height, width, 3), RGB, 0 to 255; the caller's own to write to.

    Raises:
        InputError: the file is missing, empty, cut short, larger than 64 megapixels,
            no image or too small; one line that names it.
    """
    pixels = _with_decoder(path, lambda image: _decode(image, annotated_size))
    height, width, _ = pixels.shape
    if min(height, width) < smallest:
        raise too_small(path, height, width, smallest)
    return pixels


def too_small(path: Path | str, height: int, width: int, smallest: int) -> InputError:
    """Return the error for an image with fewer than ``smallest`` pixels each way."""
    return file_error(
        path,
        f"the image is {height} pixels high and {width} wide",
        f"at least {smallest} each way",
    )


def read_size(
    path: Path | str, annotated_size: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Return (height, width) that :func:`read_image` would give, from the header alone.

    Args:
        path: as for :func:`read_image`.
        annotated_size: as for :func:`read_image`.

    Raises:
        InputError: the file is missing, empty, larger than 64 megapixels or no image.
    """

    def size(image: Image.Image) -> tuple[int, int]:
        turns = _upright_method(image, annotated_size) in _SWAPS_SIDES
        return image.size if turns else image.size[::-1]

    return _with_decoder(path, size)


def pixels_of(image: Image.Image, name: str) -> np.ndarray:
    """Return the pixels of a Pillow image, as :func:`read_image` makes them of a file.

    Args:
        image: of any mode.
        name: what an error line calls it.

    Returns:
        uint8 (height, width, 3), RGB, 0 to 255; the caller's own to write to.

    Raises:
        InputError: the image's file is cut short, or it is larger than 64 megapixels.
    """
    with _decoding(name):
        _check_size(image)
        return _decode(image, None)


def _with_decoder(path: Path | str, use: Callable[[Image.Image], T]) -> T:
    """Open an image file and use it; every error becomes one line that names it."""
    data = read_bytes(path)
    if not data:
        raise file_error(path, "is empty", "an image")
    with _decoding(path), Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        _check_size(image)
        return use(image)


@contextmanager
def _decoding(name: Path | str) -> Iterator[None]:
    """Turn what decoders say into one line that names the image."""
    try:
        # Warnings about odd but readable files would drown the program's own lines.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError as error:
        raise file_error(name, str(error)) from None
    except UnidentifiedImageError:
        formats = f"one of {', '.join(_FORMATS)}"
        raise file_error(name, "is no image that can be read", formats) from None
    except Exception as error:  # a decoder meets a broken file with any error there is
        reason = str(error) or type(error).__name__
        raise file_error(name, f"cannot be decoded: {reason}", "an image") from None


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if width * height > _MOST_PIXELS:
        raise InputError(
            f"has {width} x {height} pixels; expected at most {_MOST_PIXELS}"
        )


def _decode(image: Image.Image, annotated_size: tuple[int, int] | None) -> np.ndarray:
    """Return the pixels of an opened image; errors are the decoder's own."""
    image.load()
    method = _upright_method(image, annotated_size)
    upright = image if method is None else image.transpose(method)
    return np.array(_as_rgb(upright), np.uint8)


def _upright_method(
    image: Image.Image, annotated_size: tuple[int, int] | None
) -> Image.Transpose | None:
    """Return what EXIF asks for, unless the annotation was made without it."""
    try:
        method = _UPRIGHT.get(image.getexif().get(_ORIENTATION_TAG, 0))
    except Exception:  # damaged EXIF data says nothing about the pixels
        return None
    stored = image.size[::-1]
    upright = image.size if method in _SWAPS_SIDES else stored
    return None if annotated_size == stored != upright else method


def _as_rgb(image: Image.Image) -> Image.Image:
    """Convert any of Pillow's modes to RGB."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        # Pillow would clip at 255 instead of scaling: all but the darkest turn white.
        wide = np.clip(np.asarray(image, np.int64), 0, 65535)
        image = Image.fromarray(((wide + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image)
    return image.convert("RGB")


def find_images(paths: Iterable[Path | str]) -> list[Path]:
    """Return the image files that a user names one by one or by their folder.

    Args:
        paths: files, taken as they are whatever they are called, and folders, searched
            with their subfolders for :data:`IMAGE_SUFFIXES`; hidden ones are left out.

    Returns:
        The files in the order given, those of a folder sorted; none of them twice.

    Raises:
        InputError: a path does not exist, or a folder holds no image.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        found.update(dict.fromkeys(_images_at(path)))
    return list(found)


def _images_at(path: Path) -> list[Path]:
    """Return the file itself, or a folder's images."""
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise file_error(path, "there is no such file or folder")
        return [path]
    images = sorted(
        Path(folder, name)
        for folder, name in _visible_files(path)
        if name.lower().endswith(IMAGE_SUFFIXES)
    )
    if not images:
        suffixes = ", ".join(IMAGE_SUFFIXES)
        raise file_error(
            path, "the folder holds no image", f"files ending in {suffixes}"
        )
    return images


def _visible_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (folder, name) of all files below that are not hidden."""

    def refuse(error: OSError) -> None:
        raise file_error(error.filename, f"cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from ((parent, name) for name in names if not name.startswith("."))


def outline(canvas: np.ndarray, box: Box, colour: tuple[int, int, int]) -> None:
    """Draw a box's border, just inside of it, onto uint8 (height, width, 3)."""
    ymin, xmin, ymax, xmax = box
    thickness = 1 + min(canvas.shape[:2]) // 150
    inner = canvas[
        ymin + thickness : max(ymax - thickness, 0),
        xmin + thickness : max(xmax - thickness, 0),
    ]
    inside = inner.copy()
    canvas[ymin:ymax, xmin:xmax] = colour
    inner[:] = inside
