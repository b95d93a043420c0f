"""Meshes in perspective, and pictures that record what can be seen in them.

A solid's axes are forward, left and up; a viewer's are right, up and near. Points in a
picture are (x, y) in pixels. Colours are float64 (3,) RGB in [0, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageChops, ImageColor, ImageDraw
from scipy.spatial.transform import Rotation

SUPERSAMPLING = 2  # shapes are rasterised so many times larger and averaged down
VISIBLE = 128  # a pixel belongs to a thing that covers so many 255ths of it
CIRCLE = np.array([(np.cos(t), np.sin(t)) for t in np.linspace(0, 2 * np.pi, 25)])

Rng = np.random.Generator
Point = tuple[float, float, float]
Mesh = tuple[np.ndarray, np.ndarray]  # faces' corners (n, 4, 3) and colours (n, 3)
Polygons = list[tuple[np.ndarray, np.ndarray]]  # points (n, 2), colour; far ones first
Paint = np.ndarray | Callable[[np.ndarray, np.ndarray], np.ndarray]
# A colour, or a function of two coordinates on the surface to colours (..., 3).


def colour(name: str) -> np.ndarray:
    """Colour of a ``#rrggbb`` code."""
    return np.array(ImageColor.getrgb(name)) / 255


def levels(values: np.ndarray) -> np.ndarray:
    """Values in [0, 1] as uint8 from 0 to 255."""
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def mix(first, second, share: float | np.ndarray) -> np.ndarray:
    """Linear interpolation: ``first`` at share 0, ``second`` at share 1."""
    return first + (np.asarray(second) - first) * share


def _normals(corners: np.ndarray) -> np.ndarray:
    return np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])


def _closed(points: np.ndarray, paint: np.ndarray) -> Mesh:
    """Mesh over a grid of points (rows, columns, 3), its faces turned outward."""
    grid = [points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]]
    corners = np.stack(grid, 2).reshape(-1, 4, 3)
    if (_normals(corners) * (corners.mean(1) - points.mean((0, 1)))).sum() < 0:
        corners = corners[:, ::-1]
    shape = (len(points) - 1, len(points[0]) - 1, 3)
    return corners, np.broadcast_to(paint, shape).reshape(-1, 3)


def body(
    paint: Paint, start: float, length: float, radius: float,
    place: tuple[float, float] = (0, 0), nose: Point = (0.2, 0.5, 0),
    tail: Point = (0.35, 1.7, 0.1), rise: float = 0, cabin: Point = (0.5, 0.1, 0),
    cuts: tuple[int, int] = (14, 16),
) -> Mesh:  # fmt: skip
    """Closed body of circles along the flight direction: fuselage, engine, canopy.

    Nose and tail are share of the length, exponent (1 conic) and the end's radius; the
    cabin is position, half length and height of a bump; the place is (left, up).
    """
    steps, turn = np.linspace(0, 1, cuts[0] + 1), np.linspace(0, 2 * np.pi, cuts[1] + 1)
    along = (np.where(steps < 0.2, 5 * steps**2, 2 * steps - 0.2) / 1.8)[:, None]
    front = np.clip(1 - along / nose[0], 0, 1)
    rear = np.clip((along - 1 + tail[0]) / tail[0], 0, 1)
    size = radius * (nose[2] + (1 - nose[2]) * (1 - front**2) ** nose[1])
    size = size * (1 - (1 - tail[2]) * rear ** tail[1])
    bump = radius * cabin[2] * np.exp(-(np.abs((along - cabin[0]) / cabin[1]) ** 3))
    axis = place[1] + radius * (rise * rear**1.6 - 0.15 * front**2)
    up = axis + size * np.sin(turn) + bump * np.clip(np.sin(turn), 0, 1)
    left = place[0] + size * np.cos(turn)
    points = np.stack([start - length * along + 0 * left, left, up], -1)
    points = np.concatenate([points[:1], points, points[-1:]])
    points[[0, -1]] = points[[0, -1]].mean(1, keepdims=True)  # close the ends
    if callable(paint):
        elevation = np.degrees(np.arcsin(np.sin((turn[1:] + turn[:-1]) / 2)))
        paint = paint(*np.broadcast_arrays((along[1:] + along[:-1]) / 2, elevation))
    fills = np.tile(colour("#2b2d33"), (cuts[0] + 2, cuts[1], 1))
    fills[1:-1] = paint
    return _closed(points, fills)


def foil(
    paint: Paint, root: Point, tip: Point, chords: tuple[float, float], thickness=0.1
) -> Mesh:
    """Closed tapered surface: wing, tailplane or fin between two leading points."""
    span, chord = np.linspace(0, 1, 12)[:, None], np.array([0, 0.1, 0.35, 0.7, 1])
    chord, side = np.concatenate([chord, chord[-2::-1]]), np.repeat([1, -1], [5, 4])
    depth = mix(chords[0], chords[1], span)
    points = np.array(root) + np.subtract(tip, root) * (span + 0 * chord)[..., None]
    points[..., 0] -= depth * chord
    across = np.cross([1.0, 0.0, 0.0], np.subtract(tip, root))
    half = 1.3 * thickness * depth * np.sqrt(chord) * (1 - chord) * side
    half[-1] *= 0.02  # close the tip
    points += half[..., None] * across / np.linalg.norm(across)
    if callable(paint):
        middles = (span[1:] + span[:-1]) / 2, (chord[1:] + chord[:-1]) / 2
        paint = paint(*np.broadcast_arrays(*middles))
    return _closed(points, paint)


