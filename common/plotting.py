"""Plots that look alike; matplotlib's global state stays untouched."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from common.files import replacing
from common.sheet import INK, QUIET

GRID = "#e3e7eb"

OTHERS = ("#2f9e44", "#9c36b5", "#b08900", "#0c8599", "#c2255c", "#5f3dc4")
"""Colours of what has none of its own, in the order in which they come."""


def new_plot(title: str, x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """Return an empty plot with a title and the names of its axes."""
    figure = Figure((6.4, 4.8), dpi=200, facecolor="white", layout="constrained")
    figure.get_layout_engine().set(w_pad=0.15, h_pad=0.15)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor="white")
    dress(axes, title, x_label, y_label)
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


def finish_plot(figure: Figure, axes: Axes, path: Path, outside: bool = False) -> None:
    """Add the legend, on the axes or beside them; write the file in one stroke."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        (figure if outside else axes).legend(
            handles,
            labels,
            loc="outside right upper" if outside else "best",
            frameon=True,
            framealpha=0.9,
            edgecolor="none",
            labelcolor=INK,
            fontsize=10,
        )
    with replacing(Path(path)) as partial:
        figure.savefig(partial)
