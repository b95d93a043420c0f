"""Solids turned, lit and painted as a viewer sees them.

The viewer's axes are right, up and towards the viewer.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from datasets.drawn.canvas import SUPERSAMPLING, Layer, mix
from datasets.drawn.solids import Faces, normals_of


@dataclass(frozen=True)
class Light:
    """What lights a scene.

    Attributes:
        direction: unit vector towards the sun in the viewer's axes, float64 (3,).
        sun: its colour times its strength, float64 (3,).
        sky: light from above.
        earth: light from below.
    """

    direction: np.ndarray
    sun: np.ndarray
    sky: np.ndarray
    earth: np.ndarray

    def on(self, normals: np.ndarray, faces: Faces) -> np.ndarray:
        """Return the lit colours, (n, 3), of faces that stand on ``normals``."""
        upward = (normals[:, 1:2] + 1) / 2
        around = mix(self.earth, self.sky, upward)
        towards = np.clip(normals @ self.direction, 0, None)[:, None]
        colours = faces.colours * (around + towards * self.sun)
        halfway = self.direction + [0, 0, 1]
        halfway /= np.linalg.norm(halfway)
        shine = np.clip(normals @ halfway, 0, None) ** 24 * faces.gloss
        # A polished skin mirrors the sky where it is seen at a flat angle.
        mirror = (1 - np.abs(normals[:, 2])) ** 3 * faces.gloss * 0.5
        colours = mix(colours, self.sky, mirror[:, None] * upward)
        colours = colours + shine[:, None] * self.sun * 0.55
        return mix(colours, faces.colours, faces.glow[:, None])


@dataclass(frozen=True)
class View:
    """Where a solid is and how it is seen.

    Attributes:
        rotation: float64 (3, 3) from the solid's axes to the viewer's.
        centre: (x, y) of its origin in the picture, in pixels.
        scale: pixels for each unit of length at its origin.
        distance: of the viewer from its origin, in units of length.
    """

    rotation: np.ndarray
    centre: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    distance: float = 6.0

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return (..., 2) pixels of points, (..., 3), in the viewer's axes."""
        nearness = self.distance / (self.distance - points[..., 2])
        flat = points[..., :2] * nearness[..., None] * [self.scale, -self.scale]
        return flat + self.centre

    def enlarged(
        self, factor: float, corner: tuple[float, float] = (0.0, 0.0)
    ) -> "View":
        """Return the view in a ``factor`` times larger picture, cut at ``corner``."""
        x, y = (factor * c - o for c, o in zip(self.centre, corner, strict=True))
        return replace(self, centre=(x, y), scale=self.scale * factor)

    def outline(self, parts: Sequence[Faces]) -> np.ndarray:
        """Return ((left, top), (right, bottom)) of a solid, in pixels."""
        corners = np.concatenate([part.corners.reshape(-1, 3) for part in parts])
        flat = self.project(corners @ self.rotation.T)
        return np.stack([flat.min(0), flat.max(0)])


def turned(yaw: float, climb: float, roll: float, tilt: float) -> np.ndarray:
    """Return the rotation from a solid's axes to the viewer's, (3, 3).

    All angles are in degrees.

    Args:
        yaw: heading; 0 flies to the right, 90 away from the viewer, 180 to the left.
        climb: nose up.
        roll: left wing up.
        tilt: the viewer looks down at the scene by this much.
    """
    yaw, climb, roll, tilt = np.deg2rad([yaw, climb, roll, tilt])
    to_viewer = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    own = _about(2, yaw) @ _about(1, -climb) @ _about(0, roll)
    return _about(0, tilt) @ to_viewer @ own


