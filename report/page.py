"""The page that a test writes: its scores, its curves, and what was done on each image.

``report.html`` is one file. It reads no other, asks no network and needs no server. It
is made of the files in ``report/web``, and holds the data as JSON, from which the
scripts draw everything. :func:`read_page` gives the data back.

What is shown comes as plain data: neither a detector nor a model is known here.
"""

import base64
import hashlib
import html
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import numpy as np
from PIL import Image

from common.boxes import Box
from common.errors import file_error
from common.files import write_text
from common.images import read_bytes
from common.provenance import without_folders

FILE = "report.html"
"""What the page is called in a test's folder."""

SIDE = 480
"""Longest side of a picture on the page, in pixels."""
PICTURE_BYTES = 42_000
"""Size of a picture at most: 50 of them, as text, take 2.8 MB."""
QUALITIES = (82, 70, 55, 40, 25)
"""Qualities of WebP, tried in order until a picture is small enough."""
BUDGET = 4_600_000
"""Size of the pictures and of what is shown with them, at most, in bytes of the
page."""
GALLERY = 120
"""Images of a test at most that are prepared for the page, evenly out of all."""
POINTS = 400
"""Points of a curve at most."""

Numbers = Sequence[float] | np.ndarray

WEB = Path(__file__).parent / "web"
SCRIPTS = "elements scores pictures searches glimpses player gallery".split()
"""Names of the scripts, which become one, in order."""

_SLOT = re.compile(r"<!--(\w+)-->")
_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.S)


@dataclass(frozen=True)
class Picture:
    """An image as the page holds it.

    Attributes:
        height: of the image in pixels, not of what is stored.
        width: likewise.
        source: the stored pixels, a ``data:`` address.
    """

    height: int
    width: int
    source: str


