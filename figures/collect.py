"""The numbers of tests in one table, with all that each was made with."""

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from common.errors import InputError
from figures.figure import Made, Runs
from figures.published import KEYS
from figures.runs import Results, rates_of, read_all, run_name
from weights.identity import TrunkIdentity

AGENTS = ("agent", "random", "centre", "upper_bound")
"""Who is tested where objects are detected."""
TIME = "seconds per image"
"""Measure that differs from run to run, and has no place among means."""
SEED_SUFFIX = re.compile(r"_seed_\d+$")
"""What the name of a run with another seed than 0 ends with."""
NUMBER = (int, float)


@dataclass(frozen=True)
class Collect(Runs):
    """Settings of a table of tests."""

    name: str = "results"
    """Of the CSV file, without suffix; that of means ends with _means."""


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
    """A number's mean over seeds, and its sample deviation (n − 1).

    What several runs were made with is listed once each.
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


def collect(settings: Collect) -> Made:
    """The numbers of tests and what they were made with, from results.json."""
    return Made(_rows(settings), stem=settings.name)


def collect_means(settings: Collect) -> Made:
    """Means and deviations over runs named alike but for _seed_N; results.json."""
    return Made(list(_means(_rows(settings))), stem=f"{settings.name}_means")


def _rows(settings: Collect) -> list[Row]:
    return [row for one in read_all(settings.runs) for row in _rows_of(one)]


def _rows_of(results: Results) -> Iterator[Row]:
    """Yield a test's rows."""
    measures = _detection if "agent" in results.values else _regression
    trunk = results.values.get("trunk") or {}
    made_with = results.values.get("made_with") or {}
    for name, value in (("trunk", trunk), ("made_with", made_with)):
        is_right = isinstance(value, dict)
        results.expect(is_right, f"{name} is {value!r}", "an object, or null")
    if trunk:
        fields = [results.get("trunk", n, kind=str) for n in ("name", "fingerprint")]
        trunk = TrunkIdentity(*fields)
    for who, measure, value in measures(results):
        yield Row(
            run=run_name(results.path),
            who=who,
            measure=measure,
            value=value,
            images=results.get("images", kind=int),
            seed=results.get("seed", kind=int),
            weights=results.get("weights", "file", kind=str),
            trunk=str(trunk or ""),
            commit=made_with.get("commit", ""),
            machine=made_with.get("machine", ""),
            command=made_with.get("command", ""),
        )


def _detection(results: Results) -> Iterator[tuple[str, str, float]]:
    """Yield who, measure and value of a detector's test."""
    fields = {
        "ap (paper)": ("paper", "ap"),
        "recall (paper)": ("paper", "recall"),
        "ap (voc, by area)": ("voc", "ap_area"),
        "regions per object": ("regions_per_object",),
        "regions per image": ("regions_per_image",),
    }
    # Results of before this baseline lack it.
    agents = [who for who in AGENTS if who != "centre" or who in results.values]
    for who in agents:
        for measure, names in fields.items():
            yield who, measure, results.get(who, *names, kind=NUMBER)
        if results.get(who, "triggers", kind=int):
            value = results.get(who, "triggers_over_half", kind=NUMBER)
            yield who, "share of triggers over IoU 0.5", value
    yield "agent", TIME, results.get("agent", "seconds_per_image", kind=NUMBER)


def _regression(results: Results) -> Iterator[tuple[str, str, float]]:
    """Yield who, measure and value of a glimpse regressor's test."""
    controls = results.get("controls", kind=dict)
    fields = {"mean policy": ("mean_policy",), "sampled": ("sampled",)}
    fields |= {name.replace("_", " "): ("controls", name) for name in controls}
    for who, names in fields.items():
        for key, rate in zip(KEYS, rates_of(results, *names), strict=True):
            yield who, f"% within {key}", rate
        for measure in ("median_delta", "mean_delta"):
            value = results.get(*names, measure, kind=NUMBER)
            yield who, measure.replace("_", " "), value
    yield "mean policy", TIME, results.get("seconds_per_image", kind=NUMBER)


def _means(rows: Iterable[Row]) -> Iterator[SeedsRow]:
    """Yield mean and deviation of each measure that was taken with several seeds.

    Raises:
        InputError: two runs have the same seed, or other images or another trunk.
    """
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.measure != TIME:
            groups[SEED_SUFFIX.sub("", row.run), row.who, row.measure].append(row)
    for key, group in groups.items():
        seeds = [row.seed for row in group]
        if len(set(seeds)) < len(seeds):
            raise InputError(f"{key[0]}: seeds are {seeds}; expected one run of each")
        for name in ("images", "trunk"):
            if len(found := _distinct(group, name)) > 1:
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
                commit=" ".join(_distinct(group, "commit")),
                machine="; ".join(_distinct(group, "machine")),
            )


def _distinct(rows: Iterable[Row], name: str) -> list[str]:
    """Return all that a field holds, once each."""
    return list(dict.fromkeys(str(getattr(row, name)) for row in rows))
