"""A run: a folder with ``config.json``, and the epochs that are trained in it.

Both families' training programs are this skeleton around a loop of their own::

    settings = resolve(settings, files)
    with open_run(settings, files, identity, learner, others, data, CHECKS) as run:
        for epoch in run.epochs:
            ...
            run.end_epoch(row, "epoch 0: ...")

``config.json`` holds, for each model of the folder, what it is trained with. Resume and
test take from there what the command line leaves open.
"""

import dataclasses
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar

import numpy as np
import tyro

from common.diagnosis import Check, Finding, Row, diagnose, new_findings, numbers
from common.epochs import (
    CONFIG,
    EpochFiles,
    Learner,
    Stateful,
    compare_settings,
    read_settings,
)
from common.errors import InputError, file_error
from common.files import (
    REPOSITORY,
    check_folder,
    exclusive_lock,
    sha256_of,
    write_json,
)
from common.progress import TensorBoardLog, console
from common.provenance import provenance, without_folders
from common.settings import PresetSettings, expect, from_json, plain, to_json

HELD_OUT = "held_out"
"""What ``config.json`` calls the images that a draw left to the test, by folder."""

AUTO = "auto"
"""What ``-n`` says to go on at the first epoch that is not finished."""


@dataclass(frozen=True)
class RunSettings(PresetSettings):
    """Which epochs a run trains and where; both families' training settings add to it.

    Attributes:
        own_settings: names of those that each run has for itself, even where it goes
            on with another's model.
    """

    own_settings: ClassVar[frozenset[str]] = frozenset(
        "n epochs path_model path_testing_folder bool_draw tensorboard keep_states"
        " cache_gb".split()
    )

    n: Annotated[int | Literal["auto"], tyro.conf.arg(aliases=["-n"])] = 0
    """Epoch to start at: 0 makes a new network, N goes on from epoch N − 1, and auto at
    the first that is not finished. Going on, settings are those of config.json in
    path_model where no flag says otherwise."""
    epochs: int = 50
    """Epochs to train in this run; with -n auto, those that there are to be in all."""
    path_model: Path = REPOSITORY / "models"
    """Where checkpoints and log.csv go."""
    keep_states: int = 3
    """Epochs whose full training state is kept for exact resume; 0 keeps all."""
    tensorboard: Literal[0, 1] = 0
    """1 also writes the log for TensorBoard, into path_model/tensorboard."""

    @property
    def model_stem(self) -> str:
        """Start of the names of the model's files."""
        raise NotImplementedError

    def remembered(self) -> dict[str, Any]:
        """Return what ``config.json`` says where training goes on; else nothing."""
        files = EpochFiles(self.path_model, self.model_stem, ())
        if self.n == 0 or not (self.n == AUTO or files.epochs()):
            return {}
        names = {field.name for field in dataclasses.fields(self)} - self.own_settings
        found = remembered(
            type(self), self.path_model, self.model_stem, frozenset(names)
        )
        config = config_of(self.path_model, self.model_stem)
        if self.n == AUTO and config is not None:
            found["epochs"] = config["end"]
        return found

    def check_run(self) -> None:
        """Refuse values that no run can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        expect(self, "n", "auto, or at least 0", lambda x: x == AUTO or x >= 0)
        expect(self, "epochs", "at least 1", lambda x: x >= 1)
        expect(self, "keep_states", "at least 0", lambda x: x >= 0)


Settings = TypeVar("Settings", bound=RunSettings)


class TrainingData(Protocol):
    """What is trained on, as ``config.json`` says it.

    Attributes:
        title: in words.
        held_out: names of images that a draw left to the test, by folder of the set.
    """

    title: str
    held_out: dict[str, list[str]]


class StatefulGenerator(np.random.Generator):
    """NumPy's default random generator, with a state as checkpoints keep it.

    Args:
        seed: as :func:`numpy.random.default_rng` takes it.
    """

    def __init__(self, seed: Any):
        super().__init__(np.random.PCG64(seed))

    def get_state(self) -> dict[str, str]:
        """Return the state as JSON: its integers are beyond 64 bits."""
        return {"bit_generator": json.dumps(self.bit_generator.state)}

    def set_state(self, state: Mapping[str, str]) -> None:
        """Go on from a state."""
        self.bit_generator.state = json.loads(state["bit_generator"])


def read_config(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what a folder's ``config.json`` says, by model; nothing without one.

    Raises:
        InputError: the file is damaged.
    """
    path = Path(folder) / CONFIG
    if not path.is_file():
        return {}
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        for model in config.values():
            settings, identity = dict(model["settings"]), dict(model["identity"])
            model |= {"settings": settings, "identity": identity}
            model["end"] = int(model["end"])
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise file_error(path, "is damaged", "what training wrote") from error
    return config


