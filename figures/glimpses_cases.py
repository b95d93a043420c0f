"""What Figs. 2, 7 and 8 of the glimpse paper share: single images, drawn on.

A test of ``glimpse_rnn`` lists what it saw under ``cases`` of its ``results.json``:
``image`` (a path, from the file's folder on), ``prediction`` and ``truth`` as (row,
column), ``trajectory`` as a list of such, all in pixels of that image, and the
normalised ``distance``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from common.files import replacing
from common.images import read_image
from common.sheet import HALO, INK
from figures.runs import Results
from figures.style import write_csv

TRAJECTORY, PREDICTION, TRUTH = "#ffd43b", "#fa5252", "#40c057"
"""Yellow, red and green, as in the paper."""

_COLUMNS = 4


@dataclass(frozen=True)
class Case:
    """One image of a test.

    Attributes:
        image: its file.
        prediction: (row, column) in pixels of the image.
        truth: (row, column) in pixels of the image.
        trajectory: (row, column) of each glimpse, in order.
        distance: between prediction and truth, normalised; the smaller the better.
    """

    image: Path
    prediction: tuple[float, float]
    truth: tuple[float, float]
    trajectory: tuple[tuple[float, float], ...]
    distance: float


def cases_of(results: Results) -> list[Case]:
    """Return the cases that a test listed, by rising distance.

    Raises:
        InputError: there are none, or a field is not there or not of its kind.
    """
    listed = results.get("cases", kind=list)
    results.expect(bool(listed), "cases is empty", "at least one")
    cases = []
    for number, values in enumerate(listed):
        where = f"cases[{number}]"
        results.expect(isinstance(values, dict), f"{where} is no object", "fields")
        case = Results(Path(f"{results.path}: {where}"), values)
        trajectory = case.get("trajectory", kind=list)
        case.expect(
            all(_is_point(point) for point in trajectory),
            "trajectory is no list of points",
            "(row, column) pairs",
        )
        cases.append(
            Case(
                results.path.parent / case.get("image", kind=str),
                _point(case, "prediction"),
                _point(case, "truth"),
                tuple(map(tuple, trajectory)),
                float(case.get("distance", kind=(int, float))),
            )
        )
    return sorted(cases, key=lambda case: case.distance)


def _is_point(values: object) -> bool:
    return (
        isinstance(values, list)
        and len(values) == 2
        and all(isinstance(value, int | float) for value in values)
    )


def _point(case: Results, name: str) -> tuple[float, float]:
    values = case.get(name, kind=list)
    case.expect(_is_point(values), f"{name} is {values}", "a (row, column) pair")
    return tuple(values)


def draw_cases(
    cases: Sequence[Case],
    folder: Path,
    name: str,
    title: str,
    with_trajectory: bool = True,
) -> None:
    """Draw images with trajectory, prediction and truth on them; write the numbers.

    Args:
        cases: in the order in which they are drawn, row by row.
        folder: where to.
        name: of both files, without suffix.
        title: what stands above.
        with_trajectory: whether glimpses are drawn too.

    Raises:
        InputError: an image cannot be read.
    """
    columns = min(_COLUMNS, len(cases))
    rows = -(-len(cases) // columns)
    pictures = [read_image(case.image) for case in cases]
    tallest = max(len(pixels) / pixels.shape[1] for pixels in pictures)
    size = (2.6 * columns, (2.6 * min(tallest, 2) + 0.3) * rows + 0.4)
    figure = Figure(size, dpi=150, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK, fontsize=12, fontweight="bold", parse_math=False)
    for place, (case, pixels) in enumerate(zip(cases, pictures, strict=True), 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.axis("off")
        axes.imshow(pixels)
        axes.set_title(f"Δ {case.distance:.3f}", color=INK, fontsize=10)
        if with_trajectory:
            _draw_trajectory(axes, case.trajectory)
        for point, colour in ((case.truth, TRUTH), (case.prediction, PREDICTION)):
            look = {"markeredgecolor": HALO, "markersize": 8, "markeredgewidth": 1.2}
            axes.plot(point[1], point[0], "o", color=colour, zorder=4, **look)
    with replacing(folder / f"{name}.png") as partial:
        figure.savefig(partial)
    heading = ("image", "distance", "what", "row", "column")
    write_csv(folder / f"{name}.csv", heading, _rows(cases))
    print(folder / f"{name}.png")


def _draw_trajectory(axes: Axes, trajectory: Sequence[tuple[float, float]]) -> None:
    if not trajectory:
        return
    rows, columns = np.array(trajectory, float).T
    axes.plot(columns, rows, color=HALO, linewidth=3.2, alpha=0.6, zorder=2)
    axes.plot(columns, rows, color=TRAJECTORY, linewidth=1.8, zorder=3)
    for number, (row, column) in enumerate(trajectory, 1):
        look = {"ha": "center", "va": "center", "fontsize": 6, "color": INK}
        box = {"boxstyle": "circle,pad=0.15", "facecolor": TRAJECTORY, "linewidth": 0}
        axes.text(column, row, str(number), bbox=box, zorder=3, **look)


def _rows(cases: Sequence[Case]) -> list[tuple]:
    rows = []
    for case in cases:
        points = [("truth", case.truth), ("prediction", case.prediction)]
        points += [(f"glimpse {n}", at) for n, at in enumerate(case.trajectory, 1)]
        rows += [(case.image.name, case.distance, what, *at) for what, at in points]
    return rows
