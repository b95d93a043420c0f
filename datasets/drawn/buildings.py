"""What people built: towns, airports, runways.

Every painter takes the picture, what it needs to know and, where something is left to
chance, a generator. Rows and columns are pixels; the horizon is a row.
"""

import numpy as np

from datasets.drawn.canvas import Layer, Picture, colour, mix, spline
from datasets.drawn.ground import receding_noise
from datasets.drawn.scenery import Mood


def paint_skyline(
    picture: Picture,
    mood: Mood,
    row: float,
    tallest: float,
    rng: np.random.Generator,
) -> None:
    """Paint a town's towers against the sky, two rows deep, lit at night."""
    width = picture.shape[1]
    for nearness in (0.35, 0.75):
        layer = picture.layer()
        x = -10.0
        while x < width:
            wide = tallest * rng.uniform(0.18, 0.42)
            middle = np.exp(-(((x - 0.5 * width) / (0.35 * width)) ** 2))
            tall = tallest * rng.uniform(0.3, 1.0) * (0.45 + 0.55 * middle)
            tone = colour("#7d8794") * rng.uniform(0.75, 1.2) * colour(mood.ground)
            fill = mix(mood.haze, tone, nearness)
            box = (x, row - tall * (1.25 - 0.45 * nearness), x + wide, row + 2)
            _tower_block(layer, box, fill, mood.night, nearness, rng)
            x += wide * rng.uniform(0.8, 1.3)
        picture.lay(layer)


def _tower_block(
    layer: Layer,
    box: tuple[float, float, float, float],
    fill: np.ndarray,
    night: bool,
    nearness: float,
    rng: np.random.Generator,
) -> None:
    """Draw one tower with a lit and a shaded side, windows and perhaps a mast."""
    left, top, right, bottom = box
    wide = right - left
    layer.polygon(_rectangle(left, top, right, bottom), fill)
    layer.polygon(_rectangle(right - 0.25 * wide, top, right, bottom), fill * 0.88)
    if rng.random() < 0.3:
        middle = (left + right) / 2
        layer.line([(middle, top), (middle, top - 0.4 * wide)], fill * 0.8, 0.7)
    pitch = max(0.16 * wide, 3.0)
    for y in np.arange(top + 0.5 * pitch, bottom - pitch, pitch):
        for x in np.arange(left + 0.4 * pitch, right - 0.6 * pitch, pitch):
            lit = night and rng.random() < 0.4
            pane = colour("#ffd78a") if lit else fill * 0.9
            pane = mix(fill, pane, nearness)
            window = _rectangle(x, y, x + 0.5 * pitch, y + 0.5 * pitch)
            layer.polygon(window, pane)


