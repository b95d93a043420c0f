"""Places that cars stand in, and the picture of a car that stands there.

A :class:`StreetScene` says in a few numbers and a seed what is in a picture;
:func:`photograph_car` paints it, twice the same.
"""

from dataclasses import dataclass, replace

import numpy as np

from datasets.drawn import ground, scenery, things
from datasets.drawn.canvas import (
    Picture,
    colour,
    developed,
    fractal_noise,
    mix,
    softened,
)
from datasets.drawn.ground import LANDS
from datasets.drawn.motorcars import (
    Car,
    build_car,
    build_shell,
    design_car,
    handle_place,
)
from datasets.drawn.rendering import View, paint_solid, shadow_of, turned
from datasets.drawn.scenery import MOODS, Mood

SIZES = ((320, 240), (320, 213), (320, 192), (288, 216), (320, 256), (300, 169))
"""(width, height) in pixels."""

PLACES = {"country": 0.25, "street": 0.35, "car park": 0.25, "studio": 0.15}
"""Where cars stand, and how often."""

HANDLE_SHARES = 0.011, 0.029
"""How long a handle is, as a share of the picture's width."""

_SURFACES = ("#5b5d60", "#6f7073", "#4b4c50", "#8d8a84", "#a39a8c", "#77716a")
_WALLS = (
    "#b8a58c", "#a65b45", "#d8d2c4", "#8f9aa3", "#c7b27c", "#7c6a5c", "#9db0a2",
    "#e2ded6", "#5f6a75",
)  # fmt: skip
_STUDIO = ("#d9dcdf", "#f0efec", "#3b3f45", "#8a9097", "#c9d3da", "#d6cdbf")


@dataclass(frozen=True)
class StreetScene:
    """Everything that is in one picture.

    Attributes:
        height: in pixels.
        width: in pixels.
        place: one of :data:`PLACES`.
        mood: one of :data:`datasets.drawn.scenery.MOODS`.
        land: one of :data:`datasets.drawn.ground.LANDS`.
        sun_side: -1 left … 1 right.
        car: the car.
        view: where it stands and how it is turned.
        tilt: by how many degrees the camera looks down.
        near_side: the side that is seen, 1 the car's left, -1 its right.
        seed: of everything that is not said here.
        blur: of the camera, standard deviation in pixels.
        grain: of the camera, standard deviation, 1 is white.
    """

    height: int
    width: int
    place: str
    mood: str
    land: str
    sun_side: float
    car: Car
    view: View
    tilt: float
    near_side: int
    seed: int
    blur: float
    grain: float

    def stream(self, name: str) -> np.random.Generator:
        """Return the generator of one painter, which no other painter disturbs."""
        return np.random.default_rng([self.seed, *name.encode()])

    def row_behind(self, distance: float) -> float:
        """Return the row of the ground so many cars' lengths behind the car."""
        tilt = np.deg2rad(self.tilt)
        far = np.array([0, distance * np.sin(tilt), -distance * np.cos(tilt)])
        return float(self.view.project(far)[1])

    @property
    def handle(self) -> tuple[float, float]:
        """(row, column) of the middle of the front door's handle, in pixels.

        0 is the upper or left edge; the middle of pixel k lies at k + 0.5.
        """
        point = handle_place(self.car, self.near_side) @ self.view.rotation.T
        column, row = self.view.project(point).tolist()
        return row, column


def plan_street(rng: np.random.Generator) -> StreetScene:
    """Draw a scene by lot; the car's handle is in sight."""
    width, height = SIZES[rng.integers(len(SIZES))]
    mood = _lot(rng, {name: mood.share for name, mood in MOODS.items()})
    car = design_car(rng, MOODS[mood].night)
    near_side = int(rng.choice([-1, 1]))
    # Turned towards the camera or away from it by up to 50 degrees.
    turn = rng.uniform(-50, 50)
    yaw = turn if near_side < 0 else 180 + turn
    tilt = rng.uniform(2.5, 13)
    view = View(turned(yaw, 0, 0, tilt), distance=rng.uniform(2.2, 4.5))
    share = rng.uniform(0.58, 0.95)
    view = _framed(rng, car, view, (width, height), share)
    car = replace(car, handle_length=_handle_length(rng, view, turn, width))
    return StreetScene(
        height,
        width,
        _lot(rng, PLACES),
        mood,
        str(rng.choice(list(LANDS))),
        float(rng.uniform(0.3, 1) * rng.choice([-1, 1])),
        car,
        view,
        tilt,
        near_side,
        int(rng.integers(2**31)),
        blur=rng.uniform(0.3, 0.7),
        grain=rng.uniform(0.004, 0.018),
    )


