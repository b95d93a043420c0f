"""The detectors' paper again, on PASCAL VOC: ``make paper``.

    python -m studies.paper                    # fetches, trains, tests and draws
    python -m studies.paper --only_forecast    # says how long that takes, and stops

Both detectors are trained on VOC 2007 and 2012 as published (50 epochs, Adam at 1e-6)
and with the preset ``fast``, tested on VOC 2007 test, and Figs. 5 to 8 are drawn with
the paper's curves behind ours. It may be stopped at any moment: started again it goes
on with the first epoch or test that is not there. Figures are drawn anew each time.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from common import command_line
from common.devices import load_keras
from common.errors import InputError, file_error
from common.files import REPOSITORY, check_folder, sha256_of, write_json
from common.progress import console, duration
from common.settings import expect
from datasets.fetch import SETS, fetch
from figures.runs import read_results
from hierarchy.config import TrainSettings
from studies.detectors import TRAIN_SETTINGS, Name, make_features

Preset = Literal["paper", "fast"]

PAPER_EPOCHS = (35, 45, 50)
"""Epochs of the paper's Fig. 7, counted from 1."""

EPOCH_BYTES = 107_000_000
"""Bytes that an epoch's weights take."""


@dataclass(frozen=True)
class Settings:
    """Train, test and draw what the detectors' paper shows, on PASCAL VOC."""

    folder: Path = REPOSITORY / "runs" / "paper"
    """Where models, results and figures go."""
    data: Path = REPOSITORY
    """Folder of VOC2007 and VOC2012, which are fetched where they are not there."""
    mirror: str | None = None
    """An address below which the archives lie, instead of the official one."""
    detectors: tuple[Name, ...] = ("image_zooms", "pool45_crops")
    """Which detectors."""
    presets: tuple[Preset, ...] = ("paper", "fast")
    """Which settings to train with."""
    epochs: int = 50
    """Epochs of the paper's training."""
    fast_epochs: int = 3
    """Epochs of the fast training."""
    max_images: int = 0
    """Trains on so many images of each set at most; 0 takes all."""
    forecast_seconds: float = 15.0
    """How long each of the four trainings is measured before it starts; 0 leaves the
    forecast out."""
    only_forecast: bool = False
    """Stop after the forecast."""

    def check(self) -> None:
        """Refuse values that no study can have."""
        expect(self, "epochs", "at least 1", lambda x: x >= 1)
        expect(self, "fast_epochs", "at least 1", lambda x: x >= 1)
        expect(self, "max_images", "at least 0", lambda x: x >= 0)
        expect(self, "forecast_seconds", "at least 0", lambda x: x >= 0)
        expect(self, "detectors", "at least one", bool)
        expect(self, "presets", "at least one", bool)


@dataclass(frozen=True)
class Training:
    """One of the trainings.

    Attributes:
        detector: which.
        preset: its settings.
        epochs: how many.
        study: the settings of all.
    """

    detector: Name
    preset: Preset
    epochs: int
    study: Settings

    @property
    def name(self) -> str:
        """What it is called in the folder of the study."""
        return f"{self.detector}_{self.preset}"

    @property
    def models(self) -> Path:
        """Where its checkpoints are."""
        return self.study.folder / self.name / "models"

    @property
    def flags(self) -> list[str]:
        """What its training is started with, besides the epochs."""
        study = self.study
        flags = ["--preset", self.preset, "--two_databases", "1"]
        flags += ["--path_voc", str(study.data / "VOC2012")]
        flags += ["--path_voc2", str(study.data / "VOC2007")]
        flags += ["--path_model", str(self.models), "--keep_states", "1"]
        flags += ["--max_images", str(study.max_images)]
        if self.preset == "fast":
            flags += ["--decay_epochs", str(self.epochs)]
        return flags

    @property
    def epochs_done(self) -> int:
        """Epochs that are finished, without a gap."""
        from hierarchy.checkpoint import Checkpoints

        finished = set(Checkpoints(self.models, 1).epochs())
        return next(epoch for epoch in range(10**9) if epoch not in finished)

    @property
    def tests(self) -> dict[str, Path]:
        """Checkpoints to test, and where to; Fig. 7 wants several of one training."""
        epochs = {self.epochs}
        if (self.detector, self.preset) == ("image_zooms", "paper"):
            epochs |= {epoch for epoch in PAPER_EPOCHS if epoch < self.epochs}
        return {
            f"model0_epoch_{epoch - 1}": self.study.folder
            / self.name
            / f"epoch_{epoch}"
            for epoch in sorted(epochs)
        }


def main(settings: Settings) -> None:
    """Go through the study from the first step that is not done.

    Raises:
        InputError: a data set or weights cannot be had, or a program failed.
    """
    settings.check()
    check_folder(settings.folder, "folder")
    compare_with_before(settings)
    get_data(settings)
    with load_keras():
        from hierarchy import checkpoint  # noqa: F401  Keras is loaded with it
    trainings = list(trainings_of(settings))
    if settings.forecast_seconds:
        tell_forecast(settings, trainings)
    if settings.only_forecast:
        return
    for training in trainings:
        train(training)
        for model, folder in training.tests.items():
            test(training, model, folder)
    draw(settings, trainings)
    console.print(f"figures: {settings.folder / 'figures'}")


