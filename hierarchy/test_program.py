"""The testing program: from settings to results, as the scripts call it."""

import dataclasses
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np
from rich.table import Table

from common.ahead import ahead
from common.epochs import in_words, read_settings
from common.errors import InputError, file_error
from common.files import check_folder, sha256_of, write_json
from common.images import find_images, read_image
from common.progress import console, track
from common.provenance import provenance
from datasets.voc import VocImage, VocSet, class_name
from hierarchy.checkpoint import Checkpoints
from hierarchy.config import TestSettings
from hierarchy.data import report_skipped, test_set
from hierarchy.evaluation import Look, Tally, run_together
from hierarchy.metrics import Truth
from hierarchy.pictures import Picture
from hierarchy.policies import AgentPolicy, Policy, RandomPolicy, UpperBoundPolicy
from hierarchy.q_network import get_q_network
from hierarchy.regions import TRIGGER, Box
from hierarchy.strips import draw_sequences, frame_of, strip_name
from hierarchy.train_program import MakeDescriber
from report.curves import draw_precision_recall, draw_regions_per_object
from weights.fetch import ensure_trunk
from weights.identity import TrunkIdentity
from weights.vgg16 import trunk_identity

Item = TypeVar("Item")

AGENTS = ("agent", "random", "upper_bound")


