"""What the rows of the logs hold, against the same counted or derived by hand."""

from collections import Counter
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import Counting, toy_parts

from common.gradient_norm import EVERY, Adam, GradientNorm, norm_of
from datasets.voc import VocObject
from glimpse_rnn.policies import EDGE, share_at_edge
from hierarchy.actions import PAPER_ACTIONS, TRIGGER
from hierarchy.agent import ActionOutput, Agent
from hierarchy.checkpoint import LOG_FIELDS, MORE_FIELDS, action_fields
from hierarchy.learner import QLearner, RowScaledAdam
from hierarchy.progress import EpochSummary, learning_columns, relative_spread
from hierarchy.replay import ReplayMemory
from hierarchy.search import SearchSpec
from hierarchy.train import run_epoch

NAMES = PAPER_ACTIONS.names


class Random:
    """Acts at random, and calls a part of it its own choice."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def act(self, states, epsilon):
        return [
            ActionOutput(
                int(self.rng.integers(1, 7)), is_greedy=self.rng.random() < 0.5
            )
            for _ in states
        ]

    def update(self, batch):
        return 1.0


def epoch_of(agent, images=40):
    """Walk through images with one small object each; return steps and their row."""
    parts = toy_parts(agent, Counting(), ReplayMemory(10_000, 25), SearchSpec())
    pixels = np.zeros((100, 100, 3), np.uint8)
    objects = (VocObject("aeroplane", (80, 80, 90, 90), False),)
    pictures = [
        SimpleNamespace(key=str(number), pixels=pixels, objects=objects)
        for number in range(images)
    ]
    summary = EpochSummary(3, 0.5, 1, NAMES)
    steps = []
    for step in run_epoch(parts, pictures, 0.5):
        summary.add(step)
        steps.append(step)
    return steps, summary.row


def test_shares_of_actions_are_those_counted():
    steps, row = epoch_of(Random())
    for kind, counted in (
        ("taken", [step.action for step in steps]),
        ("greedy", [step.action for step in steps if step.is_greedy]),
    ):
        counts = Counter(counted)
        shares = [row[field] for field in action_fields(kind, NAMES)]
        expected = [counts[number] / len(counted) for number in PAPER_ACTIONS.numbers]
        assert shares == pytest.approx(expected, rel=1e-5)
        assert sum(shares) == pytest.approx(1)
    rewards = [step.reward for step in steps]
    assert row["reward_deviation"] == pytest.approx(np.std(rewards), rel=1e-5)


def test_first_triggers_are_those_on_the_whole_image_that_the_agent_chose():
    steps, row = epoch_of(Random())
    whole = [step for step in steps if step.region.box == (0, 0, 100, 100)]
    chosen = [step.action == TRIGGER for step in whole if step.is_greedy]
    assert len(whole) == 40 and 0 < sum(chosen) < len(chosen) < 40
    assert row["first_triggers"] == pytest.approx(np.mean(chosen), rel=1e-5)


def test_shares_of_what_did_not_happen_are_empty():
    class Told(Random):
        def act(self, states, epsilon):
            return [ActionOutput(TRIGGER) for _ in states]

    _, row = epoch_of(Told())
    assert row["taken_trigger"] == 1 and row["taken_centre"] == 0
    assert {row[field] for field in action_fields("greedy", NAMES)} == {""}
    assert row["first_triggers"] == ""


def test_an_agent_says_what_it_chose_itself():
    values = np.array([0, 3, 1, 0, 0, 0], np.float32)
    for always in (False, True):  # drawings ask for the Q-values of random actions too
        agent = Agent(
            lambda states: np.stack([values] * len(states)),
            6,
            np.random.default_rng(0),
            always,
        )
        outputs = agent.act([np.zeros(1)] * 500, 0.5)
        greedy = [output for output in outputs if output.is_greedy]
        assert {output.action for output in greedy} == {2}
        assert 200 < len(greedy) < 300
        others = {output.action for output in outputs if not output.is_greedy}
        assert others == set(PAPER_ACTIONS.numbers)


# Spreads


SIZES = st.integers(1, 6)


@given(st.integers(0, 2**31), SIZES, SIZES, st.floats(0.01, 1e4))
@settings(max_examples=50, deadline=None)
def test_the_relative_spread_does_not_depend_on_the_size_of_features(
    seed, rows, columns, scale
):
    features = np.random.default_rng(seed).standard_normal((rows, columns))
    spread = relative_spread(features)
    assert 0 <= spread <= 1 + 1e-9
    assert relative_spread(scale * features) == pytest.approx(spread, rel=1e-6)
    mirrored = np.concatenate([features, -features])
    assert relative_spread(mirrored) == pytest.approx(1)
    assert relative_spread(np.repeat(features[:1], rows, axis=0)) < 1e-6
    assert relative_spread(np.zeros((rows, columns))) == 0


def test_spreads_are_those_of_the_network_s_q_values_over_the_memory():
    learner, replay = QLearner(30, 6, hidden_units=8, seed=1), ReplayMemory(50, 30)
    rng = np.random.default_rng(0)
    for _ in range(20):
        state, following = rng.random((2, 30), np.float32)
        replay.store(state, 1, 1.0, following, 0.9)
    row = learning_columns(learner, replay)
    states = replay.transitions.states.astype(float)
    first, second, last = learner.network.layers
    hidden = states
    for layer in (first, second):
        kernel, bias = (np.array(part, float) for part in layer.get_weights())
        hidden = np.maximum(hidden @ kernel + bias, 0)
    kernel, bias = (np.array(part, float) for part in last.get_weights())
    q_values = hidden @ kernel + bias
    between_states = np.mean([np.std(q_values[:, action]) for action in range(6)])
    between_actions = np.mean([np.std(values) for values in q_values])
    assert row["q_spread_states"] == pytest.approx(between_states, rel=1e-3)
    assert row["q_spread_actions"] == pytest.approx(between_actions, rel=1e-3)
    deviation = np.std(states[:, :6], axis=0)
    size = np.sqrt((states[:, :6] ** 2).mean())
    expected = np.sqrt((deviation**2).mean()) / size
    assert row["feature_spread"] == pytest.approx(expected, rel=1e-5)
    assert (row["updates"], row["memory"], row["gradient_norm"]) == (0, 20, "")


def test_looking_at_the_network_leaves_training_as_it_is():
    def trained(looks):
        learner, replay = QLearner(30, 6, hidden_units=8, seed=1), ReplayMemory(8, 30)
        rng = np.random.default_rng(0)
        for _ in range(16):
            state, following = rng.random((2, 30), np.float32)
            replay.store(state, int(rng.integers(1, 7)), 1.0, following, 0.9)
            if replay.is_full:
                learner.update(replay.sample(4, rng))
            if looks:
                learning_columns(learner, replay)
        return learner

    one, other = trained(False), trained(True)
    pairs = zip(one.network.get_weights(), other.network.get_weights(), strict=True)
    assert all((a == b).all() for a, b in pairs)
    states = one.get_state()["optimizer"], other.get_state()["optimizer"]
    assert states[0].keys() == states[1].keys()
    assert all((states[0][name] == states[1][name]).all() for name in states[0])


def test_every_column_of_a_row_has_its_place_in_the_log():
    _, row = epoch_of(Random(), images=2)
    learner, replay = QLearner(30, 6, hidden_units=8), ReplayMemory(5, 30)
    replay.store(np.zeros(30, np.float32), 1, 1.0, np.zeros(30, np.float32), 0.9)
    row |= learning_columns(learner, replay)
    fields = [*LOG_FIELDS, *MORE_FIELDS]
    fields += [*action_fields("taken", NAMES), *action_fields("greedy", NAMES)]
    assert sorted(row) == sorted(fields)


# Norms of gradients


class Descent(GradientNorm, keras.optimizers.SGD):
    """Another optimizer of Keras', which clips."""


