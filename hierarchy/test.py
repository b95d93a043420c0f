"""Testing a detector: from settings to results."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.table import Table

from common.boxes import Box
from common.errors import InputError, several_errors
from common.files import check_folder, write_json
from common.images import find_images, read_image, read_size, too_small
from common.prefetch import prefetch
from common.progress import console, track
from common.run import compare_with_training, made_with, trained_weights
from datasets.voc import WAY_ON, VocImage, VocSet
from hierarchy.augmentation import mirror_of
from hierarchy.baselines import (
    AgentPolicy,
    CentrePolicy,
    Policy,
    RandomPolicy,
    UpperBoundPolicy,
)
from hierarchy.checkpoint import Checkpoints
from hierarchy.config import TestSettings
from hierarchy.data import report_skipped, test_set
from hierarchy.encoder import StateEncoder
from hierarchy.evaluation import Evaluator, VisitedRegion, run_batch
from hierarchy.features import FeatureExtractor, MakeFeatures
from hierarchy.images import SearchImage
from hierarchy.metrics import GroundTruth
from hierarchy.q_network import get_q_network
from hierarchy.search import SearchSpec
from hierarchy.strips import StripNames, draw_sequences, frame_of, strip_name
from report.curves import draw_precision_recall, draw_regions_per_object

Item = TypeVar("Item")

AGENTS = ("agent", "random", "centre", "upper_bound")


def test(settings: TestSettings, make_features: MakeFeatures) -> None:
    """Measure a trained agent on a test set, or search pictures with it.

    Args:
        settings: all of them; see :mod:`hierarchy.config`.
        make_features: makes the detector's features by its settings.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    checkpoints = Checkpoints(settings.path_model, settings.class_object)
    weights = trained_weights(
        settings, checkpoints, f"python {settings.detector}/train.py -n 0"
    )
    pictures = find_images(settings.images)
    images = None if pictures else test_set(settings)
    extract = make_features(settings)
    compare_with_training(
        weights,
        settings.identity() | extract.fingerprint,
        may_differ=("class", *settings.search_identity(), *extract.may_differ),
    )
    agent = load_agent(settings, weights, extract)
    about = {
        "detector": settings.detector,
        "class": settings.class_name,
        **made_with(settings, weights),
        **extract.fingerprint,
        "quirks": settings.differences.names(),
    }
    check_folder(settings.path_testing_folder, "path_testing_folder")
    spec = settings.search_spec(extract.fill_colour)
    if images is None:
        search_pictures(settings, spec, pictures, agent, about, extract.smallest_image)
    else:
        measure(settings, spec, images.at_least(extract.smallest_image), agent, about)


def load_agent(
    settings: TestSettings, weights: Path, extract: FeatureExtractor
) -> AgentPolicy:
    """Return a trained agent.

    Args:
        settings: say its actions and its history.
        weights: its Q-network's file.
        extract: the detector's features.

    Raises:
        InputError: the file is damaged, or of another network.
    """
    num_actions = len(settings.action_set)
    encoder = StateEncoder(extract.size, settings.history_length, num_actions)
    network = get_q_network(encoder.state_size, num_actions, weights)
    mirror = None
    if settings.flip_states:
        mirror = mirror_of(extract, encoder, settings.action_set)
    return AgentPolicy(network, extract, encoder, mirror)


