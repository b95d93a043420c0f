"""The glimpse regressor: who learns from what, REINFORCE, options, noise, backends."""

import inspect
import json

import h5py
import keras
import numpy as np
import pytest
from backends import skip_unless_another, under_both

from glimpse_rnn.checkpoint import load_weights, save_weights
from glimpse_rnn.config import TrainSettings
from glimpse_rnn.gradients import TERMS, gradient_norms, gradients_of
from glimpse_rnn.model import METRIC_NAMES, GlimpseRegressor, get_model

SMALL = {
    "image_size": 32,
    "bandwidth": 8,
    "radius": 4,
    "levels": 2,
    "glimpses": 3,
    "state_size": 16,
    "glimpse_network": "fc",  # quick to trace
}


def small_model(compiled=False, **changes):
    """Build a model; step by step it is done before a graph of it is traced."""
    model = get_model(TrainSettings(**(SMALL | changes)))
    model.run_eagerly = not compiled and keras.config.backend() != "jax"
    return model


def a_batch(number=6, side=32, channels=3, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (number, side, side, channels), dtype=np.uint8)
    places = rng.uniform(-1, 1, (number, 2))
    scales = rng.uniform(0.2, 0.9, (number, 2))
    return images, np.hstack([places, scales]).astype(np.float32)


def some_noise(number=6, glimpses=3, seed=1):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((number, glimpses, 2))
    noise[:, 0] = rng.uniform(-1, 1, (number, 2))
    return noise.astype(np.float32)


def rollout_of(model, images, noise):
    rollout = model((images, noise))
    return {k: keras.ops.convert_to_numpy(v) for k, v in rollout.items()}


def gradients(model, part, images, targets, noise):
    """Return one term's gradient by the path of what is trained, numbered."""
    pairs = zip(
        model.trainable_variables,
        gradients_of(model, part, images, targets, noise),
        strict=True,
    )
    return {
        f"{variable.path} {number}": g for number, (variable, g) in enumerate(pairs)
    }


def learners(model):
    """Return which network each trained variable is part of, in order."""
    networks = {
        "glimpse": model.glimpse_network,
        "cell": model.cell,
        "location": model.location_network,
        "baseline": model.baseline_network,
        "regression": model.regression_network,
    }
    owner = {
        id(variable): name
        for name, network in networks.items()
        for variable in network.trainable_variables
    }
    return [owner[id(variable)] for variable in model.trainable_variables]


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"glimpse_network": "cnn"},
        {"cell": "gru", "glimpse_network": "residual", "batch_norm": 1},
        {"cell": "lstm", "glimpse_network": "fc", "location_offset": 0.5},
        {"loss": "l2", "reward": "binary"},
        {"prediction_offset": 1},
    ],
    ids=str,
)
def test_each_term_trains_its_own_networks_and_no_other(changes):
    model = small_model(**changes)
    images, targets = a_batch()
    # Near enough for rewards of either kind, some of them at least.
    targets[:, :2] = rollout_of(model, images, some_noise())["prediction"]
    targets[:, :2] += np.linspace(0.02, 0.8, 6)[:, None]
    trained = {
        "regression_loss": {"glimpse", "cell", "regression"},
        "policy_loss": {"location"},
        "baseline_loss": {"baseline"},
    }
    owners = learners(model)
    assert set(owners) == set.union(*trained.values())
    for part, learning in trained.items():
        got = gradients(model, part, images, targets, some_noise())
        for owner, (path, gradient) in zip(owners, got.items(), strict=True):
            assert gradient.any() == (owner in learning), (part, path)
    for part in ("reward", "delta"):
        got = gradients(model, part, images, targets, some_noise())
        assert not any(gradient.any() for gradient in got.values())


