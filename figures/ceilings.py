"""How far a hierarchy can get: random, greedy and exhaustive, by scale, depth, class.

An image counts as found where a region has an IoU over the threshold with any of its
objects. All is computed from annotations, without any network.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from common.errors import InputError
from common.provenance import command_of, commit, machine
from datasets.classes import class_name
from figures import published
from figures.detectors import Baselines, search_baselines, searched_scenes, summary
from figures.figure import Made
from figures.scenes import Annotations, Hierarchies, Scene, classes_of, scale_name
from figures.trees import exhaustive_ious, greedy_ious, random_finds
from hierarchy.quirks import Quirks
from report.curves import PALETTE, PUBLISHED, Line, draw_lines

STYLES = {"exhaustive": "-", "greedy": "--", "random": ":"}


@dataclass(frozen=True)
class Ceilings(Hierarchies):
    """Settings of the ceilings."""

    class_object: tuple[str, ...] = ()
    """Classes, by number or name; all that the data set lists if left out."""
    threshold: float = 0.5
    """IoU that a region must exceed to be a find."""
    objects: Literal["any", "first"] = "any"
    """Whether any object of an image is a find, or only the first in its annotation."""
    per: Literal["image", "object"] = "image"
    """What is counted: images, or objects, each searched for alone."""
    moves: Literal["best", "first_better"] = "best"
    """Where the greedy search moves to: the best subregion, or the first better one."""

    def check(self) -> None:
        """Refuse values that no hierarchy can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        for scale in self.scales:
            if not 0 < scale < 1:
                raise InputError(f"scales: {scale}; expected between 0 and 1")
        steps = self.number_of_steps
        if not 1 <= steps <= 12:
            raise InputError(f"number_of_steps is {steps}; expected 1 to 12")
        if not 0 <= self.threshold < 1:
            raise InputError(f"threshold is {self.threshold}; expected 0 to below 1")
        Quirks.parse(self.quirks)


@dataclass(frozen=True)
class Ceiling:
    """What one hierarchy can find of one class.

    Attributes:
        class_name: the class.
        scale: a subregion's height and width over its parent's.
        positives: what there is to find, in images or objects.
        random: expected finds of a random agent after 0, 1, … moves: float64 (n,).
        greedy: finds where greedy searches stand after 0, 1, … moves: int (n,).
        exhaustive: finds of all regions after at most 0, 1, … moves: int (n,).
    """

    class_name: str
    scale: float
    positives: int
    random: np.ndarray
    greedy: np.ndarray
    exhaustive: np.ndarray


