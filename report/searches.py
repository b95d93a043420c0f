"""Searches of a detector as strips: a column for each step.

A column shows, from top to bottom, what was done, the image with the region that was
looked at, the pixels that the network saw, and the Q-values that decided.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from common.boxes import Box
from report.canvas import (
    HEADING,
    MARGIN,
    MUTED,
    PLAIN,
    SMALL,
    TEXT,
    Canvas,
    LineStyle,
    resized,
    save_picture,
    text_width,
    wrap,
)

Outcome = Literal["", "right", "wrong", "detection"]

REGION, TRUTH = "#ffb000", "#ff3ea5"
RIGHT, WRONG, UNKNOWN = "#2fb344", "#e8383d", "#2b8aef"
COLOURS = {"": REGION, "right": RIGHT, "wrong": WRONG, "detection": UNKNOWN}
"""Colour of the region that is looked at, by the outcome of the step."""
BAR, ZERO = "#ccd4dc", "#b4bcc4"
OUTSIDE, FADE = (150, 150, 150), 0.42
"""RGB that pixels outside of the region fade towards, and how far."""

BEFORE = LineStyle(REGION, 1.2, outline=0.5, alpha=0.35)
NEXT = LineStyle("white", 2, (1, 1), outline=1)
OBJECT = LineStyle(TRUTH, 1.5, (3, 2), outline=0.5, alpha=0.4)
FOLLOWED = LineStyle(TRUTH, 2.5, (4, 2), outline=1, alpha=0.5)
LOOKED_AT = {name: LineStyle(colour, 3.5) for name, colour in COLOURS.items()}

NUMBERS = (
    *((1e4, "z.0e"), (100, "z.0f"), (10, "z.1f"), (0.1, "z.2f")),
    *((0.01, "z.3f"), (0.001, "z.4f"), (0, "z.0e")),
)
"""Format of Q-values by the largest size in the strip: two digits or more."""

# Pixels of the finished strip. A column is as wide as what the network sees, which is
# shown pixel by pixel.
SIDE = 224
MAX_HEIGHT, MIN_HEIGHT = 280, 36
GAP, ROW_GAP, BEAM = 20, 30, 26
LABELS, GLYPH_WIDTH = 26, 30
TITLE_LINE, HEADER_LINE, BAR_LINE, LEGEND_LINE = 30, 28, 25, 26
MAX_COLUMNS = 8


class Action(Protocol):
    """An action as strips show it."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def glyph(self) -> str:
        """A sign for it that the font DejaVu Sans has."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One step of a search.

    Attributes:
        picture: uint8 (H, W, 3) RGB, the whole image as the search sees it.
        region: the region looked at *before* the action, a box in the image.
        pixels: uint8 (h, w, 3) RGB, what the network sees of it; shown pixel by pixel
            where it is 224 × 224, else resized.
        action: number of the action that was taken, from 1.
        objects: boxes of the objects; none where they are not known.
        followed: index of the object that the search follows, or None.
        outcome: of a detection: right, wrong, or not known to be either; empty for
            other actions.
        q_values: (actions,) floats that decided, or None.
        reward: of the action, or None.
        iou: in [0, 1], or None where not known.
        is_iou_after: whether ``iou`` is that of the region after the action.
        reached: the region after the action, a box in the image; None if it is the
            next frame's, or if the search is over.
        note: how the action came about if not from the Q-values: "forced", "random".
    """

    picture: np.ndarray
    region: Box
    pixels: np.ndarray
    action: int
    objects: tuple[Box, ...] = ()
    followed: int | None = None
    outcome: Outcome = ""
    q_values: np.ndarray | None = None
    reward: float | None = None
    iou: float | None = None
    is_iou_after: bool = False
    reached: Box | None = None
    note: str = ""


def search_strip(
    frames: Sequence[Frame], actions: Sequence[Action], title: str = ""
) -> np.ndarray:
    """Return a search as a strip, as :func:`draw_search` writes it.

    Returns:
        uint8 (height, width, 3) RGB.

    Raises:
        ValueError: there are no frames.
    """
    if not frames:
        raise ValueError("a search without steps cannot be drawn")
    return _Strip(frames, actions, title).draw()


