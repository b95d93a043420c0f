"""Strips of searches: what stands on them, and the files they are written to."""

import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import pytest
from PIL import Image
from recorded_canvas import record, texts

from common.errors import InputError
from common.files import REPOSITORY
from report import canvas
from report.searches import (
    COLOURS,
    FOLLOWED,
    LOOKED_AT,
    NEXT,
    OBJECT,
    SIDE,
    Frame,
    draw_search,
)


class Action(NamedTuple):
    name: str
    glyph: str


ACTIONS = tuple(Action(f"action {n}", glyph) for n, glyph in enumerate("↖↗↙↘⊙✓", 1))
TRIGGER = len(ACTIONS)


def noise(height: int = 100, width: int = 150) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def frame(picture=None, region=None, action=TRIGGER, **more) -> Frame:
    picture = noise() if picture is None else picture
    ymin, xmin, ymax, xmax = region or (0, 0, *picture.shape[:2])
    more = {"q_values": np.arange(6.0)} | more
    pixels = picture[ymin:ymax, xmin:xmax]
    return Frame(picture, (ymin, xmin, ymax, xmax), pixels, action, **more)


def search(picture: np.ndarray, steps: int, **more) -> list[Frame]:
    """A search whose regions become smaller."""
    height, width = picture.shape[:2]
    regions = [(0, 0, height - n, width - n) for n in range(steps)]
    moves = [frame(picture, region, 1, **more) for region in regions[:-1]]
    return [*moves, frame(picture, regions[-1], outcome="right", **more)]


def draw(tmp_path: Path, frames, title: str = "", actions=ACTIONS) -> np.ndarray:
    draw_search(frames, actions, tmp_path / "strip.png", title)
    assert [file.name for file in tmp_path.iterdir()] == ["strip.png"]
    with Image.open(tmp_path / "strip.png") as image:
        return np.array(image.convert("RGB"))


@pytest.fixture
def calls(monkeypatch):
    return record(monkeypatch)


@pytest.mark.parametrize(
    ("steps", "columns", "rows"), [(1, 1, 1), (8, 8, 1), (10, 5, 2)]
)
def test_a_strip_has_a_column_for_each_step(tmp_path, calls, steps, columns, rows):
    strip = draw(tmp_path, search(noise(), steps), "a title")
    images = calls["image"]
    assert len(images) == 2 * steps  # the picture, and what the network sees
    crops = [(x, y) for x, y, pixels in images[1::2]]
    assert len({x for x, _ in crops}) == columns and len({y for _, y in crops}) == rows
    assert {str(step) for step in range(1, steps + 1)} <= set(texts(calls))
    height, width, _ = strip.shape
    assert width <= 260 * columns + 60 <= 3000 and height < 900 * rows


@pytest.mark.parametrize("count", [2, 6, 7, 9])
def test_there_are_as_many_bars_as_actions(tmp_path, calls, count):
    actions = [Action(f"a{number}", "⊙") for number in range(count)]
    shown = frame(action=count, q_values=np.ones(count))
    draw(tmp_path, [shown], actions=actions)
    assert len(calls["polygon"]) == count + 1  # the beam is one, too
    assert f"⊙ a{count - 1}" in texts(calls)


def test_the_region_is_outlined_where_it_lies_and_the_rest_is_faded(tmp_path, calls):
    picture = np.full((200, 300, 3), 90, np.uint8)
    draw(tmp_path, [frame(picture, (50, 75, 150, 225), action=1)])
    (left, top, shown), _ = calls["image"]
    box, _ = next(call for call in calls["box"] if call[1] is LOOKED_AT[""])
    scale = SIDE / 300
    relative = np.subtract(box, (top, left, top, left))
    assert relative == pytest.approx(np.multiply((50, 75, 150, 225), scale), abs=1)
    bright = (shown == 90).all(axis=-1)
    assert bright.sum() == pytest.approx(100 * 150 * scale**2, rel=0.05)


def test_pixels_of_the_networks_size_are_shown_one_by_one(tmp_path):
    seen = noise(SIDE, SIDE)
    picture = np.zeros((60, 90, 3), np.uint8)
    strip = draw(tmp_path, [Frame(picture, (0, 0, 60, 90), seen, 1)])
    inner = seen[4:-4, 4:-4]  # the outline's dark edge takes the rim
    rows, columns = np.nonzero((strip == inner[0, 0]).all(axis=-1))
    size = len(inner)
    assert any(
        np.array_equal(strip[y : y + size, x : x + size], inner)
        for y, x in zip(rows, columns, strict=True)
    )


@pytest.mark.parametrize("outcome", ["", "right", "wrong", "detection"])
def test_an_outcome_has_a_colour_of_its_own(tmp_path, calls, outcome):
    assert len(set(COLOURS.values())) == 4
    draw(tmp_path, [frame(action=3, outcome=outcome)])
    styles = {style for _, style in calls["box"]} & set(LOOKED_AT.values())
    assert styles == {LOOKED_AT[outcome]}
    # The beam and the bar of the chosen action have it, other bars have not.
    colours = Counter(colour for _, colour, *_ in calls["polygon"])
    assert colours[COLOURS[outcome]] == 2 and len(colours) == 2


def bars(calls) -> list[tuple[float, float]]:
    """Left and right end of each bar of the last strip."""
    polygons = [points for points, *_ in calls["polygon"]]
    return [(points[0][0], points[1][0]) for points in polygons[1:]]


