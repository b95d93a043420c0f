"""Aeroplanes from plan to solid: every part gets its faces and its paint."""

from collections.abc import Callable, Iterator

import numpy as np

from datasets.drawn.aircraft import Aircraft, Leg, Propeller
from datasets.drawn.canvas import colour
from datasets.drawn.liveries import Livery
from datasets.drawn.solids import Body, Faces, Foil, faces_of_grid, rod

RUBBER = colour("#24262b")
METAL = colour("#8d949c")
DARK = colour("#2b2d33")


def build_aircraft(plane: Aircraft, wheels_down: bool) -> tuple[Faces, ...]:
    """Return the parts of an aeroplane, nose forward.

    Args:
        plane: its plan.
        wheels_down: whether an undercarriage that can be drawn in is out.
    """
    parts = [*_body_parts(plane), *_wing_parts(plane), *_engine_parts(plane)]
    if wheels_down or plane.fixed_legs:
        parts += [part for leg in plane.legs for part in _leg_parts(leg)]
    return tuple(parts)


def _body_parts(plane: Aircraft) -> Iterator[Faces]:
    """Yield the fuselage with all that is painted on it, and the extras."""
    yield Faces.joined(_fuselage(plane))
    for extra, fill in plane.extras:
        glass = fill is not plane.livery.skin and fill is not plane.livery.second
        pieces = [extra.skin(fill, 16, 24, gloss=1.0 if glass else 0.5)]
        if extra.mouth:
            pieces.append(extra.lid(0.0, 0.95, DARK))
        yield from _both_sides(Faces.joined(pieces), extra.left)


def _fuselage(plane: Aircraft) -> Iterator[Faces]:
    body, livery = plane.fuselage, plane.livery

    def paint(along: np.ndarray, angle: np.ndarray) -> np.ndarray:
        low = (np.sin(np.deg2rad(angle)) < -0.62)[..., None]
        return np.where(low, livery.belly, livery.skin)

    yield body.skin(paint, rings=54, sides=50, gloss=0.6)
    yield from _stripes(body, livery)
    if body.mouth:
        yield body.lid(0.0, 0.9, METAL)
    if body.tip > 0.5:
        yield body.lid(1.0, 0.95, DARK)
    if plane.cabin_windows:
        yield _windows(plane)
    if plane.cockpit:
        yield from _cockpit(body, livery, *plane.cockpit)
    if plane.kind in ("warbird", "fighter"):
        yield from _roundels(plane)


def _stripes(body: Body, livery: Livery) -> Iterator[Faces]:
    """Yield the paint on the fuselage's sides and tail."""
    along = np.linspace(0.03, 0.985, 40)[:, None]
    taper = np.clip((along - 0.02) / 0.12, 0, 1) ** 0.5  # pointed at the nose
    bands = {
        "cheatline": [(-12, 8, livery.accent)],
        "double": [(-16, -4, livery.accent), (-26, -19, livery.second)],
        "half": [(-38, -6, livery.accent)],
    }.get(livery.stripe, [])
    for low, high, fill in bands:
        half = taper * np.linspace(-0.5, 0.5, 6) * (high - low)
        for middle in ((low + high) / 2, 180 - (low + high) / 2):
            yield body.patch(along, middle + half, fill, gloss=0.6, level=1)
    if livery.stripe != "swoosh":
        return
    around = np.linspace(-90, 270, 41)
    lean = 0.1 * np.sin(np.deg2rad(around))
    for level, front, fill in ((1, 0.66, livery.second), (2, 0.71, livery.accent)):
        edge = front - lean
        grid = edge + (0.995 - edge) * np.linspace(0, 1, 14)[:, None]
        yield body.patch(grid, around, fill, gloss=0.6, level=level)


def _windows(plane: Aircraft) -> Faces:
    """Return the cabin's windows; small aeroplanes have few large ones."""
    first, last = plane.cabin_windows
    small = plane.kind in ("trainer", "tourer")
    pitch, share, angles = (0.09, 0.8, (24, 58)) if small else (0.022, 0.5, (11, 25))
    starts = np.arange(first, last, pitch)
    edges = np.stack([starts, starts + share * pitch], 1).ravel()
    glow = float(plane.livery.lit)
    sides = []
    for around in (np.array(angles), 180 - np.array(angles)):
        strip = plane.fuselage.patch(
            edges, around, plane.livery.pane, gloss=0.9, glow=glow, level=3
        )
        sides.append(strip.pick(slice(None, None, 2)))  # every other one is a gap
    return Faces.joined(sides)


def _cockpit(
    body: Body, livery: Livery, front: float, rear: float, lowest: float
) -> Iterator[Faces]:
    """Yield the panes of the windscreen, from one side over the nose to the other."""
    look = {"gloss": 1.0, "glow": 0.6 * livery.lit, "level": 3}
    edges = np.linspace(lowest, 180 - lowest, 7)
    for left, right in zip(edges[:-1] + 1.5, edges[1:] - 1.5, strict=True):
        angle = np.linspace(left, right, 3)
        # Side panes reach farther back than those in front of the pilots.
        back = rear + 0.5 * (rear - front) * np.abs(np.cos(np.deg2rad(angle)))
        along = np.linspace(np.full(3, front), back, 4)
        yield body.patch(along, angle, livery.pane, **look)


def _roundels(plane: Aircraft) -> Iterator[Faces]:
    """Yield the round marks on the fuselage of military aeroplanes."""
    livery = plane.livery
    rings = (livery.second, 0.05), (colour("#f2efe6"), 0.034), (livery.accent, 0.018)
    turn = np.linspace(0, 360, 17)
    for level, (fill, radius) in enumerate(rings, 3):
        share = np.linspace(0.02, 1, 3)[:, None] * radius
        along = 0.62 + share * np.cos(np.deg2rad(turn))
        high = 6 + share * np.sin(np.deg2rad(turn)) / plane.fuselage.radius * 62
        for angle in (high, 180 - high):
            yield plane.fuselage.patch(along, angle, fill, level=level)


