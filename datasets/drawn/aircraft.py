"""Aeroplanes of four kinds as meshes, about one unit long, nose forward."""

import numpy as np

from datasets.drawn.shapes import Mesh, Paint, Rng, body, colour, foil, rod

_CIVIL = ("#f7f7f5 #c8202f #1d3f72", "#f2f4f6 #15498c #f0a92c",
          "#f4f6f2 #1e7a4c #e7b93c", "#e9edf0 #1c2c54 #c23b3b",
          "#f2d24b #1d3f72 #f7f5ef", "#d9432f #f6efe0 #1f2d4d")  # fmt: skip
_MILITARY = ("#8f9aa3 #5f6a74 #c23b32", "#7b8794 #4d5966 #e7c24b",
             "#77805f #555c42 #e8e2c8", "#b3261e #f3f0e8 #20335c")  # fmt: skip
# Main colour, accent and second accent.
_GLASS, _DARK, _GREY = colour("#22303c"), colour("#2b2d33"), colour("#c3c8cd")
_Halves = tuple[list[Mesh], list[Mesh]]  # in the middle; on the left, to be mirrored


def build_aircraft(kind: str, rng: Rng, wheels: bool) -> Mesh:
    """Mesh of a random aeroplane of a kind, its undercarriage down or retracted."""
    codes = str(rng.choice(_MILITARY if kind == "fighter" else _CIVIL)).split()
    middle, left = KINDS[kind](rng, wheels, *map(colour, codes))
    right = [(corners[:, ::-1] * [1, -1, 1], fills) for corners, fills in left]
    corners, fills = zip(*middle, *left, *right, strict=True)
    proportions = 1, *rng.uniform(0.9, 1.12, 2)
    return np.concatenate(corners) * proportions, np.concatenate(fills)


def _fuselage(rng: Rng, skin, accent, screen, cabin=(1, 1, 0, 0, 2)) -> Paint:
    """Paint with a belly, a stripe, a windscreen and windows."""
    stripe = rng.integers(3)

    def paint(along: np.ndarray, up: np.ndarray) -> np.ndarray:
        window = (along > cabin[0]) & (along < cabin[1]) & (up > cabin[2])
        window &= (up < cabin[3]) & (np.arange(len(along))[:, None] % cabin[4] > 0)
        rear = screen[1] + 0.4 * (screen[1] - screen[0]) * np.cos(np.radians(up))
        window |= (along > screen[0]) & (along < rear) & (up > screen[2])
        band = (abs(up + 3) < 9, abs(up + 25) < 20, along > 0.68)[stripe]
        cases = [window, band & (along > 0.03), up < -50]
        fills = [_GLASS, accent, _GREY if skin.min() > 0.7 else 0.85 * skin]
        return np.select([case[..., None] for case in cases], fills, skin)

    return paint


def _banded(fill, second, low: float, high: float = 1) -> Paint:
    """Paint with a band across the span, between two shares of it."""
    is_second = lambda span: ((span > low) & (span < high))[..., None]  # noqa: E731
    return lambda span, chord: np.where(is_second(span), second, fill)


def _leg(x: float, left: float, low: float, radius: float) -> list[Mesh]:
    """Strut and wheel of the undercarriage."""
    tyre = [(x, left + side * 0.35 * radius, low) for side in (-1, 1)]
    strut = rod(_GREY, (x, 0.4 * left, -0.03), (x, left, low), 0.008)
    return [strut, rod(_DARK, tyre[0], tyre[1], radius, 14)]


def _airliner(rng: Rng, wheels: bool, skin, accent, second) -> _Halves:
    """Jet airliner with two or four engines in pods."""
    paint = _fuselage(rng, skin, accent, (0.03, 0.06, 26), (0.13, 0.84, 8, 20, 2))
    fin, low = (-0.28, 0, 0.025), rng.choice([0.4, 0.7])
    middle = [body(paint, 0.5, 1, 0.07, nose=(0.17, 0.55, 0), tail=(0.38, 1.7, 0.14),
                   rise=0.6, cuts=(72, 40)),
              foil(_banded(accent, second, low, low + 0.25), fin, (-0.44, 0, 0.24),
                   (0.21, 0.085))]  # fmt: skip
    wing = (0.14, 0.04, -0.04), (-0.13, 0.47, 0.04), (0.25, 0.06)
    tail = (-0.36, 0, 0.025), (-0.47, 0.19, 0.04), (0.12, 0.06)
    left = [foil(_banded(_GREY, accent, 0.93), *wing), foil(_GREY, *tail)]
    for out in (0.16, 0.3)[: 1 + (rng.random() < 0.3)]:
        start, up = 0.3 - 0.8 * out, -0.11 + 0.22 * out
        left.append(body(accent, start, 0.15, 0.042 - 0.035 * out, (out, up),
                         (0.3, 0.5, 0.8), (0.5, 1.4, 0.5)))  # fmt: skip
        end = start - 0.1, out, up + 0.05
        left.append(rod(skin, (start - 0.07, out, up), end, 0.012))
    legs = _leg(-0.03, 0.09, -0.125, 0.027) + _leg(0.36, 0.007, -0.12, 0.022)
    return middle, left + legs * wheels


