"""What the paper's model has to beat: the whole image into the same convolutions.

The other controls need no model; they are in :mod:`glimpse_rnn.evaluation`.
"""

import json
from pathlib import Path

import keras
import numpy as np
from keras import ops

from common.data_pipeline import fit
from common.files import sha256_of, write_json
from common.hdf5 import checksummed_write
from common.progress import EpochProgress
from datasets.keypoints import KeypointSet
from glimpse_rnn.batches import Augmentation, KeypointBatches
from glimpse_rnn.checkpoint import load_weights, save_weights

STEM = "whole_image"


def get_whole_image_network(side: int, channels: int, seed: int = 0) -> keras.Model:
    """Build the whole-image regression: the paper's glimpse CNN over the whole canvas.

    Three convolutions 5×5 of stride 2 with 32, 64 and 128 channels and ReLU, as in the
    glimpse network, global average pooling as there, and a linear layer of 2.

    Args:
        side: of the canvas in pixels.
        channels: of the canvas.
        seed: of the initial weights.

    Returns:
        A model from uint8 (n, S, S, C) to float32 (n, 2), row and column in [−1, 1].
    """
    image = keras.Input((side, side, channels), name="image")
    x = keras.layers.Rescaling(1 / 255, name="scale")(image)
    for number, filters in enumerate((32, 64, 128), start=1):
        x = keras.layers.Conv2D(
            filters,
            5,
            strides=2,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed + number),
            name=f"conv{number}",
        )(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    output = keras.layers.Dense(
        2, kernel_initializer=keras.initializers.GlorotUniform(seed=seed), name="where"
    )(x)
    return keras.Model(image, output, name=STEM)


def l1_of_offsets(targets: keras.KerasTensor, predictions: keras.KerasTensor):
    """Return the glimpse model's regression loss: L1 of the normalised offset, (n,)."""
    offsets = (predictions - targets[:, :2]) * targets[:, 2:]
    return ops.sum(ops.abs(offsets), axis=-1)


def whole_image_predictions(
    training: KeypointSet,
    images: np.ndarray,
    folder: Path,
    epochs: int,
    batch_size: int,
    seed: int,
    augmentation: Augmentation,
) -> tuple[np.ndarray, str]:
    """Train the whole-image regression, unless it lies in ``folder``, and run it.

    Args:
        training: what the glimpse model was trained on.
        images: uint8 (n, S, S, C) to predict for.
        folder: where ``whole_image.weights.h5`` is kept, with a JSON of how it came.
        epochs: to train.
        batch_size: images in an update.
        seed: of weights and batches.
        augmentation: as the glimpse model had it.

    Returns:
        float32 (n, 2) predictions, and how they came about in words.
    """
    side, _, channels = training.canvas_shape
    network = get_whole_image_network(side, channels, seed)
    batches = KeypointBatches(training, batch_size, seed, augmentation)
    made_with = {
        "data": training.described,
        "images": len(training),
        "image_size": side,
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        "augmentation": repr(augmentation),
    }
    weights = folder / f"{STEM}.weights.h5"
    record = folder / f"{STEM}.json"
    if _is_made_with(record, weights, made_with):
        load_weights(network, weights)
    else:
        # Of the same layers: compiled, it would be saved with its optimizer.
        trained = keras.Model(network.inputs, network.outputs)
        trained.compile(keras.optimizers.Adam(1e-3, clipnorm=0.5), l1_of_offsets)
        _train(trained, batches, epochs)
        with checksummed_write(weights) as partial:
            save_weights(network, partial)
        write_json(record, made_with | {"sha256": sha256_of(weights)})
    how = f"the same CNN over the whole image, trained for {epochs} epochs"
    return network.predict(images, batch_size=32, verbose=0), how


def _is_made_with(record: Path, weights: Path, made_with: dict) -> bool:
    """Return whether the weights are there, whole, and made as asked for."""
    if not (record.is_file() and weights.is_file()):
        return False
    try:
        made = json.loads(record.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return made == made_with | {"sha256": sha256_of(weights)}


def _train(network: keras.Model, batches: KeypointBatches, epochs: int) -> None:
    with EpochProgress(1, 0, epochs) as progress:
        for epoch in range(epochs):
            batches.start_epoch(epoch)
            history = fit(network, batches).history
            words = f"whole-image regression · loss {history['loss'][-1]:.3f}"
            progress.update(epoch, 1, words)
