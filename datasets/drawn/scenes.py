"""What is in a picture of aeroplanes: where, when, which ones, how large, how turned.

A :class:`Scene` says it in a few numbers and a seed. :mod:`datasets.drawn.painting`
paints it, twice the same, with or without its aeroplanes.
"""

from dataclasses import dataclass, replace

import numpy as np

from datasets.drawn.aircraft import Aircraft, design_aircraft
from datasets.drawn.airframes import build_aircraft
from datasets.drawn.ground import LANDS
from datasets.drawn.rendering import View, turned
from datasets.drawn.scenery import MOODS
from datasets.drawn.solids import Faces

SIZES = ((500, 375), (500, 333), (500, 400), (480, 360), (375, 500), (333, 500))
"""(width, height) in pixels, as photographs in PASCAL VOC have them."""
_SIZE_SHARES = (0.42, 0.2, 0.1, 0.1, 0.12, 0.06)

SMALL_ONES = 0.05
"""Share of aeroplanes that are drawn small."""

SETTINGS = {
    "sky": 0.27,
    "land": 0.17,
    "clouds": 0.08,
    "sea": 0.1,
    "fields": 0.08,
    "city": 0.07,
    "runway": 0.06,
    "airport": 0.17,
}
"""Where pictures are taken, and how often."""

OTHERS = ("bird", "balloon", "kite", "nothing")
"""What pictures without an aeroplane show."""


@dataclass(frozen=True, eq=False)
class PlacedPlane:
    """An aeroplane in a picture.

    Attributes:
        kind: one of :data:`datasets.drawn.aircraft.KINDS`.
        parts: what it consists of.
        unit_outline: its outline where its origin is that of the picture and its
            length one pixel, ((left, top), (right, bottom)).
        view: where and how large.
        haze: how much air lies before it, 0 … 1.
        tilt: by how many degrees the viewer looks down at the ground that it stands
            on and throws its shadow on; None in the air.
    """

    kind: str
    parts: tuple[Faces, ...]
    unit_outline: np.ndarray
    view: View
    haze: float
    tilt: float | None = None

    @property
    def outline(self) -> np.ndarray:
        """((left, top), (right, bottom)) in pixels, float64."""
        return self.unit_outline * self.view.scale + self.view.centre

    @classmethod
    def built(
        cls, aircraft: Aircraft, wheels_down: bool, view: View, **facts: float
    ) -> "PlacedPlane":
        """Build an aeroplane; ``view`` says how it is turned, ``facts`` the rest."""
        parts = build_aircraft(aircraft, wheels_down)
        unit = replace(view, centre=(0.0, 0.0), scale=1.0).outline(parts)
        return cls(aircraft.kind, parts, unit, view, **facts)

    @property
    def pose(self) -> str:
        """Where its nose points, as PASCAL VOC has it."""
        right, _, near = self.view.rotation[:, 0]
        if abs(near) > 0.85:
            return "Frontal" if near > 0 else "Rear"
        if abs(right) > 0.6:
            return "Right" if right > 0 else "Left"
        return "Unspecified"


@dataclass(frozen=True)
class Scene:
    """Everything that is in one picture.

    Attributes:
        height: in pixels.
        width: in pixels.
        setting: one of :data:`SETTINGS`.
        mood: one of :data:`datasets.drawn.scenery.MOODS`.
        land: one of :data:`datasets.drawn.ground.LANDS`.
        horizon: its row; below the picture where only sky is seen.
        sun_side: -1 left … 1 right.
        planes: far ones first.
        other: one of :data:`OTHERS` where there is no aeroplane, else empty.
        seed: of everything that is not said here.
        blur: of the camera, standard deviation in pixels.
        grain: of the camera, standard deviation, 1 is white.
    """

    height: int
    width: int
    setting: str
    mood: str
    land: str
    horizon: float
    sun_side: float
    planes: tuple[PlacedPlane, ...]
    other: str
    seed: int
    blur: float
    grain: float

    def stream(self, name: str) -> np.random.Generator:
        """Return the generator of one painter, which no other painter disturbs."""
        return np.random.default_rng([self.seed, *name.encode()])

    @property
    def sun(self) -> tuple[float, float]:
        """(x, y) of the sun."""
        height = MOODS[self.mood].sun_height
        x = (0.5 + 0.42 * self.sun_side) * self.width
        return x, min(self.horizon, self.height) * (0.92 - 0.95 * height)


# --- planning ------------------------------------------------------------------------