def draw_search(
    frames: Sequence[Frame], actions: Sequence[Action], path: Path, title: str = ""
) -> None:
    """Draw a search as a strip that fits it: a column for each step.

    More than eight steps go on in further rows of equal length. The same frames give
    the same bytes.

    Args:
        frames: the steps in order, at least one.
        actions: all that there are, in the order of their numbers.
        path: the file, as :func:`report.canvas.save_picture` takes it.
        title: heading of the strip; a long one is wrapped.

    Raises:
        ValueError: there are no frames.
        InputError: the suffix is another.
    """
    save_picture(search_strip(frames, actions, title), path)


def search_stages(
    frames: Sequence[Frame], actions: Sequence[Action], title: str = ""
) -> list[np.ndarray]:
    """Return the strip of a search as it grows, for an animation.

    Args:
        frames: as :func:`draw_search` takes them.
        actions: likewise.
        title: likewise.

    Returns:
        A picture for each step, uint8 (height, width, 3), all of one size. In the last
        one all steps are there.
    """
    strip = _Strip(frames, actions, title)
    whole = strip.draw()
    stages = []
    for shown in range(1, len(frames) + 1):
        stage = whole.copy()
        for index in range(shown, len(frames)):
            ymin, xmin, ymax, xmax = strip.column(index)
            stage[ymin:ymax, xmin:xmax] = 255
        stages.append(stage)
    return stages


class _Scale:
    """The scale of the Q-values, the same for all columns of a strip."""

    def __init__(self, frames: Sequence[Frame]):
        rows = [frame.q_values for frame in frames if frame.q_values is not None]
        values = np.array(rows, np.float64).ravel()
        finite = values[np.isfinite(values)]
        self._low = min(0.0, finite.min(initial=0))
        self._high = max(0.0, finite.max(initial=0))
        largest = max(-self._low, self._high) or 1
        self._format = next(spec for least, spec in NUMBERS if largest >= least)
        longest = max(map(self.number, values), key=len, default="")
        self._end = SIDE - text_width(longest, PLAIN, bold=True) - 10

    def position(self, value: float) -> float:
        """Return how far right in its column a value lies, in pixels."""
        share = (value - self._low) / ((self._high - self._low) or 1)
        return GLYPH_WIDTH + share * (self._end - GLYPH_WIDTH)

    def number(self, value: float) -> str:
        """Return a value as text, with a true minus sign."""
        return format(float(value), self._format).replace("-", "−")


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    """Fit a picture, uint8 (H, W, 3), into a column; its shape stays."""
    height, width = picture.shape[:2]
    scale = min(SIDE / width, MAX_HEIGHT / height)
    return resized(picture, max(round(width * scale), 2), max(round(height * scale), 2))


def _scaled(box: Box, picture: np.ndarray, thumbnail: np.ndarray) -> Box:
    """Return where a box of the picture lies in its thumbnail, two pixels at least."""
    (height, width), (h, w) = thumbnail.shape[:2], picture.shape[:2]
    ymin, ymax = (round(value * height / h) for value in box[::2])
    xmin, xmax = (round(value * width / w) for value in box[1::2])
    ymin, xmin = min(ymin, height - 2), min(xmin, width - 2)
    return ymin, xmin, max(ymax, ymin + 2), max(xmax, xmin + 2)


def _next_regions(frames: Sequence[Frame]) -> list[Box | None]:
    """Return the region that each step led to, None for detections."""
    following = [*(frame.region for frame in frames[1:]), None]
    return [
        None if frame.outcome else frame.reached or region
        for frame, region in zip(frames, following, strict=True)
    ]


