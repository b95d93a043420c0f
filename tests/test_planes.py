"""The drawn aeroplanes: right boxes, VOC's layout, variety, a complete set or none."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from common.errors import InputError
from common.files import REPOSITORY
from datasets.drawn import planes
from datasets.drawn.aircraft import KINDS
from datasets.drawn.planes import Scene, draw_picture, draw_scene, ensure_planes
from datasets.drawn.scenery import MOODS
from datasets.drawn.shapes import visible_box
from datasets.voc import VocSet
from hierarchy.baselines import RandomPolicy, UpperBoundPolicy
from hierarchy.evaluation import Evaluator, run_policy
from hierarchy.images import SearchImage
from hierarchy.metrics import GroundTruth
from hierarchy.search import SearchSpec

TRAINVAL, TEST, SEED = 8, 3, 5


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "planes"
    return ensure_planes(folder, TRAINVAL, TEST, SEED, report=lambda text: None)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [planes.plan_scene(np.random.default_rng([11, i])) for i in range(200)]


def names_in(folder: Path, title: str) -> list[str]:
    return (folder / "ImageSets" / "Main" / f"{title}.txt").read_text().split()


def boxes_of(scene: Scene) -> list[tuple[int, ...]]:
    """Return (ymin, xmin, ymax, xmax) of the part of each plane inside the picture."""
    inside = [np.clip(plane.outline, 0, scene.size) for plane in scene.planes]
    return [tuple(np.rint(box[:, ::-1]).astype(int).ravel().tolist()) for box in inside]


def test_a_picture_depends_on_its_seed_split_and_number_alone():
    pixels, objects = draw_picture("test", 1, 3)
    again, same_objects = draw_picture("test", 1, 3)
    np.testing.assert_array_equal(pixels, again)
    assert objects == same_objects
    for other in (("test", 2, 3), ("trainval", 1, 3), ("test", 1, 4)):
        assert not np.array_equal(pixels, draw_picture(*other)[0])


def test_pictures_do_not_depend_on_how_many_there_are(drawn: Path, tmp_path: Path):
    planes.draw_planes(tmp_path, 3, 1, SEED)
    for split, count in (("trainval", 3), ("test", 1)):
        assert names_in(tmp_path, split) == names_in(drawn, split)[:count]
        for name in names_in(tmp_path, split):
            for file in (f"JPEGImages/{name}.jpg", f"Annotations/{name}.xml"):
                assert (tmp_path / file).read_bytes() == (drawn / file).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("index", range(12))
def test_a_box_is_the_tight_one_of_what_the_plane_changes(index: int, scenes):
    scene = scenes[index]._replace(planes=scenes[index].planes[-1:])
    picture, without = draw_scene(scene), draw_scene(scene, with_planes=False)
    change = np.asarray(picture.image, int) - np.asarray(without.image, int)
    rows, columns = np.nonzero(np.abs(change).max(2) > 8)
    found = rows.min(), columns.min(), rows.max(), columns.max()
    (box,) = (visible_box(mask) for name, mask in picture.things if name == "aeroplane")
    # Pixels that are covered by less than half may change just outside.
    assert np.abs(np.subtract(found, box)).max() <= 2
    outline = scene.planes[0].outline[:, ::-1].ravel() - [0, 0, 1, 1]
    limits = [0, 0, scene.size[1] - 1, scene.size[0] - 1]
    np.testing.assert_allclose(box, np.clip(outline, 0, limits[2:] * 2), atol=2.5)
    others = [name for name, _ in picture.things if name != "aeroplane"]
    assert others == [name for name, _ in without.things]


def test_the_set_is_read_back_as_voc(drawn: Path):
    for split, count in (("trainval", TRAINVAL), ("test", TEST)):
        images = list(VocSet.open(drawn, split, "aeroplane"))
        names = names_in(drawn, split)
        assert len(names) == count
        shown = {image.name: image for image in images}
        for index, name in enumerate(names):
            pixels, objects = draw_picture(split, index, SEED)
            is_plane = any(thing[0] == "aeroplane" for thing in objects)
            assert (name in shown) == is_plane == (index % 24 not in (6, 17))
            if not is_plane:
                continue
            assert shown[name].pixels.shape == pixels.shape
            difference = np.abs(shown[name].pixels.astype(float) - pixels)
            assert difference.mean() < 6  # what JPEG takes away
            half_open = [(*box[:2], box[2] + 1, box[3] + 1) for _, _, box in objects]
            assert [item.box for item in shown[name].objects] == half_open


def test_the_lists_name_every_picture_once_with_its_label(drawn: Path):
    trainval, test = names_in(drawn, "trainval"), names_in(drawn, "test")
    assert not set(trainval) & set(test)
    train, val = names_in(drawn, "train"), names_in(drawn, "val")
    assert sorted(train + val) == trainval and abs(len(train) - len(val)) <= 1
    labels = names_in(drawn, "aeroplane_trainval")
    assert labels[::2] == trainval
    assert labels[1::2] == ["-1" if i == 6 else "1" for i in range(TRAINVAL)]


@pytest.mark.slow
def test_objects_are_in_the_picture_and_flagged_where_the_edge_cuts_them():
    seen = [draw_picture("trainval", index, 1) for index in range(30)]
    for pixels, objects in seen:
        height, width = pixels.shape[:2]
        assert (width, height) in planes.SIZES
        for name, truncated, (ymin, xmin, ymax, xmax) in objects:
            assert 0 <= ymin <= ymax < height and 0 <= xmin <= xmax < width
            at_edge = min(ymin, xmin) == 0 or ymax == height - 1 or xmax == width - 1
            assert truncated == at_edge
            if name != "aeroplane":
                assert min(ymax - ymin, xmax - xmin) + 1 >= planes.SMALLEST_SIDE
    names = [name for _, objects in seen for name, _, _ in objects]
    assert set(names) == {"aeroplane", "bird", "boat"}


@pytest.mark.slow
def test_kinds_settings_lights_sizes_and_places_vary(scenes):
    flat = [plane for scene in scenes for plane in scene.planes]
    assert {plane.kind for plane in flat} == set(KINDS) and len(KINDS) == 4
    assert {scene.setting for scene in scenes} == set(planes.SETTINGS)
    assert {scene.mood for scene in scenes} == set(MOODS)
    assert 0.05 < np.mean([len(scene.planes) == 2 for scene in scenes]) < 0.3
    assert 0.05 < np.mean([plane.is_parked for plane in flat]) < 0.35
    boxes = [(np.array(boxes_of(scene)[-1]), scene.size) for scene in scenes]
    shares = [(box[2:] - box[:2]).max() / max(size) for box, size in boxes]
    low, middle, high = np.quantile(shares, [0.1, 0.5, 0.9])
    assert low < 0.4 and 0.45 < middle < 0.7 and 0.7 < high < 0.95
    centres = [(box[:2] + box[2:]) / 2 / size[::-1] for box, size in boxes]
    assert np.std(centres, axis=0).min() > 0.1
    cut = [min(box[:2]) <= 0 or (box[2:] >= size[::-1]).any() for box, size in boxes]
    assert 0.03 < np.mean(cut) < 0.25


def test_the_search_is_neither_trivial_nor_impossible(scenes):
    tallies = {"upper": Evaluator(), "random": Evaluator()}
    rng = np.random.default_rng(0)
    for number, scene in enumerate(scenes):
        boxes = tuple(boxes_of(scene))
        picture = SearchImage(str(number), np.zeros((*scene.size[::-1], 3), np.uint8))
        policies = UpperBoundPolicy(boxes), RandomPolicy(rng)
        for tally, policy in zip(tallies.values(), policies, strict=True):
            visited = list(run_policy(picture, policy, SearchSpec()))
            tally.add(GroundTruth(boxes, (False,) * len(boxes)), visited, 0.0)
    assert 0.65 < tallies["upper"].curve.average_precision < 0.9
    assert tallies["random"].curve.average_precision < 0.05


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Count the pictures that are drawn; small ones, to be fast."""
    made = []

    def draw_small(split: str, index: int, seed: int) -> tuple:
        made.append((split, index, seed))
        return np.full((6, 8, 3), index, np.uint8), []

    monkeypatch.setattr(planes, "draw_picture", draw_small)
    return made


