"""Runs of the glimpse regressor as pictures (paper, Figs. 1, 7 and 8).

Yellow: where the glimpses went, numbered, and the finest window of each. Red: the
prediction. Green: the truth. Nothing here knows Keras or touches matplotlib's global
state. All lengths are pixels of the finished picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from common.plotting import GRID, OTHERS, finish_plot, new_plot
from common.sheet import (
    HALO,
    HEADING,
    QUIET,
    Pen,
    Sheet,
    legible,
    save_picture,
    text_width,
    wrap,
)
from glimpse_rnn.metrics import CURVE_END, THRESHOLDS

GLIMPSE = "#ffd000"
PREDICTION = "#ff2d2d"
TRUTH = "#35d04f"

MARGIN, GAP = 20, 16
PICTURE = 400, 300  # width and height that a picture is fitted into
CELL = 300, 225  # the same in a sheet of cases
TILE = 88  # side of what a glimpse sees
WIDEST = 1100  # of all that the glimpses see
SMALL, PLAIN = 15, 17
LINE = 28
CLOSER = 0.14  # share of the picture's height that the closer view shows, each way
COLUMNS = 4

WINDOW = Pen(GLIMPSE, 1.8, halo=0.8, shade=0.5)
EARLIER = Pen(GLIMPSE, 0.8, halo=0.3, shade=0.3)
COARSE = Pen(GLIMPSE, 1, (2, 3), halo=0.3, shade=0.3)


@dataclass(frozen=True, eq=False)
class Run:
    """What the regressor did on one picture.

    Attributes:
        picture: uint8 (H, W, 3) RGB, the whole image in its own proportions.
        locations: float (T, 2), row and column in [−1, 1], where glimpses were taken.
        prediction: float (2,), as locations.
        truth: float (2,), as locations, or None where it is not known.
        distance: Δ of the prediction, or None where it is not known.
        windows: float (levels, 2), height and width of the windows as shares of the
            canvas, the finest first.
        seen: uint8 (T, levels, b, b, 3) RGB, what the network saw, or None.
        name: what stands above.
    """

    picture: np.ndarray
    locations: np.ndarray
    prediction: np.ndarray
    truth: np.ndarray | None
    distance: float | None
    windows: np.ndarray
    seen: np.ndarray | None = None
    name: str = ""


def draw_run(run: Run, path: Path) -> None:
    """Draw the trajectory, a closer view of its end, and what each glimpse saw.

    Args:
        run: with or without ``seen``.
        path: where to; the suffix says the format.
    """
    save_picture(_RunSheet(run).draw(), path)


def draw_cases(runs: Sequence[Run], path: Path, title: str) -> None:
    """Draw several runs side by side, as in the paper's Figs. 7 and 8.

    Args:
        runs: at least one.
        path: where to; the suffix says the format.
        title: what stands above.
    """
    columns = min(COLUMNS, len(runs))
    step = CELL[0] + GAP
    width = max(2 * MARGIN + columns * step - GAP, 520)
    lines = wrap(legible(title), width - 2 * MARGIN)
    rows = [runs[start : start + columns] for start in range(0, len(runs), columns)]
    heights = [max(_height_in_cell(run) for run in row) for row in rows]
    y = MARGIN + LINE * len(lines) + 6
    sheet = Sheet(width, y + sum(heights) + len(rows) * (LINE + GAP) + LINE)
    for number, line in enumerate(lines):
        sheet.text(MARGIN, MARGIN + LINE * number + 8, line, HEADING, bold=True)
    for row, height in zip(rows, heights, strict=True):
        for column, run in enumerate(row):
            x = MARGIN + column * step
            below = y + height - _height_in_cell(run)
            _draw_picture(sheet, run, (x, below), CELL, run.windows[:1])
            _draw_caption(sheet, run, x + CELL[0] / 2, y + height + LINE / 2)
        y += height + LINE + GAP
    _draw_legend(sheet, MARGIN, y, _has_truth(runs), "glimpses and the last window")
    save_picture(sheet.pixels(), path)


def _height_in_cell(run: Run) -> int:
    return _Frame(run.picture, (0, 0), CELL).height


def _has_truth(runs: Sequence[Run]) -> bool:
    return any(run.truth is not None for run in runs)


def _draw_caption(sheet: Sheet, run: Run, x: float, y: float) -> None:
    text = legible(run.name)
    if run.distance is not None:
        text = f"Δ {run.distance:.3f}   {text}"
    while text_width(text, SMALL) > CELL[0] and len(text) > 4:
        text = text[:-2] + "…"
    sheet.text(x, y, text, SMALL, ha="center")


class _Frame:
    """A picture, or a view of a part of it, on a sheet.

    Args:
        picture: uint8 (H, W, 3).
        corner: x and y of the space that it is fitted into, at its top.
        space: width and height of that.
        view: (ymin, xmin, ymax, xmax) of the part in pixels of the picture; all of it
            if left out.
    """

    def __init__(
        self,
        picture: np.ndarray,
        corner: tuple[int, int],
        space: tuple[int, int],
        view: tuple[float, float, float, float] | None = None,
    ):
        self._size = np.array(picture.shape[:2])
        top, left, bottom, right = view or (0, 0, *self._size.tolist())
        self._origin = np.array([top, left])
        self._scale = min(space[0] / (right - left), space[1] / (bottom - top))
        self.width = max(round((right - left) * self._scale), 2)
        self.height = max(round((bottom - top) * self._scale), 2)
        method = Image.Resampling.LANCZOS
        if self._scale > 1:
            method = Image.Resampling.BICUBIC
        image = Image.fromarray(picture)
        self.pixels = np.asarray(
            image.resize((self.width, self.height), method, (left, top, right, bottom))
        )
        self.left = corner[0] + (space[0] - self.width) // 2
        self.top = corner[1]

    def point(self, location: np.ndarray) -> tuple[float, float]:
        """Return x and y on the sheet of a row and column in [−1, 1]."""
        pixels = (np.asarray(location, float) + 1) / 2 * self._size
        row, column = (pixels - self._origin) * self._scale
        return self.left + float(column), self.top + float(row)

    def inside(self, x: float, y: float, border: float) -> tuple[float, float]:
        """Return the nearest point that keeps ``border`` from the picture's edge."""
        x = min(max(x, self.left + border), self.left + self.width - border)
        y = min(max(y, self.top + border), self.top + self.height - border)
        return x, y

    def box(
        self, location: np.ndarray, size: np.ndarray
    ) -> tuple[float, float, float, float]:
        """Return a window, cut where the picture ends: (ymin, xmin, ymax, xmax)."""
        x, y = self.point(location)
        half_height = float(size[0]) * self.height / 2
        half_width = float(size[1]) * self.width / 2
        left, top = self.inside(x - half_width, y - half_height, 1)
        right, bottom = self.inside(x + half_width, y + half_height, 1)
        return top, left, max(bottom, top + 2), max(right, left + 2)


