"""Drawn cars in the Car Door Handle format, for where the data set is not at hand.

    python -m datasets.drawn.cars                         # draws drawn/cars
    python -m datasets.drawn.cars --train 2000 --seed 7 --folder more_cars

Saloons, vans and coupés are seen from either side, from before or behind. The point to
find is the front door's handle, 1 to 3 % as long as the picture is wide.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from common.command_line import run
from common.files import REPOSITORY, write_text
from datasets.drawn import scenery, shapes
from datasets.drawn.scenery import MOODS, PAINTS, WHITE, Mood
from datasets.drawn.shapes import CIRCLE, Picture, Polygons, Rng, View, colour, mix
from datasets.drawn.write_set import FIRST_NUMBERS, DrawnSet, Entries

DRAWN_CARS = REPOSITORY / "drawn" / "cars"  # where the set lies by default
TRAIN, TEST = 600, 150  # pictures to train on and to test on
VERSION = 2  # goes up when the same seed gives other pictures than before

_SIZES = (320, 240), (320, 213), (320, 192), (288, 216), (320, 256), (300, 169)
_WALLS = "#b8a58c #a65b45 #d8d2c4 #8f9aa3 #c7b27c #9db0a2 #e2ded6 #f4f2ee".split()
_GROUNDS = "#5b5d60 #6f7073 #8d8a84 #a39a8c".split()
_GLASS, _TYRE = colour("#1c262e"), colour("#17181a")

Shape = namedtuple("Shape", "top glass windows doors axles wheel half_width low")
# Proportions in car lengths: outline (forward, up) from the front to the rear bumper,
# which of its pieces are glass, side windows, edges of the doors, wheels, lower edge.
SHAPES = {
    "saloon": Shape(
        ((.5, .14), (.48, .165), (.24, .2), (.08, .29), (.02, .303), (-.1, .305),
         (-.2, .292), (-.34, .222), (-.46, .21), (-.5, .19)), (3, 7),
        (((.2, .212), (.08, .278), (-.03, .288), (-.03, .212)),
         ((-.042, .212), (-.042, .288), (-.16, .28), (-.27, .218))),
        (.19, -.036, -.2), (.305, -.285), .07, .19, .05),
    "van": Shape(
        ((.5, .16), (.48, .19), (.38, .225), (.25, .35), (.12, .376), (-.44, .38),
         (-.495, .355), (-.5, .3)), (3,),
        (((.33, .235), (.25, .33), (.13, .345), (.13, .235)),),
        (.31, .12), (.32, -.28), .068, .195, .05),
    "coupé": Shape(
        ((.5, .13), (.47, .155), (.2, .19), (.04, .264), (-.02, .277), (-.12, .278),
         (-.2, .262), (-.4, .2), (-.48, .193), (-.5, .17)), (3, 7),
        (((.165, .202), (.04, .254), (-.11, .262), (-.12, .202)),
         ((-.132, .202), (-.122, .262), (-.2, .244), (-.29, .208))),
        (.17, -.126), (.3, -.29), .074, .2, .043),
}  # fmt: skip


_Car = namedtuple("_Car", "size kind near handle_length view tilt seed paint handles")


class CarScene(_Car):
    """Contents of one picture; near is the visible side, 1 left or -1 right."""

    def skin(self, points: Sequence | np.ndarray, side: float) -> np.ndarray:
        """Points (n, 3) of the skin at (forward, up), from -1 right to 1 left."""
        shape, (x, z) = SHAPES[self.kind], np.array(points).T
        lean = np.clip((z - shape.windows[0][0][1]) / 0.1, 0, 1.5)
        half = shape.half_width * (1 - 0.13 * np.abs(2 * x) ** 5) * (1 - 0.14 * lean)
        return np.stack([x, side * half, z], 1)

    def handle_places(self) -> np.ndarray:
        """Middles (n, 3) of the near doors' handles, the front one's first."""
        shape = SHAPES[self.kind]
        x = np.array(shape.doors[1:]) + 0.012 + self.handle_length / 2
        up = 0 * x + shape.windows[0][0][1] - 0.03
        return self.skin(np.stack([x, up], 1), self.near)

    @property
    def handle(self) -> tuple[float, float]:
        """(row, column) of the handle's middle; pixel k reaches from k to k + 1."""
        column, row = self.view.project(self.handle_places()[0])
        return float(row), float(column)

    def row_behind(self, distance: float) -> float:
        """Row of the ground so many lengths of the car behind its middle."""
        _, row = self.view.project(self.view.rotation[2] * [-distance, -distance, 0])
        return float(row)

    def polygons(self, sun: np.ndarray, mood: Mood) -> Polygons:
        """Polygons of the car in the order of painting."""
        shape, view, quads, fills = SHAPES[self.kind], self.view, [], []
        around = [(0.5, shape.low), *shape.top, (-0.5, shape.low)]
        for number, ends in enumerate(zip(around[:-1], around[1:], strict=True)):
            for share in (1, 0.86)[: 1 + (number in shape.glass)]:
                edges = self.skin(ends, share), self.skin(ends[::-1], -share)
                quads.append(np.concatenate(edges) * (1 if share == 1 else 1.004))
                fills.append(self.paint if share == 1 else _GLASS)
        mesh = np.array(quads), np.array(fills)
        crown = shapes.mesh_polygons(mesh, view, sun, mood)
        far = [(view.project(points), 0.5 * _TYRE) for points, _ in self._wheels(-1)]
        flat = [(self.skin(points, self.near), fill) for points, fill in self._side()]
        points, paints = zip(*flat, *self._wheels(1), strict=True)
        normal = view.rotation[None, :, 1] * self.near
        lit = mood.shade(sun, normal, np.array(paints))
        return far + crown + list(zip(map(view.project, points), lit, strict=True))

    def _side(self) -> list[tuple]:
        """Side (forward, up) with lower part, seams, arches, windows and handles."""
        shape, paint, low = SHAPES[self.kind], self.paint, SHAPES[self.kind].low
        belt = shape.windows[0][0][1]
        flat: list[tuple] = [(((0.5, low), *shape.top, (-0.5, low)), paint)]
        bands = [(0.49, -0.49, belt - 0.07, 0.84), (0.49, -0.49, low + 0.02, 0.45)]
        bands += [(x - 0.002, x + 0.002, belt, 0.35) for x in shape.doors]
        for x, y, top, light in bands:
            flat.append((((x, low), (x, top), (y, top), (y, low)), light * paint))
        for axle in shape.axles:
            arch = CIRCLE * 1.17 * shape.wheel + [axle, shape.wheel]
            flat.append((np.maximum(arch, [-1, low]), 0.5 * _TYRE))
        flat += [(window, _GLASS) for window in shape.windows]
        for x, lamp in ((0.47, "#e8edf0"), (-0.47, "#b3141c")):
            flat.append((CIRCLE[3::6] * 0.025 + (x, 0.13), colour(lamp)))
        for place in self.handle_places()[:, [0, 2]]:
            oval = CIRCLE * [self.handle_length, 0.012]
            flat.append((place + 0.7 * oval, 0.45 * paint))
            flat.append((place + 0.5 * oval, self.handles))
        return flat

    def _wheels(self, side: int) -> Polygons:
        """Tyres and rims of the near side, 1, or the far one, -1."""
        shape, polygons = SHAPES[self.kind], []
        discs = [(1, 0.7, 0), (1, 0.97, 0), (0.66, 0.97, 0.8), (0.5, 0.97, 0.3)]
        for axle in shape.axles:
            for size, out, light in discs:
                x, z = (size * CIRCLE * shape.wheel + [axle, shape.wheel]).T
                left = 0 * x + out * shape.half_width * side * self.near
                fill = light * WHITE if light else _TYRE
                polygons.append((np.stack([x, left, z], 1), fill))
        return polygons


