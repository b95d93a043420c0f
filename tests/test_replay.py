import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierarchy.replay import ReplayMemory


def fill(memory, numbers):
    for number in numbers:
        state, following = np.full(3, number), np.full(3, number + 0.5)
        memory.store(state, number % 6 + 1, -1, following, 0.9)


def held(memory):
    return memory.transitions.states[:, 0].astype(int).tolist()


@given(st.integers(1, 9), st.integers(0, 40))
def test_the_newest_experiences_are_held(capacity, count):
    memory = ReplayMemory(capacity, 3)
    fill(memory, range(count))
    assert sorted(held(memory)) == list(range(max(0, count - capacity), count))
    assert memory.is_full == (count >= capacity)


def test_row_first_slot_replaces_the_second_oldest_first():
    memory = ReplayMemory(4, 3, first_slot=1)
    fill(memory, range(5))
    assert held(memory) == [0, 4, 2, 3]
    oldest_first = ReplayMemory(4, 3)
    fill(oldest_first, range(5))
    assert held(oldest_first) == [4, 1, 2, 3]
    fill(memory, range(5, 8))
    assert held(memory) == [7, 4, 5, 6]


def test_a_sample_is_of_different_experiences_and_whole():
    memory = ReplayMemory(20, 3)
    fill(memory, range(20))
    batch = memory.sample(8, np.random.default_rng(0))
    numbers = batch.states[:, 0].astype(int)
    assert len(set(numbers.tolist())) == 8
    assert (batch.actions == numbers % 6 + 1).all()
    assert (batch.next_states[:, 0] == numbers + 0.5).all()
    assert batch.states.dtype == batch.next_states.dtype == np.float32


def test_samples_are_uniform():
    memory = ReplayMemory(10, 3)
    fill(memory, range(10))
    generator = np.random.default_rng(0)
    counts = np.zeros(10)
    for _ in range(2000):
        counts[memory.sample(3, generator).states[:, 0].astype(int)] += 1
    assert counts.min() > 500 and counts.max() < 700  # 600 expected, deviation 20


@given(st.integers(0, 14), st.integers(0, 14))
def test_a_restored_memory_goes_on_like_the_one_saved(before, after):
    memory, restored = ReplayMemory(5, 3), ReplayMemory(5, 3)
    fill(memory, range(before))
    state = {name: array.copy() for name, array in memory.get_state().items()}
    restored.set_state(state)
    for one in (memory, restored):
        fill(one, range(before, before + after))
    assert held(memory) == held(restored)


def test_states_of_another_size_are_refused():
    memory = ReplayMemory(5, 3)
    fill(memory, range(3))
    with pytest.raises(ValueError):
        ReplayMemory(5, 4).set_state(memory.get_state())
