"""Animations: strips and pictures of rollouts that grow, and the files of them."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageSequence

from common.errors import InputError
from figures.table import draw
from report.canvas import save_animation
from report.glimpses import Rollout, draw_rollout, rollout_stages
from report.page import (
    Page,
    RolloutRecord,
    SearchRecord,
    Step,
    Trajectory,
    picture_of,
    write_page,
)
from report.searches import Frame, draw_search, search_stages


class Action(NamedTuple):
    name: str
    glyph: str


ACTIONS = (Action("left", "↖"), Action("trigger", "✓"))
LOCATIONS = np.array([[-0.8, -0.8], [0.0, 0.0], [0.4, 0.4]])
PREDICTIONS = np.array([[0.9, -0.5], [0.5, 0.1], [0.5, 0.45]])


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)


def frames(count):
    picture = noise(60, 90)
    boxes = [(0, 0, 60 - 4 * n, 90 - 4 * n) for n in range(count)]
    return [
        Frame(picture, box, picture[: box[2], : box[3]], 1 + (box is boxes[-1]))
        for box in boxes
    ]


def rollout(images=True):
    seen = noise(3, 2, 8, 8) if images else None
    windows = np.array([[0.2, 0.2], [0.4, 0.4]])
    truth = np.array([0.5, 0.5])
    return Rollout(
        *(noise(60, 90), LOCATIONS, PREDICTIONS[-1], truth, 0.1, windows, seen, "a")
    )


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("count", [1, 3, 9])
def test_a_strip_grows_to_what_is_drawn_at_once(count, tmp_path):
    draw_search(frames(count), ACTIONS, tmp_path / "strip.png", "title")
    stages = search_stages(frames(count), ACTIONS, "title")
    assert len(stages) == count
    assert (stages[-1] == pixels_of(tmp_path / "strip.png")).all()
    # Each stage adds ink where there was none, and takes none away.
    for before, after in zip(stages, stages[1:], strict=False):
        changed = (before != after).any(axis=-1)
        assert changed.any() and (before[changed] == 255).all()


def test_a_rollout_grows_to_what_is_drawn_at_once(tmp_path):
    draw_rollout(rollout(), tmp_path / "run.png")
    stages = rollout_stages(rollout(), PREDICTIONS, [0.3, 0.2, 0.1])
    assert len(stages) == 3 and len({stage.shape for stage in stages}) == 1
    assert (stages[-1] == pixels_of(tmp_path / "run.png")).all()
    assert (stages[0] != stages[1]).any() and (stages[1] != stages[2]).any()


def test_an_animation_holds_all_pictures_and_their_times(tmp_path):
    greys = [np.full((20, 30, 3), grey, np.uint8) for grey in (0, 128, 255)]
    save_animation(greys, tmp_path / "a.webp", [0.5, 0.25, 2])
    with Image.open(tmp_path / "a.webp") as image:
        shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
        assert image.info["loop"] == 0
        times = []
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            times.append(image.info["duration"])
    assert times == [500, 250, 2000]
    for grey, frame in zip(greys, shown, strict=True):
        assert np.abs(np.asarray(frame).astype(int) - grey).max() <= 4


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(InputError, match="a.gif: has suffix '.gif'; expected '.webp'"):
        save_animation([noise(2, 2)], tmp_path / "a.gif", [1])


def write(folder: Path, *records):
    shown = Page("t", {}, records, actions=ACTIONS, trigger=2, windows=np.ones((2, 2)))
    write_page(shown, folder / "report.html")


def searched(name):
    steps = (
        Step((), (0, 0, 60, 90), 1, [0.5, 0.1], 0.4),
        Step((1,), (0, 0, 45, 68), 2, [0.5, 0.7], 0.75),
    )
    picture = picture_of(noise(60, 90))
    return SearchRecord(name, "right", steps, ((0, 0, 50, 70),), (), (), picture)


def looked(name):
    own = Trajectory(LOCATIONS, PREDICTIONS, np.array([0.3, 0.2, 0.1]))
    picture = picture_of(noise(60, 90))
    return RolloutRecord(name, "right", own, np.array([0.5, 0.5]), (), picture)


@pytest.mark.parametrize(
    ("figure", "make", "steps"), [("search", searched, 2), ("trajectory", looked, 3)]
)
def test_the_page_of_a_test_becomes_an_animation(figure, make, steps, tmp_path):
    write(tmp_path, make("a"), make("b"))
    draw(figure, runs=(tmp_path,), image="b", out=tmp_path)
    with Image.open(tmp_path / f"{figure}.webp") as image:
        assert image.n_frames == steps and min(image.size) > 300
    assert (tmp_path / f"{figure}.webp").stat().st_size < 1_000_000
    with open(tmp_path / f"{figure}.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["b"] * steps
    if figure == "search":
        assert [row["action"] for row in rows] == ["left", "trigger"]
        assert rows[1]["ymax"] == "45"
    else:
        assert float(rows[1]["row"]) == float(rows[1]["column"]) == 0.5


def test_pages_without_the_image_or_of_another_kind_are_named(tmp_path):
    write(tmp_path, searched("a"), searched("b"))
    with pytest.raises(InputError, match="image is 'c'; expected one of a, b"):
        draw("search", runs=(tmp_path,), image="c", out=tmp_path)
    with pytest.raises(InputError, match="report.html: is the page of a search"):
        draw("trajectory", runs=(tmp_path,), out=tmp_path)