def test(settings: TestSettings, make_describer: MakeDescriber) -> None:
    """Measure a trained agent on a test set, or search pictures with it.

    Args:
        settings: all of them; see :mod:`hierarchy.config`.
        make_describer: the detector.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    weights = weights_of(settings)
    images = find_images(settings.images) if settings.images else test_set(settings)
    ensure_trunk(settings.path_vgg)
    trunk = trunk_identity(settings.path_vgg)
    compare_with_training(settings, weights, trunk)
    agent = AgentPolicy(get_q_network(weights), make_describer(settings))
    about = _provenance(settings, weights, trunk)
    check_folder(settings.path_testing_folder, "path_testing_folder")
    if settings.images:
        search_pictures(settings, images, agent, about)
    else:
        measure(settings, images, agent, about)


test.__test__ = False  # no test case, whatever pytest thinks of the name


def weights_of(settings: TestSettings) -> Path:
    """Return the Q-network file to test.

    Raises:
        InputError: it is not there; lists the epochs that are.
    """
    if settings.weights_path is not None:
        path = settings.weights_path
        if path.is_file():
            return path
        raise file_error(path, "is no file (weights_path)", "a Q-network")
    name = (settings.model_name or settings.model_stem).removesuffix(".weights.h5")
    path = settings.path_model / f"{name}.weights.h5"
    if path.is_file():
        return path
    epochs = Checkpoints(settings.path_model, settings.class_id).epochs()
    there = ", ".join(map(str, epochs)) if epochs else "none"
    raise InputError(
        f"{path}: there is no such file; expected a trained Q-network"
        f" (python {settings.detector}/train.py -n 0); epochs of class"
        f" {class_name(settings.class_id)} in {settings.path_model}: {there}"
    )


def compare_with_training(
    settings: TestSettings, weights: Path, trunk: TrunkIdentity
) -> None:
    """Say in which settings a test differs from the training of its model.

    Args:
        settings: of the test.
        weights: the model's file; one of another program says nothing of its training.
        trunk: what the test describes regions with.

    Raises:
        InputError: the model is the other detector's, or learnt with another trunk.
    """
    trained = read_settings(weights)
    if trained is None:
        console.print(f"{weights} does not say which trunk it was trained with")
        return
    decisive = {"detector": settings.detector, "trunk": trunk.to_json()}
    for name, value in decisive.items():
        before = trained.get(name)
        if before != value:
            raise InputError(
                f"{weights}: was trained with {name} {in_words(before)}; expected it"
                f" instead of {in_words(value)}"
            )
    now = {
        "scale_subregion": settings.scale_subregion,
        "number_of_steps": settings.number_of_steps,
        "quirks": settings.rules.quirks.names(),
        "trunk_dtype": settings.descriptor_dtype,
    }
    for name, value in now.items():
        before = trained.get(name, value)
        if before != value:
            console.print(
                f"{name} is {in_words(value)}; in training it was {in_words(before)}"
            )


def _provenance(
    settings: TestSettings, weights: Path, trunk: TrunkIdentity
) -> dict[str, Any]:
    """Return what the results were made with, ready for JSON."""
    values = dataclasses.asdict(settings)
    return {
        "detector": settings.detector,
        "class": class_name(settings.class_id),
        "weights": {"file": weights.name, "sha256": sha256_of(weights)},
        "trunk": trunk.to_json(),
        "trunk_dtype": settings.descriptor_dtype,
        "quirks": settings.rules.quirks.names(),
        "seed": settings.seed,
        "backend": keras.backend.backend(),
        "made_with": provenance(),
        "settings": {name: _plain(value) for name, value in values.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def measure(
    settings: TestSettings, images: VocSet, agent: Policy, about: dict[str, Any]
) -> dict[str, Any]:
    """Run agent, random and upper bound on the same images; write the results.

    Writes ``results.json``, ``precision_recall.png``, ``regions_per_object.png`` and,
    with ``bool_draw``, a strip per search of the agent into ``path_testing_folder``.

    Args:
        settings: of the test.
        images: the test set.
        agent: the trained agent.
        about: what the results were made with; becomes part of them.

    Returns:
        What ``results.json`` holds.
    """
    tallies = {name: Tally() for name in AGENTS}
    chance = RandomPolicy(np.random.default_rng(settings.seed))
    start = time.perf_counter()
    pictures = ((image, Picture(image.key, image.pixels)) for image in images)
    searched = _searched(settings, pictures, agent)
    for image, looks, seconds in track(searched, "testing", len(images)):
        truth = _truth(image, settings.class_id)
        tallies["agent"].add(truth, looks, seconds)
        for name, policy in (
            ("random", chance),
            ("upper_bound", UpperBoundPolicy(truth.boxes)),
        ):
            picture = Picture(image.key, image.pixels)
            ((_, others, seconds),) = _searched(settings, [(name, picture)], policy)
            tallies[name].add(truth, others, seconds)
        if settings.bool_draw:
            _draw(settings, image.name, looks, truth.boxes)
    if not tallies["agent"].truths:
        raise InputError(f"none of {len(images)} test images can be read")
    results = {
        **about,
        "images": len(tallies["agent"].truths),
        "objects": sum(len(truth.boxes) for truth in tallies["agent"].truths),
        "seconds": round(time.perf_counter() - start, 2),
        "skipped": images.skipped,
        **{name: tally.results() for name, tally in tallies.items()},
    }
    _write_results(settings, results, tallies)
    _print_table(results)
    report_skipped(images)
    console.print(f"results and pictures: {settings.path_testing_folder}")
    return results


def _truth(image: VocImage, class_id: int) -> Truth:
    objects = [item for item in image.objects if item.class_id == class_id]
    return Truth(
        tuple(item.box for item in objects), tuple(item.difficult for item in objects)
    )


def _searched(
    settings: TestSettings, pictures: Iterable[tuple[Item, Picture]], policy: Policy
) -> Iterator[tuple[Item, list[Look], float]]:
    """Search pictures, ``num_searches`` at a time, and the next ones decoded meanwhile.

    Args:
        settings: of the test.
        pictures: each with what it is of.
        policy: who decides.

    Yields:
        What a picture is of, its looks, and the seconds that it took.
    """
    decoded = ahead(pictures, settings.num_searches + 1)
    while several := list(islice(decoded, settings.num_searches)):
        looks: list[list[Look]] = [[] for _ in several]
        start = time.perf_counter()
        for index, look in run_together(
            [picture for _, picture in several],
            policy,
            settings.rules,
            bool(settings.only_first_object),
        ):
            looks[index].append(look)
        seconds = (time.perf_counter() - start) / len(several)
        for (item, _), own in zip(several, looks, strict=True):
            yield item, own, seconds


def _searches(looks: Iterable[Look]) -> dict[int, list[Look]]:
    """Return an image's looks by search."""
    searches = defaultdict(list)
    for look in looks:
        searches[look.number].append(look)
    return searches


