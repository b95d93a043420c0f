"""Scenes put on paper, from the sky to what stands in front.

Each setting has its painter; each painter has its own stream of chance, so that
leaving one thing out changes nothing else.
"""

from collections.abc import Callable

import numpy as np

from datasets.drawn import buildings, ground, scenery, things
from datasets.drawn.canvas import Picture, colour, developed, mix, softened
from datasets.drawn.ground import LANDS, Land
from datasets.drawn.rendering import Light, paint_solid, shadow_of
from datasets.drawn.scenery import MOODS, Mood
from datasets.drawn.scenes import PlacedPlane, Scene


def draw_scene(scene: Scene, with_planes: bool = True) -> Picture:
    """Paint a scene; the camera has not blurred it yet.

    Args:
        scene: what to paint.
        with_planes: False leaves out the aeroplanes and nothing else, not even their
            shadows.

    Returns:
        the picture with its things: aeroplanes, birds, boats, cars and buses.
    """
    picture = Picture.blank(scene.height, scene.width)
    mood, land = MOODS[scene.mood], LANDS[scene.land]
    light = mood.light(scene.sun_side)
    _PAINTERS[scene.setting](picture, scene, mood, land)
    _paint_others(picture, scene, mood)
    for plane in scene.planes:
        _paint_plane(picture, plane, mood, light, with_planes)
    _paint_foreground(picture, scene, mood)
    return picture


def photograph(scene: Scene) -> tuple[np.ndarray, Picture]:
    """Return what a camera sees of a scene.

    Args:
        scene: what to paint.

    Returns:
        uint8 (height, width, 3), and the picture with the things in it.
    """
    picture = draw_scene(scene)
    rng = scene.stream("camera")
    return developed(picture.pixels, rng, scene.blur, scene.grain), picture


def _paint_plane(
    picture: Picture, plane: PlacedPlane, mood: Mood, light: Light, visible: bool
) -> None:
    if plane.tilt is not None:
        shade = shadow_of(plane.parts, plane.view, light, plane.tilt, picture.shape)
        soft = 1.2 + 3.0 * (1 - mood.strength) * plane.view.scale / 300
        picture.blend(np.zeros(3), softened(shade, soft) * (0.2 + 0.45 * mood.strength))
    if not visible:
        return
    layer = picture.layer()
    paint_solid(layer, plane.parts, plane.view, light, (mood.haze, plane.haze))
    picture.lay_thing(layer, "aeroplane", plane.pose)


def _paint_heavens(picture: Picture, scene: Scene, mood: Mood) -> None:
    """Paint the sky with some of its clouds."""
    rng = scene.stream("sky")
    scenery.paint_sky(picture, mood, scene.horizon, scene.sun, rng)
    side = scene.sun_side
    if scene.mood in ("overcast", "storm"):
        cover = rng.uniform(0.75, 1.0)
        scenery.paint_cloud_cover(picture, mood, scene.horizon, cover, side, rng)
        return
    kinds = ["none", "wisps", "deck", "heaps", "both"]
    kind = rng.choice(kinds, p=[0.14, 0.2, 0.22, 0.3, 0.14])
    if kind in ("wisps", "both"):
        scenery.paint_wisps(picture, mood, rng)
    if kind == "deck":
        cover = rng.uniform(0.1, 0.65)
        scenery.paint_cloud_cover(picture, mood, scene.horizon, cover, side, rng)
    if kind in ("heaps", "both"):
        _paint_heaps(picture, scene, mood, rng)


def _paint_heaps(
    picture: Picture, scene: Scene, mood: Mood, rng: np.random.Generator
) -> None:
    """Paint heaped clouds, the small ones near the horizon first."""
    limit = min(scene.horizon, scene.height)
    heights = np.sort(rng.uniform(0.12, 1, int(rng.integers(3, 8))))[::-1]
    start = rng.uniform()
    for number, height in enumerate(heights.tolist()):
        far = height * min(1, scene.height / max(scene.horizon, 1))
        size = scene.width * (0.16 + 0.5 * (1 - far)) * rng.uniform(0.7, 1.2)
        # The golden ratio spreads them without a pattern.
        across = 1.2 * ((start + 0.618 * number) % 1) - 0.1
        place = (across * scene.width, height * limit)
        scenery.paint_cumulus(picture, mood, place, size, scene.sun_side, rng, 0.92)


def _paint_sky(picture: Picture, scene: Scene, mood: Mood, land: Land) -> None:
    _paint_heavens(picture, scene, mood)
    if scene.stream("flock").random() < 0.2:
        _paint_flock(picture, scene, mood)


