"""Training: one call of ``fit`` an epoch, and what happened in each."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from common.feeding import fit
from common.progress import rounded
from glimpse_rnn.batches import KeypointBatches
from glimpse_rnn.checkpoint import LOG_FIELDS, RATE_FIELDS
from glimpse_rnn.evaluation import predict
from glimpse_rnn.metrics import THRESHOLDS, detection_rate, normalised_distances

LOSS_FIELDS = LOG_FIELDS[1 : LOG_FIELDS.index("delta") + 1]
"""Columns that ``fit`` reports under the same names."""

Listener = Callable[[int, int, dict[str, float]], None]


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
        row = dict.fromkeys(LOG_FIELDS, "") | {"epoch": epoch}
        row |= {name: rounded(history[name][-1]) for name in LOSS_FIELDS}
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