def _draw(
    settings: TestSettings,
    name: str,
    looks: Iterable[Look],
    boxes: tuple[Box, ...] | None,
) -> None:
    """Draw each search of an image as a strip; ``boxes`` is None where not known."""
    for number, search in _searches(looks).items():
        frames = [frame_of(look, boxes) for look in search]
        strip = settings.path_testing_folder / strip_name(name, number, "search")
        draw_sequences(frames, strip, name)


def _write_results(
    settings: TestSettings, results: dict[str, Any], tallies: dict[str, Tally]
) -> None:
    folder = settings.path_testing_folder
    title = f"{results['detector']}, {results['class']}, {results['images']} images"
    curves = {}
    for name, tally in tallies.items():
        curve = tally.curve
        curves[name] = (curve.recall, curve.precision, curve.average_precision)
    draw_precision_recall(curves, folder / "precision_recall.png", title)
    histograms = {name: tally.histogram for name, tally in tallies.items()}
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
    settings: TestSettings, paths: list[Path], agent: Policy, about: dict[str, Any]
) -> list[dict[str, Any]]:
    """Search pictures that have no annotations; write what was found.

    Writes ``detections.json`` and a strip per search into ``path_testing_folder``.

    Args:
        settings: of the test.
        paths: the pictures.
        agent: the trained agent.
        about: what the detections were made with; becomes part of them.

    Returns:
        What ``detections.json`` lists under ``images``.
    """
    found: list[dict[str, Any]] = []
    skipped: list[str] = []
    names = _distinct_names(paths)
    pictures = _read(settings, paths, skipped)
    searched = _searched(settings, pictures, agent)
    for path, looks, _ in track(searched, "searching", len(paths)):
        found.append(_detections_in(path, looks))
        _draw(settings, names[path], looks, None)
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


def _read(
    settings: TestSettings, paths: Sequence[Path], skipped: list[str]
) -> Iterator[tuple[Path, Picture]]:
    """Yield pictures; with ``skip_bad`` a line for each bad one goes to ``skipped``."""
    for path in paths:
        try:
            pixels = read_image(path, smallest=settings.smallest_image)
        except InputError as error:
            if not settings.skip_bad:
                raise
            skipped.append(str(error))
        else:
            yield path, Picture(str(path), pixels)


def _distinct_names(paths: list[Path]) -> dict[Path, str]:
    """Return a name for each picture's strips: its stem, numbered where shared."""
    names: dict[Path, str] = {}
    counts: dict[str, int] = defaultdict(int)
    for path in paths:
        counts[path.stem] += 1
        number = counts[path.stem]
        names[path] = path.stem if number == 1 else f"{path.stem}~{number}"
    return names


def _detections_in(path: Path, looks: list[Look]) -> dict[str, Any]:
    """Return one entry per search: the region it triggered on, else the likeliest."""
    detections = []
    for search in _searches(looks).values():
        triggered = search[-1].decision.action == TRIGGER
        look = search[-1] if triggered else max(search, key=lambda k: k.decision.score)
        ymin, xmin, ymax, xmax = look.region.box
        detections.append(
            {
                "box": {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax},
                "trigger_q_value": look.decision.score,
                "path": list(look.path) + [TRIGGER] * triggered,
                "triggered": triggered,
            }
        )
    height, width = looks[0].picture.size
    return {
        "image": str(path),
        "height": height,
        "width": width,
        "detections": detections,
    }