def _paint_land(picture: Picture, scene: Scene, mood: Mood, land: Land) -> None:
    _paint_heavens(picture, scene, mood)
    rng = scene.stream("land")
    ground.paint_hills(picture, mood, land, scene.horizon, rng)
    ground.paint_meadow(picture, mood, land, scene.horizon, rng)
    below = scene.height - scene.horizon
    for depth in np.sort(rng.uniform(0.03, 0.6, int(rng.integers(1, 4)))):
        row, size = scene.horizon + depth * below, 8 + 60 * depth
        density = rng.uniform(0.15, 1.2)
        ground.paint_trees(picture, mood, land, row, size, rng, density)
    if rng.random() < 0.3:
        _paint_flock(picture, scene, mood)


def _paint_clouds(picture: Picture, scene: Scene, mood: Mood, land: Land) -> None:
    rng = scene.stream("clouds")
    scenery.paint_sky(picture, mood, scene.horizon, scene.sun, rng)
    if rng.random() < 0.5:
        scenery.paint_wisps(picture, mood, rng)
    scenery.paint_cloud_sea(picture, mood, scene.horizon, scene.sun_side, rng)


def _paint_sea(picture: Picture, scene: Scene, mood: Mood, land: Land) -> None:
    _paint_heavens(picture, scene, mood)
    rng = scene.stream("sea")
    if rng.random() < 0.6:
        ground.paint_hills(picture, mood, land, scene.horizon, rng)
    ground.paint_sea(picture, mood, scene.horizon, scene.sun, rng)
    for depth in np.sort(rng.uniform(0.05, 0.6, int(rng.integers(0, 4)))):
        row = scene.horizon + depth * (scene.height - scene.horizon)
        foot = (rng.uniform(0.05, 0.95) * scene.width, row)
        boat = picture.layer()
        things.draw_boat(boat, foot, 10 + 75 * depth, colour(mood.ground), rng)
        picture.lay_thing(boat, "boat")


def _paint_fields(picture: Picture, scene: Scene, mood: Mood, land: Land) -> None:
    rng = scene.stream("fields")
    ground.paint_fields(picture, mood, land, rng)
    for _ in range(int(rng.integers(0, 4))):
        place = rng.uniform(0, 1, 2) * [scene.width, scene.height]
        size, side = rng.uniform(0.15, 0.3) * scene.width, scene.sun_side
        scenery.paint_cumulus(picture, mood, tuple(place), size, side, rng, 0.6)


def _paint_city(picture: Picture, scene: Scene, mood: Mood, land: Land) -> None:
    _paint_heavens(picture, scene, mood)
    rng = scene.stream("city")
    tallest = rng.uniform(0.2, 0.42) * scene.height
    buildings.paint_skyline(picture, mood, scene.horizon, tallest, rng)
    if rng.random() < 0.5:
        ground.paint_sea(picture, mood, scene.horizon, scene.sun, rng)
    else:
        ground.paint_meadow(picture, mood, land, scene.horizon, rng)
        ground.paint_trees(picture, mood, land, scene.horizon + 6, 16, rng, 1.3)


def _paint_runway(picture: Picture, scene: Scene, mood: Mood, land: Land) -> None:
    _paint_heavens(picture, scene, mood)
    rng = scene.stream("runway")
    ground.paint_hills(picture, mood, land, scene.horizon, rng)
    ground.paint_meadow(picture, mood, land, scene.horizon, rng)
    ground.paint_trees(picture, mood, land, scene.horizon + 2, 9, rng, 1.2)
    vanish = rng.uniform(0.3, 0.7) * scene.width
    width = rng.uniform(0.6, 1.3) * scene.width
    buildings.paint_runway(picture, mood, scene.horizon, vanish, width)
    _paint_windsock(picture, scene, mood, rng)


def _paint_airport(picture: Picture, scene: Scene, mood: Mood, land: Land) -> None:
    _paint_heavens(picture, scene, mood)
    rng = scene.stream("airport")
    ground.paint_hills(picture, mood, land, scene.horizon, rng)
    ground.paint_meadow(picture, mood, land, scene.horizon, rng)
    below = scene.height - scene.horizon
    ground.paint_trees(picture, mood, land, scene.horizon + 3, 11, rng, 1.3)
    if rng.random() < 0.7:
        size = rng.uniform(0.06, 0.11) * scene.height
        row = scene.horizon + 0.05 * below
        buildings.paint_terminal(picture, mood, row, size, rng)
    top = scene.horizon + rng.uniform(0.06, 0.14) * below
    buildings.paint_tarmac(picture, mood, scene.horizon, top, rng)
    for _ in range(int(rng.integers(0, 4))):
        depth = rng.uniform(0.08, 0.25)
        foot = (rng.uniform(0.05, 0.95) * scene.width, scene.horizon + depth * below)
        _paint_vehicle(picture, foot, 10 + 150 * depth, mood, rng)
    _paint_windsock(picture, scene, mood, rng)


