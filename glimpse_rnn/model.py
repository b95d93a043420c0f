"""The recurrent glimpse regressor: looks, remembers, decides where to look, regresses.

One Keras model by configuration, trained by ``fit``. Source: paper, section 2; where
it is silent, FIDELITY.md says what was chosen.
"""

from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops

from glimpse_rnn.config import ModelSettings, TrainSettings
from glimpse_rnn.networks import Core, GlimpseFeatures, get_glimpse_network
from glimpse_rnn.sensor import GlimpseSensor

SHARPNESS = 15.0
"""The reward is exp(−15 Δ²). The paper writes exp(−Δ²/σ²) with σ² = 15, and that the
reward is about 40 % at Δ = 0.25: exp(−15 · 0.25²) is 0.39, exp(−0.25²/15) is 0.996."""

BINARY_REACH = 0.3
"""The binary reward is 1 where Δ is below this."""

LOSSES = ("loss", "regression_loss", "policy_loss", "baseline_loss", "reward", "delta")
"""What ``fit`` reports: the loss and its three parts, mean reward and mean Δ."""


class Rollout(NamedTuple):
    """One run over a batch of n images, T glimpses each.

    Attributes:
        locations: (n, T, 2), where the glimpses were taken, in [−1, 1].
        means: (n, T − 1, 2), the policy's means of all locations but the first.
        samples: (n, T − 1, 2), what was drawn around them, before it was clipped.
        states: (n, T, state_size), h after each glimpse.
        baselines: (n, T − 1), the reward expected where a location was chosen.
    """

    locations: Any
    means: Any
    samples: Any
    states: Any
    baselines: Any


