"""Checkpoints of the glimpse regressor: weights, Adam, random states and the settings.

In ``path_model``, ``model_epoch_{i}.weights.h5`` is the network and
``model_epoch_{i}.state.h5`` what exact resume needs besides; ``model.json`` are the
settings that the network is built by, ``model_best.weights.h5`` is a copy of the epoch
that is best on the validation part. :mod:`common.epochs` says in which order they are
written and why.
"""

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from common.epochs import EpochFiles, compare_settings
from common.errors import InputError, file_error
from common.files import replacing, sha256_of, write_json
from glimpse_rnn.metrics import THRESHOLDS

STEM = "model"

RATE_FIELDS = tuple(f"validation_rate_{threshold:.2f}" for threshold in THRESHOLDS)
"""Columns of the detection rates on the validation part, in %."""

LOG_FIELDS = (
    "epoch",
    "loss",
    "regression_loss",
    "policy_loss",
    "baseline_loss",
    "reward",
    "delta",
    *RATE_FIELDS,
    "validation_delta",
    "learning_rate",
    "images_per_second",
    "seconds",
)


class Checkpoints(EpochFiles):
    """The checkpoints of one model.

    Args:
        folder: ``path_model``; made when the first epoch is saved.
        keep_states: epochs whose full state is kept; 0 keeps all.
    """

    def __init__(self, folder: Path, keep_states: int = 3):
        super().__init__(folder, STEM, LOG_FIELDS, keep_states)

    @property
    def best(self) -> Path:
        """Path of the copy of the best epoch's weights."""
        return self.folder / f"{STEM}_best.weights.h5"

    @property
    def settings_file(self) -> Path:
        """Path of the settings that the model is built by."""
        return self.folder / f"{STEM}.json"

    def save(
        self,
        epoch: int,
        model: keras.Model,
        row: dict[str, Any],
        settings: dict[str, Any],
    ) -> None:
        """Save a finished epoch; killed at any moment, the epoch is there or not.

        Args:
            epoch: its number.
            model: compiled; its Adam and random states belong to the epoch.
            row: of the log, by :data:`LOG_FIELDS`.
            settings: those that :meth:`restore` is to compare.
        """
        self.write(
            epoch,
            lambda path: save_weights(model, path),
            lambda file: _write_state(file, get_state(model)),
            row,
            settings,
        )

    def restore(self, epoch: int, model: keras.Model, settings: dict[str, Any]) -> bool:
        """Go back to the end of ``epoch``.

        Returns:
            Whether all of it could be restored; False if only the weights are kept.

        Raises:
            InputError: a file is damaged, or its settings are not those of this run.
        """
        if self.settings_file.is_file():
            saved = read_settings(self.folder)
            # Before the weights: shapes that do not fit say less than the setting.
            compare_settings(
                self.settings_file,
                {"trunk": saved.get("trunk"), **saved["training"], **saved["model"]},
                settings,
            )
        self.check_settings(epoch, settings)
        load_weights(model, self.weights(epoch))
        return self.read_state(epoch, lambda file: set_state(model, _read_state(file)))

    def write_settings(self, settings: dict[str, Any]) -> None:
        """Write the settings that the model is built by beside its weights."""
        write_json(self.settings_file, settings)

    def best_epoch(self) -> int | None:
        """Return the finished epoch with the largest mean of its validation rates."""
        finished = set(self.epochs())
        scores = {
            int(row["epoch"]): sum(float(row[name]) for name in RATE_FIELDS)
            for row in self.rows()
            if int(row["epoch"]) in finished and row[RATE_FIELDS[0]] != ""
        }
        # Of equals the first: the later one had no more to show for its time.
        return max(sorted(scores), key=lambda epoch: scores[epoch], default=None)

    def copy_best(self) -> int | None:
        """Make ``model_best.weights.h5`` the best finished epoch, and return which."""
        epoch = self.best_epoch()
        if epoch is None:
            self.best.unlink(missing_ok=True)
        elif not self.best.is_file() or _differ(self.best, self.weights(epoch)):
            with replacing(self.best) as partial:
                shutil.copyfile(self.weights(epoch), partial)
        return epoch