def compute_ceilings(settings: Ceilings) -> tuple[list[Ceiling], list[str]]:
    """Return the ceilings of all classes and scales, and what was left out.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    names = settings.class_object or classes_of(settings.path_voc, settings.image_set)
    found, skipped = [], []
    for name in map(class_name, names):
        scenes, bad = settings.scenes(name)
        skipped += bad
        if settings.per == "object":
            scenes = [Scene(one.size, (box,)) for one in scenes for box in one.boxes]
        elif settings.objects == "first":
            scenes = [Scene(one.size, one.boxes[:1]) for one in scenes]
        found += [_ceiling(name, scenes, scale, settings) for scale in settings.scales]
    return found, skipped


def _ceiling(
    name: str, scenes: Sequence[Scene], scale: float, settings: Ceilings
) -> Ceiling:
    rules = settings.search_spec(scale)
    greedy = greedy_ious(scenes, rules, settings.moves == "first_better")
    return Ceiling(
        name,
        scale,
        len(scenes),
        random_finds(scenes, rules, settings.threshold).sum(axis=0),
        (greedy > settings.threshold).sum(axis=0),
        (exhaustive_ious(scenes, rules) > settings.threshold).sum(axis=0),
    )


def ceilings(settings: Ceilings) -> Made:
    """What a hierarchy can find, by moves, scale and class; from annotations."""
    found, skipped = compute_ceilings(settings)
    print(f"{'class':12} scale  {settings.per}s   random  greedy  exhaustive")
    for one in found:
        print(
            f"{one.class_name:12} {scale_name(one.scale):5} {one.positives:7}"
            f" {one.random[-1]:8.1f} {one.greedy[-1]:7} {one.exhaustive[-1]:11}"
        )
    for line in skipped:
        print(f"left out: {line}")
    rows = [
        (one.class_name, one.scale, moves, one.positives, *numbers)
        for one in found
        for moves, numbers in enumerate(
            zip(one.random, one.greedy, one.exhaustive, strict=True)
        )
    ]
    classes = sorted({one.class_name for one in found})
    what = classes[0] if len(classes) == 1 else f"{len(classes)} classes"
    draw = partial(
        draw_lines,
        _lines(found, settings),
        title=f"Ceilings of the hierarchy, {what}",
        x_label="moves",
        y_label=f"share of {settings.per}s found",
        ylim=(0, 1),
        xticks=range(settings.number_of_steps),
    )
    return Made(rows, draw)


def _lines(found: Sequence[Ceiling], settings: Ceilings) -> dict[str, Line]:
    """Return recall over moves for each scale, all classes together."""
    lines, moves = {}, range(settings.number_of_steps)
    same = settings.per == "image" and all(
        published.is_same_protocol(one.positives, one.class_name) for one in found
    )
    for place, scale in enumerate(settings.scales):
        ones = [one for one in found if one.scale == scale]
        positives = max(sum(one.positives for one in ones), 1)
        colour = PALETTE[place % len(PALETTE)]
        for kind, style in STYLES.items():
            share = sum(getattr(one, kind) for one in ones) / positives
            line = Line(moves, share, colour, look={"linestyle": style})
            lines[f"{kind} {scale_name(scale)}"] = line
        name = f"upper bound {scale_name(scale)}"
        if same and name in published.CURVES:
            recall = [published.CURVES[name].max_recall] * len(moves)
            lines[f"paper, {name}"] = Line(moves, recall, colour, look=PUBLISHED)
    return lines


VARIANTS: tuple[Mapping[str, Any], ...] = (
    {},
    {"quirks": ("one_based_boxes",)},
    {"quirks": ("published",)},
    {"objects": "first"},
    {"quirks": ("published",), "moves": "first_better"},
    {"threshold": 0.58},
    {"threshold": 0.6},
    {"per": "object"},
)
"""Flags of ``figures ceilings`` in the table."""

TRIGGERS: Mapping[str, Any] = {
    "quirks": ("published",),
    "only_first_object": 0,
    "detections": "triggers",
    "seeds": 30,
}
"""Flags of ``figures detectors_fig5`` in the table: what the paper seems to count."""


@dataclass(frozen=True)
class Table(Annotations):
    """Settings of the table of ceilings."""

    class_object: str = "aeroplane"
    """Class to search for, by number or name."""


def ceilings_table(settings: Table) -> Made:
    """Ceilings and Fig. 5 counted in all ways that RESULTS.md compares; annotations."""
    names = "path_voc", "image_set", "class_object"
    data = {name: getattr(settings, name) for name in names}
    made_with, rows = (commit(), machine()), []
    several = data | {"class_object": (settings.class_object,)}
    counted = [("ceilings", v, _by_search(Ceilings(**several, **v))) for v in VARIANTS]
    fig5 = Baselines(**data, **TRIGGERS)
    counted.append(("detectors_fig5", TRIGGERS, _by_triggers(fig5)))
    for name, variant, numbers in counted:
        words = ["-m", "figures", name, *_arguments(data), *_arguments(variant)]
        about = *made_with, command_of(words)
        rows += [(" ".join(_arguments(variant)), *number, *about) for number in numbers]
    return Made(rows)


def _by_search(settings: Ceilings) -> Iterator[tuple[str, str, str, float, int]]:
    """Yield scale, who, measure, finds after all moves, and what there is to find."""
    for one in compute_ceilings(settings)[0]:
        for who in reversed(STYLES):
            finds = float(getattr(one, who)[-1])
            yield scale_name(one.scale), who, "found", finds, one.positives


def _by_triggers(settings: Baselines) -> Iterator[tuple[str, str, str, float, int]]:
    """Yield scale, who, measure, value, and how many images there are."""
    scenes = searched_scenes(settings)
    for scale in settings.scales:
        found = search_baselines(scenes, scale, settings)
        for who in ("random", "upper bound"):
            for measure, value in summary(found[who]).items():
                yield scale_name(scale), who, measure, value, len(scenes)


def _arguments(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as they are written on a command line, word by word."""
    words = []
    for name, value in settings.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name}", *map(str, values)]
    return words
