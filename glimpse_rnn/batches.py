"""Batches to train on: shuffled, mirrored and jittered by seed, epoch and picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from PIL import Image

from datasets.keypoints import KeypointSet

_ORDER, _CHANGE, _NOISE = 0, 1, 2  # streams of random numbers of a seed and an epoch

SampleNoise = Callable[[int, np.random.Generator], np.ndarray]

_GREY = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in brightness."""

_BORDER = 0.95
"""Jitter keeps a keypoint that was farther inside than this so."""


@dataclass(frozen=True)
class Augmentation:
    """How pictures are varied from epoch to epoch.

    Attributes:
        flip: whether half of them are mirrored left to right.
        scale: by up to this factor minus one a picture is enlarged or reduced; 0.2 is
            from 1/1.2 to 1.2 times. What lies beyond the picture is black.
        stretch: the same for the height alone, on top of it.
        shift: by up to this share of half a canvas it is moved along each axis.
        colour: by up to this share brightness, contrast, saturation and the balance of
            red, green and blue change.
    """

    flip: bool = True
    scale: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    colour: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether more than mirroring happens to places."""
        return bool(self.scale or self.stretch or self.shift)


NONE = Augmentation(flip=False)
"""Every picture as it is."""


def augmented(
    canvas: np.ndarray,
    target: np.ndarray,
    changes: Augmentation,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Vary a picture, and its target with it.

    Args:
        canvas: uint8 (S, S, C), C is 1 or 3.
        target: float32 (4,), location and scale.
        changes: what to vary.
        rng: where the random numbers come from.

    Returns:
        uint8 (S, S, C) and float32 (4,) such that distances stay what they were.
    """
    if changes.flip and rng.random() < 0.5:
        canvas, target = mirrored(canvas, target)
    if changes.moves:
        canvas, target = windowed(canvas, target, *_window(target, changes, rng))
    if changes.colour:
        canvas = recoloured(canvas, changes.colour, rng)
    return canvas, target


