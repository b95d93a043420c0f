"""The seam between searches and a detector: regions in, features out.

A detector is a :class:`FeatureExtractor` and the two programs that name it; see
``docs/extending.md``.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import numpy as np

from common.device_arrays import Array, array_namespace, copy_of, nbytes
from hierarchy.images import MEAN_RGB, SearchImage
from hierarchy.regions import Region


class FeatureExtractor:
    """What a detector is to the search: it makes features of regions.

    Features are NumPy's arrays, or all on the device, where states follow them.

    Attributes:
        size: numbers in the features of a region.
        fingerprint: what tells these features from any others, ready for JSON. A model
            goes on, and is tested, with the features that it was trained with.
        may_differ: names in the fingerprint in which a test may differ from training;
            it is said.
        smallest_image: pixels each way that an image must have.
        fill_colour: RGB in 0 … 255 that found objects are masked with.
        mirror: int (size,), which features of a region are, nearly, those of the
            mirrored region; None where that is not known.
    """

    size: int
    fingerprint: dict[str, Any]
    may_differ: tuple[str, ...] = ()
    smallest_image: int = 1
    fill_colour: tuple[int, int, int] = MEAN_RGB
    mirror: np.ndarray | None = None

    def __call__(
        self, images: Sequence[SearchImage], regions: Sequence[Region]
    ) -> Array:
        """Return float32 (n, size): the features of each region.

        Args:
            images: that which each region is of, n of them.
            regions: n of them, at least one.
        """
        raise NotImplementedError


MakeFeatures = Callable[[Any], FeatureExtractor]
"""Makes a detector's features by its settings, for ``train`` and ``test``."""

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


class CachedFeatures(FeatureExtractor):
    """Features that are extracted once from regions of the same pixels.

    Regions that are new are passed on together. How many those are may show in the last
    bits of a feature. Where searches run one by one it is always one, and so features
    are the same number for number whether they were cached.

    Args:
        extract: what makes features of regions not seen before.
        capacity: bytes of features cached at most.
    """

    def __init__(self, extract: FeatureExtractor, capacity: int):
        self._extract = extract
        self.size, self.fingerprint = extract.size, extract.fingerprint
        self.smallest_image = extract.smallest_image
        self.fill_colour, self.mirror = extract.fill_colour, extract.mirror
        self.may_differ = extract.may_differ
        self.cache: Cache[Array] = Cache(capacity, nbytes)

    def __call__(
        self, images: Sequence[SearchImage], regions: Sequence[Region]
    ) -> Array:
        """Return float32 (n, size): the features of each region."""
        views = {
            (image.key, region.crop): (image, region)
            for image, region in zip(images, regions, strict=True)
        }
        found = {key: self.cache.find(key) for key in views}
        new = [key for key, features in found.items() if features is None]
        if new:
            made = self._extract(
                [views[key][0] for key in new], [views[key][1] for key in new]
            )
            for key, features in zip(new, made, strict=True):
                # A copy: a row of a batch would keep the whole batch in memory.
                found[key] = copy_of(features)
                self.cache.keep(key, found[key])
        keys = zip((image.key for image in images), regions, strict=True)
        rows = [found[key, region.crop] for key, region in keys]
        return array_namespace(rows[0]).stack(rows)
