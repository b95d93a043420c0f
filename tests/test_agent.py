import numpy as np
import pytest

from hierarchy.agent import Agent
from hierarchy.quirks import Quirks
from hierarchy.schedules import get_epsilon, get_learning_rate


class FixedValues:
    def __init__(self, values):
        self.values = np.array(values, np.float32)
        self.asked = 0

    def q_values(self, states):
        self.asked += len(states)
        return np.repeat(self.values[None], len(states), axis=0)


def test_epsilon_falls_by_a_tenth_an_epoch_and_stops_at_a_tenth():
    found = [get_epsilon(epoch) for epoch in range(13)]
    assert found == [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1]


def test_epsilon_does_not_depend_on_where_a_run_started():
    assert get_epsilon(7, first_epoch=7) == get_epsilon(7, first_epoch=0) == 0.3


def test_a_small_epsilon_is_not_raised():
    assert get_epsilon(3, epsilon=0.0) == 0.0


def test_row_epsilon_begins_anew_and_goes_on_past_a_tenth():
    quirks = Quirks(epsilon=True)
    assert get_epsilon(7, first_epoch=7, quirks=quirks) == 1
    assert 0 < get_epsilon(10, quirks=quirks) < 1e-15
    assert get_epsilon(30, quirks=quirks) == get_epsilon(10, quirks=quirks)
    assert get_epsilon(7, first_epoch=7) == 0.3
    assert get_epsilon(10) == get_epsilon(30) == 0.1


def test_the_learning_rate_stays_unless_it_is_to_decay():
    assert {get_learning_rate(1e-6, progress, 0) for progress in (0, 1.5, 80)} == {1e-6}


def test_the_learning_rate_falls_along_half_a_cosine():
    found = [get_learning_rate(0.5, progress, 4) for progress in (0, 1, 2, 3, 4, 9)]
    expected = [0.5, 0.5 * 0.8535534, 0.25, 0.5 * 0.1464466, 0.005, 0.005]
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_greedy_agent_takes_the_largest_q_value():
    agent = Agent(FixedValues([0, 1, 5, 2, 3, 4]).q_values, 6, np.random.default_rng(0))
    (choice,) = agent.act([np.zeros(3)], epsilon=0.0)
    assert choice.action == 3
    assert choice.q_values.tolist() == [0, 1, 5, 2, 3, 4]


def test_random_actions_are_uniform_and_ask_for_no_q_values():
    learner = FixedValues([0, 1, 5, 2, 3, 4])
    agent = Agent(learner.q_values, 6, np.random.default_rng(0))
    choices = agent.act([np.zeros(3)] * 3000, epsilon=1.0)
    actions = [choice.action for choice in choices]
    counts = np.bincount(actions, minlength=7)[1:]
    assert counts.min() > 420 and counts.max() < 580  # 500 expected, deviation 20
    assert learner.asked == 0


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0])
def test_asking_for_all_q_values_changes_no_action(epsilon):
    learner = FixedValues([0, 1, 5, 2, 3, 4])
    actions = [
        [
            choice.action
            for choice in Agent(learner.q_values, 6, generator, always).act(
                [np.zeros(3)] * 50, epsilon
            )
        ]
        for always in (False, True)
        for generator in [np.random.default_rng(1)]
    ]
    assert actions[0] == actions[1]


def test_several_states_are_decided_on_in_one_pass():
    class Learner:
        def q_values(self, states):
            passes.append(len(states))
            return np.stack([np.roll(np.arange(6.0), int(s[0])) for s in states])

    passes = []
    agent = Agent(Learner().q_values, 6, np.random.default_rng(0))
    choices = agent.act([np.full(2, shift) for shift in (0, 1, 3)], epsilon=0.0)
    assert [choice.action for choice in choices] == [6, 1, 3]
    assert passes == [3]
    one_by_one = Agent(Learner().q_values, 6, np.random.default_rng(7))
    together = Agent(Learner().q_values, 6, np.random.default_rng(7))
    states = [np.full(2, shift % 6) for shift in range(40)]
    expected = [one_by_one.act([state], 0.5)[0].action for state in states]
    assert [c.action for c in together.act(states, 0.5)] == expected
