"""Plots that look alike: lines, precision–recall curves, histograms, panels, tables.

All of them are drawn inside of :func:`new_figure`, which owns the file. Everywhere
``path`` is the file to write, whose suffix says the format, and ``title`` the heading.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from common.files import atomic_write
from report.canvas import MUTED, TEXT

GRID = "#e3e7eb"
PADDING = {"w_pad": 0.15, "h_pad": 0.15}
"""Inches around a plot."""
TITLE_WIDTH = 54
"""Characters of a title in one line."""

AGENT, CHANCE, BOUND = "#e8590c", "#99a1a9", "#2b8aef"
OTHERS = ("#2f9e44", "#9c36b5", "#b08900", "#0c8599", "#c2255c", "#5f3dc4")
"""Colours of names that have none of their own, in order."""
PALETTE = (AGENT, BOUND, *OTHERS)
DETECTOR_COLOURS = {
    "agent": AGENT,
    "random": CHANCE,
    "upper bound": BOUND,
    "paper": "#c6ccd2",
}
"""Colours that are the same in all plots of detectors, by how a name begins."""
GLIMPSE_COLOURS = {
    "mean policy": AGENT,
    "sampled": "#f2a15f",
    "constant": "#b9c0c7",
    "centre": "#868e96",
}
"""Colours that are the same in all plots of glimpses, by how a name begins."""

PUBLISHED = {"linewidth": 0.9, "linestyle": (0, (4, 2)), "zorder": 2, "marker": ""}
"""How a line is drawn that a paper published: thin, behind ours."""

Legend = Literal["inside", "right", "below"]
LEGENDS: dict[Legend, dict[str, Any]] = {
    "inside": {"loc": "best"},
    "right": {"loc": "outside right upper"},
    "below": {"loc": "outside lower center", "ncols": 2},
}

Numbers = Sequence[float] | np.ndarray
Curve = tuple[Numbers, Numbers, float | None]
"""Recall and precision, (n,) floats in [0, 1] by rising recall, and the AP."""
Rates = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Line:
    """A line of a plot.

    Attributes:
        x: places on the horizontal axis.
        y: as many values.
        colour: its own, or None for the next of the palette.
        spread: how far to shade below and above, in units of y: (n,), or (2, n) for
            below and above.
        look: more that matplotlib's ``Axes.plot`` takes.
    """

    x: Numbers
    y: Numbers
    colour: str | None = None
    spread: Numbers | None = None
    look: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PublishedCurve:
    """A precision–recall curve read off a printed figure.

    Attributes:
        figure: number of the figure in the paper.
        points: (recall, precision) pairs by rising recall, in [0, 1].
        max_recall: where the curve ends, in [0, 1].
        area: below the curve, in [0, 1]; None where it was not measured.
    """

    figure: int
    points: tuple[tuple[float, float], ...]
    max_recall: float
    area: float | None = None


@contextmanager
def new_figure(
    path: Path,
    width: float,
    height: float,
    dpi: int = 200,
    padding: Mapping[str, Any] | None = None,
) -> Iterator[Figure]:
    """Give a figure, sized in inches, to draw on; write it atomically afterwards."""
    layout = ConstrainedLayoutEngine(**(padding or {}))
    figure = Figure((width, height), dpi=dpi, facecolor="white", layout=layout)
    FigureCanvasAgg(figure)
    yield figure
    with atomic_write(Path(path)) as partial:
        figure.savefig(partial)


@contextmanager
def new_plot(
    path: Path,
    title: str,
    x_label: str,
    y_label: str,
    legend: Legend = "inside",
    size: tuple[float, float] = (6.4, 4.8),
) -> Iterator[Axes]:
    """Give the axes of a plot; its legend is added and the file written afterwards."""
    with new_figure(path, *size, padding=PADDING) as figure:
        axes = figure.add_subplot(facecolor="white")
        _label(axes, fill(title, TITLE_WIDTH), x_label, y_label)
        yield axes
        _add_legend(axes, legend, 10)


def _label(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Give axes their names and the look of all plots."""
    look: dict[str, Any] = {"color": TEXT, "fontweight": "bold", "parse_math": False}
    axes.set_title(title, loc="left", fontsize=12, **look)
    axes.set_xlabel(x_label, color=TEXT, fontsize=11)
    axes.set_ylabel(y_label, color=TEXT, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(MUTED)
    axes.tick_params(colors=MUTED, labelcolor=TEXT, labelsize=10)
    axes.set_axisbelow(True)


def _add_legend(axes: Axes, legend: Legend, size: int) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        owner: Any = axes if legend == "inside" else axes.figure
        look = {"edgecolor": "none", "labelcolor": TEXT, "fontsize": size}
        owner.legend(handles, labels, framealpha=0.9, **look, **LEGENDS[legend])


def _add_lines(axes: Axes, lines: Mapping[str, Line], empty: str) -> None:
    """Draw lines by their names, or say in the middle why there are none."""
    axes.grid(color=GRID, linewidth=0.8)
    for place, (name, line) in enumerate(lines.items()):
        colour = line.colour or PALETTE[place % len(PALETTE)]
        if line.spread is not None:
            spread = np.broadcast_to(line.spread, (2, len(line.x)))
            low, high = np.asarray(line.y) + spread * [[-1], [1]]
            axes.fill_between(line.x, low, high, color=colour, alpha=0.15, linewidth=0)
        marker = "o" if len(line.x) < 20 else ""
        look = {"zorder": 3, "marker": marker, "markersize": 4, **line.look}
        axes.plot(line.x, line.y, color=colour, label=name, **look)
    if not any(len(line.x) for line in lines.values()):
        _say(axes, empty)


def _say(axes: Axes, text: str) -> None:
    axes.text(
        0.5,
        0.5,
        text,
        color=MUTED,
        fontsize=13,
        ha="center",
        va="center",
        transform=axes.transAxes,
    )


def draw_lines(
    lines: Mapping[str, Line],
    path: Path,
    title: str,
    x_label: str,
    y_label: str,
    legend: Legend = "right",
    empty: str = "no data",
    **limits: Any,
) -> None:
    """Draw a plot of lines by name, ``empty`` where none has points.

    A name that begins with an underscore is not in the legend. ``limits`` are as
    ``Axes.set`` takes them.
    """
    size = (8.4, 4.8) if legend == "right" else (6.4, 4.8)
    with new_plot(path, title, x_label, y_label, legend, size) as axes:
        _add_lines(axes, lines, empty)
        axes.set(**limits)


def draw_line_panels(
    panels: Mapping[str, Mapping[str, Line]],
    path: Path,
    x_label: str,
    y_label: str,
    **limits: Any,
) -> None:
    """Draw plots of lines side by side, by their titles, with the same limits."""
    with new_figure(path, 5.2 * len(panels), 4.4, padding=PADDING) as figure:
        for place, (title, lines) in enumerate(panels.items(), 1):
            axes = figure.add_subplot(1, len(panels), place)
            _label(axes, title, x_label, y_label if place == 1 else "")
            _add_lines(axes, lines, "not run")
            axes.set(**limits)
            _add_legend(axes, "inside", 9)


def draw_precision_recall(
    curves: Mapping[str, Curve],
    path: Path,
    title: str = "",
    published: Mapping[str, PublishedCurve] | None = None,
) -> None:
    """Draw precision over recall, as in the detectors' paper, Figs. 5 to 7.

    A curve is drawn in steps, each as high as the precision at its right end: the area
    below is the AP. A dot marks its last find. Published curves are thin; a triangle
    marks the recall at which one ends, where its precision was not digitised. They
    have the colour of ours of that name. Names that begin as in
    :data:`DETECTOR_COLOURS` have its colours. A curve without points is named only.
    """
    published = published or {}
    colours = _colours(curves, DETECTOR_COLOURS)
    lines = dict(_curve_line(n, curve, colours[n]) for n, curve in curves.items())
    palette = iter(PALETTE * len(published))
    for name, paper in published.items():
        colour = colours.get(name) or next(palette)
        area = f"  area {paper.area:.3f}" if paper.area else ""
        recall, precision = np.transpose(paper.points)
        lines[f"paper, {name}{area}"] = Line(recall, precision, colour, look=PUBLISHED)
        end: dict[str, Any] = {"marker": "^", "markerfacecolor": "white"}
        end |= {"markersize": 6, "zorder": 5, "clip_on": False}
        lines[f"_end of {name}"] = Line([paper.max_recall], [0], colour, look=end)
    labels, empty = (title, "recall", "precision"), "no detections"
    draw_lines(lines, path, *labels, "below", empty, xlim=(0, 1), ylim=(0, 1.02))


def _curve_line(name: str, curve: Curve, colour: str) -> tuple[str, Line]:
    """Return the label and line of a curve; what it is measured by lies below."""
    recall, precision, ap = curve
    last_find = np.searchsorted(recall, recall[-1:]).sum()
    recall, precision = (
        np.asarray(values, float)[: last_find + 1] for values in (recall, precision)
    )
    is_agent = colour == AGENT
    look = {
        "drawstyle": "steps-pre",
        "linewidth": 2.4 if is_agent else 1.5,
        "zorder": 4 if is_agent else 2.5 if colour in (CHANCE, BOUND) else 3,
        "clip_on": False,
        "marker": "o" if len(recall) else "",
        "markevery": [-1] if len(recall) else None,
        "markersize": 6 if is_agent else 4,
    }
    known = ap is not None and np.isfinite(ap)
    label = f"{_plain(name)}  AP {ap:.3f}" if known else f"{_plain(name)}  no AP"
    x = np.concatenate([[0.0] * (len(recall) > 0), recall])
    y = np.concatenate([precision[:1], precision])
    return label, Line(x, y, colour, look=look)


def _plain(name: str) -> str:
    """Return the name as it is read; results files write ``upper_bound``."""
    return name.replace("upper_bound", "upper bound")


def _colours(names: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """Return the colour of each name: its own once, else the next of OTHERS."""
    colours: dict[str, str] = {}
    others = 0
    for name in names:
        plain = _plain(name).lower()
        fixed = [c for start, c in own.items() if plain.startswith(start)]
        taken = not fixed or fixed[0] in colours.values()
        colours[name] = OTHERS[others % len(OTHERS)] if taken else fixed[0]
        others += taken
    return colours


def draw_regions_per_object(
    histograms: Mapping[str, Sequence[float]], path: Path, title: str = ""
) -> None:
    """Draw after how many regions objects were found (detectors' paper, Fig. 8).

    A histogram counts the objects found after one region, after two, and so on.
    """
    longest = max(9, *map(len, histograms.values())) if histograms else 9
    width = 0.8 / max(len(histograms), 1)
    x_label = "regions analysed until the object was found"
    with new_plot(path, title, x_label, "objects") as axes:
        axes.grid(axis="y", color=GRID, linewidth=0.8)
        colours = _colours(histograms, DETECTOR_COLOURS)
        for place, (name, counts) in enumerate(histograms.items()):
            x = np.arange(len(counts)) + 1 + (place - (len(histograms) - 1) / 2) * width
            label = f"{_plain(name)}  {sum(counts)} found"
            bars = axes.bar(
                x, counts, width * 0.92, color=colours[name], label=label, zorder=3
            )
            if width > 0.25:  # there is room for numbers
                texts = [str(count) if count else "" for count in counts]
                axes.bar_label(bars, texts, padding=2, color=TEXT, fontsize=9)
        axes.set(xlim=(0.4, longest + 0.6), xticks=range(1, longest + 1))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=(1, 2, 5, 10)))
        axes.set_ylim(bottom=0)
        if not any(sum(counts) for counts in histograms.values()):
            axes.set_ylim(0, 1)
            _say(axes, "no object was found")


