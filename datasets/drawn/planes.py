"""Drawn aeroplanes in the layout of PASCAL VOC, for where VOC is not at hand.

    python -m datasets.drawn.planes                       # draws drawn/planes
    python -m datasets.drawn.planes --test 200 --seed 7 --folder more_planes

Airliners, propeller aircraft, biplanes and fighters come in all sizes, places and
poses; one picture in twelve has none. Birds and boats are annotated too.
"""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from common.command_line import run
from common.files import REPOSITORY, write_text
from datasets.drawn import scenery
from datasets.drawn.aircraft import KINDS, build_aircraft
from datasets.drawn.scenery import MOODS
from datasets.drawn.shapes import Picture, Rng, View, mesh_polygons, visible_box
from datasets.drawn.write_set import FIRST_NUMBERS, DrawnSet, Entries

DRAWN_PLANES = REPOSITORY / "drawn" / "planes"  # where the set lies by default
TRAINVAL, TEST = 528, 48  # pictures: enough for five minutes on two cores
VERSION = 3  # goes up when the same seed gives other pictures than before
SMALLEST_SIDE = 12  # birds and boats are annotated from so many pixels upwards
SIZES = (500, 375), (500, 333), (375, 500), (333, 500)  # (width, height) in pixels
SETTINGS = {"sky": (1.1, 1.6), "land": (0.6, 0.85), "water": (0.6, 0.85),
            "airfield": (0.3, 0.55)}  # fmt: skip
# Where pictures are taken, and the horizon's range in picture heights.
GROUNDS = {"land": scenery.paint_land, "water": scenery.paint_water,
           "airfield": scenery.paint_airfield}  # fmt: skip
PlacedPlane = namedtuple("PlacedPlane", "kind mesh view outline is_parked")
# Its outline is ((left, top), (right, bottom)) in pixels, float64, also outside.
Scene = namedtuple("Scene", "size setting mood horizon side seed planes")
# Size (width, height), row of the horizon, side of the sun, far planes first.


def plan_scene(rng: Rng, with_plane: bool = True) -> Scene:
    """Random scene with one or two aeroplanes, or with none."""
    size = SIZES[rng.choice(4, p=(0.45, 0.35, 0.12, 0.08))]
    setting = str(rng.choice(list(SETTINGS), p=(0.38, 0.24, 0.14, 0.24)))
    horizon, mood = rng.uniform(*SETTINGS[setting]) * size[1], rng.choice(list(MOODS))
    side, seed = rng.uniform(0.35, 1) * rng.choice([-1, 1]), int(rng.integers(2**31))
    scene = Scene(size, setting, str(mood), horizon, side, seed, ())
    if not with_plane:
        return scene
    # Few tiny ones, which no region would fit, and few that fill the picture.
    share = (0.15 + 0.8 * rng.beta(3, 1.4), rng.uniform(0.1, 0.35))[rng.random() < 0.08]
    is_parked = setting == "airfield" and rng.random() < 0.75
    first, horizon = _random_plane(rng, scene, share, is_parked)
    planes = [first]
    for _ in range(8 * (rng.random() < 0.16)):  # until it does not cover the first
        second, _ = _random_plane(rng, scene, rng.uniform(0.15, 0.35), False)
        low = np.maximum(first.outline[0], second.outline[0])
        if (low >= np.minimum(first.outline[1], second.outline[1])).any():
            planes.insert(0, second)
            break
    return scene._replace(horizon=horizon, planes=tuple(planes))