def variables():
    return [keras.Variable(np.zeros(shape, "f4")) for shape in ((3, 2), (4,))]


def gradients(seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype("f4") for shape in ((3, 2), (4,))]


def test_the_norm_is_that_of_all_gradients_together_before_clipping():
    optimizer = Descent(1.0, global_clipnorm=0.01)
    weights = variables()
    optimizer.build(weights)
    assert optimizer.take_norms() == (0, 0.0)
    norms = []
    for seed in range(2 * EVERY + 3):
        given_gradients = gradients(seed)
        flat = np.concatenate([g.ravel() for g in given_gradients]).astype(float)
        norms.append(np.linalg.norm(flat))
        tensors = [keras.ops.convert_to_tensor(g) for g in given_gradients]
        optimizer.apply(tensors, weights)
    number, mean = optimizer.take_norms()
    assert number == len(norms)
    assert mean == pytest.approx(np.mean(norms[::EVERY]), rel=1e-5)
    assert optimizer.take_norms() == (0, 0.0)
    optimizer.apply(tensors, weights)
    assert optimizer.take_norms() == (1, pytest.approx(norms[-1], rel=1e-5))


def test_variables_without_a_gradient_count_nothing():
    parts = [None, np.full((2, 2), 2.0, "f4"), None]
    parts = [None if p is None else keras.ops.convert_to_tensor(p) for p in parts]
    assert float(norm_of(parts)) == 4