def plan_scene(rng: np.random.Generator, with_plane: bool = True) -> Scene:
    """Draw a scene by lot.

    Args:
        rng: where the lots come from.
        with_plane: whether there is an aeroplane, or two.
    """
    width, height = SIZES[rng.choice(len(SIZES), p=_SIZE_SHARES)]
    setting = _lot(rng, SETTINGS)
    mood = _lot(rng, {name: mood.share for name, mood in MOODS.items()})
    side = rng.uniform(0.35, 1) * rng.choice([-1, 1])
    scene = Scene(
        height=height,
        width=width,
        setting=setting,
        mood=mood,
        land=str(rng.choice(list(LANDS), p=[0.4, 0.2, 0.15, 0.1, 0.15])),
        horizon=_horizon(rng, setting) * height,
        sun_side=float(side),
        planes=(),
        other="" if with_plane else str(rng.choice(OTHERS)),
        seed=int(rng.integers(2**31)),
        blur=rng.uniform(0.2, 0.7),
        grain=rng.uniform(0.003, 0.01),
    )
    if not with_plane:
        return scene
    if setting == "airport":
        return _with_parked_planes(rng, scene)
    return _with_flying_planes(rng, scene)


def _lot(rng: np.random.Generator, shares: dict[str, float]) -> str:
    weights = np.array(list(shares.values()))
    return str(rng.choice(list(shares), p=weights / weights.sum()))


def _horizon(rng: np.random.Generator, setting: str) -> float:
    low, high = {
        "sky": (1.1, 1.5),
        "fields": (-0.4, -0.2),
        "clouds": (0.55, 0.8),
        "airport": (0.3, 0.55),
    }.get(setting, (0.6, 0.85))
    return rng.uniform(low, high)


def _share_of_longer_side(rng: np.random.Generator) -> float:
    """Return how long a box should be, relative to the picture's longer side.

    Aeroplanes of all sizes, but neither many tiny ones, which no region of the search
    would fit, nor many that fill the picture, where there is nothing to search.
    """
    if rng.random() < SMALL_ONES:
        return rng.uniform(0.15, 0.4)
    return 0.15 + 0.8 * rng.beta(3, 1.3)


def _fitted(
    rng: np.random.Generator, scene: Scene, plane: PlacedPlane, share: float
) -> tuple[PlacedPlane, np.ndarray]:
    """Return the plane scaled to a share of the picture, and its outline around 0."""
    wide, tall = plane.unit_outline[1] - plane.unit_outline[0]
    longest = share * max(scene.width, scene.height)
    # Only few may fill the picture, or the first look would find them.
    area = rng.uniform(0.3, 0.515) * scene.width * scene.height
    scale = min(
        longest / max(wide, tall),
        0.96 * scene.width / wide,
        0.92 * scene.height / tall,
        np.sqrt(area / (wide * tall)),
    )
    view = replace(plane.view, scale=float(scale))
    return replace(plane, view=view), plane.unit_outline * scale


def _moved(plane: PlacedPlane, x: float, y: float) -> PlacedPlane:
    return replace(plane, view=replace(plane.view, centre=(float(x), float(y))))


def _place(
    rng: np.random.Generator, low: float, high: float, size: float, outside: float
) -> float:
    """Return where the origin of an outline goes along one axis of the picture.

    Args:
        rng: where the lot comes from.
        low: least coordinate of the outline, relative to its origin.
        high: largest one.
        size: of the picture.
        outside: the share of the outline that is cut off; 0 keeps all inside.
    """
    if outside:
        cut = outside * (high - low)
        return float(rng.choice([-low - cut, size - high + cut]))
    margin = min(0.02 * size, 0.49 * (size - high + low))
    return rng.uniform(margin - low, size - margin - high)


def _with_flying_planes(rng: np.random.Generator, scene: Scene) -> Scene:
    planes = [_flying_plane(rng, scene, _share_of_longer_side(rng))]
    if rng.random() < 0.16:
        second = _flying_plane(rng, scene, rng.uniform(0.15, 0.35))
        for _ in range(8):  # until it does not cover the first
            if not _overlap(planes[0], second):
                planes.insert(0, second)
                break
            second = _flown_elsewhere(rng, scene, second)
    return replace(scene, planes=tuple(planes))


def _flying_plane(rng: np.random.Generator, scene: Scene, share: float) -> PlacedPlane:
    aircraft = design_aircraft(rng, lit=MOODS[scene.mood].night)
    rotation = turned(*_attitude(rng, scene.setting))
    landing = scene.setting == "runway" or rng.random() < 0.12
    haze = rng.uniform(0, 0.22) * (1 - share)
    view = View(rotation, distance=rng.uniform(2.5, 7))
    plane = PlacedPlane.built(aircraft, landing, view, haze=haze)
    plane, _ = _fitted(rng, scene, plane, share)
    return _flown_elsewhere(rng, scene, plane, 0.13 if share > 0.3 else 0.0)