_PAINTERS: dict[str, Callable[[Picture, Scene, Mood, Land], None]] = {
    "sky": _paint_sky,
    "land": _paint_land,
    "clouds": _paint_clouds,
    "sea": _paint_sea,
    "fields": _paint_fields,
    "city": _paint_city,
    "runway": _paint_runway,
    "airport": _paint_airport,
}


def _paint_vehicle(
    picture: Picture,
    foot: tuple[float, float],
    size: float,
    mood: Mood,
    rng: np.random.Generator,
) -> None:
    layer = picture.layer()
    name = things.draw_vehicle(layer, foot, size, colour(mood.ground), rng)
    if name:
        picture.lay_thing(layer, name)
    else:
        picture.lay(layer)


def _paint_windsock(
    picture: Picture, scene: Scene, mood: Mood, rng: np.random.Generator
) -> None:
    layer = picture.layer()
    below = scene.height - scene.horizon
    tint = colour(mood.ground)
    if rng.random() < 0.5:
        foot = (rng.uniform(0.05, 0.95) * scene.width, scene.horizon + 0.15 * below)
        things.draw_windsock(layer, foot, 0.11 * scene.height, tint, rng)
    if rng.random() < 0.5:
        for share in rng.uniform(0, 1, 3):
            foot = (share * scene.width, scene.horizon + 0.06 * below)
            tall = 0.3 * scene.height
            things.draw_lamp_post(layer, foot, tall, tint * 0.45, mood.night)
    picture.lay(layer)


def _paint_flock(picture: Picture, scene: Scene, mood: Mood) -> None:
    rng = scene.stream("birds")
    layer = picture.layer()
    centre = rng.uniform(0.1, 0.6, 2) * [1.5 * scene.width, scene.height]
    fill = mix(colour("#2c3038"), mood.haze, 0.25)
    things.draw_flock(layer, tuple(centre), rng.uniform(5, 10), fill, rng)
    picture.lay(layer)


def _paint_others(picture: Picture, scene: Scene, mood: Mood) -> None:
    """Paint what a picture without aeroplanes shows; now and then a bird beside one."""
    rng = scene.stream("others")
    tint = mix(colour(mood.ground), np.ones(3), 0.3)
    kind = scene.other or ("bird" if rng.random() < 0.08 else "nothing")
    if kind == "nothing":
        return
    share = (0.3, 0.12)[not scene.other]
    for _ in range(int(rng.integers(1, 4)) if scene.other else 1):
        size = rng.uniform(0.5, 1.2) * share * scene.width
        centre = tuple(rng.uniform(0.15, 0.8, 2) * [scene.width, scene.height])
        layer = picture.layer()
        if kind == "bird":
            things.draw_bird(layer, centre, size, tint, rng)
            picture.lay_thing(layer, "bird")
        else:
            draw = things.draw_balloon if kind == "balloon" else things.draw_kite
            draw(layer, centre, size, tint, rng)
            picture.lay(layer)


def _paint_foreground(picture: Picture, scene: Scene, mood: Mood) -> None:
    """Paint what may hide a little of an aeroplane: a veil of cloud, a mast."""
    rng = scene.stream("foreground")
    lot = rng.random()
    if scene.setting in ("sky", "clouds") and lot < 0.2:
        size = rng.uniform(0.25, 0.5) * scene.width
        place = (rng.uniform(0, 1) * scene.width, rng.uniform(0.3, 1) * scene.height)
        scenery.paint_cumulus(picture, mood, place, size, scene.sun_side, rng, 0.4)
    elif scene.setting in ("airport", "city", "land") and lot < 0.06:
        layer = picture.layer()
        foot = (rng.uniform(0.05, 0.95) * scene.width, scene.height + 2.0)
        tall = rng.uniform(0.6, 0.95) * scene.height
        fill = colour(mood.ground) * 0.35
        things.draw_lamp_post(layer, foot, tall, fill, mood.night)
        picture.lay(layer)
