"""Aeroplanes of nine kinds, with their proportions and liveries drawn by lot.

Lengths are shares of the fuselage. Each kind is one short function that lists the
parts; :mod:`datasets.drawn.airframes` covers them with faces.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from datasets.drawn.canvas import colour, mix
from datasets.drawn.liveries import GLASS, Livery, draw_livery
from datasets.drawn.solids import Body, Foil


@dataclass(frozen=True)
class Propeller:
    """Blades around an axis: (forward, left, up) of the hub, radius, first angle."""

    hub: tuple[float, float, float]
    radius: float
    blades: int
    angle: float


@dataclass(frozen=True)
class Leg:
    """One leg of the undercarriage: where it is fixed, and its wheel."""

    top: tuple[float, float, float]
    wheel: tuple[float, float, float]
    radius: float
    width: float


@dataclass(frozen=True)
class Aircraft:
    """An aeroplane as a list of parts; what stands left is mirrored to the right.

    Attributes:
        kind: airliner, regional, jumbo, turboprop, trainer, tourer, biplane, warbird
            or fighter.
        livery: its colours.
        fuselage: the body that carries the windows and stripes.
        wings: left wings, lower one first.
        tailplane: its left half.
        fins: what stands on the tail.
        engines: bodies of the engines in the middle and on the left.
        extras: further bodies with their colours: canopies, fairings, floats.
        propellers: in the middle and on the left.
        bars: struts on the left, (from, to, radius).
        legs: undercarriage, in the middle and on the left.
        cabin_windows: (first, last) as shares of the fuselage, or None.
        cockpit: (front, rear, lowest angle) of the panes, or None.
        fixed_legs: whether the wheels stay out in flight.
    """

    kind: str
    livery: Livery
    fuselage: Body
    wings: tuple[Foil, ...]
    tailplane: Foil
    fins: tuple[Foil, ...]
    engines: tuple[Body, ...] = ()
    extras: tuple[tuple[Body, np.ndarray], ...] = ()
    propellers: tuple[Propeller, ...] = ()
    bars: tuple[tuple[tuple, tuple, float], ...] = ()
    legs: tuple[Leg, ...] = ()
    cabin_windows: tuple[float, float] | None = None
    cockpit: tuple[float, float, float] | None = None
    fixed_legs: bool = False


def design_aircraft(
    rng: np.random.Generator, kind: str | None = None, lit: bool = False
) -> Aircraft:
    """Draw an aeroplane by lot.

    Args:
        rng: where the lots come from.
        kind: one of :data:`KINDS`; drawn too if left out.
        lit: whether light shines from its windows.
    """
    kind = kind or str(rng.choice(list(KINDS), p=list(_SHARES.values())))
    return KINDS[kind](rng, draw_livery(rng, kind, lit))


# --- kinds ---------------------------------------------------------------------------


def _airliner(rng: np.random.Generator, livery: Livery) -> Aircraft:
    radius = rng.uniform(0.066, 0.082)
    span, height = rng.uniform(0.42, 0.52), rng.uniform(0.19, 0.23)
    wing = Foil(
        (0.14, 0.6 * radius, -0.55 * radius), (-0.13, span, 0.035), 0.25, 0.06, 0.1
    )
    engine = Body(
        0.155, 0.14, 0.036, 0.165, -1.12 * radius, 0.3, 0.5, 0.8, 0.5, 1.4, 0.5
    )
    return Aircraft(
        "airliner",
        livery,
        _jet_fuselage(radius),
        (wing,),
        _tailplane(0.35 * radius, 0.19),
        (_fin(radius, height),),
        engines=(engine,),
        bars=(_pylon(engine, wing),),
        legs=_tricycle(radius, 0.36, -0.02, 0.1, 0.026),
        cabin_windows=(0.14, 0.84),
        cockpit=(0.035, 0.075, 28),
    )


def _jumbo(rng: np.random.Generator, livery: Livery) -> Aircraft:
    plane = _airliner(rng, livery)
    inner, wing = plane.engines[0], plane.wings[0]
    inner = replace(inner, radius=0.031, length=0.12)
    outer = replace(inner, left=0.3, start=0.035, up=inner.up + 0.022)
    fuselage = plane.fuselage
    if rng.random() < 0.6:
        fuselage = replace(fuselage, cabin=(0.17, 0.13, 0.3))
    return replace(
        plane,
        kind="jumbo",
        fuselage=fuselage,
        engines=(inner, outer),
        bars=(_pylon(inner, wing), _pylon(outer, wing)),
    )


def _regional(rng: np.random.Generator, livery: Livery) -> Aircraft:
    plane = _airliner(rng, livery)
    radius = plane.fuselage.radius
    fin = _fin(radius, rng.uniform(0.19, 0.22))
    top = (fin.tip[0] - 0.01, 0.0, fin.tip[2])
    tailplane = Foil(top, (top[0] - 0.09, 0.18, top[2] + 0.005), 0.11, 0.06)
    engine = Body(
        -0.17, 0.16, 0.034, radius + 0.03, 0.35 * radius, 0.3, 0.5, 0.8, 0.5, 1.4, 0.55
    )
    stub = ((-0.25, 0.5 * radius, 0.3 * radius), (-0.25, radius, 0.35 * radius), 0.014)
    return replace(
        plane,
        kind="regional",
        tailplane=tailplane,
        fins=(fin,),
        engines=(engine,),
        bars=(stub,),
        cabin_windows=(0.16, 0.62),
    )


def _turboprop(rng: np.random.Generator, livery: Livery) -> Aircraft:
    radius = rng.uniform(0.07, 0.085)
    up, span = 0.95 * radius, rng.uniform(0.48, 0.56)
    wing = Foil((0.12, 0.0, up), (0.07, span, up + 0.015), 0.16, 0.09, 0.13)
    nacelle = Body(0.22, 0.28, 0.033, 0.19, up - 0.012, 0.25, 0.6, 0.35, 0.6, 1.5, 0.15)
    fin = _fin(radius, rng.uniform(0.2, 0.24), sweep=0.09)
    top = (fin.tip[0], 0.0, fin.tip[2] - 0.005)
    tailplane = Foil(top, (top[0] - 0.03, 0.17, top[2]), 0.1, 0.06)
    prop = Propeller(
        (0.225, 0.19, up - 0.012), rng.uniform(0.1, 0.125), 4, rng.uniform(0, 90)
    )
    return Aircraft(
        "turboprop",
        livery,
        _jet_fuselage(radius),
        (wing,),
        tailplane,
        (fin,),
        engines=(nacelle,),
        propellers=(prop,),
        legs=_tricycle(radius, 0.36, 0.0, 0.09, 0.028),
        cabin_windows=(0.17, 0.8),
        cockpit=(0.04, 0.085, 25),
    )


def _trainer(rng: np.random.Generator, livery: Livery) -> Aircraft:
    """Single engine, the wing above the cabin, wheels always out."""
    radius = rng.uniform(0.088, 0.1)
    up, span = 1.22 * radius, rng.uniform(0.6, 0.7)
    wing = Foil((0.17, 0.0, up), (0.15, span, up + 0.03), 0.19, 0.13, 0.13)
    strut = ((0.1, 0.8 * radius, -0.5 * radius), (0.09, 0.55 * span, up + 0.01), 0.008)
    return Aircraft(
        "trainer",
        livery,
        _propeller_fuselage(radius, (0.38, 0.17, 0.38)),
        (wing,),
        _tailplane(0.35 * radius, 0.21, 0.03),
        (_fin(radius, rng.uniform(0.2, 0.24), 0.09),),
        propellers=(_nose_propeller(rng, 0.18),),
        bars=(strut,),
        legs=_tricycle(radius, 0.33, 0.02, 0.16, 0.034),
        cabin_windows=(0.33, 0.5),
        cockpit=(0.235, 0.3, 25),
        fixed_legs=True,
    )


def _tourer(rng: np.random.Generator, livery: Livery) -> Aircraft:
    """Single engine, the wing below the cabin."""
    plane = _trainer(rng, livery)
    radius = plane.fuselage.radius
    span = rng.uniform(0.52, 0.6)
    wing = Foil(
        (0.17, 0.5 * radius, -0.7 * radius), (0.14, span, -0.01), 0.21, 0.11, 0.13
    )
    return replace(
        plane,
        kind="tourer",
        fuselage=_propeller_fuselage(radius, (0.42, 0.16, 0.5)),
        wings=(wing,),
        bars=(),
        fixed_legs=bool(rng.random() < 0.5),
        cabin_windows=(0.36, 0.54),
        cockpit=(0.26, 0.335, 22),
    )


def _biplane(rng: np.random.Generator, livery: Livery) -> Aircraft:
    radius = rng.uniform(0.088, 0.1)
    span, gap = rng.uniform(0.52, 0.6), rng.uniform(0.2, 0.24)
    low = Foil((0.14, 0.5 * radius, -0.8 * radius), (0.13, span, -0.04), 0.17, 0.15)
    high = Foil((0.21, 0.0, gap), (0.2, span * 1.05, gap + 0.02), 0.18, 0.16)
    bars = []
    for depth in (0.03, 0.12):
        foot, head = low.at(0.75, depth / 0.15), high.at(0.72, depth / 0.16)
        bars.append((tuple(foot), tuple(head), 0.007))
        root = (0.18 - depth, 0.4 * radius, 0.8 * radius)
        bars.append((root, (0.19 - depth, 0.09, gap), 0.006))
    cowl = Body(0.5, 0.15, radius * 1.08, 0, 0, 0.4, 0.5, 0.82, 0.3, 2, 0.9)
    screen = Body(0.06, 0.08, 0.035, 0, 0.95 * radius, 0.6, 0.6, 0, 0.4, 1.5, 0.3)
    return Aircraft(
        "biplane",
        livery,
        replace(_propeller_fuselage(radius, None), mouth=0.7),
        (low, high),
        _tailplane(0.3 * radius, 0.2, 0.03, curve=0.6),
        (_fin(radius, rng.uniform(0.17, 0.2), 0.06, curve=0.6),),
        extras=((cowl, livery.second), (screen, GLASS)),
        propellers=(_nose_propeller(rng, 0.2),),
        bars=tuple(bars),
        legs=_tail_dragger(radius, 0.14, 0.045),
        fixed_legs=True,
    )


def _warbird(rng: np.random.Generator, livery: Livery) -> Aircraft:
    radius = rng.uniform(0.078, 0.09)
    span = rng.uniform(0.52, 0.6)
    wing = Foil(
        (0.17, 0.4 * radius, -0.7 * radius),
        (0.1, span, 0.0),
        0.25,
        0.13,
        0.11,
        rng.uniform(0.2, 0.9),
    )
    canopy = Body(0.08, 0.25, 0.05, 0, 0.8 * radius, 0.5, 0.55, 0, 0.5, 1.4, 0.1)
    return Aircraft(
        "warbird",
        livery,
        _propeller_fuselage(radius, (0.5, 0.3, 0.12)),
        (wing,),
        _tailplane(0.4 * radius, 0.2, 0.04, curve=0.5),
        (_fin(radius, rng.uniform(0.16, 0.2), 0.07, curve=0.4),),
        extras=((canopy, GLASS),),
        propellers=(_nose_propeller(rng, 0.21),),
        legs=_tail_dragger(radius, 0.15, 0.045),
    )


def _fighter(rng: np.random.Generator, livery: Livery) -> Aircraft:
    radius = rng.uniform(0.058, 0.068)
    span = rng.uniform(0.3, 0.38)
    delta = Foil((0.14, 0.6 * radius, 0), (-0.24, span, -0.01), 0.46, 0.08, 0.06)
    body = Body(0.5, 0.97, radius, 0, 0, 0.42, 0.85, 0, 0.3, 1.4, 0.62)
    canopy = Body(0.3, 0.24, 0.042, 0, 0.75 * radius, 0.45, 0.6, 0, 0.55, 1.3, 0.05)
    intake = Body(
        0.12, 0.5, 0.04, 0.9 * radius, -0.3 * radius, 0.2, 0.5, 0.85, 0.5, 1.5, 0.5
    )
    tinted = mix(GLASS, colour("#c9932f"), 0.25)
    return Aircraft(
        "fighter",
        replace(livery, wing=livery.skin),
        replace(body, tallness=1.1),
        (delta,),
        Foil((-0.34, 0.05, 0), (-0.48, 0.19, -0.01), 0.14, 0.06, 0.06),
        _fighter_fins(rng, radius),
        extras=((canopy, tinted), (intake, livery.skin)),
        legs=_tricycle(radius, 0.28, -0.12, 0.12, 0.028),
    )


def _fighter_fins(rng: np.random.Generator, radius: float) -> tuple[Foil, ...]:
    """Return one tall fin, or two that lean outwards."""
    if rng.random() < 0.5:
        return (Foil((-0.2, 0, 0.8 * radius), (-0.4, 0, 0.23), 0.26, 0.09, 0.06),)
    return tuple(
        Foil(
            (-0.2, side * 0.06, 0.6 * radius),
            (-0.38, side * 0.11, 0.2),
            0.26,
            0.09,
            0.06,
        )
        for side in (1, -1)
    )


KINDS: dict[str, Callable[[np.random.Generator, Livery], Aircraft]] = {
    "airliner": _airliner,
    "jumbo": _jumbo,
    "regional": _regional,
    "turboprop": _turboprop,
    "trainer": _trainer,
    "tourer": _tourer,
    "biplane": _biplane,
    "warbird": _warbird,
    "fighter": _fighter,
}
"""How to design each kind."""

_SHARES = {
    "airliner": 0.22,
    "jumbo": 0.1,
    "regional": 0.1,
    "turboprop": 0.1,
    "trainer": 0.12,
    "tourer": 0.1,
    "biplane": 0.1,
    "warbird": 0.08,
    "fighter": 0.08,
}


# --- parts that several kinds share --------------------------------------------------


def _jet_fuselage(radius: float) -> Body:
    return Body(
        0.5,
        1.0,
        radius,
        nose=0.17,
        bluntness=0.55,
        tail=0.38,
        tip=0.14,
        tail_rise=0.6,
        nose_droop=0.18,
    )


def _propeller_fuselage(
    radius: float, cabin: tuple[float, float, float] | None
) -> Body:
    return Body(
        0.47,
        0.95,
        radius,
        nose=0.24,
        bluntness=0.42,
        mouth=0.45,
        tail=0.62,
        tail_power=1.25,
        tip=0.16,
        tail_rise=0.35,
        cabin=cabin,
    )


def _tailplane(up: float, span: float, sweep: float = 0.1, curve: float = 0.0) -> Foil:
    return Foil(
        (-0.36, 0.02, up), (-0.36 - sweep, span, up + 0.02), 0.12, 0.06, 0.09, curve
    )


def _fin(radius: float, height: float, sweep: float = 0.14, curve: float = 0.0) -> Foil:
    base = 0.35 * radius
    tip = (-0.3 - sweep, 0.0, base + height)
    return Foil((-0.3, 0.0, base), tip, 0.19, 0.085, 0.08, curve)


def _pylon(engine: Body, wing: Foil) -> tuple[tuple, tuple, float]:
    span = (engine.left - wing.root[1]) / (wing.tip[1] - wing.root[1])
    top = tuple(wing.at(span, 0.12))
    foot = (engine.start - 0.55 * engine.length, engine.left, engine.up)
    return foot, top, 0.011


def _nose_propeller(rng: np.random.Generator, radius: float) -> Propeller:
    blades, angle = int(rng.integers(2, 4)), rng.uniform(0, 180)
    return Propeller((0.505, 0.0, 0.0), radius * rng.uniform(0.9, 1.1), blades, angle)


def _tricycle(
    radius: float, nose: float, main: float, track: float, wheel: float
) -> tuple[Leg, ...]:
    down = -radius - 2.1 * wheel
    front = Leg((nose, 0, -0.5 * radius), (nose, 0, down + 0.004), wheel * 0.85, 0.018)
    rear = Leg((main, 0.5 * track, -0.6 * radius), (main, track, down), wheel, 0.024)
    return front, rear


def _tail_dragger(radius: float, track: float, wheel: float) -> tuple[Leg, ...]:
    down = -radius - 1.6 * wheel
    front = Leg((0.24, 0.4 * radius, -0.6 * radius), (0.27, track, down), wheel, 0.024)
    rear = Leg((-0.4, 0, 0.1 * radius), (-0.43, 0, -0.55 * radius), 0.02, 0.014)
    return front, rear
