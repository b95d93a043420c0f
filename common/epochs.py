"""Checkpoints: everything an epoch leaves behind, so that the next can follow exactly.

In a model's folder, with its stem and i the epoch:

- ``{stem}_epoch_{i}.weights.h5``: the network, and the settings that all runs of one
  model share. Its appearance ends the epoch: it is written after everything else, so
  that an epoch whose weights are there is whole, and one killed before that moment is
  simply run again.
- ``{stem}_epoch_{i}.state.h5``: what else exact resume needs, of the last few epochs.
- ``{stem}.weights.h5``: the newest weights.
- ``log.csv``: a row per epoch.

What is in the weights and the state is up to those who train.
"""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import h5py

from common.errors import InputError, file_error
from common.files import atomic_write, remove_partial_files, write_text
from common.hdf5 import checksummed_write, open_hdf5
from common.progress import console

CONFIG = "config.json"
"""What a run's folder says its models were trained with; see :mod:`common.run`."""


class Stateful(Protocol):
    """Something that goes on from where it stood."""

    def get_state(self) -> Mapping[str, Any]:
        """Return its state: by name arrays, texts, or further such mappings."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, given as :meth:`get_state` returned it."""


class Learner(Stateful, Protocol):
    """What learns: a network in a file of its own, and a state beside it."""

    def save_network(self, path: Path) -> None:
        """Write the network alone."""

    def load_network(self, path: Path) -> None:
        """Read the network alone."""


