"""Running a trained regressor over a set of images, batch by batch."""

import time
from typing import Any

import keras
import numpy as np

from glimpse_rnn.metrics import normalised_distances, rates_of_table, summary

BATCH = 64


def trace(
    model: keras.Model, images: np.ndarray, policy: str = "mean", seed: int = 0
) -> dict[str, np.ndarray]:
    """Run the model and return all that it did.

    Args:
        model: a ``GlimpseRegressor``.
        images: uint8 (n, S, S, C); n is at least 1.
        policy: ``mean`` or ``sample``.
        seed: of the first locations, and of the samples.

    Returns:
        What ``GlimpseRegressor.trace`` gives, as NumPy arrays over all n images.
    """
    parts: dict[str, list[np.ndarray]] = {}
    for number, start in enumerate(range(0, len(images), BATCH)):
        batch = images[start : start + BATCH]
        # The last batch is filled up, so that no function is compiled for its size.
        missing = min(BATCH, len(images)) - len(batch)
        filled = np.concatenate([batch, images[:missing]]) if missing else batch
        outcome = model.trace(filled, policy, seed=_seed_of(seed, number))
        for name, values in outcome.items():
            values = keras.ops.convert_to_numpy(values)[: len(batch)]
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _seed_of(seed: int, batch: int) -> int:
    """Return a seed for a batch: otherwise all would start at the same places."""
    return int(np.random.SeedSequence([seed, batch]).generate_state(1)[0] >> 1)


def predict(model: keras.Model, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the mean policy's predictions: float32 (n, 2) in row and column."""
    return trace(model, images, "mean", seed)["prediction"]


def sampled_predictions(
    model: keras.Model, images: np.ndarray, runs: int, seed: int
) -> np.ndarray:
    """Return the mean prediction of several sampled runs: float32 (n, 2)."""
    predictions = [
        trace(model, images, "sample", seed + 1 + run)["prediction"]
        for run in range(runs)
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


def seconds_per_image(model: keras.Model, images: np.ndarray) -> float:
    """Return how long one image takes, alone, in a model that has run before."""
    one = images[:1]
    trace(model, one)
    start = time.perf_counter()
    repeats = 5
    for _ in range(repeats):
        trace(model, one)
    return (time.perf_counter() - start) / repeats


def constant_summary(place: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
    """Return how good it is to predict the same place in every image.

    Args:
        place: float (2,), row and column.
        targets: float (n, 4).
    """
    predictions = np.broadcast_to(place, (len(targets), 2))
    return summary(normalised_distances(predictions, targets))
