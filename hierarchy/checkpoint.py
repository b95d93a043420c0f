"""Checkpoints: everything an epoch leaves behind, so that the next can follow exactly.

In ``path_model``, with c = class − 1 and i the epoch:

- ``model{c}_epoch_{i}.weights.h5``: the Q-network. Its appearance ends the epoch: it
  is written after the state and the log, so that an epoch whose weights are there is
  whole, and one killed before that moment is simply run again.
- ``model{c}_epoch_{i}.state.h5``: what else exact resume needs (Adam, random states,
  replay memory), of the last few epochs.
- ``model{c}.weights.h5``: a copy of the newest weights.
- ``log.csv``: a row per epoch.
"""

import csv
import io
import json
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from common.errors import InputError, file_error
from common.files import remove_partial_files, replacing, write_text
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


class Checkpoints:
    """The checkpoints of one class in a folder.

    Args:
        folder: ``path_model``; made when the first epoch is saved.
        class_object: the class, 1 … 20.
        keep_states: epochs whose full state is kept; 0 keeps all.
    """

    def __init__(self, folder: Path, class_object: int, keep_states: int = 3):
        self.folder = Path(folder)
        self.class_object = class_object
        self.keep_states = keep_states
        self.stem = f"model{class_object - 1}"

    @property
    def rolling(self) -> Path:
        """Path of the copy of the newest weights."""
        return self.folder / f"{self.stem}.weights.h5"

    @property
    def log(self) -> Path:
        """Path of the log."""
        return self.folder / "log.csv"

    def weights(self, epoch: int) -> Path:
        """Return the path of an epoch's weights."""
        return self.folder / f"{self.stem}_epoch_{epoch}.weights.h5"

    def state(self, epoch: int) -> Path:
        """Return the path of an epoch's training state."""
        return self.folder / f"{self.stem}_epoch_{epoch}.state.h5"

    def epochs(self) -> list[int]:
        """Return the epochs that are finished, in order."""
        return self._epochs_of("weights")

    def _epochs_of(self, kind: str) -> list[int]:
        pattern = re.compile(rf"{self.stem}_epoch_(\d+)\.{kind}\.h5")
        names = (path.name for path in self.folder.glob(f"{self.stem}_epoch_*"))
        return sorted(int(m[1]) for name in names if (m := pattern.fullmatch(name)))

    def check_start(self, epoch: int) -> None:
        """Make sure that training can start at ``epoch``.

        Raises:
            InputError: the epoch before it is not there; lists those that are.
        """
        epochs = self.epochs()
        if epoch == 0 or epoch - 1 in epochs:
            return
        there = ", ".join(map(str, epochs)) if epochs else "none"
        raise InputError(
            f"{self.weights(epoch - 1)}: there is no such file, so -n {epoch} has"
            f" nothing to go on from; epochs in {self.folder}: {there}"
        )

    def clear_from(self, epoch: int) -> Path | None:
        """Make way for a run that starts at ``epoch``.

        What an earlier run left of this and later epochs is moved to a folder of its
        own beside the rest, and its rows leave the log.

        Returns:
            The folder it was moved to, or None if there was nothing to move.
        """
        remove_partial_files(self.folder)
        replaced = [self.weights(e) for e in self.epochs() if e >= epoch]
        stale = [self.state(e) for e in self._epochs_of("state") if e >= epoch]
        if not replaced:
            # States without weights are of an epoch that was killed while it saved.
            for path in stale:
                path.unlink()
            self._drop_rows_from(epoch)
            return None
        aside = self.folder / datetime.now().strftime("replaced_%Y-%m-%d_%H-%M-%S")
        aside.mkdir()
        if self.log.is_file():
            shutil.copyfile(self.log, aside / self.log.name)
        # Latest first: killed half-way, what stays is still an unbroken row of epochs.
        for path in sorted(replaced + stale, key=_epoch_of, reverse=True):
            path.rename(aside / path.name)
        self._drop_rows_from(epoch)
        return aside

    def _drop_rows_from(self, epoch: int) -> None:
        rows = self.rows()
        kept = [
            row
            for row in rows
            if int(row["class_object"]) != self.class_object
            or int(row["epoch"]) < epoch
        ]
        if len(kept) < len(rows):
            self._write_rows(kept)

    def rows(self) -> list[dict[str, str]]:
        """Return the log's rows, of all classes; empty if there is no log."""
        if not self.log.is_file():
            return []
        with open(self.log, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if rows and set(rows[0]) != set(LOG_FIELDS):
            raise file_error(
                self.log, f"has columns {','.join(rows[0])}", ",".join(LOG_FIELDS)
            )
        return rows

    def _write_rows(self, rows: list[dict[str, Any]]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, LOG_FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.log, text.getvalue())

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
        with replacing(self.state(epoch)) as partial:
            _write_state(partial, learner, replay, generators, settings)
        self._write_rows([*self.rows(), row])
        with replacing(self.weights(epoch)) as partial:
            learner.network.save_weights(partial)
        with replacing(self.rolling) as partial:
            shutil.copyfile(self.weights(epoch), partial)
        if self.keep_states:
            for old in self._epochs_of("state")[: -self.keep_states]:
                self.state(old).unlink()

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
        load_weights(learner.network, self.weights(epoch))
        path = self.state(epoch)
        if not path.is_file():
            return False
        try:
            with h5py.File(path) as file:
                _compare(path, json.loads(file.attrs["settings"]), settings)
                _read_state(file, learner, replay, generators)
        except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
            raise file_error(
                path,
                "is cut short or no training state",
                "what training saved; without the file training goes on from the"
                " weights alone",
            ) from error
        return True


def _epoch_of(path: Path) -> int:
    return int(path.name.partition("_epoch_")[2].partition(".")[0])


def _compare(path: Path, saved: dict[str, Any], current: dict[str, Any]) -> None:
    for name, value in current.items():
        if saved.get(name) != value:
            raise InputError(
                f"{path}: {name} was {saved.get(name)}, now it is {value}; expected"
                " the same settings in all runs of one model"
            )


def _write_state(
    path: Path,
    learner: QLearner,
    replay: ReplayMemory,
    generators: dict[str, np.random.Generator],
    settings: dict[str, Any],
) -> None:
    with h5py.File(path, "w") as file:
        file.attrs["settings"] = json.dumps(settings)
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