def measure(
    settings: TestSettings,
    spec: SearchSpec,
    images: VocSet,
    agent: Policy,
    about: dict[str, Any],
) -> dict[str, Any]:
    """Run agent and baselines on the same images; write the results.

    Writes ``results.json``, ``precision_recall.png``, ``regions_per_object.png`` and,
    with ``bool_draw``, a strip per search of the agent into ``path_testing_folder``.

    Args:
        settings: of the test.
        spec: how to search.
        images: the test set.
        agent: the trained agent.
        about: what the results were made with; becomes part of them.

    Returns:
        What ``results.json`` holds.
    """
    evaluators = {name: Evaluator() for name in AGENTS}
    random = RandomPolicy(np.random.default_rng(settings.seed))
    names = StripNames()
    start = time.perf_counter()
    whole = ((image, SearchImage(image.key, image.pixels)) for image in images)
    searched = _searched(settings, spec, whole, agent)
    for image, visited, seconds in track(searched, "testing", len(images)):
        truth = _truth(image, settings.class_name)
        evaluators["agent"].add(truth, visited, seconds)
        for name, policy in (
            ("random", random),
            ("centre", CentrePolicy()),
            ("upper_bound", UpperBoundPolicy(truth.boxes)),
        ):
            one = [(name, SearchImage(image.key, image.pixels))]
            ((_, others, seconds),) = _searched(settings, spec, one, policy)
            evaluators[name].add(truth, others, seconds)
        if settings.bool_draw:
            name = names.of(image.key, image.name)
            _draw(settings, spec, name, visited, truth.boxes)
    if not evaluators["agent"].truths:
        raise InputError(f"none of {len(images)} test images can be read")
    results = {
        **about,
        "data": images.title,
        "images": len(evaluators["agent"].truths),
        "objects": sum(len(truth.boxes) for truth in evaluators["agent"].truths),
        "seconds": round(time.perf_counter() - start, 2),
        "skipped": images.skipped,
        **{name: evaluator.results() for name, evaluator in evaluators.items()},
    }
    _write_results(settings, results, evaluators)
    _print_table(results)
    report_skipped(images)
    console.print(f"results and pictures: {settings.path_testing_folder}")
    return results


def _truth(image: VocImage, class_name: str) -> GroundTruth:
    objects = [item for item in image.objects if item.class_name == class_name]
    return GroundTruth(
        tuple(item.box for item in objects), tuple(item.difficult for item in objects)
    )


def _searched(
    settings: TestSettings,
    spec: SearchSpec,
    images: Iterable[tuple[Item, SearchImage]],
    policy: Policy,
) -> Iterator[tuple[Item, list[VisitedRegion], float]]:
    """Search images, ``num_searches`` at a time, and the next ones decoded meanwhile.

    Args:
        settings: of the test.
        spec: how to search.
        images: each with what it is of.
        policy: decides.

    Yields:
        What an image is of, the regions visited, and the seconds that it took.
    """
    decoded = prefetch(images, settings.num_searches + 1)
    while several := list(islice(decoded, settings.num_searches)):
        visited: list[list[VisitedRegion]] = [[] for _ in several]
        start = time.perf_counter()
        for index, region in run_batch(
            [image for _, image in several],
            policy,
            spec,
            bool(settings.only_first_object),
        ):
            visited[index].append(region)
        seconds = (time.perf_counter() - start) / len(several)
        for (item, _), own in zip(several, visited, strict=True):
            yield item, own, seconds


def _by_search(visited: Iterable[VisitedRegion]) -> dict[int, list[VisitedRegion]]:
    """Return the regions visited in an image by search."""
    searches = defaultdict(list)
    for region in visited:
        searches[region.number].append(region)
    return searches


def _draw(
    settings: TestSettings,
    spec: SearchSpec,
    name: str,
    visited: Iterable[VisitedRegion],
    boxes: tuple[Box, ...] | None,
) -> None:
    """Draw each search of an image as a strip; ``boxes`` is None where not known."""
    for number, search in _by_search(visited).items():
        frames = [frame_of(one, boxes) for one in search]
        strip = settings.path_testing_folder / strip_name(name, number, "search")
        draw_sequences(frames, strip, name, spec.actions)


def _write_results(
    settings: TestSettings, results: dict[str, Any], evaluators: dict[str, Evaluator]
) -> None:
    folder = settings.path_testing_folder
    title = f"{results['detector']}, {results['class']}, {results['images']} images"
    curves = {}
    for name, evaluator in evaluators.items():
        curve = evaluator.curve
        curves[name] = (curve.recall, curve.precision, curve.average_precision)
    draw_precision_recall(curves, folder / "precision_recall.png", title)
    histograms = {name: evaluator.histogram for name, evaluator in evaluators.items()}
    draw_regions_per_object(histograms, folder / "regions_per_object.png", title)
    write_json(folder / "results.json", results)


