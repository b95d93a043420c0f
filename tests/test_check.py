"""The look at a data set: what is counted, what follows from it, and the program."""

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from check.advice import box_advice, keypoint_advice
from check.boxes import (
    MOST_SEARCHED,
    MOVES,
    SIDE_EDGES,
    BoxFacts,
    Reach,
    box_facts,
    object_sides,
)
from check.config import CheckSettings
from check.keypoints import keypoint_facts
from check.program import check
from check.show import shaded
from check.times import Times
from common.errors import InputError
from datasets.keypoint_annotations import read_annotations
from figures.scenes import Scene
from hierarchy.features import FeatureExtractor
from hierarchy.regions import calculate_iou, subregion, whole_image

ROOT = Path(__file__).parents[1]

# --- boxes ---------------------------------------------------------------------------

SIZE = 60, 80


@st.composite
def boxes(draw):
    top, left = draw(st.integers(0, SIZE[0] - 2)), draw(st.integers(0, SIZE[1] - 2))
    return (
        top,
        left,
        draw(st.integers(top + 1, SIZE[0])),
        draw(st.integers(left + 1, SIZE[1])),
    )


def best_of_tree(box, scale, moves):
    """The largest IoU of all regions, one after the other."""
    regions = [whole_image(*SIZE)]
    best = calculate_iou(regions[0].box, box)
    places = [*product((0, 1), (0, 1)), (1 / 2, 1 / 2)]
    for _ in range(moves):
        regions = [subregion(one, place, scale) for one in regions for place in places]
        best = max([best, *(calculate_iou(one.box, box) for one in regions)])
    return best


@given(st.lists(boxes(), min_size=1, max_size=3))
@settings(max_examples=10, deadline=None)
def test_reach_is_what_a_plain_search_of_the_tree_finds(found):
    facts = box_facts({"trainval": [Scene(SIZE, tuple(found))]}, None)
    assert facts.objects == facts.searched == len(found)
    for one in facts.reach:
        plain = np.mean([best_of_tree(box, one.scale, 3) > 0.5 for box in found])
        assert one.whole_tree[3] == pytest.approx(plain, abs=1e-4)
        assert len(one.chance) == len(one.greedy) == MOVES + 1
        for less, more in ((one.chance, one.greedy), (one.greedy, one.whole_tree)):
            assert less == sorted(less) and more == sorted(more)
        assert all(a <= b for a, b in zip(one.greedy, one.whole_tree, strict=True))


