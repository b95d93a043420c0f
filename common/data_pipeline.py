"""How batches reach a model's ``fit``."""

from collections.abc import Iterator
from typing import Any

from common.backend import keras


def fit(
    model: keras.Model, batches: keras.utils.PyDataset, **options: Any
) -> keras.callbacks.History:
    """Train a model on batches as its own ``fit`` does, silently and without delay.

    TensorFlow tunes its pipelines while they run, in a thread that wakes after 10 ms,
    20 ms, 40 ms and so on. At an epoch's end ``fit`` waits for it, mostly to its next
    waking (TensorFlow 2.21): an epoch of 6 seconds takes 10.2. Keras leaves tuning on
    where one worker makes the batches, so that the pipeline is made here, without it.

    Args:
        model: compiled.
        batches: one epoch, in the order in which they are trained on; all of the same
            shapes and dtypes but for how many there are in one. On TensorFlow they are
            made one ahead, in another thread, whatever ``workers`` they ask for, and
            not told of an epoch's beginning and end.
        **options: of ``fit``.

    Returns:
        What ``fit`` does.

    Raises:
        Exception: what making a batch raised, as it is.
    """
    options = {"verbose": 0, "shuffle": False} | options
    if keras.config.backend() != "tensorflow":
        return model.fit(batches, **options)
    raised: list[Exception] = []
    try:
        return model.fit(_pipeline(batches, raised), **options)
    except Exception:
        # TensorFlow makes an error of its own of it, with a traceback as its text.
        if raised:
            raise raised[0] from None
        raise


def _pipeline(batches: keras.utils.PyDataset, raised: list[Exception]) -> Any:
    """Return a ``tf.data.Dataset`` of one epoch that is not tuned.

    Args:
        batches: as for :func:`fit`.
        raised: gets the error that making a batch raises.
    """
    import tensorflow as tf

    def each() -> Iterator[Any]:
        try:
            yield from batches
        except Exception as error:
            raised.append(error)
            raise

    signature = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batches[0]
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    number = tf.data.experimental.assert_cardinality(len(batches))
    epoch = tf.data.Dataset.from_generator(each, output_signature=signature)
    return epoch.apply(number).prefetch(1).with_options(options)
