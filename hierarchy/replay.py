"""Experience replay: a memory of bounded size that knows how to be saved."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from common.device_arrays import Array


class Transitions(NamedTuple):
    """A batch of transitions, n of them.

    Attributes:
        states: (n, state_size) float32.
        actions: (n,) int32, numbers from 1.
        rewards: (n,) float32, ±1 or ±3 in the paper.
        next_states: (n, state_size) float32.
        discounts: (n,) float32, of the next states' values; 0 after a trigger.
        counterfactual_rewards: (n, actions) float32, rewards that actions would have
            earned whether taken or not; NaN where they are not learnt from, as
            everywhere in the published program.
    """

    states: Array
    actions: np.ndarray
    rewards: np.ndarray
    next_states: Array
    discounts: np.ndarray
    counterfactual_rewards: np.ndarray


def host_table(rows: int, size: int) -> np.ndarray:
    """Return float32 (rows, size) zeros in main memory.

    Pages of zeros cost no memory before they are written to.
    """
    return np.zeros((rows, size), np.float32)


class ReplayMemory:
    """A ring of the newest transitions.

    Args:
        buffer_experience_replay: transitions held at most.
        state_size: numbers in a state.
        num_actions: actions there are.
        first_slot: slot of the first transition that replaces another; the published
            program begins at 1 (FIDELITY.md row first_slot), later ones follow on.
        make_table: of rows and their size, makes what holds the states and can be
            indexed as an array of NumPy's can; with
            :class:`common.device_arrays.DeviceTable` they stay on the device, and
            batches of them too.
    """

    def __init__(
        self,
        buffer_experience_replay: int,
        state_size: int,
        num_actions: int = 6,
        first_slot: int = 0,
        make_table: Callable[[int, int], Any] = host_table,
    ):
        capacity = buffer_experience_replay
        self._buffer = Transitions(
            make_table(capacity, state_size),
            np.zeros(capacity, np.int32),
            np.zeros(capacity, np.float32),
            make_table(capacity, state_size),
            np.zeros(capacity, np.float32),
            host_table(capacity, num_actions),
        )
        self.capacity = capacity
        self.size = 0
        self._cursor = first_slot % capacity
        self._no_rewards = np.full(num_actions, np.nan, np.float32)

    @property
    def is_full(self) -> bool:
        """Whether the next transition replaces another."""
        return self.size == self.capacity

    @property
    def transitions(self) -> Transitions:
        """All transitions held, in slot order; views where they are in main memory."""
        return Transitions(*(array[: self.size] for array in self._buffer))

    def store(
        self,
        state: Array,
        action: int,
        reward: float,
        next_state: Array,
        discount: float,
        counterfactual_rewards: np.ndarray | None = None,
    ) -> None:
        """Remember one transition; a full memory forgets another for it."""
        if counterfactual_rewards is None:
            counterfactual_rewards = self._no_rewards
        if self.is_full:
            slot = self._cursor
            self._cursor = (slot + 1) % self.capacity
        else:
            slot = self.size
            self.size += 1
        values = state, action, reward, next_state, discount, counterfactual_rewards
        for array, value in zip(self._buffer, values, strict=True):
            array[slot] = value

    def states(self, slots: np.ndarray) -> Array:
        """Return the states of n slots: float32 (n, state_size), as copies."""
        return self._buffer.states[slots]

    def sample(self, batch_size: int, generator: np.random.Generator) -> Transitions:
        """Return ``batch_size`` different transitions sampled uniformly, as copies."""
        indices = generator.choice(self.size, batch_size, replace=False)
        return Transitions(*(array[indices] for array in self._buffer))

    def get_state(self) -> dict[str, np.ndarray]:
        """Return all that :meth:`set_state` needs, as named arrays."""
        cursor = np.array([self.size, self._cursor])
        return self.transitions._asdict() | {"cursor": cursor}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Become the memory that :meth:`get_state` was asked of, of the same capacity.

        Raises:
            ValueError: the arrays are of a larger memory or of states of another size.
        """
        self.size, self._cursor = (int(value) for value in state["cursor"])
        for name, array in self._buffer._asdict().items():
            array[: self.size] = state[name]
