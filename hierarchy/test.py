"""Testing a detector: from settings to results."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from common.bootstrap import CONFIDENCE, RESAMPLES, resample_counts
from common.boxes import Box
from common.errors import InputError, counted
from common.files import check_folder, write_json
from common.images import find_images
from common.pictures import check_headers, with_skip_hint
from common.progress import console, track
from common.run import folder_of, made_with, report_findings, training_findings
from datasets.voc import VocImage, VocSet
from hierarchy.baselines import CentrePolicy, Policy, RandomPolicy, UpperBoundPolicy
from hierarchy.checkpoint import Checkpoints
from hierarchy.coco import ground_truth_of, image_entry, image_id, results_of
from hierarchy.config import TestSettings
from hierarchy.data import report_skipped, test_set
from hierarchy.detector import Detector, PictureResult, weights_of
from hierarchy.diagnosis import CHECKS, untrained
from hierarchy.evaluation import Evaluator, VisitedRegion, run_images, searches_in
from hierarchy.features import MakeFeatures
from hierarchy.images import SearchImage
from hierarchy.metrics import Detection, GroundTruth
from hierarchy.page import SearchPage, plots_of
from hierarchy.search import SearchSpec
from hierarchy.strips import draw_sequences, frame_of, strip_name
from report.canvas import FileNames
from report.curves import (
    draw_accuracy_over_iou,
    draw_precision_recall,
    draw_recall_after_regions,
    draw_regions_per_object,
)
from report.page import FILE

AGENTS = ("agent", "random", "centre", "upper_bound")

BOOTSTRAP_STREAM = 1
"""Tells the bootstrap's random numbers from the random agent's of the same seed."""


def test(settings: TestSettings, make_features: MakeFeatures) -> None:
    """Measure a trained agent on a test set, or search pictures with it.

    Args:
        settings: all of them; see :mod:`hierarchy.config`.
        make_features: makes the detector's features by its settings.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    weights = weights_of(settings)
    pictures = find_images(settings.images or ())
    images = None if pictures else test_set(settings)
    detector = Detector(settings, weights, make_features(settings))
    extract = detector.extract
    files = Checkpoints(folder_of(settings), settings.class_object)
    findings = training_findings(weights, files, CHECKS)
    findings = findings or untrained(detector.agent.network.get_weights()[-1])
    about = {
        "detector": settings.detector,
        "class": settings.class_name,
        **made_with(settings, weights),
        **extract.fingerprint,
        "quirks": settings.differences.names(),
        "findings": [asdict(finding) for finding in findings],
    }
    check_folder(settings.path_testing_folder, "path_testing_folder")
    if images is None:
        with with_skip_hint():
            search_pictures(detector, pictures, about)
    else:
        images = images.at_least(extract.smallest_image)
        measure(settings, detector.spec, images, detector.agent, about)
    report_findings(findings)


