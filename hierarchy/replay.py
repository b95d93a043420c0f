"""Experience replay: a memory of bounded size that knows how to be saved."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from common.device_arrays import Array
from hierarchy.history import NUMBER_OF_ACTIONS

NOTHING_KNOWN = np.full(NUMBER_OF_ACTIONS, np.nan, np.float32)


class Experiences(NamedTuple):
    """A batch of transitions, n of them.

    Attributes:
        states: (n, 25112) float32.
        actions: (n,) int32, 1 … 6.
        rewards: (n,) float32, ±1 or ±3.
        next_states: (n, 25112) float32.
        known: (n, 6) float32, what actions not taken are known to be worth; NaN where
            that is unknown, as everywhere in the published program.
    """

    states: Array
    actions: np.ndarray
    rewards: np.ndarray
    next_states: Array
    known: np.ndarray


def host_table(rows: int, size: int) -> np.ndarray:
    """Return float32 (rows, size) zeros in main memory.

    Pages of zeros cost no memory before they are written to.
    """
    return np.zeros((rows, size), np.float32)


class ReplayMemory:
    """A ring of the newest experiences.

    Args:
        buffer_experience_replay: experiences held at most.
        state_size: numbers in a state.
        first_slot: slot of the first experience that replaces another; the published
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
        first_slot: int = 0,
        make_table: Callable[[int, int], Any] = host_table,
    ):
        capacity = buffer_experience_replay
        self._slots = Experiences(
            make_table(capacity, state_size),
            np.zeros(capacity, np.int32),
            np.zeros(capacity, np.float32),
            make_table(capacity, state_size),
            host_table(capacity, NUMBER_OF_ACTIONS),
        )
        self.capacity = capacity
        self.size = 0
        self._next_replaced = first_slot % capacity

    @property
    def is_full(self) -> bool:
        """Whether the next experience replaces another."""
        return self.size == self.capacity

    @property
    def experiences(self) -> Experiences:
        """All experiences held, in slot order; views where they are in main memory."""
        return Experiences(*(array[: self.size] for array in self._slots))

    def store(
        self,
        state: Array,
        action: int,
        reward: float,
        next_state: Array,
        known: np.ndarray = NOTHING_KNOWN,
    ) -> None:
        """Remember one transition; a full memory forgets another for it."""
        if self.is_full:
            slot = self._next_replaced
            self._next_replaced = (slot + 1) % self.capacity
        else:
            slot = self.size
            self.size += 1
        for array, value in zip(
            self._slots, (state, action, reward, next_state, known), strict=True
        ):
            array[slot] = value

    def sample(self, batch_size: int, generator: np.random.Generator) -> Experiences:
        """Return ``batch_size`` different experiences drawn uniformly, as copies."""
        indices = generator.choice(self.size, batch_size, replace=False)
        return Experiences(*(array[indices] for array in self._slots))

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return all that :meth:`restore` needs, as named arrays."""
        place = np.array([self.size, self._next_replaced])
        return self.experiences._asdict() | {"place": place}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Become the memory that :meth:`to_arrays` was asked of, of the same capacity.

        Raises:
            ValueError: the arrays are of a larger memory or of states of another size.
        """
        self.size, self._next_replaced = (int(value) for value in arrays["place"])
        for name, array in self._slots._asdict().items():
            array[: self.size] = arrays[name]
