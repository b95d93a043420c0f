"""The recurrent glimpse regressor.

Source: paper, section 2. A run looks at an image T times and then says where the
keypoint is: glimpse t at location l_t becomes g_t, the cell makes the state h_t of it,
and h_t says where to look next. Locations cannot be differentiated; the location
network learns by REINFORCE, everything else from the regression after the last glimpse.
"""

from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from glimpse_rnn.config import ModelSettings, TrainSettings
from glimpse_rnn.distribution import SharedAdam, among_workers, replicas_here
from glimpse_rnn.losses import (
    baseline_loss,
    log_probability,
    offsets,
    policy_loss,
    regression_loss,
    rewards,
)
from glimpse_rnn.networks import get_cell, get_glimpse_network, get_head
from glimpse_rnn.sensor import GlimpseSensor
from weights.fetch import ensure_trunk

CHANNELS = {"door_handle": 3, "mnist_centroid": 1}
"""Channels of the images of each task."""

COMPILES = keras.backend.backend() == "jax"
"""Whether steps are compiled by XLA. JAX has nothing else; on TensorFlow's CPU kernels
its convolutions take twice the time."""

PARTS = ("regression_loss", "policy_loss", "baseline_loss", "reward", "delta")
"""What ``fit`` reports beside the loss."""


