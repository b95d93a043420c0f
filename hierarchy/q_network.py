"""The Q-network: what is saved, loaded and asked for Q-values.

How it learns is in :mod:`hierarchy.learner`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from common.device_arrays import Array, array_namespace, next_power_of_two
from common.errors import file_error
from common.hdf5 import open_hdf5

HIDDEN_UNITS = 1024
WEIGHT_DEVIATION = 0.01


def get_q_network(
    state_size: int,
    num_actions: int = 6,
    weights_path: Path | None = None,
    seed: int = 0,
    hidden_units: int = HIDDEN_UNITS,
) -> keras.Sequential:
    """Build the Q-network, new or with saved weights.

    Dense 1024, ReLU, Dense 1024, ReLU, Dense 6 linear, weights from a normal
    distribution with σ 0.01. Source: paper, section 3.3 and Fig. 3.

    Args:
        state_size: numbers in a state.
        num_actions: actions there are.
        weights_path: ``.weights.h5`` file to load; None for a new network.
        seed: of a new network's weights.
        hidden_units: of both hidden layers.

    Returns:
        A model from float32 (n, state_size) to float32 (n, num_actions); column
        ``a − 1`` is the Q-value of action ``a``.

    Raises:
        InputError: the file does not hold such a network.
    """
    seeds = keras.random.SeedGenerator(seed)

    def dense(units: int, activation: str | None) -> keras.layers.Dense:
        initializer = keras.initializers.RandomNormal(
            stddev=WEIGHT_DEVIATION, seed=seeds
        )
        return keras.layers.Dense(units, activation, kernel_initializer=initializer)

    network = keras.Sequential(
        [
            keras.layers.Input((state_size,)),
            dense(hidden_units, "relu"),
            dense(hidden_units, "relu"),
            dense(num_actions, None),
        ],
        name="q_network",
    )
    if weights_path is not None:
        load_weights(network, weights_path)
    return network


def load_weights(network: keras.Sequential, path: Path) -> None:
    """Load a Q-network's weights, or say in one line why that cannot be.

    Raises:
        InputError: ``path`` is missing, damaged, or of another network.
    """
    expected = [tuple(weight.shape) for weight in network.weights]
    found = _shapes_in(path)
    if found != expected:
        raise file_error(
            path,
            f"layers hold weights of shapes {found}",
            f"a Q-network's, {expected}; the published program's files are converted"
            " with python -m weights.convert --q_network SOURCE DEST",
        )
    network.load_weights(path)
    if not all(np.isfinite(weight).all() for weight in network.get_weights()):
        raise file_error(path, "weights are not all finite", "finite numbers")


def _shapes_in(path: Path) -> list[tuple[int, ...]]:
    """Return the shapes of the Dense layers' variables in a Keras 3 file."""
    shapes: list[tuple[int, ...]] = []

    def note(name: str, item: Any) -> None:
        if hasattr(item, "shape") and name.startswith("layers/"):
            shapes.append(item.shape)

    with open_hdf5(path, "a Q-network's .weights.h5") as file:
        file.visititems(note)
    return shapes


def q_values_of(network: keras.Sequential, states: Sequence[Array]) -> np.ndarray:
    """Return a network's Q-values of n states (state_size,): float32 (n, actions).

    Batches are filled up to a power of two, for each size is compiled anew.
    """
    library = array_namespace(states[0])
    batch = library.stack(states)
    missing = next_power_of_two(len(batch)) - len(batch)
    if missing:
        padding = np.zeros((missing, batch.shape[1]), np.float32)
        batch = library.concatenate([batch, padding])
    return network.predict_on_batch(batch)[: len(states)]
