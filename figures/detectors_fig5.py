"""Detectors, Fig. 5: a random agent and the upper bound, on both hierarchies.

``python -m figures.detectors_fig5 --path_voc VOC2007`` needs annotations alone: no
image is opened and no network run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from common.command_line import quiet_start, run
from common.errors import InputError
from datasets.voc_annotations import class_name
from figures import published
from figures.ceilings import scale_name
from figures.detectors_fig6 import draw
from figures.sets import OUT, AnnotatedImage, read_set
from hierarchy.config import VOC2007
from hierarchy.metrics import Curve, paper_curve
from hierarchy.pictures import Picture
from hierarchy.quirks import Quirks
from hierarchy.search import SearchRules

NAME = "detectors_fig5"

DEVIATION = ", deviation over seeds"
"""How the name of a number's deviation ends."""


@dataclass(frozen=True)
class Settings:
    """Draw precision over recall of a random agent and of the upper bound."""

    path_voc: Path = VOC2007
    """Data set in the VOC layout; annotations and sets are enough."""
    image_set: str = "test"
    """List in ImageSets/Main, without the class's name."""
    class_object: str = "aeroplane"
    """Class to search for, by number or name."""
    scales: tuple[float, ...] = (3 / 4, 2 / 4)
    """Heights and widths of subregions over their parent's."""
    number_of_steps: int = 10
    """Actions that one search may take."""
    quirks: tuple[str, ...] = ()
    """Rows of FIDELITY.md in which to follow the published program, or "published"."""
    only_first_object: Literal[0, 1] = 1
    """0 searches on after a find, for further objects."""
    detections: Literal["regions", "triggers"] = "regions"
    """What is ranked: all regions analysed, as in the paper, or those triggered on."""
    seeds: int = 10
    """Random agents; the first is drawn, all are in the numbers."""
    out: Path = OUT
    """Folder for detectors_fig5.png and .csv."""


def baselines(
    images: Sequence[AnnotatedImage], scale: float, settings: Settings
) -> tuple[list[Curve], Curve]:
    """Search all images with both baselines.

    Args:
        images: what is searched.
        scale: of the hierarchy.
        settings: of the figure.

    Returns:
        A curve for each random agent, by the paper's protocol, and the upper bound's.
    """
    from hierarchy.policies import RandomPolicy, UpperBoundPolicy

    generators = map(np.random.default_rng, range(settings.seeds))
    chances = [RandomPolicy(generator) for generator in generators]
    quirks = Quirks.parse(settings.quirks)
    rules = SearchRules(scale, settings.number_of_steps, quirks)
    by_chance = [_curve(images, lambda _, c=c: c, rules, settings) for c in chances]
    best = _curve(images, lambda boxes: UpperBoundPolicy(boxes), rules, settings)
    return by_chance, best


def _curve(images, policy_for, rules: SearchRules, settings: Settings) -> Curve:
    from hierarchy.evaluation import Tally, run_policy

    tally = Tally()
    for image in images:
        # Pixels that nobody looks at: one of them, seen everywhere.
        pixels = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (*image.size, 3))
        picture = Picture(image.name, pixels)
        policy = policy_for(image.truth.boxes)
        only_first = bool(settings.only_first_object)
        looks = list(run_policy(picture, policy, rules, only_first))
        tally.add(image.truth, looks, 0.0)
    if settings.detections == "triggers":
        return paper_curve(tally.triggers, tally.truths)
    return tally.curve


def searched(settings: Settings) -> list[AnnotatedImage]:
    """Return what the settings say is searched.

    Raises:
        InputError: the data set cannot be read.
    """
    quirks = Quirks.parse(settings.quirks)
    name = class_name(settings.class_object)
    return read_set(settings.path_voc, settings.image_set, name, quirks)[0]


def summary(curves: Sequence[Curve]) -> dict[str, float]:
    """Return means over several agents, and with several their deviations (n − 1)."""
    found = [curve.correct.sum() for curve in curves]
    areas = [curve.average_precision for curve in curves]
    numbers = {}
    for name, values in (("found", found), ("ap (paper)", areas)):
        numbers[name] = float(np.mean(values))
        if len(curves) > 1:
            numbers[name + DEVIATION] = float(np.std(values, ddof=1))
    return numbers


def main(settings: Settings) -> None:
    """Search, print, draw and save."""
    if settings.seeds < 1:
        raise InputError(f"seeds is {settings.seeds}; expected at least 1")
    with quiet_start():
        import hierarchy.policies  # noqa: F401, brings Keras with it
    name = class_name(settings.class_object)
    images = searched(settings)
    curves = {}
    for scale in settings.scales:
        chances, best = baselines(images, scale, settings)
        for label, several in (("upper bound", [best]), ("random", chances)):
            label = f"{label} {scale_name(scale)}"
            _say(label, several)
            first = several[0]
            curves[label] = (first.recall, first.precision, first.average_precision)
    same = published.is_same_protocol(len(images), name)
    names = {label: label for label in curves if same and label in published.CURVES}
    title = f"Baselines, {name}, {len(images)} images"
    draw(curves, names, settings.out, NAME, title)


def _say(label: str, curves: Sequence[Curve]) -> None:
    """Print finds and AP, with deviations where there are several."""
    numbers, positives = summary(curves), curves[0].positives
    found, area = numbers["found"], numbers["ap (paper)"]
    text = f"{label}: found {found:.1f} of {positives}"
    if len(curves) > 1:
        text += f" (± {numbers[f'found{DEVIATION}']:.1f})"
    text += f", recall {found / positives:.3f}, AP {area:.3f}"
    if len(curves) > 1:
        text += f" (± {numbers[f'ap (paper){DEVIATION}']:.3f})"
    if label in published.CURVES:
        curve = published.CURVES[label]
        text += f"; paper on VOC 2007 test: {curve.found} of {published.IMAGES}"
    print(text)


if __name__ == "__main__":
    run(main, Settings)