class GlimpseRegressor(keras.Model):
    """The regressor.

    Inputs are uint8 (n, S, S, C); targets float32 (n, 4): row and column of the
    keypoint in [−1, 1] over the canvas, and what turns differences of rows and of
    columns into parts of the normalised distance Δ.

    The loss is Σ (L_regression − J + L_baseline), of which each part reaches its own
    networks alone. The regression loss trains glimpse network, core and regression
    network; the reward trains the location network, by REINFORCE with a baseline; the
    baseline's error trains the baseline network. Locations are constants to all.

    Args:
        settings: what to build.
        path_vgg: VGG-16 weights, for glimpse_network vgg16.
        seed: of new weights and of everything random in training.
    """

    def __init__(
        self, settings: ModelSettings, path_vgg: Path | None = None, seed: int = 0
    ):
        super().__init__(name="glimpse_rnn")
        self.settings = settings
        self.channels = 1 if settings.task == "mnist_centroid" else 3
        self.sensor = GlimpseSensor(
            settings.bandwidth, settings.radius, settings.levels
        )
        what = get_glimpse_network(settings, self.channels, path_vgg)
        self.features = GlimpseFeatures(what)
        self.core = Core(settings.cell, settings.state_size)
        self.location_network = layers.Dense(2, name="location_network")
        self.baseline_network = layers.Dense(1, name="baseline_network")
        self.regression_network = layers.Dense(2, name="regression_network")
        self.chance = keras.random.SeedGenerator(seed)
        self._means = [keras.metrics.Mean(name=name) for name in LOSSES]
        side = settings.image_size
        self(np.zeros((1, side, side, self.channels), np.uint8))  # builds all weights

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What ``fit`` reports, by :data:`LOSSES`."""
        return self._means

    # --- running ---------------------------------------------------------------------

    def call(self, images: Any, training: bool = False) -> dict[str, Any]:
        """Run over images; locations are sampled in training, else the means.

        Args:
            images: uint8 (n, S, S, C).
            training: whether to sample, and to normalise batches by their own means.

        Returns:
            ``prediction`` (n, 2) in the units of locations, and all of
            :class:`Rollout`.
        """
        first, noise = self.draw(ops.shape(images)[0], self.chance)
        run = self.rollout(images, first, noise if training else None, training)
        prediction = self.regression_network(run.states[:, -1])
        return {"prediction": prediction, **run._asdict()}

    def draw(self, count: Any, seed: Any) -> tuple[Any, Any]:
        """Return what is random in a run, for ``count`` images.

        Returns:
            First locations, (count, 2), uniform in [−1, 1]; and for the T − 1 others
            (count, T − 1, 2), standard normal, or uniform in [−1, 1] where locations
            are random.
        """
        shape = (count, self.settings.glimpses - 1, 2)
        first = keras.random.uniform((count, 2), -1, 1, seed=seed)
        if self.settings.location == "random":
            return first, keras.random.uniform(shape, -1, 1, seed=seed)
        return first, keras.random.normal(shape, seed=seed)

    def rollout(
        self, images: Any, first: Any, noise: Any | None, training: bool = False
    ) -> Rollout:
        """Take all glimpses.

        Args:
            images: uint8 (n, S, S, C).
            first: (n, 2), locations of the first glimpses.
            noise: from :meth:`draw`; None follows the policy's means.
            training: as in :meth:`call`.
        """
        settings = self.settings
        tables = self.sensor.prepare(images)
        location = first if settings.location != "centre" else ops.zeros_like(first)
        state = self.core.first_state(ops.shape(images)[0])
        locations, means, samples, states = [], [], [], []
        for glimpse in range(settings.glimpses):
            seen = ops.stop_gradient(self.sensor.glimpse(tables, location))
            features = self.features(seen, location, training=training)
            state = self.core(features, state)
            locations.append(location)
            states.append(state[0])
            if glimpse == settings.glimpses - 1:
                break
            mean = self._mean(ops.stop_gradient(state[0]), location)
            sample = self._sample(mean, noise, glimpse)
            means.append(mean)
            samples.append(sample)
            location = ops.stop_gradient(ops.clip(sample, -1, 1))
        # The last state chooses no location: it is there for the regression.
        self._build_policy(state[0])
        states = ops.stack(states, axis=1)
        baselines = self.baseline_network(ops.stop_gradient(states))[:, :-1, 0]
        stacked = (_stacked(values, first) for values in (means, samples))
        return Rollout(ops.stack(locations, axis=1), *stacked, states, baselines)

    def _build_policy(self, state: Any) -> None:
        """Make the location network's weights also where one glimpse needs none."""
        if not self.location_network.built:
            self.location_network.build(state.shape)

    def _mean(self, state: Any, location: Any) -> Any:
        """Return the mean of the next location, (n, 2) in [−1, 1]."""
        settings = self.settings
        direction = ops.tanh(self.location_network(state))
        if settings.location == "centre":
            return ops.zeros_like(location)
        if settings.location_offset:
            return location + settings.location_offset * direction
        return direction

    def _sample(self, mean: Any, noise: Any | None, glimpse: int) -> Any:
        """Return the next location before it is clipped; a constant."""
        if self.settings.location == "random" and noise is not None:
            return ops.stop_gradient(noise[:, glimpse])
        if noise is None or self.settings.location != "learned":
            return ops.stop_gradient(mean)
        return ops.stop_gradient(mean + self.settings.location_std * noise[:, glimpse])

    def glimpse(self, images: Any, locations: Any) -> Any:
        """Return what is seen of ``images`` at ``locations``; see the sensor."""
        tables = self.sensor.prepare(ops.convert_to_tensor(images))
        return self.sensor.glimpse(tables, locations)

    def trace(self, images: Any, policy: str = "mean", seed: int = 0) -> dict[str, Any]:
        """Run over images as at a test.

        Args:
            images: uint8 (n, S, S, C).
            policy: ``mean``, or ``sample`` as in training. Where locations are random
                they are so under both.
            seed: of first locations and samples.

        Returns:
            ``prediction`` (n, 2); ``predictions`` (n, T, 2), what the regression
            network, which is trained after the last glimpse only, makes of the state
            after each; ``locations`` (n, T, 2).
        """
        seeds = keras.random.SeedGenerator(seed)
        first, noise = (
            ops.convert_to_numpy(values) for values in self.draw(len(images), seeds)
        )
        if policy == "mean" and self.settings.location != "random":
            noise = np.zeros_like(noise)
        if self._traced is None:
            self._traced = _compiled(self._run)
        return self._traced(images, first, noise)

    _traced = None

    def _run(self, images: Any, first: Any, noise: Any) -> dict[str, Any]:
        run = self.rollout(images, first, noise)
        predictions = self.regression_network(run.states)
        return {
            "prediction": predictions[:, -1],
            "predictions": predictions,
            "locations": run.locations,
        }

    # --- learning --------------------------------------------------------------------

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the sum of the three losses, and note all for ``metrics``."""
        offsets = (y_pred["prediction"] - y[:, :2]) * y[:, 2:]
        delta = ops.sqrt(ops.sum(ops.square(offsets), axis=-1))
        reward = ops.stop_gradient(self.reward(delta))
        regression = self.regression_loss(offsets)
        policy = self.policy_loss(y_pred, reward)
        baseline = self.baseline_loss(y_pred, reward)
        total = regression + policy + baseline
        values = (total, regression, policy, baseline, ops.mean(reward), delta)
        for metric, value in zip(self._means, values, strict=True):
            metric.update_state(value)
        return total

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Return what :meth:`compute_loss` noted."""
        return self.get_metrics_result()

    def regression_loss(self, offsets: Any) -> Any:
        """Return L1 or L2 of the normalised offsets, their axes summed.

        Args:
            offsets: (n, 2), in parts of Δ.
        """
        sizes = ops.abs(offsets) if self.settings.loss == "l1" else ops.square(offsets)
        return ops.mean(ops.sum(sizes, axis=-1))

    def reward(self, delta: Any) -> Any:
        """Return the reward of a prediction, in [0, 1], given once, at the end.

        Args:
            delta: (n,), normalised distance.
        """
        if self.settings.reward == "binary":
            return ops.cast(delta < BINARY_REACH, "float32")
        return ops.exp(-SHARPNESS * ops.square(delta))

    def policy_loss(self, run: dict[str, Any], reward: Any) -> Any:
        """Return −J, whose gradient is that of REINFORCE with a baseline.

        The mean over the batch of −Σ_t log π(l_t) · (R − b_t). Densities are of samples
        before they were clipped. 0 where locations are not learned.

        Args:
            run: the fields of :class:`Rollout`.
            reward: (n,).
        """
        if self.settings.location != "learned" or self.settings.glimpses == 1:
            return ops.zeros(())
        densities = log_density(
            run["samples"], run["means"], self.settings.location_std
        )
        advantages = ops.stop_gradient(reward[:, None] - run["baselines"])
        return -ops.mean(ops.sum(densities * advantages, axis=-1))

    def baseline_loss(self, run: dict[str, Any], reward: Any) -> Any:
        """Return the mean squared error of the expected rewards.

        Args:
            run: the fields of :class:`Rollout`.
            reward: (n,).
        """
        if self.settings.glimpses == 1:
            return ops.zeros(())
        return ops.mean(ops.square(run["baselines"] - reward[:, None]))


