"""Cars as solids: six kinds of body, each with its glass, doors, lamps and wheels.

A car's axes are forward, left and up; it is one unit long and stands on the plane of
its origin, which is in the middle below it. Its skin is four surfaces (two sides, the
top from bonnet to boot, the front and the rear); everything else is painted on them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasets.drawn.canvas import colour, mix
from datasets.drawn.solids import Body, Faces, faces_of_grid, rod


@dataclass(frozen=True)
class Shape:
    """The proportions of a kind of car, in lengths of the car.

    Attributes:
        top: (forward, up) of its outline from above the front bumper to the rear.
        cowl: number of the point where the windscreen begins.
        roof: numbers of the points that the roof begins and ends at.
        rear_glass: number of the point where the rear window ends.
        axles: forward positions of front and rear wheels.
        wheel: their radius.
        half_width: of the body.
        clearance: of its lower edge above the ground.
        door: forward positions of front and rear edge of the front door.
        rear_door: forward position of the rear door's rear edge; None without one.
        glass_end: where the side windows end.
    """

    top: tuple[tuple[float, float], ...]
    cowl: int
    roof: tuple[int, int]
    rear_glass: int
    axles: tuple[float, float]
    wheel: float
    half_width: float
    clearance: float
    door: tuple[float, float]
    rear_door: float | None
    glass_end: float


SHAPES = {
    "saloon": Shape(
        ((0.5, 0.145), (0.475, 0.17), (0.24, 0.2), (0.07, 0.296), (-0.08, 0.306),
         (-0.2, 0.293), (-0.34, 0.222), (-0.46, 0.213), (-0.5, 0.19)),
        2, (3, 5), 6, (0.305, -0.285), 0.07, 0.19, 0.05, (0.2, -0.035), -0.2, -0.29,
    ),
    "hatchback": Shape(
        ((0.5, 0.17), (0.47, 0.205), (0.26, 0.24), (0.08, 0.345), (-0.1, 0.358),
         (-0.32, 0.335), (-0.45, 0.25), (-0.485, 0.23), (-0.5, 0.18)),
        2, (3, 5), 6, (0.3, -0.315), 0.08, 0.215, 0.055, (0.21, -0.05), -0.24, -0.4,
    ),
    "estate": Shape(
        ((0.5, 0.145), (0.475, 0.17), (0.24, 0.2), (0.08, 0.292), (-0.08, 0.303),
         (-0.4, 0.288), (-0.48, 0.2), (-0.5, 0.18)),
        2, (3, 5), 6, (0.305, -0.285), 0.07, 0.19, 0.05, (0.2, -0.03), -0.2, -0.44,
    ),
    "van": Shape(
        ((0.5, 0.16), (0.48, 0.19), (0.38, 0.225), (0.25, 0.35), (0.12, 0.378),
         (-0.44, 0.38), (-0.495, 0.355), (-0.5, 0.3)),
        2, (4, 5), 6, (0.32, -0.28), 0.068, 0.195, 0.05, (0.3, 0.12), -0.12, 0.13,
    ),
    "pickup": Shape(
        ((0.5, 0.185), (0.48, 0.21), (0.26, 0.23), (0.16, 0.318), (0.02, 0.33),
         (-0.12, 0.32), (-0.165, 0.222), (-0.49, 0.22), (-0.5, 0.2)),
        2, (3, 5), 6, (0.315, -0.29), 0.078, 0.18, 0.075, (0.22, 0.02), -0.13, -0.15,
    ),
    "coupé": Shape(
        ((0.5, 0.13), (0.47, 0.16), (0.2, 0.192), (0.03, 0.272), (-0.1, 0.28),
         (-0.2, 0.262), (-0.41, 0.2), (-0.48, 0.195), (-0.5, 0.17)),
        2, (3, 5), 6, (0.3, -0.29), 0.074, 0.2, 0.043, (0.17, -0.13), None, -0.3,
    ),
}  # fmt: skip
"""Kinds of cars."""

PAINTS = (
    "#e9ebec", "#c3c8cc", "#8b9299", "#4a5057", "#1d2024", "#14161b", "#a01c22",
    "#c8322b", "#213f7a", "#3a6ea8", "#1f4d3a", "#7c8f52", "#d9b23a", "#d8702a",
    "#5c3a2c", "#cdbfa5", "#6a2f4f", "#7fa9bd",
)  # fmt: skip

_GLASS = "#1c262e"
_TYRE = "#1b1c1e"
_GAP = "#17181a"
_CHROME = "#d9dde0"


@dataclass(frozen=True)
class Car:
    """One car.

    Attributes:
        kind: one of :data:`SHAPES`.
        shape: its proportions.
        paint: colour of the body, (3,).
        tall: factor on all heights.
        four_doors: whether the rear door is there.
        rim: colour of the wheels, (3,).
        spokes: how many.
        handle: colour of the door handles, (3,).
        handle_length: of the door handles.
        trim: whether bumpers and sills are black plastic.
        lit: whether its lamps are on.
    """

    kind: str
    shape: Shape
    paint: np.ndarray
    tall: float
    four_doors: bool
    rim: np.ndarray
    spokes: int
    handle: np.ndarray
    handle_length: float
    trim: bool
    lit: bool


def design_car(rng: np.random.Generator, lit: bool = False) -> Car:
    """Draw a car by lot; ``lit`` puts its lamps on."""
    kind = str(rng.choice(list(SHAPES)))
    shape = SHAPES[kind]
    paint = np.clip(colour(str(rng.choice(PAINTS))) * rng.uniform(0.85, 1.1, 3), 0, 1)
    chrome = rng.random() < 0.4
    dark = paint.mean() < 0.3
    own = mix(paint, np.ones(3), 0.3) if dark else paint * 0.93
    handle = colour(_CHROME) if chrome else own
    if not chrome and rng.random() < 0.35:
        handle = colour("#202225")
    return Car(
        kind,
        shape,
        paint,
        tall=rng.uniform(0.95, 1.07),
        four_doors=shape.rear_door is not None and bool(rng.random() < 0.75),
        rim=colour(str(rng.choice(["#c9ced2", "#a5abb0", "#5d6266", "#dfe2e4"]))),
        spokes=int(rng.integers(5, 11)),
        handle=handle,
        handle_length=rng.uniform(0.03, 0.042),
        trim=bool(rng.random() < 0.3),
        lit=lit,
    )


class _Skin:
    """The surfaces of a car; each is a function of two coordinates to points."""

    def __init__(self, car: Car):
        self.shape = car.shape
        x, z = np.array(car.shape.top).T
        self._x, self._z = x[::-1], car.tall * z[::-1]
        self.low = car.shape.clearance
        # Windows begin a little above the bonnet.
        self.belt = car.tall * car.shape.top[car.shape.cowl][1] + 0.006
        self.height = self._z.max()

    def top_at(self, x: np.ndarray) -> np.ndarray:
        """Return how high the outline is at ``x``, its corners rounded off."""
        around = np.add.outer(np.asarray(x, float), np.linspace(-0.014, 0.014, 5))
        return np.interp(np.clip(around, -0.5, 0.5), self._x, self._z).mean(-1)

    def half(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return half the width: full at the waist, narrow at ends and roof."""
        ends = 1 - 0.13 * np.abs(np.asarray(x) / 0.5) ** 5
        waist = (np.clip(z, self.low, self.belt) - self.low) / (self.belt - self.low)
        lower = 0.93 + 0.07 * np.sin(np.pi * (0.15 + 0.6 * waist))
        share = np.clip((z - self.belt) / (self.height - self.belt + 1e-9), 0, 1)
        lean = 0.1 if self.shape is SHAPES["van"] else 0.24
        return self.shape.half_width * ends * lower * (1 - lean * share)

    def side(self, x: np.ndarray, z: np.ndarray, left: int) -> np.ndarray:
        """Return points of a side, 1 left or -1 right, at ``x`` and height ``z``."""
        x, z = np.broadcast_arrays(np.asarray(x, float), np.asarray(z, float))
        return np.stack([x, left * self.half(x, z), z], -1)

    def top(self, x: np.ndarray, across: np.ndarray) -> np.ndarray:
        """Return points of the top at ``x``; ``across`` is -1 right … 1 left."""
        x, across = np.broadcast_arrays(np.asarray(x, float), across)
        z = self.top_at(x)
        crown = 0.012 * (1 - across**2)
        return np.stack([x, across * self.half(x, z), z + crown], -1)

    def end(self, across: np.ndarray, z: np.ndarray, front: int) -> np.ndarray:
        """Return points of the front, 1, or the rear, -1."""
        across, z = np.broadcast_arrays(np.asarray(across, float), z)
        bulge = 0.03 * (1 - across**2) + 0.008 * np.sin(
            np.pi * np.clip((z - self.low) / 0.12, 0, 1)
        )
        x = np.full(across.shape, 0.5 * front)
        return np.stack([x + front * bulge, across * self.half(x, z), z], -1)

    def point(self, number: int) -> float:
        """Return the forward position of a point of the outline."""
        return self.shape.top[number][0]


