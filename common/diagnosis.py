"""What a run sees in its log: from rows of numbers to findings in words.

Each family has a table of checks (:mod:`hierarchy.diagnosis`,
:mod:`glimpse_rnn.diagnosis`). A check is a pure function of the rows up to an epoch and
of the settings that they were trained with.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

Row = Mapping[str, float | None]
"""A row of the log; None where it is empty. Columns that a log of an earlier version
lacks are not in it."""

Settings = Mapping[str, Any]
"""Settings of the training by name, as ``config.json`` holds them."""

LOSS_GROWTH = 3.0
"""Times the smallest loss so far that count as growing. Losses of a bootstrapped target
double while ε falls, and come down again."""

GROWING_EPOCHS = 2
"""Epochs in which the loss has to rise, one after the other."""


@dataclass(frozen=True)
class Finding:
    """Something that a run sees in its log.

    Attributes:
        name: of the check.
        words: one line, with what to try.
    """

    name: str
    words: str


@dataclass(frozen=True)
class Check:
    """What to look for.

    Attributes:
        look: returns the words of what it sees in the last row, empty if nothing.
        explains: names of checks that need not be looked at where this one applies.
    """

    look: Callable[[Sequence[Row], Settings], str]
    explains: frozenset[str] = frozenset()


def diagnose(
    checks: Mapping[str, Check], rows: Sequence[Row], settings: Settings
) -> list[Finding]:
    """Return what is to be seen in the last of some rows.

    Args:
        checks: by name, causes before what follows from them.
        rows: of one model, epoch after epoch.
        settings: of the training.
    """
    findings: list[Finding] = []
    explained: set[str] = set()
    for name, check in checks.items():
        if not rows or name in explained:
            continue
        if words := check.look(rows, settings):
            findings.append(Finding(name, words))
            explained |= check.explains
    return findings


def new_findings(
    checks: Mapping[str, Check], rows: Sequence[Row], settings: Settings
) -> list[Finding]:
    """Return what is to be seen in the last row and was not in the one before."""
    before = {finding.name for finding in diagnose(checks, rows[:-1], settings)}
    found = diagnose(checks, rows, settings)
    return [finding for finding in found if finding.name not in before]


def numbers(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return rows of a log as numbers, as they come from the file or go to it."""
    return [{name: _number(value) for name, value in row.items()} for row in rows]


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except ValueError:  # empty
        return None


def stretch(rows: Sequence[Row], holds: Callable[[Row], bool]) -> list[Row]:
    """Return the last rows, all those without a break of which something holds."""
    last: list[Row] = []
    for row in reversed(rows):
        if not holds(row):
            break
        last.insert(0, row)
    return last


def since(rows: Sequence[Row], last: Sequence[Row]) -> str:
    """Return " since epoch N", or nothing where it was so from the first row on."""
    return "" if len(last) == len(rows) else f" since epoch {last[0]['epoch']:.0f}"


def lower_rate(settings: Settings) -> str:
    """Return the flag of a tenth of the learning rate."""
    return f"--learning_rate {settings['learning_rate'] / 10:g}"


def growth_of(rows: Sequence[Row], name: str) -> str:
    """Return how a loss grows, or is no number any more; empty if neither.

    Args:
        rows: of one model.
        name: of a column that is never negative.
    """
    losses = [loss for row in rows if (loss := row.get(name)) is not None]
    if not losses:
        return ""
    if not isfinite(losses[-1]):
        return f"the loss is no number any more ({losses[-1]:g})"
    *earlier, last = losses
    steps = list(zip(losses, losses[1:], strict=False))[-GROWING_EPOCHS:]
    rises = len(steps) == GROWING_EPOCHS and all(one < other for one, other in steps)
    if not rises or last < LOSS_GROWTH * min(earlier):
        return ""
    return f"the loss grows: {min(earlier):.3g} at its smallest, {last:.3g} now"
