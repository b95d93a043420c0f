"""The norm of the gradient, kept by the optimizer that applies it.

It is taken inside the compiled update, where the gradient is; keras.Model hands it to
nobody else. Reading a gradient once more costs a third of a Q-network's update, and so
it is not done each time.
"""

from collections.abc import Sequence
from math import ceil
from typing import Any

from keras import ops

from common.backend import keras

PACKAGE = "visual_search_rl"

EVERY = 16
"""Updates of which the first one's norm is taken."""

# On PyTorch Keras makes an Adam of another class, which updates all weights at once.
# Its variables are not made here: TensorFlow shares work among machines only where
# nothing was computed before.
_BackendAdam: Any = type(keras.optimizers.Adam.__new__(keras.optimizers.Adam))


class GradientNorm:
    """What makes an optimizer sum up the norms of its gradients, before clipping.

    Of every :data:`EVERY` updates the first one counts. It stands before a class of
    Keras' among the bases. The sum is a variable of the optimizer, for JAX carries
    nothing else through an update, but no part of its state: files are as without it.
    """

    _norms: Any = None
    """float32 (2,), the sum of the norms and the number of updates."""

    def build(self, variables: Sequence[Any]) -> None:
        """Make the optimizer's variables, the sum last."""
        if self.built:  # type: ignore[attr-defined]
            return
        super().build(variables)  # type: ignore[misc]
        self._norms = self.add_variable(  # type: ignore[attr-defined]
            (2,), dtype="float32", aggregation="only_first_replica", name="norms"
        )

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Take a step; see Keras."""
        if self._norms is not None:
            norm = ops.cond(
                ops.equal(self._norms[1] % EVERY, 0),
                lambda: norm_of(grads),
                lambda: ops.zeros((), "float32"),
            )
            self._norms.assign_add(ops.stack([norm, ops.ones_like(norm)]))
        super().apply(grads, trainable_variables)  # type: ignore[misc]

    def take_norms(self) -> tuple[int, float]:
        """Return the updates since this was last asked, and their mean norm.

        The mean of nothing is 0.
        """
        total, updates = ops.convert_to_numpy(self._norms).tolist()
        self._norms.assign([0.0, 0.0])
        return int(updates), total / max(ceil(updates / EVERY), 1)

    @property
    def state_variables(self) -> list[Any]:
        """The variables that training goes on from."""
        variables = self.variables  # type: ignore[attr-defined]
        return [variable for variable in variables if variable is not self._norms]

    def save_own_variables(self, store: Any) -> None:
        """Write the variables that training goes on from, as Keras does."""
        for number, variable in enumerate(self.state_variables):
            store[str(number)] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store: Any) -> None:
        """Read what :meth:`save_own_variables` wrote, or Keras' own optimizer."""
        saved = {name: store[name] for name in store.keys()}
        if self._norms is not None:
            saved[str(len(self.state_variables))] = ops.convert_to_numpy(self._norms)
        super().load_own_variables(saved)  # type: ignore[misc]


@keras.saving.register_keras_serializable(PACKAGE)
class Adam(GradientNorm, _BackendAdam):
    """Keras' Adam, which also sums up the norms of its gradients."""


def norm_of(gradients: Sequence[Any]) -> Any:
    """Return the Euclidean norm of all gradients together: float32 ().

    Args:
        gradients: arrays of any shapes; None for a variable without one.
    """
    parts = [ops.cast(part, "float32") for part in gradients if part is not None]
    return ops.sqrt(sum(ops.sum(ops.square(part)) for part in parts))
