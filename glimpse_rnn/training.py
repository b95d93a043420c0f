"""Training the glimpse regressor, from settings to checkpoints.

:func:`train` puts the parts together and saves each epoch. :func:`train_epochs` is the
loop: one call of ``fit`` an epoch. The algorithm is in :mod:`glimpse_rnn.model`.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from common.data_pipeline import fit
from common.memory import tune_malloc
from common.progress import EpochProgress, console, rounded
from common.run import Run, open_run, resolve
from datasets.keypoints import KeypointSet
from glimpse_rnn.batches import Augmentation, KeypointBatches
from glimpse_rnn.checkpoint import LOG_FIELDS, RATE_FIELDS, Checkpoints, Learner
from glimpse_rnn.config import TrainSettings
from glimpse_rnn.data import announce, open_sets, report_skipped
from glimpse_rnn.diagnosis import CHECKS
from glimpse_rnn.distribution import Distribution
from glimpse_rnn.evaluation import mean_rollouts, predict, run_files
from glimpse_rnn.metrics import THRESHOLDS, detection_rate, normalised_distances
from glimpse_rnn.model import EDGE_SHARE, get_model
from report.glimpses import draw_rollout
from weights.vgg16 import trunk_identity

FIT_FIELDS = (*LOG_FIELDS[1 : LOG_FIELDS.index("delta") + 1], EDGE_SHARE)
"""Columns that ``fit`` reports under the same names."""

DRAWN = 4
"""Rollouts that ``bool_draw`` draws after an epoch."""

Listener = Callable[[int, int, dict[str, float]], None]


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
    tune_malloc()
    files = Checkpoints(settings.path_model, settings.keep_states)
    settings = resolve(settings, files)
    (everything,) = open_sets(settings, "train")
    images, validation = split(everything, settings.identity())
    more = f", {len(validation)} more to validate on" if len(validation) else ""
    announce("training", images, more)
    with distribution.scope():
        model = get_model(settings)
    batches = KeypointBatches(
        images,
        settings.batch_size,
        settings.seed,
        augmentation_of(settings),
        sample_noise=model.sample_noise,
    )
    shown = (validation if len(validation) else images)[:DRAWN]
    tested = validation.arrays() if len(validation) else None
    learner, writes = Learner(model), distribution.is_first
    identity = settings.identity() | {"trunk": _trunk(settings)}
    with open_run(
        settings, files, identity, learner, {}, everything, CHECKS, writes
    ) as run:
        if settings.keep_best and writes:
            files.copy_best()
        for row in _shown_epochs(model, batches, tested, run):
            run.end_epoch(row, format_row(row))
            if settings.keep_best and writes and files.copy_best() == row["epoch"]:
                console.print(f"epoch {row['epoch']} is the best so far")
            if settings.bool_draw and writes:
                folder = settings.path_testing_folder / "training"
                folder /= f"epoch_{row['epoch']:03d}"
                rollouts = mean_rollouts(model, shown)
                for rollout, file in zip(rollouts, run_files(shown), strict=True):
                    draw_rollout(rollout, folder / file)
    report_skipped(everything)


def split(
    images: KeypointSet, partition: dict[str, Any]
) -> tuple[KeypointSet, KeypointSet]:
    """Return the part of a training set to train on, and the part to validate on.

    Args:
        images: the whole set.
        partition: ``validation``, ``split_seed`` and ``max_images`` of the training.
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


def _trunk(settings: TrainSettings) -> dict[str, Any] | None:
    """Return which VGG-16 looks at glimpses, ready for JSON; None if none does."""
    if settings.glimpse_network != "vgg16":
        return None
    return trunk_identity(settings.path_vgg).to_json()


def _shown_epochs(
    model: keras.Model,
    batches: KeypointBatches,
    validation: tuple[np.ndarray, np.ndarray] | None,
    run: Run,
) -> Iterator[dict[str, Any]]:
    """Train a run's epochs, with a line on the screen that says how far it is."""
    epochs = run.epochs
    with EpochProgress(len(batches), epochs.start, len(epochs)) as progress:

        def show(epoch: int, done: int, logs: dict[str, float]) -> None:
            words = " · ".join(
                f"{name} {logs[name]:.3f}" for name in ("loss", "reward", "delta")
            )
            progress.update(epoch, done, words)

        yield from train_epochs(model, batches, validation, epochs, show)


class _Live(keras.callbacks.Callback):
    """Passes the numbers of each batch on."""

    def __init__(self, epoch: int, listener: Listener):
        super().__init__()
        self._epoch = epoch
        self._listener = listener

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._listener(self._epoch, batch + 1, logs or {})


def train_epochs(
    model: keras.Model,
    batches: KeypointBatches,
    validation: tuple[np.ndarray, np.ndarray] | None,
    epochs: range,
    listener: Listener,
) -> Iterator[dict[str, Any]]:
    """Train epoch after epoch and yield each one's row of the log.

    The compiled functions stay alive from one ``fit`` to the next.

    Args:
        model: compiled.
        batches: deterministic by seed and epoch.
        validation: uint8 (n, S, S, C) images and float32 (n, 4) targets, or None.
        epochs: those to train.
        listener: called with epoch, batches done and ``fit``'s numbers so far.

    Yields:
        A row by :data:`glimpse_rnn.checkpoint.LOG_FIELDS`; the model is that of the
        epoch's end until the next row is asked for.
    """
    for epoch in epochs:
        start = time.perf_counter()
        batches.start_epoch(epoch)
        history = fit(
            model,
            batches,
            initial_epoch=epoch,
            epochs=epoch + 1,
            callbacks=[_Live(epoch, listener)],
        ).history
        seconds = time.perf_counter() - start
        row: dict[str, Any] = dict.fromkeys(LOG_FIELDS, "") | {"epoch": epoch}
        row |= {name: rounded(history[name][-1]) for name in FIT_FIELDS}
        row["gradient_norm"] = rounded(model.optimizer.take_norms()[1])
        row |= validate(model, validation)
        row["learning_rate"] = rounded(float(model.optimizer.learning_rate))
        row["images_per_second"] = rounded(batches.images_per_epoch / seconds)
        row["seconds"] = round(time.perf_counter() - start, 2)
        yield row


def validate(
    model: keras.Model, validation: tuple[np.ndarray, np.ndarray] | None
) -> dict[str, Any]:
    """Return the log's columns on the validation part; none if there is no such part.

    The mean policy's, in which nothing but the first location is random; it is the
    same in every epoch.
    """
    if validation is None:
        return {}
    images, targets = validation
    distances = normalised_distances(predict(model, images), targets)
    rates = detection_rate(distances, np.array(THRESHOLDS))
    pairs = zip(RATE_FIELDS, rates, strict=True)
    row = {name: rounded(float(rate)) for name, rate in pairs}
    return row | {"validation_delta": rounded(float(distances.mean()))}


def format_row(row: dict[str, Any]) -> str:
    """Return an epoch's row of the log as a line to read."""
    words = [f"epoch {row['epoch']}: loss {row['loss']:.3f}"]
    words.append(f"reward {row['reward']:.3f}, Δ {row['delta']:.3f}")
    if row["validation_delta"] != "":
        rates = " / ".join(f"{row[name]:.0f}" for name in RATE_FIELDS)
        words.append(f"validation Δ {row['validation_delta']:.3f}, {rates} %")
    words.append(f"{row['images_per_second']:.0f} images/s, {row['seconds']:.0f} s")
    return ", ".join(words)
