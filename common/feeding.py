"""How batches reach ``fit``."""

from typing import Any

import keras


def feed(batches: keras.utils.PyDataset) -> Any:
    """Return batches in the form in which ``fit`` goes over them without delay.

    TensorFlow tunes its pipelines while they run, in a thread that wakes after 10 ms,
    20 ms, 40 ms and so on. At an epoch's end ``fit`` waits for it, mostly to its next
    waking (TensorFlow 2.21): an epoch of 6 seconds takes 10.2. Keras leaves tuning on
    where one worker makes the batches, so that the pipeline is made here, without it.

    Args:
        batches: finite; all of the same shapes and dtypes but for how many there are in
            one. On TensorFlow they are made one ahead, in another thread, whatever
            ``workers`` they ask for, and not told of an epoch's beginning and end.

    Returns:
        For TensorFlow a ``tf.data.Dataset`` of one epoch, for the other backends the
        batches as they are.
    """
    if keras.config.backend() != "tensorflow":
        return batches
    import tensorflow as tf

    signature = keras.tree.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batches[0]
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    number = tf.data.experimental.assert_cardinality(len(batches))
    epoch = tf.data.Dataset.from_generator(
        lambda: iter(batches), output_signature=signature
    )
    return epoch.apply(number).prefetch(1).with_options(options)
