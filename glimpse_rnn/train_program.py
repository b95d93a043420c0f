"""The training program: from settings to checkpoints, as the script calls it.

Here the pieces are put together and nothing else happens: the loop is in
:mod:`glimpse_rnn.training`; logging, progress and saving are its listeners.
"""

from typing import Any

import numpy as np

from common.files import alone_in, check_folder
from common.memory import keep_freed_memory
from common.progress import EpochProgress, TensorBoardLog, console
from common.sheet import plain_name
from datasets.keypoints import KeypointSet
from glimpse_rnn.batches import Augmentation, KeypointBatches
from glimpse_rnn.checkpoint import Checkpoints
from glimpse_rnn.config import TrainSettings
from glimpse_rnn.data import announce, open_sets, report_skipped
from glimpse_rnn.distribution import Distribution
from glimpse_rnn.evaluation import mean_rollouts
from glimpse_rnn.model import get_model
from glimpse_rnn.training import format_row, train_epochs
from glimpse_rnn.visualization import draw_run
from weights.vgg16 import trunk_identity


def train(settings: TrainSettings) -> None:
    """Train from epoch ``n`` on and save every epoch.

    Args:
        settings: all of them; see :mod:`glimpse_rnn.config`.

    Raises:
        InputError: a setting or file cannot be used.
    """
    settings.check()
    settings.check_names()
    distribution = Distribution(settings.distribute)
    keep_freed_memory()
    checkpoints = Checkpoints(settings.path_model, settings.keep_states)
    checkpoints.check_start(settings.n)
    training = _Training(settings, checkpoints, distribution)
    if not distribution.is_first:
        training.run()
        return
    check_folder(settings.path_model, "path_model")
    with alone_in(settings.path_model):
        training.run()


def split(
    images: KeypointSet, partition: dict[str, Any]
) -> tuple[KeypointSet, KeypointSet]:
    """Return the part of a training set to train on, and the part to validate on.

    Args:
        images: the whole set.
        partition: as :meth:`glimpse_rnn.config.TrainSettings.partition` gives it.
    """
    generator = np.random.default_rng(partition["split_seed"])
    training, validation = images.split_validation(partition["validation"], generator)
    if partition["max_images"]:
        training = training.subset(range(min(len(training), partition["max_images"])))
    return training, validation


def augmentation_of(settings: TrainSettings) -> Augmentation:
    """Return how images are varied; digits are not mirrored."""
    return Augmentation(
        flip=bool(settings.flip) and settings.task == "door_handle",
        scale=settings.scale,
        stretch=settings.stretch,
        shift=settings.shift,
        colour=settings.colour,
    )


DRAWN = 4
"""Rollouts that ``bool_draw`` draws after an epoch."""


class _Training:
    """One run of training: what learns, on what, and who listens."""

    def __init__(
        self,
        settings: TrainSettings,
        checkpoints: Checkpoints,
        distribution: Distribution,
    ):
        self._settings = settings
        self._writes = distribution.is_first
        self._checkpoints = checkpoints
        (self._images,) = open_sets(settings, "train")
        images, validation = split(self._images, settings.partition())
        more = f", {len(validation)} more to validate on" if len(validation) else ""
        announce("training", images, more)
        self._shown = validation if len(validation) else images
        self._validation = validation.arrays() if len(validation) else None
        with distribution.scope():
            self._model = get_model(settings)
        self._batches = KeypointBatches(
            images,
            settings.batch_size,
            settings.seed,
            augmentation_of(settings),
            sample_noise=self._model.sample_noise,
        )
        self._trunk = None
        if settings.glimpse_network == "vgg16":
            self._trunk = trunk_identity(settings.path_vgg).to_json()

    def run(self) -> None:
        """Go to where training starts, and train the epochs asked for."""
        settings = self._settings
        if settings.n > 0:
            self._restore(settings.n - 1)
        if self._writes:
            self._start_files()
        self._train()
        report_skipped(self._images)
        console.print(f"weights: {self._checkpoints.rolling}")
        console.print(f"log: {self._checkpoints.log}")

    def _start_files(self) -> None:
        settings = self._settings
        aside = self._checkpoints.clear_from(settings.n)
        if aside is not None:
            console.print(f"epochs {settings.n} and later of an earlier run: {aside}")
        self._checkpoints.write_settings(
            settings.record() | ({"trunk": self._trunk} if self._trunk else {})
        )
        if settings.keep_best:
            self._checkpoints.copy_best()

    def _restore(self, epoch: int) -> None:
        whole = self._checkpoints.restore(epoch, self._model, self._identity())
        if whole:
            console.print(
                f"going on from epoch {epoch}, with its Adam and its random states"
            )
        else:
            console.print(
                f"going on from the weights of epoch {epoch} alone, with a new Adam:"
                f" {self._checkpoints.state(epoch)} is not there"
            )

    def _identity(self) -> dict[str, Any]:
        """Return what must not change from one run of a model to the next."""
        settings = self._settings
        return {"trunk": self._trunk, **settings.identity(), **settings.partition()}

    def _train(self) -> None:
        settings = self._settings
        epochs = range(settings.n, settings.n + settings.epochs)
        board = None
        if settings.tensorboard and self._writes:
            board = TensorBoardLog(settings.path_model / "tensorboard")
        with EpochProgress(len(self._batches), settings.n, settings.epochs) as progress:

            def show(epoch: int, done: int, logs: dict[str, float]) -> None:
                words = " · ".join(
                    f"{name} {logs[name]:.3f}" for name in ("loss", "reward", "delta")
                )
                progress.update(epoch, done, words)

            for row in train_epochs(
                self._model, self._batches, self._validation, epochs, show
            ):
                note = self._save(row) if self._writes else ""
                console.print(format_row(row) + note)
                if board is not None:
                    board.write(row)
                if settings.bool_draw and self._writes:
                    self._draw(row["epoch"])

    def _save(self, row: dict[str, Any]) -> str:
        """Save an epoch, and return what else there is to say about it."""
        self._checkpoints.save(row["epoch"], self._model, row, self._identity())
        best = self._checkpoints.copy_best() if self._settings.keep_best else None
        return ", the best so far" if best == row["epoch"] else ""

    def _draw(self, epoch: int) -> None:
        """Draw the mean policy's rollouts on images that are not trained on."""
        shown = self._shown.subset(range(min(DRAWN, len(self._shown))))
        folder = self._settings.path_testing_folder / "training" / f"epoch_{epoch:03d}"
        for rollout in mean_rollouts(self._model, shown):
            draw_run(rollout, folder / f"{plain_name(rollout.name)}_run.png")
