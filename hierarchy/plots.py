"""Results as pictures: precision-recall curves, and regions until an object is found.

Source: paper, Figs. 5 to 8. As with strips, matplotlib's global state stays untouched.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from common.plotting import GRID, OTHERS, finish_plot, new_plot, say
from common.sheet import INK

AGENT, CHANCE, BOUND = "#e8590c", "#99a1a9", "#2b8aef"
COLOURS = {
    "agent": AGENT,
    "random": CHANCE,
    "upper bound": BOUND,
    "paper": "#c6ccd2",
}
"""Colours that are the same in every plot, by how a name begins."""

Curve = tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray, float]
"""Recall and precision, (n,) floats in [0, 1] by rising recall, and the AP."""


def draw_precision_recall(
    curves: Mapping[str, Curve],
    path: Path,
    title: str = "",
    behind: Callable[[Axes, Mapping[str, str]], None] | None = None,
) -> None:
    """Draw precision over recall, as in the paper's Figs. 5 to 7.

    A curve is drawn in steps, each as high as the precision at its right end, so that
    the area below is the sum that AP is. A dot marks its last find; behind it precision
    falls at the same recall. Curves without points are named in the legend only.

    Args:
        curves: by name; those that begin with agent, random or upper bound (or
            upper_bound) have colours of their own.
        path: where to; the suffix says the format.
        title: what stands above.
        behind: draws more onto the axes, given the colour of each curve.
    """
    figure, axes = new_plot(title, "recall", "precision")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(color=GRID, linewidth=0.8)
    colours = _colours(curves)
    for name, colour in colours.items():
        _draw_curve(axes, name, curves[name], colour)
    if behind is not None:
        behind(axes, colours)
    if not any(len(recall) for recall, _, _ in curves.values()):
        say(axes, "no detections")
    finish_plot(figure, axes, path, legend="below")


def _draw_curve(axes: Axes, name: str, curve: Curve, colour: str) -> None:
    """Draw one curve, the agent's on top, and lowest what it is measured by."""
    recall, precision, ap = curve
    last_find = np.searchsorted(recall, recall[-1:]).sum()
    recall, precision = (
        np.asarray(values, float)[: last_find + 1] for values in (recall, precision)
    )
    strong = colour == AGENT
    layer = 4 if strong else 2.5 if colour in (CHANCE, BOUND) else 3
    look = {"color": colour, "zorder": layer, "clip_on": False}
    known = ap is not None and np.isfinite(ap)
    label = f"{_plain(name)}  AP {ap:.3f}" if known else f"{_plain(name)}  no AP"
    axes.step(
        np.concatenate([[0.0] * (len(recall) > 0), recall]),
        np.concatenate([precision[:1], precision]),
        where="pre",
        linewidth=2.4 if strong else 1.5,
        label=label,
        **look,
    )
    axes.plot(recall[-1:], precision[-1:], "o", markersize=6 if strong else 4, **look)


def draw_regions_per_object(
    histograms: Mapping[str, Sequence[int]], path: Path, title: str = ""
) -> None:
    """Draw how many objects were found after 1, 2, … regions, as in the paper's Fig. 8.

    Args:
        histograms: by name, how many objects were found after one region, after two,
            and so on; they may be of different length.
        path: where to; the suffix says the format.
        title: what stands above.
    """
    figure, axes = new_plot(
        title, "regions analysed until the object was found", "objects"
    )
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    longest = max(map(len, histograms.values()), default=0)
    width = 0.8 / max(len(histograms), 1)
    for place, (name, colour) in enumerate(_colours(histograms).items()):
        shift = (place - (len(histograms) - 1) / 2) * width
        _draw_bars(axes, name, histograms[name], colour, shift, width)
    axes.set(xlim=(0.4, max(longest, 9) + 0.6), xticks=range(1, max(longest, 9) + 1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=(1, 2, 5, 10)))
    axes.set_ylim(bottom=0)
    if not any(sum(counts) for counts in histograms.values()):
        axes.set_ylim(0, 1)
        say(axes, "no object was found")
    finish_plot(figure, axes, path)


def _draw_bars(
    axes: Axes,
    name: str,
    counts: Sequence[int],
    colour: str,
    shift: float,
    width: float,
) -> None:
    """Draw one histogram, with the numbers on its bars where there is room."""
    places = np.arange(1, len(counts) + 1) + shift
    label = f"{_plain(name)}  {sum(counts)} found"
    bars = axes.bar(places, counts, width * 0.92, color=colour, label=label, zorder=3)
    if width > 0.25:
        texts = [str(count) if count else "" for count in counts]
        axes.bar_label(bars, texts, padding=2, color=INK, fontsize=9)


def _plain(name: str) -> str:
    """Return the name as it is read; results files write ``upper_bound``."""
    return name.replace("upper_bound", "upper bound")


def _colours(names: Mapping[str, object]) -> dict[str, str]:
    """Return the colour of each name."""
    colours, others = {}, 0
    for name in names:
        plain = _plain(name).lower()
        fixed = [c for start, c in COLOURS.items() if plain.startswith(start)]
        taken = not fixed or fixed[0] in colours.values()
        colours[name] = OTHERS[others % len(OTHERS)] if taken else fixed[0]
        others += taken
    return colours