def _patch(points: np.ndarray, fill: np.ndarray, level: int, **look: float) -> Faces:
    inside = points.mean((0, 1)) * [0.6, 0, 0.3] + [0, 0, 0.07]
    return faces_of_grid(points, fill, inside, level=level, **look)


def _between(low: np.ndarray, high: np.ndarray, steps: int) -> np.ndarray:
    """Return rows of values from ``low`` to ``high``, (steps + 1, n)."""
    return low + (high - low) * np.linspace(0, 1, steps + 1)[:, None]


def build_car(car: Car) -> tuple[Faces, ...]:
    """Return the parts of a car."""
    skin = _Skin(car)
    pieces = [*_body(car, skin), *_panes(car, skin), *_ends(car, skin)]
    for left in (1, -1):
        pieces += [*_side_windows(car, skin, left), *_doors(car, skin, left)]
        pieces += _arches(skin, left)
    parts = [Faces.joined(pieces)]
    for left in (1, -1):
        parts.append(_mirror(car, skin, left))
        parts += (_wheel(car, skin, x, left) for x in car.shape.axles)
    return tuple(parts)


def build_shell(car: Car) -> tuple[Faces, ...]:
    """Return the body and the tyres alone, which say how large a car is."""
    skin = _Skin(car)
    tyres = (_tyre(car, skin, x, left) for x in car.shape.axles for left in (1, -1))
    return *_body(car, skin), *tyres