def draw_accuracy_over_iou(
    agents: Mapping[str, Mapping[str, Any]], path: Path, title: str = ""
) -> None:
    """Draw in how many images the best trigger overlaps an object by more than an IoU.

    ``agents`` are those in ``results.json`` of a detector's test. Intervals are shaded.
    """
    lines = _scored_lines(agents, "accuracy", "rate", "mean IoU")
    labels = title, "IoU", "share of the images"
    draw_lines(lines, path, *labels, "below", xlim=(0, 1), ylim=(0, 1.02))


def draw_recall_after_regions(
    agents: Mapping[str, Mapping[str, Any]], path: Path, title: str = ""
) -> None:
    """Draw in how many images an object was found within 1, 2, … regions.

    ``agents`` are those in ``results.json`` of a detector's test. Intervals are shaded.
    """
    lines = _scored_lines(agents, "recall_after_regions", "recall", "area")
    labels = title, "regions analysed", "recall"
    most = max((len(line.x) for line in lines.values()), default=1)
    ticks = range(1, most + 1, -(-most // 12))
    draw_lines(lines, path, *labels, "below", ylim=(0, 1.02), xticks=ticks)


def _scored_lines(
    agents: Mapping[str, Mapping[str, Any]], score: str, values: str, area: str
) -> dict[str, Line]:
    """Return a line for an agent's curve, ``area`` the name of that below it."""
    colours, lines = _colours(agents, DETECTOR_COLOURS), {}
    for name, numbers in agents.items():
        curve = numbers[score]
        y = np.array(curve[values])
        x = curve.get("iou", 1 + np.arange(len(y)))
        bounds = np.transpose(numbers["intervals"][score][values])
        is_agent = colours[name] == AGENT
        look = {"linewidth": 2.4 if is_agent else 1.5, "zorder": 4 if is_agent else 3}
        label = f"{_plain(name)}  {area} {curve['area']:.3f}"
        spread = (bounds - y) * [[-1], [1]]
        lines[label] = Line(x, y, colours[name], spread, look)
    return lines


def draw_detection_rate(
    curves: Mapping[str, Rates],
    path: Path,
    title: str = "",
    published: Mapping[str, Rates] | None = None,
) -> None:
    """Draw the detection rate over the normalised distance.

    A curve is "distance", and "rate" in %; "interval", [low, high] of each rate, may be
    there and is shaded. The first curve is strong, a paper's dotted.
    """
    colours = _colours(curves, GLIMPSE_COLOURS)
    lines = {}
    for number, (name, values) in enumerate(curves.items()):
        look = {"linewidth": 1.5 if number else 2.4, "zorder": 3 if number else 4}
        rate, spread = values["rate"], None
        if "interval" in values:
            spread = (np.transpose(values["interval"]) - rate) * [[-1], [1]]
        lines[name] = Line(values["distance"], rate, colours[name], spread, look)
    for name, values in (published or {}).items():
        dotted = {"linestyle": ":", "linewidth": 1}
        lines[name] = Line(values["distance"], values["rate"], TEXT, look=dotted)
    end = max((max(values["distance"]) for values in curves.values()), default=1)
    labels = "normalised distance Δ", "detection rate in %"
    draw_lines(lines, path, title, *labels, "inside", xlim=(0, end), ylim=(0, 100))


def draw_rate_by_glimpses(
    rates: Sequence[Mapping[str, float]], path: Path, title: str = ""
) -> None:
    """Draw the detection rate over the number of glimpses used.

    ``rates`` are those for 1, 2, … glimpses, in % by threshold, "0.02" … "0.10".
    """
    numbers, lines = range(1, len(rates) + 1), {}
    for place, threshold in enumerate(rates[0]):
        alpha = 0.25 + 0.75 * place / max(len(rates[0]) - 1, 1)
        values = [row[threshold] for row in rates]
        look = {"alpha": alpha, "marker": "o"}
        lines[f"Δ ≤ {threshold}"] = Line(numbers, values, AGENT, look=look)
    labels = "glimpses used", "detection rate in %"
    draw_lines(lines, path, title, *labels, "inside", ylim=(0, 100), xticks=numbers)


def draw_images(
    panels: Sequence[tuple[str, np.ndarray]], path: Path, columns: int = 6
) -> None:
    """Draw pictures and maps side by side, each below its name.

    A picture is uint8 (h, w, 3) RGB. The largest number of a map (h, w) is yellow, the
    smallest dark blue.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    tallest = max(values.shape[0] / values.shape[1] for _, values in panels)
    height = (2.3 * min(tallest, 1.5) + 0.25) * rows
    with new_figure(path, 2.3 * columns, height, dpi=150) as figure:
        for place, (name, values) in enumerate(panels, 1):
            axes = figure.add_subplot(rows, columns, place)
            axes.axis("off")
            axes.imshow(values, interpolation="nearest")
            axes.set_title(name, color=TEXT, fontsize=9, parse_math=False)


def draw_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    path: Path,
    title: str,
    bold: Iterable[int] = (),
) -> None:
    """Draw a table: a column of text, others of numbers, rows of some indices bold."""
    bold = {0, *(row + 1 for row in bold)}
    size = 8, 0.9 + 0.32 * (len(rows) + 1)
    with new_plot(path, title, "", "", size=size) as axes:
        axes.axis("off")
        number = 0.42 / max(len(columns) - 1, 1)
        table = axes.table(
            [list(map(str, row)) for row in rows],
            colLabels=list(columns),
            colWidths=[0.58] + [number] * (len(columns) - 1),
            cellLoc="right",
            colLoc="right",
            bbox=Bbox.unit(),
            edges="horizontal",
        )
        table.auto_set_font_size(False)
        for (row, column), cell in table.get_celld().items():
            cell.set_edgecolor(GRID)
            weight = "bold" if row in bold else "normal"
            cell.get_text().set(color=TEXT, fontsize=9, fontweight=weight)
            if column == 0:
                cell.get_text().set_horizontalalignment("left")
