"""How predictions are judged: normalised distances and detection rates.

Source: paper, section 4 and Table 1. A keypoint counts as detected at a normalised
distance d where Δ ≤ d.
"""

from typing import Any

import numpy as np

THRESHOLDS = (0.02, 0.04, 0.06, 0.08, 0.10)
"""Normalised distances of Table 1."""

CURVE_END = 0.25
"""Normalised distance up to which the whole curve is written."""


def normalised_distances(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return Δ, the distance in original pixels over the normaliser (a car's height).

    Args:
        predictions: float (n, 2), row and column in [−1, 1] over the canvas.
        targets: float (n, 4), row and column of the keypoint, and what turns a
            difference of rows and of columns into a part of Δ.

    Returns:
        float64 (n,), at least 0.
    """
    targets = np.asarray(targets, np.float64)
    difference = np.asarray(predictions, np.float64) - targets[:, :2]
    return np.sqrt(np.square(difference * targets[:, 2:]).sum(axis=1))


def detection_rate(distances: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return which share of ``distances`` is at most each threshold.

    Args:
        distances: float (n,), Δ; n is at least 1.
        thresholds: float (m,).

    Returns:
        float64 (m,) in %, 0 to 100.
    """
    ordered = np.sort(distances)
    counts = np.searchsorted(ordered, np.asarray(thresholds) + 1e-12, side="right")
    return 100 * counts / len(ordered)


def rates_of_table(distances: np.ndarray) -> dict[str, float]:
    """Return the row of Table 1: the detection rate in % by "0.02" … "0.10"."""
    rates = detection_rate(distances, np.array(THRESHOLDS))
    pairs = zip(THRESHOLDS, rates, strict=True)
    return {f"{threshold:.2f}": round(float(rate), 3) for threshold, rate in pairs}


def curve(distances: np.ndarray) -> dict[str, list[float]]:
    """Return the detection rate in % at every 0.0025 up to :data:`CURVE_END`."""
    thresholds = np.linspace(0, CURVE_END, 101)
    rates = detection_rate(distances, thresholds)
    return {
        "distance": [round(float(value), 6) for value in thresholds],
        "rate": [round(float(value), 3) for value in rates],
    }


def summary(distances: np.ndarray) -> dict[str, Any]:
    """Return all that results say about a set of Δ, ready for JSON."""
    return {
        "detection_rate": rates_of_table(distances),
        "median_delta": round(float(np.median(distances)), 6),
        "mean_delta": round(float(np.mean(distances)), 6),
        "curve": curve(distances),
    }
