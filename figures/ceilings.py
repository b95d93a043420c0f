"""How far a hierarchy can get: random, greedy and exhaustive, by scale, depth, class.

``python -m figures.ceilings --path_voc VOC2007`` needs annotations alone. An image
counts as found where a region has an IoU over the threshold with any of its objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from common.command_line import run
from common.errors import InputError
from datasets.voc_annotations import class_name
from figures import published
from figures.sets import OUT, AnnotatedImage, classes_of, read_set
from figures.style import PALETTE, Line, draw_lines, write_csv
from figures.trees import Scene, exhaustive_ious, greedy_ious, random_finds
from hierarchy.config import VOC2007
from hierarchy.quirks import Quirks
from hierarchy.search import SearchRules

COLUMNS = (
    *("class", "scale", "moves", "positives"),
    *("random", "greedy", "exhaustive"),
)


STYLES = {"exhaustive": "-", "greedy": "--", "random": ":"}


@dataclass(frozen=True)
class Settings:
    """Say how many images a hierarchy of regions can find, without any network."""

    path_voc: Path = VOC2007
    """Data set in the VOC layout; annotations and sets are enough."""
    image_set: str = "test"
    """List in ImageSets/Main, without the class's name."""
    class_object: tuple[str, ...] = ()
    """Classes, by number or name; all that the data set lists if left out."""
    scales: tuple[float, ...] = (3 / 4, 2 / 4)
    """Heights and widths of subregions over their parent's."""
    number_of_steps: int = 10
    """Actions of a search; the last one is the trigger, so one more than moves."""
    quirks: tuple[str, ...] = ()
    """Rows of FIDELITY.md in which to follow the published program, or "published"."""
    threshold: float = 0.5
    """IoU that a region must exceed to be a find."""
    objects: Literal["any", "first"] = "any"
    """Whether any object of an image is a find, or only the first in its annotation."""
    per: Literal["image", "object"] = "image"
    """What is counted: images, or objects, each searched for alone."""
    moves: Literal["best", "first_better"] = "best"
    """Where the greedy search moves to: the best subregion, or the first better one."""
    skip_bad: Literal[0, 1] = 0
    """1 goes on past annotations that cannot be read, and lists them at the end."""
    out: Path = OUT
    """Folder for ceilings.csv and ceilings.png."""

    def check(self) -> None:
        """Refuse values that no hierarchy can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        for scale in self.scales:
            if not 0 < scale < 1:
                raise InputError(f"scales: {scale}; expected between 0 and 1")
        if not 1 <= self.number_of_steps <= 12:
            raise InputError(
                f"number_of_steps is {self.number_of_steps}; expected 1 to 12"
            )
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


def scenes_of(images: Sequence[AnnotatedImage], settings: Settings) -> list[Scene]:
    """Return what is searched for, one entry for each thing that counts."""
    if settings.per == "object":
        return [
            Scene(image.size, (box,)) for image in images for box in image.truth.boxes
        ]
    last = 1 if settings.objects == "first" else None
    return [Scene(image.size, image.truth.boxes[:last]) for image in images]


def ceiling(
    name: str, scenes: Sequence[Scene], scale: float, settings: Settings
) -> "Ceiling":
    """Compute the :class:`Ceiling` of a class at a scale."""
    rules = SearchRules(scale, settings.number_of_steps, Quirks.parse(settings.quirks))
    greedy = greedy_ious(scenes, rules, settings.moves == "first_better")
    exhaustive = exhaustive_ious(scenes, rules)
    return Ceiling(
        name,
        scale,
        len(scenes),
        random_finds(scenes, rules, settings.threshold).sum(axis=0),
        (greedy > settings.threshold).sum(axis=0),
        (exhaustive > settings.threshold).sum(axis=0),
    )


def ceilings(settings: Settings) -> tuple[list[Ceiling], list[str]]:
    """Return the ceilings of all classes and scales, and what was left out.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    names = settings.class_object or classes_of(settings.path_voc, settings.image_set)
    found, skipped = [], []
    for name in map(class_name, names):
        quirks = Quirks.parse(settings.quirks)
        images, bad = read_set(
            settings.path_voc, settings.image_set, name, quirks, settings.skip_bad
        )
        skipped += bad
        scenes = scenes_of(images, settings)
        found += [ceiling(name, scenes, scale, settings) for scale in settings.scales]
    return found, skipped


def rows(found: Sequence[Ceiling]) -> list[tuple]:
    """Return the ceilings as rows of :data:`COLUMNS`, one for each number of moves."""
    return [
        (one.class_name, one.scale, moves, one.positives, *numbers)
        for one in found
        for moves, numbers in enumerate(
            zip(one.random, one.greedy, one.exhaustive, strict=True)
        )
    ]


def scale_name(scale: float) -> str:
    """Return how the paper writes a scale: 3/4, 2/4; other scales as decimals."""
    quarters = scale * 4
    return f"{quarters:.0f}/4" if quarters == round(quarters) else f"{scale:g}"


def draw(found: Sequence[Ceiling], settings: Settings, path: Path) -> None:
    """Draw recall over moves for each scale, all classes together."""
    lines = {}
    moves = list(range(settings.number_of_steps))
    same = settings.per == "image" and all(
        published.is_same_protocol(one.positives, one.class_name) for one in found
    )
    for place, scale in enumerate(settings.scales):
        ones = [one for one in found if one.scale == scale]
        positives = max(sum(one.positives for one in ones), 1)
        colour = PALETTE[place % len(PALETTE)]
        for kind, style in STYLES.items():
            share = sum(getattr(one, kind) for one in ones) / positives
            lines[f"{kind} {scale_name(scale)}"] = Line(moves, share, colour, style)
        name = f"upper bound {scale_name(scale)}"
        if same and name in published.CURVES:
            recall = [published.CURVES[name].max_recall] * len(moves)
            lines[f"paper, {name}"] = Line(moves, recall, colour, thin=True)
    classes = sorted({one.class_name for one in found})
    what = classes[0] if len(classes) == 1 else f"{len(classes)} classes"
    draw_lines(
        lines,
        path,
        f"Ceilings of the hierarchy, {what}",
        "moves",
        f"share of {settings.per}s found",
        ylim=(0, 1),
        xticks=moves,
    )


def main(settings: Settings) -> None:
    """Compute, print and save."""
    found, skipped = ceilings(settings)
    write_csv(settings.out / "ceilings.csv", COLUMNS, rows(found))
    draw(found, settings, settings.out / "ceilings.png")
    print(f"{'class':12} scale  {settings.per}s   random  greedy  exhaustive")
    for one in found:
        print(
            f"{one.class_name:12} {scale_name(one.scale):5} {one.positives:7}"
            f" {one.random[-1]:8.1f} {one.greedy[-1]:7} {one.exhaustive[-1]:11}"
        )
    for line in skipped:
        print(f"left out: {line}")
    print(f"by number of moves: {settings.out / 'ceilings.csv'}, ceilings.png")


if __name__ == "__main__":
    run(main, Settings)
