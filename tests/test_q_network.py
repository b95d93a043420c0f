import keras
import numpy as np
import pytest

from common.errors import InputError
from hierarchy.actions import TRIGGER
from hierarchy.learner import QLearner
from hierarchy.q_network import get_q_network
from hierarchy.replay import Transitions

STATE_SIZE = 30
GAMMA = 0.9
RATE = 1e-3


def random_batch(size=16, seed=0):
    random = np.random.default_rng(seed)
    states = random.random((size, STATE_SIZE), np.float32)
    actions = random.integers(1, 7, size).astype(np.int32)
    return Transitions(
        states,
        actions,
        random.choice([-3, -1, 1, 3], size).astype(np.float32),
        random.random((size, STATE_SIZE), np.float32),
        np.where(actions == TRIGGER, 0, GAMMA).astype(np.float32),
        np.full((size, 6), np.nan, np.float32),
    )


def learner_of(seed=0, **settings):
    """A small learner of the paper's kind."""
    settings = {"learning_rate": RATE, "dropout": 0.0, "seed": seed} | settings
    return QLearner(STATE_SIZE, STATE_SIZE - 24, **settings)


def loud_learner(**settings):
    """A learner whose weights are large enough for every term to show."""
    learner = learner_of(**settings)
    weights = learner.network.get_weights()
    learner.network.set_weights([10 * weight + 0.01 for weight in weights])
    return learner


def forward(weights, states):
    """The layers' inputs and the outputs, in float64."""
    inputs = [states.astype(np.float64)]
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        values = inputs[-1] @ kernel + bias
        inputs.append(np.maximum(values, 0) if len(inputs) < 3 else values)
    return inputs[:3], inputs[3]


def reference_update(weights, batch, gamma=GAMMA):
    """One update by hand: loss, and the weights after Adam's first step."""
    inputs, q_values = forward(weights, batch.states)
    _, next_q_values = forward(weights, batch.next_states)
    error = np.zeros_like(q_values)
    for row, action in enumerate(batch.actions):
        value = batch.rewards[row]
        if action != TRIGGER:
            value += gamma * next_q_values[row].max()
        error[row, action - 1] = q_values[row, action - 1] - value
    loss = (error**2).mean()
    slope, gradients = 2 * error / error.size, []
    for layer in (2, 1, 0):
        kernel = weights[2 * layer]
        gradients[:0] = [inputs[layer].T @ slope, slope.sum(0)]
        slope = (slope @ kernel.T) * (inputs[layer] > 0)
    # In Adam's first step the moments' corrections cancel.
    steps = [RATE * g / (np.abs(g) + 1e-8 / np.sqrt(1e-3)) for g in gradients]
    return loss, [w - step for w, step in zip(weights, steps, strict=True)], gradients


@pytest.mark.slow
def test_one_update_is_the_one_derived_by_hand():
    learner, batch = loud_learner(), random_batch()
    network = learner.network
    before = [weight.astype(np.float64) for weight in network.get_weights()]
    loss, expected, gradients = reference_update(before, batch)
    assert learner.update(batch) == pytest.approx(loss, rel=1e-5)
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    assert learner.take_gradient_norm() == (1, pytest.approx(norm, rel=1e-4))
    for found, wanted, gradient in zip(
        network.get_weights(), expected, gradients, strict=True
    ):
        clear = np.abs(gradient) > 1e-5  # where rounding cannot turn Adam's sign
        assert clear.any()
        np.testing.assert_allclose(found[clear], wanted[clear], atol=2e-6)


@pytest.mark.slow
def test_without_a_discount_next_states_are_left_alone():
    learner, batch = loud_learner(bootstrap=False), random_batch()
    unseen = batch._replace(next_states=np.full_like(batch.next_states, np.nan))
    before = [w.astype(np.float64) for w in learner.network.get_weights()]
    loss, _, _ = reference_update(before, batch, gamma=0.0)
    assert learner.update(unseen) == pytest.approx(loss, rel=1e-5)


@pytest.mark.slow
def test_only_the_taken_action_learns_without_dropout():
    learner = loud_learner()
    batch = random_batch(8)._replace(actions=np.full(8, 2, np.int32))
    before = learner.network.get_weights()[-1]
    learner.update(batch)
    changed = learner.network.get_weights()[-1] != before
    assert changed.tolist() == [False, True, False, False, False, False]


def test_the_prediction_has_dropout_and_the_targets_have_none():
    learner = loud_learner(dropout=0.2)
    batch = random_batch()._asdict()
    one, other = (learner(batch, training=True) for _ in range(2))
    expected = learner.network.predict_on_batch(batch["states"])
    for outputs in (one, other):
        inference = keras.ops.convert_to_numpy(outputs["inference"])
        np.testing.assert_allclose(inference, expected, rtol=1e-4, atol=1e-5)
    predictions = [
        keras.ops.convert_to_numpy(outputs["prediction"]) for outputs in (one, other)
    ]
    assert not np.allclose(*predictions)
    assert not np.allclose(predictions[0], expected)


