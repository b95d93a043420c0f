"""Arrays that stay on the device that Keras computes on, and compiled work on them.

The few lines that each backend needs its own way are here and nowhere else: Keras knows
no function compiled outside of a model, and no array written to in part.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np
from keras import ops

from common.backend import keras

Array = Any
"""An array of NumPy's, or one of the backend's on the device."""


def array_namespace(array: Array) -> ModuleType:
    """Return where ``concatenate``, ``stack`` and their like for an array are found.

    Returns:
        NumPy for its own arrays, :mod:`keras.ops` for those on the device.
    """
    return np if isinstance(array, np.ndarray) else ops


def nbytes(array: Array) -> int:
    """Return the bytes that an array takes, on the device or not."""
    itemsize = np.dtype(keras.backend.standardize_dtype(array.dtype)).itemsize
    return int(np.prod(array.shape)) * itemsize


def copy_of(array: Array) -> Array:
    """Return a copy that shares no memory with the array, where the array is."""
    if isinstance(array, np.ndarray):
        return array.copy()
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        # ops.copy gives the same buffer another name: a row keeps its whole batch.
        return tf.raw_ops.DeepCopy(x=array)
    return ops.copy(array)


def next_power_of_two(number: int) -> int:
    """Return the least power of two from ``number`` on, at least 1.

    Batches are filled up to it, for each size is compiled anew.
    """
    return 2 ** (number - 1).bit_length()


def dtype_up_to(largest: int) -> str:
    """Return the quickest dtype that is exact for whole numbers up to one.

    Args:
        largest: the number.

    Returns:
        ``int16``, but not for TensorFlow on a GPU, which has few kernels for it;
        ``float32`` or, past what that holds exactly, ``int32``.
    """
    if largest < 2**15 and not _is_tensorflow_on_gpu():
        return "int16"
    return "float32" if largest <= 2**24 else "int32"


def _is_tensorflow_on_gpu() -> bool:
    if keras.config.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


def compiled(work: Callable, fused: bool = False) -> Callable:
    """Compile a function of arrays and nothing else.

    Args:
        work: takes and returns arrays, or tuples of them.
        fused: whether TensorFlow compiles it by XLA, once for each combination of
            shapes, instead of running it as a graph for all. It has to be where
            integers are computed with: few of TensorFlow's kernels take them on a GPU.

    Returns:
        The same function, of arrays wherever they are, returning those on the device.
        JAX compiles it by XLA in any case, PyTorch runs it as it is.
    """
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        if fused:
            return _by_shapes(partial(tf.function, work, jit_compile=True))
        return tf.function(work, reduce_retracing=True)
    if keras.config.backend() == "jax":
        import jax

        return jax.jit(work)
    return _without_gradients(work)


def _by_shapes(make: Callable[[], Callable]) -> Callable:
    """Give each combination of shapes a function of its own.

    One for all would complain of being traced again and again.
    """
    functions: dict[tuple, Callable] = defaultdict(make)

    def call(*arrays: Array) -> Array:
        shapes = tuple(tuple(array.shape) for array in keras.tree.flatten(arrays))
        return functions[shapes](*arrays)

    return call


def _without_gradients(work: Callable) -> Callable:
    import torch

    @torch.no_grad()
    def call(*arrays: Array) -> Array:
        # The other backends bring arguments to the device themselves.
        return work(*keras.tree.map_structure(ops.convert_to_tensor, arrays))

    return call


def compiled_model(model: keras.Model) -> Callable:
    """Compile a model's inference; unlike ``predict`` it leaves results on the device.

    Args:
        model: built; its weights may change later on.

    Returns:
        Takes what the model takes, and returns what it returns. JAX compiles it anew
        for each shape.
    """
    if keras.config.backend() != "jax":
        return compiled(lambda x: model(x, training=False))

    # As arguments: JAX would make constants of weights that are only reached for.
    def infer(trainable: list, others: list, x: Array) -> Array:
        return model.stateless_call(trainable, others, x, training=False)[0]

    infer = compiled(infer)
    return lambda x: infer(
        [variable.value for variable in model.trainable_variables],
        [variable.value for variable in model.non_trainable_variables],
        x,
    )


def take_rows(rows: Array, places: Array) -> Array:
    """Return ``rows[places]``, a copy on the device.

    Args:
        rows: (m, …), on the device.
        places: whole numbers of any shape, in 0 … m − 1.
    """
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        # ops.take would copy a variable first, and goes over the places once more in
        # case some are negative: a fourteenth of a glimpse's time.
        return tf.gather(rows, places)
    return ops.take(rows, places, axis=0)


class DeviceTable:
    """Rows of float32 on the device, written in place and read by number.

    Its memory is taken when it is made. It is indexed as an array of NumPy's is, as far
    as a replay memory needs it.

    Args:
        rows: how many; all zero at first.
        size: numbers in a row.
    """

    def __init__(self, rows: int, size: int):
        self._backend = keras.config.backend()
        self._shape = rows, size
        self._rows = ops.zeros(self._shape, "float32")
        if self._backend == "tensorflow":
            import tensorflow as tf

            self._rows = tf.Variable(self._rows, trainable=False)

    def __setitem__(self, place: int | slice, values: Array):
        """Write a row, or a range of rows.

        Args:
            place: number of the row, or the range.
            values: (size,) for a row, (n, size) for a range of n; anywhere.

        Raises:
            ValueError: the values are of another shape.
        """
        places = np.arange(self._shape[0])[place]
        expected = (*places.shape, self._shape[1])
        if tuple(values.shape) != expected:
            raise ValueError(f"values are {tuple(values.shape)}, expected {expected}")
        values = ops.convert_to_tensor(values, "float32")
        if self._backend == "tensorflow":
            import tensorflow as tf

            rows = tf.reshape(values, (-1, self._shape[1]))
            self._rows.scatter_update(tf.IndexedSlices(rows, places.reshape(-1)))
        elif self._backend == "jax":
            self._rows = _write_in_jax()(self._rows, places, values)
        else:
            self._rows[place] = values

    def __getitem__(self, places: np.ndarray | slice) -> Array:
        """Return rows: float32 (n, size).

        Args:
            places: numbers of n rows, returned as a copy on the device; or a range of
                them, returned as NumPy's.
        """
        if isinstance(places, slice):
            return ops.convert_to_numpy(self._rows[places])
        return take_rows(self._rows, places)


@cache
def _write_in_jax() -> Callable:
    import jax

    # Donated, the table is written to instead of copied.
    return jax.jit(lambda rows, at, values: rows.at[at].set(values), donate_argnums=0)