class EpochFiles:
    """The epochs of one model in a folder.

    Args:
        folder: made when the first epoch is written.
        stem: start of the names of the model's files.
        log_fields: columns that every log of such models has; ``epoch`` is one of them.
        keep_states: epochs whose full state is kept; 0 keeps all.
        own_rows: columns and values by which the model's rows are known, where several
            models share a folder and its log.
        more_fields: further columns. A log of an earlier version lacks them, and one
            that several models share may have others besides: what a row has no value
            for stays empty in it.
    """

    def __init__(
        self,
        folder: Path,
        stem: str,
        log_fields: Sequence[str],
        keep_states: int = 3,
        own_rows: Mapping[str, Any] | None = None,
        more_fields: Sequence[str] = (),
    ):
        self.folder = Path(folder)
        self.stem = stem
        self.log_fields = tuple(log_fields)
        self.more_fields = tuple(more_fields)
        self.keep_states = keep_states
        self._own_rows = {name: str(value) for name, value in (own_rows or {}).items()}

    @property
    def latest(self) -> Path:
        """Path of the newest weights."""
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
        pattern = re.compile(rf"{re.escape(self.stem)}_epoch_(\d+)\.{kind}\.h5")
        names = (path.name for path in self.folder.glob("*_epoch_*"))
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
        archive = self.folder / datetime.now().strftime("replaced_%Y-%m-%d_%H-%M-%S")
        archive.mkdir()
        for path in (self.log, self.folder / CONFIG):
            if path.is_file():
                shutil.copyfile(path, archive / path.name)
        # Latest first: killed half-way, what stays is still an unbroken row of epochs.
        for path in sorted(replaced + stale, key=_epoch_of, reverse=True):
            path.rename(archive / path.name)
        self._drop_rows_from(epoch)
        return archive

    def _drop_rows_from(self, epoch: int) -> None:
        rows = self.rows()
        kept = [
            row for row in rows if not self._is_own(row) or int(row["epoch"]) < epoch
        ]
        if len(kept) < len(rows):
            self._write_rows(kept)

    def _is_own(self, row: Mapping[str, str]) -> bool:
        return all(row[name] == value for name, value in self._own_rows.items())

    def rows(self) -> list[dict[str, str]]:
        """Return the log's rows, of all models; empty if there is no log.

        Raises:
            InputError: the file is not the log of such models; names the line.
        """
        if not self.log.is_file():
            return []
        try:
            with open(self.log, newline="", encoding="utf-8") as file:
                header, *rows = [row for row in csv.reader(file) if row] or [[]]
        except (csv.Error, UnicodeDecodeError) as error:
            raise file_error(self.log, f"is no CSV text: {error}") from None
        expected = ",".join(self.log_fields)
        if not set(self.log_fields) <= set(header) or len(set(header)) < len(header):
            raise file_error(self.log, f"has columns {','.join(header)}", expected)
        for line, row in enumerate(rows, start=2):
            if len(row) != len(header) or not row[header.index("epoch")].isdecimal():
                raise file_error(self.log, f"line {line} is no epoch's row", expected)
        return [dict(zip(header, row, strict=True)) for row in rows]

    def model_rows(self) -> list[dict[str, str]]:
        """Return the rows of this model alone; errors are those of :meth:`rows`."""
        return [row for row in self.rows() if self._is_own(row)]

    def new_fields(self) -> list[str]:
        """Return the columns that the log's rows so far are without."""
        rows = self.rows()
        return [name for name in self.more_fields if rows and name not in rows[0]]

    def _write_rows(self, rows: list[dict[str, Any]]) -> None:
        text = io.StringIO()
        names = [*self.log_fields, *self.more_fields, *(n for row in rows for n in row)]
        fields = list(dict.fromkeys(names))
        writer = csv.DictWriter(text, fields, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.log, text.getvalue())

    def save(
        self,
        epoch: int,
        learner: Learner,
        others: Mapping[str, Stateful],
        row: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        """Save a finished epoch; killed at any moment, the epoch is there or not.

        Args:
            epoch: its number.
            learner: what learnt.
            others: what else has a state, by name.
            row: of the log, by columns.
            settings: those that :meth:`restore` is to compare.
        """
        parts = {"learner": learner, **others}
        state = {name: part.get_state() for name, part in parts.items()}
        self.write(
            epoch, learner.save_network, lambda f: write_state(f, state), row, settings
        )

    def restore(
        self,
        epoch: int,
        learner: Learner,
        others: Mapping[str, Stateful],
        settings: dict[str, Any],
    ) -> bool:
        """Go back to the end of ``epoch``.

        Returns:
            Whether all of it could be restored; False if only the weights are kept.

        Raises:
            InputError: a file is damaged, or its settings are not those of this run.
        """
        self.check_settings(epoch, settings)
        learner.load_network(self.weights(epoch))

        def read(file: h5py.File) -> None:
            state = read_state(file)
            for name, part in {"learner": learner, **others}.items():
                part.set_state(state[name])

        return self.read_state(epoch, read)

    def write(
        self,
        epoch: int,
        write_weights: Callable[[Path], None],
        write_state: Callable[[h5py.File], None],
        row: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        """Write a finished epoch; killed at any moment, the epoch is there or not.

        Args:
            epoch: its number.
            write_weights: writes the network to a path.
            write_state: writes what else there is into an open h5 file.
            row: of the log, by columns.
            settings: those that :meth:`check_settings` is to compare.
        """
        with checksummed_write(self.state(epoch)) as partial:
            with h5py.File(partial, "w") as file:
                write_state(file)
        self._write_rows([*self.rows(), row])
        with checksummed_write(self.latest) as partial:
            write_weights(partial)
            write_settings(partial, settings)
        with atomic_write(self.weights(epoch)) as partial:
            shutil.copyfile(self.latest, partial)
        if self.keep_states:
            for old in self._epochs_of("state")[: -self.keep_states]:
                self.state(old).unlink()

    def check_settings(self, epoch: int, settings: dict[str, Any]) -> None:
        """Make sure that a run goes on with the settings that ``epoch`` was made with.

        Weights that another program made say nothing of theirs, which is said.

        Args:
            epoch: a finished one.
            settings: of this run.

        Raises:
            InputError: one differs, or the file is damaged.
        """
        path = self.weights(epoch)
        saved = read_settings(path)
        if saved is None:
            console.print(f"{path} does not say what it was trained with")
        else:
            compare_settings(path, saved, settings)

    def read_state(self, epoch: int, read: Callable[[h5py.File], None]) -> bool:
        """Read what ``write_state`` wrote at the end of ``epoch``.

        Args:
            epoch: its number.
            read: takes what it needs from the open h5 file.

        Returns:
            Whether there is a state; False if only the weights are kept.

        Raises:
            InputError: the file is damaged.
        """
        path = self.state(epoch)
        if not path.is_file():
            return False
        way_on = "or no such file: training then goes on from the weights alone"
        with open_hdf5(path, f"what training saved, {way_on}", way_on) as file:
            try:
                read(file)
            except (KeyError, ValueError, TypeError) as error:
                reason = f"is no state of such a training ({error})"
                raise file_error(path, reason, f"one, {way_on}") from error
        return True


def _epoch_of(path: Path) -> int:
    return int(path.name.partition("_epoch_")[2].partition(".")[0])


_SETTINGS = "settings"


def write_settings(path: Path, settings: dict[str, Any]) -> None:
    """Write into a weight file which settings it was made with.

    Args:
        path: an h5 file that is there.
        settings: ready for JSON.
    """
    with h5py.File(path, "r+") as file:
        file.attrs[_SETTINGS] = json.dumps(settings)


def read_settings(path: Path) -> dict[str, Any] | None:
    """Return the settings that a weight file was made with.

    Args:
        path: the file.

    Returns:
        None where it says nothing of them, as files of other programs do.

    Raises:
        InputError: it cannot be read.
    """
    with open_hdf5(path, "weights that training saved") as file:
        text = file.attrs.get(_SETTINGS)
        return None if text is None else dict(json.loads(text))


def compare_settings(
    path: Path,
    saved: Mapping[str, Any],
    current: Mapping[str, Any],
    may_differ: Collection[str] = (),
) -> None:
    """Make sure that a model is used with the settings that it was trained with.

    Args:
        path: the file that says what it was trained with.
        saved: the settings in it.
        current: those of this run.
        may_differ: names of settings that are said, not refused, where they differ, or
            passed over where the file says nothing of them.

    Raises:
        InputError: names the file, and the first setting that differs.
    """
    for name, value in current.items():
        before = saved.get(name)
        if before == value or (name in may_differ and name not in saved):
            continue
        words = (
            f"{name} was {format_value(before)} in training, now it is"
            f" {format_value(value)}"
        )
        if name not in may_differ:
            raise InputError(
                f"{path}: {words}; expected what the model was trained with"
            )
        console.print(words)


def format_value(value: Any) -> str:
    """Return a setting's value as a line to read has it."""
    if isinstance(value, dict):
        return " ".join(map(str, value.values()))
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value)


def write_state(group: h5py.Group, state: Mapping[str, Any]) -> None:
    """Write a state into a group of an open h5 file; texts become its attributes."""
    for name, value in state.items():
        if isinstance(value, Mapping):
            write_state(group.create_group(name), value)
        elif isinstance(value, str):
            group.attrs[name] = value
        else:
            group[name] = value


def read_state(group: h5py.Group) -> dict[str, Any]:
    """Return the state that :func:`write_state` wrote."""
    state: dict[str, Any] = dict(group.attrs)
    for name, item in group.items():
        state[name] = read_state(item) if isinstance(item, h5py.Group) else item[...]
    return state