@pytest.mark.slow
def test_reinforce_is_the_gradient_of_the_expected_reward():
    # A black image: what is seen is always the same, so that the reward is a smooth
    # function of where one looks, and two runs with the same noise can be compared.
    model = small_model(
        bandwidth=2, radius=1, levels=1, glimpse_network="fc", location_std=0.2
    )
    number = 12_000
    images = np.zeros((number, 8, 8, 3), np.uint8)
    targets = np.tile(np.float32([0.3, -0.2, 1, 1]), (number, 1))
    noise = some_noise(number // 2)
    noise = np.concatenate([noise, noise * np.float32([1, -1, -1])[:, None]])

    def expected_reward():
        rollout = model((images, noise))
        locations = keras.ops.convert_to_numpy(rollout["locations"])
        assert np.abs(locations[:, 1:]).max() < 1  # clipping has no gradient
        parts = model.loss_terms(keras.ops.convert_to_tensor(targets), rollout)
        reward = keras.ops.convert_to_numpy(parts["reward"])
        return float(reward)

    model.regression_network.kernel.assign(model.regression_network.kernel * 2)
    bias, kernel = model.location_network.bias, model.location_network.kernel
    kernel.assign(kernel * 0.3)
    model.baseline_network.bias.assign([expected_reward()])  # less noise, no bias
    got = gradients(model, "policy_loss", images, targets, noise)
    estimate = {
        k.split()[0].split("/")[-1]: -v for k, v in got.items() if "location/" in k
    }

    def slope(variable, direction, step=0.02):
        values, rewards = keras.ops.convert_to_numpy(variable).copy(), []
        for sign in (1, -1):
            variable.assign(values + sign * step * direction)
            rewards.append(expected_reward())
        variable.assign(values)
        return (rewards[0] - rewards[1]) / (2 * step)

    true = [slope(bias, direction) for direction in np.eye(2, dtype=np.float32)]
    assert np.linalg.norm(true) > 0.01
    error = np.linalg.norm(estimate["bias"] - np.array(true))
    assert error < 0.1 * np.linalg.norm(true)
    direction = estimate["kernel"] / np.linalg.norm(estimate["kernel"])
    along = float((estimate["kernel"] * direction).sum())
    assert slope(kernel, direction) == pytest.approx(along, rel=0.1)


@pytest.mark.parametrize("offset", [0, 0.5])
def test_log_probabilities_are_those_of_locations_before_clipping(offset):
    model = small_model(location_std=0.9, location_offset=offset)
    images, _ = a_batch()
    noise = some_noise()
    rollout = rollout_of(model, images, noise)
    assert (np.abs(rollout["locations"]) <= 1).all()
    assert (np.abs(rollout["locations"]) == 1).any()
    z = noise[:, 1:].astype(float)
    expected = (-(z**2) / 2 - np.log(0.9 * np.sqrt(2 * np.pi))).sum(axis=-1)
    np.testing.assert_allclose(rollout["log_probabilities"], expected, atol=1e-4)


@pytest.mark.parametrize("loss, reward", [("l1", "exponential"), ("l2", "binary")])
def test_the_loss_by_hand(loss, reward):
    model = small_model(loss=loss, reward=reward)
    images, targets = a_batch()
    noise = some_noise()
    rollout = rollout_of(model, images, noise)
    targets[:3, :2] = rollout["prediction"][:3] + 0.1  # some near, some far
    got = model.train_on_batch((images, noise), targets, return_dict=True)

    prediction, t = rollout["predictions"][:, -1].astype(float), targets.astype(float)
    assert (rollout["prediction"] == rollout["predictions"][:, -1]).all()
    away = (prediction - t[:, :2]) * t[:, 2:]
    delta = np.hypot(*away.T)
    bell = np.exp(-15 * delta**2)
    r = bell if reward == "exponential" else (delta < 0.3).astype(float)
    assert 0 < r.mean() < 1
    b, log = rollout["baselines"].astype(float), rollout["log_probabilities"]
    assert b.shape == log.shape == (6, 2)
    expected = {
        "regression_loss": (np.abs(away) if loss == "l1" else away**2).sum(1).mean(),
        "baseline_loss": ((r[:, None] - b) ** 2).mean(),
        "policy_loss": -((r[:, None] - b) * log).sum(1).mean(),
        "reward": r.mean(),
        "delta": delta.mean(),
    }
    assert set(expected) == set(METRIC_NAMES)
    expected["loss"] = sum(expected[name] for name in METRIC_NAMES[:3])
    for name, value in expected.items():
        assert got[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


OPTIONS = [
    {"glimpse_network": "cnn"},
    {"glimpse_network": "fc", "batch_norm": 1, "glimpses": 2},
    {"glimpse_network": "residual", "batch_norm": 1},
    {"cell": "gru", "task": "mnist_centroid"},
    {"cell": "lstm", "location_offset": 0.3},
    {"pooling": "none", "prediction_offset": 1},
    {"convolution_dtype": "bfloat16"},
    {"location": "predicted", "supervision": "every", "prediction_offset": 1},
    {"location": "random"},
    {"location": "centre"},
    {"glimpses": 1},
]
"""But for VGG-16, which test_glimpse_networks.py tries."""

IDLE = {
    ("location", "centre"): ("where/kernel", "where/bias", "where_to_g/kernel"),
    ("glimpses", 1): ("cell/recurrent_kernel",),
}
"""What meets nothing but zeros: the middle's location, the first state."""


@pytest.mark.slow
@pytest.mark.parametrize("changes", OPTIONS, ids=str)
def test_every_option_trains_and_comes_back_from_its_file(changes, tmp_path):
    model = small_model(compiled=changes == OPTIONS[0], **changes)
    images, targets = a_batch(channels=1 if "task" in changes else 3)
    before = [np.array(v) for v in model.trainable_variables]
    got = model.train_on_batch(images, targets, return_dict=True)
    assert all(np.isfinite(value) for value in got.values())
    idle = [path for item in changes.items() for path in IDLE.get(item, ())]
    for variable, values in zip(model.trainable_variables, before, strict=True):
        same = (np.array(variable) == values).all()
        assert same == (variable.path in idle), variable.path
    save_weights(model, tmp_path / "model.weights.h5")
    again = model.from_config(model.get_config() | {"seed": 7})
    again.run_eagerly = model.run_eagerly
    load_weights(again, tmp_path / "model.weights.h5")
    first, second = model.trace(images, "sample", 3), again.trace(images, "sample", 3)
    assert {name: values.shape for name, values in first.items()} == {
        name: values.shape for name, values in second.items()
    }
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])
    number = changes.get("glimpses", 3)
    assert first["prediction"].shape == (6, 2)
    assert first["predictions"].shape == first["locations"].shape == (6, number, 2)


