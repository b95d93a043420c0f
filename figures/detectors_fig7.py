"""Detectors, Fig. 7: precision over recall by epoch of training.

``python -m figures.detectors_fig7 --runs EPOCH_34 EPOCH_44 EPOCH_49`` reads the
``results.json`` of tests of one training's epochs (``--model_name model0_epoch_34``).
"""

from dataclasses import dataclass
from pathlib import Path

from common.command_line import run
from common.errors import file_error
from figures import published
from figures.detectors_fig6 import curve_of, draw, is_same_protocol
from figures.runs import Results, expect_same_test, read_all
from figures.sets import OUT

NAME = "detectors_fig7"


@dataclass(frozen=True)
class Settings:
    """Draw the precision–recall curves of several epochs in one plot."""

    runs: tuple[Path, ...] = ()
    """results.json files of tests of single epochs, or folders that hold one."""
    out: Path = OUT
    """Folder for detectors_fig7.png and .csv."""


def label_of(results: Results) -> str:
    """Return the epoch that was tested as the paper counts, from 1.

    Raises:
        InputError: the tested file's name does not say the epoch.
    """
    if results.epoch is None:
        name = results.get("weights", "file")
        raise file_error(
            results.path,
            f"weights.file is {name!r}, which names no epoch",
            "a test of one epoch, --model_name model0_epoch_N",
        )
    return f"epoch {results.epoch + 1}"


def main(settings: Settings) -> None:
    """Read, draw and save."""
    runs = read_all(settings.runs)
    expect_same_test(runs)
    for one in runs:
        label_of(one)
    runs.sort(key=lambda one: one.epoch)
    curves = {}
    for one in runs:
        label = label_of(one)
        if label in curves:
            raise file_error(one.path, f"is another test of {label}", "one of each")
        curves[label] = curve_of(one, "agent")
    # The paper's epochs are image_zooms'; other epochs have no curve there.
    same = all(is_same_protocol(one) for one in runs) and all(
        one.get("detector") == "image_zooms" for one in runs
    )
    names = {label: label for label in curves if same and label in published.CURVES}
    what = f"{runs[0].get('detector')} by epoch, {runs[0].get('class')}"
    draw(curves, names, settings.out, NAME, what)


if __name__ == "__main__":
    run(main, Settings)
