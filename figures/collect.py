"""The numbers of tests in one table: ``python -m figures.collect --runs A B …``.

A row per test and who was tested, with all that it was made with, so that the table can
stand by itself. Reads the ``results.json`` of either detector and of ``glimpse_rnn``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from common.command_line import run
from figures.glimpses_table1 import KEYS, rates_of
from figures.runs import Results, read_all, run_name
from figures.sets import OUT
from figures.style import write_csv

HEADING = (
    "run",
    "who",
    "measure",
    "value",
    "images",
    "seed",
    "weights",
    "trunk",
    "commit",
    "machine",
    "command",
)
AGENTS = ("agent", "random", "upper_bound")
"""Who is tested where objects are detected."""


@dataclass(frozen=True)
class Settings:
    """Write the numbers of tests into one CSV file."""

    runs: tuple[Path, ...] = ()
    """results.json files, or folders that hold one."""
    out: Path = OUT
    """Folder for the file."""
    name: str = "results"
    """Of the file, without suffix."""


def rows_of(results: Results) -> Iterator[tuple]:
    """Yield a test's rows by :data:`HEADING`.

    Raises:
        InputError: a field is not there or of another kind.
    """
    measures = _detection if "agent" in results.values else _regression
    trunk = results.values.get("trunk") or {}
    made_with = results.values.get("made_with") or {}
    for who, measure, value in measures(results):
        yield (
            run_name(results.path),
            who,
            measure,
            value,
            results.get("images", kind=int),
            results.get("seed", kind=int),
            results.get("weights", "file", kind=str),
            trunk.get("name", ""),
            *(made_with.get(name, "") for name in ("commit", "machine", "command")),
        )


def _detection(results: Results) -> Iterator[tuple[str, str, float]]:
    """Yield who, measure and value of a detector's test."""
    for who in AGENTS:
        for measure in ("ap", "recall"):
            value = results.get(who, "paper", measure, kind=(int, float))
            yield who, f"{measure} (paper)", value
        value = results.get(who, "voc", "ap_area", kind=(int, float))
        yield who, "ap (voc, by area)", value
        value = results.get(who, "regions_per_object", kind=(int, float))
        yield who, "regions per object", value


def _regression(results: Results) -> Iterator[tuple[str, str, float]]:
    """Yield who, measure and value of a glimpse regressor's test."""
    controls = results.get("controls", kind=dict)
    fields = {"mean policy": ("mean_policy",), "sampled": ("sampled",)}
    fields |= {name.replace("_", " "): ("controls", name) for name in controls}
    for who, names in fields.items():
        for key, rate in zip(KEYS, rates_of(results, *names), strict=True):
            yield who, f"% within {key}", rate
        for measure in ("median_delta", "mean_delta"):
            value = results.get(*names, measure, kind=(int, float))
            yield who, measure.replace("_", " "), value


def main(settings: Settings) -> None:
    """Read all, then write."""
    rows = [row for one in read_all(settings.runs) for row in rows_of(one)]
    path = settings.out / f"{settings.name}.csv"
    write_csv(path, HEADING, rows)
    print(path)


if __name__ == "__main__":
    run(main, Settings)