@pytest.mark.slow
def test_the_optimiser_keeps_the_norm_that_the_gradient_has_before_it_is_clipped():
    model = small_model(clip_norm=1e-3)
    images, targets = a_batch()
    noise = some_noise()
    terms = [gradients_of(model, term, images, targets, noise) for term in TERMS]
    whole = [sum(parts) for parts in zip(*terms, strict=True)]
    model.train_on_batch((images, noise), targets)
    norm = np.sqrt(sum((gradient.astype(float) ** 2).sum() for gradient in whole))
    assert norm > 0.01
    assert model.optimizer.take_norms() == (1, pytest.approx(norm, rel=1e-3))


def test_where_nothing_is_chosen_no_policy_is_trained():
    images, targets = a_batch()
    random, centre = small_model(location="random"), small_model(location="centre")
    learned = small_model()
    for model in (random, centre):
        got = model.train_on_batch(images, targets, return_dict=True)
        assert got["policy_loss"] == got["baseline_loss"] == 0
        for name in ("location_network", "baseline_network"):
            same = zip(
                getattr(model, name).get_weights(),
                getattr(learned, name).get_weights(),
                strict=True,
            )
            assert all((a == b).all() for a, b in same)
        model.set_weights(learned.get_weights())  # the same in the same order
    assert (centre.trace(images)["locations"] == 0).all()
    locations = random.trace(images, seed=1)["locations"]
    assert len(np.unique(locations)) == locations.size
    other = random.trace(images, seed=2)["locations"]
    assert (other != locations).all()
    assert locations.min() < -0.5 and locations.max() > 0.5


