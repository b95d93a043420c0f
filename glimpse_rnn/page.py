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
    Plot,
    RolloutRecord,
    Trajectory,
    about_lines,
    picture_of,
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


class RolloutPage:
    """Takes the rollouts of a test, image by image, and writes its page.

    Args:
        model: that was tested; it is run from other first glimpses too.
        explored: how many of the images to explore, the first ones with a picture.
        seed: of what is drawn.
    """

    def __init__(self, model: GlimpseRegressor, explored: int = 0, seed: int = 0):
        self._model, self._to_explore, self._seed = model, explored, seed
        self._records: list[RolloutRecord] = []

    def add(
        self,
        name: str,
        trajectory: Trajectory,
        target: np.ndarray | None,
        canvas: np.ndarray,
        picture: np.ndarray | None,
        strip: str = "",
    ) -> None:
        """Take one more rollout.

        Args:
            name: of the image.
            trajectory: what was done.
            target: float (4,), or None where the keypoint is not known.
            canvas: uint8 (S, S, C), the image as the model takes it.
            picture: uint8 (H, W, 3) RGB, the whole image; None leaves it to the table.
            strip: file of the drawn rollout; empty without one.
        """
        explored: tuple[Trajectory, ...] = ()
        if picture is not None and self._to_explore > 0:
            self._to_explore -= 1
            explored = explore(self._model, canvas, target, self._seed)
        self._records.append(
            RolloutRecord(
                name,
                _outcome(trajectory),
                trajectory,
                None if target is None else target[:2],
                explored,
                None if picture is None else picture_of(picture),
                strip,
            )
        )

    def write(
        self,
        folder: Path,
        about: Mapping[str, Any],
        table: tuple[Sequence[str], Sequence[Sequence[str]]] = ((), ()),
        plots: Sequence[Plot] = (),
    ) -> None:
        """Write the page into a folder.

        Args:
            folder: of the test's results.
            about: what the test was made with.
            table: names of the columns, and rows of text.
            plots: of the test.
        """
        page = Page(
            title="glimpse_rnn",
            about=about_lines(about),
            records=self._records,
            columns=table[0],
            rows=table[1],
            plots=plots,
            windows=self._model.windows,
        )
        write_page(page, folder / FILE)


def _outcome(trajectory: Trajectory) -> str:
    """Judge a rollout by its last prediction."""
    if trajectory.distances is None:
        return "detection"
    return "right" if trajectory.distances[-1] <= THRESHOLDS[-1] else "wrong"


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
