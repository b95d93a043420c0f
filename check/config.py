"""Settings of the look at a data set."""

import json
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import ClassVar, Literal

from common.errors import InputError, file_error
from common.files import check_folder
from common.settings import expect
from datasets.classes import ClassObject, class_name
from datasets.keypoint_tables import column_names
from weights import DEFAULT_PATH

MADE_BY = "datasets.check"
"""What the file says it was made by."""


@dataclass(frozen=True)
class CheckSettings:
    """Look at a data set before the hours of a training.

    Says what is in it and what is wrong, what can be reached, how long a training takes
    on this machine, and which preset fits.
    """

    path_voc: Path | None = None
    """Objects in boxes, for the detectors: a folder as --path_voc of a training takes
    it."""
    class_object: ClassObject = None
    """Class to search for: a number of VOC, or any name; where a set has one class
    alone, that one."""
    path_data: Path | None = None
    """Keypoints, for glimpse_rnn: a data set as --path_data of a training takes it."""
    keypoint: str = ""
    """Keypoint to find, by its name, in a data set that has several."""
    columns: tuple[str, ...] = ()
    """What a CSV table's columns are called: image=file x=cx y=cy."""
    detector: Literal["image_zooms", "pool45_crops"] = "image_zooms"
    """Detector whose training is timed."""
    seconds: float = 6.0
    """How long each preset's training is measured, start not counted; 0 measures
    none."""
    path_vgg: Path = DEFAULT_PATH
    """VGG-16 weights that a detector is timed with."""
    json: Path | None = None
    """File for all that was found, in JSON."""
    seed: int = 0
    """Of which objects are searched for where there are very many."""

    deterministic: ClassVar[int] = 0
    """As trainings have it by default."""

    def check(self) -> None:
        """Refuse values that no look can have.

        Raises:
            InputError: names the setting, its value and what was expected.
        """
        if self.path_voc is None and self.path_data is None:
            raise InputError(
                "path_voc and path_data are left out; expected one of them, such as"
                " --path_voc MY --class_object raccoon"
            )
        class_name(self.class_object)
        column_names(self.columns)
        expect(self, "seconds", "0 to 300", lambda x: 0 <= x <= 300)
        expect(self, "seed", "at least 0", lambda x: 0 <= x < inf)
        if self.json is not None:
            check_folder(self.json.absolute().parent, "json")
            _check_replaceable(self.json)


def _check_replaceable(path: Path) -> None:
    """Refuse to write over what is none of this program's, such as annotations.

    Raises:
        InputError: the file holds something else.
    """
    if not path.exists():
        return
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("made_by") != MADE_BY:
        raise file_error(
            path,
            "is there, and not written by this program",
            "--json to name a new file",
        )
