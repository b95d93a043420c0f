"""The recurrent glimpse regressor.

Source: paper, section 2. A rollout takes T glimpses of an image x and then says where
the keypoint is. At glimpse t, with h_0 = 0,

    l_t ~ π(· | h_{t−1})          location policy
    g_t = f_g(ρ(x, l_t), l_t)     sensor ρ and glimpse network
    h_t = f_h(h_{t−1}, g_t)       cell
    y   = f_r(h_T)                regression network

Locations cannot be differentiated. The location network learns by REINFORCE, everything
else from the regression after the last glimpse.
"""

from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras import ops

from common.gradient_norm import Adam
from glimpse_rnn.config import ModelSettings, TrainSettings
from glimpse_rnn.distribution import SharedAdam, among_workers, replicas_here
from glimpse_rnn.losses import (
    baseline_loss,
    offsets,
    policy_loss,
    regression_loss,
    rewards,
)
from glimpse_rnn.networks import get_cell, get_glimpse_network, get_head, load_trunk
from glimpse_rnn.policies import POLICIES, share_at_edge
from glimpse_rnn.sensor import GlimpseSensor
from weights.fetch import ensure_trunk

CHANNELS = {"door_handle": 3, "mnist_centroid": 1}
"""Channels of the images of each task."""

METRIC_NAMES = ("regression_loss", "policy_loss", "baseline_loss", "reward", "delta")
"""What ``fit`` reports of the loss beside its sum."""

EDGE_SHARE = "edge_share"
"""What ``fit`` reports of where glimpses are taken."""


