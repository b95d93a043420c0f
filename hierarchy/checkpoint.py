"""Checkpoints of a detector: the Q-network, and all that its training goes on from.

In ``path_model``, with c = class − 1, ``model{c}_epoch_{i}.weights.h5`` is the
Q-network and ``model{c}_epoch_{i}.state.h5`` Adam, random states and replay memory;
:mod:`common.epochs` says in which order they are written and why.
"""

from pathlib import Path

from common.epochs import EpochFiles

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


class Checkpoints(EpochFiles):
    """The checkpoints of one class in a folder.

    Args:
        folder: ``path_model``; made when the first epoch is saved.
        class_object: the class, 1 … 20.
        keep_states: epochs whose full state is kept; 0 keeps all.
    """

    def __init__(self, folder: Path, class_object: int, keep_states: int = 3):
        super().__init__(
            folder,
            f"model{class_object - 1}",
            LOG_FIELDS,
            keep_states,
            own_rows={"class_object": class_object},
        )
        self.class_object = class_object