def _draw_picture(
    sheet: Sheet,
    run: Run,
    corner: tuple[int, int],
    space: tuple[int, int],
    last_windows: np.ndarray,
    each_window: bool = False,
) -> None:
    """Draw the picture with windows, trajectory, truth and prediction."""
    frame = _Frame(run.picture, corner, space)
    sheet.photo(frame.left, frame.top, frame.pixels)
    if each_window:
        for location in run.locations[:-1]:
            sheet.box(frame.box(location, run.windows[0]), EARLIER)
    for level, size in enumerate(last_windows):
        sheet.box(frame.box(run.locations[-1], size), COARSE if level else WINDOW)
    points = [frame.inside(*frame.point(place), 3) for place in run.locations]
    xs, ys = zip(*points, strict=True)
    sheet.line(xs, ys, HALO, 4.5, alpha=0.5)
    sheet.line(xs, ys, GLIMPSE, 2.5)
    _draw_numbers(sheet, frame, points)
    _draw_ends(sheet, frame, run, 8)


def _draw_numbers(
    sheet: Sheet, frame: _Frame, points: Sequence[tuple[float, float]]
) -> None:
    """Put the number of each glimpse at its place, the first ones on top.

    Late glimpses often stay together; those that would hide an earlier number are
    dots, but for the last one.
    """
    shown: list[tuple[float, float]] = []
    for number, (x, y) in enumerate(points, start=1):
        hidden = any(abs(x - a) + abs(y - b) < 14 for a, b in shown)
        if hidden:
            sheet.disc(x, y, 2.5, GLIMPSE)
            continue
        shown.append((x, y))
        x, y = frame.inside(x, y, 9)
        sheet.disc(x, y, 9.5, HALO)
        sheet.disc(x, y, 8.5, GLIMPSE)
        size = 12 if number < 10 else 10
        sheet.text(x, y, str(number), size, bold=True, ha="center", color=HALO)