def handle_place(car: Car, left: int) -> np.ndarray:
    """Return the middle of the front door's handle, (3,), on side 1 left or -1."""
    skin = _Skin(car)
    x, z = _handle(car, skin, car.shape.door[1])
    return skin.side(x, z, left)


def _handle(car: Car, skin: _Skin, door_end: float) -> tuple[float, float]:
    return door_end + 0.012 + car.handle_length / 2, skin.belt - 0.026


def _body(car: Car, skin: _Skin) -> Iterator[Faces]:
    x = np.linspace(-0.5, 0.5, 53)
    top = skin.top_at(x)
    heights = _between(np.full(len(x), skin.low), top, 9)
    for left in (1, -1):
        # Rows are stations, so that each has a point inside of its own.
        yield _surface(skin.side(x, heights, left).swapaxes(0, 1), car.paint)
    yield _surface(skin.top(x[:, None], np.linspace(-1, 1, 9)), car.paint)
    across = np.linspace(-1, 1, 11)
    for front in (1, -1):
        high = float(skin.top_at(np.array(0.5 * front)))
        heights = np.linspace(skin.low, high, 7)[:, None]
        yield _patch(skin.end(across, heights, front), car.paint, 0, gloss=0.6)
        lid = np.stack([skin.end(across, np.array(high), front),
                        skin.top(np.array(0.5 * front), across)])  # fmt: skip
        yield faces_of_grid(lid, car.paint, np.array([0.3 * front, 0, 0.0]), gloss=0.6)
    dark = colour(_GAP) if car.trim else car.paint * 0.55
    for left in (1, -1):
        z = _between(np.full(27, skin.low), np.full(27, skin.low + 0.02), 1)
        yield _patch(skin.side(x[::2], z, left), dark, 1)


def _surface(grid: np.ndarray, fill: np.ndarray) -> Faces:
    middle = grid.mean(1)
    inside = (middle[:-1] + middle[1:]) / 2
    inside = np.stack([inside[:, 0], 0 * inside[:, 1], np.full(len(inside), 0.08)], 1)
    return faces_of_grid(grid, fill, inside[:, None], gloss=0.6)