def mirrored(canvas: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture with left and right exchanged, and its target."""
    return canvas[:, ::-1], target * np.array([1, -1, 1, 1], np.float32)


def _window(
    target: np.ndarray, changes: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw what part of the canvas to show: its middle and half its sides, (2,) each.

    The window moves no farther than the keypoint stays in it.
    """
    draws = rng.uniform(-1, 1, 4)
    half = np.exp(-np.log1p(changes.scale) * draws[0]) * np.ones(2)
    half[0] *= np.exp(-np.log1p(changes.stretch) * draws[1])
    middle = changes.shift * draws[2:]
    # In a large window the border is kept, or whatever distance there was before.
    reach = half * np.maximum(_BORDER, np.abs(target[:2]))
    return np.clip(middle, target[:2] - reach, target[:2] + reach), half


def windowed(
    canvas: np.ndarray, target: np.ndarray, middle: np.ndarray, half: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a part of a picture at the canvas' size, black beyond its edges.

    Args:
        canvas: uint8 (S, S, C), C is 1 or 3.
        target: float32 (4,).
        middle: float (2,), location of the part's middle.
        half: float (2,), half its height and width; 1 is as large as the canvas.

    Returns:
        uint8 (S, S, C) and float32 (4,).
    """
    side = canvas.shape[0]
    top, left = (middle - half + 1) / 2 * side
    bottom, right = (middle + half + 1) / 2 * side
    beyond = max(0.0, -top, -left, bottom - side, right - side)
    border = int(np.ceil(beyond))
    if border:
        canvas = np.pad(canvas, ((border, border), (border, border), (0, 0)))
    flat = canvas[..., 0] if canvas.shape[-1] == 1 else canvas
    shown = Image.fromarray(np.ascontiguousarray(flat)).resize(
        (side, side),
        Image.Resampling.BILINEAR,
        (left + border, top + border, right + border, bottom + border),
    )
    moved = np.concatenate([(target[:2] - middle) / half, target[2:] * half])
    shape = side, side, canvas.shape[-1]
    return np.asarray(shown).reshape(shape), moved.astype(np.float32)


def recoloured(
    canvas: np.ndarray, amount: float, rng: np.random.Generator
) -> np.ndarray:
    """Return a picture in another light, uint8 (S, S, C).

    Args:
        canvas: uint8 (S, S, C), C is 1 or 3.
        amount: as :attr:`Augmentation.colour`.
        rng: where the random numbers come from.
    """
    draws = rng.uniform(-amount, amount, 6)
    if canvas.shape[-1] == 1:
        levels = (np.arange(256) - 128) * (1 + draws[1]) + 128 * (1 + draws[0])
        return np.clip(np.rint(levels), 0, 255).astype(np.uint8)[canvas]
    grey = np.broadcast_to(_GREY, (3, 3))
    mixing = np.eye(3) * (1 + draws[2]) - grey * draws[2]
    mixing *= (1 + draws[1]) * (1 + draws[3:] / 2)[:, None]
    offset = np.full((3, 1), 128 * (draws[0] - draws[1]))
    matrix = np.concatenate([mixing, offset], 1).ravel().tolist()
    image = Image.fromarray(np.ascontiguousarray(canvas))
    return np.asarray(image.convert("RGB", matrix))


class KeypointBatches(keras.utils.PyDataset):
    """The batches of an epoch, for ``fit``; any of them can be had at any time.

    The order of the pictures depends on seed and epoch, what happens to a picture on
    seed, epoch and its place in the set: a run that was stopped sees the same again.
    Pictures that fill no batch at the epoch's end are left to other epochs, for every
    batch size is compiled anew.

    Args:
        pictures: the set.
        batch_size: pictures in a batch; a smaller set is one batch.
        seed: of all random numbers.
        augmentation: how pictures are varied.
        epoch: which one it is, from 0; see :meth:`start_epoch`.
        sample_noise: draws a model's noise, given the number of pictures and a
            generator. Batches then hold ``(canvases, noise)`` instead of canvases:
            noise is part of the data, the same on any number of devices.
        **workers: ``workers`` and what else Keras' ``PyDataset`` takes.

    Attributes:
        pictures: the set.
        epoch: which one it is.
    """

    def __init__(
        self,
        pictures: KeypointSet,
        batch_size: int,
        seed: int,
        augmentation: Augmentation = NONE,
        epoch: int = 0,
        sample_noise: SampleNoise | None = None,
        **workers,
    ):
        super().__init__(**workers)
        if not len(pictures):
            raise ValueError("the set is empty; expected a picture at least")
        self.pictures = pictures
        self._batch_size = min(batch_size, len(pictures))
        self._seed = seed
        self._augmentation = augmentation
        self._sample_noise = sample_noise
        self.start_epoch(epoch)

    def start_epoch(self, epoch: int) -> None:
        """Go on to an epoch, any one."""
        self.epoch = epoch
        rng = np.random.default_rng([self._seed, epoch, _ORDER])
        self._order = rng.permutation(len(self.pictures))
        self._first: dict[int, tuple[Any, np.ndarray]] = {}

    @property
    def images_per_epoch(self) -> int:
        """How many pictures an epoch's batches hold together."""
        return len(self) * self._batch_size

    def __len__(self) -> int:
        return len(self.pictures) // self._batch_size

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        """Return uint8 (n, S, S, C) canvases, or with noise, and (n, 4) targets."""
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        if index in self._first:
            return self._first.pop(index)
        batch = self._with_noise(index, *self._made(index))
        if index == 0:  # fit looks at it before it asks for all of them.
            self._first[index] = batch
        return batch

    def _with_noise(
        self, index: int, canvases: np.ndarray, targets: np.ndarray
    ) -> tuple[Any, np.ndarray]:
        if self._sample_noise is None:
            return canvases, targets
        rng = np.random.default_rng([self._seed, self.epoch, _NOISE, index])
        return (canvases, self._sample_noise(len(canvases), rng)), targets

    def indices(self, index: int) -> np.ndarray:
        """Return which of the set's pictures are in a batch, int64 (n,)."""
        return self._order[index * self._batch_size :][: self._batch_size]

    def _made(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.indices(index)
        canvases = self.pictures.canvases(chosen)
        targets = self.pictures.targets[chosen]
        if self._augmentation == NONE:
            return canvases, targets
        for place, picture in enumerate(chosen.tolist()):
            rng = np.random.default_rng([self._seed, self.epoch, _CHANGE, picture])
            canvas, target = canvases[place], targets[place]
            canvas, target = augmented(canvas, target, self._augmentation, rng)
            canvases[place] = canvas
            targets[place] = target
        return canvases, targets
