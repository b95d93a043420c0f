"""Skies, grounds and clutter behind drawn aeroplanes and cars."""

from collections import namedtuple

import numpy as np
from PIL import Image, ImageFilter

from datasets.drawn.shapes import CIRCLE, Picture, Rng, colour, levels, mix

WHITE = np.ones(3)
PAINTS = "#e9ebec #b9bfc4 #4a5057 #1d2024 #a01c22 #3a6ea8 #1f4d3a #d9b23a".split()
_Mood = namedtuple("_Mood", "zenith sky haze sun lit shaded tint strength ambience up")


class Mood(_Mood):
    """Light: colours (3,), strengths in [0, 1] and the sun's height in [0, 1]."""

    def direction(self, side: float) -> np.ndarray:
        """Unit vector to a sun on one side, -1 left … 1 right, in the viewer's axes."""
        vector = np.array([0.75 * side, 0.35 + 0.6 * self.up, 0.6])
        return vector / np.linalg.norm(vector)

    def shade(self, sun, normals, fills, haze: float = 0) -> np.ndarray:
        """Colours (n, 3) of glossy faces with unit normals, through a share of haze."""
        sky = mix(self.sky, WHITE, 0.55) * self.ambience
        earth = mix(self.tint, colour("#9e9e94"), 0.5) * self.ambience * 0.72
        upward, direct = (normals[:, 1:2] + 1) / 2, self.sun * self.strength
        towards = np.clip(normals @ sun, 0, None)[:, None]
        shaded = fills * (mix(earth, sky, upward) + towards * direct)
        mirror = 0.25 * np.clip(1 - np.abs(normals[:, 2:]), 0, 1) ** 3 * upward
        return mix(mix(shaded, sky, mirror), self.haze, haze)


_CODES = {
    "clear": "#3a78bd #78afe0 #d3e9f5 #fff6e6 #ffffff #b1c5db #ffffff .62 .68 .75",
    "cloudy": "#6398cc #accde6 #f2ecdf #fff0d8 #fffdf8 #a9b4c8 #fbf4e8 .6 .68 .55",
    "dusk": "#3d4a80 #b66f86 #fdb06c #ffb878 #ffc093 #75547c #d9a593 .66 .55 .12",
    "overcast": "#8b98a5 #a8b4bd #d2d8d9 #ffffff #d3d9dc #8f9ca7 #d9dde0 .2 .86 .9",
}
MOODS = {name: Mood(*map(colour, codes.split()[:7]), *map(float, codes.split()[7:]))
         for name, codes in _CODES.items()}  # fmt: skip
_LANDS = ("#5d8a3c #a3b878 #2f5a2c", "#c3a24e #d8c58c #55702f",
          "#8f7a3f #b9a673 #b0612a", "#e3e9ef #eef2f5 #44584f")  # fmt: skip
# Colours of the ground near by, of the ground far away and of trees.


