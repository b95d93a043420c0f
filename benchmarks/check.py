"""``python -m benchmarks.check FILE …`` holds measurements against the committed ones.

What is compared are ratios of two things timed in one run on one machine. They too
differ between machines and from run to run, so a ratio only fails that is worse than
the committed one by more than ``margin``. No part of the tests: a busy machine would
fail them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.measuring import is_better_smaller
from common.command_line import run
from common.errors import InputError, file_error

COMMITTED = Path(__file__).with_name("ratios.json")


@dataclass(frozen=True)
class Settings:
    """Fail where a measured ratio is worse than the committed one."""

    measured: tyro.conf.Positional[tuple[Path, ...]]
    """Files that python -m benchmarks SUITE --json FILE wrote."""
    committed: Path = COMMITTED
    """The ratios to hold them against."""
    margin: float = 0.3
    """Share by which a ratio may be worse."""


def worse(
    measured: Mapping[str, float], committed: Mapping[str, float], margin: float
) -> list[str]:
    """Return a line for each ratio that is worse by more than the margin.

    Args:
        measured: ratios by suite and name; see
            :func:`benchmarks.measuring.is_better_smaller`.
        committed: the same, from an earlier run.
        margin: share by which a ratio may be worse.
    """
    lines = []
    for name in sorted(measured.keys() & committed.keys()):
        now, before = measured[name], committed[name]
        loss = now / before if is_better_smaller(name) else before / now
        if loss > 1 + margin:
            lines.append(f"{name}: {now:.3g}, was {before:.3g}")
    return lines


def read_ratios(path: Path) -> dict[str, float]:
    """Return the ratios in a file of measurements, by suite and name.

    Raises:
        InputError: it cannot be read, or is no list of measurements.
    """
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return {
            f"{item['suite']} {item['name']}": float(item["ratio"]) for item in listed
        }
    except OSError as error:
        raise file_error(path, f"cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise file_error(
            path, "holds something else", "what python -m benchmarks --json writes"
        ) from error


def check(paths: Sequence[Path], committed: Path, margin: float) -> int:
    """Return how many ratios were compared.

    Raises:
        InputError: one is worse by more than the margin, none could be compared, or a
            file cannot be read.
    """
    before = read_ratios(committed)
    measured = {
        name: ratio for path in paths for name, ratio in read_ratios(path).items()
    }
    lines = worse(measured, before, margin)
    if lines:
        raise InputError(f"slower by more than {margin:.0%}: {'; '.join(lines)}")
    compared = len(measured.keys() & before.keys())
    if not compared:
        raise InputError(f"{committed}: none of {', '.join(measured)} is in it")
    return compared


def main(settings: Settings) -> None:
    """Compare, and say how many ratios hold."""
    compared = check(settings.measured, settings.committed, settings.margin)
    print(f"{compared} ratios are no worse than {settings.margin:.0%} below the last")


if __name__ == "__main__":
    run(main, Settings)
