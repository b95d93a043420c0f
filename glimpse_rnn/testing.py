"""Testing the glimpse regressor, from settings to results."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from common.bootstrap import CONFIDENCE, RESAMPLES, resample_counts
from common.errors import InputError, counted
from common.files import check_folder, write_json
from common.images import find_images
from common.pictures import check_headers, with_skip_hint
from common.progress import console, rounded, track
from common.run import (
    folder_of,
    made_with,
    report_findings,
    trained_weights,
    training_findings,
)
from datasets.keypoints import KeypointSet
from glimpse_rnn.batches import Augmentation
from glimpse_rnn.checkpoint import Checkpoints
from glimpse_rnn.config import TestSettings, trained_model, training_of
from glimpse_rnn.controls import whole_image_predictions
from glimpse_rnn.data import announce, open_sets, report_skipped
from glimpse_rnn.diagnosis import CHECKS
from glimpse_rnn.evaluation import (
    by_glimpses,
    constant_summary,
    rollout_of,
    run_files,
    sampled_predictions,
    seconds_per_image,
    trace,
    write_case,
)
from glimpse_rnn.locator import (
    LocateResult,
    Locator,
    Point,
    load_model,
    weights_of,
)
from glimpse_rnn.metrics import THRESHOLDS, normalised_distances, summary
from glimpse_rnn.model import GlimpseRegressor
from glimpse_rnn.page import RolloutPage, plots_of, shown, trajectory_of
from glimpse_rnn.training import split
from report.canvas import FileNames
from report.curves import draw_detection_rate, draw_rate_by_glimpses
from report.glimpses import Rollout, draw_cases, draw_rollout
from report.page import FILE, is_shown

CASES = 12
"""Rollouts in the pictures of best and worst cases."""

PAPER = (10, 30, 48, 63, 73)
"""The paper's own row of Table 1, in %."""


