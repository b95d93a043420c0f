"""What a training run tells: the row of an epoch, that row to read, a live line."""

import time
from collections import Counter
from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from keras import ops

from common.progress import EpochProgress, RunningMean, rounded
from datasets.voc import VocSet
from hierarchy.checkpoint import action_fields
from hierarchy.config import TrainSettings
from hierarchy.data import nothing_to_search
from hierarchy.learner import QLearner
from hierarchy.replay import ReplayMemory
from hierarchy.strips import StripWriter
from hierarchy.walk import Step

PROBED = 128
"""States that the network is asked about at the end of an epoch."""


class EpochSummary:
    """Gathers an epoch's steps into its row of the log.

    Args:
        epoch: its number.
        epsilon: probability of a random action in it.
        class_object: the class searched for, as the log names it.
        action_names: of the actions that there are.
    """

    def __init__(
        self,
        epoch: int,
        epsilon: float,
        class_object: int | str,
        action_names: Sequence[str],
    ):
        self.epoch = epoch
        self.epsilon = epsilon
        self.class_object = class_object
        self._action_names = action_names
        self.steps = self.episodes = 0
        self._reward = 0.0
        self._squared_reward = 0.0
        self._taken: Counter[int] = Counter()
        self._greedy: Counter[int] = Counter()
        self._first_trigger = RunningMean()
        self._trigger_iou = RunningMean()
        self._loss = RunningMean()
        self._start = time.perf_counter()

    def add(self, step: Step) -> None:
        """Count one more step."""
        self.steps += 1
        self.episodes += step.is_last
        self._reward += step.reward
        self._squared_reward += step.reward**2
        is_trigger = step.action == step.search.spec.actions.trigger
        if is_trigger:
            self._trigger_iou.add(step.iou)
        self._taken[step.action] += 1
        if step.is_greedy:
            self._greedy[step.action] += 1
            if len(step.search.state.path) == 1:
                self._first_trigger.add(is_trigger)
        if step.loss is not None:
            self._loss.add(step.loss)

    @property
    def mean_reward(self) -> float:
        """Mean reward of a step so far."""
        return self._reward / max(self.steps, 1)

    @property
    def reward_deviation(self) -> float:
        """Standard deviation of a step's reward so far."""
        mean_square = self._squared_reward / max(self.steps, 1)
        return sqrt(max(mean_square - self.mean_reward**2, 0.0))

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
            "reward_deviation": rounded(self.reward_deviation),
            "first_triggers": self._first_trigger.rounded_or_empty(),
            **self._shares("taken", self._taken),
            **self._shares("greedy", self._greedy),
        }

    def _shares(self, kind: str, counts: Counter[int]) -> dict[str, Any]:
        """Return each action's share; shares of nothing are left empty."""
        total = counts.total()
        return {
            field: rounded(counts[number] / total) if total else ""
            for number, field in enumerate(action_fields(kind, self._action_names), 1)
        }


def learning_columns(learner: QLearner, replay: ReplayMemory) -> dict[str, Any]:
    """Return the log's columns on how the network learnt in an epoch, and on what.

    Args:
        learner: asked for the first time since the epoch.
        replay: the memory.
    """
    updates, norm = learner.take_gradient_norm()
    return {
        "updates": updates,
        "memory": replay.size,
        "gradient_norm": rounded(norm) if updates else "",
        **_spreads(learner, replay),
    }


def _spreads(learner: QLearner, replay: ReplayMemory) -> dict[str, float]:
    """Return how much Q-values and features differ, over states of the memory."""
    count = min(replay.size, PROBED)
    # Evenly spaced: nothing random, so that training is as without.
    slots = np.linspace(0, replay.size - 1, count).astype(int)
    states = replay.states(slots)
    q_values = learner.q_values(list(states))
    features = ops.convert_to_numpy(states)[:, : learner.feature_size]
    return {
        "q_spread_states": rounded(q_values.std(axis=0).mean()),
        "q_spread_actions": rounded(q_values.std(axis=1).mean()),
        "feature_spread": rounded(relative_spread(features)),
    }


def relative_spread(features: np.ndarray) -> float:
    """Return the deviation of features from their mean over their own size.

    The root of the mean square of both; 0 for features that are the same in each state,
    1 for those whose mean is 0.

    Args:
        features: float (n, size).
    """
    values = np.asarray(features, np.float64)
    size = np.square(values).mean()
    return float(np.sqrt(values.var(axis=0).mean() / size)) if size else 0.0


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
        names = settings.action_set.names
        self._summary = EpochSummary(epoch, epsilon, settings.class_id, names)
        self._strips = StripWriter(settings.path_testing_folder / "training")

    def add(self, step: Step) -> None:
        """Take one more step."""
        self._summary.add(step)
        self._progress.show(step, self._summary)
        if self._settings.bool_draw:
            self._strips.add(step, self._summary.epoch)

    def finish(
        self, learner: QLearner, replay: ReplayMemory
    ) -> tuple[dict[str, Any], str]:
        """Return the row of the log, and the same in words.

        Args:
            learner: as it is at the epoch's end.
            replay: likewise.

        Raises:
            InputError: there was no step.
        """
        if not self._summary.steps:
            raise nothing_to_search(self._settings, self._images)
        row = self._summary.row
        return row | learning_columns(learner, replay), format_row(row)