def held_out_of(
    folder: Path, stem: str, path: Path | str, names: Collection[str]
) -> list[str] | None:
    """Return the images that a training left to its test.

    Args:
        folder: of the run.
        stem: of the model.
        path: of the set, which has no splits of its own. One that lies elsewhere by now
            is known by its images.
        names: of all its images.

    Returns:
        None where the training was not on this set.

    Raises:
        InputError: ``config.json`` is damaged.
    """
    recorded = (config_of(folder, stem) or {}).get(HELD_OUT, {})
    found = recorded.get(str(plain(Path(path))))
    if found is None:
        moved = (one for one in recorded.values() if one and set(one) <= set(names))
        found = next(moved, None)
    return found


def config_of(folder: Path, stem: str) -> dict[str, Any] | None:
    """Return what a folder's ``config.json`` says of a model.

    Args:
        folder: of the run.
        stem: start of the names of the model's files.

    Returns:
        None where there is no such file, or it says nothing of the model.

    Raises:
        InputError: the file is damaged.
    """
    return read_config(folder).get(stem)


def remembered(
    settings_class: type, folder: Path, stem: str, names: frozenset[str]
) -> dict[str, Any]:
    """Return the settings that a model was trained with.

    Args:
        settings_class: whose fields they become.
        folder: of the run.
        stem: of the model.
        names: of the fields that are asked for.

    Raises:
        InputError: the file is damaged.
    """
    config = config_of(folder, stem)
    if config is None:
        return {}
    known = {f.name for f in dataclasses.fields(settings_class)} & names
    found = {name: v for name, v in config["settings"].items() if name in known}
    try:
        return from_json(settings_class, found)
    except (TypeError, ValueError) as error:
        raise file_error(
            Path(folder) / CONFIG, f"is damaged: {error}", "what training wrote"
        ) from error


def resolve(settings: Settings, files: EpochFiles) -> Settings:
    """Return settings that say where to start and how many epochs to train.

    With ``n`` :data:`AUTO` the first epoch that is not finished is the start, and
    ``epochs`` counts those before it too, so that the same command can be repeated
    until all are there.

    Raises:
        InputError: there is nothing to start from.
    """
    if settings.n == AUTO:
        start = max(files.epochs(), default=-1) + 1
        left = max(settings.epochs - start, 0)
        settings = dataclasses.replace(settings, n=start, epochs=left)
    files.check_start(int(settings.n))
    return settings


@contextmanager
def open_run(
    settings: RunSettings,
    files: EpochFiles,
    identity: dict[str, Any],
    learner: Learner,
    others: Mapping[str, Stateful],
    data: TrainingData,
    checks: Mapping[str, Check],
    writes: bool = True,
) -> Iterator["Run"]:
    """Take a run's folder, and go to where its training starts.

    Args:
        settings: of the run, resolved.
        files: its checkpoints.
        identity: settings that all runs of one model share.
        learner: what learns; restored where training goes on.
        others: what else goes on where it stood, by name.
        data: what is trained on.
        checks: what to look for in the log; what is found is said at the end of the
            epoch that it begins with, and at the end unless that was just now.
        writes: whether this process is the one that writes; others only restore.

    Raises:
        InputError: the folder cannot be used, or the settings are not those that the
            model was trained with.
    """
    run = Run(settings, files, identity, learner, others, data, checks, writes)
    if not writes:
        run.restore()
        yield run
        return
    check_folder(settings.path_model, "path_model")
    with exclusive_lock(settings.path_model):
        run.restore()
        run.begin()
        if not run.epochs:
            console.print("all epochs are finished; a larger --epochs trains more")
        yield run
        console.print(f"weights: {files.latest}")
        console.print(f"log: {files.log}")
        report_findings(run.findings_to_repeat())


