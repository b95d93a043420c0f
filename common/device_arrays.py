"""Arrays that stay on the device that Keras computes on, and compiled work on them.

The few lines that each backend needs its own way are here and nowhere else: Keras knows
no function compiled outside of a model, and no array written to in part.
"""

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import keras
import numpy as np
from keras import ops


def library_of(array: Any) -> ModuleType:
    """Return where ``concatenate``, ``stack`` and ``zeros`` for an array are found.

    Returns:
        NumPy for its own arrays, :mod:`keras.ops` for those on the device.
    """
    return np if isinstance(array, np.ndarray) else ops


def bytes_of(array: Any) -> int:
    """Return the bytes that an array takes, on the device or not."""
    itemsize = np.dtype(keras.backend.standardize_dtype(array.dtype)).itemsize
    return int(np.prod(array.shape)) * itemsize


def compiled(work: Callable, fused: bool | None = None) -> Callable:
    """Compile a function of arrays, once for each combination of their shapes.

    Args:
        work: takes and returns arrays or tuples of them, and has no state.
        fused: whether TensorFlow makes one kernel of it; None leaves it to it. JAX
            always does, PyTorch takes it as it is.
    """
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        # What is fused is compiled for each shape anyhow, the rest need not be.
        return tf.function(work, jit_compile=fused, reduce_retracing=not fused)
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(work)
    return _without_gradients(work)


def compiled_model(model: keras.Model) -> Callable:
    """Compile a model's inference; unlike ``predict`` it leaves results on the device.

    Args:
        model: built; its weights may change later on.

    Returns:
        Takes what the model takes, and returns what it returns.
    """
    if keras.config.backend() != "jax":
        return compiled(lambda x: model(x, training=False))

    # As arguments: JAX would make constants of weights that are only reached for.
    def infer(trainable: list, others: list, x: Any) -> Any:
        return model.stateless_call(trainable, others, x, training=False)[0]

    infer = compiled(infer)
    return lambda x: infer(
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
        x,
    )


class DeviceTable:
    """Rows of float32 on the device, read and written by number.

    Args:
        rows: how many; all zero at first.
        size: numbers in a row.
    """

    def __init__(self, rows: int, size: int):
        self._backend = keras.config.backend()
        self._rows = ops.zeros((rows, size), "float32")
        if self._backend == "tensorflow":
            import tensorflow as tf

            self._rows = tf.Variable(self._rows, trainable=False)

    def __setitem__(self, place: int | slice, values: Any):
        """Write a row, or a range of rows, in place."""
        if self._backend == "tensorflow":
            self._rows[place].assign(values)
        elif self._backend == "jax":
            self._rows = _write_in_jax(self._rows, place, values)
        else:
            self._rows[place] = ops.convert_to_tensor(values, "float32")

    def __getitem__(self, places: np.ndarray | slice) -> Any:
        """Return rows, (n, size), on the device; those of a range as NumPy's."""
        if isinstance(places, slice):
            return ops.convert_to_numpy(self._rows[places])
        if self._backend == "tensorflow":
            import tensorflow as tf

            return tf.gather(self._rows, places)  # ops.take would read all of it first
        return ops.take(self._rows, places, axis=0)


def _write_in_jax(rows: Any, place: int | slice, values: Any) -> Any:
    if isinstance(place, slice):  # rare; a range is part of what JAX compiles for
        return rows.at[place].set(values)
    return _write_row_in_jax()(rows, place, values)


@cache
def _write_row_in_jax() -> Callable:
    import jax

    # Donated, the table is written to instead of copied.
    return jax.jit(lambda rows, place, row: rows.at[place].set(row), donate_argnums=0)


def _without_gradients(work: Callable) -> Callable:
    import torch

    @torch.no_grad()
    def call(*arrays: Any) -> Any:
        # The other backends bring arguments to the device themselves.
        return work(*keras.tree.map_structure(ops.convert_to_tensor, arrays))

    return call