def _differ(one: Path, other: Path) -> bool:
    return sha256_of(one) != sha256_of(other)


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the settings that a folder's model is built by.

    Raises:
        InputError: there are none, or the file is damaged.
    """
    path = Checkpoints(folder).settings_file
    if not path.is_file():
        raise file_error(
            path,
            "there is no such file",
            "the settings of a trained model (python glimpse_rnn/train.py -n 0)",
        )
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise file_error(path, "is damaged", "what training wrote") from error
    parts = settings if isinstance(settings, dict) else {}
    if not all(isinstance(parts.get(name), dict) for name in ("model", "training")):
        raise file_error(path, "is damaged", "what training wrote")
    return settings


def weights_file(folder: Path, name: str = "") -> Path:
    """Return the weights of a checkpoint, those of the newest epoch if left out.

    Raises:
        InputError: it is not there; lists the epochs that are.
    """
    checkpoints = Checkpoints(folder)
    epochs = checkpoints.epochs()
    path = folder / f"{(name or STEM).removesuffix('.weights.h5')}.weights.h5"
    if not name and epochs:
        # The copy is one behind where training was killed just before making it.
        path = checkpoints.weights(epochs[-1])
    if path.is_file():
        return path
    there = ", ".join(map(str, epochs)) if epochs else "none"
    raise InputError(
        f"{path}: there is no such file; expected a trained model (python"
        f" glimpse_rnn/train.py -n 0); epochs in {folder}: {there}"
    )


def save_weights(model: keras.Model, path: Path) -> None:
    """Write the network alone, as ``keras.Model.load_weights`` reads it.

    Args:
        model: a regressor, or a network that is not compiled.
        path: where to.
    """
    getattr(model, "networks", model).save_weights(path)


def load_weights(model: keras.Model, path: Path) -> None:
    """Read the network alone.

    Args:
        model: as for :func:`save_weights`.
        path: where from.

    Raises:
        InputError: the file is damaged, or of a model with other settings.
    """
    try:
        with warnings.catch_warnings():
            # Keras only warns where a file lacks what the model has.
            warnings.simplefilter("error")
            getattr(model, "networks", model).load_weights(path)
    except (OSError, KeyError) as error:
        raise file_error(path, "is cut short or no weights", _EXPECTED) from error
    except (ValueError, RuntimeError, TypeError, UserWarning) as error:
        raise file_error(
            path, "its layers are not those of the model", _EXPECTED
        ) from error


_EXPECTED = "what training saved with the settings in model.json"


def _write_state(file: h5py.File, state: Mapping[str, np.ndarray]) -> None:
    for name, array in state.items():
        file[name] = array


def _read_state(file: h5py.File) -> dict[str, np.ndarray]:
    return {
        f"{group}/{name}": dataset[...]
        for group in file
        for name, dataset in file[group].items()
    }


def _seeds(model: keras.Model) -> list[keras.Variable]:
    """Return the states of the model's random generators, in a fixed order."""
    weights = {id(variable) for variable in model.weights}
    return [v for v in model.non_trainable_variables if id(v) not in weights]


def get_state(model: keras.Model) -> dict[str, np.ndarray]:
    """Return what exact resume needs beside the weights: Adam and random states.

    Args:
        model: compiled.

    Returns:
        Arrays by their name: ``optimizer/{i}`` and ``seeds/{i}``.
    """
    groups = {"optimizer": model.optimizer.variables, "seeds": _seeds(model)}
    return {
        f"{group}/{number}": keras.ops.convert_to_numpy(variable.value)
        for group, variables in groups.items()
        for number, variable in enumerate(variables)
    }


def set_state(model: keras.Model, state: Mapping[str, np.ndarray]) -> None:
    """Go back to what :func:`get_state` returned.

    Args:
        model: compiled, its optimizer built.
        state: of a model with the same settings.

    Raises:
        KeyError: an array is missing.
        ValueError: an array has another shape, or there is one too many.
    """
    groups = {"optimizer": model.optimizer.variables, "seeds": _seeds(model)}
    if len(state) != sum(map(len, groups.values())):
        raise ValueError(f"{len(state)} arrays of state; the model has others")
    for group, variables in groups.items():
        for number, variable in enumerate(variables):
            variable.assign(state[f"{group}/{number}"])