@pytest.mark.slow
def test_the_mean_policy_looks_where_the_location_network_says():
    images, _ = a_batch()
    for offset in (0.0, 0.25):
        model = small_model(location_offset=offset, location_std=0.3)
        mean, sampled = model.trace(images, "mean", 4), model.trace(images, "sample", 4)
        first = mean["locations"][:, 0]
        np.testing.assert_array_equal(first, sampled["locations"][:, 0])
        assert (mean["locations"][:, 1:] != sampled["locations"][:, 1:]).any(-1).all()
        noise = np.zeros((6, 3, 2), np.float32)
        noise[:, 0] = first
        got = rollout_of(model, images, noise)["locations"]
        np.testing.assert_allclose(got, mean["locations"], atol=1e-5)
        # The states themselves, two units at a time through the regression network.
        states = []
        for start in range(0, 16, 2):
            picked = np.zeros((16, 2))
            picked[start, 0] = picked[start + 1, 1] = 1
            model.regression_network.set_weights([picked, np.zeros(2)])
            states.append(rollout_of(model, images, noise)["predictions"])
        states = np.concatenate(states, axis=-1)
        kernel, bias = model.location_network.get_weights()
        expected = np.tanh(states[:, :-1] @ kernel + bias)
        if offset:
            expected = np.clip(got[:, :-1] + offset * expected, -1, 1)
        np.testing.assert_allclose(got[:, 1:], expected, atol=1e-5)


def test_predictions_may_count_from_the_last_glimpse():
    images, _ = a_batch()
    plain, offset = small_model(), small_model(prediction_offset=1)
    place, way = plain.trace(images, seed=3), offset.trace(images, seed=3)
    np.testing.assert_array_equal(place["locations"], way["locations"])
    expected = place["predictions"] + place["locations"]
    np.testing.assert_allclose(way["predictions"], expected, atol=1e-6)


def test_glimpses_may_be_taken_where_the_keypoint_is_predicted():
    images, _ = a_batch()
    model = small_model(location="predicted", location_std=0.2)
    mean, sampled = model.trace(images, "mean", 3), model.trace(images, "sample", 3)
    expected = np.clip(mean["predictions"][:, :-1], -1, 1)
    np.testing.assert_allclose(mean["locations"][:, 1:], expected, atol=1e-6)
    away = sampled["locations"][:, 1] - np.clip(sampled["predictions"][:, 0], -1, 1)
    assert 0 < np.abs(away).max() < 1


def test_every_prediction_may_be_supervised():
    images, targets = a_batch()
    model = small_model(supervision="every", loss="l2")
    rollout = rollout_of(model, images, some_noise())
    parts = model.loss_terms(
        keras.ops.convert_to_tensor(targets),
        {name: keras.ops.convert_to_tensor(value) for name, value in rollout.items()},
    )
    error = (rollout["predictions"] - targets[:, None, :2]) * targets[:, None, 2:]
    assert float(parts["regression_loss"]) == pytest.approx(
        float((error**2).sum(-1).mean()), rel=1e-4
    )
    delta = np.sqrt((error[:, -1] ** 2).sum(-1)).mean()
    assert float(parts["delta"]) == pytest.approx(float(delta), rel=1e-4)


def test_gradients_are_shown_as_they_are():
    model = small_model()
    images, targets = a_batch()
    norms = gradient_norms(model, images, targets, some_noise())
    for term in TERMS:
        got = gradients(model, term, images, targets, some_noise())
        for network, shown in norms.items():
            own = [
                gradient
                for owner, gradient in zip(learners(model), got.values(), strict=True)
                if owner == network.removesuffix(" network")
            ]
            expected = np.sqrt(sum(float(np.sum(np.square(g))) for g in own))
            assert shown[term] == pytest.approx(expected, rel=1e-4, abs=1e-7)


def test_looking_at_gradients_changes_nothing():
    model = small_model(glimpse_network="cnn", batch_norm=1)
    before = [weight.copy() for weight in model.get_weights()]
    assert len(model.non_trainable_variables) > 1  # statistics, beside the seeds
    gradient_norms(model, *a_batch(), some_noise())
    for weight, after in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, after)


