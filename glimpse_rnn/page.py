"""A test's rollouts as records that :mod:`report.page` shows, and its page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glimpse_rnn.evaluation import trace
from glimpse_rnn.metrics import THRESHOLDS, normalised_distances
from glimpse_rnn.model import GlimpseRegressor
from report.page import (
    FILE,
    GALLERY,
    Page,
    Picture,
    Plot,
    RolloutRecord,
    Trajectory,
    about_lines,
    write_page,
)

GRID = 9
"""First glimpses that are tried, each way."""


def first_glimpses() -> np.ndarray:
    """Return the first glimpses that exploring tries: float32 (81, 2) in [−1, 1].

    They are the middles of equal parts of the image.
    """
    places = (np.arange(GRID) + 0.5) / GRID * 2 - 1
    return np.stack(np.meshgrid(places, places, indexing="ij"), -1).reshape(-1, 2)


def explore(
    model: GlimpseRegressor, canvas: np.ndarray, target: np.ndarray | None, seed: int
) -> tuple[Trajectory, ...]:
    """Return what the mean policy does from each of :func:`first_glimpses`.

    Args:
        model: to run.
        canvas: uint8 (S, S, C), the image.
        target: float (4,), or None where the keypoint is not known.
        seed: of what is drawn.
    """
    first = first_glimpses()
    canvases = np.repeat(canvas[None], len(first), axis=0)
    outputs = trace(model, canvases, "mean", seed, first)
    return tuple(trajectory_of(outputs, n, target) for n in range(len(first)))


def trajectory_of(
    outputs: Mapping[str, np.ndarray], index: int, target: np.ndarray | None
) -> Trajectory:
    """Return a rollout as the page shows it.

    Args:
        outputs: of :func:`glimpse_rnn.evaluation.trace`.
        index: of the image.
        target: float (4,), or None where the keypoint is not known.
    """
    predictions = outputs["predictions"][index]
    distances = None
    if target is not None:
        targets = np.broadcast_to(target, (len(predictions), len(target)))
        distances = normalised_distances(predictions, targets)
    return Trajectory(outputs["locations"][index], predictions, distances)


def record_of(
    name: str,
    trajectory: Trajectory,
    truth: np.ndarray | None,
    explored: tuple[Trajectory, ...] = (),
    picture: Picture | None = None,
    strip: str = "",
) -> RolloutRecord:
    """Return a rollout with what it is judged to be; see :class:`RolloutRecord`."""
    outcome = "detection"
    if trajectory.distances is not None:
        is_right = trajectory.distances[-1] <= THRESHOLDS[-1]
        outcome = "right" if is_right else "wrong"
    return RolloutRecord(name, outcome, trajectory, truth, explored, picture, strip)


def shown(distances: np.ndarray) -> list[int]:
    """Return the images that the page shows, the worst first.

    Where there are more than :data:`report.page.GALLERY`, half of that are the worst,
    and the others evenly out of all the rest, to the best.
    """
    order = np.argsort(-distances, kind="stable")
    worst, rest = order[: GALLERY // 2], order[GALLERY // 2 :]
    count = min(GALLERY - len(worst), len(rest))
    places = np.linspace(0, len(rest) - 1, count).round().astype(int)
    return [*worst.tolist(), *rest[places].tolist()]


def write_page_of(
    folder: Path,
    model: GlimpseRegressor,
    records: Sequence[RolloutRecord],
    results: Mapping[str, Any],
    table: tuple[Sequence[str], Sequence[Sequence[str]]] = ((), ()),
    plots: Sequence[Plot] = (),
) -> None:
    """Write the page of a test into a folder.

    Args:
        folder: of the test's results.
        model: that was tested.
        records: what it did.
        results: what the test was made with, ``task`` among it.
        table: names of the columns, and rows of text.
        plots: of the test.
    """
    page = Page(
        title=f"glimpse_rnn: {results['task'].replace('_', ' ')}",
        about=about_lines(results),
        records=records,
        columns=table[0],
        rows=table[1],
        plots=plots,
        windows=model.windows,
    )
    write_page(page, folder / FILE)


def plots_of(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    by_glimpses: Sequence[Mapping[str, Any]],
) -> list[Plot]:
    """Return the plots of a test: detection rate over Δ, and over glimpses.

    Args:
        curves: by name, ``distance``, and ``rate`` in %.
        by_glimpses: a row for each glimpse, as ``results.json`` holds it.
    """
    lines = {name: (one["distance"], one["rate"]) for name, one in curves.items()}
    numbers = [row["glimpses"] for row in by_glimpses]
    rates = {
        f"Δ ≤ {key}": (numbers, [row["detection_rate"][key] for row in by_glimpses])
        for key in by_glimpses[0]["detection_rate"]
    }
    rate = "detection rate in %"
    return [
        Plot("Detection rate", "normalised distance Δ", rate, lines),
        Plot("Rate by glimpses used", "glimpses", rate, rates),
    ]
