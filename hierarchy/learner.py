"""How the Q-network learns: targets, dropout, loss, Adam."""

from typing import Any

import keras
import numpy as np
from keras import ops

from common.gradient_norm import PACKAGE, Adam, GradientNorm
from hierarchy.q_network import HIDDEN_UNITS, get_q_network, load_weights, q_values_of
from hierarchy.replay import Transitions
from hierarchy.targets import TARGETS

DROPOUT = 0.2


@keras.saving.register_keras_serializable(PACKAGE)
class RowScaledAdam(GradientNorm, keras.optimizers.Adam):
    """Adam whose steps are scaled in some rows of one variable.

    Args:
        rows: rows of the variable, which no other variable has as many of.
        scaled_rows: how many of them, from the first on, are scaled.
        scale: factor on their steps.
        **settings: of Adam.
    """

    def __init__(self, rows: int, scaled_rows: int, scale: float, **settings: Any):
        super().__init__(**settings)
        self._scaling = {"rows": rows, "scaled_rows": scaled_rows, "scale": scale}
        self._factors = _row_factors(rows, scaled_rows, scale)

    def get_config(self) -> dict[str, Any]:
        """Return what an equal optimizer is made of."""
        return super().get_config() | self._scaling

    def build(self, variables):
        """Make Adam's moments.

        Raises:
            ValueError: not exactly one variable has the rows that are scaled.
        """
        if sum(map(self._is_scaled, variables)) != 1:
            shapes = [tuple(variable.shape) for variable in variables]
            rows = self._scaling["rows"]
            raise ValueError(f"variables {shapes}: expected one of {rows} rows")
        super().build(variables)

    def _is_scaled(self, variable) -> bool:
        # Backends hand over other objects for a variable; its shape tells it.
        return len(variable.shape) == 2 and variable.shape[0] == self._scaling["rows"]

    def update_step(self, gradient, variable, learning_rate):
        """Move a variable by one step."""
        if self._is_scaled(variable):
            learning_rate = learning_rate * self._factors
        super().update_step(gradient, variable, learning_rate)


def _row_factors(rows: int, scaled_rows: int, scale: float) -> np.ndarray:
    """Return the factor of each row: float32 (rows, 1)."""
    factors = np.ones((rows, 1), np.float32)
    factors[:scaled_rows] = scale
    return factors


