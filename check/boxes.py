"""What a set of boxes holds, and what a hierarchy of regions can reach of it.

Nothing here needs pixels or a network.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from figures.scenes import Scene
from figures.trees import exhaustive_ious, greedy_ious, random_finds
from hierarchy.metrics import DETECTION_IOU
from hierarchy.search import SearchSpec

SCALES = (3 / 4, 2 / 4)
"""Of subregions, as the paper compares them."""

MOVES = 9
"""Of a search as published, whose tenth action is the trigger."""

MOST_SEARCHED = 400
"""Objects that are searched for; of more a sample is, which takes seconds."""

SIDE_EDGES = (0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Edges of the classes that objects' sides are counted in."""


@dataclass(frozen=True)
class Reach:
    """What share of the objects searches can find, 0 to 1.

    A find is a region with an IoU over 0.5. Each share is a list over the moves that a
    search has, from none to :data:`MOVES`.

    Attributes:
        scale: a subregion's height and width over its parent's.
        chance: of an agent that acts at random; what it comes upon counts.
        greedy: of a search that always moves to the best subregion: the upper bound
            that the paper draws.
        whole_tree: of all regions that there are.
    """

    scale: float
    chance: list[float]
    greedy: list[float]
    whole_tree: list[float]


@dataclass(frozen=True)
class BoxFacts:
    """What there is to search for.

    Attributes:
        images: how many hold the class, by the part of the set.
        objects: of the class.
        per_image: how many images hold so many objects of the class.
        side_edges: of the classes of ``side_counts``.
        side_counts: how many objects' sides are in each class. An object's side is the
            square root of its share of the image's area.
        median_side: of all objects.
        searched: objects that ``reach`` is of.
        reach: by scale.
    """

    images: dict[str, int]
    objects: int
    per_image: dict[int, int]
    side_edges: list[float] = field(default_factory=lambda: list(SIDE_EDGES))
    side_counts: list[int] = field(default_factory=list)
    median_side: float = 0.0
    searched: int = 0
    reach: list[Reach] = field(default_factory=list)


def box_facts(
    scenes: Mapping[str, Sequence[Scene]], rng: np.random.Generator
) -> BoxFacts:
    """Count what there is to search for, and what of it searches can find.

    Args:
        scenes: images with their boxes of the class, by the part of the set; there is
            one at least.
        rng: samples objects where there are more than :data:`MOST_SEARCHED`.
    """
    every = [scene for part in scenes.values() for scene in part]
    sides = object_sides(every)
    objects = [Scene(scene.size, (box,)) for scene in every for box in scene.boxes]
    sampled = objects
    if len(objects) > MOST_SEARCHED:
        places = rng.choice(len(objects), MOST_SEARCHED, replace=False)
        sampled = [objects[place] for place in sorted(places)]
    counts = Counter(len(scene.boxes) for scene in every)
    return BoxFacts(
        {name: len(part) for name, part in scenes.items()},
        len(objects),
        dict(sorted(counts.items())),
        list(SIDE_EDGES),
        np.histogram(sides, SIDE_EDGES)[0].tolist(),
        float(np.median(sides)),
        len(sampled),
        [reach_of(sampled, scale) for scale in SCALES],
    )


def object_sides(scenes: Sequence[Scene]) -> np.ndarray:
    """Return each object's side over the image's: float64 (objects,), 0 to 1.

    That is the square root of its share of the area, for objects and images that are
    not square.
    """
    return np.array(
        [
            np.sqrt((ymax - ymin) * (xmax - xmin) / (scene.size[0] * scene.size[1]))
            for scene in scenes
            for ymin, xmin, ymax, xmax in scene.boxes
        ]
    )


def reach_of(objects: Sequence[Scene], scale: float) -> Reach:
    """Return what share of objects, one a scene, searches can find."""
    spec = SearchSpec(scale, MOVES + 1)
    chance = random_finds(objects, spec, DETECTION_IOU)
    greedy = greedy_ious(objects, spec) > DETECTION_IOU
    whole_tree = exhaustive_ious(objects, spec) > DETECTION_IOU
    return Reach(scale, *(_shares(found) for found in (chance, greedy, whole_tree)))


def _shares(found: np.ndarray) -> list[float]:
    return [round(float(share), 4) for share in found.mean(axis=0)]
