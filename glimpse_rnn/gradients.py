"""Which network learns from which term of the loss, in numbers to look at.

Source: paper, section 2: the location network learns from the reward alone, the
baseline network from its own error, everything else from the regression.
"""

from typing import Any

import keras
import numpy as np

from common.errors import InputError
from glimpse_rnn.model import GlimpseRegressor

TERMS = ("regression_loss", "policy_loss", "baseline_loss")
"""Terms of the loss."""


def networks_of(model: GlimpseRegressor) -> dict[str, list[Any]]:
    """Return the trained variables of each network, by its name."""
    networks = {
        "glimpse network": model.glimpse_network,
        "cell": model.cell,
        "location network": model.location_network,
        "baseline network": model.baseline_network,
        "regression network": model.regression_network,
    }
    return {name: part.trainable_variables for name, part in networks.items()}


def gradient_norms(
    model: GlimpseRegressor, images: np.ndarray, targets: np.ndarray, lots: np.ndarray
) -> dict[str, dict[str, float]]:
    """Return the length of each term's gradient in each network, 0 where it has none.

    Args:
        model: to look at; left as it is.
        images: uint8 (n, S, S, C).
        targets: float32 (n, 4).
        lots: float32 (n, T, 2), as :func:`glimpse_rnn.model.draw_lots` draws them.

    Returns:
        By network, then by term (:data:`TERMS`).

    Raises:
        InputError: the backend is another than TensorFlow, whose tape this needs.
    """
    if keras.config.backend() != "tensorflow":
        raise InputError(
            f"the backend is {keras.config.backend()}; expected tensorflow to look at"
            " gradients"
        )
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        outcome = model((images, lots), training=True)
        parts = model.loss_parts(tf.constant(targets), outcome)
    norms: dict[str, dict[str, float]] = {}
    for name, variables in networks_of(model).items():
        values = [variable.value for variable in variables]
        norms[name] = {
            term: _norm(tape.gradient(parts[term], values)) for term in TERMS
        }
    return norms


def _norm(gradients: list[Any]) -> float:
    squares = [float(np.sum(np.square(g))) for g in gradients if g is not None]
    return float(np.sqrt(sum(squares)))