def test_a_side_is_the_root_of_a_share_of_the_area():
    whole, quarter = (0, 0, *SIZE), (0, 0, SIZE[0] // 2, SIZE[1] // 2)
    sides = object_sides([Scene(SIZE, (whole, quarter)), Scene(SIZE, (quarter,))])
    assert sides == pytest.approx([1, 0.5, 0.5])
    scenes = {"trainval": [Scene(SIZE, (whole, quarter))], "test": []}
    facts = box_facts(scenes, None)
    assert facts.images == {"trainval": 1, "test": 0} and facts.per_image == {2: 1}
    counted = dict(zip(SIDE_EDGES, facts.side_counts, strict=False))
    assert {low for low, count in counted.items() if count} == {0.5, 0.9}


def test_of_very_many_objects_a_sample_is_searched_for():
    scenes = [Scene(SIZE, ((0, 0, *SIZE),))] * (MOST_SEARCHED + 1)
    facts = box_facts({"trainval": scenes}, np.random.default_rng(0))
    assert (facts.objects, facts.searched) == (MOST_SEARCHED + 1, MOST_SEARCHED)
    assert facts.reach[0].greedy[0] == 1


def reach(at_once=0.0, fast=0.8, nine=0.8, scale=3 / 4):
    greedy = [at_once, *[fast] * 5, *[nine] * 4]
    return Reach(scale, [0.1] * (MOVES + 1), greedy, greedy)


def facts_of(trainval=600, test=100, per_image=None, wide=None, narrow=None):
    images = {"trainval": trainval, "test": test}
    return BoxFacts(
        images,
        700,
        per_image or {1: 700},
        median_side=0.3,
        reach=[wide or reach(), narrow or reach(scale=1 / 2)],
    )


ADVICE = [
    (facts_of(), []),
    (facts_of(trainval=40), [r"few to train on \(40 images\)"]),
    (facts_of(test=12), ["12 images to test on"]),
    (
        facts_of(per_image={1: 3, 2: 3}),
        ["50% of the images hold several objects: .*--only_first_object 0"],
    ),
    (facts_of(wide=reach(at_once=0.4)), ["40% of the objects fill their image"]),
    (
        facts_of(wide=reach(fast=0.5, nine=0.7), narrow=reach(fast=0.5, nine=0.6)),
        ["--number_of_steps 10 reaches 70% of the objects, the preset's 6 50%"],
    ),
    (
        facts_of(wide=reach(fast=0.5, nine=0.8)),
        ["--scale_subregion 0.5 reaches 80% .* in 5 movements, 3/4 50%"],
    ),
    (
        facts_of(wide=reach(fast=0.1, nine=0.1), narrow=reach(fast=0.1, nine=0.1)),
        ["90% of the objects are out of reach"],
    ),
]


@pytest.mark.parametrize(("facts", "patterns"), ADVICE)
def test_advice_names_what_the_numbers_say_and_no_more(facts, patterns):
    said = list(box_advice(facts, []))
    # What fits is always said, and nothing else without a reason.
    assert said[0].startswith("--preset fast fits: ")
    both = facts.images["trainval"] >= 450  # half of the paper's 900
    assert both is said[1].startswith("--preset paper fits as well: ")
    assert both is ("the published learning rate is made for" not in said[0])
    for pattern, line in zip(patterns, said[1 + both :], strict=True):
        assert re.match(pattern, line)


def test_the_time_of_the_preset_is_in_the_advice():
    times = [Times("fast", 600, 3, 200, 600, 10**9, 10**8)]
    times.append(Times("paper", 600, 50, 720, 36000, 10**9, 10**8))
    fast, paper, *_ = box_advice(facts_of(), times)
    assert "about 10 minutes here" in fast and "about 10 hours here" in paper
    fast, *others = box_advice(facts_of(trainval=449), times)
    assert "about 10 minutes here" in fast and not others
    words = times[0].words()
    assert "an epoch of 600 images takes about 3 minutes, all 3 about 10" in words
    assert "1.0 GB of memory, 0.1 GB of disk" in words


# --- keypoints -----------------------------------------------------------------------


@pytest.fixture
def keypoints(tmp_path: Path) -> Path:
    """Two pictures that are the same but for their names, and two others."""
    for number, name in enumerate("abcd"):
        colour = (40 * max(number, 1), 80, 120)
        Image.new("RGB", (80, 60), colour).save(tmp_path / f"{name}.png")
    rows = [
        "image,x,y,normaliser,visible,split",
        "a.png,9.5,9.5,30,1,train",
        "b.png,69.5,49.5,60,1,test",
        "c.png,9.5,49.5,45,1,train",
        "d.png,1,1,45,0,train",
        "d.png,1,99,45,1,train",
    ]
    (tmp_path / "annotations.csv").write_text("\n".join(rows))
    return tmp_path


def test_keypoints_are_counted(keypoints):
    facts = keypoint_facts(read_annotations(keypoints, 1))
    assert facts.images == {"train": 2, "test": 1}
    assert facts.invisible == {"train": 1, "test": 0}
    lengths = facts.normalisers
    assert (lengths.smallest, lengths.median, lengths.largest) == (30, 45, 60)
    assert facts.normalisers_of_height.median == 0.75
    # Columns 10, 70 and 10 of 80, rows 10, 50 and 50 of 60.
    rows, columns = np.std([10, 50, 50]) / 60, np.std([10, 70, 10]) / 80
    assert facts.deviation == pytest.approx((rows, columns), abs=1e-4)
    grid = np.array(facts.grid)
    assert grid.sum() == 3 and grid[1, 1] == grid[5, 10] == grid[5, 1] == 1
    assert facts.duplicates == facts.shared == [["a.png", "b.png"]]
    # The mean place is row 30, column 10; the one test image's 20 and 60 pixels off.
    assert facts.constant["0.10"] == 0


def test_advice_about_keypoints(keypoints):
    facts = keypoint_facts(read_annotations(keypoints, 1))
    times = [Times("paper", 2, 140, 60, 8400, 10**9, 10**8)]
    said = "\n".join(keypoint_advice(facts, times, "left_eye", 256))
    for words in (
        "--preset paper, about 2 hours here",
        "few to train on (2 images)",
        "left_eye has a side",
        "1 picture to train on and to test on, such as a.png, b.png",
        "1 image to test on",
    ):
        assert words in said
    assert "pixels of the canvas" in "".join(keypoint_advice(facts, [], "", 16))
    assert "--flip" not in "".join(keypoint_advice(facts, [], "nose", 256))


def test_advice_names_each_preset_of_keypoints_with_its_time(keypoints):
    facts = keypoint_facts(read_annotations(keypoints, 1))
    times = [Times("fast", 990, 45, 8, 360, 10**9, 10**8)]
    times.append(Times("paper", 990, 140, 9, 1200, 10**9, 10**8))
    said = [line for line in keypoint_advice(facts, times, "", 256) if "preset" in line]
    fast, strongest, paper = said
    assert fast.startswith("--preset fast, about 6 minutes here")
    # Of the photographs that it was measured on, 51 where fast took 6.
    assert strongest.startswith("--preset strongest, about 51 minutes")
    assert "not measured here" in strongest and "85 %" in strongest
    assert paper.startswith("--preset paper, about 20 minutes here")


def test_shades_are_darker_where_there_is_more():
    assert shaded([[0, 1], [4, 2]]) == ["  ░░", "██▒▒"]
    assert shaded([[0]]) == ["  "]


# --- the program ---------------------------------------------------------------------


def test_nothing_to_look_at_is_said():
    with pytest.raises(InputError, match="path_voc and path_data are left out"):
        check(CheckSettings())


def test_files_of_others_are_not_written_over(keypoints, tmp_path):
    mine = tmp_path / "instances.json"
    for content in ('{"images": []}', "no JSON", "[]"):
        mine.write_text(content)
        with pytest.raises(InputError, match="instances.json: is there, and"):
            check(CheckSettings(path_data=keypoints, seconds=0, json=mine))
        assert mine.read_text() == content


def test_keypoints_on_the_screen_and_in_json(keypoints, tmp_path, capsys):
    path = tmp_path / "found.json"
    check(CheckSettings(path_data=keypoints, seconds=0, json=path))
    said = capsys.readouterr().out
    assert "a table with commas between columns, 5 rows" in said
    assert "line 6, y: 99; expected -0.5 to 59.5" in said
    assert "a.png, b.png" in said and "so:" in said
    found = json.loads(path.read_text())["keypoints"]
    assert len(found["wrong"]) == 1 and found["images"] == {"train": 2, "test": 1}
    assert found["advice"]


def test_a_broken_picture_is_wrong_and_nothing_stops_at_it(keypoints, capsys):
    whole = (keypoints / "c.png").read_bytes()
    (keypoints / "c.png").write_bytes(whole[: len(whole) - 30])
    check(CheckSettings(path_data=keypoints, seconds=0))
    said = capsys.readouterr().out
    assert "c.png: cannot be decoded" in said and "images: 2 to train on" in said


def annotation(*boxes, size=(60, 80), name="raccoon"):
    corners = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{name}</name><bndbox>"
        + "".join(f"<{c}>{v}</{c}>" for c, v in zip(corners, box, strict=True))
        + "</bndbox></object>"
        for box in boxes
    )
    height, width = size
    stated = f"<size><width>{width}</width><height>{height}</height></size>"
    return f"<annotation>{stated}{objects}</annotation>"


