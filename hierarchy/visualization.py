"""Searches as pictures: one strip for each, a column for each of its steps.

A column shows, from top to bottom, what was done, the image with the region that was
looked at, the pixels that the network saw, and the Q-values that decided. A strip has
as many columns as the search had steps. Nothing here knows Keras, and nothing touches
matplotlib's global state: strips may be drawn beside anybody else's figures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from common.boxes import Box
from common.sheet import (
    HEADING,
    INK,
    QUIET,
    Pen,
    Sheet,
    legible,
    plain_name,
    save_picture,
    text_width,
    wrap,
)
from hierarchy.actions import PAPER_ACTIONS, ActionSet
from hierarchy.images import resize
from hierarchy.metrics import DETECTION_IOU, best_iou
from hierarchy.rewards import TRIGGER_IOU

if TYPE_CHECKING:
    from hierarchy.evaluation import VisitedRegion
    from hierarchy.search import TrainingSearch
    from hierarchy.train import Step

REGION = "#ffb000"  # looked at
TRUTH = "#ff3ea5"  # where the objects are
RIGHT = "#2fb344"  # a detection over IoU 0.5, a reward
WRONG = "#e8383d"
UNKNOWN = "#2b8aef"  # a detection where nobody knows the objects
BAR = "#ccd4dc"
RULE = "#b4bcc4"
OUTSIDE = (150, 150, 150)  # RGB that pixels outside of the region fade towards
FADE = 0.42  # how far

NUMBERS = (
    (1e4, "z.0e"),
    (100, "z.0f"),
    (10, "z.1f"),
    (0.1, "z.2f"),
    (0.01, "z.3f"),
    (0.001, "z.4f"),
    (0, "z.0e"),
)
"""How Q-values are written, by the largest size in the strip: two digits or more."""

# All lengths are pixels of the finished strip. A photograph is as wide as what the
# network sees, which so is shown pixel by pixel.
SIDE = 224
TALLEST = 280
LOWEST = 36
GAP = 20
MARGIN = 20
LABELS = 26
PLAIN = 18  # sizes of text
SMALL = 15
TITLE_LINE = 30
HEADER_LINE = 28
BETWEEN = 26
BAR_LINE = 25
LEGEND_LINE = 26
ROW_GAP = 30
GLYPH_WIDTH = 30
MOST_COLUMNS = 8


@dataclass(frozen=True, eq=False)
class Frame:
    """One step of a search, as it is drawn.

    Attributes:
        picture: uint8 (H, W, 3) RGB, the whole image as the search sees it.
        region: what was looked at *before* the action, a box in the image.
        pixels: uint8 (h, w, 3) RGB, the region's pixels at their own size.
        ground_truth: boxes of the objects; none where they are not known.
        followed: which of them the search follows, or None.
        action: what was done, 1 … 6.
        q_values: (6,) floats on which it was decided, or None.
        reward: ±1, ±3 for a trigger, or None where there are no rewards.
        iou: in [0, 1], or None where not known. With a reward it is that of the region
            *after* the action, as rewards go by it; without one, of ``region``.
        detected: whether a trigger was right; left out, ``iou`` over 0.5 says it.
        reached: the region after the action, a box in the image; needed for the last
            step of a search only, as others have a next frame that shows it.
        note: how the action came about where not from the Q-values: "forced",
            "random".
        actions: those the agent has.
    """

    picture: np.ndarray
    region: Box
    pixels: np.ndarray
    ground_truth: tuple[Box, ...]
    followed: int | None
    action: int
    q_values: np.ndarray | None = None
    reward: int | None = None
    iou: float | None = None
    detected: bool | None = None
    reached: Box | None = None
    note: str = ""
    actions: ActionSet = PAPER_ACTIONS

    @property
    def is_trigger(self) -> bool:
        """Whether the action was the trigger."""
        return self.action == self.actions.trigger

    @property
    def colour(self) -> str:
        """Colour of the region: a detection is right, wrong or not known to be."""
        if not self.is_trigger:
            return REGION
        right = self.detected
        if right is None and self.iou is not None:
            right = self.iou > DETECTION_IOU
        return {None: UNKNOWN, True: RIGHT, False: WRONG}[right]


def draw_sequences(frames: Sequence[Frame], path: Path, title: str = "") -> None:
    """Draw a search as a strip that fits it: a column for each step.

    Over eight steps go on in further rows of equal length. The same frames give the
    same bytes.

    Args:
        frames: the steps in order, at least one.
        path: where to, as :func:`common.sheet.save_picture` takes it.
        title: what stands above; a long one is wrapped.

    Raises:
        ValueError: there are no frames.
        InputError: the suffix is another.
    """
    if not frames:
        raise ValueError("a search without steps cannot be drawn")
    save_picture(_Strip(frames, title).draw(), path)


def frame_of(
    visited: "VisitedRegion",
    boxes: Sequence[Box] | None,
    actions: ActionSet = PAPER_ACTIONS,
) -> Frame:
    """Return a region that a test visited as it is drawn.

    Args:
        visited: one region analysed.
        boxes: of the objects; None where they are not known.
        actions: those the agent has.
    """
    return Frame(
        picture=visited.image.pixels,
        region=visited.region.box,
        pixels=visited.image.crop(visited.region),
        ground_truth=tuple(boxes or ()),
        followed=None,
        action=visited.output.action,
        q_values=visited.output.q_values,
        iou=None if boxes is None else best_iou(visited.region.box, boxes),
        actions=actions,
    )


BEFORE = Pen(REGION, 1.2, halo=0.5, shade=0.35)
NEXT = Pen("white", 2, (1, 1), halo=1)
OBJECT = Pen(TRUTH, 1.5, (3, 2), halo=0.5, shade=0.4)
FOLLOWED = Pen(TRUTH, 2.5, (4, 2), halo=1, shade=0.5)


def _region_pen(colour: str) -> Pen:
    """Return what outlines the region that is looked at."""
    return Pen(colour, 3.5)


class _Scale:
    """The scale of the Q-values, the same for all columns of a strip.

    Attributes:
        known: whether a frame has Q-values at all.
    """

    def __init__(self, frames: Sequence[Frame]):
        rows = [frame.q_values for frame in frames if frame.q_values is not None]
        self.known = bool(rows)
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
    scale = min(SIDE / width, TALLEST / height)
    size = max(round(width * scale), 2), max(round(height * scale), 2)
    method = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(picture).resize(size, method))


def _scaled(box: Box, picture: np.ndarray, thumbnail: np.ndarray) -> Box:
    """Return where a box of the picture lies in its thumbnail, two pixels at least."""
    (height, width), (h, w) = thumbnail.shape[:2], picture.shape[:2]
    ymin, ymax = (round(value * height / h) for value in box[::2])
    xmin, xmax = (round(value * width / w) for value in box[1::2])
    ymin, xmin = min(ymin, height - 2), min(xmin, width - 2)
    return ymin, xmin, max(ymax, ymin + 2), max(xmax, xmin + 2)


def _next_region(frames: Sequence[Frame], index: int) -> Box | None:
    """Return the region that a step led to, or None for a trigger or if not known."""
    frame = frames[index]
    if frame.is_trigger:
        return None
    if frame.reached is None and index + 1 < len(frames):
        return frames[index + 1].region
    return frame.reached


class _Strip:
    """A strip being drawn: where its parts go, and the parts.

    Args:
        frames: the steps.
        title: what stands above.
    """

    def __init__(self, frames: Sequence[Frame], title: str):
        self._frames = frames
        self._scale = _Scale(frames)
        pictures = {id(frame.picture): frame.picture for frame in frames}
        self._thumbnails = {key: _thumbnail(p) for key, p in pictures.items()}
        rows = -(-len(frames) // MOST_COLUMNS)
        self._columns = -(-len(frames) // rows)
        scored = any(f.reward is not None or f.iou is not None for f in frames)
        self._picture_height = max(LOWEST, *map(len, self._thumbnails.values()))
        self._picture_top = HEADER_LINE * (1 + scored) + 8
        self._crop_top = self._picture_top + self._picture_height + BETWEEN
        self._bars_top = self._crop_top + SIDE + 14
        noted = any(f.note and f.q_values is not None for f in frames)
        self._actions = frames[0].actions
        self._bar_lines = len(self._actions) + noted if self._scale.known else 2
        self._row_height = self._bars_top + self._bar_lines * BAR_LINE + ROW_GAP
        width = 2 * MARGIN + LABELS + self._columns * (SIDE + GAP) - GAP
        self._title = wrap(legible(title), width - 2 * MARGIN - LABELS)
        self._top = MARGIN + len(self._title) * TITLE_LINE
        self._legend_top = self._top + rows * self._row_height
        self._legend = _flow(_legend(frames), width)
        lines = self._legend[-1].line + 1
        height = self._legend_top + lines * LEGEND_LINE + 10
        self._sheet = Sheet(width, height)

    def draw(self) -> np.ndarray:
        """Return the strip: uint8 (height, width, 3)."""
        for line, text in enumerate(self._title):
            y = MARGIN + line * TITLE_LINE + 8
            self._sheet.text(MARGIN + LABELS, y, text, HEADING, bold=True)
        for index, frame in enumerate(self._frames):
            row, column = divmod(index, self._columns)
            x = MARGIN + LABELS + column * (SIDE + GAP)
            y = self._top + row * self._row_height
            if column == 0:
                self._draw_labels(y)
            self._draw_header(x, y, index)
            self._draw_picture(x, y + self._picture_top, index)
            self._draw_crop(x, y + self._crop_top, frame)
            self._draw_q_values(x, y + self._bars_top, frame)
        for place in self._legend:
            self._draw_legend_entry(place)
        return self._sheet.pixels()

    def _draw_labels(self, y: int) -> None:
        """Say at the left of a row what its parts are."""
        parts = {
            "image": self._picture_top + self._picture_height / 2,
            "network sees": self._crop_top + SIDE / 2,
            "Q-values": self._bars_top + 3 * BAR_LINE,
        }
        if not self._scale.known:
            del parts["Q-values"]
        look = {"color": QUIET, "rotation": 90, "ha": "center", "va": "center"}
        for text, middle in parts.items():
            self._sheet.text(MARGIN + 6, y + middle, text, SMALL, **look)

    def _draw_header(self, x: int, y: float, index: int) -> None:
        """Say which step it is, what was done and what that brought."""
        frame, middle = self._frames[index], y + HEADER_LINE / 2
        self._sheet.disc(x + 12, middle, 12, INK)
        size = 14 if index < 9 else 12
        self._sheet.text(
            x + 12, middle, str(index + 1), size, bold=True, color="white", ha="center"
        )
        action = self._actions.of(frame.action)
        words = f"{action.glyph} {action.name}"
        self._sheet.text(x + 32, middle, words, HEADING, bold=True)
        self._draw_scores(x + 32, middle + HEADER_LINE, frame)

    def _draw_scores(self, x: float, y: float, frame: Frame) -> None:
        if frame.reward is not None:
            colour = RIGHT if frame.reward > 0 else WRONG
            text = f"{frame.reward:+.0f}".replace("-", "−")
            self._sheet.text(x, y, text, HEADING, bold=True, color=colour)
            x += 46
        if frame.iou is not None:
            is_after = frame.reward is not None and not frame.is_trigger
            leads_to = "→ " if is_after else ""
            self._sheet.text(x, y, f"{leads_to}IoU {frame.iou:.2f}", PLAIN)

    def _draw_picture(self, x: int, y: int, index: int) -> None:
        """Draw the whole image, with what was and what will be looked at."""
        frame = self._frames[index]
        thumbnail = self._thumbnails[id(frame.picture)]
        height, width = thumbnail.shape[:2]
        left = x + (SIDE - width) // 2
        top = y + (self._picture_height - height) // 2

        def on_sheet(box: Box) -> Box:
            ymin, xmin, ymax, xmax = _scaled(box, frame.picture, thumbnail)
            return top + ymin, left + xmin, top + ymax, left + xmax

        inside = _scaled(frame.region, frame.picture, thumbnail)
        self._sheet.photo(left, top, _faded(thumbnail, inside))
        for box in dict.fromkeys(earlier.region for earlier in self._frames[:index]):
            self._sheet.box(on_sheet(box), BEFORE)
        for number, box in enumerate(frame.ground_truth):
            pen = FOLLOWED if number == frame.followed else OBJECT
            self._sheet.box(on_sheet(box), pen)
        if reached := _next_region(self._frames, index):
            self._sheet.box(on_sheet(reached), NEXT)
        self._sheet.box(on_sheet(frame.region), _region_pen(frame.colour))
        ends = left + inside[1], left + inside[3]
        self._draw_beam(x, y + self._picture_height + 6, ends, frame.colour)

    def _draw_beam(self, x: int, y: int, ends: tuple[int, int], colour: str) -> None:
        """Join the region, from one end to the other, with its pixels below."""
        bottom = y + BETWEEN - 12
        points = [(ends[0], y), (ends[1], y), (x + SIDE, bottom), (x, bottom)]
        self._sheet.fill(points, colour, 0.3)

    def _draw_crop(self, x: int, y: int, frame: Frame) -> None:
        """Draw what the network sees, number for number."""
        self._sheet.photo(x, y, resize(frame.pixels, SIDE, SIDE))
        self._sheet.box((y, x, y + SIDE, x + SIDE), _region_pen(frame.colour))

    def _draw_q_values(self, x: int, y: int, frame: Frame) -> None:
        """Draw a bar for each action, or say why there are none."""
        look = {"color": QUIET, "ha": "center"}
        if frame.q_values is None:
            text, line = frame.note or "no Q-values", self._bar_lines / 2
            self._sheet.text(x + SIDE / 2, y + line * BAR_LINE, text, PLAIN, **look)
            return
        below = y + (len(self._actions) + 0.5) * BAR_LINE
        self._sheet.text(x + SIDE / 2, below, frame.note, SMALL, **look)
        for action, value in zip(self._actions.numbers, frame.q_values, strict=True):
            chosen = frame.colour if action == frame.action else None
            self._draw_bar(x, y + (action - 0.5) * BAR_LINE, action, value, chosen)
        zero = x + self._scale.position(0)
        ends = y, y + len(self._actions) * BAR_LINE
        self._sheet.line((zero, zero), ends, RULE)

    def _draw_bar(
        self, x: int, y: float, action: int, value: float, chosen: str | None
    ) -> None:
        """Draw an action's glyph, bar and number, with its middle at y."""
        look = {"bold": bool(chosen), "color": INK if chosen else QUIET}
        glyph = self._actions.of(action).glyph
        self._sheet.text(x + 10, y, glyph, HEADING, ha="center", **look)
        self._sheet.text(
            x + SIDE, y, self._scale.number(value), PLAIN, ha="right", **look
        )
        if np.isfinite(value):
            zero, end = (x + self._scale.position(number) for number in (0, value))
            points = [(zero, y - 8), (end, y - 8), (end, y + 8), (zero, y + 8)]
            self._sheet.fill(points, chosen or BAR)

    def _draw_legend_entry(self, place: "_Place") -> None:
        y = self._legend_top + (place.line + 0.5) * LEGEND_LINE
        self._sheet.box((y - 6, place.x, y + 6, place.x + 20), place.pen)
        self._sheet.text(place.x + 30, y, place.text, SMALL, color=QUIET)