class _Strip:
    """A strip being drawn: where its parts go, and the parts."""

    def __init__(self, frames: Sequence[Frame], actions: Sequence[Action], title: str):
        self._frames, self._actions = frames, actions
        self._next = _next_regions(frames)
        self._scale = _Scale(frames)
        self._has_q_values = any(frame.q_values is not None for frame in frames)
        pictures = {id(frame.picture): frame.picture for frame in frames}
        self._thumbnails = {key: _thumbnail(p) for key, p in pictures.items()}
        rows = -(-len(frames) // MAX_COLUMNS)
        self._columns = -(-len(frames) // rows)
        self._left = MARGIN + LABELS
        scored = any(f.reward is not None or f.iou is not None for f in frames)
        self._picture_height = max(MIN_HEIGHT, *map(len, self._thumbnails.values()))
        self._picture_top = HEADER_LINE * (1 + scored) + 8
        self._crop_top = self._picture_top + self._picture_height + BEAM
        self._bars_top = self._crop_top + SIDE + 14
        noted = any(f.note and f.q_values is not None for f in frames)
        self._bar_lines = len(actions) + noted if self._has_q_values else 2
        self._row_height = self._bars_top + self._bar_lines * BAR_LINE + ROW_GAP
        width = self._left + MARGIN + self._columns * (SIDE + GAP) - GAP
        self._title = wrap(title, width - self._left - MARGIN)
        self._top = MARGIN + len(self._title) * TITLE_LINE
        self._legend_top = self._top + rows * self._row_height
        self._legend = list(_flow(_legend(frames, self._next), self._left, width))
        lines = self._legend[-1][-1] + 1
        self._canvas = Canvas(width, self._legend_top + lines * LEGEND_LINE + 10)

    def draw(self) -> np.ndarray:
        """Return the strip: uint8 (height, width, 3)."""
        self._canvas.title(self._title, self._left, TITLE_LINE)
        for index, frame in enumerate(self._frames):
            x, y = self._corner(index)
            if index % self._columns == 0:
                self._draw_labels(y)
            self._draw_header(x, y, index)
            self._draw_picture(x, y + self._picture_top, index)
            self._canvas.image(x, y + self._crop_top, _seen(frame.pixels))
            top = y + self._crop_top
            crop = top, x, top + SIDE, x + SIDE
            self._canvas.box(crop, LOOKED_AT[frame.outcome])
            self._draw_q_values(x, y + self._bars_top, frame)
        for style, text, left, line in self._legend:
            middle = self._legend_top + (line + 0.5) * LEGEND_LINE
            self._canvas.box((middle - 6, left, middle + 6, left + 20), style)
            self._canvas.text(left + 30, middle, text, SMALL, color=MUTED)
        return self._canvas.pixels()

    def column(self, index: int) -> Box:
        """Return where a step is drawn, with the lines that stick out of it."""
        x, y = self._corner(index)
        left, right = x - GAP // 2, x + SIDE + GAP // 2
        return y, left, y + self._row_height, right

    def _corner(self, index: int) -> tuple[int, int]:
        """Return x and y of a step's corner at the upper left."""
        row, column = divmod(index, self._columns)
        x = self._left + column * (SIDE + GAP)
        return x, self._top + row * self._row_height

    def _draw_labels(self, y: int) -> None:
        """Say at the left of a row what its parts are."""
        parts = {
            "image": self._picture_top + self._picture_height / 2,
            "network sees": self._crop_top + SIDE / 2,
        }
        if self._has_q_values:
            parts["Q-values"] = self._bars_top + len(self._actions) / 2 * BAR_LINE
        look = {"color": MUTED, "rotation": 90, "ha": "center", "va": "center"}
        for text, middle in parts.items():
            self._canvas.text(MARGIN + 6, y + middle, text, SMALL, **look)

    def _draw_header(self, x: int, y: float, index: int) -> None:
        """Say which step it is, what was done, and reward and IoU where known."""
        frame, middle = self._frames[index], y + HEADER_LINE / 2
        action, below = self._actions[frame.action - 1], middle + HEADER_LINE
        self._canvas.disc(x + 12, middle, 12, TEXT)
        look = {"bold": True, "color": "white", "ha": "center"}
        number, size = str(index + 1), 14 if index < 9 else 12
        self._canvas.text(x + 12, middle, number, size, **look)
        words = f"{action.glyph} {action.name}"
        self._canvas.text(x + 32, middle, words, HEADING, bold=True)
        x += 32
        if frame.reward is not None:
            colour = RIGHT if frame.reward > 0 else WRONG
            text = f"{frame.reward:+.3g}".replace("-", "−")
            self._canvas.text(x, below, text, HEADING, bold=True, color=colour)
            x += 46
        if frame.iou is not None:
            text = f"{'→ ' if frame.is_iou_after else ''}IoU {frame.iou:.2f}"
            self._canvas.text(x, below, text, PLAIN)

    def _draw_picture(self, x: int, y: int, index: int) -> None:
        """Draw the whole image, with what was and what will be looked at."""
        frame, canvas = self._frames[index], self._canvas
        thumbnail = self._thumbnails[id(frame.picture)]
        height, width = thumbnail.shape[:2]
        left = x + (SIDE - width) // 2
        top = y + (self._picture_height - height) // 2

        def draw(box: Box, style: LineStyle) -> None:
            ymin, xmin, ymax, xmax = _scaled(box, frame.picture, thumbnail)
            canvas.box((top + ymin, left + xmin, top + ymax, left + xmax), style)

        inside = _scaled(frame.region, frame.picture, thumbnail)
        canvas.image(left, top, _faded(thumbnail, inside))
        for box in dict.fromkeys(earlier.region for earlier in self._frames[:index]):
            draw(box, BEFORE)
        for number, box in enumerate(frame.objects):
            draw(box, FOLLOWED if number == frame.followed else OBJECT)
        if reached := self._next[index]:
            draw(reached, NEXT)
        draw(frame.region, LOOKED_AT[frame.outcome])
        # A beam joins the region, from one end to the other, with its pixels below.
        y += self._picture_height + 6
        bottom = y + BEAM - 12
        points = [(left + inside[1], y), (left + inside[3], y)]
        points += [(x + SIDE, bottom), (x, bottom)]
        canvas.polygon(points, COLOURS[frame.outcome], 0.3)

    def _draw_q_values(self, x: int, y: int, frame: Frame) -> None:
        """Draw a bar for each action, or say why there are none."""
        look, middle = {"color": MUTED, "ha": "center"}, x + SIDE / 2
        if frame.q_values is None:
            text, below = (
                frame.note or "no Q-values",
                y + self._bar_lines / 2 * BAR_LINE,
            )
            self._canvas.text(middle, below, text, PLAIN, **look)
            return
        below = y + len(self._actions) * BAR_LINE
        self._canvas.text(middle, below + BAR_LINE / 2, frame.note, SMALL, **look)
        pairs = zip(self._actions, frame.q_values, strict=True)
        for number, (action, value) in enumerate(pairs, 1):
            colour = COLOURS[frame.outcome] if number == frame.action else ""
            self._draw_bar(x, y + (number - 0.5) * BAR_LINE, action, value, colour)
        zero = x + self._scale.position(0)
        self._canvas.line((zero, zero), (y, below), ZERO)

    def _draw_bar(
        self, x: int, y: float, action: Action, value: float, colour: str
    ) -> None:
        """Draw an action's glyph, bar and number; with a colour if it was taken."""
        look = {"bold": bool(colour), "color": TEXT if colour else MUTED}
        self._canvas.text(x + 10, y, action.glyph, HEADING, ha="center", **look)
        number = self._scale.number(value)
        self._canvas.text(x + SIDE, y, number, PLAIN, ha="right", **look)
        if np.isfinite(value):
            zero, end = (x + self._scale.position(number) for number in (0, value))
            points = [(zero, y - 8), (end, y - 8), (end, y + 8), (zero, y + 8)]
            self._canvas.polygon(points, colour or BAR)


def _seen(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.shape[:2] == (SIDE, SIDE) else resized(pixels, SIDE, SIDE)


def _faded(picture: np.ndarray, inside: Box) -> np.ndarray:
    """Return a picture, uint8 (h, w, 3), that is pale but for the box ``inside``."""
    ymin, xmin, ymax, xmax = inside
    pale = (picture * (1 - FADE) + np.array(OUTSIDE, np.float32) * FADE).astype(
        np.uint8
    )
    pale[ymin:ymax, xmin:xmax] = picture[ymin:ymax, xmin:xmax]
    return pale


def _legend(
    frames: Sequence[Frame], reached: Sequence[Box | None]
) -> Iterator[tuple[LineStyle, str]]:
    """Yield line style and words for each thing that a strip shows."""
    words = {
        "": "looked at",
        "right": "detection, right",
        "wrong": "detection, wrong",
        "detection": "detection",
    }
    outcomes = {frame.outcome for frame in frames}
    yield from ((LOOKED_AT[o], text) for o, text in words.items() if o in outcomes)
    if any(reached):
        yield NEXT, "next"
    if len({frame.region for frame in frames}) > 1:
        yield BEFORE, "before"
    if any(frame.followed is not None for frame in frames):
        yield FOLLOWED, "object followed"
    if any(len(f.objects) > (f.followed is not None) for f in frames):
        yield OBJECT, "object"


def _flow(
    entries: Iterator[tuple[LineStyle, str]], left: int, width: int
) -> Iterator[tuple[LineStyle, str, float, int]]:
    """Yield entries with their x in pixels and line from 0, as many as they need."""
    x, line = float(left), 0
    for style, text in entries:
        length = 30 + text_width(text, SMALL)
        if x > left and x + length > width - MARGIN:
            x, line = left, line + 1
        yield style, text, x, line
        x += length + 26