def plan_scene(rng: Rng) -> CarScene:
    """Random scene in which a front door's handle can be seen."""
    size, kind = _SIZES[rng.integers(len(_SIZES))], str(rng.choice(list(SHAPES)))
    turn, tilt, near = *rng.uniform((-50, 2), (50, 13)), int(rng.choice([-1, 1]))
    view = View.turned(turn + 90 * (near + 1), 0, 0, tilt, rng.uniform(2.2, 4.5))
    paint = np.clip(colour(str(rng.choice(PAINTS))) * rng.uniform(0.85, 1.1, 3), 0, 1)
    own = mix(paint, WHITE, 0.3) if paint.mean() < 0.3 else 0.93 * paint
    handle = (own, own, colour("#d9dde0"), colour("#202225"))[rng.integers(4)]
    start = size, kind, near, 0, view, tilt, int(rng.integers(2**31))
    scene = CarScene(*start, paint, handle)
    outline = [*SHAPES[kind].top, (-0.4, 0), (0.4, 0)]
    low, high = view.bounds(np.stack([scene.skin(outline, side) for side in (-1, 1)]))
    scale = float((rng.uniform(0.58, 0.95) * np.array(size) / (high - low)).min())
    room = np.array(size) - scale * (high - low)
    corner = room * [rng.uniform(0.1, 0.9), rng.uniform(0.45, 0.85)] - scale * low
    view = replace(view, centre=tuple(corner.tolist()), scale=scale)
    length = rng.uniform(0.012, 0.028) * size[0] / (scale * np.cos(np.deg2rad(turn)))
    return scene._replace(view=view, handle_length=float(np.clip(length, 0.024, 0.046)))


