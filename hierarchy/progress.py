"""What a training run tells: the row of an epoch, that row to read, a live line."""

import time
from typing import Any

from common.progress import EpochProgress, RunningMean, rounded
from datasets.voc import VocSet
from hierarchy.config import TrainSettings
from hierarchy.data import nothing_to_search
from hierarchy.strips import StripWriter
from hierarchy.walk import Step


class EpochSummary:
    """Gathers an epoch's steps into its row of the log.

    Args:
        epoch: its number.
        epsilon: probability of a random action in it.
        class_object: the class searched for, as the log names it.
    """

    def __init__(self, epoch: int, epsilon: float, class_object: int | str):
        self.epoch = epoch
        self.epsilon = epsilon
        self.class_object = class_object
        self.steps = self.episodes = 0
        self._reward = 0.0
        self._trigger_iou = RunningMean()
        self._loss = RunningMean()
        self._start = time.perf_counter()

    def add(self, step: Step) -> None:
        """Count one more step."""
        self.steps += 1
        self.episodes += step.is_last
        self._reward += step.reward
        if step.action == step.search.spec.actions.trigger:
            self._trigger_iou.add(step.iou)
        if step.loss is not None:
            self._loss.add(step.loss)

    @property
    def mean_reward(self) -> float:
        """Mean reward of a step so far."""
        return self._reward / max(self.steps, 1)

    @property
    def steps_per_second(self) -> float:
        """Steps a second so far."""
        return self.steps / (time.perf_counter() - self._start)

    @property
    def row(self) -> dict[str, Any]:
        """The row of the log; a mean of nothing is left empty."""
        seconds = time.perf_counter() - self._start
        return {
            "epoch": self.epoch,
            "steps": self.steps,
            "episodes": self.episodes,
            "mean_reward": rounded(self.mean_reward),
            "trigger_iou": self._trigger_iou.rounded_or_empty(),
            "epsilon": self.epsilon,
            "loss": self._loss.rounded_or_empty(),
            "steps_per_second": rounded(self.steps / seconds),
            "seconds": round(seconds, 2),
            "class_object": self.class_object,
        }


def format_row(row: dict[str, Any]) -> str:
    """Return an epoch's row of the log as a line to read."""
    loss = "not learning yet" if row["loss"] == "" else f"loss {row['loss']:.4g}"
    iou = "–" if row["trigger_iou"] == "" else f"{row['trigger_iou']:.2f}"
    return (
        f"epoch {row['epoch']}: {row['steps']} steps in {row['episodes']} searches,"
        f" ε {row['epsilon']:.1f}, reward {row['mean_reward']:+.2f},"
        f" IoU at triggers {iou}, {loss},"
        f" {row['steps_per_second']:.1f} steps/s, {row['seconds']:.0f} s"
    )


class TrainingProgress(EpochProgress):
    """The live display of a training run, counted in images."""

    def show(self, step: Step, summary: EpochSummary) -> None:
        """Show a step and the numbers of its epoch so far."""
        self.update(
            summary.epoch,
            step.image + step.is_last,
            f"step {summary.steps} · ε {summary.epsilon:.1f} ·"
            f" reward {summary.mean_reward:+.2f} · IoU {step.iou:.2f} ·"
            f" {summary.steps_per_second:.1f} steps/s",
        )


class EpochListener:
    """Listens to an epoch: the row of the log, the live line, strips.

    Args:
        settings: of the training.
        epoch: its number.
        images: those searched.
        progress: the live display.
    """

    def __init__(
        self,
        settings: TrainSettings,
        epoch: int,
        images: VocSet,
        progress: TrainingProgress,
    ):
        self._settings, self._images, self._progress = settings, images, progress
        epsilon = settings.epsilon_at(epoch)
        self._summary = EpochSummary(epoch, epsilon, settings.class_id)
        self._strips = StripWriter(settings.path_testing_folder / "training")

    def add(self, step: Step) -> None:
        """Take one more step."""
        self._summary.add(step)
        self._progress.show(step, self._summary)
        if self._settings.bool_draw:
            self._strips.add(step, self._summary.epoch)

    def finish(self) -> tuple[dict[str, Any], str]:
        """Return the row of the log, and the same in words.

        Raises:
            InputError: there was no step.
        """
        if not self._summary.steps:
            raise nothing_to_search(self._settings, self._images)
        return self._summary.row, format_row(self._summary.row)