class Run:
    """A training at work in its folder; made by :func:`open_run`.

    Attributes:
        epochs: numbers of those to train.
    """

    def __init__(
        self,
        settings: RunSettings,
        files: EpochFiles,
        identity: dict[str, Any],
        learner: Learner,
        others: Mapping[str, Stateful],
        data: TrainingData,
        checks: Mapping[str, Check],
        writes: bool,
    ):
        first = int(settings.n)
        self.epochs = range(first, first + settings.epochs)
        self._settings, self._files = settings, files
        self._identity, self._data = plain(identity), data
        self._learner, self._others, self._writes = learner, others, writes
        self._checks, self._trained_with = checks, to_json(settings)
        self._just_said: list[Finding] = []
        self._board: TensorBoardLog | None = None

    def restore(self) -> None:
        """Go to the end of the epoch before the first one."""
        epoch = self.epochs.start - 1
        if epoch < 0:
            return
        self._compare_with_config()
        complete = self._files.restore(
            epoch, self._learner, self._others, self._identity
        )
        if complete:
            console.print(f"going on from epoch {epoch}, exactly as it ended")
        else:
            console.print(
                f"going on from the weights of epoch {epoch} alone:"
                f" {self._files.state(epoch)} is not there"
            )

    def _compare_with_config(self) -> None:
        """Refuse another model's settings, and say which others are new."""
        config = config_of(self._files.folder, self._files.stem)
        if config is None:
            return
        path = self._files.folder / CONFIG
        compare_settings(path, config["identity"], self._identity)
        now = {
            name: value
            for name, value in to_json(self._settings).items()
            if name not in self._settings.own_settings
        }
        compare_settings(path, config["settings"], now, may_differ=now.keys())
        now = {"data": self._data.title}
        data = {"data": config.get("data", self._data.title)}
        compare_settings(path, data, now, may_differ=["data"])

    def begin(self) -> None:
        """Make way for the epochs to come, and write what they are trained with."""
        start = self.epochs.start
        archive = self._files.clear_from(start)
        if archive is not None:
            console.print(f"epochs {start} and later of an earlier run: {archive}")
        if not self.epochs:
            return
        if new := self._files.new_fields():
            console.print(
                f"{self._files.log}: {len(new)} columns are new, from {new[0]} to"
                f" {new[-1]}; they stay empty in the rows of earlier epochs"
            )
        config = read_config(self._files.folder)
        config[self._files.stem] = {
            "settings": self._trained_with,
            "identity": self._identity,
            "data": self._data.title,
            HELD_OUT: dict(self._data.held_out),
            "end": self.epochs.stop,
            "made_with": provenance(),
        }
        write_json(self._files.folder / CONFIG, config)
        if self._settings.tensorboard:
            folder = self._settings.path_model / "tensorboard"
            self._board = TensorBoardLog(folder, ("epoch", "class_object"))

    def end_epoch(self, row: dict[str, Any], words: str) -> None:
        """Save an epoch, and say what it came to.

        Args:
            row: of the log.
            words: the same for people.
        """
        if self._writes:
            self._files.save(
                row["epoch"], self._learner, self._others, row, self._identity
            )
        console.print(words)
        if self._writes:
            self._just_said = new_findings(
                self._checks, self._rows(), self._trained_with
            )
            report_findings(self._just_said)
        if self._board is not None:
            self._board.write(row)

    def findings_to_repeat(self) -> list[Finding]:
        """Return what is to be seen in the log, without what was said just now."""
        found = diagnose(self._checks, self._rows(), self._trained_with)
        return [finding for finding in found if finding not in self._just_said]

    def _rows(self) -> list[Row]:
        return numbers(self._files.model_rows())