def draw_scene(scene: CarScene, with_car: bool = True) -> Picture:
    """Painted scene; without the car its shadow remains and nothing else changes."""
    picture = Picture(Image.new("RGB", scene.size))
    rng = np.random.default_rng(scene.seed)
    mood, side = MOODS[str(rng.choice(list(MOODS)))], rng.uniform(-1, 1)
    road, top = colour(str(rng.choice(_GROUNDS))) * mood.tint, scene.row_behind(0.6)
    if rng.random() < 0.5:
        horizon = max(scene.row_behind(60), 0)
        scenery.paint_sky(picture, mood, horizon, rng, side)
        scenery.paint_land(picture, mood, horizon, rng)
    else:
        wall = colour(str(rng.choice(_WALLS))) * mood.tint
        scenery.paint_plain(picture, 0, wall, wall, rng, (0.25, 40, 50))
    scenery.paint_plain(picture, top, road, mix(road, WHITE, 0.1), rng, (0.3, 50, 30))
    picture.shade_ground(scene.view, (0.5, 0.22), 0, 0.4 + 0.3 * mood.strength)
    if with_car:
        picture.lay(scene.polygons(mood.direction(side), mood), "car")
    return picture


def draw_picture(split: str, index: int, seed: int) -> tuple[np.ndarray, tuple]:
    """Picture, uint8 (rows, columns, 3) RGB, and the car's kind, handle and box.

    Both depend on the arguments alone. The handle is the (row, column) of its middle's
    pixel, the box (ymin, xmin, ymax, xmax); they count from 0 and are inclusive.
    """
    rng = np.random.default_rng([seed, FIRST_NUMBERS[split == "test"], index])
    scene = plan_scene(rng)
    picture, (row, column) = draw_scene(scene), map(int, scene.handle)
    box = shapes.visible_box(picture.things[-1][1])
    pixels = scenery.photographed(picture.image, rng)
    return pixels, (scene.kind, (row, column), box)


def _write(folder: Path, entries: Entries, seed: int) -> None:
    """Write images and a line of ``annotations.txt`` each; pixels count from 1."""
    lines = []
    for split, index, name in entries:
        pixels, (kind, (row, column), box) = draw_picture(split, index, seed)
        Image.fromarray(pixels).save(folder / f"car_ims/{name}.jpg", quality=92)
        ymin, xmin, ymax, xmax = (edge + 1 for edge in box)
        height, width, _ = pixels.shape
        lines.append(
            f"{column + 1}|{row + 1}|car_ims/{name}.jpg|{width},{height},3|"
            f"{split == 'train':d}|{split == 'test':d}|1|"
            f"{list(SHAPES).index(kind) + 1}|{xmin},{ymin},{xmax},{ymax}\n"
        )
    write_text(folder / "annotations.txt", "".join(lines))


def _set(train: int, test: int, seed: int) -> DrawnSet:
    files, counts = (
        ("car_ims/{}.jpg", "annotations.txt"),
        {"train": train, "test": test},
    )
    return DrawnSet("cars", VERSION, files, _write, counts, seed)


def draw_cars(folder: Path, train=TRAIN, test=TEST, seed=0) -> None:
    """Write a set of so many pictures; ``cars.json``, its record, comes last."""
    _set(train, test, seed).draw(folder)


def ensure_cars(
    folder: Path = DRAWN_CARS, train=TRAIN, test=TEST, seed=0,
    report: Callable[[str], None] = print,
) -> Path:  # fmt: skip
    """Folder of the set, drawn unless it is there, complete and with these numbers."""
    return _set(train, test, seed).ensure(folder, report)


@dataclass(frozen=True)
class CarsSettings:
    """Draw a set of cars in the Car Door Handle format, with an overview of it."""

    folder: Path = DRAWN_CARS
    """The set's root; what is there already and matches is kept."""
    train: int = TRAIN
    """Pictures to train on."""
    test: int = TEST
    """Pictures to test on."""
    seed: int = 0
    """The same seed gives the same pictures, however many there are."""


def main(settings: CarsSettings) -> None:
    """Draw the set and its overview, and say what there is."""
    cars = _set(settings.train, settings.test, settings.seed)
    folder = cars.ensure(settings.folder, print)
    print(cars.describe(folder))


if __name__ == "__main__":
    run(main, CarsSettings)
