"""Bodies put together from small faces.

A solid's axes are forward, left and up; its length is about 1. Anything with a shape
can be built from these faces, :mod:`datasets.drawn.aircraft` builds aeroplanes, and
:mod:`datasets.drawn.rendering` shows them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

Paint = np.ndarray | Callable[[np.ndarray, np.ndarray], np.ndarray]
"""A colour, (3,), or a function of two coordinates on a surface to colours."""


@dataclass(frozen=True)
class Faces:
    """Four-cornered faces of one part: a wing, or a fuselage with its windows.

    Attributes:
        corners: float64 (n, 4, 3), counter-clockwise seen from outside.
        colours: float64 (n, 3) between 0 and 1.
        gloss: float64 (n,), 0 matt … 1 polished.
        glow: float64 (n,), the share of the colour that shines by itself.
        level: int64 (n,), 0 skin; higher ones are painted on those below.
    """

    corners: np.ndarray
    colours: np.ndarray
    gloss: np.ndarray
    glow: np.ndarray
    level: np.ndarray

    @classmethod
    def joined(cls, pieces: Iterable["Faces"]) -> "Faces":
        """Return all faces of all pieces as one part."""
        columns = zip(*(piece.arrays() for piece in pieces), strict=True)
        return cls(*map(np.concatenate, columns))

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return the attributes, in their order."""
        return self.corners, self.colours, self.gloss, self.glow, self.level

    def pick(self, which: np.ndarray | slice) -> "Faces":
        """Return some of the faces."""
        return Faces(*(array[which] for array in self.arrays()))

    def mirrored(self) -> "Faces":
        """Return the faces on the other side: left becomes right."""
        return replace(self, corners=self.corners[:, ::-1] * [1, -1, 1])


def faces_of_grid(
    grid: np.ndarray,
    colours: np.ndarray,
    inside: np.ndarray | None = None,
    gloss: float = 0.3,
    glow: float = 0.0,
    level: int = 0,
) -> Faces:
    """Return the faces between the neighbours of a grid of points, row by row.

    Args:
        grid: (rows, columns, 3) points of a surface.
        colours: (3,) or (rows - 1, columns - 1, 3).
        inside: points, (3,) or (rows - 1, 1, 3), on the hidden side of the faces; a
            surface that is seen from both sides has none.
        gloss: see :class:`Faces`.
        glow: see :class:`Faces`.
        level: see :class:`Faces`.
    """
    corners = np.stack([grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]], 2)
    colours = np.broadcast_to(colours, (*corners.shape[:2], 3)).reshape(-1, 3)
    quads = corners.reshape(-1, 4, 3)
    if inside is None:
        quads = np.concatenate([quads, quads[:, ::-1]])
        colours = np.concatenate([colours, colours])
    else:
        outward = (corners.mean(2) - inside).reshape(-1, 3)
        inverted = (normals_of(quads) * outward).sum(1) < 0
        quads = np.where(inverted[:, None, None], quads[:, ::-1], quads)
    count = len(quads)
    look = np.full(count, gloss), np.full(count, glow), np.full(count, level)
    return Faces(quads, colours, *look)


def normals_of(quads: np.ndarray) -> np.ndarray:
    """Return unit vectors that stand on faces, (n, 3); zero for those without area."""
    (a, b, c), (d, e, f) = (quads[:, 2] - quads[:, 0]).T, (quads[:, 3] - quads[:, 1]).T
    across = np.stack([b * f - c * e, c * d - a * f, a * e - b * d], 1)
    return across / np.maximum(np.sqrt((across**2).sum(1))[:, None], 1e-12)


