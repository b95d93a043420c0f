"""Where the glimpses of a rollout are taken: a table of policies, by ``--location``.

Source: paper, section 2. Glimpse t is taken at l_t. The paper draws l_t from a normal
distribution around tanh(W · h_{t−1}), which REINFORCE trains; the other policies are
what it is compared with. Another one is a subclass of :class:`LocationPolicy` in
:data:`POLICIES`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from glimpse_rnn.losses import log_probability

EDGE = 0.9
"""Size of a coordinate from which on a glimpse is at the image's edge: a twentieth of
its side away, or less."""


def share_at_edge(locations: Any) -> Any:
    """Return the share of glimpses at an edge, but for the first, which is random.

    Args:
        locations: float32 (n, T, 2) in [−1, 1].

    Returns:
        float32 (), in [0, 1]; 0 where there is no glimpse but the first. Glimpses
        anywhere in the image have 1 − 0.9² = 0.19.
    """
    later = ops.any(ops.abs(locations[:, 1:]) >= EDGE, axis=-1)
    number = max(later.shape[1], 1) * ops.shape(locations)[0]
    return ops.sum(ops.cast(later, "float32")) / ops.cast(number, "float32")


@dataclass(frozen=True, eq=False)
class LocationPolicy(ABC):
    """Says where each glimpse is taken.

    Locations are float32 (n, 2), row and column; −1 and 1 are the image's edges. All
    randomness comes from noise that is passed in. A rollout of T glimpses reads float32
    (n, T, 2): ``noise[:, 0]`` is uniform in [−1, 1], ``noise[:, t]`` for t ≥ 1 as
    :attr:`has_deviations` says.

    Attributes:
        glimpses: T, glimpses in a rollout.
        std: standard deviation of a sampled location.
        max_step: bound of the step from one location to the next, in each coordinate; 0
            for locations that do not depend on the last one.
        location_network: from float32 (n, state_size) to float32 (n, 2) in [−1, 1];
            trained only where :attr:`has_learned_policy`.
        predict: from states, float32 (n, state_size), and the locations of the last
            glimpses, float32 (n, 2), to where the keypoint is predicted, float32
            (n, 2).
    """

    glimpses: int
    std: float
    max_step: float
    location_network: Callable[[Any], Any]
    predict: Callable[[Any, Any], Any]

    has_learned_policy: ClassVar[bool] = False
    """Whether REINFORCE trains ``location_network``. It then needs
    :meth:`log_probability`."""

    has_deviations: ClassVar[bool] = False
    """Whether the noise of later glimpses is standard normal, deviations from a mean,
    and 0 where the mean policy is tested. Else it is uniform in [−1, 1]."""

    def first(self, noise: Any) -> Any:
        """Return the first location: uniform over the image, as in the paper.

        Args:
            noise: float32 (n, 2), uniform in [−1, 1].
        """
        return noise

    @abstractmethod
    def next(self, t: int, state: Any, location: Any, noise: Any) -> tuple[Any, Any]:
        """Return the mean and the sample of location l_t, neither of them clipped.

        Args:
            t: number of the glimpse, 1 to T − 1.
            state: float32 (n, state_size), h_{t−1}.
            location: float32 (n, 2), l_{t−1}.
            noise: float32 (n, 2), see the class.
        """

    def log_probability(self, samples: Any, means: Any) -> Any:
        """Return log π of what :meth:`next` returned: (n, T − 1) from (n, T − 1, 2)."""
        raise NotImplementedError(f"{type(self).__name__} is not learned by REINFORCE")

    def sample_noise(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the noise of rollouts, the same on all backends.

        Args:
            number: of rollouts, n.
            rng: where the noise comes from.

        Returns:
            float32 (n, T, 2).
        """
        noise = rng.uniform(-1, 1, (number, self.glimpses, 2))
        if self.has_deviations:
            noise[:, 1:] = rng.standard_normal(noise[:, 1:].shape)
        return noise.astype(np.float32)

    def sample_noise_on_device(
        self, number: Any, seed_generator: keras.random.SeedGenerator
    ) -> Any:
        """Draw the noise of rollouts inside of a compiled function.

        Args:
            number: of rollouts, n; a number or an integer tensor.
            seed_generator: where the noise comes from.

        Returns:
            A tensor, float32 (n, T, 2); other values than :meth:`sample_noise` draws.
        """
        later = number, self.glimpses - 1, 2
        first = keras.random.uniform((number, 1, 2), -1, 1, seed=seed_generator)
        if self.has_deviations:
            rest = keras.random.normal(later, seed=seed_generator)
        else:
            rest = keras.random.uniform(later, -1, 1, seed=seed_generator)
        return ops.concatenate([first, rest], axis=1)

    def without_deviations(self, noise: np.ndarray) -> np.ndarray:
        """Return the noise with which rollouts follow the mean policy."""
        if not self.has_deviations:
            return noise
        return np.concatenate([noise[:, :1], np.zeros_like(noise[:, 1:])], axis=1)


class LearnedPolicy(LocationPolicy):
    """The paper's: l_t is drawn from N(tanh(W · h_{t−1}), std² I).

    With ``max_step``, one of the paper's ideas for future work, the mean is the last
    location plus ``max_step`` · tanh(W · h_{t−1}).
    """

    has_learned_policy = True
    has_deviations = True

    def next(self, t: int, state: Any, location: Any, noise: Any) -> tuple[Any, Any]:
        """Return mean and sample; the mean's gradient ends at ``location_network``."""
        mean = self.location_network(ops.stop_gradient(state))
        if self.max_step:
            mean = location + self.max_step * mean
        return mean, mean + self.std * noise

    def log_probability(self, samples: Any, means: Any) -> Any:
        """Return the log-density of the samples before they are clipped: (n, T − 1)."""
        return log_probability(samples, means, self.std)


class PredictedPolicy(LocationPolicy):
    """Glimpses where the keypoint is predicted to be after the glimpse before."""

    has_deviations = True

    def next(self, t: int, state: Any, location: Any, noise: Any) -> tuple[Any, Any]:
        """Return mean and sample; no gradient reaches the prediction."""
        mean = ops.stop_gradient(self.predict(state, location))
        return mean, mean + self.std * noise


class RandomPolicy(LocationPolicy):
    """Glimpses anywhere in the image, each drawn by itself."""

    def next(self, t: int, state: Any, location: Any, noise: Any) -> tuple[Any, Any]:
        """Return the noise."""
        return noise, noise


class CentrePolicy(LocationPolicy):
    """Glimpses in the middle of the image, all of them."""

    def first(self, noise: Any) -> Any:
        """Return zeros."""
        return ops.zeros_like(noise)

    def next(self, t: int, state: Any, location: Any, noise: Any) -> tuple[Any, Any]:
        """Return the last location, which is the first one."""
        return location, location


POLICIES: dict[str, type[LocationPolicy]] = {
    "learned": LearnedPolicy,
    "predicted": PredictedPolicy,
    "random": RandomPolicy,
    "centre": CentrePolicy,
}
"""The policies by the values of ``--location``."""
