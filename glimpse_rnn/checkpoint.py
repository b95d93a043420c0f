"""Checkpoints of the glimpse regressor: the network, and where training goes on.

In ``path_model``, ``model_epoch_{i}.weights.h5`` is the network,
``model_epoch_{i}.state.h5`` Adam and random states, and ``model_best.weights.h5`` a
copy of the epoch that is best on the validation part; :mod:`common.epochs` says in
which order they are written and why.
"""

import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from common.epochs import EpochFiles
from common.errors import file_error
from common.files import atomic_write, sha256_of
from common.hdf5 import check_hdf5
from glimpse_rnn.config import STEM
from glimpse_rnn.metrics import THRESHOLDS
from glimpse_rnn.model import EDGE_SHARE, GlimpseRegressor

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
"""Columns that every version's log has."""

MORE_FIELDS = (EDGE_SHARE, "gradient_norm")
"""Columns that came later."""


class Checkpoints(EpochFiles):
    """The checkpoints of one model.

    Args:
        folder: ``path_model``; made when the first epoch is saved.
        keep_states: epochs whose full state is kept; 0 keeps all.
    """

    def __init__(self, folder: Path, keep_states: int = 3):
        super().__init__(folder, STEM, LOG_FIELDS, keep_states, more_fields=MORE_FIELDS)

    @property
    def best(self) -> Path:
        """Path of the copy of the best epoch's weights."""
        return self.folder / f"{STEM}_best.weights.h5"

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
            with atomic_write(self.best) as partial:
                shutil.copyfile(self.weights(epoch), partial)
        return epoch


def _differ(one: Path, other: Path) -> bool:
    return sha256_of(one) != sha256_of(other)


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
    check_hdf5(path, _EXPECTED)
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


_EXPECTED = "what training saved with the settings in config.json"


class Learner:
    """A regressor and its optimizer, as checkpoints keep them.

    Args:
        model: compiled, its optimizer built.
    """

    def __init__(self, model: GlimpseRegressor):
        self._model = model

    def save_network(self, path: Path) -> None:
        """Write the network alone."""
        save_weights(self._model, path)

    def load_network(self, path: Path) -> None:
        """Read the network alone.

        Raises:
            InputError: the file is damaged, or of a model with other settings.
        """
        load_weights(self._model, path)

    def get_state(self) -> dict[str, dict[str, np.ndarray]]:
        """Return the arrays of ``optimizer`` and of ``seeds``, by their numbers."""
        return {
            group: {
                str(number): keras.ops.convert_to_numpy(variable.value)
                for number, variable in enumerate(variables)
            }
            for group, variables in self._variables().items()
        }

    def set_state(self, state: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Go on from a state.

        Args:
            state: what :meth:`get_state` returned, of a model with the same settings.

        Raises:
            KeyError: an array is missing.
            ValueError: an array has another shape, or there is one too many.
        """
        for group, variables in self._variables().items():
            saved = state.get(group, {})
            if len(saved) != len(variables):
                raise ValueError(f"{group}: {len(saved)} arrays for {len(variables)}")
            for number, variable in enumerate(variables):
                variable.assign(saved[str(number)])

    def _variables(self) -> dict[str, list[keras.Variable]]:
        # The states of random generators are no weights, but variables.
        model = self._model
        weights = {id(variable) for variable in model.weights}
        others = [v for v in model.non_trainable_variables if id(v) not in weights]
        return {"optimizer": model.optimizer.state_variables, "seeds": others}
