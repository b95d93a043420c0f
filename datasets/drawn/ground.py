"""Hills, meadows, woods, water and farmland, from the horizon down.

Every painter takes the picture, what it needs to know and a generator. Rows and
columns are pixels; the horizon is a row.
"""

from dataclasses import dataclass

import numpy as np

from datasets.drawn.canvas import (
    Layer,
    Picture,
    colour,
    fractal_noise,
    mix,
    smoothstep,
    spline,
)
from datasets.drawn.scenery import Mood


@dataclass(frozen=True)
class Land:
    """Colours of a country at a time of the year."""

    near: str
    far: str
    leaves: tuple[str, ...]
    hills: str
    field_colours: tuple[str, ...]


LANDS = {
    "summer": Land(
        "#6f9a47", "#a3bf7a", ("#3e6b3a", "#4f7f3f", "#2f5a3a"), "#5f8a5c",
        ("#7fa552", "#a9bb5c", "#d8c26e", "#5f8f4e", "#8f7a52", "#c9b27a"),
    ),
    "spring": Land(
        "#86b552", "#b9d08a", ("#5f9a4a", "#86b95c", "#e3a9b7"), "#7aa56f",
        ("#8fbb5a", "#e6cf4f", "#b8cf7a", "#6f9f58", "#a08862", "#cfe0a0"),
    ),
    "autumn": Land(
        "#9a9250", "#c2b47c", ("#b5652b", "#c98a35", "#8a4a2c"), "#8f7f5a",
        ("#b59a55", "#8f7040", "#c9a96a", "#7d8a4e", "#a86f3d", "#6f5a3d"),
    ),
    "winter": Land(
        "#e6ecf0", "#f2f5f6", ("#4f6a62", "#5f7a72", "#8fa0a0"), "#b9c8d3",
        ("#eef2f4", "#dde5ea", "#cfd9df", "#f5f6f4", "#c2ccd2", "#e2e0d6"),
    ),
    "desert": Land(
        "#cda86c", "#e3c897", ("#7d8a52", "#93955a", "#6a7a4a"), "#b98a5f",
        ("#d3b27c", "#c49a63", "#e0c594", "#b58a58", "#9aa05f", "#dcbf8a"),
    ),
}  # fmt: skip
"""What the ground can be like."""


def receding_noise(
    rows: int, columns: int, grain: float, rng: np.random.Generator
) -> np.ndarray:
    """Return noise on a plane that reaches from the lower edge to the horizon.

    Args:
        rows: how many rows lie below the horizon.
        columns: width of the picture.
        grain: how many lumps lie side by side at the lower edge.
        rng: where it comes from.

    Returns:
        float32 (rows, columns) between -0.5 and 0.5, fading out towards the horizon.
    """
    size = 512
    tile = fractal_noise(rng, (size, size), (64, 64), 3, 0.6) - 0.5
    depth = rows / (np.arange(rows) + 0.06 * rows + 1)
    lump = size / 64 * grain / columns
    across = (np.arange(columns) - 0.5 * columns)[None] * (depth[:, None] * lump)
    away = np.broadcast_to(depth[:, None] * lump * 0.6 * columns, across.shape)
    pick = [np.abs(value.astype(int)) % (2 * size) for value in (away, across)]
    row, column = (np.where(p < size, p, 2 * size - 1 - p) for p in pick)
    return tile[row, column] * np.linspace(0.15, 1, rows, dtype=np.float32)[:, None]


def paint_meadow(
    picture: Picture, mood: Mood, land: Land, horizon: float, rng: np.random.Generator
) -> None:
    """Paint open ground from the horizon down."""
    height, width = picture.shape
    top = int(np.clip(horizon, 0, height - 1))
    rows = height - top
    near = colour(land.near) * colour(mood.ground)
    far = mix(colour(land.far) * colour(mood.ground), mood.haze, 0.45)
    depth = np.linspace(0, 1, rows)[:, None, None] ** 0.7
    fill = mix(far, near, depth)
    fill = fill + 0.16 * receding_noise(rows, width, 26, rng)[..., None]
    picture.blend(fill, np.ones((rows, width), np.float32), (top, 0))