def ensure_small(folder: Path, seed: int = 0) -> Path:
    return ensure_planes(folder, 3, 2, seed, report=lambda text: None)


def test_a_set_is_drawn_once_and_again_where_it_is_incomplete(tmp_path, calls):
    folder = ensure_small(tmp_path / "planes")
    ensure_small(folder)
    assert len(calls) == 5
    ensure_small(folder, seed=1)
    assert len(calls) == 10
    for lost in ("planes.json", "JPEGImages/000002.jpg", "Annotations/500001.xml"):
        (folder / lost).unlink()
        calls.clear()
        ensure_small(folder, seed=1)
        assert len(calls) == 5 and (folder / lost).exists()
    assert [path.name for path in tmp_path.iterdir()] == ["planes"]


@pytest.mark.slow
def test_a_killed_drawing_leaves_nothing_taken_as_complete(tmp_path: Path, calls):
    folder = tmp_path / "planes"
    command = [sys.executable, "-m", "datasets.drawn.planes", "--folder", str(folder)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    limit = time.monotonic() + 60
    while not list(tmp_path.rglob("*.jpg")) and time.monotonic() < limit:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(tmp_path.rglob("*.jpg"))
    assert not folder.exists() and not list(tmp_path.rglob("planes.json"))
    assert len(names_in(ensure_small(folder), "trainval")) == 3


@pytest.mark.parametrize(
    ("field", "least"), [("trainval", 1), ("test", 1), ("seed", 0)]
)
def test_too_small_numbers_are_refused_in_a_line(
    tmp_path: Path, field: str, least: int
):
    line = f"^{field}: {least - 1}; expected {least} to 500000$"
    with pytest.raises(InputError, match=line):
        ensure_planes(tmp_path / "planes", **{field: least - 1})
    assert list(tmp_path.iterdir()) == []
