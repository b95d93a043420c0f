"""Testing the glimpse regressor, from settings to results."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from common.bootstrap import CONFIDENCE, RESAMPLES, resample_counts
from common.errors import InputError
from common.files import check_folder, write_json
from common.images import find_images, read_image
from common.progress import console, rounded, track
from common.run import (
    compare_with_training,
    folder_of,
    made_with,
    trained_weights,
)
from datasets.keypoints import KeypointSet, squash
from glimpse_rnn.batches import Augmentation
from glimpse_rnn.checkpoint import Checkpoints, load_weights
from glimpse_rnn.config import (
    ModelSettings,
    TestSettings,
    trained_model,
    training_of,
)
from glimpse_rnn.controls import whole_image_predictions
from glimpse_rnn.data import announce, open_sets, report_skipped
from glimpse_rnn.evaluation import (
    by_glimpses,
    constant_summary,
    rollout_of,
    sampled_predictions,
    seconds_per_image,
    to_pixels,
    trace,
    write_case,
)
from glimpse_rnn.metrics import THRESHOLDS, normalised_distances, summary
from glimpse_rnn.model import GlimpseRegressor, get_model
from glimpse_rnn.training import split
from report.canvas import plain_name
from report.curves import draw_detection_rate, draw_rate_by_glimpses
from report.glimpses import Rollout, draw_cases, draw_rollout

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
    training_run = training_of(folder_of(settings))
    weights = trained_weights(
        settings,
        Checkpoints(settings.path_model),
        "python glimpse_rnn/train.py -n 0",
    )
    trunk = training_run["identity"].get("trunk")
    identity = settings.architecture() | {"trunk": trunk}
    compare_with_training(weights, identity)
    paths = find_images(settings.images) if settings.images else []
    model = load_model(settings, weights)
    trained = {
        name: value
        for name, value in training_run["settings"].items()
        if name not in settings.architecture()
    }
    about = {
        "model": "glimpse_rnn",
        "task": settings.task,
        **made_with(settings, weights),
        "trunk": trunk,
        "training": trained,
    }
    check_folder(settings.path_testing_folder, "path_testing_folder")
    if paths:
        locate(settings, model, paths, about)
        return
    is_test = settings.split == "test"
    opened = open_sets(settings, *(("train", "test") if is_test else ("train",)))
    training, validation = split(opened[0], trained)
    images = opened[1] if is_test else validation
    if not len(images):
        raise InputError("split is validation, but training kept no images for it")
    announce("testing", images)
    measure(settings, model, images, training, about, trained)
    report_skipped(images)


def load_model(settings: ModelSettings, weights: Path) -> GlimpseRegressor:
    """Build a model and read its weights, VGG-16's blocks among them.

    Raises:
        InputError: the file is damaged, or of a model with other settings.
    """
    model = get_model(settings)
    load_weights(model, weights)
    return model


def measure(
    settings: TestSettings,
    model: GlimpseRegressor,
    images: KeypointSet,
    training: KeypointSet,
    about: dict[str, Any],
    trained: dict[str, Any],
) -> dict[str, Any]:
    """Measure a trained model and its controls; write results and pictures.

    Writes ``results.json``, ``detection_rate.png``, ``rate_by_glimpses.png``,
    ``best.png``, ``worst.png`` with their pictures in ``cases/`` and, with
    ``bool_draw``, a picture per rollout into ``path_testing_folder``.

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
        "data": images.title,
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
    sheets = _sheets(model, images, outputs, distances)
    folder = settings.path_testing_folder
    results["cases"] = [
        write_case(rollout, folder / "cases" / f"{name}_{number:02d}.jpg", folder)
        for name, rollouts in sheets.items()
        for number, rollout in enumerate(rollouts, 1)
    ]
    write_json(folder / "results.json", results)
    _draw_plots(settings, results)
    _draw_sheets(folder, sheets, len(images))
    if settings.bool_draw:
        _draw_rollouts(settings, model, images, pixels, outputs, distances)
    _print_table(results)
    console.print(f"results and pictures: {settings.path_testing_folder}")
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
    controls = {
        "constant": {
            "how": "the mean position of the training images, in every image",
            **constant_summary(training.targets[:, :2].mean(axis=0), targets, counts),
        },
        "centre": {
            "how": "the middle of every image",
            **constant_summary(np.zeros(2), targets, counts),
        },
        "random_glimpses": _random_glimpses(settings, model, test),
    }
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
        weights = model.get_weights()
        model = model.from_config(model.get_config() | {"location": "random"})
        model.set_weights(weights)
    outputs = trace(model, pixels, "mean", settings.seed)
    distances = normalised_distances(outputs["prediction"], targets)
    return {"how": how, **summary(distances, counts)}


