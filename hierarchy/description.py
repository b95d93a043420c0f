"""The seam between the search and a detector: regions in, descriptors out."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Protocol

import numpy as np

from hierarchy.history import HISTORY_SIZE
from hierarchy.pictures import Picture
from hierarchy.quirks import Quirks
from hierarchy.regions import Region
from weights.vgg16 import VGG_MEAN_BGR, preprocess

DESCRIPTOR_SIZE = 7 * 7 * 512
STATE_SIZE = DESCRIPTOR_SIZE + HISTORY_SIZE


class Describer(Protocol):
    """What a detector is to the search."""

    def describe(self, picture: Picture, regions: Sequence[Region]) -> np.ndarray:
        """Return float32 (n, 25088): the 7×7×512 descriptor of each region."""
        ...


class Cache:
    """Arrays by key, the least recently used given up first.

    Attributes:
        capacity: bytes of arrays held at most.
        hits, misses: how often a key was there, and was not.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.hits = self.misses = 0
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._bytes = 0

    def get(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the array under ``key``, made now if it is not there."""
        if key in self._arrays:
            self.hits += 1
            self._arrays.move_to_end(key)
            return self._arrays[key]
        self.misses += 1
        array = make()
        if array.nbytes <= self.capacity:
            self._arrays[key] = array
            self._bytes += array.nbytes
        while self._bytes > self.capacity:
            self._bytes -= self._arrays.popitem(last=False)[1].nbytes
        return array


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
        self.cache = Cache(capacity)

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