def _flown_elsewhere(
    rng: np.random.Generator, scene: Scene, plane: PlacedPlane, risk: float = 0.0
) -> PlacedPlane:
    """Return the plane in another place; ``risk`` is that of being cut by an edge."""
    low, high = plane.unit_outline * plane.view.scale
    cut = rng.uniform(0.06, 0.22) if rng.random() < risk else 0.0
    sideways = rng.random() < 0.7
    x = _place(rng, low[0], high[0], scene.width, cut if sideways else 0)
    y = _place(rng, low[1], high[1], scene.height, 0 if sideways else cut)
    return _moved(plane, x, y)


def _attitude(
    rng: np.random.Generator, setting: str
) -> tuple[float, float, float, float]:
    """Return yaw, climb, roll and the viewer's tilt in degrees, see ``turned``."""
    behind = rng.choice([0, 180])
    if setting == "fields":
        yaw, tilt = rng.uniform(0, 360), rng.uniform(35, 75)
        return yaw, rng.normal(0, 8), rng.normal(0, 15), tilt
    if setting == "runway":
        yaw = rng.choice([0, 180, 270]) + rng.uniform(-40, 40)
        return yaw, rng.uniform(0, 14), rng.normal(0, 5), rng.uniform(-10, 5)
    kind = _lot(rng, {"side": 0.24, "quarter": 0.44, "front": 0.14, "bank": 0.18})
    if kind == "side":
        yaw = behind + rng.uniform(-18, 18)
        return yaw, rng.uniform(-10, 28), rng.normal(0, 8), rng.uniform(-15, 15)
    if kind == "quarter":
        yaw = behind + rng.choice([-1, 1]) * rng.uniform(22, 62)
        return yaw, rng.uniform(-12, 22), rng.normal(0, 14), rng.uniform(-28, 28)
    if kind == "front":
        yaw = rng.choice([270, 270, 90]) + rng.uniform(-18, 18)
        return yaw, rng.uniform(-5, 15), rng.normal(0, 16), rng.uniform(-12, 20)
    tilt = rng.choice([-1, 1]) * rng.uniform(35, 80)
    return rng.uniform(0, 360), rng.normal(0, 10), rng.normal(0, 18), tilt


def _with_parked_planes(rng: np.random.Generator, scene: Scene) -> Scene:
    """Put one aeroplane, or two, on the ground, and the horizon where it belongs."""
    tilt = rng.uniform(1.5, 6)
    plane = _parked_plane(rng, scene, tilt)
    share = float(np.clip(_share_of_longer_side(rng), 0.25, 0.9))
    plane, (low, high) = _fitted(rng, scene, plane, share)
    eye = _eye_height(plane)
    least = max(0.02 * scene.height - low[1], 0.18 * scene.height + eye)
    most = 0.97 * scene.height - high[1]
    y = rng.uniform(least, most) if least < most else most
    cut = rng.uniform(0.06, 0.22) if rng.random() < 0.12 else 0.0
    plane = _moved(plane, _place(rng, low[0], high[0], scene.width, cut), y)
    horizon = float(np.clip(y - eye, 20, 0.8 * scene.height))
    scene = replace(scene, horizon=horizon, planes=(plane,))
    return _with_plane_behind(rng, scene) if rng.random() < 0.3 else scene


def _with_plane_behind(rng: np.random.Generator, scene: Scene) -> Scene:
    """Put a smaller aeroplane farther away on the ground, if there is room."""
    (plane,) = scene.planes
    second = _parked_plane(rng, scene, plane.tilt)
    second, (low, high) = _fitted(rng, scene, second, rng.uniform(0.15, 0.32))
    y = scene.horizon + _eye_height(second)
    if y > plane.view.centre[1]:
        return scene
    for _ in range(8):
        x = _place(rng, low[0], high[0], scene.width, 0)
        second = _moved(second, x, y)
        if not _overlap(plane, second):
            return replace(scene, planes=(second, plane))
    return scene


def _parked_plane(rng: np.random.Generator, scene: Scene, tilt: float) -> PlacedPlane:
    aircraft = design_aircraft(rng, lit=MOODS[scene.mood].night)
    yaw = rng.choice([0, 180]) + rng.choice([-1, 1]) * rng.triangular(0, 35, 75)
    nose_up = 9.0 if aircraft.kind in ("biplane", "warbird") else 0.0
    view = View(turned(yaw, nose_up, 0, tilt), distance=6.0)
    haze = rng.uniform(0, 0.06)
    return PlacedPlane.built(aircraft, True, view, haze=haze, tilt=tilt)


def _eye_height(plane: PlacedPlane) -> float:
    """Return how many pixels the horizon lies above a plane on the ground."""
    return plane.view.scale * plane.view.distance * np.tan(np.deg2rad(plane.tilt))


def _overlap(first: PlacedPlane, second: PlacedPlane) -> bool:
    """Return whether the boxes of two planes have anything in common."""
    low = np.maximum(first.outline[0], second.outline[0])
    high = np.minimum(first.outline[1], second.outline[1])
    return bool((high > low).all())