def test(settings: TestSettings) -> None:
    """Measure a trained model, or locate in pictures with it.

    Args:
        settings: all of them; see :mod:`glimpse_rnn.config`.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    settings.check_names()
    weights = weights_of(settings)
    paths = find_images(settings.images or ())
    locator = Locator(settings, weights)
    model, training_run = locator.model, training_of(folder_of(settings))
    trained = {
        name: value
        for name, value in training_run["settings"].items()
        if name not in settings.architecture()
    }
    files = Checkpoints(folder_of(settings))
    findings = training_findings(weights, files, CHECKS)
    about = {
        "model": "glimpse_rnn",
        "task": settings.task,
        **made_with(settings, weights),
        "trunk": locator.trunk,
        "training": trained,
        "findings": [asdict(finding) for finding in findings],
    }
    check_folder(settings.path_testing_folder, "path_testing_folder")
    if paths:
        with with_skip_hint():
            locate(locator, paths, about)
        report_findings(findings)
        return
    is_test = settings.split == "test"
    opened = open_sets(settings, *(("train", "test") if is_test else ("train",)))
    training, validation = split(opened[0], trained)
    if settings.controls and not len(training):
        raise InputError(
            f"controls is {settings.controls}, but {settings.path_data} has no images"
            " to train on; expected some, in a part train"
        )
    images = opened[1] if is_test else validation
    if not len(images):
        raise InputError("split is validation, but training kept no images for it")
    announce("testing", images)
    measure(settings, model, images, training, about, trained)
    report_skipped(images)
    report_findings(findings)


def measure(
    settings: TestSettings,
    model: GlimpseRegressor,
    images: KeypointSet,
    training: KeypointSet,
    about: dict[str, Any],
    trained: dict[str, Any],
) -> dict[str, Any]:
    """Measure a trained model and its controls; write results and pictures.

    Writes ``results.json``, ``report.html``, ``detection_rate.png``,
    ``rate_by_glimpses.png``, ``best.png``, ``worst.png`` with their pictures in
    ``cases/`` and, with ``bool_draw``, a picture per rollout into
    ``path_testing_folder``.

    Args:
        settings: of the test.
        model: the trained one.
        images: to measure on.
        training: what it was trained on, for the controls.
        about: what the results were made with; becomes part of them.
        trained: settings of the training; ``controls`` reads ``batch_size`` and
            ``flip``.

    Returns:
        What ``results.json`` holds. Its rates are the mean policy's where nothing else
        is said.
    """
    pixels, targets = images.arrays()
    outputs = trace(model, pixels, "mean", settings.seed)
    distances = normalised_distances(outputs["prediction"], targets)
    sampled = normalised_distances(
        sampled_predictions(model, pixels, settings.samples, settings.seed), targets
    )
    # Of all predictions the same images: what differs between them is not the draw.
    counts = resample_counts(np.random.default_rng(settings.seed), len(images))
    test = pixels, targets, counts
    results = {
        **about,
        "data": images.described,
        "split": settings.split,
        "images": len(images),
        "skipped": list(images.skipped),
        "bootstrap": {"resamples": RESAMPLES, "confidence": CONFIDENCE},
        **summary(distances, counts),
        "mean_policy": summary(distances, counts),
        "sampled": {"runs": settings.samples, **summary(sampled, counts)},
        "by_glimpses": by_glimpses(outputs["predictions"], targets),
        "controls": _controls(settings, model, test, training, trained),
        "seconds_per_image": rounded(seconds_per_image(model, pixels)),
    }
    cases = _best_and_worst(model, images, outputs, distances)
    folder = settings.path_testing_folder
    results["cases"] = [
        write_case(rollout, folder / "cases" / f"{name}_{number:02d}.jpg", folder)
        for name, rollouts in cases.items()
        for number, rollout in enumerate(rollouts, 1)
    ]
    write_json(folder / "results.json", results)
    _draw_plots(settings, results)
    _draw_best_and_worst(folder, cases, len(images))
    if settings.bool_draw:
        _draw_rollouts(settings, model, images, pixels, outputs, distances)
    table = _table(results)
    page = _page(settings, model, images, pixels, outputs, distances)
    plots = plots_of(_curves(results), results["by_glimpses"])
    page.write(folder, results, table, plots)
    _print_table(results, *table)
    console.print(f"results and pictures: {folder / FILE}")
    return results


def _controls(
    settings: TestSettings,
    model: GlimpseRegressor,
    test: tuple[np.ndarray, np.ndarray, np.ndarray],
    training: KeypointSet,
    trained: dict[str, Any],
) -> dict[str, Any]:
    """Return how good it is to do without what the paper adds.

    ``test`` is pixels, targets and how often each image is drawn.
    """
    pixels, targets, counts = test
    controls = {}
    if len(training):  # none of a set that all is to test on
        controls["constant"] = {
            "how": "the mean position of the training images, in every image",
            **constant_summary(training.targets[:, :2].mean(axis=0), targets, counts),
        }
    controls["centre"] = {
        "how": "the middle of every image",
        **constant_summary(np.zeros(2), targets, counts),
    }
    controls["random_glimpses"] = _random_glimpses(settings, model, test)
    if settings.controls:
        predictions, how = whole_image_predictions(
            training,
            pixels,
            settings.path_model,
            settings.control_epochs,
            trained["batch_size"],
            settings.seed,
            Augmentation(flip=bool(trained["flip"]) and settings.task == "door_handle"),
        )
        distances = normalised_distances(predictions, targets)
        controls["whole_image"] = {"how": how, **summary(distances, counts)}
    return controls


def _random_glimpses(
    settings: TestSettings,
    model: GlimpseRegressor,
    test: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> dict[str, Any]:
    pixels, targets, counts = test
    how = "the same model, its glimpses at random locations; it was not trained so"
    if settings.path_random is not None:
        other = trained_model(settings.path_random)
        if other.location != "random":
            raise InputError(
                f"path_random is {settings.path_random}, a model with location"
                f" {other.location}; expected one trained with location random"
            )
        weights = trained_weights(
            replace(
                settings,
                path_model=settings.path_random,
                model_name="",
                weights_path=None,
            ),
            Checkpoints(settings.path_random),
            "python glimpse_rnn/train.py -n 0 --location random",
        )
        model = load_model(other, weights)
        how = f"a model trained with location random: {weights}"
    else:
        model = model.with_arguments(location="random")
    outputs = trace(model, pixels, "mean", settings.seed)
    distances = normalised_distances(outputs["prediction"], targets)
    return {"how": how, **summary(distances, counts)}


def _draw_plots(settings: TestSettings, results: dict[str, Any]) -> None:
    folder = settings.path_testing_folder
    title = f"glimpse_rnn, {counted(results['images'], f'{settings.split} image')}"
    is_handles = results["task"] == "door_handle"
    paper = {"distance": THRESHOLDS, "rate": PAPER}
    published = {"paper, another test set": paper} if is_handles else {}
    path = folder / "detection_rate.png"
    draw_detection_rate(_curves(results), path, title, published)
    rates = [row["detection_rate"] for row in results["by_glimpses"]]
    draw_rate_by_glimpses(rates, folder / "rate_by_glimpses.png", title)


def _curves(results: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
    """Return the detection rate over Δ of the model and of its controls, by name."""
    sampled = f"sampled, mean of {results['sampled']['runs']} runs"
    mean = results["mean_policy"]
    interval = mean["intervals"]["curve"]["rate"]
    curves = {
        "mean policy": {**mean["curve"], "interval": interval},
        sampled: results["sampled"]["curve"],
    }
    for name, control in results["controls"].items():
        curves[name.replace("_", " ")] = control["curve"]
    return curves


def _page(
    settings: TestSettings,
    model: GlimpseRegressor,
    images: KeypointSet,
    pixels: np.ndarray,
    outputs: dict[str, np.ndarray],
    distances: np.ndarray,
) -> RolloutPage:
    """Return the page with what was done on each image, the worst first."""
    page = RolloutPage(model, settings.explore, settings.seed)
    pictured = set(shown(distances))
    files = run_files(images)
    for index in np.argsort(-distances, kind="stable").tolist():
        target = images.targets[index]
        page.add(
            images.names[index],
            trajectory_of(outputs, index, target),
            target,
            pixels[index],
            images.picture(index) if index in pictured else None,
            files[index] if settings.bool_draw else "",
        )
    return page


def _best_and_worst(
    model: GlimpseRegressor,
    images: KeypointSet,
    outputs: dict[str, np.ndarray],
    distances: np.ndarray,
) -> dict[str, list[Rollout]]:
    """Return the best and the worst rollouts, none of them in both."""
    order = np.argsort(distances, kind="stable").tolist()
    count = min(CASES, len(order) // 2 or 1)
    chosen = {"best": order[:count], "worst": order[::-1][: min(count, len(order) - 1)]}
    return {
        name: [
            rollout_of(model, images, index, outputs, float(distances[index]), None)
            for index in indices
        ]
        for name, indices in chosen.items()
        if indices
    }


def _draw_best_and_worst(
    folder: Path, cases: dict[str, list[Rollout]], total: int
) -> None:
    for name, rollouts in cases.items():
        title = f"{name.capitalize()} {len(rollouts)} of {counted(total, 'image')}"
        draw_cases(rollouts, folder / f"{name}.png", title)


def _draw_rollouts(
    settings: TestSettings,
    model: GlimpseRegressor,
    images: KeypointSet,
    pixels: np.ndarray,
    outputs: dict[str, np.ndarray],
    distances: np.ndarray,
) -> None:
    """Draw each rollout, with what its glimpses see."""
    files = run_files(images)
    for index in track(range(len(images)), "drawing", len(images)):
        rollout = rollout_of(
            model, images, index, outputs, float(distances[index]), pixels[index]
        )
        draw_rollout(rollout, settings.path_testing_folder / files[index])


def _table(results: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of text: detection rates of the model and controls."""
    columns = ["normalised distance", *(f"{at:.2f}" for at in THRESHOLDS)]
    columns += ["median Δ", "area"]
    named = {"mean policy": results["mean_policy"]}
    named[f"sampled, mean of {results['sampled']['runs']}"] = results["sampled"]
    named |= {name.replace("_", " "): row for name, row in results["controls"].items()}
    rows = []
    for name, row in named.items():
        rates = [f"{rate:.1f}" for rate in row["detection_rate"].values()]
        area = f"{row['curve']['area']:.1f}"
        rows.append([name, *rates, f"{row['median_delta']:.3f}", area])
    return columns, rows


