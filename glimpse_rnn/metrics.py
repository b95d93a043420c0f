"""How predictions are judged: normalised distances and detection rates.

Source: paper, section 4 and Table 1. A keypoint counts as detected at a normalised
distance d where Δ ≤ d.
"""

from typing import Any

import numpy as np

from common.bootstrap import interval, resampled_means

THRESHOLDS = (0.02, 0.04, 0.06, 0.08, 0.10)
"""Normalised distances of Table 1."""

CURVE_END = 0.25
"""Normalised distance up to which the whole curve is written."""

CURVE_DISTANCES = np.linspace(0, CURVE_END, 101)
"""Normalised distances at which it is."""


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


def curve(distances: np.ndarray) -> dict[str, Any]:
    """Return the detection rate in % at every 0.0025 up to :data:`CURVE_END`.

    Returns:
        ``distance`` and ``rate``, 101 numbers each, and ``area``, the mean of the rate
        over all distances up to the end, in %: the share of 100 % below the curve.
    """
    rates = detection_rate(distances, CURVE_DISTANCES)
    return {
        "distance": [round(float(value), 6) for value in CURVE_DISTANCES],
        "rate": [round(float(value), 3) for value in rates],
        "area": round(float(_areas(distances).mean()), 3),
    }


def _areas(distances: np.ndarray) -> np.ndarray:
    """Return the area below each image's own curve, a step at its Δ, in %."""
    # The mean over images of ∫ [Δ ≤ d] dd from 0 to the end, over the end.
    return 100 * np.maximum(0.0, 1 - np.asarray(distances) / CURVE_END)


def summary(distances: np.ndarray, counts: np.ndarray | None = None) -> dict[str, Any]:
    """Return all that results say about a set of Δ, ready for JSON.

    Args:
        distances: float (n,), Δ; n is at least 1.
        counts: int (resamples, n), as :func:`common.bootstrap.resample_counts` returns
            it; adds ``intervals``, which for each number has [low, high] in its place.
    """
    results = {
        "detection_rate": rates_of_table(distances),
        "median_delta": round(float(np.median(distances)), 6),
        "mean_delta": round(float(np.mean(distances)), 6),
        "curve": curve(distances),
    }
    if counts is not None:
        results["intervals"] = _intervals(distances, counts)
    return results


def _intervals(distances: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """Return [low, high] of each number, which the middle 95 % of resamples give."""

    def rates(thresholds: np.ndarray) -> list:
        within = distances[:, None] <= np.asarray(thresholds) + 1e-12
        return interval(100 * resampled_means(counts, within), 3)

    pairs = zip(THRESHOLDS, rates(np.array(THRESHOLDS)), strict=True)
    return {
        "detection_rate": {f"{threshold:.2f}": pair for threshold, pair in pairs},
        "median_delta": interval(_resampled_medians(distances, counts), 6),
        "mean_delta": interval(resampled_means(counts, distances), 6),
        "curve": {
            "rate": rates(CURVE_DISTANCES),
            "area": interval(resampled_means(counts, _areas(distances)), 3),
        },
    }


def _resampled_medians(distances: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the median of each resample: float64 (resamples,)."""
    order = np.argsort(distances)
    drawn = np.cumsum(counts[:, order], axis=1)
    number = len(distances)
    middle = [
        (drawn < rank).sum(axis=1) for rank in ((number + 1) // 2, number // 2 + 1)
    ]
    return np.asarray(distances, np.float64)[order][np.array(middle)].mean(axis=0)
