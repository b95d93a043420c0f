"""What colours aeroplanes wear."""

from dataclasses import dataclass

import numpy as np

from datasets.drawn.canvas import colour

GLASS = colour("#22303f")
LAMPLIGHT = colour("#ffd98a")

# (skin, first accent, second accent), chosen by eye to go together.
AIRLINE_COLOURS = (
    ("#f6f6f2", "#1f4e9c", "#e0a526"),
    ("#f7f5ef", "#b3262d", "#2b3a67"),
    ("#f4f6f6", "#0f7c6c", "#f0b429"),
    ("#f3f1ea", "#e2711d", "#5a2a6b"),
    ("#eef2f5", "#16365c", "#4fa3d1"),
    ("#fbf7ea", "#6a1b3d", "#d9a441"),
    ("#f5f5f5", "#2f7d32", "#c62828"),
    ("#f2d24b", "#1d3f72", "#f7f5ef"),
    ("#d8e6ef", "#0b4f7d", "#f08a24"),
    ("#c9402f", "#f4efe4", "#2a2f45"),
    ("#3f7fb5", "#f6f3e8", "#f2b632"),
    ("#f4eee6", "#7a4fa0", "#3fb0a3"),
)
SPORT_COLOURS = (
    ("#f4f1e8", "#c0392b", "#23395d"),
    ("#f2c230", "#27272e", "#f7f3e6"),
    ("#d9432f", "#f6efe0", "#1f2d4d"),
    ("#2f6fa8", "#f4f1e6", "#f0b02e"),
    ("#f5f2ea", "#2d7f5e", "#e9a227"),
    ("#e8762b", "#f8f1e0", "#3a2f4f"),
    ("#3c8d7a", "#f7f1dd", "#d95c3b"),
    ("#f3efe6", "#7b2d43", "#d8a24a"),
)
MILITARY_COLOURS = (
    ("#8f9aa3", "#5f6a74", "#c23b32"),
    ("#7b8794", "#4d5966", "#e7c24b"),
    ("#77805f", "#555c42", "#e8e2c8"),
    ("#b3261e", "#f3f0e8", "#20335c"),
    ("#2456a0", "#f2c230", "#f3f0e8"),
    ("#a8946a", "#6d6243", "#2f4a6b"),
)


@dataclass(frozen=True)
class Livery:
    """Colours and how they are laid on; each colour is float32 (3,)."""

    skin: np.ndarray
    accent: np.ndarray
    second: np.ndarray
    belly: np.ndarray
    wing: np.ndarray
    stripe: str
    fin: str
    lit: bool = False

    @property
    def pane(self) -> np.ndarray:
        """Colour of the windows."""
        return LAMPLIGHT if self.lit else GLASS


def draw_livery(rng: np.random.Generator, kind: str, lit: bool) -> Livery:
    """Draw a livery by lot.

    Args:
        rng: where the lots come from.
        kind: of the aeroplane, which decides between airlines, clubs and air forces.
        lit: whether light shines from the windows.
    """
    colours = AIRLINE_COLOURS
    if kind in ("trainer", "tourer", "biplane"):
        colours = SPORT_COLOURS
    elif kind in ("fighter", "warbird"):
        colours = MILITARY_COLOURS
    skin, accent, second = map(colour, colours[rng.integers(len(colours))])
    grey = colour("#c3c8cd")
    wing = grey if colours is AIRLINE_COLOURS else skin
    return Livery(
        skin=skin,
        accent=accent,
        second=second,
        belly=(skin, grey, accent)[rng.choice(3, p=[0.4, 0.4, 0.2])],
        wing=(wing, accent)[rng.choice(2, p=[0.85, 0.15])],
        stripe=str(rng.choice(["cheatline", "double", "swoosh", "half", "none"])),
        fin=str(rng.choice(["plain", "bands", "disc", "star", "diagonal"])),
        lit=lit,
    )