@pytest.fixture
def raccoons(tmp_path: Path) -> Path:
    """Ten pictures beside their annotations: one is missing, one cut short."""
    for number in range(10):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (80, 60), (20 * number, 80, 120)).save(path)
        path.with_suffix(".xml").write_text(annotation((11, 11, 50, 40)))
    (tmp_path / "3.png").unlink()
    whole = (tmp_path / "4.png").read_bytes()
    (tmp_path / "4.png").write_bytes(whole[: len(whole) - 30])
    text = annotation((11, 11, 50, 40), (50, 11, 11, 40))
    (tmp_path / "5.xml").write_text(text)
    return tmp_path


def test_boxes_are_read_and_all_that_is_wrong_is_named(raccoons, capsys, tmp_path):
    (raccoons / "6.png").write_bytes((raccoons / "7.png").read_bytes())
    path = tmp_path / "found.json"
    check(CheckSettings(path_voc=raccoons, seconds=0, json=path))
    found = json.loads(path.read_text())["boxes"]
    wrong = "\n".join(found["wrong"])
    for words in ("no picture 3", "4.png: cannot be decoded", "5.xml: object 2"):
        assert words in wrong
    assert len(found["wrong"]) == 3
    assert sum(found["images"].values()) == 8
    # A box of 40 by 30 pixels in one of 80 by 60.
    assert found["median_side"] == 0.5
    said = capsys.readouterr().out
    assert "classes: raccoon" in said and "there are no splits: 2 of 10" in said
    # Whether the two same pictures are in one part is up to the draw.
    assert found["shared"] in ([], ["6"], ["7"])


