"""What a run tells while it runs: a live line, a row per epoch, TensorBoard."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from hierarchy.regions import TRIGGER
from hierarchy.training import Step

console = Console(highlight=False, soft_wrap=True)


class EpochSummary:
    """Gathers an epoch's steps into its row of the log.

    Args:
        epoch: its number.
        epsilon: share of random actions in it.
        class_object: the class searched for.
    """

    def __init__(self, epoch: int, epsilon: float, class_object: int):
        self.epoch = epoch
        self.epsilon = epsilon
        self.class_object = class_object
        self.steps = self.episodes = 0
        self._reward = 0
        self._trigger_ious: list[float] = []
        self._losses: list[float] = []
        self._start = time.perf_counter()

    def add(self, step: Step) -> None:
        """Count one more step."""
        self.steps += 1
        self.episodes += step.is_last
        self._reward += step.reward
        if step.action == TRIGGER:
            self._trigger_ious.append(step.iou)
        if step.loss is not None:
            self._losses.append(step.loss)

    @property
    def row(self) -> dict[str, Any]:
        """The row of the log; a mean of nothing is left empty."""
        seconds = time.perf_counter() - self._start
        return {
            "epoch": self.epoch,
            "steps": self.steps,
            "episodes": self.episodes,
            "mean_reward": _rounded(self._reward / max(self.steps, 1)),
            "trigger_iou": _mean(self._trigger_ious),
            "epsilon": self.epsilon,
            "loss": _mean(self._losses),
            "steps_per_second": _rounded(self.steps / seconds),
            "seconds": round(seconds, 2),
            "class_object": self.class_object,
        }


def _mean(values: list[float]) -> float | str:
    return _rounded(float(np.mean(values))) if values else ""


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")


def sentence(row: dict[str, Any]) -> str:
    """Return an epoch's row of the log as a line to read."""
    loss = "not learning yet" if row["loss"] == "" else f"loss {row['loss']:.4g}"
    iou = "–" if row["trigger_iou"] == "" else f"{row['trigger_iou']:.2f}"
    return (
        f"epoch {row['epoch']}: {row['steps']} steps in {row['episodes']} searches,"
        f" ε {row['epsilon']:.1f}, reward {row['mean_reward']:+.2f},"
        f" IoU at triggers {iou}, {loss},"
        f" {row['steps_per_second']:.1f} steps/s, {row['seconds']:.0f} s"
    )


class TrainingProgress:
    """The live display of a training run; where there is no terminal, silent.

    Args:
        images: images in an epoch.
        first_epoch: epoch that the run starts at.
        epochs: epochs in the run.
    """

    def __init__(self, images: int, first_epoch: int, epochs: int):
        self._images = images
        self._first_epoch = first_epoch
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(
            "", total=images * epochs, epoch=first_epoch, numbers=""
        )

    def __enter__(self) -> "TrainingProgress":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, step: Step, summary: EpochSummary) -> None:
        """Show a step and the numbers of its epoch so far."""
        row = summary.row
        done = (summary.epoch - self._first_epoch) * self._images + step.image
        self._progress.update(
            self._task,
            completed=done + step.is_last,
            epoch=summary.epoch,
            numbers=(
                f"step {summary.steps} · ε {summary.epsilon:.1f} ·"
                f" reward {row['mean_reward']:+.2f} · IoU {step.iou:.2f} ·"
                f" {row['steps_per_second']:.1f} steps/s"
            ),
        )


def track(items: Iterable, description: str, total: int) -> Iterator:
    """Yield ``items`` with a progress bar, where there is a terminal to show it on."""
    with Progress(
        TextColumn(description),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        yield from progress.track(items, total=total)


class TensorBoardLog:
    """Writes rows of the log for TensorBoard.

    Args:
        folder: where to; made if need be.
    """

    def __init__(self, folder: Path):
        # Imported here: it is slow to load and most runs do not ask for it.
        from tensorboard.summary import Writer

        self._writer = Writer(str(folder))

    def write(self, row: dict[str, Any]) -> None:
        """Write an epoch's numbers, each under its name in the log."""
        for name, value in row.items():
            if name not in ("epoch", "class_object") and value != "":
                self._writer.add_scalar(name, value, step=row["epoch"])
        self._writer.flush()
