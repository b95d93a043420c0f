"""All searches of a data set at once: what the hierarchy, what random search reaches.

The policies of :mod:`hierarchy.baselines` search one image after the other. Here the
same regions, out of the same :func:`hierarchy.regions.subregion`, are held as arrays
over images, so that whole trees of a whole data set take seconds. Tests hold both
equal.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial

import numpy as np

from figures.scenes import Scene
from hierarchy.actions import PAPER_ACTIONS
from hierarchy.metrics import DETECTION_IOU
from hierarchy.quirks import Quirks
from hierarchy.regions import Region
from hierarchy.search import SearchSpec

MOVES = PAPER_ACTIONS.moves

_AT_ONCE = 256  # images whose trees are grown together, to bound the memory


def greedy_ious(
    scenes: Sequence[Scene], spec: SearchSpec, first_better: bool = False
) -> np.ndarray:
    """Return how good the region is that a greedy search stands at, move by move.

    Args:
        scenes: what is searched.
        spec: how; with ``number_of_steps`` n there are n − 1 moves, the last step
            being the trigger, as in :class:`hierarchy.baselines.UpperBoundPolicy`.
        first_better: move to the first subregion that is better than the region,
            instead of to the best one.

    Returns:
        float64 (scenes, n): largest IoU with an object after 0 … n − 1 moves. A
        search that no subregion betters stays.
    """
    return _in_chunks(scenes, spec, partial(_greedy, first_better=first_better))


def _greedy(grid: "_Grid", first_better: bool = False) -> np.ndarray:
    searching = np.ones(grid.images, bool)
    corner = np.zeros((grid.images, 2))
    iou = grid.best_of_images(corner, 0)
    ious = [iou]
    for level in range(grid.depth):
        children = corner[:, None] + grid.offsets[level]
        moves = range(len(MOVES))
        ious_of = [grid.best_of_images(children[:, m], level + 1) for m in moves]
        found = np.stack(ious_of, axis=1)
        choice = np.argmax(found > iou[:, None] if first_better else found, axis=1)
        chosen = choice[:, None]
        best = np.take_along_axis(found, chosen, axis=1)[:, 0]
        # Who stays has triggered: its window, of an earlier level, is left behind.
        searching &= best > iou
        iou = np.where(searching, best, iou)
        corner = np.take_along_axis(children, chosen[..., None], axis=1)[:, 0]
        ious.append(iou)
    return np.stack(ious, axis=1)


def exhaustive_ious(scenes: Sequence[Scene], spec: SearchSpec) -> np.ndarray:
    """Return the best region of each image's whole tree.

    Branches that cannot hold a better region than one already seen are not grown.

    Returns:
        float64 (scenes, n): largest IoU with an object among all regions of at most
        0 … n − 1 moves, n being ``number_of_steps``.
    """
    return _in_chunks(scenes, spec, _exhaustive)


def _exhaustive(grid: "_Grid") -> np.ndarray:
    best = _greedy(grid).T.copy()
    # A tree for each object: the best of an image is the best of any of them.
    for level, images, ious in grid.grow(grid.image_of, best):
        for reached in best[level:]:
            np.maximum.at(reached, images, ious)
    return best.T


def random_finds(
    scenes: Sequence[Scene], spec: SearchSpec, threshold: float = DETECTION_IOU
) -> np.ndarray:
    """Return how likely a random agent comes upon a region over the threshold.

    Exact, for actions drawn uniformly from all six as
    :class:`hierarchy.baselines.RandomPolicy` draws them: the sum over the regions that
    are the first of their branch over the threshold of (1/6) ** moves.

    Returns:
        float64 (scenes, n): probability that one of the regions analysed after at most
        0 … n − 1 moves is over the threshold, n being ``number_of_steps``.
    """
    return _in_chunks(scenes, spec, lambda grid: _random(grid, threshold))


def _random(grid: "_Grid", threshold: float) -> np.ndarray:
    chances = np.zeros((grid.depth + 1, grid.images))
    over = np.full_like(chances, threshold)
    # One tree for each image, whatever there is to find in it.
    for level, images, ious in grid.grow(np.arange(grid.images), over, threshold):
        found = np.bincount(images[ious > threshold], minlength=grid.images)
        chances[level] = found / len(PAPER_ACTIONS) ** level
    return chances.cumsum(axis=0).T


def _in_chunks(
    scenes: Sequence[Scene],
    spec: SearchSpec,
    compute: Callable[["_Grid"], np.ndarray],
) -> np.ndarray:
    """Compute some scenes at a time; float64 (scenes, n)."""
    result = np.zeros((len(scenes), spec.number_of_steps))
    for start in range(0, len(scenes), _AT_ONCE):
        some = scenes[start : start + _AT_ONCE]
        result[start : start + _AT_ONCE] = compute(_Grid(some, spec))
    return result


class _Grid:
    """The hierarchies of some images, level by level, as arrays.

    Attributes:
        images: how many.
        depth: moves at most.
        windows: float64 (depth + 1, images, 2), (height, width) of a level's windows.
        offsets: float64 (depth, images, 5, 2), (y, x) of each move to the next level.
        image_of: int (objects,), the image that each object is in, in order.
    """

    def __init__(self, scenes: Sequence[Scene], spec: SearchSpec):
        self.images = len(scenes)
        self.depth = spec.number_of_steps - 1
        geometry = self.depth, spec.scale_subregion, spec.quirks
        levels = [_levels(scene.size, *geometry) for scene in scenes]
        self.windows = np.stack([windows for windows, _ in levels], axis=1)
        self.offsets = np.stack([offsets for _, offsets in levels], axis=1)
        counts = [len(scene.boxes) for scene in scenes]
        self.image_of = np.repeat(np.arange(self.images), counts)
        self._starts = np.cumsum([0, *counts[:-1]])
        self._limits = np.array([scene.size for scene in scenes])
        self._boxes = np.array([box for scene in scenes for box in scene.boxes])
        self._areas = np.prod(self._boxes[:, 2:] - self._boxes[:, :2], axis=1)
        self._low, self._high = self._reach()

    def _reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Return how far a branch reaches from its window's corner, as ``windows``.

        That is the window itself, unless quirks let subregions stick out.
        """
        low, high = np.zeros_like(self.windows), self.windows.copy()
        for level in reversed(range(self.depth)):
            inside_low = (self.offsets[level] + low[level + 1][:, None]).min(axis=1)
            inside_high = (self.offsets[level] + high[level + 1][:, None]).max(axis=1)
            low[level] = np.minimum(low[level], inside_low)
            high[level] = np.maximum(high[level], inside_high)
        return low, high

    def best_of_images(self, corner: np.ndarray, level: int) -> np.ndarray:
        """Return the largest IoU of one region in each image, float64 (images,).

        Args:
            corner: float64 (images, 2), (y, x) of the windows.
            level: of all of them.
        """
        objects = np.arange(len(self.image_of))
        ious = self._ious(objects, corner[self.image_of], level)
        return np.maximum.reduceat(ious, self._starts)

    def _ious(self, objects: np.ndarray, corner: np.ndarray, level: int) -> np.ndarray:
        """Return the IoU of each object with a region of its image, float64 (n,)."""
        image = self.image_of[objects]
        limits = self._limits[image]
        # As hierarchy.regions.truncate does it.
        low = np.minimum(corner.astype(int), limits - 1)
        high = (corner + self.windows[level][image]).astype(int)
        high = np.maximum(np.minimum(high, limits), low + 1)
        shared = np.prod(self._sides(objects, low, high), axis=1)
        return shared / (np.prod(high - low, axis=1) + self._areas[objects] - shared)

    def _sides(
        self, objects: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> np.ndarray:
        """Return how many rows and columns objects share with boxes, int (n, 2)."""
        boxes = self._boxes[objects]
        sides = np.minimum(high, boxes[:, 2:]) - np.maximum(low, boxes[:, :2])
        return np.maximum(sides, 0)

    def grow(
        self, trees: np.ndarray, known: np.ndarray, stop_over: float = 1.0
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Grow trees level by level, without branches that lead to nothing.

        Regions and objects are kept as pairs: a branch is held against those objects
        alone that it may still come upon.

        Args:
            trees: int, the image of each tree. Either one tree for each image, held
                against all of its objects, or one for each object.
            known: float64 (depth + 1, images), the IoU that a branch must be able to
                exceed at some level; the caller may raise it meanwhile.
            stop_over: regions over this IoU are not grown.

        Yields:
            The level, and of each of its regions the image, int (n,), and the largest
            IoU with an object that its tree is grown for, float64 (n,).
        """
        image, corner = trees, np.zeros((len(trees), 2))
        objects = np.arange(len(self.image_of))
        region = objects if len(trees) == len(objects) else self.image_of
        for level in range(self.depth + 1):
            ious = self._ious(objects, corner[region], level)
            best = np.zeros(len(image))
            np.maximum.at(best, region, ious)
            yield level, image, best
            if level == self.depth:
                return
            wanted = best[region] <= stop_over
            objects, region = objects[wanted], region[wanted]
            wanted = self._exceeds(objects, corner[region], level, known)
            objects, region = objects[wanted], region[wanted]
            alive, region = np.unique(region, return_inverse=True)
            if not len(alive):
                return
            image = image[alive]
            corner = corner[alive][:, None] + self.offsets[level][image]
            corner, image = corner.reshape(-1, 2), np.repeat(image, len(MOVES))
            region = (region[:, None] * len(MOVES) + np.arange(len(MOVES))).ravel()
            objects = np.repeat(objects, len(MOVES))

    def _exceeds(
        self, objects: np.ndarray, corner: np.ndarray, level: int, known: np.ndarray
    ) -> np.ndarray:
        """Tell whether a region below each of these may exceed an IoU, bool (n,).

        A region of a level shares no more rows and columns with an object than its
        branch does, nor than it has itself, and its area is known to a pixel.

        Args:
            objects: int (n,), what is to be found.
            corner: float64 (n, 2), (y, x) of each window.
            level: of all of them.
            known: float64 (depth + 1, images), the IoU to exceed at each level.
        """
        image = self.image_of[objects]
        limits, size = self._limits[image], self._areas[objects]
        # A pixel more than they reach, for what truncation does to the bounds.
        low = np.floor(corner + self._low[level][image]).astype(int) - 1
        high = np.ceil(corner + self._high[level][image]).astype(int) + 1
        cut = (low < -1).any(axis=1) | (high > limits + 1).any(axis=1)
        sides = self._sides(objects, np.minimum(low, limits - 1), high)
        exceeds = np.zeros(len(objects), bool)
        for below in range(level + 1, self.depth + 1):
            # For each image, and only then for each region of it.
            most = (np.ceil(self.windows[below]) + 1)[image]
            least = np.prod(np.maximum(np.floor(self.windows[below] - 1e-6), 1), axis=1)
            area = np.where(cut, 1, least[image])  # the border may cut it smaller
            shared = np.prod(np.minimum(sides, most), axis=1)
            union = np.maximum(size + area - shared, shared)
            exceeds |= shared > known[below][image] * np.maximum(union, 1)
        return exceeds


@lru_cache(maxsize=4096)
def _levels(
    size: tuple[int, int], depth: int, scale: float, quirks: Quirks
) -> tuple[np.ndarray, np.ndarray]:
    """Return an image's window sizes (depth + 1, 2) and offsets (depth, 5, 2).

    All windows of a level have one size, so that :func:`hierarchy.regions.subregion` of
    one of them, with its corner at 0, says where the subregions of all of them lie.
    """
    sizes, offsets = [(float(size[0]), float(size[1]))], []
    for _ in range(depth):
        parent = Region((0.0, 0.0, *sizes[-1]), (0, 0, *size), size)
        children = [
            PAPER_ACTIONS.apply(move, parent, scale, quirks).window for move in MOVES
        ]
        offsets.append([child[:2] for child in children])
        sizes.append(children[0][2:])
    return np.array(sizes), np.array(offsets).reshape(depth, len(MOVES), 2)