def noise(rng: Rng, shape: tuple[int, int], cells, octaves: int = 4) -> np.ndarray:
    """Fractal noise, float32 of a shape, in [0, 1]; cells are the coarsest octave's."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        counts = np.clip(np.rint(np.array(cells) * 2**octave), 2, shape).astype(int)
        image = Image.fromarray(rng.random(counts, dtype=np.float32))
        image = image.resize(shape[::-1], Image.Resampling.BICUBIC)
        total += np.asarray(image) / 2**octave
    total = (total - total.min()) / max(float(np.ptp(total)), 1e-6)
    # Rows are crowded at the top as towards a horizon.
    return total[(np.sqrt(np.linspace(0, 1, shape[0])) * (shape[0] - 1)).astype(int)]


def gradient(stops: list[np.ndarray], size: tuple[int, int]) -> Image.Image:
    """Image (mode RGB) that runs through colours from top to bottom."""
    places, rows = np.linspace(0, 1, len(stops)), np.linspace(0, 1, size[1])
    column = [np.interp(rows, places, channel) for channel in np.transpose(stops)]
    return Image.fromarray(levels(np.stack(column, 1))[:, None]).resize(size)


def paint_sky(picture: Picture, mood: Mood, horizon: float, rng: Rng, side) -> None:
    """Paint sky, clouds and the glow of a sun on one side, -1 left … 1 right."""
    width, height = picture.image.size
    limit = int(np.clip(horizon, 4, 3 * height))
    picture.image.paste(gradient([mood.haze] * 2, (width, height)))
    picture.image.paste(gradient([*mood[:3]], (width, limit)))
    limit, x = min(limit, height), (0.5 + 0.42 * side) * width
    y = limit * 0.95 * (1 - mood.up)
    rows, columns = np.ogrid[0:height:2, 0:width:2]
    away = np.hypot(rows - y, columns - x) / width
    glow = 0.35 * mood.strength * np.exp(-((away / 0.35) ** 2))
    glow = Image.fromarray(levels(glow + (mood.up < 0.5) * (away < 0.03)))
    picture.paste(mood.sun, glow.resize((width, height)))
    shape, is_closed = (max(limit // 2, 2), width // 2), mood.up > 0.8
    cover = rng.uniform(0.75, 1) if is_closed else rng.uniform(0, 0.6)
    cells = ((5, 6), (4, 3), (9, 2))[rng.integers(3)]
    density = noise(rng, shape, cells, 3 if is_closed else 5)
    down, right = np.gradient(density)
    slope = (5 if is_closed else 9) * (down - np.sign(side) * right)
    mask = np.clip((density - 0.8 + 0.7 * cover) / 0.25, 0, 0.9)
    lit = np.clip(0.6 + slope, 0, 1)
    for fill, share in ((mood.shaded, mask * (1 - 0.2 * lit)), (mood.lit, mask * lit)):
        picture.paste(fill, Image.fromarray(levels(share)).resize((width, limit)))


def paint_plain(picture: Picture, top, near, far, rng, texture=(0.3, 30, 14)) -> None:
    """Paint level ground from a row down; texture is contrast and cells each way."""
    width, height = picture.image.size
    top = int(np.clip(round(top), 0, height - 2))
    shape = height - top, width
    picture.image.paste(
        gradient([far, mix(far, near, 0.7), near], shape[::-1]), (0, top)
    )
    picture.paste(near * 0.35, texture[0] * noise(rng, shape, texture[1:]), (0, top))


def _paint_ridge(picture, row: float, size: float, fill, rng: Rng, lumps=5) -> None:
    """Paint hills or trees that rise by ``size`` pixels over a row."""
    top, bottom = int(max(row - 1.3 * size, 0)), int(row)
    shape = bottom - top, picture.image.width
    if shape[0] >= 2:
        edge = row - size * (0.25 + noise(rng, (2, shape[1]), (2, lumps), 6)[0])
        mask = np.clip(np.arange(top, bottom)[:, None] - edge, 0, 1)
        picture.paste(fill, mask, (0, top))
        mask *= 0.6 * noise(rng, shape, (3, 3 * lumps), 3)
        picture.paste(fill * 0.4, mask, (0, top))


def paint_land(picture: Picture, mood: Mood, horizon: float, rng: Rng) -> None:
    """Paint hills, a plain and lines of trees."""
    codes = _LANDS[rng.choice(len(_LANDS), p=(0.4, 0.2, 0.25, 0.15))]
    near, far, tree = (colour(code) * mood.tint for code in codes.split())
    height = picture.image.height
    for share in (0.65, 0.35)[: rng.integers(0, 3)]:
        size, fill = rng.uniform(0.04, 0.16) * height, mix(tree, mood.haze, share)
        _paint_ridge(picture, horizon + 1, size, fill, rng)
    paint_plain(picture, horizon, near, mix(far, mood.haze, 0.3), rng)
    for depth in np.sort(rng.uniform(0, 0.5, rng.integers(1, 4))):
        size = (0.02 + 0.12 * depth) * height * rng.uniform(0.8, 1.6)
        row = horizon + 2 + depth * (height - horizon)
        _paint_ridge(picture, row, size, mix(tree, mood.haze, 0.15), rng, 12)


def paint_water(picture: Picture, mood: Mood, horizon: float, rng: Rng) -> None:
    """Paint the sea with a coast and boats."""
    size, coast = rng.uniform(0, 0.12) * picture.image.height, colour("#4d6350")
    _paint_ridge(picture, horizon + 1, size, mix(coast, mood.haze, 0.5), rng)
    near = mix(colour("#27566f"), mood.zenith, 0.35) * mood.tint
    paint_plain(picture, horizon, near, mix(near, mood.haze, 0.55), rng, (0.6, 60, 6))
    lay_objects(picture, "boat", mood, horizon, rng)


def paint_airfield(picture: Picture, mood: Mood, horizon: float, rng: Rng) -> None:
    """Paint hangars and tarmac."""
    width, height = picture.image.size
    below = height - horizon
    paint_land(picture, mood, horizon, rng)
    for x in np.arange(rng.uniform(0, 0.4), 1, rng.uniform(0.2, 0.5)) * width:
        hangar = (x, horizon + 0.07 * below) + CIRCLE[12:] * 0.07 * height
        picture.lay([(hangar, mix(colour("#a9a49a"), mood.haze, 0.3) * mood.tint)])
    tarmac = colour(str(rng.choice(["#777979", "#8f8c84", "#646568"]))) * mood.tint
    top = horizon + rng.uniform(0.07, 0.14) * below
    paint_plain(picture, top, tarmac, mix(tarmac, mood.haze, 0.3), rng)


_OBJECTS = {
    "boat": (
        ("paint", (-.42, .12), (.45, .14), (.3, -.02), (-.34, -.02)),
        ("white", (-.02, 1), (-.36, .2), (-.02, .18)),
        ("white", (.02, .9), (.4, .2), (.03, .2))),
    "bird": (
        ("dark", (.04, .04), (-.06, .3), (-.3, .5), (-.58, .56), (-.4, .34), (-.2, 0)),
        ("dark", (-.3, .03), (-.62, .1), (-.66, -.02), (-.3, -.04)),
        ("feather", (-.36, 0), (-.1, .11), (.2, .12), (.38, .14), (.46, .09),
         (.44, .02), (.3, -.05), (0, -.12), (-.2, -.09)),
        ("feather", (.16, .06), (.16, .34), (.02, .6), (-.26, .78), (-.14, .44),
         (-.1, 0))),
}  # fmt: skip
# Polygons with their fills; about one unit long, up is positive.


def lay_objects(picture: Picture, name: str, mood: Mood, horizon, rng: Rng) -> None:
    """Paint up to three birds or boats as things, larger near by."""
    (width, height), tint = picture.image.size, 0.2 + 0.8 * mood.tint
    codes = {"white": "#f4efe2", "dark": "#37414a", "feather": "#8d8073"}
    for depth in np.sort(rng.uniform(0.08, 0.45, rng.integers(0, 4))):
        foot = rng.uniform(0.05, 0.95) * width, horizon + depth * (height - horizon)
        size, codes["paint"] = 12 + 120 * depth, str(rng.choice(PAINTS))
        factors = np.array([rng.choice([-size, size]), -size])
        shapes = [
            (foot + np.array(points) * factors, fill)
            for fill, *points in _OBJECTS[name]
        ]
        picture.lay([(p, colour(codes[fill]) * tint) for p, fill in shapes], name)


def photographed(image: Image.Image, rng: Rng) -> np.ndarray:
    """Image with a camera's blur and grain, uint8 (rows, columns, 3)."""
    soft = image.filter(ImageFilter.BoxBlur(rng.uniform(0.1, 0.5)))
    pixels = np.asarray(soft, np.int16)
    grain = rng.standard_normal(pixels.shape[:2], np.float32) * rng.uniform(0.8, 3)
    return np.clip(pixels + np.rint(grain).astype("i2")[..., None], 0, 255).astype("u1")
