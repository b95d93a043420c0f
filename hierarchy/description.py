"""The seam between the search and a detector: regions in, descriptors out."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, Protocol, TypeVar

import keras
import numpy as np

from hierarchy.config import SharedSettings
from hierarchy.history import HISTORY_SIZE
from hierarchy.pictures import Picture
from hierarchy.quirks import Quirks
from hierarchy.regions import Region
from weights.vgg16 import VGG_MEAN_BGR, load_vgg16, preprocess

DESCRIPTOR_SIZE = 7 * 7 * 512
STATE_SIZE = DESCRIPTOR_SIZE + HISTORY_SIZE


class Describer(Protocol):
    """What a detector is to the search."""

    def describe(self, picture: Picture, regions: Sequence[Region]) -> np.ndarray:
        """Return float32 (n, 25088): the 7×7×512 descriptor of each region."""
        ...


class Sized(Protocol):
    """What knows how much memory it takes, such as an array."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""


Value = TypeVar("Value", bound=Sized)


class Cache(Generic[Value]):
    """Arrays, or sets of arrays, by key; the least recently used given up first.

    Attributes:
        capacity: bytes held at most.
        hits, misses: how often a key was there, and was not.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.hits = self.misses = 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return what is under ``key``, made now if it is not there."""
        if key in self._values:
            self.hits += 1
            self._values.move_to_end(key)
            return self._values[key]
        self.misses += 1
        value = make()
        if value.nbytes <= self.capacity:
            self._values[key] = value
            self._bytes += value.nbytes
        while self._bytes > self.capacity:
            self._bytes -= self._values.popitem(last=False)[1].nbytes
        return value


class CachedDescriber:
    """A describer that describes no region of the same pixels twice.

    Each region is described by itself, never in a batch whose size would show in the
    last bits: a descriptor is the same number for number whether it was remembered.

    Args:
        describer: what describes regions not seen before.
        capacity: bytes of descriptors remembered at most.
    """

    def __init__(self, describer: Describer, capacity: int):
        self._describer = describer
        self.cache: Cache[np.ndarray] = Cache(capacity)

    def describe(self, picture: Picture, regions: Sequence[Region]) -> np.ndarray:
        """Return float32 (n, 25088): the descriptor of each region."""
        return np.stack([self._describe_one(picture, region) for region in regions])

    def _describe_one(self, picture: Picture, region: Region) -> np.ndarray:
        return self.cache.get(
            (picture.key, region.crop),
            lambda: self._describer.describe(picture, [region])[0],
        )


def get_state(
    picture: Picture, region: Region, history_vector: np.ndarray, describer: Describer
) -> np.ndarray:
    """Return what the Q-network sees: descriptor, then history (paper, section 3.2).

    Args:
        picture: the image searched.
        region: where the search looks.
        history_vector: (24,) float32.
        describer: the detector's.

    Returns:
        (25112,) float32.
    """
    descriptor = describer.describe(picture, [region])[0]
    return np.concatenate([descriptor, history_vector], dtype=np.float32)


def load_trunk(
    settings: SharedSettings, taps: Sequence[str] = ("block5_pool",)
) -> keras.Model:
    """Return VGG-16 with the settings' weights, ready to describe.

    Args:
        settings: their ``path_vgg`` names the file.
        taps: layers to put out, as :func:`weights.vgg16.build_vgg16` takes them.

    Raises:
        InputError: ``path_vgg`` cannot be used.
    """
    trunk = load_vgg16(settings.path_vgg, taps)
    # Measured on a CPU: one image takes as long or longer through XLA, which besides
    # would compile anew for every size of image.
    trunk.compile(jit_compile=False)
    return trunk


def vgg_input(pixels: np.ndarray, quirks: Quirks = Quirks()) -> np.ndarray:
    """Turn an image into what VGG-16 takes.

    Source: FIDELITY.md row channel_order.

    Args:
        pixels: uint8 (height, width, 3) RGB.
        quirks: the published differences to follow.

    Returns:
        float32 (height, width, 3): BGR minus the VGG means.
    """
    if not quirks.channel_order:
        return preprocess(pixels)
    upside_down = pixels[::-1].astype(np.float32)
    for row, mean in enumerate(VGG_MEAN_BGR):
        upside_down[row] -= mean
    return upside_down
