"""How far a score spreads over other images of the same kind: bootstrap intervals.

Images are drawn again, as many as there are and each as often as it comes, and scored
anew. The middle 95 % of the scores are the interval. Source: Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13, the percentile interval.
"""

import numpy as np

RESAMPLES = 1000
"""Draws of a test's images."""

CONFIDENCE = 0.95
"""Share of the resamples' scores that lie in an interval."""


def resample_counts(
    generator: np.random.Generator, items: int, resamples: int = RESAMPLES
) -> np.ndarray:
    """Return how often each item is drawn: int32 (resamples, items).

    Args:
        generator: of the draws.
        items: how many there are, and how many each resample draws; at least 1.
        resamples: how many there are.
    """
    counts = np.empty((resamples, items), np.int32)
    for row in counts:
        row[:] = np.bincount(generator.integers(items, size=items), minlength=items)
    return counts


def resampled_means(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean of each resample: float64 (resamples, …).

    Args:
        counts: as :func:`resample_counts` returns them.
        values: (items, …), numbers or truth values of each item.
    """
    return np.tensordot(counts, np.asarray(values, np.float64), 1) / counts.shape[1]


def interval(scores: np.ndarray, digits: int | None = None) -> list:
    """Return between which scores the middle :data:`CONFIDENCE` of resamples lie.

    Args:
        scores: float (resamples, …).
        digits: decimals to round to; None keeps all.

    Returns:
        [low, high], or nested lists of such pairs, one for each score of a resample.
    """
    outside = (1 - CONFIDENCE) / 2
    bounds = np.quantile(scores, (outside, 1 - outside), axis=0)
    pairs = np.moveaxis(bounds, 0, -1)
    return (pairs if digits is None else pairs.round(digits)).tolist()
