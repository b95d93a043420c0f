"""Drawn sets on disk: complete or not there at all, also after an interruption."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps
from skimage.util import montage

from common.errors import InputError, file_error
from common.files import atomic_write, write_json

FIRST_NUMBERS = 1, 500_001  # of the pictures to train on and to test on
Entries = list[tuple[str, int, str]]  # split, number in the split from 0, and name


class DrawnSet(NamedTuple):
    """Set of two splits; its record is ``NAME.json``."""

    name: str
    version: int
    files: tuple[str, ...]  # of a complete set, with ``{}`` for a picture's name
    write: Callable[[Path, Entries, int], None]  # draws entries with a seed
    counts: dict[str, int]  # of pictures in each split
    seed: int

    @property
    def _record(self) -> dict[str, object]:
        """What tells one set from another, after a look at the numbers."""
        numbers = {"seed": self.seed} | self.counts
        for least, (field, number) in zip((0, 1, 1), numbers.items(), strict=True):
            if not least <= number < FIRST_NUMBERS[1]:
                raise InputError(f"{field}: {number}; expected {least} to 500000")
        return {"set": self.name, "version": self.version} | numbers

    @property
    def _entries(self) -> Entries:
        parts = zip(self.counts.items(), FIRST_NUMBERS, strict=True)
        return [(split, i, f"{first + i:06d}") for (split, count), first in parts
                for i in range(count)]  # fmt: skip

    def draw(self, folder: Path) -> None:
        """Write the set into a folder, its record last."""
        record, path = self._record, folder / f"{self.name}.json"
        for file in self.files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self.write(folder, self._entries, self.seed)
        write_json(path, record)

    def is_in(self, folder: Path) -> bool:
        """Whether a folder holds the set, all of it."""
        record = self._record
        try:
            found = json.loads((folder / f"{self.name}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return False
        wanted = {file.format(n) for file in self.files for _, _, n in self._entries}
        return found == record and all((folder / file).is_file() for file in wanted)

    def ensure(self, folder: Path, report: Callable[[str], None]) -> Path:
        """Draw the set beside its place and rename it, unless it is there already."""
        folder = Path(folder)
        if self.is_in(folder):
            return folder
        own = {Path(file).parts[0] for file in self.files}
        own |= {f"{self.name}.json", "overview.png"}
        if folder.is_file() or {path.name for path in folder.glob("*")} - own:
            what = f"a set of drawn {self.name}, an empty folder or none"
            raise file_error(folder, "holds other files", what)
        report(f"drawing {sum(self.counts.values())} {self.name} into {folder}")
        partial = folder.with_name(f".partial-{os.getpid()}-{folder.name}")
        try:
            self.draw(partial)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
        except OSError:
            if not self.is_in(folder):  # else another process was faster
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return folder

    def describe(self, folder: Path) -> str:
        """Line about the set; its first 30 pictures are shown in ``overview.png``."""
        paths = sorted(folder.glob(self.files[0].format("*")))[:30]
        small = [ImageOps.pad(Image.open(path), (250, 188)) for path in paths]
        canvas = montage(np.array(small), grid_shape=(5, 6), channel_axis=3)
        with atomic_write(folder / "overview.png") as partial:
            Image.fromarray(canvas).save(partial)
        what = "{} pictures to train on and {} to test on".format(*self.counts.values())
        return f"{what} in {folder}; {folder / 'overview.png'} shows some"