def _print_table(
    results: dict[str, Any], columns: list[str], rows: list[list[str]]
) -> None:
    table = Table(title=f"detection rate in %, {counted(results['images'], 'image')}")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def locate(
    locator: Locator, paths: Sequence[Path], about: dict[str, Any]
) -> list[dict[str, Any]]:
    """Locate the keypoint in pictures without annotations; write what was found.

    Writes ``rollouts.json``, ``report.html`` and a picture per rollout into
    ``path_testing_folder``. Positions are in pixels from the upper left corner, the
    middle of the first pixel at 0.5.

    Args:
        locator: the trained one.
        paths: the pictures.
        about: what the detections were made with; becomes part of them.

    Returns:
        What ``rollouts.json`` lists under ``images``.
    """
    settings = locator.settings
    found: list[dict[str, Any]] = []
    skipped: list[str] = []
    page = RolloutPage(locator.model, settings.explore, settings.seed)
    folder = settings.path_testing_folder
    names = FileNames()
    if not settings.skip_bad:
        check_headers(paths)
    located = locator.locate(paths, skipped if settings.skip_bad else None)
    for result in track(located, "locating", len(paths)):
        file = f"{names.of(result.name, Path(result.name).stem)}_run.png"
        result.draw(folder / file)
        is_pictured = is_shown(len(found), len(paths))
        pictured = result.rollout.picture if is_pictured else None
        trajectory = trajectory_of(result.outputs, 0, None)
        name = result.rollout.name
        page.add(name, trajectory, None, result.canvas, pictured, file)
        found.append(_detection(result))
    results = {**about, "images": found, "skipped": skipped}
    write_json(folder / "rollouts.json", results)
    page.write(folder, about | {"images": len(found)})
    for line in skipped:
        console.print(f"left out: {line}")
    console.print(
        f"{counted(len(found), 'picture')}; keypoints and runs: {folder / FILE}"
    )
    return found


def _detection(result: LocateResult) -> dict[str, Any]:
    """Return where the keypoint is in a picture, ready for JSON."""
    return {
        "image": result.name,
        "height": result.height,
        "width": result.width,
        "keypoint": _position(result.keypoint),
        "glimpses": [_position(glimpse) for glimpse in result.glimpses],
    }


def _position(point: Point) -> dict[str, float]:
    y, x = point
    return {"x": x, "y": y}
