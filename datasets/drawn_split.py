"""Sets that come without a split: a seeded draw, written down where a test finds it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import file_error
from common.files import write_json

FILE = "split.json"
"""What the draw is called in a run's folder."""

TEST_SHARE = 0.2


@dataclass(frozen=True)
class DrawnSplit:
    """Which images of a set a run trains on, and which are left to test on.

    Attributes:
        train: identities of images.
        test: identities of images.
        seed: of the draw.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    seed: int

    @classmethod
    def draw(cls, identities: Collection[str], seed: int) -> "DrawnSplit":
        """Draw a fifth of the images to test on, of two images one.

        Args:
            identities: of all images; their order makes no difference.
            seed: the same one gives the same draw.
        """
        names = sorted(set(identities))
        order = np.random.default_rng(seed).permutation(len(names))
        count = max(round(TEST_SHARE * len(names)), int(len(names) > 1))
        test = {names[place] for place in order[:count]}
        train = tuple(name for name in names if name not in test)
        return cls(train, tuple(sorted(test)), seed)

    def by_identity(self) -> dict[str, str]:
        """Return ``train`` or ``test`` of each image that was there to be drawn."""
        return dict.fromkeys(self.train, "train") | dict.fromkeys(self.test, "test")

    def write(self, folder: Path) -> None:
        """Write the draw into a run's folder."""
        lists = {"train": list(self.train), "test": list(self.test)}
        write_json(Path(folder) / FILE, {"seed": self.seed, **lists})


def keep_split(folder: Path, drawn: DrawnSplit | None) -> None:
    """Make a run's folder say how its set was split; nothing where it was not drawn."""
    if drawn is not None:
        drawn.write(folder)
    else:
        (Path(folder) / FILE).unlink(missing_ok=True)


def read_split(folder: Path) -> DrawnSplit | None:
    """Return the draw that a run's folder holds, None without one.

    Raises:
        InputError: the file is damaged.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        train, test = (tuple(map(str, content[name])) for name in ("train", "test"))
        return DrawnSplit(train, test, int(content["seed"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise file_error(path, "is damaged", "what training wrote") from error
