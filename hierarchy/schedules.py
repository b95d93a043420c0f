"""Schedules: how exploration and learning rate fall while training goes on."""

from math import cos, pi

from hierarchy.quirks import Quirks

LAST_EPSILON = 0.1
LAST_SHARE = 0.01
"""Share of the learning rate that is left where it decays."""


def get_epsilon(
    epoch: int,
    first_epoch: int = 0,
    epsilon: float = 1.0,
    epsilon_step: float = 0.1,
    quirks: Quirks = Quirks(),
) -> float:
    """Return the share of random actions in an epoch.

    Source: paper, section 4; FIDELITY.md row epsilon.

    Args:
        epoch: counted from 0 over all runs.
        first_epoch: where this run started; it matters to the published program only.
        epsilon: share in epoch 0.
        epsilon_step: what it loses from epoch to epoch, down to 0.1.
        quirks: the published differences to follow.
    """
    if not quirks.epsilon:
        # Rounded: 1 − 7 · 0.1 is to be 0.3, not 0.29999999999999993.
        lowered = round(epsilon - epoch * epsilon_step, 12)
        return max(lowered, min(epsilon, LAST_EPSILON))
    for _ in range(first_epoch, epoch):
        if epsilon > LAST_EPSILON:
            epsilon -= epsilon_step
    return epsilon


def get_learning_rate(rate: float, progress: float, decay_epochs: int) -> float:
    """Return Adam's rate at a moment of training; not the paper's, which keeps it.

    It falls along half a cosine to a hundredth of what it began with (Loshchilov and
    Hutter, arXiv 1608.03983, without restarts).

    Args:
        rate: at the beginning.
        progress: epochs done, with their fraction.
        decay_epochs: epochs after which the rate falls no more; 0 keeps it as it is.
    """
    if not decay_epochs:
        return rate
    share = min(progress / decay_epochs, 1)
    return rate * max((1 + cos(pi * share)) / 2, LAST_SHARE)
