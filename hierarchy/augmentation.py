"""Mirrored states: left and right swapped, without looking at an image again.

The features of a mirrored region are nearly those of the region, mirrored. What is
learnt of one then holds for both, and a test can take the mean of both.
"""

from dataclasses import dataclass

import numpy as np
from keras import ops

from common.device_arrays import Array
from common.errors import InputError
from hierarchy.actions import ActionSet
from hierarchy.encoder import StateEncoder
from hierarchy.features import FeatureExtractor
from hierarchy.replay import Transitions


@dataclass(frozen=True, eq=False)
class Mirror:
    """What becomes of states and actions in a mirrored image; twice is as before.

    Attributes:
        state: int (state_size,), where each number of a mirrored state comes from.
        actions: int (actions,), column of the action that each becomes.
    """

    state: np.ndarray
    actions: np.ndarray

    def states(self, states: Array) -> Array:
        """Return states (n, state_size) mirrored, where they are."""
        if isinstance(states, np.ndarray):
            return states[:, self.state]
        return ops.take(states, self.state, axis=1)


def mirror_of(
    extract: FeatureExtractor, encoder: StateEncoder, actions: ActionSet
) -> Mirror:
    """Return how states are mirrored.

    Args:
        extract: the detector's features.
        encoder: of states.
        actions: those the agent has.

    Raises:
        InputError: the features, or an action, do not say what they are in a mirrored
            image.
    """
    if extract.mirror is None:
        raise InputError(
            "flip_states is 1; expected features that say what they are in a mirrored"
            " image, which the detector's do not"
        )
    names = list(actions.names)
    for action in actions:
        if action.mirrored not in names:
            raise InputError(
                f"flip_states is 1; expected that action {action.name!r} says which"
                " other it is in a mirrored image"
            )
    columns = np.array([names.index(action.mirrored) for action in actions])
    for what, mirror in (("actions", columns), ("features", extract.mirror)):
        if not np.array_equal(mirror[mirror], np.arange(len(mirror))):
            raise InputError(
                f"flip_states is 1; expected {what} that are as before when mirrored"
                " twice"
            )
    slots = encoder.feature_size + len(names) * np.arange(encoder.history_length)
    history = (slots[:, None] + columns).ravel()
    return Mirror(np.concatenate([extract.mirror, history]).astype(np.int64), columns)


def mirror_half(
    batch: Transitions, mirror: Mirror, generator: np.random.Generator
) -> Transitions:
    """Mirror each transition of a batch with probability 1/2.

    Args:
        batch: n transitions.
        mirror: of the detector.
        generator: decides which.
    """
    chosen = generator.random(len(batch.actions)) < 0.5

    def mirrored(states: Array) -> Array:
        if not isinstance(states, np.ndarray):
            return ops.where(chosen[:, None], mirror.states(states), states)
        states[chosen] = mirror.states(states[chosen])
        return states

    known = batch.counterfactual_rewards
    return batch._replace(
        states=mirrored(batch.states),
        actions=np.where(
            chosen, mirror.actions[batch.actions - 1] + 1, batch.actions
        ).astype(np.int32),
        next_states=mirrored(batch.next_states),
        counterfactual_rewards=np.where(
            chosen[:, None], known[:, mirror.actions], known
        ),
    )