def _stacked(values: list[Any], first: Any) -> Any:
    """Return (n, len(values), 2), also of no values."""
    if values:
        return ops.stack(values, axis=1)
    return ops.zeros((ops.shape(first)[0], 0, 2))


def log_density(samples: Any, means: Any, deviation: float) -> Any:
    """Return the logarithm of a normal distribution's density in the plane.

    Args:
        samples: (…, 2).
        means: (…, 2).
        deviation: standard deviation along either axis.

    Returns:
        (…).
    """
    squares = ops.sum(ops.square((samples - means) / deviation), axis=-1)
    return -squares / 2 - np.log(2 * np.pi * deviation**2)


def _compiled(function: Any) -> Any:
    """Return ``function``, as one graph where the backend is TensorFlow.

    Step by step a run takes three times as long there; the other backends are left as
    they are, for they are not what users run.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function)


def get_model(
    settings: ModelSettings, path_vgg: Path | None = None
) -> GlimpseRegressor:
    """Build the regressor; compiled where ``settings`` are those of a training.

    Args:
        settings: what to build.
        path_vgg: VGG-16 weights, for glimpse_network vgg16; those of a training's
            settings if left out.

    Raises:
        InputError: ``path_vgg`` cannot be used.
    """
    if not isinstance(settings, TrainSettings):
        return GlimpseRegressor(settings, path_vgg)
    keras.utils.set_random_seed(settings.seed)  # initial weights are drawn from it
    model = GlimpseRegressor(settings, path_vgg or settings.path_vgg, settings.seed)
    rate = keras.optimizers.schedules.ExponentialDecay(
        settings.learning_rate, settings.decay_steps, settings.decay, staircase=True
    )
    adam = keras.optimizers.Adam(rate, global_clipnorm=settings.clip_norm)
    # XLA's convolutions are slower than the ordinary ones on CPUs.
    model.compile(adam, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model