def _rectangle(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def paint_terminal(
    picture: Picture, mood: Mood, row: float, size: float, rng: np.random.Generator
) -> None:
    """Paint an airport's buildings: a glazed hall, hangars, the control tower.

    Args:
        picture: to paint on.
        mood: the light.
        row: where they stand.
        size: height of the hall in pixels.
        rng: which of them and where.
    """
    width = picture.shape[1]
    layer = picture.layer()
    wall = mix(colour("#c9ccc8") * colour(mood.ground), mood.haze, 0.15)
    left = rng.uniform(-0.2, 0.5) * width
    _hall(layer, (left, row - size, left + rng.uniform(4, 8) * size, row), wall, mood)
    for _ in range(int(rng.integers(1, 4))):
        place = rng.uniform(0, 1) * width
        tint = (wall, colour("#8aa0ad"), colour("#b98d6a"))[rng.integers(3)]
        tint = mix(tint * colour(mood.ground), mood.haze, 0.15)
        _hangar(layer, (place, row), size * rng.uniform(0.9, 1.4), tint)
    if rng.random() < 0.7:
        place = rng.uniform(0.1, 0.9) * width
        _control_tower(layer, (place, row), size * rng.uniform(2.2, 3.2), wall, mood)
    picture.lay(layer)


def _hall(
    layer: Layer,
    box: tuple[float, float, float, float],
    wall: np.ndarray,
    mood: Mood,
) -> None:
    left, top, right, bottom = box
    tall = bottom - top
    layer.polygon(_rectangle(*box), wall)
    glass = colour("#ffdc96") if mood.night else mix(colour(mood.sky[1]), wall, 0.25)
    glass = glass * (1 if mood.night else 0.8)
    pitch = 0.5 * tall
    for x in np.arange(left + 0.2 * pitch, right - pitch, pitch):
        pane = (x, top + 0.3 * tall, x + 0.84 * pitch, bottom - 0.25 * tall)
        layer.polygon(_rectangle(*pane), glass)
    jut = 0.3 * tall
    eaves = _rectangle(left - jut, top - 0.06 * tall, right + jut, top + 0.12 * tall)
    layer.polygon(eaves, wall * 0.82)


def _hangar(
    layer: Layer, foot: tuple[float, float], tall: float, wall: np.ndarray
) -> None:
    """Draw a hangar: an arched roof over folding doors."""
    x, y = foot
    half = 1.3 * tall
    turn = np.linspace(np.pi, 2 * np.pi, 20)
    roof = y - 0.55 * tall + 0.45 * tall * np.sin(turn)
    arch = np.stack([x + half * np.cos(turn), roof], 1)
    foot_line = [[x + half, y], [x - half, y]]
    layer.polygon(np.concatenate([arch, foot_line]), wall * 0.95)
    layer.line(arch, wall * 0.7, max(0.06 * tall, 0.5))
    door = _rectangle(x - 0.75 * half, y - 0.62 * tall, x + 0.75 * half, y)
    layer.polygon(door, wall * 0.72)
    for share in (-0.5, -0.25, 0, 0.25, 0.5):
        line = [(x + 1.0 * share * half, y - 0.62 * tall), (x + share * half, y)]
        layer.line(line, wall * 0.6, 0.5)


def _control_tower(
    layer: Layer, foot: tuple[float, float], tall: float, wall: np.ndarray, mood: Mood
) -> None:
    """Draw a tapered stem with a glazed cab that leans outwards, and an aerial."""
    x, y = foot
    top = y - tall

    def shape(*corners: tuple[float, float]) -> np.ndarray:
        return np.array(corners) * tall + [x, top]

    stem = (-0.08, 1), (-0.056, 0), (0.056, 0), (0.08, 1)
    layer.polygon(shape(*stem), wall)
    layer.polygon(shape((0.016, 1), (0.016, 0), *stem[2:]), wall * 0.85)
    glass = colour("#ffe3a3") if mood.night else colour("#3d566b")
    cab = (-0.13, 0), (-0.16, -0.13), (0.16, -0.13), (0.13, 0)
    layer.polygon(shape(*cab), glass)
    layer.polygon(_rectangle(*shape((-0.18, -0.17), (0.18, -0.13)).ravel()), wall * 0.8)
    layer.polygon(_rectangle(*shape((-0.14, 0), (0.14, 0.04)).ravel()), wall * 0.8)
    layer.line(shape((0, -0.17), (0, -0.3)), wall * 0.6, 0.6)


def paint_tarmac(
    picture: Picture, mood: Mood, horizon: float, top: float, rng: np.random.Generator
) -> None:
    """Paint the paved ground of an airport from row ``top`` down.

    Its slabs run towards a point on the horizon; a yellow line leads across it.
    """
    height, width = picture.shape
    first = int(np.clip(top, 0, height - 2))
    rows = height - first
    base = (colour("#8e9193"), colour("#a6a49d"), colour("#75797f"))[rng.integers(3)]
    base = base * mix(colour(mood.ground), np.ones(3), 0.2)
    depth = np.linspace(0, 1, rows)[:, None, None]
    fill = mix(mix(base, mood.haze, 0.3), base * 0.94, depth**0.6)
    fill = fill + 0.09 * receding_noise(rows, width, 40, rng)[..., None]
    picture.blend(fill, np.ones((rows, width), np.float32), (first, 0))
    layer = picture.layer()
    vanish = np.array([rng.uniform(0.1, 0.9) * width, horizon])
    joint = base * 0.82
    for x in np.arange(-3 * width, 4 * width, 0.42 * width):
        foot = np.array([x, height + 5.0])
        share = (first - horizon) / (foot[1] - horizon)
        layer.line([vanish + (foot - vanish) * share, foot], joint, 0.7)
    for row in horizon + (height - horizon) * 0.62 ** np.arange(0.5, 9):
        if row > first + 2:
            layer.line([(0, row), (width, row)], joint, 0.7)
    picture.lay(layer, 0.6)
    _guide_line(picture, first, mood, rng)


def _guide_line(
    picture: Picture, top: int, mood: Mood, rng: np.random.Generator
) -> None:
    """Paint the yellow line that taxiing aeroplanes follow."""
    height, width = picture.shape
    rows = height - top
    first, last = rng.uniform(-0.3, -0.05) * width, rng.uniform(0.4, 1.3) * width
    knots = [
        (first, top + rng.uniform(0.1, 0.25) * rows),
        (0.45 * (first + last), top + rng.uniform(0.25, 0.4) * rows),
        (last, height + 5),
    ]
    if rng.random() < 0.5:
        knots = [(width - x, y) for x, y in knots]
    line = spline(knots, steps=12)
    wide = 0.8 + 3.5 * (line[:, 1] - top) / rows
    edges = [line - [[0.0, 0.5]] * wide[:, None], line + [[0.0, 0.5]] * wide[:, None]]
    layer = picture.layer()
    paint = colour("#e3b52f") * mix(colour(mood.ground), np.ones(3), 0.2)
    layer.polygon(np.concatenate([edges[0], edges[1][::-1]]), paint)
    picture.lay(layer, 0.8)


def paint_runway(
    picture: Picture, mood: Mood, horizon: float, vanish: float, width: float
) -> None:
    """Paint a runway that leads away to column ``vanish`` on the horizon.

    Args:
        picture: to paint on.
        mood: the light.
        horizon: row it vanishes at.
        vanish: column it vanishes at.
        width: of the runway at the lower edge, in pixels.
    """
    height = picture.shape[0]
    foot = 0.5 * picture.shape[1]
    base = colour("#6f7378") * mix(colour(mood.ground), np.ones(3), 0.2)
    white = mix(base, np.ones(3) * colour(mood.ground), 0.75)

    def across(depth: float, share: float) -> tuple[float, float]:
        """Return the point at a depth, 0 horizon … 1 lower edge, -1 left … 1 right."""
        x = vanish + (foot - vanish) * depth + 0.5 * width * share * depth
        return x, horizon + (height - horizon) * depth

    def strip(near: float, far: float, left: float, right: float) -> np.ndarray:
        ends = (near, left), (near, right), (far, right), (far, left)
        return np.array([across(*end) for end in ends])

    layer = picture.layer()
    layer.polygon(strip(1.1, 0.015, -1, 1), base)
    for left, right in ((-0.95, -0.9), (0.9, 0.95)):
        layer.polygon(strip(1.1, 0.03, left, right), white)
    depth = 1.05
    while depth > 0.05:
        layer.polygon(strip(depth, depth * 0.8, -0.025, 0.025), white)
        depth *= 0.62
    picture.lay(layer)
