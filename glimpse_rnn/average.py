"""``python -m glimpse_rnn.average --last 40`` averages the weights of the last epochs.

Late in training weights wander around a place that is better than where any single
epoch ends. Their mean is nearer to it, costs nothing to train, and is a checkpoint like
others: ``python glimpse_rnn/test.py --model_name model_mean``. Source: Izmailov et al.,
*Averaging Weights Leads to Wider Optima and Better Generalization*, UAI 2018 (arXiv
1803.05407). Means and variances of batch normalisation are averaged with the rest.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from common.command_line import run
from common.devices import load_keras
from common.errors import InputError, file_error
from common.hdf5 import checksummed_write, open_hdf5
from glimpse_rnn.config import MODELS, STEM


@dataclass(frozen=True)
class Settings:
    """Average the weights of the last epochs into a checkpoint of their own."""

    path_model: Path = MODELS
    """Where training put the checkpoints."""
    last: int = 40
    """How many epochs, the newest among them."""
    name: str = f"{STEM}_mean"
    """Checkpoint to write."""


def mean_of(paths: Sequence[Path]) -> dict[str, np.ndarray]:
    """Return the mean of each array in weight files of one model.

    Args:
        paths: one or more ``.weights.h5`` files.

    Returns:
        float64 arrays by their name in the files.

    Raises:
        InputError: a file cannot be read, or is of another model than the first.
    """
    total: dict[str, np.ndarray] = {}
    for path in paths:
        arrays = _arrays_in(path)
        shapes = {name: array.shape for name, array in arrays.items()}
        if total and shapes != {name: array.shape for name, array in total.items()}:
            raise file_error(path, "is of another model", f"what {paths[0]} holds")
        for name, array in arrays.items():
            total[name] = total.get(name, 0) + array.astype(np.float64)
    return {name: array / len(paths) for name, array in total.items()}


def _arrays_in(path: Path) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}

    def note(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and np.issubdtype(item.dtype, np.floating):
            arrays[name] = item[...]

    with open_hdf5(path, "weights that training saved") as file:
        file.visititems(note)
    return arrays


def write_mean(paths: Sequence[Path], target: Path) -> None:
    """Write the mean of weight files, as a file that Keras reads like each of them.

    Raises:
        InputError: as in :func:`mean_of`.
    """
    means = mean_of(paths)
    with checksummed_write(target) as partial:
        shutil.copyfile(paths[-1], partial)
        with h5py.File(partial, "r+") as file:
            for name, mean in means.items():
                file[name][...] = mean.astype(file[name].dtype)


def main(settings: Settings) -> None:
    """Average, and say what was averaged.

    Raises:
        InputError: there are not as many epochs, or a file cannot be used.
    """
    with load_keras():
        from glimpse_rnn.checkpoint import Checkpoints
    checkpoints = Checkpoints(settings.path_model)
    epochs = checkpoints.epochs()
    target = settings.path_model / f"{settings.name}.weights.h5"
    if target in {checkpoints.latest, *map(checkpoints.weights, epochs)}:
        raise InputError(f"name is {settings.name}; expected another than training's")
    if not epochs:
        raise InputError(f"{settings.path_model}: there is no finished epoch")
    if not 1 <= settings.last <= len(epochs):
        raise InputError(
            f"last is {settings.last}; expected 1 to {len(epochs)}, the number of"
            f" finished epochs in {settings.path_model}"
        )
    chosen = epochs[-settings.last :]
    write_mean([checkpoints.weights(epoch) for epoch in chosen], target)
    print(f"mean of epochs {chosen[0]} to {chosen[-1]}: {target}")


if __name__ == "__main__":
    run(main, Settings)