def test_bars_share_their_scale_and_their_zero(tmp_path, calls):
    draw(tmp_path, [frame(q_values=np.array([2.0, 1, -1, 0, 0, 0]))])
    two, one, minus, *_ = bars(calls)
    assert two[0] == one[0] == minus[0]
    assert two[1] - two[0] == pytest.approx(2 * (one[1] - one[0]))
    assert minus[0] - minus[1] == pytest.approx(one[1] - one[0])


def test_without_q_values_it_says_why(tmp_path, calls):
    for note, said in (("", "no Q-values"), ("random", "random"), ("forced", "forced")):
        calls.clear()
        draw(tmp_path, [frame(q_values=None, note=note)])
        assert said in texts(calls) and "Q-values" not in texts(calls)
        assert not bars(calls)


def test_reward_iou_and_title_are_shown_where_known(tmp_path, calls):
    plain = draw(tmp_path, [frame()])
    assert not any("IoU" in text for text in texts(calls))
    scored = [frame(action=1, iou=0.3, reward=-1, is_iou_after=True), frame(iou=0.31)]
    assert len(draw(tmp_path, scored)) > len(plain)
    assert {"−1", "→ IoU 0.30", "IoU 0.31"} <= set(texts(calls))
    longer = draw(tmp_path, [frame()], "a_long_name_without_a_gap/" * 4)
    assert longer.shape[1] == plain.shape[1] and len(longer) > len(plain) + 60


def test_objects_and_the_next_region_are_outlined(tmp_path, calls):
    boxes = ((20, 20, 90, 140), (50, 10, 80, 28))
    known = {"objects": boxes, "followed": 1}
    draw(tmp_path, [frame(action=1, **known), frame(outcome="wrong", **known)])
    styles = Counter(style for _, style in calls["box"])
    # Each object in both pictures, each style in the legend.
    assert styles[OBJECT] == styles[FOLLOWED] == 3
    assert styles[NEXT] == 2  # a detection leads nowhere
    assert {"object", "object followed", "next"} <= set(texts(calls))
    assert FOLLOWED.width > OBJECT.width and FOLLOWED.dashes and OBJECT.dashes


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (3, 3000), (3000, 3)])
def test_images_of_every_shape_fit(tmp_path, size):
    whole = frame(noise(*size), reward=1, iou=0.2)
    height, width, _ = draw(tmp_path, [whole] * 3).shape
    assert width < 900 and 500 < height < 900


def test_files_stay_small_whatever_they_show(tmp_path, monkeypatch):
    assert canvas.MAX_BYTES == 1_500_000
    monkeypatch.setattr(canvas, "MAX_BYTES", 150_000)
    picture = np.zeros((400, 400, 3), np.uint8)
    height, width, _ = draw(tmp_path, search(picture, 2)).shape
    new_height, new_width, _ = draw(tmp_path, search(noise(400, 400), 2)).shape
    assert (tmp_path / "strip.png").stat().st_size <= 150_000
    assert new_width < width
    assert new_height / new_width == pytest.approx(height / width, rel=0.01)


@pytest.mark.parametrize("size", [0, 1e-9, 1e7, np.nan])
def test_q_values_of_every_size_can_be_drawn(tmp_path, size):
    q_values = np.array([0, np.inf, -1, 1, 2, 3], np.float32)
    q_values[2:] *= np.float32(size)
    draw(tmp_path, [frame(q_values=q_values)])


def test_same_frames_same_bytes_whatever_the_user_has_set(tmp_path):
    frames = search(noise(40, 60), 2, objects=((1, 2, 20, 30),))
    draw(tmp_path, frames, "title")
    file = (tmp_path / "strip.png").read_bytes()
    theirs = {"text.usetex": True, "font.family": "monospace", "figure.dpi": 50}
    with matplotlib.rc_context(theirs):
        draw(tmp_path, frames, "title")
    assert (tmp_path / "strip.png").read_bytes() == file


def test_titles_may_hold_anything(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(tmp_path, [frame()], "图/a$b_c$ \\frac \udcff\n\tend")


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".PNG"])
def test_the_suffix_says_the_format(tmp_path, suffix):
    draw_search([frame()], ACTIONS, tmp_path / f"strip{suffix}")
    with Image.open(tmp_path / f"strip{suffix}") as image:
        assert image.format == {".jpg": "JPEG", ".webp": "WEBP", ".PNG": "PNG"}[suffix]


def test_other_suffixes_and_empty_searches_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"strip\.h5: has suffix '\.h5'"):
        draw_search([frame()], ACTIONS, tmp_path / "strip.h5")
    with pytest.raises(ValueError, match="without steps"):
        draw_search([], ACTIONS, tmp_path / "strip.png")
    assert not list(tmp_path.iterdir())


def test_a_failed_drawing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "strip.jpg"
    path.write_text("old")

    def fail(self, file, **options):
        Path(file).write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(InputError, match="strip.jpg: cannot be written: disk full"):
        draw_search([frame()], ACTIONS, path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


@pytest.mark.slow
def test_report_stands_on_common_alone():
    code = "import sys, report.curves, report.glimpses, report.searches;"
    code += "print(sorted({name.partition('.')[0] for name in sys.modules} & "
    code += "{'keras', 'tensorflow', 'hierarchy', 'glimpse_rnn', 'datasets', 'weights'}"
    code += "), 'matplotlib.pyplot' in sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[] False", answer.stderr