def _lot(rng: np.random.Generator, shares: dict[str, float]) -> str:
    chances = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=chances / chances.sum()))


def _framed(
    rng: np.random.Generator,
    car: Car,
    view: View,
    size: tuple[int, int],
    share: float,
) -> View:
    """Place a car in the picture; it covers ``share`` of the width or height."""
    low, high = replace(view, scale=1.0).outline(build_shell(car))
    scale = float(np.min(share * np.array(size) / (high - low)))
    room = np.array(size) - scale * (high - low)
    # Cars stand low in a picture rather than high.
    corner = room * [rng.uniform(0.1, 0.9), rng.uniform(0.45, 0.85)]
    return replace(view, centre=tuple((corner - scale * low).tolist()), scale=scale)


def _handle_length(
    rng: np.random.Generator, view: View, turn: float, width: int
) -> float:
    """Return how long handles are on the car, for their length in the picture."""
    share = rng.uniform(*HANDLE_SHARES)
    nearness = view.distance / (view.distance - 0.15)
    length = share * width / (view.scale * nearness * np.cos(np.deg2rad(turn)))
    return float(np.clip(length, 0.024, 0.046))


# --- painting ------------------------------------------------------------------------


def photograph_car(scene: StreetScene) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Return what a camera sees of a scene.

    Returns:
        uint8 (height, width, 3), and the car's box (ymin, xmin, ymax, xmax) counted
        from 0; the last row and column belong to it.
    """
    picture = Picture.blank(scene.height, scene.width)
    mood = MOODS[scene.mood]
    light = mood.light(scene.sun_side)
    _PAINTERS[scene.place](picture, scene, mood)
    parts = build_car(scene.car)
    shade = shadow_of(parts, scene.view, light, scene.tilt, picture.shape)
    strength = 0.25 + 0.4 * mood.strength if scene.place != "studio" else 0.25
    soft = 1.2 + 3 * (1 - mood.strength)
    picture.blend(np.zeros(3), softened(shade, soft) * strength)
    picture.blend(np.zeros(3), _contact_shadow(scene) * 0.75)
    layer = picture.layer()
    paint_solid(layer, parts, scene.view, light)
    picture.lay_thing(layer, "car")
    box = picture.things[-1].visible_box()
    assert box is not None
    rng = scene.stream("camera")
    return developed(picture.pixels, rng, scene.blur, scene.grain), box


def _contact_shadow(scene: StreetScene) -> np.ndarray:
    """Return how dark it is under the car, float32 (height, width)."""
    half = scene.car.shape.half_width * 0.95
    turn = np.linspace(0, 2 * np.pi, 32)
    # Rounder than an ellipse, as a car is.
    round_off = [np.sign(f(turn)) * np.abs(f(turn)) ** 0.5 for f in (np.cos, np.sin)]
    rim = np.stack([0.49 * round_off[0], half * round_off[1], 0 * turn], 1)
    layer = Picture.blank(scene.height, scene.width)
    sheet = layer.layer()
    sheet.polygon(scene.view.project(rim @ scene.view.rotation.T), np.ones(3))
    layer.lay(sheet)
    return softened(layer.pixels[..., 0], 1.5)


def _paint_ground(
    picture: Picture,
    top: float,
    fill: np.ndarray,
    rng: np.random.Generator,
    roughness: float,
) -> None:
    """Paint the ground from a row down, finer and paler far away."""
    height, width = picture.shape
    top = int(np.clip(round(top), 0, height - 1))
    rows = height - top
    noise = fractal_noise(rng, (rows, width), (rows / 5, width / 22), 3, 0.7) - 0.5
    depth = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    light = 1.08 - 0.16 * depth + roughness * noise * (0.35 + 0.65 * depth)
    picture.blend(fill * light[..., None], np.ones((rows, width), np.float32), (top, 0))


def _surface(rng: np.random.Generator, mood: Mood) -> np.ndarray:
    return colour(str(rng.choice(_SURFACES))) * colour(mood.ground)


def _paint_sky(picture: Picture, scene: StreetScene, mood: Mood) -> float:
    """Paint the sky down to the horizon; returns its row."""
    rng = scene.stream("sky")
    horizon = scene.row_behind(60.0)
    if horizon > 2:
        sun = (0.5 + 0.4 * scene.sun_side) * scene.width, 0.2 * horizon
        scenery.paint_sky(picture, mood, horizon, sun, rng)
        if rng.random() < 0.4 and horizon > 20:
            scenery.paint_wisps(picture, mood, rng)
    return horizon


def _paint_country(picture: Picture, scene: StreetScene, mood: Mood) -> None:
    horizon = _paint_sky(picture, scene, mood)
    rng, land = scene.stream("country"), LANDS[scene.land]
    if horizon > 4:
        ground.paint_hills(picture, mood, land, horizon, rng)
    meadow = mix(colour(land.near), colour(land.far), 0.4) * colour(mood.ground)
    _paint_ground(picture, horizon, meadow, rng, 0.35)
    for distance in np.sort(rng.uniform(1.5, 9, int(rng.integers(1, 4))))[::-1]:
        size = scene.view.scale * rng.uniform(0.7, 1.3) / (1 + distance / 2)
        row = scene.row_behind(float(distance))
        ground.paint_trees(picture, mood, land, row, size, rng, rng.uniform(0.3, 1.1))
    _paint_ground(picture, scene.row_behind(0.5), _surface(rng, mood), rng, 0.25)


def _paint_car_park(picture: Picture, scene: StreetScene, mood: Mood) -> None:
    horizon = _paint_sky(picture, scene, mood)
    rng, land = scene.stream("car park"), LANDS[scene.land]
    _paint_ground(picture, horizon, _surface(rng, mood), rng, 0.2)
    back = float(rng.uniform(1.4, 3.5))
    row = scene.row_behind(back + 0.6)
    size = scene.view.scale * rng.uniform(0.4, 0.75)
    ground.paint_trees(picture, mood, land, row, size, rng, rng.uniform(0.5, 1.3))
    layer = picture.layer()
    for x in np.arange(rng.uniform(-0.1, 0.2), 1.1, rng.uniform(0.22, 0.45)):
        if rng.random() < 0.7:
            foot = x * scene.width, scene.row_behind(back)
            long = scene.view.scale * 0.75 / (1 + back / 3)
            things.draw_vehicle(layer, foot, long, colour(mood.ground), rng)
    line = mix(colour("#e9e6da"), np.zeros(3), 0.15) * colour(mood.ground)
    for x in np.arange(-1.5, 2, 0.55) + rng.uniform(-0.2, 0.2):
        ends = np.array([[x, 0.0, 0.9], [x + 0.02, 0, 0.9], [x - 0.12, 0, -0.9]])
        ends = np.concatenate([ends, ends[2:] - [0.02, 0, 0]])
        layer.polygon(scene.view.project(_on_ground(ends, scene.tilt)), line, 0.75)
    picture.lay(layer)


def _on_ground(points: np.ndarray, tilt: float) -> np.ndarray:
    """Return points (right, up, near) of a level world in the viewer's axes."""
    tilt = np.deg2rad(tilt)
    right, up, near = points.T
    high = up * np.cos(tilt) - near * np.sin(tilt)
    return np.stack([right, high, near * np.cos(tilt) + up * np.sin(tilt)], 1)


