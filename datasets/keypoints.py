"""Images with one keypoint each, squashed to a square canvas and decoded as needed.

Locations are (row, column) in [-1, 1] over the canvas: the middle of pixel k, counted
from 0, of an image of side s lies at (k + 0.5) / s * 2 - 1, whatever the canvas' size.
A target goes with its scale, so that the normalised distance (paper, section 3) is

    Δ = sqrt(sum(((prediction - target) * scale) ** 2))

that is, pixels of the original image over the normaliser.
"""

import threading
from collections.abc import Sequence
from typing import Protocol, overload

import numpy as np
from PIL import Image

from common.errors import SKIP_HINT, InputError, counted, several_errors
from common.images import read_image
from datasets.keypoint_rows import Keypoint
from datasets.pictures import unreadable


class Source(Protocol):
    """Where a set's pictures come from."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the pictures."""

    @property
    def targets(self) -> np.ndarray:
        """float32 (n, 4)."""

    @property
    def sizes(self) -> np.ndarray:
        """int64 (n, 2), height and width of the pictures in pixels."""

    @property
    def canvas_shape(self) -> tuple[int, int, int]:
        """(S, S, C)."""

    def canvas(self, number: int) -> np.ndarray:
        """Return uint8 (S, S, C)."""

    def picture(self, number: int) -> np.ndarray:
        """Return uint8 (height, width, 3) RGB in the picture's own proportions."""


