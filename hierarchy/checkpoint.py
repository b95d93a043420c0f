"""Checkpoints of a detector: the Q-network, and all that its training goes on from.

In ``path_model``, with c = class − 1, ``model{c}_epoch_{i}.weights.h5`` is the
Q-network and ``model{c}_epoch_{i}.state.h5`` Adam, random states and replay memory; a
class that is none of VOC's has its name there: ``model_raccoon_epoch_0.weights.h5``.
:mod:`common.epochs` says in which order they are written and why.
"""

from collections.abc import Sequence
from pathlib import Path

from common.epochs import EpochFiles
from datasets.classes import ClassObject, class_id, model_stem

LOG_FIELDS = (
    "epoch",
    "steps",
    "episodes",
    "mean_reward",
    "trigger_iou",
    "epsilon",
    "loss",
    "steps_per_second",
    "seconds",
    "class_object",
)
"""Columns that every version's log has."""

MORE_FIELDS = (
    "updates",
    "memory",
    "gradient_norm",
    "reward_deviation",
    "q_spread_states",
    "q_spread_actions",
    "feature_spread",
    "first_triggers",
)
"""Columns that came later, before those of the actions."""


def action_fields(kind: str, names: Sequence[str]) -> list[str]:
    """Return a column for each action.

    Args:
        kind: ``taken`` for all that was done, ``greedy`` for what the agent chose.
        names: of the actions.
    """
    return [f"{kind}_{name.replace(' ', '_')}" for name in names]


class Checkpoints(EpochFiles):
    """The checkpoints of one class in a folder.

    Args:
        folder: ``path_model``; made when the first epoch is saved.
        class_object: number or name of the class.
        keep_states: epochs whose full state is kept; 0 keeps all.
        action_names: of the actions that the log has columns for.
    """

    def __init__(
        self,
        folder: Path,
        class_object: ClassObject,
        keep_states: int = 3,
        action_names: Sequence[str] = (),
    ):
        self.class_object = class_id(class_object)
        super().__init__(
            folder,
            model_stem(class_object),
            LOG_FIELDS,
            keep_states,
            own_rows={"class_object": self.class_object},
            more_fields=[
                *MORE_FIELDS,
                *action_fields("taken", action_names),
                *action_fields("greedy", action_names),
            ],
        )