class GlimpseRegressor(keras.Model):
    """Finds a keypoint in an image by a few glimpses; trained by ``fit``.

    ``fit`` takes uint8 (n, S, S, C) images and float32 (n, 4) targets, see
    :mod:`glimpse_rnn.losses`, and reports ``loss``, ``regression_loss``,
    ``policy_loss``, ``baseline_loss``, ``reward`` and ``delta``.

    Who learns from what: the location network from the reward alone; the baseline
    network from its own error alone; glimpse network, cell and regression network from
    the regression alone. Where no location is chosen (``location`` random, centre or
    predicted, a single glimpse) location and baseline network are there, but not
    trained.

    Args:
        settings: of the model.
        path_vgg: weights for glimpse network ``vgg16``; see
            :func:`glimpse_rnn.networks.get_glimpse_network`.
        seed: of the first weights, and of the chance in training.

    Attributes:
        settings: of the model.
        channels: of its images.
    """

    def __init__(
        self, settings: ModelSettings, path_vgg: Path | None = None, seed: int = 0
    ):
        super().__init__(name="glimpse_regressor")
        self.settings = settings
        self.chooses = settings.location == "learned" and settings.glimpses > 1
        seeds = np.random.SeedSequence(seed).generate_state(6) >> 1
        seeds = [int(seed) for seed in seeds]
        self.channels = channels = CHANNELS[settings.task]
        self.sensor = GlimpseSensor(
            settings.bandwidth, settings.radius, settings.levels
        )
        self.glimpse_network = get_glimpse_network(
            settings, channels, path_vgg, seeds[0]
        )
        self.cell = get_cell(settings, seeds[1])
        self.location_network = get_head(settings, 2, "location", "tanh", seeds[2])
        self.baseline_network = get_head(settings, 1, "baseline", None, seeds[3])
        self.regression_network = get_head(settings, 2, "regression", None, seeds[4])
        self.location_network.trainable = self.chooses
        self.baseline_network.trainable = self.chooses
        self.chance = keras.random.SeedGenerator(seeds[5])
        self._means = {name: keras.metrics.Mean(name=name) for name in PARTS}
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        """Run once over each image.

        Args:
            inputs: uint8 (n, S, S, C) images; or these and their lots, float32
                (n, T, 2): first the first location, then what is added to the policy's
                mean in standard deviations, or all locations with ``location`` random.
                Drawn from :attr:`chance` if left out.
            training: whether batches are normalised by themselves.

        Returns:
            float32 each: ``prediction`` (n, 2), row and column; ``predictions``
            (n, T, 2), what the regression network makes of the state after each
            glimpse; ``locations`` (n, T, 2) in [−1, 1], where glimpses were taken; and,
            where locations are chosen, ``log_probabilities`` and ``baselines``
            (n, T − 1) of all but the first.
        """
        images, lots = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        if lots is None:
            lots = self._draw(ops.shape(images)[0])
        sums = self.sensor.prepare(images)
        state = self.cell.get_initial_state(batch_size=ops.shape(images)[0])
        state = state if isinstance(state, list) else [state]
        location = self._first_location(lots)
        locations, states, means, samples = [location], [], [], []
        for number in range(self.settings.glimpses):
            if number:
                mean, sample = self._choose(states[-1], location, lots[:, number])
                # No gradient: else the regression would reach the policy.
                location = ops.stop_gradient(ops.clip(sample, -1, 1))
                locations.append(location)
                means.append(mean)
                samples.append(sample)
            glimpse = self.sensor.glimpse(sums, location)
            g = self.glimpse_network([glimpse, location], training=training)
            h, state = self.cell(g, state, training=training)
            states.append(h)
        # One by one: on all of them at once TensorFlow's Grappler stumbles, and leaves
        # the whole graph without fused kernels, a twentieth of the time of training.
        predictions = [
            self._predict(h, where) for h, where in zip(states, locations, strict=True)
        ]
        outcome = {
            "prediction": predictions[-1],
            "predictions": ops.stack(predictions, axis=1),
            "locations": ops.stack(locations, axis=1),
        }
        if self.chooses:
            outcome["log_probabilities"] = log_probability(
                ops.stack(samples, axis=1),
                ops.stack(means, axis=1),
                self.settings.location_std,
            )
            before = ops.stop_gradient(ops.stack(states[:-1], axis=1))
            outcome["baselines"] = self.baseline_network(before)[..., 0]
        return outcome

    def _maybe_symbolic_build(self, *_: Any, **__: Any) -> None:
        """Build nothing: all is built from the start.

        Keras (3.15) does this where several devices share a batch, and fails on data of
        more than one part.
        """

    def _draw(self, number: Any) -> Any:
        """Draw the lots of as many runs as there are images."""
        later = self.settings.glimpses - 1
        draw = (
            keras.random.normal
            if self.settings.is_guided
            else lambda *shape, **seed: keras.random.uniform(*shape, -1, 1, **seed)
        )
        first = keras.random.uniform((number, 1, 2), -1, 1, seed=self.chance)
        return ops.concatenate([first, draw((number, later, 2), seed=self.chance)], 1)

    def _first_location(self, lots: Any) -> Any:
        first = lots[:, 0]
        return ops.zeros_like(first) if self.settings.location == "centre" else first

    def _choose(self, h: Any, location: Any, lots: Any) -> tuple[Any, Any]:
        """Return the policy's mean and the next location, not yet clipped: (n, 2).

        Args:
            h: float32 (n, state_size).
            location: float32 (n, 2), the last one.
            lots: float32 (n, 2).
        """
        if not self.settings.is_guided:
            chosen = location if self.settings.location == "centre" else lots
            return chosen, chosen
        if self.settings.location == "predicted":
            mean = ops.stop_gradient(self._predict(h, location))
        else:
            mean = self.location_network(ops.stop_gradient(h))
            if self.settings.location_offset:
                mean = location + self.settings.location_offset * mean
        return mean, mean + self.settings.location_std * lots

    def _predict(self, states: Any, locations: Any) -> Any:
        """Return where the keypoint is by what is remembered: float32 (…, 2).

        Args:
            states: float32 (…, state_size).
            locations: float32 (…, 2), of the last glimpses.
        """
        predictions = self.regression_network(states)
        return predictions + locations * self.settings.prediction_offset

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return L1 (or L2) + the baseline's squared error − J, and report its parts.

        Args:
            x: not used.
            y: float32 (n, 4), targets.
            y_pred: what :meth:`call` returned.
            sample_weight: not used.
            training: not used.
        """
        # Some trainers hand NumPy's arrays on.
        parts = self.loss_parts(ops.convert_to_tensor(y, "float32"), y_pred)
        for name, mean in self._means.items():
            mean.update_state(parts[name])
        loss = parts["regression_loss"] + parts["baseline_loss"] + parts["policy_loss"]
        # Means over parts of a batch, which several devices add up.
        return loss / replicas_here()

    def compute_metrics(self, *args: Any, **named: Any) -> dict[str, Any]:
        """Return what :meth:`compute_loss` reported, by machine where several are.

        Keras (3.15) takes the mean over machines along an axis that numbers lack.
        """
        metrics = super().compute_metrics(*args, **named)
        if not among_workers():
            return metrics
        return {name: ops.reshape(value, (1,)) for name, value in metrics.items()}

    def loss_parts(self, targets: Any, outcome: dict[str, Any]) -> dict[str, Any]:
        """Return the loss's terms, the mean reward and the mean Δ, by :data:`PARTS`.

        Args:
            targets: float32 (n, 4).
            outcome: what :meth:`call` returned.
        """
        difference = offsets(outcome["prediction"], targets)
        squared = ops.stop_gradient(ops.sum(ops.square(difference), axis=-1))
        reward = rewards(squared, self.settings.reward)
        parts = {
            "regression_loss": self._regression_loss(targets, outcome),
            "policy_loss": ops.zeros(()),
            "baseline_loss": ops.zeros(()),
            "reward": ops.mean(reward),
            "delta": ops.mean(ops.sqrt(squared)),
        }
        if self.chooses:
            baselines = outcome["baselines"]
            parts["baseline_loss"] = baseline_loss(baselines, reward)
            parts["policy_loss"] = policy_loss(
                outcome["log_probabilities"], reward[:, None] - baselines
            )
        return parts

    def _regression_loss(self, targets: Any, outcome: dict[str, Any]) -> Any:
        if self.settings.supervision == "last":
            differences = offsets(outcome["prediction"], targets)
        else:
            differences = offsets(outcome["predictions"], targets[:, None])
        return regression_loss(differences, self.settings.loss)

    def trace(
        self,
        images: np.ndarray,
        policy: Literal["mean", "sample"] = "mean",
        seed: int = 0,
    ) -> dict[str, Any]:
        """Run once over each image, and leave the chance of training alone.

        Args:
            images: uint8 (n, S, S, C); n is at least 1.
            policy: ``mean`` looks where the policy's mean is, ``sample`` draws.
            seed: of the first locations and of what is drawn; the same on all backends.

        Returns:
            What :meth:`call` returns, as NumPy arrays.
        """
        lots = draw_lots(self.settings, len(images), np.random.default_rng(seed))
        if self.settings.is_guided and policy == "mean":
            lots[:, 1:] = 0
        did = self.predict_on_batch((images, lots))
        # Where there are several devices, each has run over all images.
        return {name: values[: len(images)] for name, values in did.items()}

    def glimpse(self, images: np.ndarray, locations: np.ndarray) -> Any:
        """Return what the network sees at a location in each image.

        Args:
            images: uint8 (n, S, S, C).
            locations: float32 (n, 2), row and column in [−1, 1].

        Returns:
            float32 (n, bandwidth, bandwidth, levels · C) in [0, 1].
        """
        images = ops.convert_to_tensor(images)
        locations = ops.convert_to_tensor(locations, "float32")
        return self.sensor.glimpse(self.sensor.prepare(images), locations)


def draw_lots(
    settings: ModelSettings, number: int, generator: np.random.Generator
) -> np.ndarray:
    """Draw the lots that runs need, the same on all backends.

    Args:
        settings: of the model.
        number: of runs, n.
        generator: where they come from.

    Returns:
        float32 (n, T, 2), as :meth:`GlimpseRegressor.call` takes them.
    """
    lots = generator.uniform(-1, 1, (number, settings.glimpses, 2))
    if settings.is_guided:
        lots[:, 1:] = generator.standard_normal(lots[:, 1:].shape)
    return lots.astype(np.float32)


def get_model(
    settings: ModelSettings, path_vgg: Path | None = None, seed: int = 0
) -> GlimpseRegressor:
    """Build the regressor; ready for ``fit`` if the settings are those of a training.

    Adam, its rate falling in steps (``decay`` every ``decay_steps`` updates), the norm
    of the whole gradient at most ``clip_norm``.

    Args:
        settings: of the model; a training's also say the seed and where VGG-16 is.
        path_vgg: weights of VGG-16, fetched if they are not there; only for glimpse
            network ``vgg16``.
        seed: of the first weights and of the chance in training.

    Raises:
        InputError: VGG-16's weights cannot be had.
    """
    is_training = isinstance(settings, TrainSettings)
    if is_training:
        path_vgg, seed = settings.path_vgg, settings.seed
    if settings.glimpse_network == "vgg16" and path_vgg is not None:
        ensure_trunk(path_vgg)
    model = GlimpseRegressor(settings, path_vgg, seed)
    model.jit_compile = COMPILES
    if is_training:
        rate = keras.optimizers.schedules.ExponentialDecay(
            settings.learning_rate,
            settings.decay_steps,
            settings.decay,
            staircase=True,
        )
        replicas = replicas_here()
        if replicas == 1:
            optimizer = keras.optimizers.Adam(rate, global_clipnorm=settings.clip_norm)
        else:
            optimizer = SharedAdam(rate, settings.clip_norm, replicas)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer, jit_compile=COMPILES)
    return model