def _random_plane(rng: Rng, scene: Scene, share: float, is_parked: bool) -> tuple:
    """Random aeroplane as long as a share of the longer side, and the horizon's row."""
    kind, size = str(rng.choice(list(KINDS), p=(0.42, 0.24, 0.14, 0.2))), scene.size
    mesh = build_aircraft(kind, rng, wheels=is_parked or rng.random() < 0.15)
    view = _random_view(rng, is_parked)
    outline = view.bounds(mesh[0])
    wide, tall = outline[1] - outline[0]
    # Few may fill the picture, or the first region would find them.
    area = rng.uniform(0.3, 0.515) * size[0] * size[1]
    scale = min(share * max(size) / max(wide, tall), 0.96 * size[0] / wide,
                0.92 * size[1] / tall, np.sqrt(area / (wide * tall)))  # fmt: skip
    is_cut, axis = rng.random() < 0.13 and share > 0.35, int(rng.random() < 0.3)
    centre = []
    for i, (low, high) in enumerate(outline.T * scale):
        cut = rng.uniform(0.06, 0.22) * (high - low)
        margin = min(0.02 * size[i], 0.49 * (size[i] - high + low))
        at_edge = rng.choice([-low - cut, size[i] - high + cut])
        inside = rng.uniform(margin - low, size[i] - margin - high)
        centre.append(at_edge if is_cut and i == axis else inside)
    horizon = scene.horizon
    if is_parked:  # the eye is so far above the ground that the horizon is in sight
        eye = scale * view.distance * view.rotation[2, 2] / view.rotation[1, 2]
        most = 0.97 * size[1] - outline[1, 1] * scale
        least = min(max(centre[1], 0.18 * size[1] + eye), most)
        centre[1] = rng.uniform(least, most)
        horizon = float(np.clip(centre[1] - eye, 20, 0.8 * size[1]))
    view = replace(view, centre=tuple(map(float, centre)), scale=float(scale))
    return PlacedPlane(kind, mesh, view, outline * scale + centre, is_parked), horizon


def _random_view(rng: Rng, is_parked: bool) -> View:
    """View from the side, obliquely, from the front or rear, or onto a bank."""
    kind = 1 if is_parked else rng.choice(4, p=(0.28, 0.44, 0.1, 0.18))
    low, high = ((0, 18), (22, 62), (72, 90), (0, 360))[kind]
    yaw = rng.choice([0, 180]) + rng.choice([-1, -1, 1]) * rng.uniform(low, high)
    if is_parked:
        return View.turned(yaw, 0, 0, rng.uniform(1.5, 6), 6)
    tilt = rng.choice([-1, 1]) * rng.uniform(*((35, 78) if kind == 3 else (0, 24)))
    climb, roll = rng.normal(6, 9), rng.normal(0, 12)
    return View.turned(yaw, climb, roll, tilt, rng.uniform(2.5, 7))


def draw_scene(scene: Scene, with_planes: bool = True) -> Picture:
    """Painted scene; without planes their shadows remain and nothing else changes."""
    picture, mood = Picture(Image.new("RGB", scene.size)), MOODS[scene.mood]
    sun, rng = mood.direction(scene.side), np.random.default_rng(scene.seed)
    scenery.paint_sky(picture, mood, scene.horizon, rng, scene.side)
    if scene.setting in GROUNDS:
        GROUNDS[scene.setting](picture, mood, scene.horizon, rng)
    if rng.random() < (0.15 if scene.planes else 0.7):
        scenery.lay_objects(picture, "bird", mood, 0, rng)
    for plane in scene.planes:
        mesh, view = plane.mesh, plane.view
        if plane.is_parked:
            ground = mesh[0][..., 2].min()
            picture.shade_ground(view, (0.45, 0.25), ground, 0.1 + 0.5 * mood.strength)
        if with_planes:
            haze = 20 / (100 + view.scale)
            picture.lay(mesh_polygons(mesh, view, sun, mood, haze), "aeroplane")
    return picture


def draw_picture(split: str, index: int, seed: int) -> tuple[np.ndarray, list[tuple]]:
    """Picture, uint8 (rows, columns, 3) RGB, and its objects, aeroplanes first.

    Both depend on the arguments alone. An object is its VOC class, whether the edge
    cuts it, and its box (ymin, xmin, ymax, xmax), counted from 0 and inclusive.
    """
    rng = np.random.default_rng([seed, FIRST_NUMBERS[split == "test"], index])
    scene = plan_scene(rng, with_plane=index % 24 not in (6, 17))
    picture, (width, height), objects = draw_scene(scene), scene.size, []
    for name, coverage in picture.things:
        ymin, xmin, ymax, xmax = box = visible_box(coverage) or (0, 0, -1, -1)
        if min(ymax - ymin, xmax - xmin) >= (SMALLEST_SIDE - 1) * (name != "aeroplane"):
            truncated = min(ymin, xmin) == 0 or ymax == height - 1 or xmax == width - 1
            objects.append((name, truncated, box))
    pixels = scenery.photographed(picture.image, rng)
    return pixels, sorted(objects, key=lambda thing: thing[0] != "aeroplane")