def measure(
    settings: TestSettings,
    spec: SearchSpec,
    images: VocSet,
    agent: Policy,
    about: dict[str, Any],
) -> dict[str, Any]:
    """Run agent and baselines on the same images; write the results.

    Writes ``results.json``, ``report.html``, ``detections.json`` and
    ``ground_truth.json`` (see :mod:`hierarchy.coco`), a picture per curve and, with
    ``bool_draw``, a strip per search of the agent into ``path_testing_folder``.

    Args:
        settings: of the test.
        spec: how to search.
        images: the test set.
        agent: the trained agent.
        about: what the results were made with; becomes part of them.

    Returns:
        What ``results.json`` holds.
    """
    evaluators = {name: Evaluator(spec.number_of_steps) for name in AGENTS}
    entries: list[dict[str, Any]] = []
    draws = bool(settings.bool_draw)
    page = SearchPage(spec, agent, len(images), settings.explore, draws)
    random = RandomPolicy(np.random.default_rng(settings.seed))
    names = FileNames()
    start = time.perf_counter()
    whole = ((image, SearchImage(image.key, image.pixels)) for image in images)
    is_single = bool(settings.only_first_object)
    searched = run_images(whole, agent, spec, is_single, settings.num_searches)
    for image, visited, seconds in track(searched, "testing", len(images)):
        truth = _truth(image, settings.class_name)
        size = visited[0].image.size
        entries.append(image_entry(len(entries), image.path.name, size))
        evaluators["agent"].add(truth, visited, seconds)
        for name, policy in (
            ("random", random),
            ("centre", CentrePolicy()),
            ("upper_bound", UpperBoundPolicy(truth.boxes)),
        ):
            one = [(name, SearchImage(image.key, image.pixels))]
            # Further searches of one that does not look would all end at the centre.
            once = is_single or name == "centre"
            ((_, others, seconds),) = run_images(one, policy, spec, once)
            evaluators[name].add(truth, others, seconds)
        name = names.of(image.key, image.name)
        page.add(name, visited, truth.boxes)
        if draws:
            _draw(settings, spec, name, visited, truth.boxes)
    if not entries:
        raise InputError(f"none of {len(images)} test images can be read")
    # Of all agents the same images: what differs between them is not the draw.
    generator = np.random.default_rng([settings.seed, BOOTSTRAP_STREAM])
    counts = resample_counts(generator, len(entries))
    truths = evaluators["agent"].truths
    results = {
        **about,
        "data": images.title,
        "images": len(entries),
        "objects": sum(len(truth.boxes) for truth in truths),
        "seconds": round(time.perf_counter() - start, 2),
        "skipped": images.skipped,
        "bootstrap": {"resamples": RESAMPLES, "confidence": CONFIDENCE},
        **{name: evaluator.results(counts) for name, evaluator in evaluators.items()},
    }
    folder = settings.path_testing_folder
    found = results_of(evaluators["agent"].triggers)
    write_json(folder / "detections.json", found)
    truth_file = ground_truth_of(entries, truths, results["class"])
    write_json(folder / "ground_truth.json", truth_file)
    _write_results(settings, results, evaluators)
    table = _table(results)
    plots = plots_of(results, AGENTS)
    page.write(settings.path_testing_folder, results, table, plots)
    _print_table(results, *table)
    report_skipped(images)
    console.print(f"results and pictures: {settings.path_testing_folder / FILE}")
    return results


def _truth(image: VocImage, class_name: str) -> GroundTruth:
    objects = [item for item in image.objects if item.class_name == class_name]
    return GroundTruth(
        tuple(item.box for item in objects), tuple(item.difficult for item in objects)
    )


def _draw(
    settings: TestSettings,
    spec: SearchSpec,
    name: str,
    visited: Iterable[VisitedRegion],
    boxes: tuple[Box, ...] | None,
) -> None:
    """Draw each search of an image as a strip; ``boxes`` is None where not known."""
    for number, search in searches_in(visited).items():
        frames = [frame_of(one, boxes) for one in search]
        strip = settings.path_testing_folder / strip_name(name, number, "search")
        draw_sequences(frames, strip, name, spec.actions)


def _write_results(
    settings: TestSettings, results: dict[str, Any], evaluators: dict[str, Evaluator]
) -> None:
    folder = settings.path_testing_folder
    images = counted(results["images"], "image")
    title = f"{results['detector']}, {results['class']}, {images}"
    curves = {}
    for name, evaluator in evaluators.items():
        curve = evaluator.curve
        curves[name] = (curve.recall, curve.precision, curve.average_precision)
    draw_precision_recall(curves, folder / "precision_recall.png", title)
    histograms = {name: evaluator.histogram for name, evaluator in evaluators.items()}
    draw_regions_per_object(histograms, folder / "regions_per_object.png", title)
    agents = {name: results[name] for name in AGENTS}
    draw_accuracy_over_iou(agents, folder / "accuracy_over_iou.png", title)
    draw_recall_after_regions(agents, folder / "recall_after_regions.png", title)
    write_json(folder / "results.json", results)


