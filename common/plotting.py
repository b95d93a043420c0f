"""Plots that look alike; matplotlib's global state stays untouched."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

from common.files import atomic_write
from common.sheet import INK, QUIET

GRID = "#e3e7eb"

TITLE_WIDTH = 54
"""Characters of a title that a plot has room for in a line."""

OTHERS = ("#2f9e44", "#9c36b5", "#b08900", "#0c8599", "#c2255c", "#5f3dc4")
"""Colours of what has none of its own, in the order in which they come."""


def new_plot(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """Return an empty plot with a title and the names of its axes."""
    figure = Figure((6.4, 4.8), dpi=200, facecolor="white", layout="constrained")
    figure.get_layout_engine().set(w_pad=0.15, h_pad=0.15)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor="white")
    dress(axes, fill(title, TITLE_WIDTH), x_label, y_label)
    return figure, axes


def dress(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Give axes the look of all plots."""
    axes.set_title(
        title, loc="left", color=INK, fontsize=12, fontweight="bold", parse_math=False
    )
    axes.set_xlabel(x_label, color=INK, fontsize=11)
    axes.set_ylabel(y_label, color=INK, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(colors=QUIET, labelcolor=INK, labelsize=10)
    axes.set_axisbelow(True)


def say(axes: Axes, text: str) -> None:
    """Say in the middle of an empty plot why it is empty."""
    middle = {"ha": "center", "va": "center", "transform": axes.transAxes}
    axes.text(0.5, 0.5, text, color=QUIET, fontsize=13, **middle)


LEGENDS = {
    "inside": {"loc": "best"},
    "right": {"loc": "outside right upper"},
    "below": {"loc": "outside lower center", "ncols": 2},
}
"""Where a legend may stand, and how that is told to matplotlib."""


def finish_plot(
    figure: Figure,
    axes: Axes,
    path: Path,
    legend: Literal["inside", "right", "below"] = "inside",
) -> None:
    """Add the legend, on the axes or beside them; write the file in one stroke."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        (axes if legend == "inside" else figure).legend(
            handles,
            labels,
            **LEGENDS[legend],
            frameon=True,
            framealpha=0.9,
            edgecolor="none",
            labelcolor=INK,
            fontsize=10,
        )
    with atomic_write(Path(path)) as partial:
        figure.savefig(partial)


def draw_images(
    panels: Sequence[tuple[str, np.ndarray]], path: Path, columns: int = 6
) -> None:
    """Draw pictures and maps side by side, each below its name.

    Args:
        panels: names and what they are of: uint8 (h, w, 3) RGB as it is, or a map of
            numbers (h, w), its largest yellow and its smallest dark blue.
        path: where to; the suffix says the format.
        columns: panels in a row.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    tallest = max(values.shape[0] / values.shape[1] for _, values in panels)
    size = (2.3 * columns, (2.3 * min(tallest, 1.5) + 0.25) * rows)
    figure = Figure(size, dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    for place, (name, values) in enumerate(panels, 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.axis("off")
        axes.imshow(values, interpolation="nearest")
        axes.set_title(name, color=INK, fontsize=9, parse_math=False)
    with atomic_write(Path(path)) as partial:
        figure.savefig(partial)


def outlined(
    pixels: np.ndarray,
    boxes: Sequence[tuple[int, int, int, int]],
    colours: Sequence[str] = OTHERS,
    width: int = 3,
) -> np.ndarray:
    """Return a picture with boxes drawn onto it, the line inside of each.

    Args:
        pixels: uint8 (h, w, 3) RGB, left as they are.
        boxes: (ymin, xmin, ymax, xmax) in pixels, half-open.
        colours: of the boxes, as ``#rrggbb``; they come again where there are fewer.
        width: of the lines in pixels.

    Returns:
        uint8 (h, w, 3) RGB.
    """
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    for place, (ymin, xmin, ymax, xmax) in enumerate(boxes):
        colour = colours[place % len(colours)]
        draw.rectangle((xmin, ymin, xmax - 1, ymax - 1), outline=colour, width=width)
    return np.array(image)
