"""Moods of light, and the skies that go with them.

Every painter takes the picture, what it needs to know and a generator. Rows and
columns are pixels; the horizon is a row.
"""

from dataclasses import dataclass

import numpy as np

from datasets.drawn.canvas import (
    Picture,
    colour,
    fractal_noise,
    mix,
    resized,
    smoothstep,
    softened,
)
from datasets.drawn.rendering import Light


@dataclass(frozen=True)
class Mood:
    """The light of an hour and a weather.

    Attributes:
        sky: colours from the top of the sky down to the horizon.
        sun: colour of the direct light.
        strength: of the direct light.
        ambience: strength of the light that comes from everywhere.
        lit_cloud: colour of clouds on the sun's side.
        shaded_cloud: colour on the other side.
        ground: colour that everything on the ground is multiplied by.
        sun_height: how high the sun stands, 0 horizon … 1 straight above.
        night: whether lamps are lit.
        share: how often this mood comes up.
    """

    sky: tuple[str, ...]
    sun: str
    strength: float
    ambience: float
    lit_cloud: str
    shaded_cloud: str
    ground: str
    sun_height: float
    night: bool = False
    share: float = 0.1

    @property
    def haze(self) -> np.ndarray:
        """Colour of the air far away."""
        return colour(self.sky[-1])

    def light(self, side: float) -> Light:
        """Return the light with the sun on one side, -1 left … 1 right."""
        direction = np.array([0.75 * side, 0.35 + 0.6 * self.sun_height, 0.6])
        sky = mix(colour(self.sky[1]), np.ones(3), 0.55)
        earth = mix(colour(self.ground), np.array([0.62, 0.62, 0.58]), 0.5)
        return Light(
            direction / np.linalg.norm(direction),
            colour(self.sun) * self.strength,
            sky * self.ambience,
            earth * self.ambience * 0.72,
        )


MOODS = {
    "clear": Mood(
        ("#3a78bd", "#78afe0", "#d3e9f5"),
        "#fff6e6", 0.62, 0.68, "#ffffff", "#b1c5db", "#ffffff", 0.8, share=0.26,
    ),
    "morning": Mood(
        ("#6398cc", "#accde6", "#fde8cf"),
        "#ffeccb", 0.6, 0.68, "#fffaf0", "#bdbfd0", "#fff3e2", 0.45, share=0.14,
    ),
    "hazy": Mood(
        ("#8bb0cb", "#b7cfdb", "#ebece2"),
        "#fff3da", 0.42, 0.76, "#fbfaf4", "#c3ced4", "#f1f1ea", 0.6, share=0.1,
    ),
    "golden": Mood(
        ("#5383b3", "#a9bfbf", "#fbdc9c"),
        "#ffdda0", 0.7, 0.58, "#ffedc9", "#b59a97", "#ffe6bd", 0.25, share=0.13,
    ),
    "sunset": Mood(
        ("#3d4a80", "#b66f86", "#fdb06c"),
        "#ffb878", 0.66, 0.55, "#ffc093", "#75547c", "#d9a593", 0.12, share=0.1,
    ),
    "overcast": Mood(
        ("#8b98a5", "#a8b4bd", "#d2d8d9"),
        "#ffffff", 0.2, 0.86, "#e3e8ea", "#8f9ca7", "#d9dde0", 0.9, share=0.11,
    ),
    "storm": Mood(
        ("#46535f", "#70808a", "#b9c2bd"),
        "#fff2d0", 0.5, 0.62, "#b3bdc1", "#55626d", "#bcc3bb", 0.5, share=0.05,
    ),
    "dusk": Mood(
        ("#222f5c", "#5d5b8c", "#e2a08a"),
        "#f2b8a0", 0.4, 0.6, "#c98f98", "#4c4c78", "#8d86a3", 0.2, True, share=0.07,
    ),
    "night": Mood(
        ("#0d1738", "#1a2a56", "#40558a"),
        "#c8d6ff", 0.36, 0.5, "#8394c0", "#26335c", "#5a6a96", 0.6, True, share=0.04,
    ),
}  # fmt: skip
"""What the light can be like."""


# --- sky -----------------------------------------------------------------------------


