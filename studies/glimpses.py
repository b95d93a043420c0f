"""The paper's comparisons (Figs. 3 to 5) and one of what is not the paper's.

    python -m studies.glimpses --study objective
    python -m studies.glimpses --study policy --seeds 0 1 2 --jobs 2
    python -m studies.glimpses --study resolution --budget small

Every variant and seed is a normal training run in a folder of its own below
``path_studies``, trained by ``train.py`` and tested by ``test.py``; what is finished is
not done again, what was killed goes on where it stopped, and several processes, also on
several machines with a shared folder, never work on the same variant. ``STUDY.csv`` has
a row per variant and seed.
"""

import csv
import ctypes
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.claims import Claim, claim, holder
from common.command_line import run
from common.epochs import EpochFiles
from common.errors import InputError
from common.files import REPOSITORY, write_json, write_text
from common.progress import console
from glimpse_rnn.metrics import THRESHOLDS

STUDIES: dict[str, dict[str, dict[str, str]]] = {
    "objective": {"l1": {"loss": "l1"}, "l2": {"loss": "l2"}},
    "reward": {
        "exponential": {"reward": "exponential"},
        "binary": {"reward": "binary"},
    },
    "network": {
        "cnn": {"glimpse_network": "cnn"},
        "fc": {"glimpse_network": "fc"},
    },
    "policy": {
        f"{location}_{glimpses}": {"location": location, "glimpses": str(glimpses)}
        for location in ("learned", "random")
        for glimpses in (4, 8, 12)
    },
    "glimpses": {
        f"glimpses_{glimpses}": {"glimpses": str(glimpses)} for glimpses in (4, 8, 12)
    },
    "resolution": {
        f"bandwidth_{bandwidth}_radius_{radius}": {
            "bandwidth": str(bandwidth),
            "radius": str(radius),
        }
        for bandwidth, radius in ((12, 6), (20, 10), (40, 20), (60, 30))
    },
}
"""By study and variant, the flags in which it differs from the paper's best model.

Fig. 3: objective, reward. Fig. 4: network, policy, glimpses. Fig. 5: resolution; the
paper does not give its values, so they go down from the best in its proportions.
"""

_PLACES = {"cell": "gru", "pooling": "none"}
_OFFSET = _PLACES | {"prediction_offset": "1"}
_PREDICTED = _OFFSET | {"location": "predicted", "supervision": "every"}

OWN_STUDIES: dict[str, dict[str, dict[str, str]]] = {
    "options": {
        "paper": {},
        "gru": {"cell": "gru"},
        "places": _PLACES,
        "offset": _OFFSET,
        "offset_batch_norm": _OFFSET | {"batch_norm": "1"},
        "offset_location_offset": _OFFSET | {"location_offset": "0.5"},
        "predicted": _PREDICTED,
        "predicted_residual": _PREDICTED | {"glimpse_network": "residual"},
        "predicted_vgg16": _PREDICTED | {"glimpse_network": "vgg16"},
    },
}
"""The same for options that are not the paper's (FIDELITY.md), one upon another."""

Study = Literal[
    "objective", "reward", "network", "policy", "glimpses", "resolution", "options"
]

BUDGETS: dict[str, dict[str, str]] = {
    "full": {},
    "small": {"epochs": "3", "max_images": "96", "batch_size": "16"},
    "demo": {
        "preset": "demo",
        "epochs": "12",
        "max_images": "240",
        "batch_size": "16",
        "decay_steps": "20",
        "keep_best": "0",
    },
}
"""Flags that a budget adds to those of ``train.py``. ``demo`` is what ``make
results-small`` trains on drawn cars."""

COLUMNS = (
    "study",
    "arm",
    "seed",
    *(f"rate_{threshold:.2f}" for threshold in THRESHOLDS),
    "median_delta",
    "mean_delta",
    "epochs",
    "commit",
    "machine",
    "folder",
)
FULL_EPOCHS = 140
"""Epochs of a variant at full budget."""

HEARTBEAT = 10.0
"""Seconds between two signs of life."""

POLL = 0.5
"""Seconds between two looks at the trainings."""


