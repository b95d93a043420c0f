"""The Q-network, and how it learns.

:func:`get_q_network` builds the network that is saved, loaded and asked for Q-values.
:class:`QLearner` wraps it for training; dropout is a matter of learning alone and
lives there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import ops

from common.device_arrays import Array, fill_up, library_of
from common.errors import file_error
from hierarchy.description import STATE_SIZE
from hierarchy.history import HISTORY_SIZE, NUMBER_OF_ACTIONS
from hierarchy.regions import TRIGGER
from hierarchy.replay import Experiences

HIDDEN_UNITS = 1024
DROPOUT = 0.2
WEIGHT_DEVIATION = 0.01


def get_q_network(
    weights_path: Path | None = None,
    seed: int = 0,
    state_size: int = STATE_SIZE,
    descriptor_scale: float = 1.0,
) -> keras.Sequential:
    """Build the Q-network, new or with saved weights.

    Dense 1024, ReLU, Dense 1024, ReLU, Dense 6 linear, weights from a normal
    distribution with σ 0.01. Source: paper, section 3.3 and Fig. 3.

    Args:
        weights_path: ``.weights.h5`` file to load; None for a new network.
        seed: of a new network's weights.
        state_size: numbers in a state, 25112.
        descriptor_scale: factor on the weights that a new network's descriptor meets
            first; see :class:`QLearner`.

    Returns:
        A model from float32 (n, state_size) to float32 (n, 6); column ``a − 1`` is the
        Q-value of action ``a``.

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
            dense(HIDDEN_UNITS, "relu"),
            dense(HIDDEN_UNITS, "relu"),
            dense(NUMBER_OF_ACTIONS, None),
        ],
        name="q_network",
    )
    if descriptor_scale != 1:
        kernel = network.layers[0].kernel
        kernel.assign(kernel * _row_factors(state_size, descriptor_scale))
    if weights_path is not None:
        load_weights(network, weights_path)
    return network


def _row_factors(state_size: int, descriptor_scale: float) -> np.ndarray:
    """Return the factor of each row of the first kernel: float32 (state_size, 1)."""
    factors = np.ones((state_size, 1), np.float32)
    factors[: state_size - HISTORY_SIZE] = descriptor_scale
    return factors


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
    if not path.is_file():
        raise file_error(path, "there is no such file", "a Q-network's .weights.h5")
    shapes: list[tuple[int, ...]] = []

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and name.startswith("layers/"):
            shapes.append(item.shape)
            item[...]  # a file cut short shows itself here

    try:
        with h5py.File(path) as file:
            file.visititems(note)
    except (OSError, RuntimeError) as error:
        raise file_error(
            path, "is cut short or no h5 file", "a Q-network's .weights.h5"
        ) from error
    return shapes


class RowScaledAdam(keras.optimizers.Adam):
    """Adam whose steps are scaled row by row in one of the variables.

    Args:
        variable: the one; no other may have its shape.
        factors: float32, broadcast against it.
        **settings: of Adam.
    """

    def __init__(self, variable: keras.Variable, factors: np.ndarray, **settings: Any):
        super().__init__(**settings)
        # Backends hand over other objects for a variable; its shape tells it.
        self._scaled_shape = tuple(variable.shape)
        self._factors = factors

    def update_step(self, gradient, variable, learning_rate):
        """Move a variable by one step."""
        if tuple(variable.shape) == self._scaled_shape:
            learning_rate = learning_rate * self._factors
        super().update_step(gradient, variable, learning_rate)