@dataclass(frozen=True)
class Body:
    """Ellipses strung along the flight direction: fuselage, engine, float, canopy.

    Attributes:
        start: forward position of its front end.
        length: how far it reaches back.
        radius: half its largest width.
        left: position of its middle to the left.
        up: position of its middle upwards.
        nose: share of the length over which it swells.
        bluntness: 0.5 gives an elliptic nose, 1 a pointed one.
        mouth: radius at the front end, as a share of ``radius``; 0 closes it.
        tail: share of the length over which it tapers.
        tail_power: from 1, a cone, upwards: fuller.
        tip: radius at the rear end, as a share of ``radius``.
        tail_rise: how far the rear end's middle lies above the axis, in radii.
        nose_droop: how far the front end's middle lies below the axis, in radii.
        tallness: height over width.
        cabin: (middle, spread, height) of a bump on the back; positions as shares of
            the length, height in radii.
    """

    start: float
    length: float
    radius: float
    left: float = 0.0
    up: float = 0.0
    nose: float = 0.2
    bluntness: float = 0.5
    mouth: float = 0.0
    tail: float = 0.35
    tail_power: float = 1.7
    tip: float = 0.1
    tail_rise: float = 0.0
    nose_droop: float = 0.0
    tallness: float = 1.0
    cabin: tuple[float, float, float] | None = None

    def size(self, along: np.ndarray) -> np.ndarray:
        """Return the radius at positions ``along``, 0 front … 1 rear."""
        front = np.clip(1 - along / self.nose, 0, 1)
        swell = self.mouth + (1 - self.mouth) * (1 - front**2) ** self.bluntness
        rear = np.clip((along - 1 + self.tail) / self.tail, 0, 1)
        taper = 1 - (1 - self.tip) * rear**self.tail_power
        return self.radius * swell * taper

    def middle(self, along: np.ndarray | float) -> np.ndarray:
        """Return the points of the axis, (..., 3)."""
        along = np.asarray(along, float)
        rear = np.clip((along - 1 + self.tail) / self.tail, 0, 1)
        front = np.clip(1 - along / self.nose, 0, 1)
        rise = self.tail_rise * rear**1.6 - self.nose_droop * front**2
        points = np.empty((*along.shape, 3))
        points[..., 0] = self.start - self.length * along
        points[..., 1] = self.left
        points[..., 2] = self.up + self.radius * rise
        return points

    def points(self, along: np.ndarray, angle: np.ndarray) -> np.ndarray:
        """Return points of the surface.

        Args:
            along: 0 front … 1 rear.
            angle: in degrees, 0 left, 90 top, 180 right, 270 bottom; broadcast
                against ``along``.
        """
        along, angle = np.broadcast_arrays(np.asarray(along, float), np.deg2rad(angle))
        size, sine = self.size(along), np.sin(angle)
        height = size * self.tallness * sine
        if self.cabin:
            middle, spread, tall = self.cabin
            bump = np.exp(-(np.abs((along - middle) / spread) ** 3))
            height = height + self.radius * tall * bump * np.clip(sine, 0, 1)
        points = self.middle(along)
        points[..., 1] += size * np.cos(angle)
        points[..., 2] += height
        return points

    def skin(self, paint: Paint, rings: int = 36, sides: int = 36, **look) -> Faces:
        """Return all of its surface.

        Args:
            paint: a colour, or a function of (along, angle in degrees) to colours.
            rings: how finely it is cut along.
            sides: how finely it is cut around.
            **look: ``gloss``, ``glow`` and ``level``, see :class:`Faces`.
        """
        steps = np.linspace(0, 1, rings + 1)
        # Rings stand close where the nose bends most.
        along = np.where(steps < 0.2, 5 * steps**2, 2 * steps - 0.2) / 1.8
        return self.patch(along, np.linspace(0, 360, sides + 1), paint, **look)

    def patch(
        self, along: np.ndarray, angle: np.ndarray, paint: Paint, **look
    ) -> Faces:
        """Return a part of its surface: windows, stripes, or all of it.

        Args:
            along: (rows,) or, for slanted edges, (rows, columns).
            angle: (columns,) in degrees, or (rows, columns).
            paint: as in :meth:`skin`.
            **look: ``gloss``, ``glow`` and ``level``, see :class:`Faces`.
        """
        along = np.asarray(along, float)
        along = along[:, None] if along.ndim == 1 else along
        along, angle = np.broadcast_arrays(along, np.asarray(angle, float))
        if callable(paint):
            middles = (v[:-1, :-1] + v[1:, 1:] for v in (along, angle))
            paint = paint(*(v / 2 for v in middles))
        rows = along.mean(1)
        inside = self.middle((rows[:-1] + rows[1:]) / 2)[:, None]
        return faces_of_grid(self.points(along, angle), paint, inside, **look)

    def lid(self, along: float, share: float, fill: np.ndarray, **look) -> Faces:
        """Return a disc that closes an end, as wide as ``share`` of the body there."""
        rim = self.points(np.full(17, along), np.linspace(0, 360, 17))
        middle = self.middle(np.full(17, along))
        shares = np.array([0.01, share])[:, None, None]
        look = {"level": 1, "gloss": 0.0} | look
        inside = self.middle(0.5)
        return faces_of_grid(middle + (rim - middle) * shares, fill, inside, **look)