def paint_sea(
    picture: Picture,
    mood: Mood,
    horizon: float,
    sun: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Paint water that mirrors the sky, with the sun's path on it."""
    height, width = picture.shape
    top = int(np.clip(horizon, 0, height - 1))
    rows = height - top
    deep = mix(colour(mood.sky[0]), colour("#123a52"), 0.45) * 0.85
    far = mix(mood.haze, colour(mood.sky[1]), 0.5) * 0.93
    depth = np.linspace(0, 1, rows)[:, None, None] ** 0.6
    waves = receding_noise(rows, width, 20, rng)
    fill = mix(far, deep, depth) + 0.24 * waves[..., None] * (0.3 + depth)
    spread = 0.04 * width + 0.25 * np.arange(rows)[:, None]
    path = np.exp(-(((np.arange(width)[None] - sun[0]) / spread) ** 2))
    glitter = path * smoothstep(waves, 0.0, 0.25) * mood.strength
    fill = mix(fill, colour(mood.sun), 0.75 * glitter[..., None])
    picture.blend(fill, np.ones((rows, width), np.float32), (top, 0))


def ridge(
    width: int, level: float, height: float, roughness: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the outline of a range of hills, closed along the bottom, (n, 2).

    Args:
        width: of the picture.
        level: row of the range's foot.
        height: of the highest top over the foot, in pixels.
        roughness: 0 rolling … 1 jagged.
        rng: where its shape comes from.
    """
    octaves = 3 + round(3 * roughness)
    line = fractal_noise(rng, (2, width // 3 + 2), (2, 4), octaves, 0.5)[0]
    x = np.linspace(-2, width + 2, len(line))
    outline = np.stack([x, level - height * line], 1)
    foot = [[width + 2, level + 3 * height], [-2, level + 3 * height]]
    return np.concatenate([outline, foot])


def paint_hills(
    picture: Picture, mood: Mood, land: Land, horizon: float, rng: np.random.Generator
) -> None:
    """Paint two to four ranges of hills, pale in the distance, or snowy mountains."""
    width = picture.shape[1]
    mountains = rng.random() < 0.35
    count = int(rng.integers(2, 5))
    for number in range(count):
        nearness = (number + 1) / count
        tall = width * rng.uniform(0.05, 0.09) * (1.25 - 0.7 * nearness)
        base = colour(land.hills) * colour(mood.ground) * (1.05 - 0.25 * nearness)
        fill = mix(mood.haze, base, 0.25 + 0.55 * nearness)
        layer = picture.layer()
        jagged = mountains and number == 0
        outline = ridge(width, horizon + 2, tall * (2.2 if jagged else 1), jagged, rng)
        layer.polygon(outline, fill)
        if jagged:
            _snow(layer, outline, horizon, mix(colour("#f4f7fa"), mood.haze, 0.3))
        picture.lay(layer)


def _snow(layer: Layer, outline: np.ndarray, foot: float, fill: np.ndarray) -> None:
    """Cover the mountain tops of a range's outline down to a ragged line."""
    crest = outline[:-2]
    line = np.percentile(crest[:, 1], 45)
    number = np.arange(len(crest))
    waves = np.sin(0.9 * number) + np.sin(0.37 * number + 2) + np.sin(1.7 * number)
    ragged = line + 0.06 * (foot - line) * waves
    lower = np.stack([crest[:, 0], np.maximum(ragged, crest[:, 1])], 1)
    layer.polygon(np.concatenate([crest, lower[::-1]]), fill)


def paint_trees(
    picture: Picture,
    mood: Mood,
    land: Land,
    row: float,
    size: float,
    rng: np.random.Generator,
    density: float = 1.0,
) -> None:
    """Paint a line of trees, round ones and conifers mixed.

    Args:
        picture: to paint on.
        mood: the light.
        land: the leaves' colours.
        row: where they stand.
        size: of a tree in pixels.
        rng: where they stand and what they are.
        density: 1 stands closed.
    """
    layer = picture.layer()
    width = picture.shape[1]
    conifers = rng.random() < 0.35
    x = -size
    while x < width + size:
        x += size * rng.uniform(0.25, 1.0) / density
        tall = size * rng.uniform(0.6, 1.15)
        text = land.leaves[rng.integers(len(land.leaves))]
        fill = mix(colour(text) * colour(mood.ground), mood.haze, 0.18)
        if conifers:
            _conifer(layer, (x, row), tall, fill)
        else:
            _leafy_tree(layer, (x, row), tall, fill, rng)
    picture.lay(layer)


def _conifer(
    layer: Layer, foot: tuple[float, float], tall: float, fill: np.ndarray
) -> None:
    x, y = foot
    for step, share in enumerate((0.3, 0.24, 0.17)):
        low = y - tall * (0.08 + 0.28 * step)
        tip = low - tall * 0.42
        half = tall * share
        outline = [(x - half, low), (x, low - 0.06 * tall), (x + half, low), (x, tip)]
        layer.polygon(np.array(outline), fill * (0.9 + 0.1 * step))


def _leafy_tree(
    layer: Layer,
    foot: tuple[float, float],
    tall: float,
    fill: np.ndarray,
    rng: np.random.Generator,
) -> None:
    x, y = foot
    layer.line([(x, y), (x, y - 0.4 * tall)], fill * 0.5, max(0.08 * tall, 0.4))
    for shade, lift, count in ((0.78, 0.0, 3), (1.0, 0.1, 2), (1.18, 0.2, 2)):
        for _ in range(count):
            radius = tall * rng.uniform(0.17, 0.26) * (1.15 - lift * 2)
            dx, dy = rng.uniform(-0.2, 0.2, 2) * tall * (1 - 2 * lift)
            spot = (x + dx - lift * 0.4 * tall, y - 0.6 * tall + dy - lift * tall)
            layer.ellipse(spot, (radius, radius * 0.92), np.clip(fill * shade, 0, 1))


def paint_fields(
    picture: Picture, mood: Mood, land: Land, rng: np.random.Generator
) -> None:
    """Paint farmland as it looks from high above: fields, a road, a river, woods."""
    shape = picture.shape
    along, across = _turned_grid(shape, rng)
    plot, border = _plots(along, across, rng)
    palette = np.array([colour(text) for text in land.field_colours])
    tints = palette[rng.integers(len(palette), size=101)]
    tints = tints * rng.uniform(0.9, 1.1, (101, 1)).astype(np.float32)
    furrows = np.sin(420 * np.where(plot % 2, along, across))
    shade = 0.98 + 0.025 * furrows - 0.16 * border
    shade += 0.14 * (fractal_noise(rng, shape, (6, 8), 4) - 0.5)
    fill = tints[plot] * shade[..., None]
    picture.pixels[:] = mix(fill * colour(mood.ground), mood.haze, 0.2)
    _river_and_road(picture, mood, rng)
    _woods(picture, mood, land, rng)


def _turned_grid(
    shape: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return two coordinates at right angles, turned by chance and slightly bent."""
    height, width = shape
    turn = np.float32(rng.uniform(0, np.pi))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) / np.float32(width)
    along = x * np.cos(turn) + y * np.sin(turn)
    across = y * np.cos(turn) - x * np.sin(turn)
    phase = np.float32(rng.uniform(0, 6))
    return along, across + 0.05 * np.sin(5 * along + phase) + 0.03 * np.sin(9 * across)


def _plots(
    along: np.ndarray, across: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return each pixel's field, 0 … 100, and whether it lies between two fields."""
    strip = np.floor(across * rng.uniform(4, 7)).astype(int) % 100
    number = rng.uniform(3, 8, 100).astype(np.float32)
    start = rng.uniform(50, 51, 100).astype(np.float32)
    cut = number[strip] * along + start[strip]
    plot = (strip * 31 + np.floor(cut).astype(int) * 17) % 101
    return plot, np.abs(cut - np.round(cut)) < 0.03


def _river_and_road(picture: Picture, mood: Mood, rng: np.random.Generator) -> None:
    height, width = picture.shape
    water = mix(colour(mood.sky[1]), colour("#4a7f96"), 0.5) * 0.9
    road = colour("#d5cfc0") * colour(mood.ground)
    for fill, wide, wild in ((water, rng.uniform(7, 16), 0.22), (road, 2.0, 0.08)):
        knots = np.linspace([-20, 0], [width + 20, 0], 7)
        slope = rng.uniform(-0.5, 0.5) * height * np.linspace(-1, 1, 7)
        wiggle = rng.uniform(-wild, wild, 7) * height
        knots[:, 1] = rng.uniform(0.3, 0.7) * height + slope + wiggle
        layer = picture.layer()
        layer.line(spline(knots, steps=12), fill, wide)
        picture.lay(layer, 0.92)


def _woods(picture: Picture, mood: Mood, land: Land, rng: np.random.Generator) -> None:
    """Paint clumps of trees, seen from above, with their shadows."""
    height, width = picture.shape
    layer = picture.layer()
    for _ in range(int(rng.integers(4, 9))):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        count = int(rng.integers(6, 22))
        spots = rng.normal(0, 1, (count, 2)) * rng.uniform(8, 22, 2) + [x, y]
        sizes = rng.uniform(2.5, 5.5, count)
        texts = rng.choice(land.leaves, count)
        for spot, size in zip(spots, sizes, strict=True):
            layer.ellipse(spot + [2, 2], (size, size), colour("#33402f"))
        for spot, size, text in zip(spots, sizes, texts, strict=True):
            fill = mix(colour(str(text)) * colour(mood.ground), mood.haze, 0.12)
            layer.ellipse(spot, (size, size), fill)
            layer.ellipse(spot - 0.3 * size, (0.5 * size, 0.5 * size), fill * 1.12)
    picture.lay(layer, 0.9)