def _table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of text: how good the agent and the baselines are."""
    ap = f"AP (paper), {100 * CONFIDENCE:.0f} %"
    columns = ["", ap, "recall", "AP (VOC)", "AP (COCO)", "regions per object"]
    rows = []
    for name in AGENTS:
        numbers = results[name]
        regions = numbers["regions_per_object"]
        low, high = numbers["intervals"]["paper"]["ap"]
        rows.append(
            [
                name.replace("_", " "),
                f"{numbers['paper']['ap']:.3f} [{low:.3f}, {high:.3f}]",
                f"{numbers['paper']['recall']:.3f}",
                f"{numbers['voc']['ap_area']:.3f}",
                f"{numbers['coco']['ap']:.3f}",
                "–" if regions is None else f"{regions:.1f}",
            ]
        )
    return columns, rows


def _print_table(
    results: dict[str, Any], columns: list[str], rows: list[list[str]]
) -> None:
    images = counted(results["images"], "image")
    table = Table(title=f"{images}, {counted(results['objects'], 'object')}")
    for number, column in enumerate(columns):
        # The agent's name and its AP with the interval stay in one line.
        table.add_column(
            column, justify="right" if number else "left", no_wrap=number < 2
        )
    for row in rows:
        table.add_row(*row)
    console.print(table)


def search_pictures(
    detector: Detector, paths: list[Path], about: dict[str, Any]
) -> list[dict[str, Any]]:
    """Search pictures that have no annotations; write what was found.

    Writes ``searches.json``, with all that each search did, ``detections.json``, the
    triggers in COCO's results format (see :mod:`hierarchy.coco`), ``report.html`` and a
    strip per search into ``path_testing_folder``.

    Args:
        detector: the trained one.
        paths: the pictures.
        about: what the detections were made with; becomes part of them.

    Returns:
        What ``searches.json`` lists under ``images``.
    """
    settings, names = detector.settings, FileNames()
    found: list[dict[str, Any]] = []
    triggers: list[Detection] = []
    skipped: list[str] = []
    if not settings.skip_bad:
        check_headers(paths, detector.extract.smallest_image)
    page = SearchPage(
        detector.spec, detector.agent, len(paths), settings.explore, has_strips=True
    )
    searched = detector.search(paths, skipped if settings.skip_bad else None)
    for result in track(searched, "searching", len(paths)):
        number = len(found)
        found.append({"id": image_id(number), **_detections_in(result)})
        triggers += [
            Detection(number, one.region.box, one.output.score)
            for one in result.visited
            if one.triggered
        ]
        name = names.of(result.name, Path(result.name).stem)
        page.add(name, result.visited, None)
        for at, search in enumerate(result.searches):
            strip = strip_name(name, at, "search")
            search.draw(settings.path_testing_folder / strip, name)
    if not found:
        raise InputError(f"none of {len(paths)} pictures can be read: {skipped[0]} …")
    folder = settings.path_testing_folder
    searches = {**about, "images": found, "skipped": skipped}
    write_json(folder / "searches.json", searches)
    write_json(folder / "detections.json", results_of(triggers))
    page.write(folder, about | {"images": len(found)})
    for line in skipped:
        console.print(f"left out: {line}")
    console.print(
        f"{len(triggers)} found in {counted(len(found), 'picture')}; detections and"
        f" strips:"
        f" {folder / FILE}"
    )
    return found


def _detections_in(result: PictureResult) -> dict[str, Any]:
    """Return what was found in a picture, ready for JSON."""
    detections = []
    for search in result.searches:
        numbers = [search.actions.names.index(name) + 1 for name in search.path]
        ymin, xmin, ymax, xmax = search.box
        detections.append(
            {
                "box": {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax},
                "trigger_q_value": search.score,
                "path": numbers,
                "triggered": search.triggered,
            }
        )
    return {
        "image": result.name,
        "height": result.height,
        "width": result.width,
        "detections": detections,
    }
