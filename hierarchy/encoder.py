"""The state: what the Q-network sees of where a search stands.

Source: paper, section 3.2: the descriptor of the region, then the history.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from common.device_arrays import Array, array_namespace
from hierarchy.features import FeatureExtractor
from hierarchy.history import HISTORY_LENGTH
from hierarchy.images import SearchImage
from hierarchy.regions import Region
from hierarchy.search import Search


@dataclass(frozen=True)
class StateEncoder:
    """Features and history as one vector.

    Attributes:
        feature_size: numbers in the features of a region.
        history_length: actions that the history holds.
        num_actions: actions there are.
    """

    feature_size: int
    history_length: int = HISTORY_LENGTH
    num_actions: int = 6

    @property
    def state_size(self) -> int:
        """Numbers in a state; the features come first."""
        return self.feature_size + self.history_length * self.num_actions

    def encode(self, features: Array, histories: np.ndarray) -> Array:
        """Return float32 (n, state_size), where the features are.

        Args:
            features: float32 (n, feature_size).
            histories: (n, history_length · num_actions).

        Raises:
            ValueError: the shapes are others.
        """
        parts = [features, histories.astype(np.float32)]
        states = array_namespace(features).concatenate(parts, axis=1)
        if tuple(states.shape) != (len(histories), self.state_size):
            raise ValueError(
                f"features {tuple(features.shape)} and histories {histories.shape}:"
                f" expected {self.feature_size} and {self.state_size} in all"
            )
        return states


def get_states(
    searches: Sequence[Search], extract: FeatureExtractor, encoder: StateEncoder
) -> list[Array]:
    """Return what the Q-network sees of where searches stand.

    Args:
        searches: n of them, of any images; their regions are looked at together.
        extract: the detector's features.
        encoder: of states.

    Returns:
        n arrays, float32 (state_size,), where the features are.
    """
    if not searches:
        return []
    features = extract(
        [search.image for search in searches], [search.region for search in searches]
    )
    histories = np.stack([search.state.history for search in searches])
    return list(encoder.encode(features, histories))


def get_state(
    image: SearchImage,
    region: Region,
    history_vector: np.ndarray,
    extract: FeatureExtractor,
) -> Array:
    """Return what the Q-network sees of one region: float32 (state_size,).

    Args:
        image: the image searched.
        region: where the search looks.
        history_vector: as :func:`hierarchy.history.update_history_vector` makes it.
        extract: the detector's features.
    """
    encoder = StateEncoder(extract.size, 1, len(history_vector))
    return encoder.encode(extract([image], [region]), history_vector[None])[0]