_OBJECT = """\t<object>\n\t\t<name>{0}</name>\n\t\t<pose>Unspecified</pose>
\t\t<truncated>{1:d}</truncated>\n\t\t<difficult>0</difficult>
\t\t<bndbox><xmin>{3}</xmin><ymin>{2}</ymin><xmax>{5}</xmax><ymax>{4}</ymax></bndbox>
\t</object>\n"""
_ANNOTATION = """<annotation>\n\t<folder>planes</folder>\n\t<filename>{}</filename>
\t<source><database>Drawn planes</database></source>
\t<size><width>{}</width><height>{}</height><depth>3</depth></size>
\t<segmented>0</segmented>\n{}</annotation>\n"""


def _write(folder: Path, entries: Entries, seed: int) -> None:
    """Write images, annotations and lists; corners count from 1."""
    labels: dict[str, list[tuple[str, int]]] = {"trainval": [], "test": []}
    for split, index, name in entries:
        pixels, objects = draw_picture(split, index, seed)
        Image.fromarray(pixels).save(folder / f"JPEGImages/{name}.jpg", quality=90)
        texts = (_OBJECT.format(*o[:2], *(edge + 1 for edge in o[2])) for o in objects)
        text = _ANNOTATION.format(f"{name}.jpg", *pixels.shape[1::-1], "".join(texts))
        (folder / f"Annotations/{name}.xml").write_text(text, "utf-8")
        labels[split].append((name, 1 if "aeroplane" in text else -1))
    labels |= {"train": labels["trainval"][::2], "val": labels["trainval"][1::2]}
    for title, members in labels.items():
        names = "".join(f"{name}\n" for name, _ in members)
        lines = "".join(f"{name} {label:2d}\n" for name, label in members)
        write_text(folder / f"ImageSets/Main/{title}.txt", names)
        write_text(folder / f"ImageSets/Main/aeroplane_{title}.txt", lines)


def _set(trainval: int, test: int, seed: int) -> DrawnSet:
    files = "JPEGImages/{}.jpg", "Annotations/{}.xml", "ImageSets/Main/trainval.txt"
    counts = {"trainval": trainval, "test": test}
    return DrawnSet("planes", VERSION, files, _write, counts, seed)


def draw_planes(folder: Path, trainval=TRAINVAL, test=TEST, seed=0) -> None:
    """Write a set of so many pictures; ``planes.json``, its record, comes last."""
    _set(trainval, test, seed).draw(folder)


def ensure_planes(
    folder: Path = DRAWN_PLANES, trainval=TRAINVAL, test=TEST, seed=0,
    report: Callable[[str], None] = print,
) -> Path:  # fmt: skip
    """Folder of the set, drawn unless it is there, complete and with these numbers."""
    return _set(trainval, test, seed).ensure(folder, report)


@dataclass(frozen=True)
class PlanesSettings:
    """Draw a set of aeroplanes in the layout of PASCAL VOC, with an overview of it."""

    folder: Path = DRAWN_PLANES
    """The set's root; what is there already and matches is kept."""
    trainval: int = TRAINVAL
    """Pictures to train on."""
    test: int = TEST
    """Pictures to test on."""
    seed: int = 0
    """The same seed gives the same pictures, however many there are."""


def main(settings: PlanesSettings) -> None:
    """Draw the set and its overview, and say what there is."""
    planes = _set(settings.trainval, settings.test, settings.seed)
    folder = planes.ensure(settings.folder, print)
    print(planes.describe(folder))


if __name__ == "__main__":
    run(main, PlanesSettings)