def _light(rng: Rng, skin, accent, second, cabin: float) -> _Halves:
    """Fuselage, tail and propeller of a light aircraft; its cabin has a height."""
    glass = ((0.24, 0.3, 22), (0.33, 0.56, 18, 62, 4)) if cabin else ((0.29, 0.31, 50),)
    fin = _banded(accent, second, 0.45, 0.7), (-0.3, 0, 0.03), (-0.4, 0, 0.22)
    middle = [body(_fuselage(rng, skin, accent, *glass), 0.47, 0.95, 0.09, rise=0.4,
                   nose=(0.24, 0.42, 0.5), tail=(0.62, 1.25, 0.14),
                   cabin=(0.4, 0.17, cabin), cuts=(48, 32)),
              body(second, 0.535, 0.06, 0.03, nose=(0.9, 0.6, 0), cuts=(6, 12)),
              foil(*fin, (0.18, 0.09))]  # fmt: skip
    blades = rng.integers(2, 4)
    for turn in rng.uniform(0, 3) + 2 * np.pi / blades * np.arange(blades):
        end = 0.5, 0.2 * np.cos(turn), 0.2 * np.sin(turn)
        middle.append(rod(_DARK, (0.5, 0, 0), end, 0.013, 4))
    tail = (-0.36, 0, 0.03), (-0.4, 0.21, 0.03), (0.13, 0.08)
    return middle, [foil(_banded(skin, accent, 0.8), *tail)]


def _propeller(rng: Rng, wheels: bool, skin, accent, second) -> _Halves:
    """Light aircraft, its wing above or below the cabin."""
    high = rng.random() < 0.6
    middle, left = _light(rng, skin, accent, second, 0.45)
    up = 0.11 if high else -0.06
    wing = (0.17, 0 if high else 0.03, up), (0.15, 0.6, up + 0.04), (0.2, 0.12)
    left.append(foil(_banded(skin, accent, 0.85), *wing))
    if high:
        left.append(rod(0.8 * second, (0.1, 0.07, -0.05), (0.08, 0.3, 0.13), 0.007))
    left += _leg(0.04, 0.15, -0.15, 0.036) + _leg(0.36, 0.005, -0.15, 0.032)
    return middle, left


def _biplane(rng: Rng, wheels: bool, skin, accent, second) -> _Halves:
    """Biplane with struts, an open cockpit and a tail wheel."""
    middle, left = _light(rng, skin, accent, second, 0)
    paint = _banded(skin, accent, rng.choice([0.7, 0.9]))
    left.append(foil(paint, (0.2, 0, 0.22), (0.19, 0.57, 0.24), (0.18, 0.16)))
    left.append(foil(paint, (0.13, 0.03, -0.06), (0.12, 0.54, -0.03), (0.18, 0.15)))
    for x in (0.07, 0.15):
        left.append(rod(0.7 * second, (x - 0.06, 0.4, -0.04), (x, 0.4, 0.22), 0.007))
        left.append(rod(0.7 * second, (x, 0.05, 0.05), (x, 0.1, 0.22), 0.006))
    left += _leg(0.2, 0.14, -0.16, 0.045) + _leg(-0.43, 0.004, -0.04, 0.02)
    return middle, left


def _fighter(rng: Rng, wheels: bool, skin, accent, second) -> _Halves:
    """Jet fighter: delta or swept wings, a bubble canopy, one fin or two."""
    middle = [body(_fuselage(rng, skin, accent, (0, 0.03, -90)), 0.5, 0.97, 0.062,
                   nose=(0.42, 0.85, 0), tail=(0.3, 1.4, 0.66), cuts=(40, 24)),
              body(_GLASS, 0.3, 0.24, 0.042, (0, 0.05), (0.45, 0.6, 0),
                   (0.55, 1.3, 0.05))]  # fmt: skip
    chord, out = rng.uniform(0.34, 0.46), rng.choice([0, 0.05])
    wing = (chord - 0.32, 0.03, 0), (-0.24, 0.34, -0.01), (chord, 0.08), 0.05
    tail = (-0.34, 0.05, 0), (-0.48, 0.19, -0.01), (0.14, 0.06), 0.06
    fin = (-0.2, 1.2 * out, 0.04), (-0.39, 2.2 * out, 0.22), (0.26, 0.09), 0.06
    intake = body(skin, 0.12, 0.5, 0.04, (0.055, -0.02), (0.2, 0.5, 0.85))
    left = [foil(_banded(skin, accent, 0.7, 0.85), *wing), foil(skin, *tail), intake]
    (left if out else middle).append(foil(_banded(skin, second, 0.7, 0.9), *fin))
    legs = _leg(-0.12, 0.12, -0.12, 0.028) + _leg(0.28, 0.004, -0.12, 0.022)
    return middle, left + legs * wheels


KINDS = {f.__name__[1:]: f for f in (_airliner, _propeller, _biplane, _fighter)}
