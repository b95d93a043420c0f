"""What the glimpse regressor minimises, term by term, and what it is rewarded for.

Source: paper, section 2. Pure functions of ``keras.ops``. Predictions and targets are
float32 (n, 2) and (n, 4); a target is a row and a column in [−1, 1], then what turns a
difference of rows and of columns into a share of the normaliser, a car's height.
"""

import math
from collections.abc import Callable
from typing import Any

from keras import ops

SHARPNESS = 15.0
"""Of the exponential reward exp(−15 Δ²)."""

BINARY_LIMIT = 0.3
"""Δ below which the binary reward is 1."""


def offsets(predictions: Any, targets: Any) -> Any:
    """Return (Δy, Δx), the offsets as shares of the normaliser: float32 (…, 2).

    Args:
        predictions: float32 (…, 2).
        targets: float32 (…, 4), of a shape that goes with it.
    """
    return (predictions - targets[..., :2]) * targets[..., 2:]


def regression_loss(offsets: Any, kind: str) -> Any:
    """Return the mean of |Δy| + |Δx|, or of Δy² + Δx² = Δ², over all predictions.

    Args:
        offsets: float32 (…, 2), as :func:`offsets` gives them.
        kind: ``l1`` or ``l2``.
    """
    errors = ops.abs(offsets) if kind == "l1" else ops.square(offsets)
    return ops.mean(ops.sum(errors, axis=-1))


def exponential_reward(squared: Any) -> Any:
    """Return exp(−15 Δ²), the paper's bell, from 0 to 1.

    The paper writes the bell as exp(−Δ²/σ²) with "σ² = 15, about 40 % reward at
    Δ = 0.25". Both cannot hold: exp(−0.25²/15) is 0.996. exp(−15 · 0.25²) is 0.39, so
    15 is what Δ² is multiplied by, σ² its reciprocal.

    Args:
        squared: float32 (n,), Δ².
    """
    return ops.exp(-SHARPNESS * squared)


def binary_reward(squared: Any) -> Any:
    """Return 1 where Δ is below 0.3, else 0.

    Args:
        squared: float32 (n,), Δ².
    """
    return ops.cast(squared < BINARY_LIMIT**2, "float32")


REWARDS: dict[str, Callable[[Any], Any]] = {
    "exponential": exponential_reward,
    "binary": binary_reward,
}
"""By the values of ``--reward``, functions from Δ² (n,) to rewards (n,)."""


def rewards(squared: Any, kind: str) -> Any:
    """Return the reward of each rollout, float32 (n,); no gradient comes from it.

    Args:
        squared: float32 (n,), Δ².
        kind: one of :data:`REWARDS`.
    """
    return REWARDS[kind](ops.stop_gradient(squared))


def log_probability(samples: Any, means: Any, deviation: float) -> Any:
    """Return the log-density of locations under the policy, float32 of shape (…).

    Args:
        samples: float32 (…, 2), what was drawn, before it was clipped: what is clipped
            has no density. No gradient reaches them.
        means: float32 (…, 2), of the normal distributions that they were drawn from.
        deviation: standard deviation of both coordinates, which are independent.
    """
    squared = ops.square((ops.stop_gradient(samples) - means) / deviation)
    constant = 2 * math.log(deviation) + math.log(2 * math.pi)
    return -0.5 * ops.sum(squared, axis=-1) - constant


def policy_loss(log_probabilities: Any, advantages: Any) -> Any:
    """Return −J of REINFORCE: −mean over images of Σ_t log π(l_t) · (R − b_t).

    Args:
        log_probabilities: float32 (n, T − 1), of the locations that were chosen.
        advantages: float32 (n, T − 1), R − b_t; no gradient reaches them.
    """
    terms = log_probabilities * ops.stop_gradient(advantages)
    return -ops.mean(ops.sum(terms, axis=-1))


def baseline_loss(baselines: Any, reward: Any) -> Any:
    """Return the mean over images and choices of (R − b_t)².

    Args:
        baselines: float32 (n, T − 1).
        reward: float32 (n,).
    """
    return ops.mean(ops.square(reward[:, None] - baselines))
