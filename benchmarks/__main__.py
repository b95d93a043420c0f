"""``python -m benchmarks SUITE … --json FILE`` prints and saves speed ratios."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import tyro
from rich.table import Table

from benchmarks.measuring import Measurement
from common.command_line import run
from common.devices import load_keras
from common.files import check_folder, write_json
from common.progress import console
from common.provenance import commit, machine

Suite = Literal["image_zooms", "pool45_crops", "glimpse_rnn", "growth", "throughput"]


@dataclass(frozen=True)
class Settings:
    """Measure speed, as ratios of two things timed in one run on one machine."""

    suites: tyro.conf.Positional[tuple[Suite, ...]] = get_args(Suite)
    """What to measure; all of it if left out."""
    json: Path | None = None
    """File to save the measurements to, as a list of objects that also say commit and
    machine."""


def main(settings: Settings) -> None:
    """Measure, print a table and save."""
    if settings.json is not None:
        check_folder(settings.json.parent, "json")
    table = Table("", "ours", "reference", "unit", "ratio", "how")
    measured = []
    made_with = {"commit": commit(), "machine": machine()}
    for suite, m in _measurements(settings.suites):
        console.print(f"{m.name}: {m.ratio:.3g}")
        table.add_row(
            f"{suite} {m.name}",
            f"{m.ours:.4g}",
            f"{m.reference:.4g}",
            m.unit,
            f"{m.ratio:.3g}",
            m.how,
        )
        measured.append({"suite": suite} | m.to_json() | made_with)
        if settings.json is not None:  # what is there is kept if a later one fails
            write_json(settings.json, measured)
    console.print(table)


def _measurements(suites: tuple[str, ...]) -> Iterator[tuple[str, Measurement]]:
    """Yield each suite's name with each of its measurements, as they are made."""
    with load_keras():
        measures = _measures()
    for suite in suites:
        for measurement in measures[suite]():
            yield suite, measurement


def _measures() -> dict[str, Callable[[], Iterator[Measurement]]]:
    """Return what measures each suite; loads Keras."""
    from benchmarks import glimpse_rnn, growth, image_zooms, pool45_crops, throughput

    return {
        "image_zooms": image_zooms.measure,
        "pool45_crops": pool45_crops.measure,
        "glimpse_rnn": glimpse_rnn.measure,
        "growth": growth.measure,
        "throughput": throughput.measure,
    }


if __name__ == "__main__":
    run(main, Settings)
