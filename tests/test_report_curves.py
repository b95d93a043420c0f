"""Plots: what is drawn on their axes, and the files that they become."""

import hashlib
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from common.bootstrap import resample_counts
from common.errors import InputError
from glimpse_rnn import metrics
from hierarchy.evaluation import Evaluator
from hierarchy.metrics import Detection, GroundTruth
from report.canvas import outlined
from report.curves import (
    DETECTOR_COLOURS,
    Line,
    PublishedCurve,
    draw_accuracy_over_iou,
    draw_detection_rate,
    draw_images,
    draw_line_panels,
    draw_lines,
    draw_precision_recall,
    draw_rate_by_glimpses,
    draw_recall_after_regions,
    draw_regions_per_object,
    draw_table,
)

GREY = np.full((40, 60, 3), 90, np.uint8)
RED, BLUE = (255, 0, 0), (0, 0, 255)
CURVE = ([0.1, 0.1, 0.3, 0.3], [1.0, 0.5, 0.6, 0.4], 0.22)


@pytest.fixture
def figures(monkeypatch):
    """All figures that are saved."""
    saved, save = [], Figure.savefig

    def noting(self, *arguments, **options):
        saved.append(self)
        return save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", noting)
    return saved


def lines_of(figure):
    """Lines by the first word of their label."""
    return {line.get_label().split("  ")[0]: line for line in figure.axes[0].lines}


def test_curves_have_colours_that_can_be_told_apart(tmp_path, figures):
    names = ("agent", "random", "upper_bound", "epoch 45", "agent 2")
    draw_precision_recall(dict.fromkeys(names, CURVE), tmp_path / "a.png", "title")
    colours = {n: to_hex(line.get_color()) for n, line in lines_of(figures[0]).items()}
    assert len(set(colours.values())) == 5
    for name in ("agent", "random", "upper bound"):
        assert colours[name] == DETECTOR_COLOURS[name]


def test_the_area_below_a_curve_is_its_ap(tmp_path, figures):
    recall, precision = [0.2, 0.2, 0.4, 0.6, 0.6], [1.0, 0.5, 0.6, 0.7, 0.3]
    draw_precision_recall({"agent": (recall, precision, 0.46)}, tmp_path / "a.png")
    line = lines_of(figures[0])["agent"]
    x, y = line.get_data()
    assert line.get_drawstyle() == "steps-pre"
    assert np.sum(np.diff(x) * y[1:]) == pytest.approx(0.2 * (1.0 + 0.6 + 0.7))
    assert (x[-1], y[-1]) == (0.6, 0.7) and line.get_markevery() == [-1]
    assert figures[0].axes[0].get_xlim() == (0, 1)


def test_published_curves_are_thin_and_in_the_colour_of_ours(tmp_path, figures):
    paper = PublishedCurve(6, ((0.05, 0.5), (0.1, 0.4)), 0.3, 0.12)
    others = {"image_zooms": CURVE, "random": CURVE}
    published = {"image_zooms": paper, "epoch 50": paper}
    draw_precision_recall(others, tmp_path / "a.png", "t", published)
    lines = lines_of(figures[0])
    ours, theirs = lines["image_zooms"], lines["paper, image_zooms"]
    assert ours.get_color() == theirs.get_color() != lines["random"].get_color()
    assert theirs.get_linewidth() < ours.get_linewidth()
    assert theirs.get_xydata().tolist() == [[0.05, 0.5], [0.1, 0.4]]
    assert lines["_end of image_zooms"].get_xydata().tolist() == [[0.3, 0]]
    assert "paper, image_zooms  area 0.120" in theirs.get_label()
    legend = [text.get_text() for text in figures[0].legends[0].get_texts()]
    assert len(legend) == 4 and not any("end" in text for text in legend)


@pytest.mark.slow
def test_bars_are_as_high_as_the_counts(tmp_path, figures):
    counts = {"agent": [67, 25, 20], "random": [3, 0, 0, 0, 0, 0, 0, 0, 0, 1]}
    draw_regions_per_object(counts, tmp_path / "a.png")
    (axes,) = figures[0].axes
    drawn = {
        bars.get_label().split()[0]: [bar.get_height() for bar in bars]
        for bars in axes.containers
    }
    assert drawn == counts
    assert axes.get_xticks().tolist() == [*range(1, 11)]


def test_rates_are_drawn_over_distance_and_over_glimpses(tmp_path, figures):
    values = metrics.curve(np.linspace(0, 0.2, 50))
    paper = {"distance": metrics.THRESHOLDS, "rate": [10] * 5}
    curves = {"mean policy": values, "whole image": values}
    draw_detection_rate(curves, tmp_path / "a.png", "t", {"paper": paper})
    lines = lines_of(figures[0])
    assert list(lines["mean policy"].get_ydata()) == values["rate"]
    assert list(lines["paper"].get_xdata()) == list(metrics.THRESHOLDS)
    assert len({line.get_color() for line in lines.values()}) == 3
    draw_rate_by_glimpses(
        [{"0.02": 1, "0.10": 2}, {"0.02": 3, "0.10": 4}], tmp_path / "b.png"
    )
    assert list(lines_of(figures[1])["Δ ≤ 0.10"].get_ydata()) == [2, 4]


def shaded(figure):
    """The lowest and highest of each shaded area."""
    return [
        area.get_paths()[0].get_extents().intervaly.tolist()
        for area in figure.axes[0].collections
    ]


