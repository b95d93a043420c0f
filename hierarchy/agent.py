"""The agent: it acts by Q-values, or at random."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from common.device_arrays import Array


@dataclass(frozen=True, eq=False)
class ActionOutput:
    """What an agent makes of a region.

    Attributes:
        action: its number, from 1.
        q_values: float32 (actions,), or None where it was decided without.
        score: how much the region looks like the object, for ranking; 0 where nobody
            ranks.
        is_greedy: whether it was chosen for its Q-value, neither at random nor forced.
    """

    action: int
    q_values: np.ndarray | None = None
    score: float = 0.0
    is_greedy: bool = False


class Agent:
    """An ε-greedy agent.

    Args:
        q_values_of: makes of n states (state_size,) float32 (n, actions) Q-values.
        num_actions: actions there are.
        generator: of the random actions.
        always_q_values: compute Q-values for random actions too, for drawings.
    """

    def __init__(
        self,
        q_values_of: Callable[[Sequence[Array]], np.ndarray],
        num_actions: int,
        generator: np.random.Generator,
        always_q_values: bool = False,
    ):
        self._q_values_of = q_values_of
        self._num_actions = num_actions
        self._generator = generator
        self._always_q_values = always_q_values

    def act(self, states: Sequence[Array], epsilon: float) -> list[ActionOutput]:
        """Choose actions: random with probability ε, else of the largest Q-value.

        Args:
            states: n arrays, (state_size,) float32.
            epsilon: in [0, 1].
        """
        random = [self._random_action(epsilon) for _ in states]
        asked = [
            index
            for index, action in enumerate(random)
            if action is None or self._always_q_values
        ]
        q_values: dict[int, np.ndarray] = {}
        if asked:
            values = self._q_values_of([states[index] for index in asked])
            q_values = dict(zip(asked, values, strict=True))
        return [
            ActionOutput(
                int(np.argmax(q_values[index])) + 1 if action is None else action,
                q_values.get(index),
                is_greedy=action is None,
            )
            for index, action in enumerate(random)
        ]

    def _random_action(self, epsilon: float) -> int | None:
        """Return a random action with probability ε, else None."""
        if self._generator.random() >= epsilon:
            return None
        return int(self._generator.integers(self._num_actions)) + 1