def test_what_the_network_sees_is_the_sensor_s():
    model = small_model()
    images, _ = a_batch()
    seen = keras.ops.convert_to_numpy(model.glimpse(images, np.zeros((6, 2))))
    assert seen.shape == (6, 8, 8, 6)
    finest = images[:, 12:20, 12:20] / 255
    np.testing.assert_allclose(seen[..., :3], finest, atol=1e-6)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run():
    images, targets = a_batch(12)

    def trained(seed, between=lambda model: None):
        model = small_model(compiled=True, seed=seed)
        losses = []
        for _ in range(2):
            fitted = model.fit(images, targets, batch_size=4, shuffle=False, verbose=0)
            losses += fitted.history["loss"]
            between(model)
        return losses, model.get_weights()

    losses, weights = trained(3)
    # Looking at a model in between draws no noise of its own.
    again, same = trained(3, lambda model: model.trace(images, "sample", 1))
    assert losses == again
    assert all((a == b).all() for a, b in zip(weights, same, strict=True))
    other, _ = trained(4)
    assert losses != other


def test_noise_is_drawn_anew_and_its_state_kept_with_the_model():
    model = small_model()
    images, _ = a_batch()
    state = model.seed_generator.state
    assert any(v is state for v in model.non_trainable_variables)
    assert not any(v is state for v in model.weights)
    kept = np.array(state)
    first, second = (np.array(model(images)["locations"]) for _ in range(2))
    assert (first[:, 0] != second[:, 0]).all()
    assert (np.abs(first) <= 1).all()
    state.assign(kept)
    np.testing.assert_array_equal(np.array(model(images)["locations"]), first)


def test_the_optimiser_is_the_settings():
    model = small_model(learning_rate=0.01, decay=0.5, decay_steps=2, clip_norm=0.3)
    images, targets = a_batch()
    assert model.optimizer.global_clipnorm == 0.3
    rates = []
    for _ in range(5):
        rates.append(float(model.optimizer.learning_rate))
        model.train_on_batch(images, targets)
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.005, 0.0025])


@pytest.mark.slow
def test_a_bright_dot_is_found():
    rng = np.random.default_rng(0)
    places = rng.integers(2, 22, (256, 2))
    images = np.zeros((256, 24, 24, 1), np.uint8)
    for image, (row, column) in zip(images, places, strict=True):
        image[row - 2 : row + 2, column - 2 : column + 2] = 255
    targets = np.hstack([places / 12 - 1, np.full((256, 2), 0.5)]).astype(np.float32)
    model = get_model(
        TrainSettings(
            task="mnist_centroid",
            image_size=24,
            bandwidth=8,
            radius=4,
            glimpses=3,
            state_size=64,
            learning_rate=3e-3,
        )
    )

    def delta():
        away = (model.trace(images)["prediction"] - targets[:, :2]) * targets[:, 2:]
        return float(np.hypot(*away.T).mean())

    before = delta()
    model.fit(images, targets, batch_size=32, epochs=20, verbose=0)
    assert before > 0.25 and delta() < before / 4


SAVED = [
    {"glimpse_network": "cnn"},
    {"cell": "lstm", "glimpse_network": "residual", "batch_norm": 1},
    {"location": "predicted", "supervision": "every", "prediction_offset": 1},
    {"glimpse_network": "vgg16", "vgg_blocks": 1, "vgg_trainable": 1, "path_vgg": None},
]


@pytest.mark.slow
@pytest.mark.parametrize("changes", SAVED, ids=str)
def test_keras_saves_and_loads_the_whole_model(changes, tmp_path):
    model = small_model(**changes)
    images, targets = a_batch()
    model.train_on_batch((images, some_noise()), targets)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    again.run_eagerly = model.run_eagerly
    for policy in ("mean", "sample"):
        one, other = model.trace(images, policy, 3), again.trace(images, policy, 3)
        assert one.keys() == other.keys()
        assert all((one[name] == other[name]).all() for name in one)
    # Training goes on with the same Adam and the same rate.
    for trained in (model, again):
        trained.train_on_batch((images, some_noise(seed=2)), targets)
    pairs = zip(model.get_weights(), again.get_weights(), strict=True)
    assert all((a == b).all() for a, b in pairs)
    assert float(again.optimizer.learning_rate) == float(model.optimizer.learning_rate)