# --- glass ---------------------------------------------------------------------------


def _panes(car: Car, skin: _Skin) -> Iterator[Faces]:
    """Yield windscreen and rear window."""
    shape, look = car.shape, {"gloss": 0.9, "level": 2}
    across = np.linspace(-0.86, 0.86, 7)
    first = shape.roof[0] if car.kind != "van" else 3
    x = np.linspace(skin.point(shape.cowl) - 0.015, skin.point(first) + 0.004, 6)
    yield _patch(skin.top(x[:, None], across), colour(_GLASS), **look)
    x = np.linspace(
        skin.point(shape.roof[1]) - 0.012, skin.point(shape.rear_glass) + 0.02, 6
    )
    if car.kind != "van":
        yield _patch(skin.top(x[:, None], across * 0.93), colour(_GLASS), **look)


def _side_windows(car: Car, skin: _Skin, left: int) -> Iterator[Faces]:
    shape = car.shape
    ends = [shape.door[1]]
    if car.four_doors and car.kind != "van":
        ends.append(shape.rear_door)
    ends = [end for end in ends if end > shape.glass_end + 0.03] + [shape.glass_end]
    start = skin.point(shape.cowl) - 0.03
    for end in ends:
        yield from _window(skin, start - 0.006, end + 0.006, left)
        start = end


def _window(skin: _Skin, front: float, rear: float, left: int) -> Iterator[Faces]:
    x = np.linspace(front, rear, 14)
    low = np.full(len(x), skin.belt + 0.004)
    high = skin.top_at(x) - 0.02
    open_at = high > low + 0.004
    if open_at.sum() < 2:
        return
    x, low, high = x[open_at], low[open_at], high[open_at]
    frame = _between(low - 0.004, high + 0.005, 3)
    yield _patch(skin.side(x, frame, left), colour(_GAP), 1)
    glass = skin.side(x, _between(low, high, 4), left)
    yield _patch(glass, colour(_GLASS), 2, gloss=0.9)


# --- what is on the sides ------------------------------------------------------------


def _doors(car: Car, skin: _Skin, left: int) -> Iterator[Faces]:
    """Yield seams and handles."""
    edges = [*car.shape.door]
    ends = [car.shape.door[1]]
    if car.four_doors:
        edges.append(car.shape.rear_door)
        ends.append(car.shape.rear_door)
    seam = car.paint * 0.35
    for x in edges:
        high = np.minimum(skin.belt, skin.top_at(np.array(x)) - 0.01)
        z = np.linspace(skin.low + 0.02, float(high), 6)[:, None]
        yield _patch(skin.side(x + np.array([-0.002, 0.002]), z, left), seam, 1)
    x = np.linspace(*car.shape.door, 12)
    z = np.array([[skin.low + 0.019], [skin.low + 0.023]])
    yield _patch(skin.side(x, z, left), seam, 1)
    crease = np.linspace(-0.44, 0.42, 24), skin.belt - 0.045
    z = crease[1] + np.array([[0.0], [0.005]])
    yield _patch(skin.side(crease[0], z, left), car.paint * 0.82, 1, gloss=0.2)
    for end in ends:
        yield from _handle_faces(car, skin, end, left)


def _handle_faces(car: Car, skin: _Skin, end: float, left: int) -> Iterator[Faces]:
    x, z = _handle(car, skin, end)
    turn = np.linspace(0, 2 * np.pi, 13)
    share = np.array([[0.02], [1.0]])
    reach = car.handle_length * 0.5
    across, up = share * np.cos(turn) * reach, share * np.sin(turn)
    cup = skin.side(x + 0.62 * across, z + 0.0115 * up, left)
    yield _patch(cup, car.paint * 0.45, 3, gloss=0.1)
    bar = skin.side(x + across, z + 0.0015 + 0.006 * up, left)
    yield _patch(bar, car.handle, 4, gloss=0.8)


def _arches(skin: _Skin, left: int) -> Iterator[Faces]:
    turn = np.linspace(-0.2 * np.pi, 1.2 * np.pi, 17)
    share = np.array([[0.02], [0.5], [1.0]])
    for x in skin.shape.axles:
        radius = 1.17 * skin.shape.wheel
        up = skin.shape.wheel + share * np.sin(turn) * radius
        across = x + share * np.cos(turn) * radius
        z = np.maximum(up, skin.low)
        yield _patch(skin.side(across, z, left), colour("#0c0d0e"), 5, gloss=0)


