"""What a trained regressor does on a set of images, and how good that is."""

import time
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from common.progress import rounded
from datasets.keypoints import KeypointSet
from glimpse_rnn.metrics import normalised_distances, rates_of_table, summary
from glimpse_rnn.model import GlimpseRegressor
from report.canvas import FileNames, save_picture
from report.glimpses import Rollout

BATCH = 64
"""Images in a call of the model."""


def trace(
    model: GlimpseRegressor,
    images: np.ndarray,
    policy: Literal["mean", "sample"] = "mean",
    seed: int = 0,
    first: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Return one rollout over each image.

    Args:
        model: to run.
        images: uint8 (n, S, S, C); n is at least 1.
        policy: ``mean`` or ``sample``.
        seed: of the first locations, and of the samples.
        first: float (n, 2), first locations in place of drawn ones.

    Returns:
        What :meth:`glimpse_rnn.model.GlimpseRegressor.trace` does, over all n images.
    """
    parts: dict[str, list[np.ndarray]] = {}
    count = min(BATCH, len(images))
    for number, start in enumerate(range(0, len(images), BATCH)):
        # The last batch is filled up, so that no function is compiled for its size.
        batch = np.arange(start, start + count) % len(images)
        given = None if first is None else first[batch]
        rollout = model.trace(images[batch], policy, _seed_of(seed, number), given)
        for name, values in rollout.items():
            values = keras.ops.convert_to_numpy(values)[: len(images) - start]
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _seed_of(seed: int, batch: int) -> int:
    """Return a seed for a batch: otherwise all would start at the same places."""
    return int(np.random.SeedSequence([seed, batch]).generate_state(1)[0] >> 1)


def predict(model: GlimpseRegressor, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the mean policy's predictions: float32 (n, 2) in row and column."""
    return trace(model, images, "mean", seed)["prediction"]


def sampled_predictions(
    model: GlimpseRegressor, images: np.ndarray, rollouts: int, seed: int
) -> np.ndarray:
    """Return the mean prediction of several sampled rollouts: float32 (n, 2)."""
    predictions = [
        trace(model, images, "sample", seed + 1 + rollout)["prediction"]
        for rollout in range(rollouts)
    ]
    return np.mean(predictions, axis=0)


def by_glimpses(predictions: np.ndarray, targets: np.ndarray) -> list[dict[str, Any]]:
    """Return how good the prediction is after each glimpse.

    The regression network is trained after the last glimpse only (paper, section 2), so
    that this shows what it makes of states that it never saw.

    Args:
        predictions: float (n, T, 2).
        targets: float (n, 4).
    """
    rows = []
    for glimpse in range(predictions.shape[1]):
        distances = normalised_distances(predictions[:, glimpse], targets)
        rows.append(
            {
                "glimpses": glimpse + 1,
                "detection_rate": rates_of_table(distances),
                "median_delta": round(float(np.median(distances)), 6),
            }
        )
    return rows


def seconds_per_image(model: GlimpseRegressor, images: np.ndarray) -> float:
    """Return how long one image takes, alone, in a model that has run before."""
    one = images[:1]
    trace(model, one)
    start = time.perf_counter()
    repeats = 5
    for _ in range(repeats):
        trace(model, one)
    return (time.perf_counter() - start) / repeats


def constant_summary(
    place: np.ndarray, targets: np.ndarray, counts: np.ndarray | None = None
) -> dict[str, Any]:
    """Return how good it is to predict the same place in every image.

    Args:
        place: float (2,), row and column.
        targets: float (n, 4).
        counts: as for :func:`glimpse_rnn.metrics.summary`.
    """
    predictions = np.broadcast_to(place, (len(targets), 2))
    return summary(normalised_distances(predictions, targets), counts)


def rollout_of(
    model: GlimpseRegressor,
    images: KeypointSet,
    index: int,
    outputs: dict[str, np.ndarray],
    distance: float,
    canvas: np.ndarray | None,
) -> Rollout:
    """Return one image's rollout, ready to be drawn.

    Args:
        model: whose rollout it is.
        images: the set.
        index: of the image in it.
        outputs: of :func:`trace`; ``locations`` and ``prediction`` are read at
            ``index``.
        distance: the rollout's Δ.
        canvas: uint8 (S, S, C) for what each glimpse sees; None leaves that out.
    """
    locations = outputs["locations"][index]
    return Rollout(
        images.picture(index),
        locations,
        outputs["prediction"][index],
        images.targets[index, :2],
        distance,
        model.windows,
        None if canvas is None else model.glimpse_images(canvas, locations),
        images.names[index],
    )


def mean_rollouts(model: GlimpseRegressor, images: KeypointSet) -> list[Rollout]:
    """Return the mean policy's rollout on each image, with what the glimpses see.

    Args:
        model: to run.
        images: at least one.
    """
    canvases, targets = images.arrays()
    outputs = trace(model, canvases)
    distances = normalised_distances(outputs["prediction"], targets)
    return [
        rollout_of(model, images, index, outputs, float(distance), canvases[index])
        for index, distance in enumerate(distances)
    ]


def run_files(images: KeypointSet) -> list[str]:
    """Return the name of the file that each image's rollout is drawn to."""
    names = FileNames()
    starts = (names.of(str(n), Path(name).stem) for n, name in enumerate(images.names))
    return [f"{start}_run.png" for start in starts]


def to_pixels(rollout: Rollout, location: np.ndarray) -> list[float]:
    """Return (row, column) in pixels of the rollout's picture.

    Pixels count from the upper left corner, the middle of the first pixel at 0.5.

    Args:
        rollout: whose picture it is.
        location: float (2,) in [−1, 1].
    """
    side = np.array(rollout.picture.shape[:2])
    return [rounded(float(at)) for at in (np.asarray(location, float) + 1) / 2 * side]


def write_case(rollout: Rollout, path: Path, folder: Path) -> dict[str, Any]:
    """Write a rollout's picture, and return what a result says of the rollout.

    Args:
        rollout: on an image whose keypoint is known.
        path: the picture's file, a JPEG, for a PNG may be made smaller.
        folder: of the result, which names files from there on.

    Returns:
        ``name`` of the image, ``image``, its copy, ``distance``, and in pixels of it
        (row, column) of ``truth``, ``prediction`` and of each glimpse,
        ``trajectory``.
    """
    assert rollout.truth is not None and rollout.distance is not None
    save_picture(rollout.picture, path)
    return {
        "name": rollout.name,
        "image": path.relative_to(folder).as_posix(),
        "distance": rounded(rollout.distance),
        "truth": to_pixels(rollout, rollout.truth),
        "prediction": to_pixels(rollout, rollout.prediction),
        "trajectory": [to_pixels(rollout, place) for place in rollout.locations],
    }
