"""Ceilings: whole trees as arrays, against searches and trees grown one by one."""

import csv
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from toy import zoom

from common.errors import InputError
from figures.ceilings import Ceilings, compute_ceilings
from figures.scenes import Scene, classes_of, read_scenes
from figures.table import draw
from figures.trees import exhaustive_ious, greedy_ious, random_finds
from hierarchy.actions import PAPER_ACTIONS, TRIGGER
from hierarchy.baselines import RandomPolicy, UpperBoundPolicy
from hierarchy.evaluation import run_policy
from hierarchy.images import SearchImage
from hierarchy.metrics import best_iou
from hierarchy.quirks import Quirks
from hierarchy.regions import whole_image
from hierarchy.search import SearchSpec

SHARED_DATA = Path(
    os.environ.get("SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
)
VOC2007 = SHARED_DATA / "voc2007_aeroplane_annotations"

KINDS = "random", "greedy", "exhaustive"

needs_voc2007 = pytest.mark.skipif(not VOC2007.is_dir(), reason="no real data at hand")


@st.composite
def scenes(draw):
    height, width = draw(st.integers(20, 300)), draw(st.integers(20, 300))
    boxes = []
    for _ in range(draw(st.integers(1, 3))):
        ymin, xmin = (draw(st.integers(0, side - 2)) for side in (height, width))
        ymax = draw(st.integers(ymin + 1, height))
        xmax = draw(st.integers(xmin + 1, width))
        boxes.append((ymin, xmin, ymax, xmax))
    return Scene((height, width), tuple(boxes))


SCENES = st.lists(scenes(), min_size=1, max_size=4)
SCALES = st.sampled_from([3 / 4, 2 / 4, 0.6])
QUIRKS = st.sampled_from([Quirks(), Quirks.published(), Quirks(centre_offset=True)])


def looks(scene, policy, rules):
    pixels = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (*scene.size, 3))
    return list(run_policy(SearchImage("blank", pixels), policy, rules))


def tree(scene, rules):
    """The regions of a tree by level."""
    level = [whole_image(*scene.size)]
    for _ in range(rules.number_of_steps):
        yield level
        level = [
            zoom(region, move, rules.scale_subregion, rules.quirks)
            for region, move in itertools.product(level, PAPER_ACTIONS.moves)
        ]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(SCENES, SCALES, QUIRKS)
def test_greedy_searches_end_where_the_upper_bound_triggers(some, scale, quirks):
    rules = SearchSpec(scale, 8, quirks)
    ious = greedy_ious(some, rules)
    assert ious.shape == (len(some), 8)
    for scene, row in zip(some, ious, strict=True):
        path = looks(scene, UpperBoundPolicy(scene.boxes), rules)
        seen = [best_iou(look.region.box, scene.boxes) for look in path]
        assert path[-1].output.action == TRIGGER
        assert row.tolist() == seen + [seen[-1]] * (8 - len(seen))


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(SCENES, SCALES, QUIRKS)
def test_the_exhaustive_best_is_the_best_of_all_regions(some, scale, quirks):
    rules = SearchSpec(scale, 5, quirks)
    ious = exhaustive_ious(some, rules)
    for scene, row in zip(some, ious, strict=True):
        best = [
            max(best_iou(region.box, scene.boxes) for region in level)
            for level in tree(scene, rules)
        ]
        assert row.tolist() == np.maximum.accumulate(best).tolist()


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(SCENES, SCALES, QUIRKS)
def test_chances_are_the_sum_over_all_paths(some, scale, quirks):
    """Against every sequence of three actions, each as likely as any other."""
    rules = SearchSpec(scale, 4, quirks)
    chances = random_finds(some, rules)
    for scene, row in zip(some, chances, strict=True):
        found = np.zeros(4)
        for actions in itertools.product(PAPER_ACTIONS.numbers, repeat=3):
            region, over = whole_image(*scene.size), False
            for moves in range(4):
                over |= best_iou(region.box, scene.boxes) > 0.5
                found[moves] += over
                if moves == 3 or actions[moves] == TRIGGER:
                    found[moves + 1 :] += over
                    break
                region = zoom(region, actions[moves], scale, quirks)
        assert row == pytest.approx(found / 6**3, abs=1e-12)