def compare_with_before(settings: Settings) -> None:
    """Make sure that a folder's trainings are all of one study; they are gone on with.

    Raises:
        InputError: the folder was begun with other settings; names one.
    """
    path = settings.folder / "study.json"
    now = {
        "data": str(settings.data.resolve()),
        "max_images": settings.max_images,
        "fast_epochs": settings.fast_epochs,
    }
    if path.is_file():
        try:
            before = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise file_error(path, "is damaged", "what this study wrote") from error
        for name, value in now.items():
            if before.get(name) != value:
                raise file_error(
                    path,
                    f"{name} was {before.get(name)}, now it is {value}",
                    "the same in all runs of one study, or another --folder",
                )
    write_json(path, now)


def trainings_of(settings: Settings) -> Iterator[Training]:
    """Yield the trainings: the short ones first, so that there is soon a result."""
    epochs = {"paper": settings.epochs, "fast": settings.fast_epochs}
    presets = sorted(settings.presets, key=epochs.__getitem__)
    for preset, detector in product(presets, settings.detectors):
        yield Training(detector, preset, epochs[preset], settings)


def get_data(settings: Settings) -> None:
    """Fetch what is not there: the two data sets, and VGG-16."""
    from weights import DEFAULT_PATH
    from weights.fetch import ensure_trunk

    for name in ("voc2007", "voc2012"):
        if not (settings.data / SETS[name].folder).is_dir():
            fetch(name, settings.data, settings.mirror, say=console.print)
    ensure_trunk(DEFAULT_PATH)


def tell_forecast(settings: Settings, trainings: list[Training]) -> None:
    """Say how long each training will take on this machine, and how much disk."""
    with load_keras():
        from hierarchy.data import training_set
        from studies.forecast import measure
    left = [
        training for training in trainings if training.epochs_done < training.epochs
    ]
    total = 0.0
    for training in left:
        run = _train_settings(training)
        images = training_set(run)
        forecast = measure(run, make_features(run), images, settings.forecast_seconds)
        epochs = training.epochs - training.epochs_done
        seconds = forecast.seconds(len(images), epochs)
        total += seconds
        console.print(
            f"{training.name}: {epochs} epochs of {len(images)} images,"
            f" {forecast.seconds_per_step:.2f} s a step, at most {duration(seconds)}"
        )
    size = sum((one.epochs - one.epochs_done) * EPOCH_BYTES for one in left)
    free = shutil.disk_usage(settings.folder).free
    console.print(
        f"trainings in all at most {duration(total)} on this machine, and"
        f" {size / 1e9:.0f} GB of disk for their weights, of which {free / 1e9:.0f} are"
        " free"
    )
    if size > free:
        raise InputError(
            f"{settings.folder}: {free / 1e9:.0f} GB are free; expected"
            f" {size / 1e9:.0f} for the weights of all epochs"
        )


def _train_settings(training: Training) -> TrainSettings:
    """Return what the training's command line stands for."""
    return command_line.parse(TRAIN_SETTINGS[training.detector], training.flags)


def train(training: Training) -> None:
    """Train what is left of a training."""
    done = training.epochs_done
    if done >= training.epochs:
        console.print(f"{training.name}: trained already")
        return
    words = ["-n", str(done), "--epochs", str(training.epochs - done)]
    _call([f"{training.detector}.train", *words, *training.flags])


def test(training: Training, model: str, folder: Path) -> None:
    """Test a checkpoint, unless there are its results."""
    weights = training.models / f"{model}.weights.h5"
    if _tested(folder) == sha256_of(weights):
        console.print(f"{training.name}, {model}: tested already")
        return
    words = ["--preset", training.preset, "--model_name", model]
    words += ["--path_voc_test", str(training.study.data / "VOC2007")]
    words += ["--path_model", str(training.models)]
    _call([f"{training.detector}.test", *words, "--path_testing_folder", str(folder)])


def _tested(folder: Path) -> str:
    """Return the SHA-256 of the weights that results are of, empty without any."""
    try:
        return read_results(folder).get("weights", "sha256", kind=str)
    except InputError:  # there are none, or they are damaged: tested again
        return ""


def draw(settings: Settings, trainings: list[Training]) -> None:
    """Draw Figs. 5 to 8 into the study's folder."""
    figures = settings.folder / "figures"
    voc = ["--path_voc", str(settings.data / "VOC2007")]
    _call(["figures", "detectors_fig5", *voc, "--out", str(figures)])
    for preset in settings.presets:
        of_preset = [one for one in trainings if one.preset == preset]
        last = [str(list(one.tests.values())[-1]) for one in of_preset]
        for number in (6, 8):
            out = ["--out", str(figures / preset)]
            _call(["figures", f"detectors_fig{number}", "--runs", *last, *out])
        for one in of_preset:
            if len(one.tests) > 1:
                runs = [str(folder) for folder in one.tests.values()]
                out = ["--out", str(figures / preset)]
                _call(["figures", "detectors_fig7", "--runs", *runs, *out])


def _call(words: list[str]) -> None:
    """Run one of the programs as its user would; what it prints is seen.

    Raises:
        InputError: it failed; it has said why.
    """
    command = [sys.executable, "-m", *words]
    console.print(f"python -m {' '.join(words)}")
    status = subprocess.run(command, cwd=REPOSITORY).returncode
    if status in (130, -2):
        raise KeyboardInterrupt
    if status:
        raise InputError(f"python -m {words[0]} ended with status {status}")


if __name__ == "__main__":
    command_line.run(main, Settings)