class QLearner(keras.Model):
    """The Q-network with what it takes to train it: targets, dropout, Adam.

    The target of an experience is the network's own inference output, in which the
    taken action's value is r + γ · max Q(s′), or r after a trigger; the loss is the
    mean squared error over all six outputs. Targets are computed without dropout, the
    prediction with it. There is no target network. Source: paper, section 3.3.

    What is known of actions not taken (``Experiences.known``) replaces the network's
    own output in the targets.

    With ``descriptor_scale`` s the network learns as one whose descriptors are s times
    as long would: Adam moves a weight by about the learning rate whatever the size of
    its input, so with descriptors that are thousands long each step moves the Q-values
    far, and a new network begins with large random ones. The weights are still those
    of a plain Q-network for plain descriptors.

    Args:
        network: the Q-network; trained in place.
        gamma: discount of the next state's value, in [0, 1].
        learning_rate: of Adam.
        seed: of the dropout masks.
        dropout: share of hidden units left out of a prediction.
        descriptor_scale: as for :func:`get_q_network`.
    """

    def __init__(
        self,
        network: keras.Sequential,
        gamma: float = 0.90,
        learning_rate: float = 1e-6,
        seed: int = 0,
        dropout: float = DROPOUT,
        descriptor_scale: float = 1.0,
    ):
        super().__init__(name="q_learner")
        self.network = network
        self.gamma = gamma
        self.dropout = dropout
        self.dropout_seeds = keras.random.SeedGenerator(seed)
        self.compile(
            optimizer=_adam(network, learning_rate, descriptor_scale),
            # Measured on 2 cores: XLA halves an update, and Keras leaves it out on
            # machines without a GPU. PyTorch's compiler is another matter.
            jit_compile=keras.backend.backend() != "torch",
        )
        self.optimizer.build(network.trainable_variables)

    def call(self, experiences: dict, training: bool = False) -> dict:
        """Return the Q-values of states, (n, 6) each.

        Args:
            experiences: ``states`` and ``next_states``, (n, state_size).
            training: whether ``prediction`` is made with dropout.

        Returns:
            ``prediction`` and ``inference`` of the states, the latter without
            dropout, and, unless the discount is 0, ``next`` of the next states,
            without dropout.
        """
        first, *rest = self.network.layers
        # The first product is nearly all of the arithmetic, and dropout comes after
        # it: prediction and inference share it.
        hidden = first(experiences["states"])
        inference = hidden
        prediction = self._drop(hidden) if training else hidden
        for layer in rest:
            inference, prediction = layer(inference), layer(prediction)
            if training and layer is not rest[-1]:
                prediction = self._drop(prediction)
        outputs = {"prediction": prediction, "inference": inference}
        if self.gamma:
            outputs["next"] = self.network(experiences["next_states"])
        return outputs

    def _drop(self, hidden):
        return keras.random.dropout(hidden, self.dropout, seed=self.dropout_seeds)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Return the mean squared error against targets made from ``y_pred``."""
        # PyTorch's train_on_batch hands NumPy's arrays through.
        taken, rewards, known = (
            ops.convert_to_tensor(x[name]) for name in ("actions", "rewards", "known")
        )
        actions = ops.one_hot(taken - 1, NUMBER_OF_ACTIONS)
        value = rewards
        if self.gamma:
            goes_on = ops.cast(taken != TRIGGER, "float32")
            value += self.gamma * goes_on * ops.max(y_pred["next"], axis=1)
        others = ops.where(ops.isnan(known), y_pred["inference"], known)
        targets = ops.where(actions > 0, ops.expand_dims(value, 1), others)
        error = y_pred["prediction"] - ops.stop_gradient(targets)
        return ops.mean(ops.square(error))

    def update(self, batch: Experiences) -> float:
        """Learn from one batch and return its loss."""
        return float(self.train_on_batch(batch._asdict()))

    def q_values(self, states: Sequence[Array]) -> np.ndarray:
        """Return the Q-values of n states (state_size,): float32 (n, 6)."""
        return q_values_of(self.network, states)


def q_values_of(network: keras.Sequential, states: Sequence[Array]) -> np.ndarray:
    """Return a network's Q-values of n states (state_size,): float32 (n, 6).

    Batches are filled up to a power of two, for each size is compiled anew.
    """
    library = library_of(states[0])
    batch = library.stack(states)
    missing = fill_up(len(batch)) - len(batch)
    if missing:
        padding = np.zeros((missing, batch.shape[1]), np.float32)
        batch = library.concatenate([batch, padding])
    return network.predict_on_batch(batch)[: len(states)]


def _adam(
    network: keras.Sequential, learning_rate: float, descriptor_scale: float
) -> keras.optimizers.Adam:
    settings = {
        "learning_rate": learning_rate,
        "epsilon": 1e-8,  # Keras 1's; the default has grown since
    }
    if descriptor_scale == 1:
        return keras.optimizers.Adam(**settings)
    kernel = network.layers[0].kernel
    factors = _row_factors(kernel.shape[0], descriptor_scale)
    return RowScaledAdam(kernel, factors, **settings)