@keras.saving.register_keras_serializable(PACKAGE)
class QLearner(keras.Model):
    """The Q-network with what it takes to train it: targets, dropout, Adam.

    The target of a transition is the network's own inference output, in which the taken
    action's value is that of :mod:`hierarchy.targets`; the loss is the mean squared
    error over all outputs. Targets are computed without dropout, the prediction with
    it. The paper has no target network. Source: paper, section 3.3.

    Rewards known of actions not taken (``Transitions.counterfactual_rewards``) replace
    the network's own output in the targets.

    With ``descriptor_scale`` s the network learns as one whose features are s times as
    long would. Adam moves a weight by about the learning rate whatever the size of its
    input: with descriptors whose L2 norm is in the thousands each step moves the
    Q-values far, and a new network begins with large random ones. The weights are still
    those of a plain Q-network for plain features.

    Args:
        state_size: numbers in a state.
        feature_size: how many of them, from the first on, are features.
        num_actions: actions there are.
        hidden_units: of both hidden layers.
        target: name of the target, of :data:`hierarchy.targets.TARGETS`.
        target_update_period: updates after which the target network becomes equal to
            the network that learns; 0 has no target network.
        bootstrap: whether next states count; without, discounts have to be 0.
        learning_rate: of Adam.
        dropout: share of hidden units left out of a prediction.
        descriptor_scale: as above, in (0, 1].
        seed: of the first weights and of the dropout masks.
    """

    def __init__(
        self,
        state_size: int,
        feature_size: int,
        num_actions: int = 6,
        *,
        hidden_units: int = HIDDEN_UNITS,
        target: str = "q_learning",
        target_update_period: int = 0,
        bootstrap: bool = True,
        learning_rate: float = 1e-6,
        dropout: float = DROPOUT,
        descriptor_scale: float = 1.0,
        seed: int = 0,
    ):
        super().__init__(name="q_learner")
        self._arguments = {
            "state_size": state_size,
            "feature_size": feature_size,
            "num_actions": num_actions,
            "hidden_units": hidden_units,
            "target": target,
            "target_update_period": target_update_period,
            "bootstrap": bootstrap,
            "learning_rate": learning_rate,
            "dropout": dropout,
            "descriptor_scale": descriptor_scale,
            "seed": seed,
        }
        self.feature_size = feature_size
        self.num_actions = num_actions
        self.target = TARGETS[target]
        self.target_update_period = target_update_period
        self.bootstrap = bootstrap
        self.dropout = dropout
        self.dropout_seeds = keras.random.SeedGenerator(seed)
        sizes = state_size, num_actions
        self.network = get_q_network(*sizes, seed=seed, hidden_units=hidden_units)
        adam: dict[str, Any] = {
            "learning_rate": learning_rate,
            "epsilon": 1e-8,  # Keras 1's; the default has grown since
        }
        optimizer: GradientNorm = Adam(**adam)
        if descriptor_scale != 1:
            scaling = state_size, feature_size, descriptor_scale
            kernel = self.network.layers[0].kernel
            kernel.assign(kernel * _row_factors(*scaling))
            optimizer = RowScaledAdam(*scaling, **adam)
        self.updates = 0
        self.target_network: keras.Model | None = None
        if target_update_period:
            self.target_network = get_q_network(*sizes, hidden_units=hidden_units)
            self.target_network.trainable = False
            self._update_target_network()
        self.built = True
        self.compile(
            optimizer=optimizer,
            # Measured on 2 cores: XLA halves an update, and Keras leaves it out on
            # machines without a GPU. PyTorch's compiler is another matter.
            jit_compile=keras.backend.backend() != "torch",
        )
        self.optimizer.build(self.network.trainable_variables)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return dict(self._arguments)

    def call(self, transitions: dict, training: bool = False) -> dict:
        """Return the Q-values of states, (n, num_actions) each.

        Args:
            transitions: ``states`` and ``next_states``, (n, state_size).
            training: whether ``prediction`` is made with dropout.

        Returns:
            ``prediction`` and ``inference`` of the states, the latter without dropout,
            and, where next states count, ``next`` and ``next_target`` of the next
            states, by the network and by the target network, without dropout.
        """
        first, *rest = self.network.layers
        # The first product is nearly all of the arithmetic, and dropout comes after
        # it: prediction and inference share it.
        hidden = first(transitions["states"])
        inference = hidden
        prediction = self._drop(hidden) if training else hidden
        for layer in rest:
            inference, prediction = layer(inference), layer(prediction)
            if training and layer is not rest[-1]:
                prediction = self._drop(prediction)
        outputs = {"prediction": prediction, "inference": inference}
        if self.bootstrap:
            outputs["next"] = self.network(transitions["next_states"])
            outputs["next_target"] = outputs["next"]
            if self.target_network is not None:
                outputs["next_target"] = self.target_network(transitions["next_states"])
        return outputs

    def _drop(self, hidden):
        return keras.random.dropout(hidden, self.dropout, seed=self.dropout_seeds)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Return the mean squared error against targets made from ``y_pred``."""
        # PyTorch's train_on_batch hands NumPy's arrays through.
        batch = {name: ops.convert_to_tensor(x[name]) for name in x}
        values = batch["rewards"]
        if self.bootstrap:
            following = y_pred["next"], y_pred["next_target"]
            values = self.target(*following, values, batch["discounts"])
        taken = ops.one_hot(batch["actions"] - 1, self.num_actions)
        known = batch["counterfactual_rewards"]
        others = ops.where(ops.isnan(known), y_pred["inference"], known)
        targets = ops.where(taken > 0, ops.expand_dims(values, 1), others)
        error = y_pred["prediction"] - ops.stop_gradient(targets)
        return ops.mean(ops.square(error))

    def update(self, batch: Transitions) -> float:
        """Learn from one batch and return its loss."""
        loss = float(self.train_on_batch(batch._asdict()))
        self.updates += 1
        if self.target_update_period and self.updates % self.target_update_period == 0:
            self._update_target_network()
        return loss

    def take_gradient_norm(self) -> tuple[int, float]:
        """Return the updates since this was last asked, and their mean gradient norm.

        The norm is that of the gradient in all weights; 0 without updates.
        """
        return self.optimizer.take_norms()

    def _update_target_network(self) -> None:
        if self.target_network is not None:
            self.target_network.set_weights(self.network.get_weights())

    def q_values(self, states) -> np.ndarray:
        """Return the Q-values of n states (state_size,): float32 (n, num_actions)."""
        return q_values_of(self.network, states)

    def save_network(self, path) -> None:
        """Write the Q-network alone, as :meth:`load_network` reads it."""
        self.network.save_weights(path)

    def load_network(self, path) -> None:
        """Read the Q-network alone; the target network becomes equal to it.

        Raises:
            InputError: ``path`` is missing, damaged, or of another network.
        """
        load_weights(self.network, path)
        if self.target_network is not None:
            self._update_target_network()

    def get_state(self) -> dict[str, Any]:
        """Return what training goes on from, besides the Q-network's weights."""
        optimizer: dict[str, Any] = {}
        self.optimizer.save_own_variables(optimizer)
        state = {
            "dropout_seeds": ops.convert_to_numpy(self.dropout_seeds.state),
            "updates": np.array(self.updates),
            "optimizer": optimizer,
        }
        if self.target_network is not None:
            weights = self.target_network.get_weights()
            state["target_network"] = {str(i): w for i, w in enumerate(weights)}
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from where :meth:`get_state` was asked."""
        self.dropout_seeds.state.assign(state["dropout_seeds"])
        self.updates = int(state["updates"])
        self.optimizer.load_own_variables(state["optimizer"])
        if self.target_network is not None:
            saved = state["target_network"]
            self.target_network.set_weights([saved[str(i)] for i in range(len(saved))])