@pytest.mark.parametrize("ours", [Adam, RowScaledAdam])
def test_steps_and_states_are_those_of_keras_own_adam(ours):
    options = {"rows": 3, "scaled_rows": 0, "scale": 1} if ours is RowScaledAdam else {}
    one, other = ours(**options, learning_rate=0.1), keras.optimizers.Adam(0.1)
    weights = {one: variables(), other: variables()}
    for optimizer, own in weights.items():
        optimizer.build(own)
        for seed in range(4):
            tensors = [keras.ops.convert_to_tensor(g) for g in gradients(seed)]
            optimizer.apply(tensors, own)
    for a, b in zip(weights[one], weights[other], strict=True):
        np.testing.assert_array_equal(np.array(a), np.array(b))
    saved, expected = {}, {}
    one.save_own_variables(saved)
    other.save_own_variables(expected)
    assert saved.keys() == expected.keys()
    for name in saved:
        np.testing.assert_array_equal(saved[name], expected[name])
    # A state of Keras' own is gone on from, and a sum that is under way is kept.
    again = ours(**options, learning_rate=0.1)
    again.build(variables())
    again.load_own_variables(expected)
    restored: dict = {}
    again.save_own_variables(restored)
    assert all((restored[name] == expected[name]).all() for name in expected)
    assert again.take_norms() == (0, 0.0)


# Glimpses at the edge


def test_glimpses_at_the_edge_are_those_counted():
    rng = np.random.default_rng(0)
    locations = np.clip(rng.normal(0, 0.8, (50, 4, 2)), -1, 1).astype(np.float32)
    at_edge = [
        any(abs(coordinate) >= np.float32(EDGE) for coordinate in place)
        for rollout in locations
        for place in rollout[1:]
    ]
    assert 0.1 < np.mean(at_edge) < 0.9
    found = share_at_edge(keras.ops.convert_to_tensor(locations))
    assert float(found) == pytest.approx(np.mean(at_edge), rel=1e-5)
    only_first = keras.ops.convert_to_tensor(locations[:, :1])
    assert float(share_at_edge(only_first)) == 0
    anywhere = keras.ops.convert_to_tensor(rng.uniform(-1, 1, (4000, 3, 2)), "float32")
    assert float(share_at_edge(anywhere)) == pytest.approx(0.19, abs=0.02)