@dataclass(frozen=True)
class Settings:
    """Compare variants of a study: train and test each, and write a table."""

    study: Study
    """What to compare."""
    seeds: tuple[int, ...] = (0,)
    """Each variant is trained once with each."""
    jobs: int = 1
    """Trainings at a time, in processes that share the processors."""
    budget: Literal["full", "small", "demo"] = "full"
    """small takes minutes, and shows that things run, not which variant is better;
    demo is 12 epochs of the preset demo on 240 images."""
    epochs: int = 0
    """Epochs of each training; 0 takes the budget's."""
    path_studies: Path = REPOSITORY / "runs" / "glimpse_rnn_studies"
    """Where the variants' folders and the tables go."""
    flags: tuple[str, ...] = ()
    """Further flags of train.py for all variants, as NAME=VALUE."""
    test_flags: tuple[str, ...] = ()
    """Further flags of test.py for all variants, as NAME=VALUE."""

    def check(self) -> None:
        """Refuse values that no study can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        if self.jobs < 1:
            raise InputError(f"jobs is {self.jobs}; expected at least 1")
        if self.epochs < 0:
            raise InputError(f"epochs is {self.epochs}; expected at least 0")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"seeds are {self.seeds}; expected one each, at least one")
        for flag in self.flags + self.test_flags:
            if "=" not in flag or flag.startswith("-"):
                raise InputError(f"flags has {flag!r}; expected NAME=VALUE")

    @property
    def folder(self) -> Path:
        """Where this study is, each budget in its own."""
        return self.path_studies / self.budget / self.study

    @property
    def table(self) -> Path:
        """The study's table."""
        return self.folder / f"{self.study}.csv"


@dataclass
class Variant:
    """One training of a study, and its folder.

    Attributes:
        study: its name.
        name: of the variant.
        seed: of the training.
        flags: of ``train.py``, by name.
        test_flags: of ``test.py``, by name.
        folder: where everything about it goes.
    """

    study: str
    name: str
    seed: int
    flags: dict[str, str]
    test_flags: dict[str, str]
    folder: Path

    @property
    def models(self) -> Path:
        """Its ``path_model``."""
        return self.folder / "models"

    @property
    def results(self) -> Path:
        """Its results file."""
        return self.folder / "results" / "results.json"

    @property
    def wanted(self) -> int:
        """Epochs to train."""
        return int(self.flags["epochs"])

    @property
    def trained(self) -> int:
        """Epochs that are finished."""
        return max(EpochFiles(self.models, "model", ()).epochs(), default=-1) + 1

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.results.is_file() and self.trained >= self.wanted

    def check(self) -> None:
        """Refuse to go on with a variant that was begun with other flags.

        Raises:
            InputError: names the folder and the flag.
        """
        record = self.folder / "arm.json"
        if not record.is_file():
            write_json(record, self._record())
            return
        begun = json.loads(record.read_text(encoding="utf-8"))
        for name, value in self._record().items():
            if begun.get(name) != value:
                raise InputError(
                    f"{record}: {name} was {begun.get(name)}, now it is {value};"
                    " expected the same flags, or another path_studies"
                )

    def _record(self) -> dict[str, str]:
        return {**self.flags, "seed": str(self.seed)} | {"epochs": "any"}

    def next_command(self) -> list[str] | None:
        """Return what is to be run next, or None where all is done."""
        if self.is_done:
            return None
        if self.trained < self.wanted:
            self.results.unlink(missing_ok=True)  # it is of fewer epochs
            left = {"n": str(self.trained), "epochs": str(self.wanted - self.trained)}
            own = {"path_model": str(self.models), "seed": str(self.seed)}
            return _command("train", self.flags | left | own)
        own = {
            "path_model": str(self.models),
            "path_testing_folder": str(self.results.parent),
        }
        return _command("test", self.test_flags | own)

    def row(self) -> dict[str, object]:
        """Return its row of the table; it must be done."""
        results = json.loads(self.results.read_text(encoding="utf-8"))
        rates = results["detection_rate"]
        return {
            "study": self.study,
            "arm": self.name,
            "seed": self.seed,
            **{f"rate_{t:.2f}": rates[f"{t:.2f}"] for t in THRESHOLDS},
            "median_delta": results["median_delta"],
            "mean_delta": results["mean_delta"],
            "epochs": self.trained,
            "commit": results["made_with"]["commit"],
            "machine": results["made_with"]["machine"],
            "folder": self.folder.name,
        }


def _command(program: str, flags: Mapping[str, str]) -> list[str]:
    words = [f"--{name}={value}" for name, value in flags.items()]
    return [sys.executable, "-m", f"glimpse_rnn.{program}", *words]


