"""How figures look: the palette and axes of :mod:`common.plotting`, and a few forms.

Each figure lies beside a CSV file with the numbers that are drawn in it.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from common.files import replacing
from common.plotting import GRID, OTHERS, dress, finish_plot, new_plot, say
from common.sheet import INK
from figures.published import CURVES, PublishedCurve

THIN = {"linewidth": 0.9, "linestyle": (0, (4, 2)), "zorder": 2}
"""How a line that a paper published is drawn behind ours."""

PALETTE = ("#e8590c", "#2b8aef", *OTHERS)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write a figure's numbers in one stroke; floats with six digits.

    Args:
        path: where to.
        columns: their names.
        rows: values in the order of the columns; None stays empty.
    """
    with replacing(Path(path)) as partial, open(partial, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_written(value) for value in row])


def _written(value: object) -> object:
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    return value


def draw_published(axes: Axes, name: str, curve: PublishedCurve, colour: str) -> None:
    """Draw a digitised precision–recall curve thin.

    A triangle on the axis marks the recall at which the published curve ends; how
    precise it is there was not digitised.
    """
    recall, precision = zip(*curve.points, strict=True)
    label = f"{name}  area {curve.area:.3f}" if curve.area else name
    axes.plot(recall, precision, color=colour, label=label, **THIN)
    look = {"markerfacecolor": "white", "markersize": 6, "zorder": 5, "clip_on": False}
    axes.plot([curve.max_recall], [0], "^", color=colour, **look)


def draw_published_alone(names: Sequence[str], path: Path, title: str) -> None:
    """Draw a paper's curves without any of ours, to stand beside a figure of ours.

    Args:
        names: of the curves, keys of :data:`figures.published.CURVES`.
        path: where to; the suffix says the format.
        title: what stands above.
    """
    figure, axes = new_plot(title, "recall", "precision")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(color=GRID, linewidth=0.8)
    for place, name in enumerate(names):
        draw_published(axes, name, CURVES[name], PALETTE[place % len(PALETTE)])
    finish_plot(figure, axes, path)


@dataclass(frozen=True)
class Line:
    """A line of a plot.

    Attributes:
        x: places on the horizontal axis.
        y: as many values.
        colour: its own, or None for the next of the palette.
        style: as matplotlib names it.
        spread: how far to shade below and above, in units of y.
        thin: whether a paper published it.
    """

    x: Sequence[float]
    y: Sequence[float]
    colour: str | None = None
    style: str = "-"
    spread: Sequence[float] | None = None
    thin: bool = False


def draw_line_group(axes: Axes, lines: Mapping[str, Line]) -> None:
    """Draw lines, by their names, onto axes."""
    axes.grid(color=GRID, linewidth=0.8)
    for place, (name, line) in enumerate(lines.items()):
        colour = line.colour or PALETTE[place % len(PALETTE)]
        if line.thin:
            axes.plot(line.x, line.y, color=colour, label=name, **THIN)
            continue
        if line.spread is not None:
            low, high = (np.add(line.y, s * np.array(line.spread)) for s in (-1, 1))
            axes.fill_between(line.x, low, high, color=colour, alpha=0.15, linewidth=0)
        look = {"color": colour, "linestyle": line.style, "zorder": 3, "label": name}
        marker = "o" if len(line.x) < 20 else ""
        axes.plot(line.x, line.y, marker=marker, markersize=4, **look)


def draw_lines(
    lines: Mapping[str, Line],
    path: Path,
    title: str,
    x_label: str,
    y_label: str,
    **limits: object,
) -> None:
    """Draw a plot of lines, the legend beside it.

    Args:
        lines: by name.
        path: where to; the suffix says the format.
        title: what stands above.
        x_label: of the horizontal axis.
        y_label: of the vertical axis.
        **limits: as ``Axes.set`` takes them.
    """
    figure, axes = new_plot(title, x_label, y_label)
    figure.set_size_inches(8.4, 4.8)
    draw_line_group(axes, lines)
    axes.set(**limits)
    finish_plot(figure, axes, path, legend="right")


def draw_panels(
    panels: Mapping[str, Mapping[str, Line]],
    path: Path,
    x_label: str,
    y_label: str,
    **limits: object,
) -> None:
    """Draw plots of lines side by side, on the same axes.

    Args:
        panels: lines by name, by the title of their plot.
        path: where to; the suffix says the format.
        x_label: of the horizontal axes.
        y_label: of the vertical axis.
        **limits: as ``Axes.set`` takes them.
    """
    figure, first = new_plot("", x_label, y_label)
    figure.set_size_inches(5.2 * len(panels), 4.4)
    figure.delaxes(first)
    for place, (title, lines) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(1, len(panels), place)
        dress(axes, title, x_label, y_label if place == 1 else "")
        draw_line_group(axes, lines)
        axes.set(**limits)
        if lines:
            axes.legend(edgecolor="none", labelcolor=INK, fontsize=9)
        else:
            say(axes, "not run")
    with replacing(Path(path)) as partial:
        figure.savefig(partial)


def draw_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    path: Path,
    title: str,
    strong: Iterable[int] = (),
) -> None:
    """Draw a table as a picture.

    Args:
        columns: their headings; the first column is text, the others are numbers.
        rows: the cells.
        path: where to; the suffix says the format.
        title: what stands above.
        strong: rows that are ours, in bold.
    """
    figure, axes = new_plot(title, "", "")
    figure.set_size_inches(8, 0.9 + 0.32 * (len(rows) + 1))
    axes.axis("off")
    number = 0.42 / max(len(columns) - 1, 1)
    table = axes.table(
        [list(map(str, row)) for row in rows],
        colLabels=list(columns),
        colWidths=[0.58] + [number] * (len(columns) - 1),
        cellLoc="right",
        colLoc="right",
        bbox=(0, 0, 1, 1),
        edges="horizontal",
    )
    table.auto_set_font_size(False)
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor(GRID)
        text = cell.get_text()
        bold = row == 0 or row - 1 in set(strong)
        text.set(color=INK, fontsize=9, fontweight="bold" if bold else "normal")
        if column == 0:
            text.set_horizontalalignment("left")
    finish_plot(figure, axes, path)