@dataclass(frozen=True, eq=False)
class Step:
    """One region of a search.

    Attributes:
        path: numbers of the actions that lead there, from 1.
        box: the region, (ymin, xmin, ymax, xmax) in pixels of the image.
        action: number of the action that is taken there.
        q_values: (actions,) floats that decided, or None.
        iou: best IoU of the region with an object, in [0, 1]; None where none is known.
        reward: of the action, or None.
    """

    path: tuple[int, ...]
    box: Box
    action: int
    q_values: Numbers | None = None
    iou: float | None = None
    reward: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as the page holds it."""
        values = {
            "path": list(self.path),
            "box": list(self.box),
            "action": self.action,
            "q": None if self.q_values is None else _numbers(self.q_values),
            "iou": _number(self.iou),
            "reward": _number(self.reward),
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, eq=False)
class SearchRecord:
    """A search of an image.

    Attributes:
        name: of the image.
        outcome: a key of :attr:`OUTCOMES`.
        steps: the regions looked at, at least one.
        boxes: of the objects, as :attr:`Step.box`; None where they are not known.
        masked: what was masked before, as :attr:`Step.box`.
        explored: regions that the agent was asked about beside those of its way.
        picture: the image; None leaves the search to the table.
        strip: file of the drawn search, relative to the page; empty without one.
    """

    name: str
    outcome: str
    steps: tuple[Step, ...]
    boxes: tuple[Box, ...] | None = None
    masked: tuple[Box, ...] = ()
    explored: tuple[Step, ...] = ()
    picture: Picture | None = None
    strip: str = ""

    kind: ClassVar[str] = "search"
    OUTCOMES: ClassVar[dict[str, str]] = {
        "right": "found",
        "wrong": "wrong place",
        "none": "no trigger",
        "detection": "triggered",
    }
    """Words for each outcome: a trigger over IoU 0.5 or not over it, none at all, and
    one that cannot be judged."""
    COLUMNS: ClassVar[dict[str, int]] = {
        "IoU": 2,
        "regions looked at": 0,
        "trigger's Q-value": 3,
    }
    """What searches are sorted by, the first from its least, and its decimals."""
    WORST_IS_LEAST: ClassVar[bool] = True

    def values(self, trigger: int) -> list[float | None]:
        """Return the numbers of :attr:`COLUMNS`, of the last region."""
        last = self.steps[-1]
        score = None if last.q_values is None else last.q_values[trigger - 1]
        return [_number(last.iou), len(self.steps), _number(score)]

    def shown(self) -> dict[str, Any]:
        """Return what is shown with the picture."""
        return {
            "boxes": None if self.boxes is None else [list(box) for box in self.boxes],
            "masked": [list(box) for box in self.masked],
            "steps": [step.to_json() for step in self.steps],
            "explored": [step.to_json() for step in self.explored],
        }


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Where glimpses were taken, and what was predicted after each.

    Attributes:
        locations: float (T, 2), row and column in [−1, 1].
        predictions: float (T, 2), likewise.
        distances: float (T,), Δ of the predictions; None where it is not known.
    """

    locations: np.ndarray
    predictions: np.ndarray
    distances: np.ndarray | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as the page holds it: places as shares of height and width."""
        distances = self.distances
        return {
            "locations": _places(self.locations),
            "predictions": _places(self.predictions),
            "distances": None if distances is None else _numbers(distances, 4),
        }


@dataclass(frozen=True, eq=False)
class RolloutRecord:
    """Glimpses at an image.

    Attributes:
        name: of the image.
        outcome: a key of :attr:`OUTCOMES`.
        trajectory: what was done.
        truth: float (2,), row and column in [−1, 1]; None where it is not known.
        explored: what would have been done from other first glimpses.
        picture: the image; None leaves it to the table.
        strip: file of the drawn rollout, relative to the page; empty without one.
    """

    name: str
    outcome: str
    trajectory: Trajectory
    truth: np.ndarray | None = None
    explored: tuple[Trajectory, ...] = ()
    picture: Picture | None = None
    strip: str = ""

    kind: ClassVar[str] = "rollout"
    OUTCOMES: ClassVar[dict[str, str]] = {
        "right": "Δ ≤ 0.10",
        "wrong": "Δ > 0.10",
        "detection": "located",
    }
    COLUMNS: ClassVar[dict[str, int]] = {"Δ": 3}
    WORST_IS_LEAST: ClassVar[bool] = False

    def values(self, _: int) -> list[float | None]:
        """Return the numbers of :attr:`COLUMNS`."""
        distances = self.trajectory.distances
        return [None if distances is None else _number(distances[-1])]

    def shown(self) -> dict[str, Any]:
        """Return what is shown with the picture."""
        return {
            "truth": None if self.truth is None else _places(self.truth[None])[0],
            "own": self.trajectory.to_json(),
            "explored": [one.to_json() for one in self.explored],
        }


Record = SearchRecord | RolloutRecord


@dataclass(frozen=True, eq=False)
class Plot:
    """A plot of lines over one axis.

    Attributes:
        title: heading.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        lines: by name x and y, as many numbers each, x rising.
    """

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, tuple[Numbers, Numbers]]


@dataclass(frozen=True, eq=False)
class Page:
    """All that a page shows.

    Attributes:
        title: heading.
        about: names and values of what it was made with.
        records: what was done, all of one kind.
        columns: names of the table's columns, the first one of its rows.
        rows: the table's, as text.
        plots: curves.
        actions: (name, glyph) of each action of a search, by number.
        trigger: number of the action that ends a search; 0 without searches.
        detection_iou: IoU over which a trigger is right.
        fill_colour: RGB in 0 … 255 that found objects are masked with.
        windows: float (levels, 2), sides of a glimpse's crops as shares of the image.
    """

    title: str
    about: Mapping[str, str]
    records: Sequence[Record]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    plots: Sequence[Plot] = ()
    actions: Sequence[tuple[str, str]] = ()
    trigger: int = 0
    detection_iou: float = 0.5
    fill_colour: tuple[int, int, int] = (128, 128, 128)
    windows: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))


def picture_of(pixels: np.ndarray) -> Picture:
    """Return an image as the page holds it, at most :data:`PICTURE_BYTES` large.

    Args:
        pixels: uint8 (H, W, 3) RGB.
    """
    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    data = base64.b64encode(_webp(image)).decode()
    return Picture(height, width, f"data:image/webp;base64,{data}")


def _webp(image: Image.Image) -> bytes:
    """Return an image as WebP, of less quality and then smaller where it must be."""
    while True:
        for quality in QUALITIES:
            file = io.BytesIO()
            image.save(file, "WEBP", quality=quality, method=4)
            if file.tell() <= PICTURE_BYTES:
                return file.getvalue()
        image = image.resize([max(side * 3 // 4, 1) for side in image.size])


def is_shown(index: int, total: int) -> bool:
    """Whether an image is one of those, evenly out of all, that the page may show."""
    return index % math.ceil(max(total, 1) / GALLERY) == 0


def about_lines(results: Mapping[str, Any]) -> dict[str, str]:
    """Return what a test's results say they were made with, for people.

    Folders that lead to a data set are left out: a page is for others too.
    """
    made = results.get("made_with", {})
    lines = {
        "data": results.get("data"),
        "images": results.get("images"),
        "objects": results.get("objects"),
        "weights": results.get("weights", {}).get("file"),
        "published faults": ", ".join(results.get("quirks", ())),
        "seed": results.get("seed"),
        **{name: made.get(name) for name in ("commit", "machine", "command")},
    }
    known = {name: value for name, value in lines.items() if value not in (None, "")}
    return {name: without_folders(str(value)) for name, value in known.items()}


def write_page(page: Page, path: Path) -> None:
    """Write a page atomically; the same data give the same bytes.

    Pictures are taken in the order of the records as long as they fit into
    :data:`BUDGET`; the table of records holds all of them.
    """
    data = json.dumps(page_data(page), ensure_ascii=False, separators=(",", ":"))
    script = "\n".join(_read(f"{name}.js") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    slots = {
        "title": html.escape(page.title),
        "policy": f"script-src 'sha256-{digest}'",
        "style": _read("page.css"),
        # No text in the data can end the script element that holds it.
        "data": data.replace("<", "\\u003c"),
        "script": script,
    }
    filled = _SLOT.sub(lambda slot: slots[slot[1]], _read("page.html"))
    # Names of files may hold halves of letters, which UTF-8 cannot.
    write_text(path, filled.encode("utf-8", "replace").decode())


def _read(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")


def read_page(path: Path) -> dict[str, Any]:
    """Return the data of a page that :func:`write_page` wrote.

    Raises:
        InputError: there is no such file, or it is no such page.
    """
    found = _DATA.search(read_bytes(path).decode("utf-8", "replace"))
    try:
        if found:
            return json.loads(found[1])
    except ValueError:
        pass
    raise file_error(path, "holds no data of a page", f"the {FILE} of a test")


def page_data(page: Page) -> dict[str, Any]:
    """Return all that a page shows, ready for JSON."""
    kind: type[Record] = type(page.records[0]) if page.records else SearchRecord
    images: list[dict[str, Any]] = []
    items = list(_items(page, images))
    there = {record.outcome for record in page.records}
    outcomes = {k: words for k, words in kind.OUTCOMES.items() if k in there}
    return {
        "title": page.title,
        "about": [[name, value] for name, value in page.about.items()],
        "columns": list(page.columns),
        "rows": [list(row) for row in page.rows],
        "plots": [_plot(plot) for plot in page.plots],
        "kind": kind.kind,
        "outcomes": [{"key": k, "words": words} for k, words in outcomes.items()],
        "values": [{"name": k, "digits": n} for k, n in kind.COLUMNS.items()],
        "worst_is_least": kind.WORST_IS_LEAST,
        "actions": [{"name": name, "glyph": glyph} for name, glyph in page.actions],
        "trigger": page.trigger,
        "detection_iou": page.detection_iou,
        "fill": "#{:02x}{:02x}{:02x}".format(*page.fill_colour),
        "windows": [_numbers(sides) for sides in page.windows],
        "images": images,
        "items": items,
    }


def _items(page: Page, images: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Yield what the page says of each record; pictures shown go to ``images``."""
    numbers: dict[int, int] = {}
    left = BUDGET
    for record in page.records:
        item = {
            "name": record.name,
            "outcome": record.outcome,
            "values": record.values(page.trigger),
            "strip": quote(record.strip, errors="replace"),
        }
        shown, picture = record.shown(), record.picture
        if picture is not None:
            is_new = id(picture) not in numbers
            size = len(json.dumps(shown)) + is_new * len(picture.source)
            if size <= left:
                left -= size
                if is_new:
                    numbers[id(picture)] = len(images)
                    images.append(vars(picture))
                item |= shown | {"image": numbers[id(picture)]}
        yield item


def _plot(plot: Plot) -> dict[str, Any]:
    lines = []
    for name, (xs, ys) in plot.lines.items():
        last = max(len(xs) - 1, 0)
        some = np.unique(np.linspace(0, last, min(len(xs), POINTS)).round().astype(int))
        x, y = (_numbers(np.asarray(values, float)[some], 5) for values in (xs, ys))
        lines.append({"name": name, "x": x, "y": y})
    labels = {"title": plot.title, "x": plot.x_label, "y": plot.y_label}
    return labels | {"lines": lines}


def _places(locations: np.ndarray) -> list[list[float | None]]:
    """Return locations in [−1, 1] as shares of height and width."""
    return [_numbers((np.asarray(place, float) + 1) / 2, 4) for place in locations]


def _numbers(values: Iterable[float], digits: int = 6) -> list[float | None]:
    return [_number(value, digits) for value in values]


def _number(value: float | None, digits: int = 6) -> float | None:
    """Return a number as short as it may be; None where there is none."""
    if value is None or not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e6 else short
