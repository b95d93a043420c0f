r"""Training on several devices or machines, by TensorFlow's own distribution.

``mirrored`` shares every batch among the GPUs of one machine. ``multi_worker`` shares
it among processes, one a machine or several on one, that the variable ``TF_CONFIG``
tells of each other::

    TF_CONFIG='{"cluster": {"worker": ["a:12345", "b:12345"]},
                "task": {"type": "worker", "index": 0}}' \
    python glimpse_rnn/train.py -n 0 --distribute multi_worker

A batch is as large as in a training on one device, and its noise comes with it: the
losses are the same but for the last bits. Only the first worker writes. To go on with
``-n`` all of them have to see its folder.
"""

import json
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import keras

from common.errors import InputError
from common.gradient_norm import PACKAGE, GradientNorm

Distribute = Literal["none", "mirrored", "multi_worker"]


class Distribution:
    """Who shares the work.

    Made before anything else is done with TensorFlow, which else refuses.

    Args:
        kind: ``none`` for one device.

    Attributes:
        is_first: whether this process is the one that writes.

    Raises:
        InputError: another backend than TensorFlow, or ``TF_CONFIG`` does not name the
            workers.
    """

    def __init__(self, kind: Distribute):
        self._strategy = None
        self.is_first = True
        if kind == "none":
            return
        backend = keras.config.backend()
        if backend != "tensorflow":
            raise InputError(
                f"distribute is {kind}, the backend {backend}; expected tensorflow,"
                " whose distribution it is"
            )
        import tensorflow as tf

        if kind == "mirrored":
            self._strategy = tf.distribute.MirroredStrategy()
            return
        self.is_first = _worker_index() == 0
        self._strategy = tf.distribute.MultiWorkerMirroredStrategy()

    @property
    def replicas(self) -> int:
        """How many devices share a batch."""
        return 1 if self._strategy is None else self._strategy.num_replicas_in_sync

    def scope(self) -> AbstractContextManager:
        """Return where the model has to be made."""
        return nullcontext() if self._strategy is None else self._strategy.scope()


def _worker_index() -> int:
    """Return this process' place among the workers."""
    text = os.environ.get("TF_CONFIG", "")
    try:
        config = json.loads(text)
        workers, task = config["cluster"]["worker"], config["task"]
        index = int(task["index"])
        if task["type"] == "worker" and 0 <= index < len(workers):
            return index
    except (ValueError, KeyError, TypeError):
        pass
    raise InputError(
        f"TF_CONFIG is {text!r}; expected JSON with the addresses of the workers in"
        ' cluster and in task the type "worker" and an index'
    )


def replicas_here() -> int:
    """Return how many devices share a batch, where a model's loss is computed."""
    if keras.config.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def among_workers() -> bool:
    """Whether machines share a batch, where a model's metrics are computed."""
    if keras.config.backend() != "tensorflow":
        return False
    import tensorflow as tf

    strategy = tf.distribute.get_strategy()
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


@keras.saving.register_keras_serializable(PACKAGE)
class SharedAdam(GradientNorm, keras.optimizers.Adam):
    """Adam on gradients of several devices, clipped after they are added up.

    Keras clips each device's part by itself, so that the more devices there were, the
    longer steps would be.

    Args:
        learning_rate: of Adam.
        global_clipnorm: largest norm of the whole gradient.
        replicas: how many devices add up.
        **options: of Keras' own Adam.
    """

    def __init__(
        self,
        learning_rate: Any,
        global_clipnorm: float,
        replicas: int,
        **options: Any,
    ):
        # All devices come to hold the same share of the sum, which Keras then adds up.
        share = global_clipnorm / replicas
        super().__init__(learning_rate, global_clipnorm=share, **options)
        self._replicas = replicas
        self._whole_clipnorm = global_clipnorm

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, ready for JSON."""
        own = {"global_clipnorm": self._whole_clipnorm, "replicas": self._replicas}
        return super().get_config() | own

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> None:
        """Take a step along the sum of all devices' gradients."""
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        total = context.all_reduce(tf.distribute.ReduceOp.SUM, list(grads))
        super().apply([each / self._replicas for each in total], trainable_variables)

    def take_norms(self) -> tuple[int, float]:
        """Return the updates since this was last asked, and the sum's mean norm."""
        number, norm = super().take_norms()
        return number, self._replicas * norm