@dataclass(frozen=True)
class Foil:
    """A tapered surface with a rounded section: wing, tailplane or fin.

    Attributes:
        root: (forward, left, up) of the front edge at the root.
        tip: the same at the tip.
        root_chord: depth from the front edge to the rear edge at the root.
        tip_chord: the same at the tip.
        thickness: of the section, as a share of the chord.
        curve: 0 straight edges; up to 1 an elliptic outline.
    """

    root: tuple[float, float, float]
    tip: tuple[float, float, float]
    root_chord: float
    tip_chord: float
    thickness: float = 0.11
    curve: float = 0.0

    def at(
        self, span: np.ndarray, chord: np.ndarray, side: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Return points on it, (..., 3); the arguments are broadcast.

        Args:
            span: 0 root … 1 tip.
            chord: 0 front edge … 1 rear edge.
            side: 1 upper (right) skin, -1 the other, 0 between them.
        """
        span, chord = np.broadcast_arrays(span, chord)
        root, tip = np.array(self.root), np.array(self.tip)
        depth = self.root_chord + (self.tip_chord - self.root_chord) * span
        # The last piece of the span is rounded off.
        end = np.sqrt(1 - np.clip((span - 0.93) / 0.07, 0, 0.97) ** 2)
        oval = np.sqrt(np.clip(1.02 - span**2, 0.02, 1))
        round_off = (1 - self.curve) * end + self.curve * oval
        points = root + (tip - root) * span[..., None]
        points[..., 0] -= depth * (0.3 * (1 - round_off) + chord * round_off)
        half = self.thickness * depth * round_off
        half = half * 1.3 * np.sqrt(chord) * (1 - chord)
        return points + (side * half)[..., None] * self._across()

    def _across(self) -> np.ndarray:
        """Return the unit vector through the thickness; it never points down."""
        along = np.subtract(self.tip, self.root)
        across = np.cross([1.0, 0.0, 0.0], along)
        across /= np.linalg.norm(across)
        return -across if across[2] < -1e-9 else across

    def skin(self, paint: Paint, cuts: int = 14, depths: int = 8, **look) -> Faces:
        """Return its surface.

        Args:
            paint: a colour, or a function of (span, chord) to colours.
            cuts: how finely it is cut along the span.
            depths: how finely each side is cut along the chord.
            **look: ``gloss``, ``glow`` and ``level``, see :class:`Faces`.
        """
        span = np.concatenate([np.linspace(0, 0.93, cuts), [0.955, 0.975, 0.99, 1]])
        back = (1 - np.cos(np.linspace(0, np.pi, depths + 1))) / 2
        chord = np.concatenate([back, back[-2::-1]])
        side = np.repeat([1.0, -1.0], [depths + 1, depths])
        grid = self.at(span[:, None], chord, side)
        between = (span[:-1, None] + span[1:, None]) / 2
        if callable(paint):
            paint = paint(*np.broadcast_arrays(between, (chord[:-1] + chord[1:]) / 2))
        return faces_of_grid(grid, paint, self.at(between, 0.4), **look)


def rod(
    start: Sequence[float],
    end: Sequence[float],
    radius: float,
    fill: np.ndarray,
    sides: int = 8,
    **look,
) -> Faces:
    """Return a round bar with closed ends; a short thick one is a wheel."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    axis = (end - start) / np.linalg.norm(end - start)
    helper = np.eye(3)[np.argmin(np.abs(axis))]
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first)
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.outer(np.cos(turn), first) + np.outer(np.sin(turn), np.cross(axis, first))
    ring *= radius
    grid = np.stack([start + ring * 0.01, start + ring, end + ring, end + ring * 0.01])
    return faces_of_grid(grid, fill, (start + end) / 2, **look)