def paint_sky(
    picture: Picture,
    mood: Mood,
    horizon: float,
    sun: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Paint the sky down to the horizon, with the glow of the sun, stars at night.

    Args:
        picture: to paint on.
        mood: the light.
        horizon: row where the palest colour is reached.
        sun: (x, y) of the sun or moon, which may lie outside.
        rng: where unevenness comes from.
    """
    height, width = picture.shape
    depth = np.clip(np.arange(height) / max(horizon, 1), 0, 1)
    stops = np.array([colour(text) for text in mood.sky])
    places = np.linspace(0, 1, len(stops)) ** 0.85
    column = np.stack([np.interp(depth, places, stop) for stop in stops.T], 1)
    uneven = fractal_noise(rng, (height, width), (2, 3), 2)[..., None]
    picture.pixels[:] = column[:, None].astype(np.float32) - 0.025 + 0.05 * uneven
    if mood.night:
        _stars(picture, horizon, rng)
    reach = 0.5 * width
    picture.glow(sun, reach, colour(mood.sun) * 0.35 * mood.strength)
    if mood.sun_height < 0.5 or mood.night:
        picture.glow(sun, 0.2 * reach, colour(mood.sun) * 0.5)
        disc = picture.layer()
        disc.ellipse(sun, (0.026 * width, 0.026 * width), colour("#fff6df"))
        picture.lay(disc, 0.95)


def _stars(picture: Picture, horizon: float, rng: np.random.Generator) -> None:
    height, width = picture.shape
    for _ in range(70):
        x, y = rng.uniform(0, width), rng.uniform(0, 0.8 * min(horizon, height))
        row, column = int(y), int(x)
        picture.pixels[row, column] += rng.uniform(0.1, 0.5)


def paint_wisps(picture: Picture, mood: Mood, rng: np.random.Generator) -> None:
    """Paint thin clouds high up, drawn out by the wind."""
    noise = fractal_noise(rng, picture.shape, (9, 2.5), 4, 0.6)
    slant = np.linspace(0, rng.uniform(-60, 60), picture.shape[1]).astype(int)
    rows = np.arange(picture.shape[0])[:, None] + slant
    noise = np.take_along_axis(noise, np.abs(rows) % picture.shape[0], 0)
    where = fractal_noise(rng, picture.shape, (2, 2), 2)
    veil = smoothstep(noise, 0.45, 0.95) * smoothstep(where, 0.3, 0.8)
    picture.blend(colour(mood.lit_cloud), veil * rng.uniform(0.4, 0.7))


def paint_cloud_cover(
    picture: Picture,
    mood: Mood,
    horizon: float,
    cover: float,
    sun_side: float,
    rng: np.random.Generator,
) -> None:
    """Paint a broken deck of clouds that gets smaller towards the horizon.

    Args:
        picture: to paint on.
        mood: the light.
        horizon: row below which no clouds are.
        cover: 0 few … 1 closed.
        sun_side: -1 left … 1 right, where the clouds are lit.
        rng: where their shapes come from.
    """
    height, width = picture.shape
    limit = int(np.clip(horizon, 1, height))
    closed = cover > 0.7  # a closed deck has soft folds, a broken one has heads
    octaves = 3 if closed else 5
    flat = fractal_noise(rng, (2 * height, width), (9, 3), octaves, 0.5)
    # Rows of the deck crowd together towards the horizon.
    above = np.clip(1 - np.arange(limit) / max(horizon, 1), 0.02, 1)
    rows = ((1 - above**0.6) * (2 * height - 1)).astype(int)
    density = flat[rows]
    thick = smoothstep(density, 0.62 - 0.4 * cover, 0.88 - 0.4 * cover)
    beyond = np.pad(density, 6, mode="edge")
    toward = 6 + (6 if sun_side > 0 else -6)
    slope = density - beyond[2 : 2 + limit, toward : toward + width]
    contrast = 2.5 if closed else 4.5
    lit = np.clip(0.62 + contrast * slope - 0.3 * thick * cover, 0, 1)
    fill = mix(colour(mood.shaded_cloud), colour(mood.lit_cloud), lit[..., None])
    fill = mix(fill, mood.haze, 0.55 * (1 - above[:, None, None]) ** 2)
    picture.blend(fill, thick * 0.92)


def paint_cumulus(
    picture: Picture,
    mood: Mood,
    centre: tuple[float, float],
    width: float,
    sun_side: float,
    rng: np.random.Generator,
    opacity: float = 1.0,
) -> None:
    """Paint one heaped cloud: balls of vapour on a flat base, lit from one side.

    Args:
        picture: to paint on.
        mood: the light.
        centre: (x, y) of the middle of its base.
        width: of the base in pixels.
        sun_side: -1 left … 1 right.
        rng: where its shape comes from.
        opacity: 1 hides what is behind.
    """
    height = 0.62 * width
    top, left = int(centre[1] - height), int(centre[0] - 0.62 * width)
    bottom, right = int(centre[1] + 0.1 * width), int(centre[0] + 0.62 * width)
    rows, columns = picture.shape
    width = float(width)
    top, left = max(top, 0), max(left, 0)
    bottom, right = min(bottom, rows), min(right, columns)
    if bottom - top < 4 or right - left < 4:
        return
    shape = (bottom - top, right - left)
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32)
    lumps = (14 * shape[0] / width, 10 * shape[1] / width)
    fray = 0.07 * (fractal_noise(rng, shape, lumps, 3, 0.6) - 0.5)
    x = (x - centre[0]) / width + fray
    y = (y - centre[1]) / width + fray[::-1, ::-1]
    body, shade = _balls(x, y, sun_side, rng)
    body *= 1 - smoothstep(y, -0.015, 0.05)
    shade = softened(shade, max(1.0, 0.012 * width))
    shade = np.clip(shade - 0.5 * smoothstep(y, -0.25, 0.03), 0, 1)
    fill = mix(colour(mood.shaded_cloud), colour(mood.lit_cloud), shade[..., None])
    picture.blend(fill, softened(body, 1.0) * opacity, (top, left))


def _balls(
    x: np.ndarray, y: np.ndarray, sun_side: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return how dense a heap of balls is and how brightly it is lit, per pixel."""
    body = np.zeros_like(x)
    shade = np.full_like(x, 0.5)
    front = np.full_like(x, -1.0)
    middle_row = x[len(x) // 2]
    for place in np.linspace(-0.42, 0.42, 13).tolist():
        radius = (0.2 - 0.3 * place * place) * rng.uniform(0.6, 1.1)
        right = place + rng.uniform(-0.03, 0.03)
        down = (0.5 * place * place - 0.18) * rng.uniform(0.1, 1.5)
        reach = np.flatnonzero(np.abs(middle_row - right) < radius + 0.08)
        if not len(reach):
            continue
        near = np.s_[:, reach[0] : reach[-1] + 1]
        dx, dy = (x[near] - right) / radius, (y[near] - down) / radius
        inside = np.clip(1 - dx * dx - dy * dy, 0, 1)
        np.maximum(body[near], smoothstep(inside, 0.0, 0.3), out=body[near])
        bulge = np.sqrt(inside)
        lit = 0.5 + 0.38 * (0.75 * sun_side * dx - 0.75 * dy + 0.35 * bulge)
        ahead = (bulge * radius > front[near]) & (inside > 0)
        np.copyto(shade[near], lit, where=ahead)
        np.copyto(front[near], bulge * radius, where=ahead)
    return body, shade


def paint_cloud_sea(
    picture: Picture,
    mood: Mood,
    horizon: float,
    sun_side: float,
    rng: np.random.Generator,
) -> None:
    """Paint clouds as they look from above, closed up to the horizon."""
    height, width = (side // 2 for side in picture.shape)  # soft, so half is enough
    top = int(np.clip(horizon / 2, 0, height - 1))
    small = Picture(resized(picture.pixels, (height, width)))
    before = small.pixels.copy()
    cloud = mix(colour(mood.shaded_cloud), colour(mood.lit_cloud), 0.6)
    depth = np.linspace(0, 1, height - top)[:, None, None]
    small.pixels[top:] = mix(mood.haze, cloud, depth)
    for depth in (0.05, 0.2, 0.48, 1.0):
        size = width * (0.16 + 0.6 * depth)
        for x in np.arange(-0.3 * size, width + 0.3 * size, 0.62 * size):
            place = x + rng.uniform(-0.2, 0.2) * size
            base = top + depth * (height - top) * 1.05 + 0.12 * size
            paint_cumulus(small, mood, (place, base), size, sun_side, rng, 0.85)
    changed = (small.pixels != before).any(2, keepdims=True) * np.ones(3)
    coverage = resized(changed, picture.shape)[..., 0]
    picture.blend(resized(small.pixels, picture.shape), coverage)