def _tyre(car: Car, skin: _Skin, x: float, left: int) -> Faces:
    radius, outer = car.shape.wheel, _outer_side(car, skin, x)
    start, end = (x, left * (outer - 0.045), radius), (x, left * outer, radius)
    return rod(start, end, radius, colour(_TYRE), 26, gloss=0.1)


def _outer_side(car: Car, skin: _Skin, x: float) -> float:
    """Return how far from the middle the wheel at ``x`` ends."""
    return float(skin.half(np.array(x), np.array(car.shape.wheel))) + 0.004


def _wheel(car: Car, skin: _Skin, x: float, left: int) -> Faces:
    radius, outer = car.shape.wheel, _outer_side(car, skin, x)
    turn = np.linspace(0, 2 * np.pi, 27)

    def disc(inner: float, rim: float, turn: np.ndarray, fill, level: int) -> Faces:
        share = np.array([[inner], [rim]]) * radius
        y = np.full((2, len(turn)), left * (outer + 0.001))
        points = np.stack(
            [x + share * np.cos(turn), y, radius + share * np.sin(turn)], -1
        )
        inside = np.array([x, 0.0, radius])
        return faces_of_grid(points, fill, inside, level=level, gloss=0.5)

    # Between the gaps, every fourth face would be a spoke: it stays rim.
    edges = np.arange(car.spokes)[:, None] + np.linspace(0.22, 0.78, 4)
    gaps = disc(0.2, 0.58, (edges * 2 * np.pi / car.spokes).ravel(), colour(_GAP), 2)
    gaps = gaps.pick(np.arange(len(gaps.gloss)) % 4 != 3)
    pieces = [_tyre(car, skin, x, left), disc(0.01, 0.68, turn, car.rim, 1), gaps]
    return Faces.joined(pieces)


def _mirror(car: Car, skin: _Skin, left: int) -> Faces:
    x = skin.point(car.shape.cowl) - 0.045
    half = float(skin.half(np.array(x), np.array(skin.belt)))
    body = Body(x + 0.012, 0.03, 0.018, left * (half + 0.016), skin.belt + 0.018,
                nose=0.6, tail=0.3, tip=0.8, tallness=0.8)  # fmt: skip
    return body.skin(colour(_GAP) if car.trim else car.paint, 8, 12, gloss=0.6)


# --- front and rear ------------------------------------------------------------------


def _ends(car: Car, skin: _Skin) -> Iterator[Faces]:
    """Yield lamps, grille, bumpers and number plates."""
    glow = 0.8 if car.lit else 0.1
    for front in (1, -1):
        high = float(skin.top_at(np.array(0.5 * front)))
        span = high - skin.low

        def panel(across, low, top, fill, level, front=front, span=span, **look):
            z = skin.low + span * np.linspace(low, top, 3)[:, None]
            points = skin.end(np.linspace(*across, 6), z, front)
            return _patch(points, fill, level, **look)

        if car.trim:
            yield panel((-1, 1), 0.08, 0.42, colour("#232527"), 1)
        yield panel((-0.24, 0.24), 0.3, 0.48, colour("#eceadf"), 3, glow=0.1)
        yield panel((-0.7, 0.7), 0.1, 0.26, colour(_GAP), 2)
        if front == 1:
            yield panel((-0.55, 0.55), 0.56, 0.9, colour(_GAP), 2)
            yield panel((-0.57, 0.57), 0.88, 0.93, colour(_CHROME), 3, gloss=0.8)
        lamp = colour("#f2f0e2" if front == 1 else "#a3161a")
        for side in (1, -1):
            look = {"gloss": 0.9, "glow": glow}
            yield panel((0.62 * side, 0.99 * side), 0.62, 0.93, lamp, 3, **look)
            x = 0.5 * front - front * np.linspace(0.0, 0.055, 4)
            low = np.full(4, skin.low + span * 0.62)
            tip = np.minimum(skin.low + span * 0.93, skin.top_at(x) - 0.008)
            yield _patch(skin.side(x, _between(low, tip, 2), side), lamp, 3, **look)