def _faded(picture: np.ndarray, inside: Sequence[int]) -> np.ndarray:
    """Return a picture, uint8 (h, w, 3), that is pale but for the box ``inside``."""
    ymin, xmin, ymax, xmax = inside
    pale = picture * (1 - FADE) + np.float32(OUTSIDE) * FADE
    pale = pale.astype(np.uint8)
    pale[ymin:ymax, xmin:xmax] = picture[ymin:ymax, xmin:xmax]
    return pale


@dataclass(frozen=True)
class _Place:
    """An entry of the legend, and where it stands: x in pixels, line from 0."""

    pen: Pen
    text: str
    x: float
    line: int


def _legend(frames: Sequence[Frame]) -> Iterator[tuple[Pen, str]]:
    """Yield pen and words for each thing that a strip shows."""
    words = {
        REGION: "looked at",
        RIGHT: "detection, right",
        WRONG: "detection, wrong",
        UNKNOWN: "detection",
    }
    colours = {frame.colour for frame in frames}
    yield from ((_region_pen(c), text) for c, text in words.items() if c in colours)
    if any(_next_region(frames, index) for index in range(len(frames))):
        yield NEXT, "next"
    if len({frame.region for frame in frames}) > 1:
        yield BEFORE, "before"
    if any(frame.followed is not None for frame in frames):
        yield FOLLOWED, "object followed"
    if any(len(f.ground_truth) > (f.followed is not None) for f in frames):
        yield OBJECT, "object"