def _draw_ends(sheet: Sheet, frame: _Frame, run: Run, arm: float) -> None:
    """Mark truth and prediction: crosses, which leave what they mark in sight."""
    for location, colour in ((run.truth, TRUTH), (run.prediction, PREDICTION)):
        if location is not None:
            x, y = frame.inside(*frame.point(location), 4)
            _draw_cross(sheet, x, y, arm, colour, upright=colour == TRUTH)


def _draw_cross(
    sheet: Sheet, x: float, y: float, arm: float, colour: str, upright: bool
) -> None:
    reach = arm * 1.2 if upright else arm * 0.9
    ends = ((1, 0), (0, 1)) if upright else ((1, 1), (1, -1))
    for width, shade, alpha in ((5.5, HALO, 0.75), (3, colour, 1)):
        for dx, dy in ends:
            xs = x - dx * reach, x + dx * reach
            ys = y - dy * reach, y + dy * reach
            sheet.line(xs, ys, shade, width, alpha=alpha)


def _draw_legend(
    sheet: Sheet, x: float, y: float, with_truth: bool, words: str
) -> None:
    """Say what the colours are; ``words`` are for the glimpses'."""
    middle = y + 8
    entries = [(words, GLIMPSE), ("prediction", PREDICTION)]
    if with_truth:
        entries.append(("truth", TRUTH))
    for text, colour in entries:
        if colour == GLIMPSE:
            sheet.box((middle - 6, x, middle + 6, x + 18), WINDOW)
            sheet.disc(x + 9, middle, 4, GLIMPSE)
        else:
            _draw_cross(sheet, x + 9, middle, 6, colour, upright=colour == TRUTH)
        sheet.text(x + 28, middle, text, SMALL, color=QUIET)
        x += 28 + text_width(text, SMALL) + 26


