"""``python -m benchmarks SUITE --json FILE`` prints and saves speed ratios."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

import tyro
from rich.table import Table

from common.command_line import quiet_start, run


@dataclass(frozen=True)
class Settings:
    """Measure speed, as ratios of two things timed in one run on one machine."""

    suite: tyro.conf.Positional[
        Literal["image_zooms", "pool45_crops", "glimpse_rnn", "growth", "throughput"]
    ]
    """What to measure."""
    json: Path | None = None
    """File to save the measurements to, as a list of objects."""


def main(settings: Settings) -> None:
    """Measure, print a table and save."""
    with quiet_start():
        from common.files import write_json
        from common.progress import console

        suite = import_module(f"benchmarks.{settings.suite}")
    measurements = []
    for measurement in suite.measure():
        measurements.append(measurement)
        console.print(f"{measurement.name}: {measurement.ratio:.3g}")
    table = Table("", "ours", "reference", "unit", "ratio", "how")
    for m in measurements:
        table.add_row(
            m.name,
            f"{m.ours:.4g}",
            f"{m.reference:.4g}",
            m.unit,
            f"{m.ratio:.3g}",
            m.how,
        )
    console.print(table)
    if settings.json is not None:
        write_json(settings.json, [m.to_json() for m in measurements])


if __name__ == "__main__":
    run(main, Settings)