@keras.saving.register_keras_serializable("visual_search_rl")
class GlimpseRegressor(keras.Model):
    """Finds a keypoint in an image by a few glimpses; trained by ``fit``.

    ``fit`` takes uint8 (n, S, S, C) images and float32 (n, 4) targets, see
    :mod:`glimpse_rnn.losses`, and reports ``loss``, :data:`METRIC_NAMES` and
    :data:`EDGE_SHARE`. The defaults are the paper's best model.

    Who learns from what: the location network from the reward alone; the baseline
    network from its own error alone; glimpse network, cell and regression network from
    the regression alone. A policy that is not learned, or a single glimpse, leaves
    location and baseline network untrained.

    Example::

        model = GlimpseRegressor(image_size=32, bandwidth=8, radius=4, glimpses=3)
        rollout = model.trace(np.zeros((2, 32, 32, 3), np.uint8))
        rollout["prediction"].shape  # (2, 2)
        model.save("model.keras")
        model = keras.models.load_model("model.keras")

    Args:
        image_size: S, side of the images in pixels.
        channels: C, 1 or 3.
        glimpses: T, glimpses in a rollout.
        bandwidth: side that each crop is resized to, in pixels.
        radius: half the side of the finest crop, in pixels of the image.
        levels: crops in a glimpse, each twice as wide as the last.
        glimpse_network: ``cnn``, ``fc``, ``residual`` or ``vgg16``; see
            :func:`glimpse_rnn.networks.get_glimpse_network`. VGG-16's blocks hold zeros
            until :func:`glimpse_rnn.networks.load_trunk` or a checkpoint fills them.
        pooling: ``average`` or ``none``.
        convolution_dtype: ``float32`` or ``bfloat16``.
        cell: ``fc``, ``gru`` or ``lstm``.
        state_size: units of h.
        batch_norm: whether the glimpse network normalises batches.
        location: where glimpses are taken, one of
            :data:`glimpse_rnn.policies.POLICIES`.
        location_offset: bound of the step from one location to the next; 0 for
            locations that do not depend on the last one.
        prediction_offset: whether predictions are relative to the last glimpse.
        location_std: standard deviation of a sampled location.
        loss: of the regression, ``l1`` or ``l2``.
        supervision: predictions that the regression is of, ``last`` or ``every``.
        reward: one of :data:`glimpse_rnn.losses.REWARDS`.
        vgg_blocks: blocks of VGG-16 in the glimpse network.
        vgg_trainable: whether VGG-16 is trained too.
        seed: of the first weights, and of the noise that ``call`` draws itself.
        **options: of every Keras model: ``name``, ``trainable``, ``dtype``.

    Attributes:
        image_size: side of the images in pixels.
        channels: of the images.
        glimpses: in a rollout.
        policy: where glimpses are taken.
        has_learned_policy: whether REINFORCE trains the location network.
        seed_generator: of the noise that ``call`` draws itself.
    """

    def __init__(
        self,
        image_size: int = 256,
        channels: int = 3,
        glimpses: int = 8,
        bandwidth: int = 60,
        radius: int = 30,
        levels: int = 3,
        glimpse_network: str = "cnn",
        pooling: str = "average",
        convolution_dtype: str = "float32",
        cell: str = "fc",
        state_size: int = 256,
        batch_norm: bool = False,
        location: str = "learned",
        location_offset: float = 0.0,
        prediction_offset: bool = False,
        location_std: float = 0.11,
        loss: str = "l1",
        supervision: str = "last",
        reward: str = "exponential",
        vgg_blocks: int = 3,
        vgg_trainable: bool = False,
        seed: int = 0,
        **options: Any,
    ):
        given = {
            name: value
            for name, value in locals().items()
            if name not in ("self", "options", "__class__")
        }
        super().__init__(**{"name": "glimpse_regressor"} | options)
        self._arguments = given
        self.image_size, self.channels = image_size, channels
        self.glimpses = glimpses
        self._levels, self._bandwidth = levels, bandwidth
        self._prediction_offset = int(prediction_offset)
        self._loss_kind, self._reward_kind = loss, reward
        self._supervises_all = supervision == "every"
        states = np.random.SeedSequence(seed).generate_state(6)
        seeds = [int(state >> 1) for state in states]
        self.sensor = GlimpseSensor(bandwidth, radius, levels)
        self.glimpse_network = get_glimpse_network(
            glimpse_network,
            bandwidth,
            levels,
            channels,
            pooling=pooling,
            convolution_dtype=convolution_dtype,
            batch_norm=bool(batch_norm),
            vgg_blocks=vgg_blocks,
            vgg_trainable=bool(vgg_trainable),
            seed=seeds[0],
        )
        self.cell = get_cell(cell, state_size, seeds[1])
        self.location_network = get_head(state_size, 2, "location", "tanh", seeds[2])
        self.baseline_network = get_head(state_size, 1, "baseline", None, seeds[3])
        self.regression_network = get_head(state_size, 2, "regression", None, seeds[4])
        self.policy = POLICIES[location](
            glimpses,
            location_std,
            location_offset,
            self.location_network,
            self._predict,
        )
        self.has_learned_policy = self.policy.has_learned_policy and glimpses > 1
        self.location_network.trainable = self.has_learned_policy
        self.baseline_network.trainable = self.has_learned_policy
        self.seed_generator = keras.random.SeedGenerator(seeds[5])
        names = *METRIC_NAMES, EDGE_SHARE
        self._means = {name: keras.metrics.Mean(name=name) for name in names}
        # On TensorFlow's CPU kernels XLA's convolutions take twice the time.
        self.supports_jit = keras.backend.backend() != "tensorflow"
        self.built = True

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, ready for JSON."""
        return {**super().get_config(), **self._arguments}

    def with_arguments(self, **arguments: Any) -> "GlimpseRegressor":
        """Return a model with the same weights, made with some other arguments.

        Args:
            **arguments: of the constructor, none that a weight's shape depends on.
        """
        # Not from_config: Keras loads TensorFlow, if it is there, to write an own type.
        other = type(self)(**{**self._arguments, **arguments})
        other.set_weights(self.get_weights())
        return other

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        """Take the glimpses of one rollout over each image, and predict.

        Args:
            inputs: uint8 (n, S, S, C) images; or these and the noise of the rollouts,
                float32 (n, T, 2), see :class:`glimpse_rnn.policies.LocationPolicy`.
                Noise that is left out is drawn from :attr:`seed_generator`.
            training: whether batches are normalised by themselves.

        Returns:
            The rollout, float32 each: ``prediction`` (n, 2), row and column;
            ``predictions`` (n, T, 2), what the regression network makes of the state
            after each glimpse; ``locations`` (n, T, 2) in [−1, 1], where glimpses were
            taken; and, of a learned policy, ``log_probabilities`` and ``baselines``
            (n, T − 1) of all locations but the first.
        """
        images, noise = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        number = ops.shape(images)[0]
        if noise is None:
            noise = self.policy.sample_noise_on_device(number, self.seed_generator)
        sums = self.sensor.prepare(images)
        memory = self.cell.get_initial_state(batch_size=number)
        memory = memory if isinstance(memory, list) else [memory]
        h, location = None, self.policy.first(noise[:, 0])
        states, locations, means, samples = [], [], [], []
        for t in range(self.glimpses):
            if t > 0:
                mean, sample = self.policy.next(t, h, location, noise[:, t])
                # No gradient: else the regression would reach the policy.
                location = ops.stop_gradient(ops.clip(sample, -1, 1))
                means.append(mean)
                samples.append(sample)
            glimpse = self.sensor.glimpse(sums, location)
            g = self.glimpse_network([glimpse, location], training=training)
            h, memory = self.cell(g, memory, training=training)
            locations.append(location)
            states.append(h)
        # One by one: on all of them at once TensorFlow's Grappler stumbles, and leaves
        # the whole graph without fused kernels, a twentieth of the time of training.
        predictions = [
            self._predict(h, where) for h, where in zip(states, locations, strict=True)
        ]
        rollout = {
            "prediction": predictions[-1],
            "predictions": ops.stack(predictions, axis=1),
            "locations": ops.stack(locations, axis=1),
        }
        if self.has_learned_policy:
            rollout["log_probabilities"] = self.policy.log_probability(
                ops.stack(samples, axis=1), ops.stack(means, axis=1)
            )
            before = ops.stop_gradient(ops.stack(states[:-1], axis=1))
            rollout["baselines"] = self.baseline_network(before)[..., 0]
        return rollout

    def _predict(self, states: Any, locations: Any) -> Any:
        """Return where the keypoint is by what is remembered: float32 (…, 2).

        Args:
            states: float32 (…, state_size).
            locations: float32 (…, 2), of the last glimpses.
        """
        return self.regression_network(states) + locations * self._prediction_offset

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return L1 (or L2) + the baseline's squared error − J, and report its terms.

        Args:
            x: not used.
            y: float32 (n, 4), targets.
            y_pred: the rollout, what :meth:`call` returned.
            sample_weight: not used.
            training: not used.
        """
        # Some trainers hand NumPy's arrays on.
        terms = self.loss_terms(ops.convert_to_tensor(y, "float32"), y_pred)
        terms[EDGE_SHARE] = share_at_edge(y_pred["locations"])
        for name, mean in self._means.items():
            mean.update_state(terms[name])
        loss = terms["regression_loss"] + terms["baseline_loss"] + terms["policy_loss"]
        # Means over parts of a batch, which several devices add up.
        return loss / replicas_here()

    def loss_terms(self, targets: Any, rollout: dict[str, Any]) -> dict[str, Any]:
        """Return the loss's terms, the mean reward and Δ, by :data:`METRIC_NAMES`.

        Args:
            targets: float32 (n, 4).
            rollout: what :meth:`call` returned.
        """
        difference = offsets(rollout["prediction"], targets)
        squared = ops.stop_gradient(ops.sum(ops.square(difference), axis=-1))
        reward = rewards(squared, self._reward_kind)
        if self._supervises_all:
            difference = offsets(rollout["predictions"], targets[:, None])
        terms = {
            "regression_loss": regression_loss(difference, self._loss_kind),
            "policy_loss": ops.zeros(()),
            "baseline_loss": ops.zeros(()),
            "reward": ops.mean(reward),
            "delta": ops.mean(ops.sqrt(squared)),
        }
        if self.has_learned_policy:
            baselines = rollout["baselines"]
            terms["baseline_loss"] = baseline_loss(baselines, reward)
            terms["policy_loss"] = policy_loss(
                rollout["log_probabilities"], reward[:, None] - baselines
            )
        return terms

    def compute_metrics(self, *args: Any, **named: Any) -> dict[str, Any]:
        """Return what :meth:`compute_loss` reported, by machine where several are.

        Keras 3.15 takes the mean over machines along an axis that numbers lack.
        """
        metrics = super().compute_metrics(*args, **named)
        if not among_workers():
            return metrics
        return {name: ops.reshape(value, (1,)) for name, value in metrics.items()}

    def _maybe_symbolic_build(self, *_: Any, **__: Any) -> None:
        """Build nothing: all is built from the start.

        Keras 3.15 does this where several devices share a batch, and fails on two
        workers: ``tests/test_glimpse_distribution.py`` shows it.
        """

    @property
    def networks(self) -> keras.Model:
        """The networks without optimizer and metrics, in the layout of weight files.

        Keras writes and reads the optimizer of a compiled model with its weights: Adam
        makes files three times as large.
        """
        return _Networks(self)

    @property
    def windows(self) -> np.ndarray:
        """Height and width of each crop as shares of the image: float (levels, 2)."""
        return self.sensor.windows(self.image_size)

    def sample_noise(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the noise of rollouts, float32 (n, T, 2), the same on all backends.

        Args:
            number: of rollouts, n.
            rng: where the noise comes from.
        """
        return self.policy.sample_noise(number, rng)

    def trace(
        self,
        images: np.ndarray,
        policy: Literal["mean", "sample"] = "mean",
        seed: int = 0,
        first: np.ndarray | None = None,
    ) -> dict[str, Any]:
        """Return one rollout over each image; :attr:`seed_generator` is not used.

        Args:
            images: uint8 (n, S, S, C); n is at least 1.
            policy: ``mean`` looks where the policy's mean is, ``sample`` draws.
            seed: of the first locations and of what is drawn; the same on all backends.
            first: float (n, 2), row and column in [−1, 1], in place of first locations
                that are drawn; a policy that draws none does not read them.

        Returns:
            What :meth:`call` returns, as NumPy arrays.
        """
        noise = self.sample_noise(len(images), np.random.default_rng(seed))
        if first is not None:
            noise[:, 0] = first
        if policy == "mean":
            noise = self.policy.without_deviations(noise)
        rollout = self.predict_on_batch((images, noise))
        # Where there are several devices, each has run over all images.
        return {name: values[: len(images)] for name, values in rollout.items()}

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

    def glimpse_images(self, image: np.ndarray, locations: np.ndarray) -> np.ndarray:
        """Return what the network sees of one image: uint8 (T, levels, b, b, 3) RGB.

        Args:
            image: uint8 (S, S, C).
            locations: float (T, 2), row and column in [−1, 1].
        """
        images = np.repeat(image[None], len(locations), axis=0)
        pixels = ops.convert_to_numpy(self.glimpse(images, locations))
        pixels = np.clip(np.rint(255 * pixels), 0, 255).astype(np.uint8)
        side = self._bandwidth
        pixels = pixels.reshape(len(locations), side, side, self._levels, self.channels)
        pixels = pixels.transpose(0, 3, 1, 2, 4)
        return pixels if self.channels == 3 else np.repeat(pixels, 3, axis=-1)


class _Networks(keras.Model):
    """See :attr:`GlimpseRegressor.networks`; the order is that of weight files."""

    def __init__(self, model: GlimpseRegressor):
        super().__init__(name=model.name)
        self.glimpse_network = model.glimpse_network
        self.cell = model.cell
        self.location_network = model.location_network
        self.baseline_network = model.baseline_network
        self.regression_network = model.regression_network
        self.built = True


def get_model(
    settings: ModelSettings, path_vgg: Path | None = None, seed: int = 0
) -> GlimpseRegressor:
    """Build the regressor; ready for ``fit`` if the settings are those of a training.

    Adam, its rate falling in steps (``decay`` every ``decay_steps`` updates), the norm
    of the whole gradient at most ``clip_norm``.

    Args:
        settings: of the model; a training's also say the seed and where VGG-16 is.
        path_vgg: weights of VGG-16, fetched if they are not there; only for glimpse
            network ``vgg16``. Without them its blocks hold zeros.
        seed: of the first weights and of the noise that the model draws itself.

    Raises:
        InputError: VGG-16's weights cannot be had.
    """
    settings.check_names()
    if isinstance(settings, TrainSettings):
        path_vgg, seed = settings.path_vgg, settings.seed
    architecture = settings.architecture()
    channels = CHANNELS[architecture.pop("task")]
    model = GlimpseRegressor(channels=channels, seed=seed, **architecture)
    if settings.glimpse_network == "vgg16" and path_vgg is not None:
        ensure_trunk(path_vgg)
        load_trunk(model.glimpse_network, path_vgg)
    if isinstance(settings, TrainSettings):
        rate = keras.optimizers.schedules.ExponentialDecay(
            settings.learning_rate,
            settings.decay_steps,
            settings.decay,
            staircase=True,
        )
        replicas = replicas_here()
        if replicas == 1:
            optimizer = Adam(rate, global_clipnorm=settings.clip_norm)
        else:
            optimizer = SharedAdam(rate, settings.clip_norm, replicas)
        optimizer.build(model.trainable_variables)
        model.compile(optimizer)
    return model