def test_pictures_of_both_parts_are_named(tmp_path, capsys):
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        Image.new("RGB", (80, 60), "#335577").save(tmp_path / part / "a.png")
        (tmp_path / part / "a.xml").write_text(annotation((11, 11, 50, 40)))
    check(CheckSettings(path_voc=tmp_path, seconds=0, class_object="Raccoon"))
    assert "1 picture to train on and to test on" in capsys.readouterr().out


def test_where_nothing_is_left_all_that_is_wrong_is_still_said(raccoons, tmp_path):
    for picture in raccoons.glob("*.png"):
        picture.unlink()
    path = tmp_path / "found.json"
    check(CheckSettings(path_voc=raccoons, json=path))
    found = json.loads(path.read_text())["boxes"]
    assert len(found["wrong"]) >= 10 and "nothing to train on" in found["advice"][0]


def test_without_a_trunk_all_else_is_said(raccoons, tmp_path, capsys):
    (tmp_path / "none.h5").write_text("<html>")
    path_vgg, path = tmp_path / "none.h5", tmp_path / "found.json"
    check(CheckSettings(path_voc=raccoons, path_vgg=path_vgg, json=path))
    assert f"not measured: {path_vgg}" in capsys.readouterr().out
    assert json.loads(path.read_text())["boxes"]["advice"]


def test_a_class_that_a_set_lacks_lists_those_it_has(raccoons):
    with pytest.raises(InputError, match="class_object to be one of .*raccoon"):
        check(CheckSettings(path_voc=raccoons, seconds=0, class_object="otter"))


@pytest.mark.slow
def test_the_program_looks_at_both_kinds_at_once(keypoints, tmp_path):
    from datasets.drawn.planes import draw_planes

    draw_planes(tmp_path / "planes", trainval=3, test=2)
    words = ["--path_voc", tmp_path / "planes", "--path_data", keypoints]
    words += ["--seconds", "0", "--json", tmp_path / "found.json"]
    process = subprocess.run(
        [sys.executable, "-m", "datasets.check", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0 and process.stderr == "", process.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["boxes"]["images"] == {"trainval": 3, "test": 2}
    assert found["boxes"]["wrong"] == [] and found["boxes"]["times"] == []
    assert found["keypoints"]["images"] == {"train": 2, "test": 1}
    assert "share of the objects that searches can find" in process.stdout


@pytest.mark.slow
def test_a_training_of_keypoints_is_measured(keypoints):
    from check.timing import glimpse_times
    from datasets.keypoints import FileSource, KeypointSet

    points = read_annotations(keypoints, 1).keypoints

    def open_images(side):
        return KeypointSet(FileSource(points, side, 10**9))

    small = "--image_size 32 --radius 4 --bandwidth 8 --levels 2 --glimpses 2".split()
    (*_, times) = glimpse_times(open_images, 0.01, [*small, "--epochs", "7"])
    assert (times.preset, times.images, times.epochs) == ("paper", 3, 7)
    assert times.training_seconds == pytest.approx(7 * times.epoch_seconds) != 0
    assert times.memory_bytes > 1e8 and times.disk_bytes > 7 * 1e5


@pytest.mark.slow
def test_a_training_of_a_detector_is_measured(tmp_path, monkeypatch):
    from check import timing
    from datasets.drawn.planes import draw_planes
    from datasets.voc import VocSet
    from hierarchy.q_network import get_q_network

    class Constant(FeatureExtractor):
        size, fingerprint, mirror = 40, {}, np.arange(40)

        def __call__(self, images, regions):
            return np.ones((len(regions), self.size), np.float32)

    monkeypatch.setattr(timing, "make_features", lambda settings: Constant())
    draw_planes(tmp_path, trainval=3, test=1)
    images = VocSet.open(tmp_path, "trainval", 1)
    fast, paper = timing.detector_times("image_zooms", images, 3, 0.05)
    assert (fast.preset, paper.preset, paper.epochs) == ("fast", "paper", 50)
    assert paper.training_seconds == pytest.approx(50 * paper.epoch_seconds)
    # A state of 40 features and 24 actions of the history.
    assert paper.disk_bytes == 50 * 4 * kernels(get_q_network(64))


def kernels(network):
    return sum(w.shape[0] * w.shape[1] for w in network.weights if len(w.shape) == 2)