class KeypointSet(Sequence):
    """Pictures and keypoints, in an order; parts of a set share its cache.

    Item i is (uint8 (S, S, C) canvas, float32 (4,) target): target row, target column,
    scale of rows, scale of columns. A slice is a set, as :meth:`subset` gives it.

    Args:
        source: of the pictures.
        numbers: int (n,), which of the source's pictures there are; all if left out.
        title: which images they are, for people, behind how many.
        notes: what else there is to say about it, a line each.
        skipped: a line about each row that was left out as bad.

    Attributes:
        held_out: names of images that are left to the test, by folder of the set, where
            it has no splits of its own.
        targets: float32 (n, 4).
        names: of the pictures.
        sizes: int64 (n, 2), height and width of the pictures in pixels.
    """

    def __init__(
        self,
        source: Source,
        numbers: np.ndarray | None = None,
        title: str = "",
        notes: Sequence[str] = (),
        skipped: Sequence[str] = (),
    ):
        self.held_out: dict[str, list[str]] = {}
        self._source = source
        every = np.arange(len(source.targets)) if numbers is None else numbers
        self._numbers = np.asarray(every, np.int64)
        self.title, self.notes, self.skipped = title, tuple(notes), tuple(skipped)
        self.targets = source.targets[self._numbers]
        self.sizes = source.sizes[self._numbers]
        self.names = [source.names[number] for number in self._numbers]

    @property
    def canvas_shape(self) -> tuple[int, int, int]:
        """(S, S, C)."""
        return self._source.canvas_shape

    @property
    def described(self) -> str:
        """How many images of which kind and part of a set they are, for people."""
        return f"{counted(len(self), 'image')} {self.title}"

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]: ...

    @overload
    def __getitem__(self, index: slice) -> "KeypointSet": ...

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.subset(range(len(self))[index])
        return self._source.canvas(int(self._numbers[index])), self.targets[index]

    def canvases(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the canvases of some pictures, uint8 (k, S, S, C), for writing to."""
        batch = np.empty((len(indices), *self.canvas_shape), np.uint8)
        for place, number in enumerate(self._numbers[np.asarray(indices, np.int64)]):
            batch[place] = self._source.canvas(int(number))
        return batch

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all of it at once: uint8 (n, S, S, C) and float32 (n, 4)."""
        return self.canvases(range(len(self))), self.targets

    def picture(self, index: int) -> np.ndarray:
        """Return a picture to look at, uint8 (height, width, 3), not squashed."""
        return self._source.picture(int(self._numbers[index]))

    def subset(self, indices: Sequence[int] | np.ndarray) -> "KeypointSet":
        """Return some of the pictures, in the order given."""
        numbers = self._numbers[np.asarray(indices, np.int64)]
        return KeypointSet(self._source, numbers, self.title, self.notes, self.skipped)

    def split_validation(
        self, share: float, generator: np.random.Generator
    ) -> tuple["KeypointSet", "KeypointSet"]:
        """Return a part to train on and one to choose by, at random.

        Args:
            share: of the set that the second part gets, 0 to 1, rounded to a number of
                pictures; at least one is left to train on.
            generator: of the permutation.

        Raises:
            ValueError: ``share`` is not in [0, 1].
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share: {share}; expected 0 to 1")
        held_out = min(round(share * len(self)), len(self) - 1)
        order = generator.permutation(len(self))
        return (
            self.subset(np.sort(order[held_out:])),
            self.subset(np.sort(order[:held_out])),
        )


def locations(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return float64 (n, 2) locations in [-1, 1].

    Args:
        points: float (n, 2), rows and columns in pixels from the upper left corner, the
            middle of pixel k at k + 0.5.
        sizes: (n, 2), heights and widths in pixels.
    """
    return np.asarray(points, float) / sizes * 2 - 1


def with_scales(
    points: np.ndarray, sizes: np.ndarray, normalisers: np.ndarray
) -> np.ndarray:
    """Return targets with their scales, float32 (n, 4).

    Args:
        points: as for :func:`locations`.
        sizes: as for :func:`locations`.
        normalisers: float (n,), lengths in pixels.
    """
    scales = np.asarray(sizes, float) / 2 / np.asarray(normalisers, float)[:, None]
    return np.concatenate([locations(points, sizes), scales], 1).astype(np.float32)


def squash(picture: np.ndarray, side: int, channels: int = 3) -> np.ndarray:
    """Return a picture on a square canvas, its proportions given up.

    Args:
        picture: uint8 (height, width, 3).
        side: of the canvas in pixels.
        channels: of the canvas, 3 or 1, brightness alone.

    Returns:
        uint8 (side, side, channels), each pixel an average of those that it stands for.
    """
    image = Image.fromarray(picture)
    small = image.resize((side, side), Image.Resampling.BILINEAR)
    small = small.convert("L") if channels == 1 else small
    return np.asarray(small).reshape(side, side, channels)


class FileSource:
    """Pictures in files; canvases stay in memory until ``cache_bytes`` are used up.

    Those that are kept are kept to the end: where every epoch has its own order, no
    rule of what to throw out finds more of what comes next.

    Args:
        keypoints: one a picture.
        side: of the canvases in pixels.
        cache_bytes: how much memory canvases may take up.
    """

    def __init__(self, keypoints: Sequence[Keypoint], side: int, cache_bytes: int):
        self._keypoints = keypoints
        self._side = side
        self._capacity = cache_bytes // (3 * side * side)
        self._kept: dict[int, np.ndarray] = {}
        self._lock = threading.Lock()
        self.canvas_shape = (side, side, 3)
        self.names = [keypoint.name for keypoint in keypoints]
        self.sizes = np.array([keypoint.size for keypoint in keypoints], np.int64)
        self.sizes = self.sizes.reshape(-1, 2)
        points = np.array([[keypoint.row, keypoint.column] for keypoint in keypoints])
        self.targets = with_scales(
            points.reshape(-1, 2),
            self.sizes,
            np.array([keypoint.normaliser for keypoint in keypoints]),
        )

    @property
    def kept_bytes(self) -> int:
        """How much memory the canvases take up."""
        return sum(canvas.nbytes for canvas in self._kept.values())

    def canvas(self, number: int) -> np.ndarray:
        """Return uint8 (S, S, 3), not for writing to.

        Raises:
            InputError: the file cannot be decoded. All others are decoded then, so that
                the error lists every one that cannot be.
        """
        try:
            return self._decoded(number)
        except InputError as error:
            others = {n: line for n, line in self.problems().items() if n != number}
            bad = [str(error), *others.values()]
            raise several_errors("images", bad, SKIP_HINT) from None

    def problems(self) -> dict[int, str]:
        """Return why pictures cannot be decoded, by their numbers, having tried all."""
        return unreadable(self._decoded, range(len(self.names)))

    def _decoded(self, number: int) -> np.ndarray:
        canvas = self._kept.get(number)
        if canvas is None:
            canvas = squash(self.picture(number), self._side)
            canvas.flags.writeable = False
            with self._lock:
                if len(self._kept) < self._capacity:
                    self._kept[number] = canvas
        return canvas

    def picture(self, number: int) -> np.ndarray:
        """Return uint8 (height, width, 3) RGB as it is in its file.

        Raises:
            InputError: the file cannot be decoded.
        """
        keypoint = self._keypoints[number]
        return read_image(keypoint.path, keypoint.size)
