"""What a hierarchy can find, counted in all ways that RESULTS.md compares.

``python -m figures.ceilings_table --path_voc VOC2007 --out results`` writes
ceilings_table.csv, a row for each number with the command that prints it; annotations
alone, under a minute.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from common.command_line import quiet_start, run
from common.provenance import command_of, commit, machine
from figures import ceilings, detectors_fig5
from figures.ceilings import scale_name
from figures.sets import OUT
from figures.style import write_csv
from hierarchy.config import VOC2007

VARIANTS: tuple[Mapping[str, Any], ...] = (
    {},
    {"quirks": ("one_based_boxes",)},
    {"quirks": ("published",)},
    {"objects": "first"},
    {"quirks": ("published",), "moves": "first_better"},
    {"threshold": 0.58},
    {"threshold": 0.6},
    {"per": "object"},
)
"""Settings of :mod:`figures.ceilings` that differ from its own."""

TRIGGERS: Mapping[str, Any] = {
    "quirks": ("published",),
    "only_first_object": 0,
    "detections": "triggers",
    "seeds": 30,
}
"""Settings of :mod:`figures.detectors_fig5` for what the published program counts."""


class Row(NamedTuple):
    """A number, and what it was made with."""

    flags: str
    scale: str
    who: str
    measure: str
    value: float
    of: int
    commit: str
    machine: str
    command: str


@dataclass(frozen=True)
class Settings:
    """Count what searches can find, in several ways."""

    path_voc: Path = VOC2007
    """Data set in the VOC layout; annotations and sets are enough."""
    image_set: str = "test"
    """List in ImageSets/Main, without the class's name."""
    class_object: str = "aeroplane"
    """Class to search for, by number or name."""
    out: Path = OUT
    """Folder for ceilings_table.csv."""

    def which(self) -> dict[str, Any]:
        """Return what says which objects are searched for."""
        names = "path_voc", "image_set", "class_object"
        return {name: getattr(self, name) for name in names}


def words_of(settings: Mapping[str, Any]) -> list[str]:
    """Return settings as they are written on a command line, word by word."""
    words = []
    for name, value in settings.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name}", *map(str, values)]
    return words


def rows(settings: Settings) -> Iterator[Row]:
    """Yield all numbers.

    Raises:
        InputError: the data set cannot be read.
    """
    made_with = commit(), machine()
    for variant in VARIANTS:
        command = _command("ceilings", settings, variant)
        flags = " ".join(words_of(variant))
        for scale, who, found, of in _ceilings(settings, variant):
            number = scale_name(scale), who, "found", found, of
            yield Row(flags, *number, *made_with, command)
    command = _command("detectors_fig5", settings, TRIGGERS)
    flags = " ".join(words_of(TRIGGERS))
    for scale, *number in _by_triggers(settings):
        yield Row(flags, scale_name(scale), *number, *made_with, command)


def _ceilings(
    settings: Settings, variant: Mapping[str, Any]
) -> Iterator[tuple[float, str, float, int]]:
    """Yield scale, who, finds after all moves and what there is to find."""
    which = settings.which() | {"class_object": (settings.class_object,)}
    found, _ = ceilings.ceilings(ceilings.Settings(**which, **variant))
    for one in found:
        for who in reversed(ceilings.STYLES):
            yield one.scale, who, float(getattr(one, who)[-1]), one.positives


def _by_triggers(settings: Settings) -> Iterator[tuple[float, str, str, float, int]]:
    """Yield scale, who, measure, value and how many images there are."""
    figure = detectors_fig5.Settings(**settings.which(), **TRIGGERS)
    images = detectors_fig5.searched(figure)
    for scale in figure.scales:
        chances, best = detectors_fig5.baselines(images, scale, figure)
        for who, curves in (("random", chances), ("upper bound", [best])):
            for measure, value in detectors_fig5.summary(curves).items():
                yield scale, who, measure, value, best.positives


def _command(module: str, settings: Settings, variant: Mapping[str, Any]) -> str:
    """Return the command that prints the numbers of a variant."""
    words = words_of(settings.which() | dict(variant))
    return command_of(["-m", f"figures.{module}", *words])


def main(settings: Settings) -> None:
    """Count, then write."""
    with quiet_start():
        import hierarchy.policies  # noqa: F401, brings Keras with it
    path = settings.out / "ceilings_table.csv"
    write_csv(path, Row._fields, rows(settings))
    print(path)


if __name__ == "__main__":
    run(main, Settings)