def variants_of(settings: Settings) -> list[Variant]:
    """Return the variants of a study, each with each seed."""
    shared = dict(BUDGETS[settings.budget])
    shared |= dict(flag.split("=", 1) for flag in settings.flags)
    if settings.epochs:
        shared["epochs"] = str(settings.epochs)
    shared.setdefault("epochs", str(FULL_EPOCHS))
    test_flags = dict(flag.split("=", 1) for flag in settings.test_flags)
    return [
        Variant(
            settings.study,
            name,
            seed,
            shared | flags,
            test_flags,
            settings.folder / f"{name}_seed_{seed}",
        )
        for seed in settings.seeds
        for name, flags in (STUDIES | OWN_STUDIES)[settings.study].items()
    ]


class _Job:
    """A variant that this process is at work on."""

    def __init__(self, variant: Variant, held: Claim, threads: int):
        self.variant = variant
        self._claim = held
        self._threads = threads
        self._process: subprocess.Popen | None = None
        self._next_beat = 0.0

    def step(self) -> str:
        """Look after it; return "running", "done", "failed" or "lost"."""
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + HEARTBEAT
            if not self._claim.beat():
                self.stop()
                return "lost"
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return "running"
            if status != 0:
                self._claim.release()
                return "failed"
        command = self.variant.next_command()
        if command is None:
            self._claim.release()
            return "done"
        self._process = self._start(command)
        return "running"

    def _start(self, command: list[str]) -> subprocess.Popen:
        environment = os.environ | {"TF_NUM_INTRAOP_THREADS": str(self._threads)}
        with open(self.variant.folder / "output.txt", "ab") as output:
            return subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                preexec_fn=_die_with_parent,
            )

    def stop(self) -> None:
        """Stop its process, at once: training survives that."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._claim.release()


def _die_with_parent() -> None:
    """Have Linux end a training whose launcher is killed: others may take it over."""
    try:
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    except (AttributeError, OSError, TypeError):
        pass


_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def main(settings: Settings) -> None:
    """Run a study until all of its variants are done, by whomever; write its table.

    Raises:
        InputError: a setting cannot be used, or a training failed.
    """
    settings.check()
    variants = variants_of(settings)
    for variant in variants:
        variant.check()
    failed = _work_through(variants, settings)
    write_table(variants, settings.table)
    console.print(f"table: {settings.table}")
    if failed:
        raise InputError(_words_of(failed[0]))


def _work_through(variants: Sequence[Variant], settings: Settings) -> list[Variant]:
    """Do what is to be done; return the variants that failed here."""
    claims = settings.folder / "claims"
    threads = max((os.cpu_count() or 1) // settings.jobs, 1)
    jobs: list[_Job] = []
    failed: list[Variant] = []
    waiting = ""
    try:
        while True:
            jobs = _looked_after(jobs, failed, variants, settings.table)
            busy = [job.variant for job in jobs] + failed
            left = [
                variant
                for variant in variants
                if variant not in busy and not variant.is_done
            ]
            for variant in left[: None if len(jobs) < settings.jobs else 0]:
                if len(jobs) < settings.jobs and (
                    held := claim(claims, variant.folder.name)
                ):
                    console.print(f"{variant.folder.name}: at work")
                    jobs.append(_Job(variant, held, threads))
            if not jobs and not left:
                return failed
            if not jobs and (words := _held_elsewhere(claims, left)) != waiting:
                console.print(waiting := words)
            time.sleep(POLL)
    finally:
        for job in jobs:
            job.stop()


def _looked_after(
    jobs: Sequence[_Job],
    failed: list[Variant],
    variants: Sequence[Variant],
    table: Path,
) -> list[_Job]:
    """Return the jobs that still run."""
    running = []
    for job in jobs:
        state = job.step()
        if state == "running":
            running.append(job)
            continue
        console.print(f"{job.variant.folder.name}: {state}")
        if state == "failed":
            failed.append(job.variant)
        if state == "done":
            write_table(variants, table)
    return running


def _held_elsewhere(claims: Path, variants: Sequence[Variant]) -> str:
    names = [f"{a.folder.name} ({holder(claims, a.folder.name)})" for a in variants]
    return f"waiting for {', '.join(names)}"


def _words_of(variant: Variant) -> str:
    """Return why a variant failed: the last line that it said."""
    output = variant.folder / "output.txt"
    lines = output.read_text(encoding="utf-8", errors="replace").split("\n")
    # Not the frames that errors in flags come in.
    said = [line.strip("│ ") for line in lines if re.search(r"\w", line)]
    return f"{output}: {said[-1].strip() if said else 'it said nothing'}"


def write_table(variants: Sequence[Variant], path: Path) -> None:
    """Write a row for each variant that is done, in one stroke."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(variant.row() for variant in variants if variant.is_done)
    write_text(path, text.getvalue())


if __name__ == "__main__":
    run(main, Settings)
