"""The training program: from settings to checkpoints, as the scripts call it.

Here the pieces are put together and nothing else happens: the loop is in
:mod:`hierarchy.training`; logging, progress, drawing and saving are its listeners.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from common.ahead import ahead
from common.device_arrays import DeviceTable
from common.errors import InputError
from common.files import alone_in, check_folder
from common.memory import keep_freed_memory
from common.progress import TensorBoardLog, console
from datasets.voc import VocSet, class_name
from hierarchy.agent import Agent, get_epsilon, get_learning_rate
from hierarchy.checkpoint import Checkpoints
from hierarchy.config import SharedSettings, TrainSettings
from hierarchy.data import mirrored_in_turn, report_skipped, training_set
from hierarchy.description import STATE_SIZE, Describer
from hierarchy.progress import EpochSummary, TrainingProgress, sentence
from hierarchy.q_network import QLearner, get_q_network
from hierarchy.replay import ReplayMemory, host_table
from hierarchy.strips import StripWriter
from hierarchy.training import Trainer
from weights.fetch import ensure_trunk
from weights.vgg16 import trunk_identity

MakeDescriber = Callable[[SharedSettings], Describer]


def train(settings: TrainSettings, make_describer: MakeDescriber) -> None:
    """Train from epoch ``n`` on and save every epoch.

    Args:
        settings: all of them; see :mod:`hierarchy.config`.
        make_describer: the detector.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    keep_freed_memory()
    checkpoints = Checkpoints(
        settings.path_model, settings.class_id, settings.keep_states
    )
    checkpoints.check_start(settings.n)
    images = training_set(settings)
    ensure_trunk(settings.path_vgg)
    run = _TrainingRun(settings, make_describer, checkpoints)
    check_folder(settings.path_model, "path_model")
    if settings.bool_draw:
        check_folder(settings.path_testing_folder, "path_testing_folder")
    with alone_in(settings.path_model):
        run.start()
        run.train(images)
    report_skipped(images)


class _TrainingRun:
    """One run of training: what learns, what is random, and who listens."""

    def __init__(
        self,
        settings: TrainSettings,
        make_describer: MakeDescriber,
        checkpoints: Checkpoints,
    ):
        self.settings = settings
        self.checkpoints = checkpoints
        self.identity = _identity(settings)
        self.generators = {
            name: np.random.default_rng([settings.seed, number])
            for number, name in enumerate(("actions", "samples"))
        }
        self.learner = QLearner(
            get_q_network(
                seed=settings.seed, descriptor_scale=settings.descriptor_scale
            ),
            settings.gamma,
            settings.learning_rate,
            settings.seed,
            descriptor_scale=settings.descriptor_scale,
        )
        self.replay = get_replay(settings)
        self.trainer = Trainer(
            Agent(self.learner, self.generators["actions"], bool(settings.bool_draw)),
            make_describer(settings),
            self.replay,
            settings.rules,
            settings.class_id,
            settings.batch_size,
            self.generators["samples"],
            settings.updates_per_step,
            settings.learning_starts,
            settings.known_actions,
            num_searches=settings.num_searches,
            looks_ahead=settings.gamma > 0,
        )

    def start(self) -> None:
        """Go to where training starts: a new network, or the end of an epoch."""
        settings = self.settings
        if settings.n > 0:
            self._restore(settings.n - 1)
        aside = self.checkpoints.clear_from(settings.n)
        if aside is not None:
            console.print(f"epochs {settings.n} and later of an earlier run: {aside}")

    def _restore(self, epoch: int) -> None:
        whole = self.checkpoints.restore(
            epoch, self.learner, self.replay, self.generators, self.identity
        )
        if whole:
            console.print(f"going on from epoch {epoch}, with its replay memory")
        else:
            console.print(
                f"going on from the weights of epoch {epoch} alone, with an empty"
                f" replay memory: {self.checkpoints.state(epoch)} is not there"
            )

    def train(self, images: VocSet) -> None:
        """Train the epochs that the settings ask for."""
        settings = self.settings
        last = settings.n + settings.epochs
        if 0 < settings.decay_epochs < last:
            console.print(
                f"decay_epochs is {settings.decay_epochs}: from epoch"
                f" {settings.decay_epochs} on the learning rate stays at its lowest"
            )
        board = None
        if settings.tensorboard:
            board = TensorBoardLog(
                settings.path_model / "tensorboard", ("epoch", "class_object")
            )
        with TrainingProgress(len(images), settings.n, settings.epochs) as progress:
            for epoch in range(settings.n, last):
                row = self._train_epoch(epoch, images, progress)
                self._save(epoch, row)
                console.print(sentence(row))
                if board is not None:
                    board.write(row)
        console.print(f"weights: {self.checkpoints.rolling}")
        console.print(f"log: {self.checkpoints.log}")

    def _train_epoch(
        self, epoch: int, images: VocSet, progress: TrainingProgress
    ) -> dict[str, Any]:
        settings = self.settings
        epsilon = get_epsilon(
            epoch,
            settings.n,
            settings.epsilon,
            settings.epsilon_step,
            settings.rules.quirks,
        )
        summary = EpochSummary(epoch, epsilon, settings.class_id)
        strips = StripWriter(settings.path_testing_folder / "training")
        shown = mirrored_in_turn(images, epoch) if settings.flip else images
        decoded = ahead(shown, settings.num_searches + 1)
        self._set_learning_rate(epoch)
        for step in self.trainer.epoch(decoded, epsilon):
            if settings.decay_epochs:
                self._set_learning_rate(epoch + step.image / len(images))
            summary.add(step)
            progress.show(step, summary)
            if settings.bool_draw:
                strips.add(step, epoch)
        if not summary.steps:
            raise InputError(
                f"{settings.path_voc}: none of {len(images)} images has an object of"
                f" class {class_name(settings.class_id)} in its annotation"
            )
        return summary.row

    def _set_learning_rate(self, progress: float) -> None:
        """Set Adam's rate for a moment of training, whichever run it is in."""
        settings = self.settings
        self.learner.optimizer.learning_rate = get_learning_rate(
            settings.learning_rate, progress, settings.decay_epochs
        )

    def _save(self, epoch: int, row: dict[str, Any]) -> None:
        self.checkpoints.save(
            epoch, self.learner, self.replay, self.generators, row, self.identity
        )


def get_replay(settings: TrainSettings) -> ReplayMemory:
    """Return an empty memory of the settings' size, on the device if they say so."""
    return ReplayMemory(
        settings.buffer_experience_replay,
        STATE_SIZE,
        int(settings.rules.quirks.first_slot),
        DeviceTable if settings.resident else host_table,
    )


def _identity(settings: TrainSettings) -> dict[str, Any]:
    """Return what must not change from one run of a model to the next.

    With another discount a memory filled before would be learnt from wrongly: where
    nothing is looked ahead for, the next states in it are not all there.
    """
    return {
        "detector": settings.detector,
        "scale_subregion": settings.scale_subregion,
        "number_of_steps": settings.number_of_steps,
        "buffer_experience_replay": settings.buffer_experience_replay,
        "gamma": settings.gamma,
        "descriptor_scale": settings.descriptor_scale,
        "quirks": settings.rules.quirks.names(),
        "trunk": trunk_identity(settings.path_vgg).to_json(),
        "trunk_dtype": settings.descriptor_dtype,
    }
