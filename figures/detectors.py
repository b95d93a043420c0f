"""Detectors' paper, Figs. 5 to 8: baselines, both detectors, epochs, regions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from common.devices import load_keras
from common.errors import InputError, file_error
from datasets.classes import class_name
from figures import published
from figures.figure import Made, Runs
from figures.published import DETECTORS
from figures.runs import Results, read_same_test
from figures.scenes import Hierarchies, Scene, scale_name
from hierarchy.images import SearchImage
from hierarchy.metrics import Curve, GroundTruth, paper_curve
from report.curves import Curve as DrawnCurve
from report.curves import draw_precision_recall, draw_regions_per_object

DEVIATION = ", deviation over seeds"
"""How the name of a number's deviation ends."""


@dataclass(frozen=True)
class RegionsPerObject(Runs):
    """Settings of Fig. 8."""

    agent: str = "agent"
    """Whose searches: agent, random, centre or upper_bound."""


@dataclass(frozen=True)
class Baselines(Hierarchies):
    """Settings of Fig. 5."""

    class_object: str = "aeroplane"
    """Class to search for, by number or name."""
    only_first_object: Literal[0, 1] = 1
    """0 searches on after a find, for further objects."""
    detections: Literal["regions", "triggers"] = "regions"
    """What is ranked: all regions analysed, as in the paper, or those triggered on."""
    seeds: int = 10
    """Random agents; the first is drawn, all are in the numbers."""


def baselines(settings: Baselines) -> Made:
    """Random agents and the upper bound, on both hierarchies; from annotations."""
    if settings.seeds < 1:
        raise InputError(f"seeds is {settings.seeds}; expected at least 1")
    scenes = searched_scenes(settings)
    curves = {}
    for scale in settings.scales:
        for who, several in search_baselines(scenes, scale, settings).items():
            label, first = f"{who} {scale_name(scale)}", several[0]
            _print_numbers(label, several)
            curves[label] = (first.recall, first.precision, first.average_precision)
    name = class_name(settings.class_object)
    same = published.is_same_protocol(len(scenes), name)
    return _precision_recall(curves, same, f"Baselines, {name}, {len(scenes)} images")


def searched_scenes(settings: Baselines) -> list[Scene]:
    """Return what is searched."""
    scenes, skipped = settings.scenes(class_name(settings.class_object))
    for line in skipped:
        print(f"left out: {line}")
    return scenes


def search_baselines(
    scenes: Sequence[Scene], scale: float, settings: Baselines
) -> dict[str, list[Curve]]:
    """Search on the hierarchy of a scale; return curves by "upper bound", "random"."""
    with load_keras():
        from hierarchy.baselines import RandomPolicy, UpperBoundPolicy

    agents = [RandomPolicy(np.random.default_rng(n)) for n in range(settings.seeds)]
    policies = [lambda _, agent=agent: agent for agent in agents]
    return {
        "upper bound": [_search_all(scenes, UpperBoundPolicy, scale, settings)],
        "random": [_search_all(scenes, one, scale, settings) for one in policies],
    }


def _search_all(
    scenes: Sequence[Scene], policy_for: Callable, scale: float, settings: Baselines
) -> Curve:
    """Search with the policy for each scene's boxes."""
    from hierarchy.evaluation import Evaluator, run_policy

    spec, only_first = settings.search_spec(scale), bool(settings.only_first_object)
    evaluator = Evaluator()
    for number, scene in enumerate(scenes):
        # Nobody looks at the pixels: one black pixel is seen everywhere.
        pixels = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (*scene.size, 3))
        image, policy = SearchImage(str(number), pixels), policy_for(scene.boxes)
        visited = list(run_policy(image, policy, spec, only_first))
        difficult = (False,) * len(scene.boxes)  # the paper's protocol counts all
        evaluator.add(GroundTruth(scene.boxes, difficult), visited, 0.0)
    if settings.detections == "triggers":
        return paper_curve(evaluator.triggers, evaluator.truths)
    return evaluator.curve


def summary(curves: Sequence[Curve]) -> dict[str, float]:
    """Return means over several agents, and with several their deviations (n − 1)."""
    found = [curve.is_true_positive.sum() for curve in curves]
    areas = [curve.average_precision for curve in curves]
    numbers = {}
    for name, values in (("found", found), ("ap (paper)", areas)):
        numbers[name] = float(np.mean(values))
        if len(curves) > 1:
            numbers[name + DEVIATION] = float(np.std(values, ddof=1))
    return numbers


