"""What else flies, stands, drives and swims in a picture.

Each painter draws one thing on a sheet; where PASCAL VOC has a class for it, the
caller names it. Sizes are in pixels, points are (x, y).
"""

import itertools
from collections.abc import Sequence

import numpy as np

from datasets.drawn.canvas import Layer, colour, mix, spline

Point = tuple[float, float]

FEATHERS = (
    ("#f4f4f0", "#c3cad2", "#3b3f46"),
    ("#5a4a3a", "#7d6a52", "#2f271f"),
    ("#2f3238", "#474b54", "#1b1d21"),
    ("#d9d2c3", "#a89a84", "#5f5547"),
)
PAINTS = ("#c0392b", "#e67e22", "#f1c40f", "#27ae60", "#2980b9", "#8e44ad", "#ecf0f1")


def _placed(
    shape: Sequence[Point], centre: Point, size: float, flip: bool, turn: float = 0.0
) -> np.ndarray:
    """Return a shape in units of ``size`` as points of the picture."""
    points = np.asarray(shape, float) * [-1 if flip else 1, 1]
    cosine, sine = np.cos(turn), np.sin(turn)
    return points @ np.array([[cosine, sine], [-sine, cosine]]) * size + centre


def _two_paints(tint: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    picked = rng.choice(PAINTS, 2, replace=False)
    return [colour(str(text)) * tint for text in picked]


def draw_bird(
    layer: Layer, centre: Point, size: float, tint: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw a large bird, wings beating or spread.

    Args:
        layer: the sheet.
        centre: of its body.
        size: its length.
        tint: colour of the light.
        rng: which bird and how it flies.
    """
    feathers = FEATHERS[rng.integers(len(FEATHERS))]
    light, shade, dark = (colour(text) * tint for text in feathers)
    flip, turn = bool(rng.random() < 0.5), rng.uniform(-0.25, 0.25)
    draw = _beating_bird if rng.random() < 0.6 else _gliding_bird
    draw(layer, (light, shade, dark), (centre, size, flip, turn), rng)


def _beating_bird(
    layer: Layer,
    fills: tuple[np.ndarray, ...],
    place: tuple[Point, float, bool, float],
    rng: np.random.Generator,
) -> None:
    light, shade, dark = fills
    beat = rng.uniform(0.55, 1.0) * (1 if rng.random() < 0.7 else -0.7)
    wing = [(0.2, -0.05), (0.17, -0.3), (0.0, -0.55), (-0.3, -0.8)]
    wing += [(-0.24, -0.5), (-0.26, -0.25), (-0.2, 0.0)]
    tip = [(0.02, -0.52), (-0.3, -0.8), (-0.25, -0.52), (-0.12, -0.5)]
    body = [(0.46, -0.03), (0.36, -0.1), (0.12, -0.08), (-0.3, -0.03), (-0.62, 0.0)]
    body += [(-0.6, 0.07), (-0.3, 0.09), (0.1, 0.12), (0.36, 0.05)]
    far = [(x + 0.16, y * beat * 0.9) for x, y in wing]
    near = [(x, y * beat) for x, y in wing]
    layer.polygon(_placed(spline(far, True), *place), shade * 0.85)
    layer.polygon(_placed(spline(body, True), *place), light)
    belly = [(0.3, 0.05), (0.1, 0.11), (-0.3, 0.085), (-0.5, 0.05), (-0.1, 0.04)]
    layer.polygon(_placed(spline(belly, True), *place), shade)
    layer.polygon(_placed(spline(near, True), *place), shade)
    near_tip = [(x, y * beat) for x, y in tip]
    layer.polygon(_placed(spline(near_tip, True), *place), dark)
    beak = [(0.44, -0.05), (0.6, 0.0), (0.44, 0.02)]
    layer.polygon(_placed(beak, *place), colour("#d99a3a"))
    eye = _placed([(0.38, -0.04)], *place)[0]
    layer.ellipse(eye, (0.018 * place[1], 0.018 * place[1]), dark * 0.5)


def _gliding_bird(
    layer: Layer,
    fills: tuple[np.ndarray, ...],
    place: tuple[Point, float, bool, float],
    rng: np.random.Generator,
) -> None:
    light, shade, dark = fills
    droop = rng.uniform(-0.1, 0.25)
    for side in (-1, 1):
        wing = [(0.05, -0.12), (0.45, -0.3 - droop), (0.85, -0.2), (1.15, 0.02)]
        wing += [(0.8, 0.0), (0.45, 0.02), (0.05, 0.14)]
        tip = [(0.72, -0.24), (0.9, -0.17), (1.15, 0.02), (0.82, -0.02)]
        for shape, fill in ((wing, shade if side > 0 else light), (tip, dark)):
            mirrored = [(side * x, y) for x, y in shape]
            layer.polygon(_placed(spline(mirrored, True), *place), fill)
    tail = [(-0.05, 0.25), (-0.16, 0.58), (0.0, 0.62), (0.16, 0.58), (0.05, 0.25)]
    layer.polygon(_placed(tail, *place), dark)
    body = [(0, -0.36), (0.1, -0.12), (0.1, 0.12), (0, 0.4)]
    body += [(-0.1, 0.12), (-0.1, -0.12)]
    layer.polygon(_placed(spline(body, True), *place), mix(light, shade, 0.4))
    beak = [(-0.03, -0.34), (0.0, -0.44), (0.03, -0.34)]
    layer.polygon(_placed(beak, *place), colour("#d99a3a"))


def draw_flock(
    layer: Layer, centre: Point, size: float, fill: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw far-away birds as little curved strokes, ``size`` pixels wide each."""
    for _ in range(int(rng.integers(3, 9))):
        x, y = np.asarray(centre) + rng.normal(0, 1, 2) * [7 * size, 3 * size]
        lift = rng.uniform(0.15, 0.45) * size
        half = 0.5 * size * rng.uniform(0.7, 1.2)
        stroke = [(x - half, y - 0.4 * lift), (x - 0.4 * half, y - lift), (x, y)]
        stroke += [(x + 0.4 * half, y - lift), (x + half, y - 0.4 * lift)]
        layer.line(spline(stroke), fill, 0.13 * size)


def draw_balloon(
    layer: Layer, centre: Point, size: float, tint: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw a hot-air balloon, ``size`` pixels wide."""
    x, y = centre
    paints = _two_paints(tint, rng)
    basket = np.array([x, y + 0.95 * size])
    wicker = colour("#8a6239") * tint
    for side in (-0.32, -0.1, 0.1, 0.32):
        rope = [
            (x + 0.55 * side * size, y + 0.42 * size),
            basket + [0.3 * side * size, 0],
        ]
        layer.line(rope, wicker * 0.7, max(0.008 * size, 0.4))
    _envelope(layer, centre, size, paints, banded=bool(rng.random() < 0.5))
    corners = np.array([(-1, 0), (1, 0), (0.85, 1.5), (-0.85, 1.5)])
    corners = corners * 0.075 * size + basket
    layer.polygon(corners, wicker)
    layer.line(corners[:2], wicker * 0.7, max(0.02 * size, 0.5))


def _envelope(
    layer: Layer, centre: Point, size: float, paints: list[np.ndarray], banded: bool
) -> None:
    """Draw a balloon's hull of eight gores, darker on the right."""
    height = np.linspace(0, 1, 30)
    dome = np.sqrt(np.clip(1 - (2 * height / 1.15 - 1) ** 2, 0, 1))
    below = np.clip((height - 0.575) / 0.425, 0, 1)
    profile = np.where(below > 0, 1 - 0.74 * below**1.5, dome)
    rows = centre[1] + (height - 0.55) * size * 1.05
    edges = np.sin(np.linspace(-np.pi / 2, np.pi / 2, 9))
    for number, (left, right) in enumerate(itertools.pairwise(edges)):
        fill = paints[number % 2] * (1.1 - 0.45 * (number / 7) ** 1.5)
        sides = [
            np.stack([centre[0] + edge * profile * size / 2, rows], 1)
            for edge in (left, right)
        ]
        layer.polygon(np.concatenate([sides[0], sides[1][::-1]]), fill)
        if banded:
            belt = np.concatenate([sides[0][12:18], sides[1][12:18][::-1]])
            layer.polygon(belt, 0.6 * fill + 0.35 * paints[1])


def draw_kite(
    layer: Layer, centre: Point, size: float, tint: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw a diamond kite with its tail and string, ``size`` pixels tall."""
    first, second = _two_paints(tint, rng)
    turn, flip = rng.uniform(-0.6, 0.6), bool(rng.random() < 0.5)
    place = (centre, size, flip, turn)
    top, left, right, bottom = (0, -0.5), (-0.36, -0.12), (0.36, -0.12), (0, 0.5)
    middle = (0, -0.12)
    tail = [(0, 0.5), (0.12, 0.75), (-0.08, 1.0), (0.1, 1.3), (-0.05, 1.6)]
    layer.line(_placed(spline(tail), *place), second * 0.8, max(0.02 * size, 0.5))
    for x, y in tail[1:]:
        for side in (-1, 1):
            bow = [(x, y), (x + side * 0.1, y - 0.05), (x + side * 0.1, y + 0.05)]
            layer.polygon(_placed(bow, *place), first)
    string = [(0, 0.0), (0.8, 1.2), (2.2, 4.0)]
    layer.line(_placed(spline(string), *place), colour("#e8e8e8") * tint * 0.7, 0.5)
    panes = ((top, left, middle), (top, right, middle), (bottom, left, middle))
    panes += ((bottom, right, middle),)
    fills = (first, second, second, first * 0.85)
    for pane, fill in zip(panes, fills, strict=True):
        layer.polygon(_placed(pane, *place), fill)


def draw_boat(
    layer: Layer, foot: Point, size: float, tint: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw a sailing boat, ``size`` pixels tall, on the water at ``foot``."""
    flip = bool(rng.random() < 0.5)
    hull = [(-0.42, -0.12), (0.45, -0.14), (0.3, 0.02), (-0.34, 0.02)]
    hull_fill = colour(str(rng.choice(PAINTS))) * tint
    place = (foot, size, flip)
    layer.polygon(_placed(hull, *place), hull_fill * 0.85)
    sail = colour("#fbf7ec") * tint
    main = [(-0.02, -1.0), (-0.36, -0.2), (-0.02, -0.18), (-0.05, -0.6)]
    jib = [(0.02, -0.9), (0.4, -0.2), (0.03, -0.2)]
    layer.polygon(_placed(main, *place), sail)
    layer.polygon(_placed(jib, *place), sail * 0.9)
    mast = _placed([(0, -1.0), (0, -0.12)], *place)
    layer.line(mast, colour("#6f5a42") * tint, max(0.02 * size, 0.4))


def draw_vehicle(
    layer: Layer, foot: Point, size: float, tint: np.ndarray, rng: np.random.Generator
) -> str | None:
    """Draw a car, a bus or a fuel truck of ``size`` pixels length.

    Returns:
        its class in PASCAL VOC; None for the truck, which has none.
    """
    kind = ("car", "bus", None)[rng.integers(3)]
    flip = bool(rng.random() < 0.5)
    place = (foot, size, flip)
    fill = colour(str(rng.choice(PAINTS))) * tint
    glass = colour("#33475a") * mix(tint, np.ones(3), 0.3)
    layer.ellipse((foot[0], foot[1]), (0.52 * size, 0.035 * size), tint * 0.22, 0.6)
    {"car": _car, "bus": _bus, None: _truck}[kind](layer, place, fill, glass)
    for x in (-0.3, 0.3):
        hub = _placed([(x, -0.055)], *place)[0]
        radius = (0.075 if kind == "car" else 0.06) * size
        layer.ellipse(hub, (radius, radius), colour("#26282c"))
        layer.ellipse(hub, (0.45 * radius, 0.45 * radius), colour("#a9adb2") * tint)
    return kind


def _car(layer: Layer, place: tuple, fill: np.ndarray, glass: np.ndarray) -> None:
    roof = [(-0.36, -0.18), (-0.24, -0.33), (0.08, -0.34), (0.24, -0.2)]
    body = [(-0.5, -0.06), (-0.49, -0.19), (-0.2, -0.22), (0.24, -0.21), (0.47, -0.16)]
    body += [(0.5, -0.06)]
    layer.polygon(_placed(roof, *place), fill * 0.95)
    layer.polygon(_placed(body, *place), fill)
    for pane in (
        [(-0.3, -0.2), (-0.22, -0.3), (-0.08, -0.31), (-0.08, -0.2)],
        [(-0.05, -0.2), (-0.05, -0.31), (0.06, -0.31), (0.18, -0.2)],
    ):
        layer.polygon(_placed(pane, *place), glass)


def _bus(layer: Layer, place: tuple, fill: np.ndarray, glass: np.ndarray) -> None:
    body = [(-0.5, -0.06), (-0.5, -0.33), (-0.47, -0.36), (0.46, -0.36), (0.5, -0.3)]
    body += [(0.5, -0.06)]
    layer.polygon(_placed(body, *place), fill)
    for x in np.arange(-0.46, 0.34, 0.13):
        pane = [(x, -0.31), (x + 0.11, -0.31), (x + 0.11, -0.2), (x, -0.2)]
        layer.polygon(_placed(pane, *place), glass)
    front = [(0.35, -0.31), (0.47, -0.31), (0.49, -0.2), (0.35, -0.2)]
    layer.polygon(_placed(front, *place), glass)


def _truck(layer: Layer, place: tuple, fill: np.ndarray, glass: np.ndarray) -> None:
    tank = spline([(-0.5, -0.2), (-0.46, -0.31), (-0.1, -0.33), (0.2, -0.31),
                   (0.23, -0.2), (0.18, -0.1), (-0.45, -0.1)], True)  # fmt: skip
    cab = [(0.26, -0.06), (0.26, -0.33), (0.42, -0.33), (0.5, -0.18), (0.5, -0.06)]
    frame = [(-0.5, -0.11), (0.5, -0.11), (0.5, -0.06), (-0.5, -0.06)]
    layer.polygon(_placed(frame, *place), glass * 0.8)
    layer.polygon(_placed(tank, *place), mix(fill, np.ones(3), 0.25))
    layer.polygon(_placed(cab, *place), fill)
    pane = [(0.32, -0.2), (0.32, -0.3), (0.41, -0.3), (0.46, -0.2)]
    layer.polygon(_placed(pane, *place), glass)


def draw_windsock(
    layer: Layer, foot: Point, size: float, tint: np.ndarray, rng: np.random.Generator
) -> None:
    """Draw a windsock on its pole, ``size`` pixels tall."""
    place = (foot, size, bool(rng.random() < 0.5))
    layer.line(_placed([(0, 0), (0, -1)], *place), tint * 0.6, max(0.03 * size, 0.6))
    edges = np.linspace(0, 0.75, 6)
    for number, (near, far) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        fill = (colour("#e2621b"), colour("#f6f0e4"))[number % 2] * tint
        ends = (near, -1), (far, -1), (far, 1), (near, 1)
        corners = [(x, -0.98 + 0.25 * x + s * (0.13 - 0.09 * x)) for x, s in ends]
        layer.polygon(_placed(corners, *place), fill)


def draw_lamp_post(
    layer: Layer, foot: Point, size: float, fill: np.ndarray, lit: bool
) -> None:
    """Draw a floodlight mast, ``size`` pixels tall."""
    x, y = foot
    layer.line([(x, y), (x, y - size)], fill, max(0.013 * size, 0.7))
    head = 0.05 * size
    box = np.array([(-1, 0.2), (1, 0.2), (1.1, -0.4), (-1.1, -0.4)]) * head
    layer.polygon(box + [x, y - size], colour("#ffeebb") if lit else fill * 0.8)