@pytest.mark.slow
def test_random_agents_find_as_often_as_computed():
    scene = Scene((100, 140), ((5, 8, 60, 90), (60, 70, 95, 130)))
    rules = SearchSpec(3 / 4, 10)
    policy = RandomPolicy(np.random.default_rng(3))
    runs = 2000
    found = sum(
        any(
            best_iou(look.region.box, scene.boxes) > 0.5
            for look in looks(scene, policy, rules)
        )
        for _ in range(runs)
    )
    expected = random_finds([scene], rules)[0, -1]
    assert 0.05 < expected < 0.95
    assert abs(found / runs - expected) < 4 * np.sqrt(expected * (1 - expected) / runs)


@settings(deadline=None, max_examples=20)
@given(SCENES, SCALES)
def test_the_first_better_move_is_no_better_than_the_exhaustive_best(some, scale):
    rules = SearchSpec(scale, 5)
    first = greedy_ious(some, rules, first_better=True)
    assert (np.diff(first, axis=1) >= 0).all()
    assert (first <= exhaustive_ious(some, rules)).all()
    assert (first[:, 0] == greedy_ious(some, rules)[:, 0]).all()


def test_nothing_to_search_gives_nothing():
    rules = SearchSpec(3 / 4, 5)
    for compute in (greedy_ious, exhaustive_ious, random_finds):
        assert compute([], rules).shape == (0, 5)


@pytest.mark.slow
@needs_voc2007
@pytest.mark.parametrize(
    ("quirks", "greedy"),
    [((), (158, 93)), (("one_based_boxes",), (155, 91)), (("published",), (154, 90))],
)
def test_ceilings_of_voc_2007_are_those_measured_elsewhere(quirks, greedy):
    """The greedy ones by another program; 46 or 48 whole images overlap enough."""
    found, skipped = compute_ceilings(
        Ceilings(path_voc=VOC2007, quirks=quirks, number_of_steps=10)
    )
    assert not skipped
    assert [one.scale for one in found] == [3 / 4, 2 / 4]
    assert all(one.class_name == "aeroplane" for one in found)
    assert all(one.positives == 204 for one in found)
    assert tuple(one.greedy[-1] for one in found) == greedy
    for one in found:
        assert one.greedy[0] == one.exhaustive[0] == one.random[0]
        assert one.greedy[0] == (46 if quirks else 48)
        assert (one.exhaustive >= one.greedy).all() and (one.greedy >= one.random).all()


@needs_voc2007
def test_objects_count_alone(tmp_path, capsys):
    """285 of the 309 objects of the set are not difficult; ceilings count them all."""
    counted = {"per": "object", "number_of_steps": 3}
    draw("ceilings", path_voc=VOC2007, out=tmp_path, **counted)
    with open(tmp_path / "ceilings.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 3
    assert {row["positives"] for row in rows} == {"309"}
    assert [row["moves"] for row in rows] == ["0", "1", "2"] * 2
    assert (tmp_path / "ceilings.png").stat().st_size > 10_000
    assert "aeroplane    3/4" in capsys.readouterr().out


@pytest.fixture
def one_image(tmp_path):
    """A database of one image of 100 × 200 pixels with a cat and a dog, no pixels."""
    (tmp_path / "Annotations").mkdir()
    sets = tmp_path / "ImageSets" / "Main"
    sets.mkdir(parents=True)
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>"
        f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox></object>"
        for name, box in (("cat", (1, 1, 150, 75)), ("dog", (101, 51, 200, 100)))
    )
    (tmp_path / "Annotations" / "1.xml").write_text(
        "<annotation><size><width>200</width><height>100</height></size>"
        f"{objects}</annotation>"
    )
    for name in ("cat", "dog"):
        (sets / f"{name}_test.txt").write_text("1 1\n")
    return tmp_path


def test_each_class_that_is_listed_is_counted(one_image):
    found, _ = compute_ceilings(Ceilings(path_voc=one_image))
    rows = {(one.class_name, one.scale): one for one in found}
    assert set(rows) == {(n, s) for n in ("cat", "dog") for s in (3 / 4, 2 / 4)}
    # The cat is the upper left three quarters, the dog the lower right half.
    assert rows["cat", 3 / 4].greedy.tolist() == [1] * 10  # 9/16 of the whole image
    assert rows["dog", 3 / 4].exhaustive.tolist() == [0, 0] + [1] * 8
    assert rows["dog", 2 / 4].greedy.tolist() == [0] + [1] * 9
    # One in six goes straight there, with quarters that do not overlap.
    assert rows["dog", 2 / 4].random == pytest.approx([0] + [1 / 6] * 9)