@pytest.mark.slow
def test_training_fits_rewards_of_triggers():
    learner = loud_learner()
    batch = random_batch()._replace(
        actions=np.full(16, TRIGGER, np.int32), discounts=np.zeros(16, np.float32)
    )
    losses = [learner.update(batch) for _ in range(300)]
    assert losses[-1] < losses[0] / 10
    found = learner.network.predict_on_batch(batch.states)[:, TRIGGER - 1]
    np.testing.assert_allclose(found, batch.rewards, atol=0.3)


@pytest.mark.slow
def test_known_values_of_untaken_actions_are_fitted_and_the_taken_one_stays_its_own():
    batch = random_batch()._replace(actions=np.full(16, 2, np.int32))
    known = batch.counterfactual_rewards.copy()
    known[:, 1] = 50  # of the action taken: its own reward is to win
    known[:, 4] = np.linspace(-2, 2, 16)
    learner = loud_learner(bootstrap=False)
    before = learner.network.predict_on_batch(batch.states)
    loss = learner.update(batch._replace(counterfactual_rewards=known))
    error = np.zeros_like(before)
    error[:, 1] = before[:, 1] - batch.rewards
    error[:, 4] = before[:, 4] - known[:, 4]
    assert loss == pytest.approx((error**2).mean(), rel=1e-4)


@pytest.mark.slow
def test_scaled_learning_is_that_of_scaled_descriptors():
    scale, batch = 0.125, random_batch()  # a power of two: exact in floats
    descriptor = STATE_SIZE - 24

    def scaled(states):
        return np.concatenate(
            [scale * states[:, :descriptor], states[:, descriptor:]], axis=1
        )

    reference = learner_of(seed=2)
    learner = learner_of(seed=2, descriptor_scale=scale)
    plain, ours = reference.network, learner.network
    other = batch._replace(
        states=scaled(batch.states), next_states=scaled(batch.next_states)
    )
    for _ in range(5):
        assert learner.update(batch) == pytest.approx(reference.update(other), rel=1e-4)
    found = ours.predict_on_batch(batch.states)
    assert not np.allclose(found, plain.predict_on_batch(batch.states), rtol=1e-3)
    np.testing.assert_allclose(
        found, plain.predict_on_batch(other.states), rtol=2e-3, atol=2e-5
    )


def test_new_weights_are_normal_and_follow_the_seed():
    one, same, other = (get_q_network(seed=s, state_size=500) for s in (1, 1, 2))
    first = one.get_weights()[0]
    assert first.std() == pytest.approx(0.01, rel=0.02)
    assert abs(first.mean()) < 1e-4
    assert (first == same.get_weights()[0]).all()
    assert (first != other.get_weights()[0]).any()
    assert not one.get_weights()[1].any()
    # Layers drawn from one seed must not repeat each other.
    assert (one.get_weights()[2][:500] != first).any()


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model0.weights.h5"
    get_q_network(seed=3, state_size=STATE_SIZE).save_weights(path)
    return path


def test_weights_come_back_as_saved(saved):
    expected = get_q_network(seed=3, state_size=STATE_SIZE).get_weights()
    found = get_q_network(STATE_SIZE, weights_path=saved).get_weights()
    assert all((a == b).all() for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("size", [0, 10, 1000, 60_000])
def test_a_file_cut_short_is_named_in_one_line(saved, size):
    saved.write_bytes(saved.read_bytes()[:size])
    with pytest.raises(InputError) as caught:
        get_q_network(STATE_SIZE, weights_path=saved)
    assert str(saved) in str(caught.value) and "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(saved):
    with pytest.raises(InputError, match=r"\(30, 1024\).*\(31, 1024\)"):
        get_q_network(STATE_SIZE + 1, weights_path=saved)


def test_weights_that_are_not_finite_are_refused(saved):
    network = get_q_network(STATE_SIZE, weights_path=saved)
    weights = network.get_weights()
    weights[0][0, 0] = np.nan
    network.set_weights(weights)
    network.save_weights(saved)
    with pytest.raises(InputError, match="not all finite"):
        get_q_network(STATE_SIZE, weights_path=saved)


@pytest.mark.slow
@pytest.mark.parametrize("period", [0, 5])
def test_a_learner_survives_a_keras_file(tmp_path, period):
    learner, batch = learner_of(descriptor_scale=0.5, target_update_period=period), None
    for seed in range(3):
        batch = random_batch(seed=seed)
        learner.update(batch)
    path = tmp_path / "learner.keras"
    learner.save(path)
    loaded = keras.models.load_model(path)
    assert type(loaded) is QLearner and loaded.get_config() == learner.get_config()
    states = list(batch.states)
    np.testing.assert_array_equal(loaded.q_values(states), learner.q_values(states))
    for one in (learner, loaded):
        one.update(random_batch(seed=9))
    np.testing.assert_allclose(
        loaded.q_values(states), learner.q_values(states), rtol=1e-5
    )


def test_scaling_needs_one_variable_to_scale():
    with pytest.raises(ValueError, match="expected one of 64 rows"):
        QLearner(64, 40, hidden_units=64, descriptor_scale=0.5)