def _print_numbers(label: str, curves: Sequence[Curve]) -> None:
    """Print finds and AP, with deviations where there are several agents."""
    numbers, positives = summary(curves), curves[0].positives
    found, area = numbers["found"], numbers["ap (paper)"]
    spread = ["", ""]
    if len(curves) > 1:
        spread[0] = f" (± {numbers[f'found{DEVIATION}']:.1f})"
        spread[1] = f" (± {numbers[f'ap (paper){DEVIATION}']:.3f})"
    text = f"{label}: found {found:.1f} of {positives}{spread[0]}"
    text += f", recall {found / positives:.3f}, AP {area:.3f}{spread[1]}"
    if label in published.CURVES:
        count = published.images_found(published.CURVES[label])
        text += f"; paper on VOC 2007 test: {count} of {published.IMAGES}"
    print(text)


def both_detectors(settings: Runs) -> Made:
    """Precision over recall of both detectors, from results.json of tests."""
    runs = read_same_test(settings.runs)
    labels = _labels(runs)
    curves = {n: _curve_of(one, "agent") for n, one in zip(labels, runs, strict=True)}
    for baseline in ("random", "upper_bound"):
        curves[baseline.replace("_", " ")] = _curve_of(runs[0], baseline)
    images, what = runs[0].get("images"), runs[0].get("class")
    title = f"Detectors, {what}, {images} images"
    return _precision_recall(curves, all(map(_is_papers, runs)), title)


def by_epoch(settings: Runs) -> Made:
    """Precision over recall by epoch, from results.json of tests by --model_name."""
    runs = read_same_test(settings.runs)
    curves = {}
    for epoch, one in sorted(((_epoch(one), one) for one in runs), key=lambda x: x[0]):
        label = f"epoch {epoch}"
        if label in curves:
            raise file_error(one.path, f"is another test of {label}", "one of each")
        curves[label] = _curve_of(one, "agent")
    # The paper's epochs are image_zooms'.
    detectors = {one.get("detector") for one in runs}
    same = all(map(_is_papers, runs)) and detectors == {"image_zooms"}
    title = f"{runs[0].get('detector')} by epoch, {runs[0].get('class')}"
    return _precision_recall(curves, same, title)


def _epoch(results: Results) -> int:
    """Return the epoch that was tested as the paper counts, from 1."""
    if results.epoch is None:
        raise file_error(
            results.path,
            f"weights.file is {results.get('weights', 'file')!r}, which names no epoch",
            "a test of one epoch, --model_name model0_epoch_N",
        )
    return results.epoch + 1


def regions_per_object(settings: RegionsPerObject) -> Made:
    """Regions analysed until an object was found, from results.json of tests."""
    runs = read_same_test(settings.runs)
    fields = settings.agent, "regions_per_object_histogram"
    counts: dict[str, Sequence[float]] = {
        label: one.numbers(*fields)
        for label, one in zip(_labels(runs), runs, strict=True)
    }
    sources = dict.fromkeys(counts, "here")
    if all(map(_is_papers, runs)):
        counts["paper"] = published.REGIONS_PER_OBJECT
        sources["paper"] = DETECTORS
    rows = [
        (label, sources[label], regions, found)
        for label, histogram in counts.items()
        for regions, found in enumerate(histogram, 1)
    ]
    images, what = runs[0].get("images"), runs[0].get("class")
    title = f"Regions until found, {what}, {images} images"
    return Made(rows, partial(draw_regions_per_object, counts, title=title))


def _precision_recall(
    curves: Mapping[str, DrawnCurve], is_papers_test: bool, title: str
) -> Made:
    """Make a figure of curves, with the paper's of the same names if it is its test."""
    names = [name for name in curves if is_papers_test and name in published.CURVES]
    thin = {name: published.CURVES[name] for name in names}
    rows = [
        (name, "here", *point)
        for name, (recall, precision, _) in curves.items()
        for point in zip(recall, precision, strict=True)
    ]
    rows += [(n, DETECTORS, *point) for n in names for point in thin[n].points]
    draw = partial(draw_precision_recall, curves, title=title, published=thin)
    return Made(rows, draw)


def _curve_of(results: Results, agent: str) -> DrawnCurve:
    """Return recall, precision and AP of ``agent`` by the paper's protocol."""
    recall = results.numbers(agent, "precision_recall", "recall")
    precision = results.numbers(agent, "precision_recall", "precision")
    results.expect(
        len(recall) == len(precision),
        f"{agent}.precision_recall: {len(recall)} recalls, {len(precision)} precisions",
        "as many of both",
    )
    return recall, precision, results.get(agent, "paper", "ap", kind=(int, float))


def _is_papers(results: Results) -> bool:
    return published.is_same_protocol(results.get("images"), results.get("class"))


def _labels(runs: Sequence[Results]) -> list[str]:
    """Return the runs' detectors, numbered where they occur again."""
    names = [str(one.get("detector")) for one in runs]
    return [
        name if names.index(name) == place else f"{name} ({names[:place].count(name)})"
        for place, name in enumerate(names)
    ]