def _draw_plots(settings: TestSettings, results: dict[str, Any]) -> None:
    folder = settings.path_testing_folder
    task = results["task"].replace("_", " ")
    title = f"{task}, {results['images']} {settings.split} images"
    sampled = f"sampled, mean of {results['sampled']['runs']} runs"
    mean = results["mean_policy"]
    interval = mean["intervals"]["curve"]["rate"]
    curves = {
        "mean policy": {**mean["curve"], "interval": interval},
        sampled: results["sampled"]["curve"],
    }
    for name, control in results["controls"].items():
        curves[name.replace("_", " ")] = control["curve"]
    is_handles = results["task"] == "door_handle"
    paper = {"distance": THRESHOLDS, "rate": PAPER}
    published = {"paper, another test set": paper} if is_handles else {}
    draw_detection_rate(curves, folder / "detection_rate.png", title, published)
    rates = [row["detection_rate"] for row in results["by_glimpses"]]
    draw_rate_by_glimpses(rates, folder / "rate_by_glimpses.png", title)


def _sheets(
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


def _draw_sheets(folder: Path, sheets: dict[str, list[Rollout]], total: int) -> None:
    for name, rollouts in sheets.items():
        title = f"{name.capitalize()} {len(rollouts)} of {total} images"
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
    names = distinct_names(images.names)
    for index in track(range(len(images)), "drawing", len(images)):
        rollout = rollout_of(
            model, images, index, outputs, float(distances[index]), pixels[index]
        )
        draw_rollout(rollout, settings.path_testing_folder / f"{names[index]}_run.png")


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return a name for each picture's files: its own, numbered where it is shared."""
    counts: Counter[str] = Counter()
    distinct = []
    for name in names:
        plain = plain_name(Path(name).stem)
        counts[plain] += 1
        distinct.append(plain if counts[plain] == 1 else f"{plain}~{counts[plain]}")
    return distinct


def _print_table(results: dict[str, Any]) -> None:
    table = Table(title=f"detection rate in %, {results['images']} images")
    table.add_column("normalised distance")
    for threshold in THRESHOLDS:
        table.add_column(f"{threshold:.2f}", justify="right")
    table.add_column("median Δ", justify="right")
    table.add_column("area", justify="right")
    rows = {"mean policy": results["mean_policy"]}
    rows[f"sampled, mean of {results['sampled']['runs']}"] = results["sampled"]
    rows |= {name.replace("_", " "): row for name, row in results["controls"].items()}
    for name, row in rows.items():
        rates = [f"{rate:.1f}" for rate in row["detection_rate"].values()]
        area = f"{row['curve']['area']:.1f}"
        table.add_row(name, *rates, f"{row['median_delta']:.3f}", area)
    console.print(table)


def locate(
    settings: TestSettings,
    model: GlimpseRegressor,
    paths: Sequence[Path],
    about: dict[str, Any],
) -> list[dict[str, Any]]:
    """Locate the keypoint in pictures without annotations; write what was found.

    Writes ``rollouts.json`` and a picture per rollout into ``path_testing_folder``.
    Positions are in pixels from the upper left corner, the middle of the first pixel at
    0.5.

    Returns:
        What ``rollouts.json`` lists under ``images``.
    """
    found, skipped = [], []
    names = distinct_names([path.name for path in paths])
    for path, name in zip(track(paths, "locating", len(paths)), names, strict=True):
        try:
            picture = read_image(path)
        except InputError as error:
            if not settings.skip_bad:
                raise
            skipped.append(str(error))
            continue
        canvas = squash(picture, model.image_size, model.channels)
        outputs = trace(model, canvas[None], "mean", settings.seed)
        rollout = Rollout(
            picture,
            outputs["locations"][0],
            outputs["prediction"][0],
            None,
            None,
            model.windows,
            model.glimpse_images(canvas, outputs["locations"][0]),
            path.name,
        )
        draw_rollout(rollout, settings.path_testing_folder / f"{name}_run.png")
        found.append(_detection(path, rollout))
    results = {**about, "images": found, "skipped": skipped}
    write_json(settings.path_testing_folder / "rollouts.json", results)
    for line in skipped:
        console.print(f"left out: {line}")
    console.print(
        f"{len(found)} pictures; keypoints and runs: {settings.path_testing_folder}"
    )
    return found


def _detection(path: Path, rollout: Rollout) -> dict[str, Any]:
    height, width, _ = rollout.picture.shape

    def position(location: np.ndarray) -> dict[str, float]:
        row, column = to_pixels(rollout, location)
        return {"x": column, "y": row}

    return {
        "image": str(path),
        "height": height,
        "width": width,
        "keypoint": position(rollout.prediction),
        "glimpses": [position(location) for location in rollout.locations],
    }
