"""Which network learns from which term of the loss, in numbers to look at.

Source: paper, section 2: the location network learns from the reward alone, the
baseline network from its own error, everything else from the regression.
"""

from collections.abc import Callable
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


def gradients_of(
    model: GlimpseRegressor,
    term: str,
    images: np.ndarray,
    targets: np.ndarray,
    noise: np.ndarray,
) -> list[np.ndarray]:
    """Return the gradient of one term in each trained variable, in the model's order.

    Args:
        model: to look at; left as it is.
        term: one of :data:`TERMS`, ``reward`` or ``delta``.
        images: uint8 (n, S, S, C).
        targets: float32 (n, 4).
        noise: float32 (n, T, 2), as ``model.sample_noise`` draws it.

    Returns:
        float32 each, of the variable's shape; all 0 where the term does not reach it.

    Raises:
        InputError: the backend has no gradients.
    """
    backend = keras.config.backend()
    if backend not in _GRADIENTS:
        raise InputError(
            f"the backend is {backend}; expected {', '.join(_GRADIENTS)} to look at"
            " gradients"
        )

    variables = model.trainable_variables

    def value_at(arrays: list[Any]) -> Any:
        # In a scope of its own: batch statistics stay as they are.
        mapping = list(zip(variables, arrays, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            rollout = model((images, noise), training=True)
            return model.loss_terms(keras.ops.convert_to_tensor(targets), rollout)[term]

    arrays = [variable.value for variable in variables]
    gradients = _GRADIENTS[backend](value_at, arrays)
    return [
        np.zeros(variable.shape, np.float32)
        if gradient is None
        else keras.ops.convert_to_numpy(gradient)
        for variable, gradient in zip(variables, gradients, strict=True)
    ]


def _tensorflow_gradients(value_at: Callable, arrays: list[Any]) -> list[Any]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        result = value_at(arrays)
    return tape.gradient(result, arrays)


def _jax_gradients(value_at: Callable, arrays: list[Any]) -> list[Any]:
    import jax

    return jax.grad(value_at)(arrays)


def _torch_gradients(value_at: Callable, arrays: list[Any]) -> list[Any]:
    import torch

    result = value_at(arrays)
    if not result.requires_grad:
        return [None] * len(arrays)
    return list(torch.autograd.grad(result, arrays, allow_unused=True))


_GRADIENTS = {
    "tensorflow": _tensorflow_gradients,
    "jax": _jax_gradients,
    "torch": _torch_gradients,
}
"""How each backend takes gradients: Keras has no function for that."""


def gradient_norms(
    model: GlimpseRegressor,
    images: np.ndarray,
    targets: np.ndarray,
    noise: np.ndarray,
) -> dict[str, dict[str, float]]:
    """Return the length of each term's gradient in each network, 0 where it has none.

    Args:
        model: as for :func:`gradients_of`.
        images: likewise.
        targets: likewise.
        noise: likewise.

    Returns:
        By network, then by term (:data:`TERMS`).

    Raises:
        InputError: the backend has no gradients.
    """
    gradients = {
        term: {
            id(variable): gradient
            for variable, gradient in zip(
                model.trainable_variables,
                gradients_of(model, term, images, targets, noise),
                strict=True,
            )
        }
        for term in TERMS
    }
    return {
        name: {
            term: _norm([by_variable[id(variable)] for variable in variables])
            for term, by_variable in gradients.items()
        }
        for name, variables in networks_of(model).items()
    }


def _norm(gradients: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(float(np.sum(np.square(g))) for g in gradients)))