@pytest.mark.slow
def test_the_table_says_what_its_commands_compute(one_image, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    draw("ceilings_table", path_voc=one_image, class_object="dog", out=out)
    with open(out / "ceilings_table.csv", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 8 * 2 * 3 + 2 * 6
    by_flags = {}
    for row in table:
        by_flags.setdefault(row["flags"], []).append(row)
    some = by_flags["--quirks published --moves first_better"]
    words = some[0]["command"].split()
    assert words[:4] == ["python", "-m", "figures", "ceilings"]
    command = [sys.executable, *words[1:], "--out", str(out)]
    subprocess.run(command, cwd=one_image.parent, check=True, capture_output=True)
    with open(out / "ceilings.csv", newline="") as file:
        computed = [row for row in csv.DictReader(file) if row["moves"] == "9"]
    expected = [one[who] for one in computed for who in KINDS]
    assert [row["value"] for row in some] == expected
    assert [row["scale"] for row in some] == ["3/4"] * 3 + ["2/4"] * 3
    triggers = [row for row in table if "detectors_fig5" in row["command"]]
    words = triggers[0]["command"].split()
    command = [sys.executable, *words[1:], "--out", str(out)]
    said = subprocess.run(
        command, cwd=one_image.parent, check=True, capture_output=True, text=True
    ).stdout
    values = {(row["scale"], row["who"], row["measure"]): row for row in triggers}
    for scale in ("3/4", "2/4"):
        for who in ("random", "upper bound"):
            found = float(values[scale, who, "found"]["value"])
            area = float(values[scale, who, "ap (paper)"]["value"])
            (line,) = (x for x in said.splitlines() if x.startswith(f"{who} {scale}"))
            assert f"found {found:.1f} of 1" in line and f"AP {area:.3f}" in line


def test_a_set_without_sizes_is_refused_by_name(one_image):
    path = one_image / "Annotations" / "1.xml"
    path.write_text(path.read_text().replace("<width>200</width>", ""))
    with pytest.raises(InputError, match="1.xml: there is no size"):
        compute_ceilings(Ceilings(path_voc=one_image))


@pytest.mark.parametrize("stated", [(200, 100), (100, 200)])
def test_the_pictures_own_size_counts_where_there_is_a_picture(one_image, stated):
    path = one_image / "Annotations" / "1.xml"
    (one_image / "JPEGImages").mkdir()
    Image.new("RGB", (200, 100)).save(one_image / "JPEGImages" / "1.png")
    for tag, old, new in zip(("width", "height"), (200, 100), stated, strict=True):
        text = path.read_text().replace(f"<{tag}>{old}<", f"<{tag}>{new}<")
        path.write_text(text)
    scenes, skipped = read_scenes(one_image, "test", "dog")
    assert [one.size for one in scenes] == [(100, 200)] and not skipped
    Image.new("RGB", (200, 101)).save(one_image / "JPEGImages" / "1.png")
    with pytest.raises(InputError, match="the picture is 200 wide and 101 high"):
        read_scenes(one_image, "test", "dog")


def test_a_set_of_its_own_classes_is_counted_by_what_annotations_hold(one_image):
    path = one_image / "Annotations" / "1.xml"
    path.write_text(path.read_text().replace("cat", "Raccoon"))
    for name in ("cat", "dog"):
        (one_image / "ImageSets" / "Main" / f"{name}_test.txt").unlink()
    (one_image / "ImageSets" / "Main" / "test.txt").write_text("1")
    assert classes_of(one_image, "test") == ["dog", "raccoon"]
    found, _ = compute_ceilings(Ceilings(path_voc=one_image))
    assert [one.class_name for one in found] == ["dog", "dog", "raccoon", "raccoon"]


def test_a_set_may_be_wrong_about_an_image(one_image):
    sets = one_image / "ImageSets" / "Main"
    (sets / "bird_test.txt").write_text("1 1\n")
    settings_ = Ceilings(path_voc=one_image, skip_bad=1)
    with pytest.raises(InputError, match="1.xml: there is no bird"):
        compute_ceilings(Ceilings(path_voc=one_image))
    found, skipped = compute_ceilings(settings_)
    assert [one.positives for one in found] == [0, 0, 1, 1, 1, 1]
    assert len(skipped) == 1 and "there is no bird" in skipped[0]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scales": (1.0,)}, "scales: 1.0; expected between 0 and 1"),
        ({"number_of_steps": 0}, "number_of_steps is 0; expected 1 to 12"),
        ({"threshold": 1.5}, "threshold is 1.5"),
        ({"quirks": ("nonsense",)}, "quirks: there is no row 'nonsense'"),
    ],
)
def test_settings_that_no_hierarchy_can_have(wrong, message):
    with pytest.raises(InputError, match=message):
        compute_ceilings(Ceilings(**wrong))