def test_scores_are_drawn_with_their_intervals(tmp_path, figures):
    """Those of agents, as a test writes them, and of the glimpses' first curve."""
    truths = [GroundTruth(((0, 0, 10, 10),), (False,))] * 6
    right = [Detection(n, (0, 0, 10, 8 - n % 3), 1.0) for n in range(5)]
    evaluator = Evaluator(4, truths, right, right, [1, 2, 2, 3, 0, 0])
    results = evaluator.results(resample_counts(np.random.default_rng(0), 6))
    agents = {"agent": results, "upper_bound": results}
    draw_accuracy_over_iou(agents, tmp_path / "a.png", "t")
    draw_recall_after_regions(agents, tmp_path / "b.png", "t")
    for figure, score, name in (
        (figures[0], "accuracy", "rate"),
        (figures[1], "recall_after_regions", "recall"),
    ):
        line, values = lines_of(figure)["agent"], results[score][name]
        assert list(line.get_ydata()) == values
        low, high = np.transpose(results["intervals"][score][name])
        assert shaded(figure) == [pytest.approx([min(low), max(high)])] * 2
        assert f"{results[score]['area']:.3f}" in line.get_label()
    assert list(lines_of(figures[1])["agent"].get_xdata()) == [1, 2, 3, 4]
    distances = np.linspace(0, 0.2, 50)
    counts = resample_counts(np.random.default_rng(0), 50)
    summary = metrics.summary(distances, counts)
    interval = summary["intervals"]["curve"]["rate"]
    curves = {"mean policy": {**summary["curve"], "interval": interval}}
    draw_detection_rate({**curves, "centre": summary["curve"]}, tmp_path / "c.png")
    assert shaded(figures[2]) == [pytest.approx([0, 100], abs=1)]


def test_lines_may_have_a_spread_and_stand_in_panels(tmp_path, figures):
    line = Line([1, 2], [3, 4], spread=[0.5, 0.5])
    panels = {"one": {"a": line, "b": line}, "two": {}}
    draw_line_panels(panels, tmp_path / "a.png", "x", "y", ylim=(0, 9))
    one, two = figures[0].axes
    assert len(one.collections) == 2 and one.get_ylim() == two.get_ylim() == (0, 9)
    low, high = one.collections[0].get_datalim(one.transData).intervaly
    assert (low, high) == (2.5, 4.5)
    assert [text.get_text() for text in two.texts] == ["not run"]


def test_ours_are_bold_in_a_table(tmp_path, figures):
    rows = [("ours", "1"), ("theirs", "2")]
    draw_table(("", "0.02"), rows, tmp_path / "a.png", "title", bold=[0])
    (table,) = figures[0].axes[0].tables
    bold = {n: c.get_text().get_fontweight() for n, c in table.get_celld().items()}
    assert bold[1, 0] == "bold" and bold[2, 0] == "normal"
    assert table[2, 1].get_text().get_text() == "2"


@pytest.mark.parametrize(
    ("draw", "data"),
    [
        (draw_precision_recall, {}),
        (draw_precision_recall, {"agent": ([], [], float("nan"))}),
        (draw_precision_recall, {"agent": (np.zeros(3), np.zeros(3), 0.0)}),
        (draw_regions_per_object, {}),
        (draw_regions_per_object, {"agent": [], "random": [0, 0]}),
    ],
)
def test_empty_results_give_an_empty_plot(tmp_path, draw, data):
    digests = set()
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            draw(data, tmp_path / "plot.png", "100 % $ nothing")
        digests.add(hashlib.sha256((tmp_path / "plot.png").read_bytes()).hexdigest())
    assert len(digests) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["plot.png"]


def test_matplotlibs_state_stays_as_it_is_and_a_failure_leaves_nothing(
    tmp_path, monkeypatch
):
    before = dict(matplotlib.rcParams)
    draw_lines({"a": Line([1], [2])}, tmp_path / "a.png", "t", "x", "y")
    assert dict(matplotlib.rcParams) == before

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(InputError, match="b.png: cannot be written: disk full"):
        draw_lines({"a": Line([1], [2])}, tmp_path / "b.png", "t", "x", "y")
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(("columns", "is_wide"), [(6, True), (1, False)])
def test_panels_stand_in_rows(tmp_path, columns, is_wide):
    panels = [("a picture", GREY), ("a map", np.eye(4)), ("$100", GREY)]
    draw_images(panels, tmp_path / "panels.png", columns)
    with Image.open(tmp_path / "panels.png") as picture:
        assert (picture.width > picture.height) == is_wide


def test_boxes_are_outlined_on_the_inside_and_later_ones_lie_on_top():
    drawn = outlined(GREY, [(5, 10, 25, 40)], ["#ff0000"], width=2)
    is_red = (drawn == RED).all(axis=-1)
    assert is_red[5, 10] and is_red[24, 39] and not is_red[7, 12]
    assert is_red.sum() == 20 * 30 - 16 * 26
    assert (drawn[~is_red] == 90).all()
    assert (GREY == 90).all(), "the picture itself was drawn on"
    boxes = [(0, 0, 10, 10), (20, 20, 30, 30), (30, 40, 40, 60)]
    drawn = outlined(GREY, boxes, ["#ff0000", "#0000ff"], width=1)
    assert [tuple(drawn[ymin, xmin]) for ymin, xmin, *_ in boxes] == [RED, BLUE, RED]
    twice = outlined(GREY, boxes[:1] * 2, ["#ff0000", "#0000ff"], width=1)
    assert not (twice == RED).all(axis=-1).any()