def report_findings(findings: Collection[Finding]) -> None:
    """Say what is to be seen in a log, a line each."""
    for finding in findings:
        console.print(f"note: {finding.words}")


class TestSettings(Protocol):
    """What the settings of every test say."""

    @property
    def path_model(self) -> Path:
        """The folder of the run."""

    @property
    def model_name(self) -> str:
        """Checkpoint in it, the newest if empty."""

    @property
    def weights_path(self) -> Path | None:
        """A file instead of a checkpoint, or None."""

    @property
    def seed(self) -> int:
        """Of everything random."""


def trained_weights(settings: TestSettings, files: EpochFiles, command: str) -> Path:
    """Return the weights to test.

    Args:
        settings: of the test.
        files: the checkpoints of the run.
        command: that trains such a model, for the message.

    Raises:
        InputError: they are not there; lists the epochs that are.
    """
    if settings.weights_path is not None:
        if settings.weights_path.is_file():
            return settings.weights_path
        raise file_error(
            settings.weights_path, "is no file (weights_path)", "trained weights"
        )
    epochs = files.epochs()
    name = (settings.model_name or files.stem).removesuffix(".weights.h5")
    path = files.folder / f"{name}.weights.h5"
    if not settings.model_name and epochs:
        # The copy is one behind where training was killed just before making it.
        path = files.weights(epochs[-1])
    if path.is_file():
        return path
    there = ", ".join(map(str, epochs)) if epochs else "none"
    raise InputError(
        f"{path}: there is no such file; expected a trained model ({command}); epochs"
        f" of {files.stem} in {files.folder}: {there}"
    )


def training_findings(
    weights: Path, files: EpochFiles, checks: Mapping[str, Check]
) -> list[Finding]:
    """Return what the training of some weights saw in its log, up to their epoch.

    Args:
        weights: the model's file.
        files: of the folder that it lies in.
        checks: what to look for.

    Returns:
        Nothing where log or ``config.json`` say nothing of the weights. A log that
        cannot be read is no reason not to test: that is said.
    """
    config = config_of(files.folder, files.stem)
    name = weights.name.removesuffix(".weights.h5")
    if config is None or not f"{name}_".startswith(f"{files.stem}_"):
        return []
    try:
        rows = numbers(files.model_rows())
    except InputError as error:
        console.print(f"{error}; what the training saw in it is not known")
        return []
    epoch = name.removeprefix(f"{files.stem}_epoch_")
    if epoch.isdecimal():
        rows = [row for row in rows if (row["epoch"] or 0) <= int(epoch)]
    return diagnose(checks, rows, config["settings"])


def compare_with_training(
    weights: Path, identity: Mapping[str, Any], may_differ: Collection[str] = ()
) -> None:
    """Make sure that a model is tested as what it was trained as.

    Args:
        weights: the model's file. One of another program says nothing of its training,
            which is said.
        identity: settings of the test by the names under which training wrote them.
        may_differ: those that are said, not refused, where they differ.

    Raises:
        InputError: another one differs, or the file is damaged.
    """
    trained = read_settings(weights)
    if trained is None:
        console.print(f"{weights} does not say what it was trained with")
    else:
        compare_settings(weights, trained, plain(identity), may_differ)


def made_with(settings: TestSettings, weights: Path) -> dict[str, Any]:
    """Return what the results of a test were made with, ready for JSON."""
    return {
        "weights": {"file": weights.name, "sha256": sha256_of(weights)},
        "seed": settings.seed,
        "backend": _backend(),
        "made_with": provenance(),
        "settings": {
            name: without_folders(value) for name, value in to_json(settings).items()
        },
    }


def stem_of(name: str) -> str:
    """Return the start of the names of a model's files, told from one of them."""
    return name.removesuffix(".weights.h5").partition("_epoch_")[0]


def folder_of(settings: TestSettings) -> Path:
    """Return the folder of the run whose weights are tested."""
    path = settings.weights_path
    return settings.path_model if path is None else path.parent


def _backend() -> str:
    import keras  # here, as settings import this module and need no Keras

    return keras.backend.backend()
