"""The numbers of tests in one table: ``python -m figures.collect --runs A B …``.

A row per test and who was tested, with all that it was made with, so that the table can
stand by itself; with ``--over_seeds 1`` another table has means and deviations over
runs of the same name. Reads the ``results.json`` of either detector and of
``glimpse_rnn``.
"""

import re
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from common.command_line import run
from common.errors import InputError
from figures.glimpses_table1 import KEYS, rates_of
from figures.runs import Results, read_all, run_name
from figures.sets import OUT
from figures.style import write_csv
from weights.identity import TrunkIdentity


class Row(NamedTuple):
    """A number, and what it was made with."""

    run: str
    who: str
    measure: str
    value: float
    images: int
    seed: int
    weights: str
    trunk: str
    commit: str
    machine: str
    command: str


class SeedsRow(NamedTuple):
    """A number's mean over seeds, and how far seeds lie from it.

    The deviation is a sample's, n − 1 in its denominator. What several runs were made
    with is listed once each.
    """

    run: str
    who: str
    measure: str
    mean: float
    deviation: float
    images: int
    seeds: str
    trunk: str
    commit: str
    machine: str


AGENTS = ("agent", "random", "upper_bound")
"""Who is tested where objects are detected."""

TIME = "seconds per image"
"""Measure that differs from run to run, and has no place among means."""

OF_A_SEED = re.compile(r"_seed_\d+$")
"""What the name of a run with another seed than 0 ends with."""


@dataclass(frozen=True)
class Settings:
    """Write the numbers of tests into one CSV file."""

    runs: tuple[Path, ...] = ()
    """results.json files, or folders that hold one."""
    out: Path = OUT
    """Folder for the file."""
    name: str = "results"
    """Of the file, without suffix."""
    over_seeds: Literal[0, 1] = 0
    """1: also means and deviations over runs that are named alike but for _seed_N."""


def rows_of(results: Results) -> Iterator[Row]:
    """Yield a test's rows.

    Raises:
        InputError: a field is not there or of another kind.
    """
    measures = _detection if "agent" in results.values else _regression
    trunk = results.values.get("trunk") or {}
    made_with = results.values.get("made_with") or {}
    for name, value in (("trunk", trunk), ("made_with", made_with)):
        is_right = isinstance(value, dict)
        results.expect(is_right, f"{name} is {value!r}", "an object, or null")
    if trunk:
        for name in ("name", "fingerprint"):
            results.get("trunk", name, kind=str)
    for who, measure, value in measures(results):
        yield Row(
            run=run_name(results.path),
            who=who,
            measure=measure,
            value=value,
            images=results.get("images", kind=int),
            seed=results.get("seed", kind=int),
            weights=results.get("weights", "file", kind=str),
            trunk=str(TrunkIdentity(trunk["name"], trunk["fingerprint"]))
            if trunk
            else "",
            commit=made_with.get("commit", ""),
            machine=made_with.get("machine", ""),
            command=made_with.get("command", ""),
        )


def _detection(results: Results) -> Iterator[tuple[str, str, float]]:
    """Yield who, measure and value of a detector's test."""
    for who in AGENTS:
        for measure in ("ap", "recall"):
            value = results.get(who, "paper", measure, kind=(int, float))
            yield who, f"{measure} (paper)", value
        value = results.get(who, "voc", "ap_area", kind=(int, float))
        yield who, "ap (voc, by area)", value
        for measure in ("regions_per_object", "regions_per_image"):
            value = results.get(who, measure, kind=(int, float))
            yield who, measure.replace("_", " "), value
        if results.get(who, "triggers", kind=int):
            value = results.get(who, "triggers_over_half", kind=(int, float))
            yield who, "share of triggers over IoU 0.5", value
    value = results.get("agent", "seconds_per_image", kind=(int, float))
    yield "agent", TIME, value


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
    value = results.get("seconds_per_image", kind=(int, float))
    yield "mean policy", TIME, value


def means_over_seeds(rows: Iterable[Row]) -> Iterator[SeedsRow]:
    """Yield mean and deviation of each measure that was taken with several seeds.

    Args:
        rows: of all runs; those whose names differ in ``_seed_N`` alone belong
            together.

    Raises:
        InputError: two of them have the same seed, or other images or another trunk.
    """
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        if row.measure == TIME:
            continue
        key = OF_A_SEED.sub("", row.run), row.who, row.measure
        groups.setdefault(key, []).append(row)
    for key, group in groups.items():
        seeds = [row.seed for row in group]
        if len(set(seeds)) < len(seeds):
            raise InputError(f"{key[0]}: seeds are {seeds}; expected one run of each")
        for name in ("images", "trunk"):
            if len(found := _listed(group, name)) > 1:
                what = f"{name} is {' and '.join(found)}"
                raise InputError(f"{key[0]}: {what}; expected the same for all seeds")
        if len(group) > 1:
            values = [row.value for row in group]
            yield SeedsRow(
                *key,
                mean=statistics.fmean(values),
                deviation=statistics.stdev(values),
                images=group[0].images,
                seeds=" ".join(map(str, seeds)),
                trunk=group[0].trunk,
                commit=" ".join(_listed(group, "commit")),
                machine="; ".join(_listed(group, "machine")),
            )


def _listed(rows: Iterable[Row], name: str) -> list[str]:
    """Return all that a field holds, once each."""
    return list(dict.fromkeys(str(getattr(row, name)) for row in rows))


def main(settings: Settings) -> None:
    """Read all, then write."""
    rows = [row for one in read_all(settings.runs) for row in rows_of(one)]
    means = list(means_over_seeds(rows)) if settings.over_seeds else []
    path = settings.out / f"{settings.name}.csv"
    write_csv(path, Row._fields, rows)
    print(path)
    if settings.over_seeds:
        path = settings.out / f"{settings.name}_means.csv"
        write_csv(path, SeedsRow._fields, means)
        print(path)


if __name__ == "__main__":
    run(main, Settings)
