"""Glimpses as a Gymnasium environment: the model's own glimpses, and its rewards."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.utils.env_checker import check_env
from keras import ops

from common.errors import InputError
from datasets.drawn.cars import draw_cars
from glimpse_rnn.data import open_keypoints
from glimpse_rnn.environment import GlimpseEnvironment, make_environment
from glimpse_rnn.losses import REWARDS
from glimpse_rnn.metrics import normalised_distances
from glimpse_rnn.sensor import GlimpseSensor

TOY = {"bandwidth": 8, "radius": 4, "levels": 2}
CARS = {"train": 4, "test": 1}


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cars")
    draw_cars(folder, **CARS)
    return folder


def environment(cars, **settings):
    return make_environment(cars, image_size=32, **{"glimpses": 3} | TOY | settings)


def location(row, column):
    return np.array([row, column], np.float32)


@pytest.mark.slow
def test_the_id_makes_an_environment_that_gymnasium_finds_nothing_wrong_with(cars):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(
            "glimpse_rnn.environment:VisualSearch/GlimpseCars-v0",
            path_cars=cars,
            render_mode="rgb_array",
            **CARS,
        )
        check_env(env.unwrapped)
    observation, info = env.reset(seed=0)
    assert observation["glimpse"].shape == (60, 60, 9)
    assert info["glimpses_left"] == 7
    envs = gymnasium.make_vec(
        "VisualSearch/GlimpseCars-v0",
        num_envs=2,
        path_cars=cars,
        image_size=32,
        glimpses=2,
        **CARS,
        **TOY,
    )
    observations, _ = envs.reset(seed=0)
    assert observations["glimpse"].shape == (2, 8, 8, 6)
    for _ in range(2):
        _, rewards, terminated, _, _ = envs.step(envs.action_space.sample())
    assert terminated.all() and (rewards >= 0).all()
    envs.close()


@pytest.mark.parametrize("reward", ["exponential", "binary"])
def test_a_rollout_is_the_models_and_its_end_the_prediction(cars, reward):
    images = open_keypoints(cars, "train", 32, 1.0)
    sensor = GlimpseSensor(8, 4, 2)
    env = environment(cars, reward=reward)
    for index in (0, 1, 2, 3, 0):  # in turn, and once more
        canvas, target = images[index]
        sums = sensor.prepare(canvas[None])
        observation, info = env.reset()
        near = target[:2] + np.float32(0.01)
        actions = [location(-0.2, 0.5), location(1, -1), near]
        for left, action in zip((2, 1, 0), [*actions[:2], near], strict=True):
            assert info["image"] == images.names[index]
            assert info["glimpses_left"] == left
            seen = sensor.glimpse(sums, observation["location"][None])
            np.testing.assert_allclose(
                observation["glimpse"], ops.convert_to_numpy(seen)[0], atol=1e-6
            )
            observation, earned, terminated, truncated, info = env.step(action)
            assert (observation["location"] == action).all()
            assert (terminated, truncated) == (left == 0, False)
            (delta,) = normalised_distances(action[None], target[None])
            assert info["distance"] == delta
            squared = np.float32([delta**2])
            expected = float(REWARDS[reward](squared)[0])
            assert earned == (pytest.approx(expected) if terminated else 0)
        assert expected > 0.9


def test_the_same_seed_gives_the_same_images_and_first_locations(cars):
    def firsts(env, seed):
        found = [env.reset(seed=seed)] + [env.reset() for _ in range(7)]
        return [(info["image"], tuple(seen["location"])) for seen, info in found]

    env = environment(cars, shuffle=True)
    first = firsts(env, 3)
    assert firsts(env, 3) == first == firsts(environment(cars, shuffle=True), 3)
    assert firsts(env, 4) != first
    for one_pass in (first[:4], first[4:]):
        assert len({image for image, _ in one_pass}) == 4
    in_turn = [image for image, _ in firsts(environment(cars), 3)]
    assert in_turn[:4] == in_turn[4:] == open_keypoints(cars, "train", 32, 1.0).names


def test_reset_can_be_sent_to_an_image(cars):
    env = environment(cars)
    names = open_keypoints(cars, "train", 32, 1.0).names
    for image in (2, np.int64(2), names[2]):
        assert env.reset(options={"image": image})[1]["image"] == names[2]
    for image in (-1, 4, "nowhere"):
        with pytest.raises(InputError, match="there is no image"):
            env.reset(options={"image": image})
        with pytest.raises(ResetNeeded):
            env.step(location(0, 0))


def test_wrong_actions_and_settings_are_refused(cars):
    env = environment(cars, glimpses=1)
    with pytest.raises(ResetNeeded):
        env.step(location(0, 0))
    env.reset()
    for action in (location(0, 1.5), location(0, np.nan), np.zeros(3, np.float32)):
        with pytest.raises(InvalidAction):
            env.step(action)
    assert env.step(location(0, 0))[2] is True
    with pytest.raises(ResetNeeded):
        env.step(location(0, 0))
    images = open_keypoints(cars, "train", 32, 1.0)
    with pytest.raises(ValueError, match="human"):
        GlimpseEnvironment(images, render_mode="human")
    with pytest.raises(ValueError, match="one of exponential, binary"):
        GlimpseEnvironment(images, reward="none")
    with pytest.raises(ValueError, match="0 images"):
        GlimpseEnvironment(images[:0])
    with pytest.warns(UserWarning, match="render_mode"):
        assert environment_begun(cars).render() is None


def environment_begun(cars, **settings):
    env = environment(cars, **settings)
    env.reset(seed=0, options={"image": 0})
    return env


def test_windows_and_keypoint_are_drawn_where_they_lie(cars):
    images = open_keypoints(cars, "train", 32, 1.0)
    env = environment_begun(cars, render_mode="rgb_array")
    env.step(location(0, 0))
    drawn, plain = env.render(), images.picture(0)
    assert drawn.shape == plain.shape and drawn.dtype == np.uint8
    height, width = plain.shape[:2]
    yellow = (drawn == (255, 208, 0)).all(axis=2)
    # The finest window spans 8 of the canvas's 32 pixels, the other one 16.
    rows, columns = (
        np.flatnonzero(yellow.any(axis=1)),
        np.flatnonzero(yellow.any(axis=0)),
    )
    assert (rows[0], rows[-1] + 1) == pytest.approx((height / 4, 3 * height / 4), abs=2)
    assert (columns[0], columns[-1] + 1) == pytest.approx(
        (width / 4, 3 * width / 4), abs=2
    )
    green = np.argwhere((drawn == (53, 208, 79)).all(axis=2))
    row, column = (images.targets[0, :2] + 1) / 2 * (height, width)
    assert green.mean(axis=0) == pytest.approx((row, column), abs=3)