def _about(axis: int, angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    rotation = np.eye(3)
    rotation[first, first] = rotation[second, second] = cosine
    rotation[first, second], rotation[second, first] = -sine, sine
    return rotation


def paint_solid(
    layer: Layer,
    parts: Sequence[Faces],
    view: View,
    light: Light,
    haze: tuple[np.ndarray, float] | None = None,
) -> None:
    """Paint a solid; where its parts overlap, the nearest shows.

    Args:
        layer: the sheet to paint on.
        parts: the solid.
        view: where it is.
        light: what lights it.
        haze: a colour, and how much of it lies before the solid.
    """
    faces, owner, normals = _facing(parts, view)
    outlines = view.enlarged(SUPERSAMPLING).project(faces.corners)
    left, top, right, bottom = _window(layer, outlines)
    if right <= left or bottom <= top:
        return
    colours = light.on(normals, faces)
    if haze:
        colours = mix(colours, *haze)
    colours = _packed(colours)
    view = view.enlarged(SUPERSAMPLING, (left, top))
    planes = _planes(faces.corners, normals, view)
    outlines -= (left, top)
    paint = np.zeros((bottom - top, right - left), np.uint32)
    nearest = np.zeros(paint.shape, np.float32)
    starts = np.searchsorted(owner, range(len(parts) + 1)).tolist()
    for first, last in itertools.pairwise(starts):
        if first < last:
            own = np.s_[first:last]
            _paint_part(paint, nearest, outlines[own], colours[own], planes[own])
    pixels = paint.view(np.uint8).reshape(*paint.shape, 4)
    layer.image.alpha_composite(Image.fromarray(pixels), (left, top))


def _window(layer: Layer, outlines: np.ndarray) -> list[int]:
    """Return left, top, right, bottom of the part of the sheet that is needed."""
    low, high = outlines.min((0, 1)) - 1, outlines.max((0, 1)) + 2
    edges = np.clip(np.round([low, high]), 0, layer.image.size)
    return edges.astype(int).ravel().tolist()


def _facing(parts: Sequence[Faces], view: View) -> tuple[Faces, np.ndarray, np.ndarray]:
    """Return the faces that turn towards the viewer, in the order to paint them.

    Returns:
        the faces in the viewer's axes, part by part, the farthest of each part first;
        int64 (n,) the number of each face's part; float64 (n, 3) its normal.
    """
    owner = np.repeat(np.arange(len(parts)), [len(part.gloss) for part in parts])
    faces = Faces.joined(parts)
    faces = replace(faces, corners=faces.corners @ view.rotation.T)
    normals = normals_of(faces.corners)
    to_viewer = [0, 0, view.distance] - faces.corners.mean(1)
    facing = np.flatnonzero((normals * to_viewer).sum(1) > 0)
    depth = faces.corners[facing, :, 2].sum(1)
    order = facing[np.lexsort((depth, faces.level[facing], owner[facing]))]
    return faces.pick(order), owner[order], normals[order]


def _planes(corners: np.ndarray, normals: np.ndarray, view: View) -> np.ndarray:
    """Return what tells how near a face is at any pixel of the window.

    Nearness is the viewer's distance from the origin over that from the face. Along
    the rays through the pixels it is linear in the pixel's column and row.

    Returns:
        float32 (n, 5): factors of column and row, constant, lowest, highest. A face
        seen edge on would reach to infinity, so it stays between its corners.
    """
    reach = ((corners.mean(1) - [0, 0, view.distance]) * normals).sum(1)
    slopes = normals / np.where(np.abs(reach) < 1e-9, -1e-9, reach)[:, None]
    across, down = slopes[:, 0] / view.scale, -slopes[:, 1] / view.scale
    constant = -across * view.centre[0] - down * view.centre[1]
    constant -= slopes[:, 2] * view.distance
    own = view.distance / (view.distance - corners[..., 2])
    return np.stack([across, down, constant, own.min(1), own.max(1)], 1, dtype="f4")


def _paint_part(
    paint: np.ndarray,
    nearest: np.ndarray,
    outlines: np.ndarray,
    colours: np.ndarray,
    planes: np.ndarray,
) -> None:
    """Paint one part where nothing nearer has been painted.

    Args:
        paint: uint32 (rows, columns), RGBA in one number, changed in place.
        nearest: float32 (rows, columns), how near that is, changed in place.
        outlines: float64 (n, 4, 2), columns and rows of the faces' corners.
        colours: uint32 (n,).
        planes: float32 (n, 5) as from :func:`_planes`.
    """
    limits = np.array(paint.shape[::-1]) - 1
    low = np.clip(np.floor(outlines.min((0, 1))), 0, limits).astype(int)
    high = np.clip(np.ceil(outlines.max((0, 1))), 0, limits).astype(int)
    numbers = _numbered(outlines - low, tuple((high - low + 1).tolist()))
    window = np.s_[low[1] : high[1] + 1, low[0] : high[0] + 1]
    pixels = np.flatnonzero(numbers)
    face = numbers.ravel()[pixels] - 1
    rows, columns = np.divmod(pixels, numbers.shape[1])
    across, down, near, lowest, highest = planes[face].T
    near = near + across * (columns + low[0]) + down * (rows + low[1])
    near = np.clip(near, lowest, highest).astype(np.float32)
    front = near > nearest[window][rows, columns]
    rows, columns = rows[front], columns[front]
    nearest[window][rows, columns] = near[front]
    paint[window][rows, columns] = colours[face[front]]


def _numbered(outlines: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return which face, counted from 1, covers each pixel; 0 where none does."""
    image = Image.new("I", size)
    draw = ImageDraw.Draw(image)
    for number, corners in enumerate(outlines.reshape(-1, 8).tolist(), 1):
        draw.polygon(corners, fill=number)
    return np.asarray(image)


def _packed(colours: np.ndarray) -> np.ndarray:
    """Return opaque RGBA as one little-endian uint32 each."""
    levels = (np.clip(colours, 0, 1) * 255 + 0.5).astype("<u4")
    return levels[:, 0] | levels[:, 1] << 8 | levels[:, 2] << 16 | np.uint32(0xFF << 24)


def shadow_of(
    parts: Sequence[Faces],
    view: View,
    light: Light,
    tilt: float,
    shape: tuple[int, int],
) -> np.ndarray:
    """Return where a solid keeps the sun off the ground.

    Args:
        parts: the solid.
        view: where it is.
        light: its sun, which stands above the ground.
        tilt: by how many degrees the viewer looks down at the ground it stands on.
        shape: (rows, columns) of the picture.

    Returns:
        float32 (rows, columns), 0 lit … 1 in the shadow.
    """
    corners = np.concatenate([part.corners for part in parts]) @ view.rotation.T
    up = np.array([0.0, np.cos(np.deg2rad(tilt)), np.sin(np.deg2rad(tilt))])
    height = corners @ up
    height -= height.min()
    sunny = normals_of(corners) @ light.direction > 0
    steepness = max(light.direction @ up, 0.3)  # long shadows would leave the picture
    corners = corners - height[..., None] * light.direction / steepness
    flat = view.project(corners[sunny])
    image = Image.new("L", shape[::-1])
    draw = ImageDraw.Draw(image)
    for outline in flat.reshape(-1, 8).tolist():
        draw.polygon(outline, fill=255)
    return np.asarray(image, np.float32) / 255
