"""Checkpoints of a detector: the Q-network, and all that its training goes on from.

In ``path_model``, with c = class − 1, ``model{c}_epoch_{i}.weights.h5`` is the
Q-network and ``model{c}_epoch_{i}.state.h5`` Adam, random states and replay memory;
:mod:`common.epochs` says in which order they are written and why.
"""

import json
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from common.epochs import EpochFiles
from hierarchy.q_network import QLearner, load_weights
from hierarchy.replay import ReplayMemory

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

    def save(
        self,
        epoch: int,
        learner: QLearner,
        replay: ReplayMemory,
        generators: dict[str, np.random.Generator],
        row: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        """Save a finished epoch; killed at any moment, the epoch is there or not.

        Args:
            epoch: its number.
            learner: network, Adam and the state of dropout.
            replay: the memory.
            generators: the run's random generators by name.
            row: of the log, by :data:`LOG_FIELDS`.
            settings: those that :meth:`restore` is to compare.
        """
        self.write(
            epoch,
            learner.network.save_weights,
            lambda file: _write_state(file, learner, replay, generators),
            row,
            settings,
        )

    def restore(
        self,
        epoch: int,
        learner: QLearner,
        replay: ReplayMemory,
        generators: dict[str, np.random.Generator],
        settings: dict[str, Any],
    ) -> bool:
        """Go back to the end of ``epoch``.

        Returns:
            Whether all of it could be restored; False if only the weights are kept.

        Raises:
            InputError: a file is damaged, or its settings are not those of this run.
        """
        self.check_settings(epoch, settings)
        load_weights(learner.network, self.weights(epoch))
        return self.read_state(
            epoch, lambda file: _read_state(file, learner, replay, generators)
        )


def _write_state(
    file: h5py.File,
    learner: QLearner,
    replay: ReplayMemory,
    generators: dict[str, np.random.Generator],
) -> None:
    for name, generator in generators.items():
        # Generators keep integers beyond 64 bits, which JSON holds and h5 does not.
        file.attrs[f"generator_{name}"] = json.dumps(generator.bit_generator.state)
    file["dropout_seeds"] = keras.ops.convert_to_numpy(learner.dropout_seeds.state)
    learner.optimizer.save_own_variables(file.create_group("optimizer"))
    for name, array in replay.to_arrays().items():
        file[f"replay/{name}"] = array


def _read_state(
    file: h5py.File,
    learner: QLearner,
    replay: ReplayMemory,
    generators: dict[str, np.random.Generator],
) -> None:
    for name, generator in generators.items():
        generator.bit_generator.state = json.loads(file.attrs[f"generator_{name}"])
    learner.dropout_seeds.state.assign(file["dropout_seeds"][...])
    learner.optimizer.load_own_variables(file["optimizer"])
    replay.restore({name: array[...] for name, array in file["replay"].items()})
