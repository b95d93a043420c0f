"""Rollouts of the glimpse regressor as pictures (its paper, Figs. 1, 2, 7 and 8).

Yellow: where the glimpses were taken, numbered, and the finest window of each. Red: the
prediction. Green: the truth. All lengths are pixels of the finished picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from report.canvas import (
    DARK,
    MARGIN,
    MUTED,
    SMALL,
    Canvas,
    LineStyle,
    legible,
    resized,
    save_picture,
    text_width,
    wrap,
)

GLIMPSE, PREDICTION, TRUTH = "#ffd000", "#ff2d2d", "#35d04f"
WINDOW = LineStyle(GLIMPSE, 1.8, outline=0.8, alpha=0.5)
EARLIER = LineStyle(GLIMPSE, 0.8, outline=0.3, alpha=0.3)
COARSE = LineStyle(GLIMPSE, 1, (2, 3), outline=0.3, alpha=0.3)

GAP, LINE = 16, 28
PICTURE = 400, 300
"""Width and height that a picture is fitted into."""
CELL, COLUMNS = (300, 225), 4
"""The same where several rollouts stand side by side, and how many of them."""
TILE, MAX_TILES_WIDTH = 88, 1100
"""Side of a glimpse's image, and width of all of them."""
CLOSER = 0.14
"""Share of the picture's height that the closer view shows, each way."""


@dataclass(frozen=True, eq=False)
class Rollout:
    """What the regressor did on one picture.

    Attributes:
        picture: uint8 (H, W, 3) RGB, the whole image in its own proportions.
        locations: float (T, 2), row and column in [−1, 1] of each glimpse; (0, 2)
            where they are not to be drawn.
        prediction: float (2,), as locations.
        truth: float (2,), as locations, or None where it is not known.
        distance: Δ of the prediction, or None where it is not known.
        windows: float (levels, 2), height and width of a glimpse's windows as shares of
            the picture, the finest first; (0, 2) where they are not known.
        glimpse_images: uint8 (T, levels, b, b, 3) RGB, what the network saw, or None.
        name: heading.
    """

    picture: np.ndarray
    locations: np.ndarray
    prediction: np.ndarray
    truth: np.ndarray | None
    distance: float | None
    windows: np.ndarray
    glimpse_images: np.ndarray | None = None
    name: str = ""


def draw_rollout(rollout: Rollout, path: Path) -> None:
    """Draw the trajectory, a closer view of its end, and what each glimpse saw."""
    save_picture(rollout_picture(rollout), path)


def rollout_stages(
    rollout: Rollout, predictions: np.ndarray, distances: Sequence[float] | None = None
) -> list[np.ndarray]:
    """Return the picture of a rollout as it grows by glimpses, for an animation.

    Args:
        rollout: all of it.
        predictions: float (T, 2), what was predicted after each glimpse.
        distances: Δ of these; None where they are not known.

    Returns:
        A picture for each glimpse, uint8 (height, width, 3), all of one size. The last
        one is that of :func:`draw_rollout`.
    """
    stages = []
    for shown in range(1, len(rollout.locations) + 1):
        images = rollout.glimpse_images
        if images is not None:
            images = images.copy()
            images[shown:] = 255
        so_far = replace(
            rollout,
            locations=rollout.locations[:shown],
            prediction=predictions[shown - 1],
            distance=None if distances is None else distances[shown - 1],
            glimpse_images=images,
        )
        stages.append(rollout_picture(so_far, _closer_reach(rollout)))
    return stages


