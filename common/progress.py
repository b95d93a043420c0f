"""What a run tells while it runs: a live line, and rows of numbers for TensorBoard."""

import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from common.command_line import suppress_startup_output

# In notebooks, whose output says that it is a terminal, plain text and no live line.
_PLAIN: dict[str, Any] = {"force_terminal": False, "force_jupyter": False}
# What is printed names files and classes: nothing in brackets or colons is a style.
console = Console(
    highlight=False,
    markup=False,
    emoji=False,
    soft_wrap=True,
    **(_PLAIN if "ipykernel" in sys.modules else {}),
)


def rounded(value: float) -> float:
    """Return a number as a log holds it, with six digits."""
    return float(f"{value:.6g}")


def duration(seconds: float) -> str:
    """Return a time in the unit that fits: seconds, minutes, hours or days."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


class RunningMean:
    """The mean of numbers that come one by one, none of which is kept."""

    def __init__(self) -> None:
        self._total, self._count = 0.0, 0

    def add(self, value: float) -> None:
        """Count one more."""
        self._total += value
        self._count += 1

    def rounded_or_empty(self) -> float | str:
        """Return the mean as a log holds it; that of nothing is left empty."""
        return rounded(self._total / self._count) if self._count else ""


class EpochProgress:
    """The live display of a run over epochs; where there is no terminal, silent.

    Args:
        items: images, batches or whatever is counted in an epoch.
        first_epoch: epoch that the run starts at.
        epochs: epochs in the run.
    """

    def __init__(self, items: int, first_epoch: int, epochs: int):
        self._items = items
        self._first_epoch = first_epoch
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task(
            "", total=items * epochs, epoch=first_epoch, numbers=""
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, epoch: int, done: int, numbers: str) -> None:
        """Show how far the run is.

        Args:
            epoch: the present one.
            done: items of it that are done.
            numbers: what to say beside the bar.
        """
        before = (epoch - self._first_epoch) * self._items
        self._progress.update(
            self._task, completed=before + done, epoch=epoch, numbers=numbers
        )


def track(items: Iterable, description: str, total: int) -> Iterator:
    """Yield ``items`` with a progress bar, where there is a terminal to show it on."""
    with Progress(
        TextColumn(description),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        yield from progress.track(items, total=total)


class TensorBoardLog:
    """Writes rows of the log for TensorBoard.

    Args:
        folder: where to; made if need be.
        left_out: columns that are no numbers to plot.
    """

    def __init__(self, folder: Path, left_out: Collection[str] = ("epoch",)):
        # Imported here: it is slow to load, all the more where Keras does not stand on
        # TensorFlow, and most runs do not ask for it.
        with suppress_startup_output():
            from tensorboard.summary import Writer

            self._writer = Writer(str(folder))
        self._left_out = left_out

    def write(self, row: dict[str, Any]) -> None:
        """Write an epoch's numbers, each under its name in the log."""
        for name, value in row.items():
            if name not in self._left_out and value != "":
                self._writer.add_scalar(name, value, step=row["epoch"])
        self._writer.flush()
