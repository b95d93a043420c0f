"""All searches of a data set at once: what the hierarchy reaches, what chance does.

The policies of :mod:`hierarchy.policies` search one image after the other. Here the
same regions, out of the same :func:`hierarchy.regions.zoom`, are held as arrays over
images, so that whole trees of a whole data set take seconds. Tests hold both equal.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hierarchy.quirks import Quirks
from hierarchy.regions import ACTIONS, MOVES, Box, Region, zoom
from hierarchy.rewards import IOU_THRESHOLD
from hierarchy.search import SearchRules

_AT_ONCE = 64  # images whose trees are grown together, to bound the memory


@dataclass(frozen=True)
class Scene:
    """What there is to find in one image.

    Attributes:
        size: (height, width) of the image in pixels.
        boxes: (ymin, xmin, ymax, xmax) of the objects, half-open, in pixels; at least
            one. Finding any of them is a find.
    """

    size: tuple[int, int]
    boxes: tuple[Box, ...]


def greedy_ious(
    scenes: Sequence[Scene], rules: SearchRules, first_better: bool = False
) -> np.ndarray:
    """Return how good the region is that a greedy search stands at, move by move.

    Args:
        scenes: what is searched.
        rules: how; with ``number_of_steps`` n there are n − 1 moves, the last step
            being the trigger, as in :class:`hierarchy.policies.UpperBoundPolicy`.
        first_better: move to the first subregion that is better than the region,
            instead of to the best one.

    Returns:
        float64 (scenes, n): largest IoU with an object after 0 … n − 1 moves. A
        search that no subregion betters stays.
    """
    if not scenes:
        return np.zeros((0, rules.number_of_steps))
    grid = _Grid(scenes, rules)
    everyone = np.arange(len(scenes))
    corner = np.zeros((len(scenes), 2))
    iou = grid.ious(everyone, corner, 0)
    ious = [iou]
    for level in range(grid.depth):
        children = corner[:, None] + grid.offsets[level]
        found = np.stack(
            [
                grid.ious(everyone, children[:, move], level + 1)
                for move in range(len(MOVES))
            ],
            axis=1,
        )
        if first_better:
            choice = np.argmax(found > iou[:, None], axis=1)
        else:
            choice = np.argmax(found, axis=1)
        better = found[everyone, choice] > iou
        # Who stays is never asked again: windows of later levels are smaller.
        corner = children[everyone, choice]
        iou = np.where(better, found[everyone, choice], iou)
        grid.retire(everyone[~better])
        ious.append(iou)
    return np.stack(ious, axis=1)


def exhaustive_ious(scenes: Sequence[Scene], rules: SearchRules) -> np.ndarray:
    """Return the best region of each image's whole tree.

    Branches that cannot hold a better region than one already seen are not grown.

    Returns:
        float64 (scenes, n): largest IoU with an object among all regions of at most
        0 … n − 1 moves, n being ``number_of_steps``.
    """
    return _in_chunks(
        scenes, rules, lambda some: _exhaustive(some, rules, greedy_ious(some, rules))
    )


def _exhaustive(
    scenes: Sequence[Scene], rules: SearchRules, known: np.ndarray
) -> np.ndarray:
    """Raise IoUs known to be reached, (scenes, n), to the best of the trees."""
    grid, best = _Grid(scenes, rules), known.T.copy()
    for level, index, corner in grid.grow(best):
        ious = grid.ious(index, corner, level)
        for reached in best[level:]:
            np.maximum.at(reached, index, ious)
    return best.T


def random_finds(
    scenes: Sequence[Scene], rules: SearchRules, threshold: float = IOU_THRESHOLD
) -> np.ndarray:
    """Return how likely a random agent comes upon a region over the threshold.

    Exact, for actions drawn uniformly from all six as
    :class:`hierarchy.policies.RandomPolicy` draws them: the sum over the regions that
    are the first of their branch over the threshold of (1/6) ** moves.

    Returns:
        float64 (scenes, n): probability that one of the regions analysed after at most
        0 … n − 1 moves is over the threshold, n being ``number_of_steps``.
    """
    return _in_chunks(scenes, rules, lambda some: _random(some, rules, threshold))


def _random(
    scenes: Sequence[Scene], rules: SearchRules, threshold: float
) -> np.ndarray:
    grid = _Grid(scenes, rules)
    chances = np.zeros((grid.depth + 1, grid.count))
    over = np.full_like(chances, threshold)
    for level, index, corner in grid.grow(over, stop_over=threshold):
        found = grid.ious(index, corner, level) > threshold
        np.add.at(chances[level], index[found], len(ACTIONS) ** -float(level))
    return chances.cumsum(axis=0).T


def _in_chunks(
    scenes: Sequence[Scene],
    rules: SearchRules,
    compute: Callable[[Sequence[Scene]], np.ndarray],
) -> np.ndarray:
    """Compute some scenes at a time, those with as many objects together."""
    result = np.zeros((len(scenes), rules.number_of_steps))
    order = np.argsort([len(scene.boxes) for scene in scenes], kind="stable")
    for start in range(0, len(scenes), _AT_ONCE):
        some = order[start : start + _AT_ONCE]
        result[some] = compute([scenes[place] for place in some])
    return result


class _Grid:
    """The hierarchies of some images, level by level, as arrays.

    Attributes:
        count: images.
        depth: moves at most.
        windows: float64 (depth + 1, count, 2), (height, width) of a level's windows.
        offsets: float64 (depth, count, 5, 2), (y, x) of each move from level to level.
    """

    def __init__(self, scenes: Sequence[Scene], rules: SearchRules):
        self.count = len(scenes)
        self.depth = rules.number_of_steps - 1
        self._limits = np.array([scene.size for scene in scenes], int).reshape(-1, 2)
        most = max((len(scene.boxes) for scene in scenes), default=0)
        # Boxes that fill up are empty, and overlap nothing.
        self._boxes = np.zeros((self.count, most, 4), int)
        for row, scene in zip(self._boxes, scenes, strict=True):
            row[: len(scene.boxes)] = scene.boxes
        self._areas = np.prod(self._boxes[..., 2:] - self._boxes[..., :2], axis=-1)
        levels = [
            _levels(scene.size, self.depth, rules.scale_subregion, rules.quirks)
            for scene in scenes
        ]
        self.windows = np.stack([windows for windows, _ in levels], axis=1)
        self.offsets = np.stack([offsets for _, offsets in levels], axis=1)
        self._low, self._high = self._reach()

    def _reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how far a branch reaches from its window's corner, (depth + 1, …, 2).

        That is the window itself, unless quirks let subregions stick out.
        """
        low, high = np.zeros_like(self.windows), self.windows.copy()
        for level in reversed(range(self.depth)):
            inside_low = (self.offsets[level] + low[level + 1][:, None]).min(axis=1)
            inside_high = (self.offsets[level] + high[level + 1][:, None]).max(axis=1)
            low[level] = np.minimum(low[level], inside_low)
            high[level] = np.maximum(high[level], inside_high)
        return low, high

    def retire(self, index: np.ndarray) -> None:
        """Leave images with nothing to find."""
        self._boxes[index] = 0
        self._areas[index] = 0

    def ious(self, index: np.ndarray, corner: np.ndarray, level: int) -> np.ndarray:
        """Return the largest IoU of regions with an object of their image.

        Args:
            index: int (n,), the image of each.
            corner: float64 (n, 2), (y, x) of each window.
            level: of all of them.
        """
        limits = self._limits[index]
        # As hierarchy.regions.truncate does it.
        low = np.minimum(corner.astype(int), limits - 1)
        high = (corner + self.windows[level][index]).astype(int)
        high = np.maximum(np.minimum(high, limits), low + 1)
        shared = self._shared(index, low, high)
        areas = np.prod(high - low, axis=-1)[:, None] + self._areas[index]
        return (shared / (areas - shared)).max(axis=1, initial=0.0)

    def _shared(
        self, index: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> np.ndarray:
        """Return the pixels that boxes share with each object, (n, objects)."""
        boxes = self._boxes[index]
        sides = np.minimum(high[:, None], boxes[..., 2:])
        sides -= np.maximum(low[:, None], boxes[..., :2])
        return np.prod(np.maximum(sides, 0), axis=-1)

    def _bounds(self, index: np.ndarray, corner: np.ndarray, level: int) -> np.ndarray:
        """Return what no region below these can exceed in IoU, (levels below, n).

        A region of a level shares no more rows and columns with an object than its
        branch does, nor than it has itself, and its area is known to a pixel.
        """
        limits, boxes = self._limits[index], self._boxes[index]
        # A pixel more than they reach, for what truncation does to the bounds.
        low = np.floor(corner + self._low[level][index]).astype(int) - 1
        high = np.ceil(corner + self._high[level][index]).astype(int) + 1
        cut = (low < -1).any(axis=1) | (high > limits + 1).any(axis=1)
        low = np.minimum(low, limits - 1)
        sides = np.minimum(high[:, None], boxes[..., 2:])
        sides = np.maximum(sides - np.maximum(low[:, None], boxes[..., :2]), 0)
        bounds = []
        for window in self.windows[level + 1 :, index]:
            shared = np.prod(np.minimum(sides, np.ceil(window)[:, None] + 1), axis=-1)
            area = np.prod(np.maximum(np.floor(window - 1e-6), 1), axis=-1)
            area = np.where(cut, 1, area)  # the image's border may cut it smaller
            union = np.maximum(self._areas[index] + area[:, None] - shared, shared)
            bounds.append((shared / np.maximum(union, 1)).max(axis=1, initial=0.0))
        return np.array(bounds)

    def grow(
        self, known: np.ndarray, stop_over: float = 1.0
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (level, index, corner) of the regions of each level.

        Args:
            known: float64 (depth + 1, count), IoUs of which it is asked which branches
                can exceed them, by level; the caller may raise them meanwhile.
            stop_over: regions over this IoU are not grown.
        """
        index, corner = np.arange(self.count), np.zeros((self.count, 2))
        for level in range(self.depth + 1):
            yield level, index, corner
            if level == self.depth:
                return
            bounds = self._bounds(index, corner, level)
            wanted = (bounds > known[level + 1 :, index]).any(axis=0)
            if stop_over < 1:
                wanted &= self.ious(index, corner, level) <= stop_over
            index, corner = index[wanted], corner[wanted]
            if not len(index):
                return
            corner = (corner[:, None] + self.offsets[level][index]).reshape(-1, 2)
            index = np.repeat(index, len(MOVES))


@lru_cache(maxsize=4096)
def _levels(
    size: tuple[int, int], depth: int, scale: float, quirks: Quirks
) -> tuple[np.ndarray, np.ndarray]:
    """Return an image's window sizes (depth + 1, 2) and offsets (depth, 5, 2).

    All windows of a level have one size, so that :func:`hierarchy.regions.zoom` of one
    of them, with its corner at 0, says where the subregions of all of them lie.
    """
    sizes, offsets = [tuple(map(float, size))], []
    for _ in range(depth):
        parent = Region((0.0, 0.0, *sizes[-1]), (0, 0, *size), size)
        children = [zoom(parent, move, scale, quirks).window for move in MOVES]
        offsets.append([child[:2] for child in children])
        sizes.append(children[0][2:])
    return np.array(sizes), np.array(offsets).reshape(depth, len(MOVES), 2)