def _flow(entries: Iterator[tuple[Pen, str]], width: int) -> list[_Place]:
    """Set entries one after the other, in as many lines as they need."""
    places, x, line = [], MARGIN + LABELS, 0
    for pen, text in entries:
        length = 30 + text_width(text, SMALL)
        if x > MARGIN + LABELS and x + length > width - MARGIN:
            x, line = MARGIN + LABELS, line + 1
        places.append(_Place(pen, text, x, line))
        x += length + 26
    return places


class StripWriter:
    """Listens to a training run and writes a strip for each of its searches.

    Files are ``epoch_007/NAME_object_0.png`` below the folder: the image's name, and
    the object that the search was begun for.

    Args:
        folder: where to; made if need be.
        limit: strips of an epoch at most, its first ones; None draws every search.
    """

    def __init__(self, folder: Path, limit: int | None = None):
        self._folder = Path(folder)
        self._limit = limit
        self._epoch = -1
        self._written = 0
        self._frames: dict[TrainingSearch, list[Frame]] = {}

    def add(self, step: "Step", epoch: int) -> None:
        """Take one more step; the last one of a search writes its strip."""
        if epoch != self._epoch:
            # Frames of searches that broke off are forgotten.
            self._epoch, self._written, self._frames = epoch, 0, {}
        frames = self._frames.setdefault(step.search, [])
        frames.append(_training_frame(step, not frames))
        if step.is_last:
            self._write(step, self._frames.pop(step.search))

    def _write(self, step: "Step", frames: list[Frame]) -> None:
        if self._written == self._limit:
            return
        name, target = step.search.image.name, step.search.object_index
        path = self._folder / f"epoch_{self._epoch:03d}" / strip_name(name, target)
        title = f"{name}, object {target}, epoch {self._epoch}"
        draw_sequences(frames, path, title)
        self._written += 1