def rod(paint: np.ndarray, start: Point, end: Point, radius: float, cuts=6) -> Mesh:
    """Cylinder with closed ends: a strut, or a wheel where it is short and thick."""
    base, axis = np.array(start), np.subtract(end, start)
    first = np.cross(axis, np.eye(3)[np.argmin(np.abs(axis))])
    first /= np.linalg.norm(first)
    second = np.cross(axis, first) / np.linalg.norm(axis)
    turn = np.linspace(0, 2 * np.pi, cuts + 1)[:, None]
    ring = radius * (np.cos(turn) * first + np.sin(turn) * second)
    points = base + np.stack([0 * ring, ring, axis + ring, axis + 0 * ring])
    return _closed(points, paint)


@dataclass(frozen=True)
class View:
    """Perspective of a solid."""

    rotation: np.ndarray  # (3, 3) from its axes to the viewer's
    distance: float  # of the viewer from its origin
    centre: tuple[float, ...] = (0.0, 0.0)  # (x, y) of its origin
    scale: float = 1.0  # pixels for each unit there

    @classmethod
    def turned(cls, yaw, climb, roll, tilt, distance: float) -> "View":
        """View by degrees: yaw 0 flies to the right, 90 away; tilt looks down."""
        own = Rotation.from_euler("ZYX", [yaw, -climb, roll], degrees=True)
        seen = Rotation.from_euler("x", tilt - 90, degrees=True)
        return cls(seen.as_matrix() @ own.as_matrix(), distance)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points (..., 3) in the solid's axes."""
        seen = points @ self.rotation.T
        nearness = self.scale * self.distance / (self.distance - seen[..., 2:])
        return seen[..., :2] * nearness * [1, -1] + self.centre

    def bounds(self, points: np.ndarray) -> np.ndarray:
        """Corners ((left, top), (right, bottom)) around points, in pixels."""
        flat = self.project(points).reshape(-1, 2)
        return np.stack([flat.min(0), flat.max(0)])


def mesh_polygons(mesh: Mesh, view: View, sun, mood, haze: float = 0) -> Polygons:
    """Visible faces, far ones first, in the light of a sun and a mood."""
    seen = mesh[0] @ view.rotation.T
    normals, to_viewer = _normals(seen), [0, 0, view.distance] - seen.mean(1)
    facing = np.flatnonzero((normals * to_viewer).sum(1) > 0)
    depth = np.linalg.norm(to_viewer[facing], axis=1)
    faces = facing[np.argsort(-depth, kind="stable")]
    normals = normals[faces] / np.linalg.norm(normals[faces], axis=1)[:, None]
    fills = mood.shade(sun, normals, mesh[1][faces], haze)
    return list(zip(view.project(mesh[0][faces]), fills, strict=True))


def visible_box(coverage: Image.Image) -> tuple[int, int, int, int] | None:
    """Tight box (ymin, xmin, ymax, xmax) of visible pixels, inclusive, or None."""
    box = coverage.point(lambda level: 255 * (level >= VISIBLE)).getbbox()
    return box and (box[1], box[0], box[3] - 1, box[2] - 1)


@dataclass
class Picture:
    """Image (mode RGB), and VOC class and coverage (mode L) of the things in it."""

    image: Image.Image
    things: list[tuple[str, Image.Image]] = field(default_factory=list)

    def paste(self, fill, mask: Image.Image | np.ndarray, corner=(0, 0)) -> None:
        """Cover the picture with a colour or image as far as a mask in [0, 1] says."""
        mask = mask if isinstance(mask, Image.Image) else Image.fromarray(levels(mask))
        box = (*corner, corner[0] + mask.width, corner[1] + mask.height)
        source = fill if isinstance(fill, Image.Image) else tuple(levels(fill).tolist())
        self.image.paste(source, box, mask)
        for _, coverage in self.things:
            rest = ImageChops.multiply(coverage.crop(box), ImageChops.invert(mask))
            coverage.paste(rest, box)

    def lay(self, polygons: Polygons, name="", alpha=1.0) -> None:
        """Cover the picture with smooth-edged polygons; a name makes them a thing."""
        scale = SUPERSAMPLING
        image = Image.new("RGBA", [side * scale for side in self.image.size])
        draw = ImageDraw.Draw(image)
        fills = levels(np.array([fill for _, fill in polygons])).tolist()
        for (points, _), fill in zip(polygons, fills, strict=True):
            draw.polygon((points * scale).ravel().tolist(), fill=(*fill, 255))
        box = image.getbbox() or (0, 0, 0, 0)
        left, top, right, bottom = (side // scale * scale for side in box)
        small = image.crop((left, top, right + scale, bottom + scale)).reduce(scale)
        mask = small.getchannel("A").point(lambda level: int(level * alpha))
        corner = left // scale, top // scale
        self.paste(small.convert("RGB"), mask, corner)
        if name:
            coverage = Image.new("L", self.image.size)
            coverage.paste(mask, corner)
            self.things.append((name, coverage))

    def shade_ground(self, view: View, radii, ground: float, alpha: float) -> None:
        """Darken a rounded patch under a solid, at the height of its ground."""
        rounded = np.sign(CIRCLE) * np.abs(CIRCLE) ** 0.6 * radii
        points = view.project(np.insert(rounded, 2, ground, 1))
        self.lay([(points, np.zeros(3))], alpha=alpha)