def _paint_street(picture: Picture, scene: StreetScene, mood: Mood) -> None:
    rng = scene.stream("street")
    back = float(rng.uniform(0.55, 1.4))
    tint = colour(mood.ground)
    wall = colour(str(rng.choice(_WALLS))) * tint
    picture.pixels[:] = wall
    grain = fractal_noise(rng, picture.shape, (24, 32), 3, 0.7)[..., None] - 0.5
    picture.pixels *= 1 + 0.16 * grain
    layer = picture.layer()
    foot, scale = scene.row_behind(back), scene.view.scale
    scale *= scene.view.distance / (scene.view.distance + back)
    if rng.random() < 0.35:
        for row in np.arange(foot, -4, -0.035 * scale):
            layer.line([(-4, row), (scene.width + 4, row)], wall * 0.75, 0.6)
    _draw_openings(layer, scene, wall, (foot, scale), rng)
    plinth = np.array([[-4, foot], [scene.width + 4, foot]])
    base = plinth - [0, rng.uniform(0.02, 0.08) * scale]
    layer.polygon(np.concatenate([plinth, base[::-1]]), wall * 0.6)
    picture.lay(layer)
    pavement = mix(_surface(rng, mood), np.ones(3), 0.25) * (0.6 + 0.4 * tint)
    _paint_ground(picture, foot, pavement, rng, 0.15)
    kerb = scene.row_behind(float(rng.uniform(0.25, 0.45)))
    _paint_ground(picture, kerb - 0.02 * scale, pavement * 0.7, rng, 0.1)
    _paint_ground(picture, kerb, _surface(rng, mood), rng, 0.25)