class _RunSheet:
    """One run being drawn: picture, closer view, and what each glimpse saw."""

    def __init__(self, run: Run):
        self._run = run
        glimpses, levels = len(run.locations), len(run.windows)
        self._tile = min(TILE, WIDEST // glimpses - 6)
        self._seen_left = MARGIN + PICTURE[0] + GAP + PICTURE[1] + GAP
        width = self._seen_left + MARGIN - GAP
        below = PICTURE[1]
        if run.seen is not None:
            width += GAP + 46 + glimpses * (self._tile + 6)
            below = max(below, levels * (self._tile + 6) + 20)
        title = run.name
        if run.distance is not None:
            title = f"{title}, Δ {run.distance:.3f}".removeprefix(", ")
        self._title = wrap(legible(title), width - 2 * MARGIN)
        self._top = MARGIN + LINE * len(self._title) + 26
        self._bottom = self._top + below + 16
        self._sheet = Sheet(width, self._bottom + LINE)

    def draw(self) -> np.ndarray:
        """Return uint8 (height, width, 3)."""
        sheet, run = self._sheet, self._run
        for number, line in enumerate(self._title):
            sheet.text(MARGIN, MARGIN + LINE * number + 8, line, HEADING, bold=True)
        corner = MARGIN, self._top
        _draw_picture(sheet, run, corner, PICTURE, run.windows, each_window=True)
        self._draw_closer(MARGIN + PICTURE[0] + GAP, self._top)
        if run.seen is not None:
            self._draw_seen(run.seen)
        words = "glimpses and their finest windows; dashed: all windows of the last"
        _draw_legend(sheet, MARGIN, self._bottom, run.truth is not None, words)
        return sheet.pixels()

    def _draw_closer(self, x: int, y: int) -> None:
        """Draw the surroundings of the truth, or else of the prediction."""
        run, side = self._run, PICTURE[1]
        size = np.array(run.picture.shape[:2])
        centre = run.prediction if run.truth is None else run.truth
        apart = np.abs(run.prediction - centre) * size / 2
        reach = max(CLOSER * size[0], 1.15 * apart.max())
        middle = (np.asarray(centre, float) + 1) / 2 * size
        frame = _Frame(run.picture, (x, y), (side, side), _view(middle, reach, size))
        self._sheet.photo(frame.left, frame.top, frame.pixels)
        _draw_ends(self._sheet, frame, run, 12)
        words = "closer" if run.truth is None else "closer, around the truth"
        self._sheet.text(x, y - 14, words, SMALL, color=QUIET)
        self._sheet.text(MARGIN, y - 14, "trajectory", SMALL, color=QUIET)

    def _draw_seen(self, seen: np.ndarray) -> None:
        """Draw what the network saw: a column a glimpse, a row a level."""
        x, y, step = self._seen_left, self._top, self._tile + 6
        text = "what each glimpse sees"
        self._sheet.text(x + 46, y - 14, text, SMALL, color=QUIET)
        for level in range(seen.shape[1]):
            middle = y + 20 + level * step + self._tile / 2
            words = f"×{2**level}"
            self._sheet.text(x + 36, middle, words, PLAIN, color=QUIET, ha="right")
        for number, levels in enumerate(seen):
            left = x + 46 + number * step
            self._sheet.text(
                left + self._tile / 2, y + 8, str(number + 1), SMALL, ha="center"
            )
            for level, pixels in enumerate(levels):
                tile = Image.fromarray(pixels).resize(
                    (self._tile, self._tile), Image.Resampling.BICUBIC
                )
                self._sheet.photo(left, y + 20 + level * step, np.asarray(tile))


def _view(
    middle: np.ndarray, reach: float, size: np.ndarray
) -> tuple[float, float, float, float]:
    """Return a square around ``middle``, moved into a picture of ``size``.

    Where the picture is smaller than the square, it is no square but ends with it.
    """
    sides = np.minimum(2 * reach, size)
    top, left = np.clip(middle - reach, 0, size - sides)
    return top, left, top + sides[0], left + sides[1]


COLOURS = {
    "mean policy": "#e8590c",
    "sampled": "#f2a15f",
    "paper": "#22262a",
    "constant": "#b9c0c7",
    "centre": "#868e96",
}
"""Colours that are the same in every plot, by how a name begins."""


def draw_detection_rate(
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    path: Path,
    title: str = "",
    references: Mapping[str, Sequence[float]] | None = None,
) -> None:
    """Draw the detection rate over the normalised distance.

    Args:
        curves: by name, "distance" and "rate" in %, as ``metrics.curve`` gives them.
        path: where to; the suffix says the format.
        title: what stands above.
        references: rows of the paper's Table 1, in %, by name.
    """
    figure, axes = new_plot(title, "normalised distance Δ", "detection rate in %")
    axes.grid(color=GRID, linewidth=0.8)
    others = iter(OTHERS * len(curves))
    for number, (name, values) in enumerate(curves.items()):
        known = [c for start, c in COLOURS.items() if name.startswith(start)]
        axes.plot(
            values["distance"],
            values["rate"],
            color=known[0] if known else next(others),
            linewidth=2.4 if number == 0 else 1.5,
            zorder=4 if number == 0 else 3,
            label=name,
        )
    for name, rates in (references or {}).items():
        look = {"color": COLOURS["paper"], "linestyle": ":", "marker": "o"}
        axes.plot(THRESHOLDS, rates, markersize=4, linewidth=1, label=name, **look)
    axes.set(xlim=(0, CURVE_END), ylim=(0, 100))
    finish_plot(figure, axes, path)


def draw_rate_by_glimpses(
    rates: Sequence[Mapping[str, float]], path: Path, title: str = ""
) -> None:
    """Draw the detection rate over the number of glimpses used.

    Args:
        rates: for 1, 2, … glimpses, the rate in % by threshold, "0.02" … "0.10".
        path: where to; the suffix says the format.
        title: what stands above.
    """
    figure, axes = new_plot(title, "glimpses used", "detection rate in %")
    axes.grid(color=GRID, linewidth=0.8)
    numbers = range(1, len(rates) + 1)
    for place, threshold in enumerate(rates[0]):
        values = [row[threshold] for row in rates]
        share = 0.25 + 0.75 * place / max(len(rates[0]) - 1, 1)
        look = {"color": "#e8590c", "alpha": share, "marker": "o", "markersize": 4}
        axes.plot(numbers, values, label=f"Δ ≤ {threshold}", **look)
    axes.set(ylim=(0, 100), xticks=numbers)
    finish_plot(figure, axes, path)
