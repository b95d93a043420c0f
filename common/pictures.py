"""Pictures as Python programs hand them over: files, Pillow images or arrays."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.errors import (
    SKIP_HINT,
    BadPicture,
    InputError,
    file_error,
    several_errors,
)
from common.images import pixels_of, read_image, read_size, too_small

Picture = str | os.PathLike[str] | Image.Image | np.ndarray
"""A file's path, a Pillow image of any mode, or uint8 (height, width, 3) RGB."""

_KINDS = "a file's path, a Pillow image or a uint8 array (height, width, 3) in RGB"


def is_picture(value: Any) -> bool:
    """Return whether something is meant as one picture, not as several."""
    single = str | bytes | os.PathLike | Image.Image
    return isinstance(value, single) or hasattr(value, "__array__")


def open_pictures(
    pictures: Iterable[Picture], smallest: int = 1, skipped: list[str] | None = None
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the names and the pixels of pictures, in their order.

    A file is called as its path is, anything else by its number, ``picture 0``.

    Args:
        pictures: opened one by one.
        smallest: pixels that each must have each way.
        skipped: takes a line for each that cannot be used, which is then left out.

    Yields:
        A name, and uint8 (height, width, 3) RGB, 0 to 255, that nobody else writes to.

    Raises:
        BadPicture: one cannot be used, and ``skipped`` is left out.
    """
    for number, picture in enumerate(pictures):
        is_path = isinstance(picture, str | os.PathLike)
        name = str(picture) if is_path else f"picture {number}"
        try:
            pixels = _pixels(picture, name)
            height, width, _ = pixels.shape
            if min(height, width) < smallest:
                raise too_small(name, height, width, smallest)
        except InputError as error:
            if skipped is None:
                raise BadPicture(str(error)) from error
            skipped.append(str(error))
        else:
            yield name, pixels


def check_headers(paths: Sequence[Path], smallest: int = 1) -> None:
    """Refuse pictures whose headers say that they cannot be used, all at once.

    Args:
        paths: of the pictures; nothing is decoded.
        smallest: pixels that each must have each way.

    Raises:
        InputError: some cannot be used; lists them.
    """
    bad = []
    for path in paths:
        try:
            height, width = read_size(path)
            if min(height, width) < smallest:
                raise too_small(path, height, width, smallest)
        except InputError as error:
            bad.append(str(error))
    if bad:
        raise several_errors("images", bad, SKIP_HINT)


@contextmanager
def with_skip_hint() -> Iterator[None]:
    """Have the line for a bad picture name the flag that goes on without it."""
    try:
        yield
    except BadPicture as error:
        raise several_errors("images", [str(error)], SKIP_HINT) from None


def _pixels(picture: Any, name: str) -> np.ndarray:
    if isinstance(picture, str | os.PathLike):
        picture = Path(picture)
        if picture.is_dir():
            raise file_error(
                name, "is a folder", "a picture; common.images.find_images lists them"
            )
        return read_image(picture)
    if isinstance(picture, Image.Image):
        return pixels_of(picture, name)
    if not hasattr(picture, "__array__"):
        raise file_error(name, f"is a {type(picture).__name__}", _KINDS)
    array = np.asarray(picture)
    if fault := _fault_of(array):
        raise file_error(name, f"{array.dtype} {array.shape} {fault}", _KINDS)
    return array.copy()


def _fault_of(array: np.ndarray) -> str:
    """Say why an array is no picture, and what would make it one; empty if it is."""
    if array.ndim == 4:
        return "holds several pictures: list(array) hands them over one by one"
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] == 1):
        return "is grey: numpy.dstack([array] * 3) has three channels"
    if array.ndim == 3 and array.shape[-1] == 4:
        return "has four channels: array[..., :3] leaves out the last"
    if array.ndim == 3 and array.shape[0] == 3 != array.shape[-1]:
        return "has its channels first: numpy.moveaxis(array, 0, -1) has them last"
    if array.ndim != 3 or array.shape[-1] != 3:
        return "has other axes"
    if not array.size:
        return "is empty"
    if array.dtype != np.uint8:
        return "is not uint8: array.astype('uint8') is, once its range is 0 to 255"
    return ""