def test_arguments_are_plain_values_and_all_of_them_are_kept():
    config = small_model(batch_norm=1, location_offset=0.5, seed=3).get_config()
    assert json.loads(json.dumps(config)) == config
    parameters = inspect.signature(GlimpseRegressor).parameters
    assert config.keys() >= parameters.keys() - {"options"}
    assert GlimpseRegressor.from_config(config).get_config() == config


def test_the_constructor_s_defaults_are_the_paper_s_model():
    settings = TrainSettings()
    config = GlimpseRegressor().get_config()
    for name, value in settings.architecture().items():
        assert name == "task" or config[name] == value, name
    assert config["seed"] == settings.seed


def test_keras_3_15_saves_the_optimizer_with_the_weights(tmp_path):
    """Why weights are saved from ``model.networks``: Keras' own file has Adam in it."""
    model = small_model()
    model.save_weights(tmp_path / "keras.weights.h5")
    save_weights(model, tmp_path / "model.weights.h5")
    keras_own, ours = (
        arrays_in(tmp_path / f"{name}.weights.h5") for name in ("keras", "model")
    )
    extra = {name.split("/")[0] for name in keras_own.keys() - ours.keys()}
    assert extra == {"optimizer"}
    assert all((ours[name] == keras_own[name]).all() for name in ours)


def arrays_in(path):
    """All arrays in a weight file, by name."""
    arrays = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[...]

    with h5py.File(path) as file:
        file.visititems(take)
    return arrays


LOAD = """
import sys
import keras
import numpy as np
import glimpse_rnn.model
given = dict(np.load(sys.argv[1]))
# Keras 3.15 saves PyTorch's Adam under a name of its own, for PyTorch alone.
model = keras.models.load_model(sys.argv[3], compile=False)
model.compile(keras.optimizers.Adam(1e-3))
rollout = model.trace(given["images"], "sample", 2)
model.train_on_batch((given["images"], given["noise"]), given["targets"])
again = sys.argv[2].replace(".npz", ".keras")
model.save(again)
model = keras.models.load_model(again)
after = {f"w{i}": np.asarray(w) for i, w in enumerate(model.get_weights())}
np.savez(sys.argv[2], **rollout, **after)
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_backends_load_what_another_saved(backend, tmp_path):
    skip_unless_another(backend)
    model = small_model(glimpse_network="cnn", learning_rate=1e-3)
    images, targets = a_batch()
    model.train_on_batch((images, some_noise()), targets)
    saved, inputs = tmp_path / "model.keras", tmp_path / "given.npz"
    model.save(saved)
    np.savez(inputs, images=images, targets=targets, noise=some_noise())
    ours, theirs = under_both(LOAD, backend, tmp_path, inputs, saved)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-4, err_msg=name)


ONE_STEP = """
import sys
import numpy as np
from glimpse_rnn.config import TrainSettings
from glimpse_rnn.model import get_model
given = dict(np.load(sys.argv[1]))
model = get_model(TrainSettings(**eval(sys.argv[3])))
model.set_weights([given[f"w{i}"] for i in range(len(model.weights))])
x = given["images"], given["noise"]
parts = model.train_on_batch(x, given["targets"], return_dict=True)
after = {f"w{i}": np.asarray(w) for i, w in enumerate(model.get_weights())}
after |= {f"trace_{k}": v for k, v in model.trace(x[0], "sample", 2).items()}
np.savez(sys.argv[2], **after, **{f"part_{k}": v for k, v in parts.items()})
"""


@pytest.mark.parametrize(
    "changes",
    [
        {"glimpse_network": "cnn"},
        {"cell": "gru", "glimpse_network": "residual", "batch_norm": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_backends_agree_on_a_step(backend, changes, tmp_path):
    skip_unless_another(backend)
    options = SMALL | changes | {"learning_rate": 1e-3}
    model = get_model(TrainSettings(**options))
    images, targets = a_batch()
    given = {f"w{i}": w for i, w in enumerate(model.get_weights())}
    inputs = tmp_path / "given.npz"
    np.savez(inputs, images=images, targets=targets, noise=some_noise(), **given)
    ours, theirs = under_both(ONE_STEP, backend, tmp_path, inputs, repr(options))
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-4, err_msg=name)
