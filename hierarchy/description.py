"""The seam between searches and a detector: regions in, descriptors out."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

import keras
import numpy as np

from common.device_arrays import Array, bytes_of, copy_of, library_of
from hierarchy.config import SharedSettings
from hierarchy.history import HISTORY_SIZE
from hierarchy.pictures import Picture
from hierarchy.quirks import Quirks
from hierarchy.regions import Region
from hierarchy.search import Search
from weights.vgg16 import VGG_MEAN_BGR, load_vgg16, preprocess

DESCRIPTOR_SIZE = 7 * 7 * 512
STATE_SIZE = DESCRIPTOR_SIZE + HISTORY_SIZE


class Describer(Protocol):
    """What a detector is to the search.

    Descriptors are NumPy's arrays, or all on the device, where states follow them.
    """

    def describe(self, pictures: Sequence[Picture], regions: Sequence[Region]) -> Array:
        """Return float32 (n, 25088): the 7×7×512 descriptor of each region.

        Args:
            pictures: that which each region is of, as many as there are regions.
            regions: n of them.
        """
        ...


Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Arrays, or sets of arrays, by key; the least recently used given up first.

    Args:
        capacity: bytes held at most.
        size_of: returns the bytes that a value takes.

    Attributes:
        capacity: as given.
        hits, misses: how often a key was there, and was not.
    """

    def __init__(
        self, capacity: int, size_of: Callable[[Value], int] = attrgetter("nbytes")
    ):
        self.capacity = capacity
        self._size_of = size_of
        self.hits = self.misses = 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0

    def find(self, key: Hashable) -> Value | None:
        """Return what is under ``key``, None where nothing is."""
        if key not in self._values:
            self.misses += 1
            return None
        self.hits += 1
        self._values.move_to_end(key)
        return self._values[key]

    def keep(self, key: Hashable, value: Value) -> None:
        """Put something under a key that has nothing, if there is room at all."""
        size = self._size_of(value)
        if size <= self.capacity:
            self._values[key] = value
            self._bytes += size
        while self._bytes > self.capacity:
            self._bytes -= self._size_of(self._values.popitem(last=False)[1])

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return what is under ``key``, made now if it is not there."""
        value = self.find(key)
        if value is None:
            value = make()
            self.keep(key, value)
        return value


class CachedDescriber:
    """A describer that describes no region of the same pixels twice.

    Regions that are new are described together. How many those are may show in the last
    bits of a descriptor; where searches run one by one it is always one, and so a
    descriptor is the same number for number whether it was remembered.

    Args:
        describer: what describes regions not seen before.
        capacity: bytes of descriptors remembered at most.
    """

    def __init__(self, describer: Describer, capacity: int):
        self._describer = describer
        self.cache: Cache[Array] = Cache(capacity, bytes_of)

    def describe(self, pictures: Sequence[Picture], regions: Sequence[Region]) -> Array:
        """Return float32 (n, 25088): the descriptor of each region."""
        views = {
            (picture.key, region.crop): (picture, region)
            for picture, region in zip(pictures, regions, strict=True)
        }
        found = {key: self.cache.find(key) for key in views}
        new = [key for key, descriptor in found.items() if descriptor is None]
        if new:
            made = self._describer.describe(
                [views[key][0] for key in new], [views[key][1] for key in new]
            )
            for key, descriptor in zip(new, made, strict=True):
                # A copy: a row of a batch would keep the whole batch in memory.
                found[key] = copy_of(descriptor)
                self.cache.keep(key, found[key])
        keys = zip((picture.key for picture in pictures), regions, strict=True)
        rows = [found[key, region.crop] for key, region in keys]
        return library_of(rows[0]).stack(rows)


def get_state(
    picture: Picture, region: Region, history_vector: np.ndarray, describer: Describer
) -> Array:
    """Return what the Q-network sees: descriptor, then history (paper, section 3.2).

    Args:
        picture: the image searched.
        region: where the search looks.
        history_vector: (24,) float32.
        describer: the detector's.

    Returns:
        (25112,) float32, where the descriptors are.
    """
    descriptors = describer.describe([picture], [region])
    return _states(descriptors, history_vector[None])[0]


def get_states(searches: Sequence[Search], describer: Describer) -> list[Array]:
    """Return what the Q-network sees of where searches stand, described together.

    Args:
        searches: n of them, of any pictures.
        describer: the detector's.

    Returns:
        n arrays, (25112,) float32, each as :func:`get_state` makes it, where the
        descriptors are.
    """
    if not searches:
        return []
    descriptors = describer.describe(
        [search.picture for search in searches], [search.region for search in searches]
    )
    histories = np.stack([search.state.history for search in searches])
    return list(_states(descriptors, histories))


def _states(descriptors: Array, histories: np.ndarray) -> Array:
    """Return float32 (n, 25112), where the descriptors are."""
    parts = [descriptors, histories.astype(np.float32)]
    return library_of(descriptors).concatenate(parts, axis=1)


def load_trunk(
    settings: SharedSettings, taps: Sequence[str] = ("block5_pool",)
) -> keras.Model:
    """Return VGG-16 with the settings' weights, ready to describe.

    Args:
        settings: their ``path_vgg`` names the file, their ``trunk_dtype`` what it
            computes in and puts out.
        taps: layers to put out, as :func:`weights.vgg16.build_vgg16` takes them.

    Raises:
        InputError: ``path_vgg`` cannot be used.
    """
    trunk = load_vgg16(settings.path_vgg, taps, dtype=settings.descriptor_dtype)
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