def _training_frame(step: "Step", is_first: bool) -> Frame:
    """Return a step of training as it is drawn, with the objects of the class."""
    search = step.search
    shown = [
        index
        for index, item in enumerate(search.objects)
        if item.class_id == search.class_object or index == search.target.index
    ]
    return Frame(
        picture=search.image.pixels,
        region=step.region.box,
        pixels=search.image.crop(step.region),
        ground_truth=tuple(search.objects[index].box for index in shown),
        followed=shown.index(search.target.index),
        action=step.action,
        q_values=step.q_values,
        reward=step.reward,
        iou=step.iou,
        reached=search.region.box,
        note=_note(step, is_first),
        actions=search.spec.actions,
    )


def _note(step: "Step", is_first: bool) -> str:
    """Say how an action came about that the Q-values did not choose."""
    if step.q_values is not None:
        greedy = int(np.argmax(step.q_values)) + 1
        return "" if step.action == greedy else "random"
    # A trigger stays put, so its IoU is the one that the rule for forced ones saw.
    unseen = is_first and step.search.spec.quirks.first_iou
    triggered = step.action == step.search.spec.actions.trigger
    forced = triggered and step.iou > TRIGGER_IOU and not unseen
    return "forced" if forced else "random"


def strip_name(name: str, number: int, kind: str = "object") -> str:
    """Return the file's name for the strip of a search.

    Args:
        name: the image's, with whatever it has in it; its end is kept where it is long.
        number: which of the image's objects, or which of its searches.
        kind: which of the two.
    """
    return f"{plain_name(name)}_{kind}_{number}.png"
