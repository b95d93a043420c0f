"""Digits at random places, and the files that MNIST comes in.

The task of the paper's section 3.1: a digit of 28×28 pixels lies anywhere on an empty
canvas; the point to find is the centroid of its intensities, distances are divided
by 28. Which digit it is does not matter.
"""

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from common.errors import InputError, file_error
from common.images import read_bytes
from datasets.keypoints import with_scales

SIDE = 28
"""Of a digit in pixels, and what distances are divided by."""

_IDX = {"train": "train-images-idx3-ubyte", "test": "t10k-images-idx3-ubyte"}
_NPZ = {"train": "x_train", "test": "x_test"}


class DigitSource:
    """Digits, each at a place of its own that the seed decides.

    Args:
        digits: uint8 (n, 28, 28), 0 is background.
        side: of the canvases in pixels.
        seed: of the places.
        name: what the digits are called, before their number.

    Raises:
        InputError: the canvas is smaller than a digit, or a digit is empty.
    """

    def __init__(self, digits: np.ndarray, side: int, seed: int, name: str = "digit"):
        if side < SIDE:
            raise InputError(f"image_size: {side}; expected {SIDE} or more")
        self._digits = digits
        rng = np.random.default_rng(seed)
        self._corners = rng.integers(0, side - SIDE + 1, (len(digits), 2))
        self.canvas_shape = (side, side, 1)
        self.names = [f"{name} {number}" for number in range(len(digits))]
        self.sizes = np.full((len(digits), 2), side, np.int64)
        points = centroids(digits, name) + self._corners
        normalisers = np.full(len(digits), float(SIDE))
        self.targets = with_scales(points, self.sizes, normalisers)

    def canvas(self, number: int) -> np.ndarray:
        """Return uint8 (S, S, 1)."""
        canvas = np.zeros(self.canvas_shape, np.uint8)
        row, column = self._corners[number]
        canvas[row : row + SIDE, column : column + SIDE, 0] = self._digits[number]
        return canvas

    def picture(self, number: int) -> np.ndarray:
        """Return uint8 (S, S, 3)."""
        return np.repeat(self.canvas(number), 3, 2)


def centroids(digits: np.ndarray, name: str = "digit") -> np.ndarray:
    """Return the centroids of intensities, float64 (n, 2), as rows and columns.

    0 is the upper left corner; the middle of pixel k lies at k + 0.5.

    Args:
        digits: uint8 (n, height, width).
        name: what the digits are called, for the error.

    Raises:
        InputError: a digit has no pixel above 0.
    """
    rows = digits.sum(2, dtype=np.int64)
    columns = digits.sum(1, dtype=np.int64)
    totals = rows.sum(1)
    if not totals.all():
        raise InputError(f"{name} {int(np.argmin(totals))} is empty; expected pixels")
    down, across = (np.arange(side.shape[1]) + 0.5 for side in (rows, columns))
    return np.stack([rows @ down, columns @ across], 1) / totals[:, None]


# --- files ---------------------------------------------------------------------------


def read_digits(path: Path | str, split: str) -> np.ndarray:
    """Read MNIST's images, or others of its format.

    Args:
        path: a folder that holds ``train-images-idx3-ubyte`` and
            ``t10k-images-idx3-ubyte``, with or without ``.gz`` and with ``.`` or ``-``
            before ``idx3``, or ``mnist.npz``; or one such file.
        split: ``train`` or ``test``; an idx file of one's own is taken for both.

    Returns:
        uint8 (n, 28, 28).

    Raises:
        InputError: there is no such file or it holds something else.
    """
    path = _digits_file(Path(path), split)
    is_npz = path.suffix.lower() == ".npz"
    digits = _from_npz(path, _NPZ[split]) if is_npz else read_idx(path)
    if digits.dtype != np.uint8 or digits.shape[1:] != (SIDE, SIDE) or not len(digits):
        what = f"holds {digits.dtype} {digits.shape}"
        raise file_error(path, what, f"uint8 (n, {SIDE}, {SIDE})")
    return digits


def _digits_file(path: Path, split: str) -> Path:
    if not path.is_dir():
        return path
    stem = _IDX[split]
    stems = stem, stem.replace("-idx3", ".idx3")
    names = [name + suffix for name in stems for suffix in ("", ".gz")] + ["mnist.npz"]
    for name in names:
        if (path / name).is_file():
            return path / name
    raise file_error(path, "holds no MNIST images", f"{stem}, {stem}.gz or mnist.npz")


def read_idx(path: Path | str) -> np.ndarray:
    """Read an idx file of bytes, packed with gzip or not.

    Returns:
        uint8, of the shape that the file states.

    Raises:
        InputError: it is missing, cut short, too long or no such file.
    """
    data = read_bytes(path)
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise file_error(path, f"cannot be unpacked: {error}", "gzip") from None
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise file_error(path, "is no idx file of bytes", "it to begin with 0 0 8")
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise file_error(path, "ends within its header", f"{start} bytes and pixels")
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    expected = start + int(np.prod(shape, dtype=object))
    if len(data) != expected:
        raise file_error(path, f"has {len(data)} bytes", f"{expected} for {shape}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _from_npz(path: Path, key: str) -> np.ndarray:
    data = read_bytes(path)
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return arrays[key]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise file_error(path, f"cannot be read: {reason}", f"{key} in it") from None