def rollout_picture(rollout: Rollout, reach: float | None = None) -> np.ndarray:
    """Return what :func:`draw_rollout` writes: uint8 (height, width, 3) RGB.

    Args:
        rollout: on one picture.
        reach: pixels of the picture that the closer view shows, each way; as many as
            truth and prediction need if left out.
    """
    images = rollout.glimpse_images
    count = len(rollout.locations) if images is None else len(images)
    tile = min(TILE, MAX_TILES_WIDTH // max(count, 1) - 6)
    closer_left = MARGIN + PICTURE[0] + GAP
    images_left = closer_left + PICTURE[1] + GAP
    width, height = images_left - GAP + MARGIN, PICTURE[1]
    if images is not None:
        width += GAP + 46 + len(images) * (tile + 6)
        height = max(height, images.shape[1] * (tile + 6) + 20)
    title = rollout.name
    if rollout.distance is not None:
        title = f"{title}, Δ {rollout.distance:.3f}".removeprefix(", ")
    lines = wrap(title, width - 2 * MARGIN)
    top = MARGIN + LINE * len(lines) + 26
    canvas = Canvas(width, top + height + 16 + LINE)
    canvas.title(lines, MARGIN, LINE)
    canvas.text(MARGIN, top - 14, "trajectory", SMALL, color=MUTED)
    view = _View(rollout.picture, (MARGIN, top), PICTURE)
    _draw_trajectory(canvas, rollout, view, rollout.windows, each_window=True)
    reach = _closer_reach(rollout) if reach is None else reach
    _draw_closer(canvas, rollout, closer_left, top, reach)
    if images is not None:
        _draw_glimpse_images(canvas, images, images_left, top, tile)
    words = "glimpses and their finest windows; dashed: all windows of the last"
    _draw_legend(canvas, [rollout], top + height + 16, words)
    return canvas.pixels()


def draw_cases(rollouts: Sequence[Rollout], path: Path, title: str) -> None:
    """Draw one rollout or more side by side, as in the paper's Figs. 2, 7 and 8."""
    columns = min(COLUMNS, len(rollouts))
    step = CELL[0] + GAP
    width = max(2 * MARGIN + columns * step - GAP, 520)
    lines = wrap(title, width - 2 * MARGIN)
    rows = [rollouts[at : at + columns] for at in range(0, len(rollouts), columns)]
    heights = [[_View(one.picture, (0, 0), CELL).height for one in row] for row in rows]
    y = MARGIN + LINE * len(lines) + 6
    all_rows = sum(max(row) + LINE + GAP for row in heights)
    canvas = Canvas(width, y + all_rows + LINE)
    canvas.title(lines, MARGIN, LINE)
    for row, own in zip(rows, heights, strict=True):
        bottom = y + max(own)
        for column, (rollout, height) in enumerate(zip(row, own, strict=True)):
            x = MARGIN + column * step
            view = _View(rollout.picture, (x, bottom - height), CELL)
            _draw_trajectory(canvas, rollout, view, rollout.windows[:1])
            middle = x + CELL[0] / 2, bottom + LINE / 2
            canvas.text(*middle, _caption(rollout), SMALL, ha="center")
        y = bottom + LINE + GAP
    has_windows = any(len(one.windows) for one in rollouts)
    words = "glimpses and the last window" if has_windows else "glimpses"
    _draw_legend(canvas, rollouts, y, words)
    save_picture(canvas.pixels(), path)


def _caption(rollout: Rollout) -> str:
    """Return Δ and the name, cut to the width of a cell."""
    text = legible(rollout.name)
    if rollout.distance is not None:
        text = f"Δ {rollout.distance:.3f}   {text}".rstrip()
    while text_width(text, SMALL) > CELL[0] and len(text) > 4:
        text = text[:-2] + "…"
    return text


class _View:
    """A picture, or a part of it, as it lies on a canvas.

    Args:
        picture: uint8 (H, W, 3).
        corner: x and y of the space that it is fitted into.
        space: width and height of that; the picture stands at its top.
        part: (ymin, xmin, ymax, xmax) in pixels of the picture; all if left out.
    """

    def __init__(
        self,
        picture: np.ndarray,
        corner: tuple[int, int],
        space: tuple[int, int],
        part: tuple[float, float, float, float] | None = None,
    ):
        self._picture = picture
        self._size = np.array(picture.shape[:2])
        self._part = part or (0, 0, *picture.shape[:2])
        ymin, xmin, ymax, xmax = self._part
        self._scale = min(space[0] / (xmax - xmin), space[1] / (ymax - ymin))
        self.width = max(round((xmax - xmin) * self._scale), 2)
        self.height = max(round((ymax - ymin) * self._scale), 2)
        self.left = corner[0] + (space[0] - self.width) // 2
        self.top = corner[1]

    def draw(self, canvas: Canvas) -> None:
        """Put the picture onto the canvas."""
        pixels = resized(self._picture, self.width, self.height, self._part)
        canvas.image(self.left, self.top, pixels)

    def point(self, location: np.ndarray, border: float) -> tuple[float, float]:
        """Return x and y of a location, at least ``border`` inside of the edge."""
        pixels = (np.asarray(location, float) + 1) / 2 * self._size
        row, column = (pixels - self._part[:2]) * self._scale
        return self.inside(self.left + float(column), self.top + float(row), border)

    def inside(self, x: float, y: float, border: float) -> tuple[float, float]:
        """Return the nearest point that keeps ``border`` from the picture's edge."""
        x = min(max(x, self.left + border), self.left + self.width - border)
        y = min(max(y, self.top + border), self.top + self.height - border)
        return x, y

    def box(self, location: np.ndarray, size: np.ndarray) -> tuple[float, ...]:
        """Return a window, cut where the picture ends: (ymin, xmin, ymax, xmax)."""
        x, y = self.point(location, -np.inf)
        height, width = float(size[0]) * self.height, float(size[1]) * self.width
        left, top = self.inside(x - width / 2, y - height / 2, 1)
        right, bottom = self.inside(x + width / 2, y + height / 2, 1)
        return top, left, max(bottom, top + 2), max(right, left + 2)


def _draw_trajectory(
    canvas: Canvas,
    rollout: Rollout,
    view: _View,
    last_windows: np.ndarray,
    each_window: bool = False,
) -> None:
    """Draw the picture with windows, trajectory, truth and prediction."""
    view.draw(canvas)
    if each_window:
        for location in rollout.locations[:-1]:
            canvas.box(view.box(location, rollout.windows[0]), EARLIER)
    for location in rollout.locations[-1:]:
        for level, size in enumerate(last_windows):
            canvas.box(view.box(location, size), COARSE if level else WINDOW)
    points = [view.point(location, 3) for location in rollout.locations]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    canvas.line(xs, ys, DARK, 4.5, alpha=0.5)
    canvas.line(xs, ys, GLIMPSE, 2.5)
    _draw_numbers(canvas, view, points)
    _draw_ends(canvas, rollout, view, 8)


def _draw_numbers(
    canvas: Canvas, view: _View, points: Sequence[tuple[float, float]]
) -> None:
    """Number the glimpses; one that would hide an earlier number is a dot."""
    shown: list[tuple[float, float]] = []
    for number, (x, y) in enumerate(points, start=1):
        if any(abs(x - a) + abs(y - b) < 14 for a, b in shown):
            canvas.disc(x, y, 2.5, GLIMPSE)
            continue
        shown.append((x, y))
        x, y = view.inside(x, y, 9)
        canvas.disc(x, y, 9.5, DARK)
        canvas.disc(x, y, 8.5, GLIMPSE)
        size = 12 if number < 10 else 10
        canvas.text(x, y, str(number), size, bold=True, ha="center", color=DARK)


def _draw_ends(canvas: Canvas, rollout: Rollout, view: _View, arm: float) -> None:
    """Mark truth and prediction by crosses, which leave what they mark in sight."""
    for location, colour in ((rollout.truth, TRUTH), (rollout.prediction, PREDICTION)):
        if location is not None:
            _draw_cross(canvas, *view.point(location, 4), arm, colour)


def _draw_cross(canvas: Canvas, x: float, y: float, arm: float, colour: str) -> None:
    """Draw an upright cross for the truth, a slanting one for the prediction."""
    upright = colour == TRUTH
    reach = arm * 1.2 if upright else arm * 0.9
    ends = ((1, 0), (0, 1)) if upright else ((1, 1), (1, -1))
    for width, shade, alpha in ((5.5, DARK, 0.75), (3, colour, 1)):
        for dx, dy in ends:
            xs = x - dx * reach, x + dx * reach
            ys = y - dy * reach, y + dy * reach
            canvas.line(xs, ys, shade, width, alpha=alpha)


def _draw_legend(
    canvas: Canvas, rollouts: Sequence[Rollout], y: float, words: str
) -> None:
    """Say what the colours are; ``words`` are the glimpses'."""
    x, middle = float(MARGIN), y + 8
    entries = [(words, GLIMPSE)] * any(len(one.locations) for one in rollouts)
    entries += [("prediction", PREDICTION)]
    entries += [("truth", TRUTH)] * any(one.truth is not None for one in rollouts)
    for text, colour in entries:
        if colour == GLIMPSE:
            canvas.box((middle - 6, x, middle + 6, x + 18), WINDOW)
            canvas.disc(x + 9, middle, 4, GLIMPSE)
        else:
            _draw_cross(canvas, x + 9, middle, 6, colour)
        canvas.text(x + 28, middle, text, SMALL, color=MUTED)
        x += 28 + text_width(text, SMALL) + 26


def _closer_reach(rollout: Rollout) -> float:
    """Return how far the closer view reaches each way, in pixels of the picture."""
    size = np.array(rollout.picture.shape[:2])
    centre = rollout.prediction if rollout.truth is None else rollout.truth
    apart = np.abs(rollout.prediction - centre) * size / 2
    return max(CLOSER * size[0], 1.15 * apart.max())


def _draw_closer(
    canvas: Canvas, rollout: Rollout, x: int, y: int, reach: float
) -> None:
    """Draw the surroundings of the truth, or else of the prediction."""
    size = np.array(rollout.picture.shape[:2])
    centre = rollout.prediction if rollout.truth is None else rollout.truth
    middle = (np.asarray(centre, float) + 1) / 2 * size
    # A square, moved into the picture; where that is smaller, it ends with it.
    sides = np.minimum(2 * reach, size)
    ymin, xmin = np.clip(middle - reach, 0, size - sides)
    part = ymin, xmin, ymin + sides[0], xmin + sides[1]
    view = _View(rollout.picture, (x, y), (PICTURE[1], PICTURE[1]), part)
    view.draw(canvas)
    _draw_ends(canvas, rollout, view, 12)
    words = "closer" if rollout.truth is None else "closer, around the truth"
    canvas.text(x, y - 14, words, SMALL, color=MUTED)


def _draw_glimpse_images(
    canvas: Canvas, images: np.ndarray, x: int, y: int, tile: int
) -> None:
    """Draw what the network saw: a column for each glimpse, a row for each level."""
    canvas.text(x + 46, y - 14, "what each glimpse sees", SMALL, color=MUTED)
    for level in range(images.shape[1]):
        middle = y + 20 + level * (tile + 6) + tile / 2
        canvas.text(x + 36, middle, f"×{2**level}", 17, color=MUTED, ha="right")
    for number, levels in enumerate(images):
        left = x + 46 + number * (tile + 6)
        canvas.text(left + tile / 2, y + 8, str(number + 1), SMALL, ha="center")
        for level, pixels in enumerate(levels):
            top = y + 20 + level * (tile + 6)
            canvas.image(left, top, resized(pixels, tile, tile))