def _wing_parts(plane: Aircraft) -> Iterator[Faces]:
    livery = plane.livery

    def on_wing(span: np.ndarray, chord: np.ndarray) -> np.ndarray:
        tip, flap = (span > 0.9)[..., None], (chord > 0.8)[..., None]
        fill = np.where(flap, livery.wing * 0.9, livery.wing)
        return np.where(tip, livery.accent, fill)

    for wing in plane.wings:
        yield from _both_sides(wing.skin(on_wing, gloss=0.35), 1.0)
    yield from _both_sides(plane.tailplane.skin(livery.wing, 8, gloss=0.35), 1.0)
    for fin in plane.fins:
        skin = fin.skin(_fin_paint(livery), cuts=16, gloss=0.4)
        yield Faces.joined([skin, *_fin_emblem(fin, livery)])
    for start, end, radius in plane.bars:
        yield from _both_sides(rod(start, end, radius, livery.wing * 0.85), start[1])


def _fin_paint(livery: Livery) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def paint(span: np.ndarray, chord: np.ndarray) -> np.ndarray:
        second = np.zeros(span.shape, bool)
        if livery.fin == "bands":
            second = (span > 0.35) & (span < 0.55) | (span > 0.72) & (span < 0.85)
        elif livery.fin == "diagonal":
            second = span > 0.62
        return np.where(second[..., None], livery.second, livery.accent)

    return paint


def _fin_emblem(fin: Foil, livery: Livery) -> Iterator[Faces]:
    """Yield a disc or a star on both sides of the fin."""
    if livery.fin not in ("disc", "star"):
        return
    corner = np.arange(21)
    star = np.where(corner % 4 == 0, 1.0, np.where(corner % 2, 0.62, 0.4))
    reach = np.array([[0.02], [1]]) * (0.8 if livery.fin == "disc" else star)
    turn = corner * np.pi / 10
    height = np.linalg.norm(np.subtract(fin.tip, fin.root))
    size = (0.24 - 0.1 * fin.curve) * fin.root_chord
    span = 0.56 - 0.1 * fin.curve + reach * np.cos(turn) * size / height
    depth = fin.root_chord + (fin.tip_chord - fin.root_chord) * span
    chord = np.clip(0.48 + reach * np.sin(turn) * size / depth, 0, 1)
    inside = fin.at(np.array(0.5), np.array(0.4))
    for side in (1, -1):
        grid = fin.at(span, chord, side)
        yield faces_of_grid(grid, livery.second, inside, gloss=0.4, level=1)


def _engine_parts(plane: Aircraft) -> Iterator[Faces]:
    livery = plane.livery
    shell = livery.accent if livery.stripe != "none" else livery.skin

    def paint(along: np.ndarray, angle: np.ndarray) -> np.ndarray:
        return np.where((along < 0.09)[..., None], colour("#d9dde0"), shell)

    for engine in plane.engines:
        pieces = [
            engine.skin(paint, 20, 24, gloss=0.5),
            engine.lid(0.0, 0.92, DARK),
            engine.lid(0.0, 0.3, METAL, level=2),
            engine.lid(1.0, 0.95, DARK),
        ]
        yield from _both_sides(Faces.joined(pieces), engine.left)
    for propeller in plane.propellers:
        for part in _propeller_parts(propeller, livery):
            yield from _both_sides(part, propeller.hub[1])


def _propeller_parts(propeller: Propeller, livery: Livery) -> Iterator[Faces]:
    hub = np.array(propeller.hub)
    spinner = Body(
        hub[0] + 0.035, 0.06, 0.028, hub[1], hub[2], 0.9, 0.6, 0, 0.05, 1, 0.9
    )
    yield spinner.skin(livery.second, 10, 16, gloss=0.7)
    share = np.array([0.1, 0.35, 0.6, 0.85, 0.9, 1.0])
    width = np.array([0.012, 0.02, 0.02, 0.016, 0.015, 0.008])
    fills = np.where((share[1:] > 0.86)[:, None, None], livery.second, DARK)
    for blade in range(propeller.blades):
        turn = np.deg2rad(propeller.angle + 360 / propeller.blades * blade)
        out = np.array([0, np.cos(turn), np.sin(turn)])
        over = np.array([0.4, -np.sin(turn), np.cos(turn)])
        spine = hub + propeller.radius * share[:, None] * out
        edges = [spine + side * width[:, None] * over for side in (-1, 1)]
        yield faces_of_grid(np.stack(edges, 1), fills, gloss=0.2)


def _leg_parts(leg: Leg) -> Iterator[Faces]:
    forward, left, up = leg.wheel
    ends = [(forward, left + side * leg.width / 2, up) for side in (-1, 1)]
    tyre = rod(*ends, leg.radius, RUBBER, sides=18, gloss=0.1)
    hub = rod(*ends, leg.radius * 0.45, METAL, sides=12, level=1)
    caps = np.arange(36) // 12 != 1  # its middle would show through the tyre
    yield from _both_sides(rod(leg.top, leg.wheel, 0.008, METAL), left)
    yield from _both_sides(Faces.joined([tyre, hub.pick(caps)]), left)


def _both_sides(part: Faces, left: float) -> Iterator[Faces]:
    """Yield what stands left also on the right; what is in the middle once."""
    yield part
    if left:
        yield part.mirrored()