def _print_table(results: dict[str, Any]) -> None:
    table = Table(title=f"{results['images']} images, {results['objects']} objects")
    table.add_column("")
    for column in ("AP (paper)", "recall", "AP (VOC)", "regions per object"):
        table.add_column(column, justify="right")
    for name in AGENTS:
        numbers = results[name]
        regions = numbers["regions_per_object"]
        table.add_row(
            name.replace("_", " "),
            f"{numbers['paper']['ap']:.3f}",
            f"{numbers['paper']['recall']:.3f}",
            f"{numbers['voc']['ap_area']:.3f}",
            "–" if regions is None else f"{regions:.1f}",
        )
    console.print(table)


def search_pictures(
    settings: TestSettings,
    spec: SearchSpec,
    paths: list[Path],
    agent: Policy,
    about: dict[str, Any],
    smallest_image: int,
) -> list[dict[str, Any]]:
    """Search pictures that have no annotations; write what was found.

    Writes ``detections.json`` and a strip per search into ``path_testing_folder``.

    Args:
        settings: of the test.
        spec: how to search.
        paths: the pictures.
        agent: the trained agent.
        about: what the detections were made with; becomes part of them.
        smallest_image: pixels each way that a picture must have.

    Returns:
        What ``detections.json`` lists under ``images``.
    """
    found: list[dict[str, Any]] = []
    skipped: list[str] = []
    if not settings.skip_bad:
        _check_headers(paths, smallest_image)
    names = StripNames()
    pictures = _read(settings, paths, skipped, smallest_image)
    searched = _searched(settings, spec, pictures, agent)
    for path, visited, _ in track(searched, "searching", len(paths)):
        found.append(_detections_in(path, visited))
        name = names.of(str(path), path.stem)
        _draw(settings, spec, name, visited, None)
    if not found:
        raise InputError(f"none of {len(paths)} pictures can be read: {skipped[0]} …")
    write_json(
        settings.path_testing_folder / "detections.json",
        {**about, "images": found, "skipped": skipped},
    )
    for line in skipped:
        console.print(f"left out: {line}")
    triggers = sum(item["triggered"] for image in found for item in image["detections"])
    console.print(
        f"{triggers} found in {len(found)} pictures; detections and strips:"
        f" {settings.path_testing_folder}"
    )
    return found


def _check_headers(paths: Sequence[Path], smallest_image: int) -> None:
    """Refuse pictures whose headers say that they cannot be searched, all at once."""
    bad = []
    for path in paths:
        try:
            height, width = read_size(path)
            if min(height, width) < smallest_image:
                bad.append(str(too_small(path, height, width, smallest_image)))
        except InputError as error:
            bad.append(str(error))
    if bad:
        raise several_errors("images", bad, WAY_ON)


def _read(
    settings: TestSettings,
    paths: Sequence[Path],
    skipped: list[str],
    smallest_image: int,
) -> Iterator[tuple[Path, SearchImage]]:
    """Yield pictures; with ``skip_bad`` a line for each bad one goes to ``skipped``."""
    for path in paths:
        try:
            pixels = read_image(path, smallest=smallest_image)
        except InputError as error:
            if not settings.skip_bad:
                raise several_errors("", [str(error)], WAY_ON) from None
            skipped.append(str(error))
        else:
            yield path, SearchImage(str(path), pixels)


def _detections_in(path: Path, visited: list[VisitedRegion]) -> dict[str, Any]:
    """Return one entry per search: the region it triggered on, else the likeliest."""
    detections = []
    for search in _by_search(visited).values():
        *_, last = search
        best = last if last.triggered else max(search, key=lambda one: one.output.score)
        ymin, xmin, ymax, xmax = best.region.box
        detections.append(
            {
                "box": {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax},
                "trigger_q_value": best.output.score,
                "path": list(best.path) + [last.output.action] * last.triggered,
                "triggered": last.triggered,
            }
        )
    height, width = visited[0].image.size
    return {
        "image": str(path),
        "height": height,
        "width": width,
        "detections": detections,
    }
