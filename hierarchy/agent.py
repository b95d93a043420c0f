"""The agent: chooses actions from Q-values, and learns from experiences."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi

import numpy as np

from common.device_arrays import Array
from hierarchy.history import NUMBER_OF_ACTIONS
from hierarchy.q_network import QLearner
from hierarchy.quirks import Quirks
from hierarchy.replay import Experiences

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


@dataclass(frozen=True)
class Choice:
    """What an agent decided.

    Attributes:
        action: 1 … 6.
        q_values: float32 (6,), or None where the choice did not need them.
    """

    action: int
    q_values: np.ndarray | None = None


class Agent:
    """An ε-greedy agent.

    Args:
        learner: the Q-network and its training.
        generator: of the random actions.
        always_q_values: compute Q-values for random actions too, for drawings.
    """

    def __init__(
        self,
        learner: QLearner,
        generator: np.random.Generator,
        always_q_values: bool = False,
    ):
        self.learner = learner
        self._generator = generator
        self._always_q_values = always_q_values

    def choose(self, states: Sequence[Array], epsilon: float) -> list[Choice]:
        """Choose actions: random with probability ε, else of the largest Q-value.

        Args:
            states: n arrays, (25112,) float32.
            epsilon: in [0, 1].
        """
        random = [self._random_action(epsilon) for _ in states]
        asked = [
            index
            for index, action in enumerate(random)
            if action is None or self._always_q_values
        ]
        q_values = dict.fromkeys(range(len(states)))
        if asked:
            values = self.learner.q_values([states[index] for index in asked])
            q_values |= dict(zip(asked, values, strict=True))
        return [
            Choice(action or int(np.argmax(q_values[index])) + 1, q_values[index])
            for index, action in enumerate(random)
        ]

    def _random_action(self, epsilon: float) -> int | None:
        """Return a random action with probability ε, else None."""
        if self._generator.random() >= epsilon:
            return None
        return int(self._generator.integers(NUMBER_OF_ACTIONS)) + 1

    def update(self, batch: Experiences) -> float:
        """Learn from a batch and return its loss."""
        return self.learner.update(batch)