def _draw_openings(
    layer, scene: StreetScene, wall: np.ndarray, place: tuple, rng: np.random.Generator
) -> None:
    """Draw the windows, doors and shutters of a facade."""
    foot, scale = place
    wide, tall = rng.uniform(0.16, 0.3) * scale, rng.uniform(0.25, 0.4) * scale
    pitch, sill = wide * rng.uniform(1.3, 2.4), rng.uniform(0.12, 0.25) * scale
    glass = colour(str(rng.choice(["#39454f", "#55646e", "#2a2f36", "#7b8c97"])))
    shutter = colour(str(rng.choice(["#6f3b2c", "#3f5a4a", "#d7d3c8", "#41505f"])))
    glass = glass * colour(MOODS[scene.mood].ground)
    frame = mix(wall, np.ones(3), 0.45)
    for x in np.arange(rng.uniform(-wide, 0), scene.width + wide, pitch):
        is_door = rng.random() < 0.2
        bottom = foot if is_door else foot - sill
        for floor in range(3):
            top = foot - sill - tall - floor * (tall + 1.6 * sill)
            corners = np.array([[x, bottom], [x + wide, bottom],
                                [x + wide, top], [x, top]])  # fmt: skip
            middle = corners.mean(0)
            layer.polygon(middle + (corners - middle) * 1.12, frame)
            fill = shutter if is_door or rng.random() < 0.15 else glass
            layer.polygon(corners, fill)
            if not is_door:
                layer.line([(middle[0], bottom), (middle[0], top)], frame, 1.0)
            bottom, is_door = top - 1.6 * sill, False


def _paint_studio(picture: Picture, scene: StreetScene, mood: Mood) -> None:
    rng = scene.stream("studio")
    wall = colour(str(rng.choice(_STUDIO))) * rng.uniform(0.85, 1.05)
    height, width = picture.shape
    across = np.linspace(-1, 1, width)[None, :] - rng.uniform(-0.5, 0.5)
    rows = np.linspace(1.0, 0.86, height)[:, None]
    light = rows * (1.05 - 0.18 * across**2)
    picture.pixels[:] = np.clip(wall * light[..., None], 0, 1)
    floor = mix(wall, np.ones(3), rng.uniform(-0.25, 0.25))
    _paint_ground(picture, scene.row_behind(1.3), np.clip(floor, 0, 1), rng, 0.03)


_PAINTERS = {
    "country": _paint_country,
    "street": _paint_street,
    "car park": _paint_car_park,
    "studio": _paint_studio,
}
