"""The drawn aeroplanes: right boxes, a valid layout, a complete set or none."""

import os
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from datasets.drawn import planes
from datasets.drawn.painting import draw_scene
from datasets.drawn.planes import (
    PlanesSettings,
    draw_picture,
    draw_planes,
    ensure_planes,
    has_plane,
    main,
)
from datasets.drawn.scenery import MOODS
from datasets.drawn.scenes import SETTINGS, PlacedPlane, Scene, plan_scene

TRAINVAL, TEST, SEED = 8, 3, 5


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "planes"
    return ensure_planes(folder, TRAINVAL, TEST, SEED, report=lambda text: None)


@pytest.fixture(scope="module")
def plans() -> list[Scene]:
    return [plan_scene(np.random.default_rng([11, i])) for i in range(160)]


def names_in(drawn: Path, title: str) -> list[str]:
    return (drawn / "ImageSets" / "Main" / f"{title}.txt").read_text().split()


def labels_in(drawn: Path, title: str) -> dict[str, str]:
    words = names_in(drawn, f"aeroplane_{title}")
    return dict(zip(words[::2], words[1::2], strict=True))


def annotation_of(drawn: Path, name: str) -> ElementTree.Element:
    return ElementTree.parse(drawn / "Annotations" / f"{name}.xml").getroot()


# --- the same again ------------------------------------------------------------------


def test_a_picture_depends_on_its_seed_split_and_number_alone():
    pixels, objects = draw_picture("test", 1, 3)
    again, same_objects = draw_picture("test", 1, 3)
    np.testing.assert_array_equal(pixels, again)
    assert objects == same_objects
    for other in (("test", 2, 3), ("trainval", 1, 3), ("test", 1, 4)):
        assert not np.array_equal(pixels, draw_picture(*other)[0])


def test_pictures_do_not_depend_on_how_many_there_are(drawn: Path, tmp_path: Path):
    draw_planes(tmp_path, 3, 1, SEED)
    for split, count in (("trainval", 3), ("test", 1)):
        assert names_in(tmp_path, split) == names_in(drawn, split)[:count]
        for name in names_in(tmp_path, split):
            for file in (f"JPEGImages/{name}.jpg", f"Annotations/{name}.xml"):
                assert (tmp_path / file).read_bytes() == (drawn / file).read_bytes()


# --- boxes ---------------------------------------------------------------------------


def painted(scene: Scene, number: int, shade: float) -> np.ndarray:
    """Paint one of the aeroplanes in a single shade that no light changes."""
    plane = scene.planes[number]
    parts = tuple(
        replace(part, colours=0 * part.colours + shade, glow=0 * part.glow + 1)
        for part in plane.parts
    )
    flat = replace(plane, parts=parts, haze=0.0)
    others = [flat if i == number else p for i, p in enumerate(scene.planes)]
    return draw_scene(replace(scene, planes=tuple(others))).pixels


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return rows.min(), columns.min(), rows.max(), columns.max()


@pytest.mark.parametrize("index", range(10))
def test_a_box_is_the_tight_one_of_the_visible_pixels(index: int):
    scene = plan_scene(np.random.default_rng([21, index]))
    things = [t for t in draw_scene(scene).things if t.name == "aeroplane"]
    assert len(things) == len(scene.planes)
    for number, thing in enumerate(things):
        # Between black and white a pixel changes by the share that the plane covers.
        share = (painted(scene, number, 1) - painted(scene, number, 0)).mean(2)
        assert thing.visible_box() == tight_box(share >= 0.5)


@pytest.mark.parametrize("index", range(4))
def test_leaving_out_an_aeroplane_changes_nothing_outside_its_box(index: int):
    scene = plan_scene(np.random.default_rng([22, index]))
    scene = replace(scene, planes=scene.planes[-1:])
    picture = draw_scene(scene)
    without = draw_scene(scene, with_planes=False)
    changed = np.abs(picture.pixels - without.pixels).max(2) > 1 / 255
    found = tight_box(changed)
    (thing,) = (t for t in picture.things if t.name == "aeroplane")
    # Pixels covered by less than half may change just outside.
    assert np.abs(np.subtract(found, thing.visible_box())).max() <= 2
    assert [t.name for t in without.things] == [
        t.name for t in picture.things if t is not thing
    ]


def test_the_files_hold_the_same_boxes_counted_from_one(drawn: Path):
    for index, name in enumerate(names_in(drawn, "test")):
        pixels, objects = draw_picture("test", index, SEED)
        entries = list(annotation_of(drawn, name).iter("object"))
        assert len(entries) == len(objects)
        for entry, thing in zip(entries, objects, strict=True):
            edges = ("ymin", "xmin", "ymax", "xmax")
            box = [int(entry.findtext(f"bndbox/{edge}")) for edge in edges]
            assert box == [edge + 1 for edge in thing.box]
            assert entry.findtext("name") == thing.name
        with Image.open(drawn / "JPEGImages" / f"{name}.jpg") as image:
            difference = np.asarray(image, float) - pixels
        assert np.abs(difference).mean() < 6  # what JPEG takes away


# --- layout --------------------------------------------------------------------------


def test_the_lists_name_every_picture_once_with_its_label(drawn: Path):
    trainval, test = names_in(drawn, "trainval"), names_in(drawn, "test")
    assert (len(trainval), len(test)) == (TRAINVAL, TEST)
    assert not set(trainval) & set(test)
    train, val = names_in(drawn, "train"), names_in(drawn, "val")
    assert sorted(train + val) == trainval
    pictures = sorted(path.stem for path in (drawn / "JPEGImages").iterdir())
    assert pictures == sorted(trainval + test)
    for title in ("trainval", "test", "train", "val"):
        labels = labels_in(drawn, title)
        assert list(labels) == names_in(drawn, title)
        for name, label in labels.items():
            classes = [e.findtext("name") for e in annotation_of(drawn, name)[5:]]
            assert label == ("1" if "aeroplane" in classes else "-1")


def test_annotations_have_the_fields_of_voc(drawn: Path):
    for name in names_in(drawn, "trainval"):
        root = annotation_of(drawn, name)
        tags = [child.tag for child in root]
        assert tags[:5] == ["folder", "filename", "source", "size", "segmented"]
        assert set(tags[5:]) <= {"object"}
        assert root.findtext("filename") == f"{name}.jpg"
        with Image.open(drawn / "JPEGImages" / f"{name}.jpg") as image:
            assert image.mode == "RGB"
            width, height = image.size
        sizes = [int(root.findtext(f"size/{t}")) for t in ("width", "height", "depth")]
        assert sizes == [width, height, 3]
        for entry in root.iter("object"):
            check_object(entry, width, height)


def check_object(entry: ElementTree.Element, width: int, height: int) -> None:
    assert entry.findtext("name") in ("aeroplane", "bird", "boat", "bus", "car")
    poses = ("Left", "Right", "Frontal", "Rear", "Unspecified")
    assert entry.findtext("pose") in poses
    assert entry.findtext("difficult") == "0"
    edges = ("xmin", "ymin", "xmax", "ymax")
    xmin, ymin, xmax, ymax = (int(entry.findtext(f"bndbox/{e}")) for e in edges)
    assert 1 <= xmin < xmax <= width and 1 <= ymin < ymax <= height
    at_edge = 1 in (xmin, ymin) or xmax == width or ymax == height
    assert entry.findtext("truncated") == str(int(at_edge))


def test_one_picture_in_twelve_has_no_aeroplane(drawn: Path):
    without = [index for index in range(120) if not has_plane(index)]
    assert len(without) == 10
    assert {index % 2 for index in without} == {0, 1}  # some in train, some in val
    labels = list(labels_in(drawn, "trainval").values())
    assert labels == ["1" if has_plane(index) else "-1" for index in range(TRAINVAL)]


# --- variety and difficulty ----------------------------------------------------------


def seen_box(scene: Scene, plane: PlacedPlane) -> np.ndarray:
    """Return (ymin, xmin, ymax, xmax) of the part inside the picture."""
    size = [scene.width, scene.height]
    return np.clip(plane.outline, 0, size)[:, ::-1].ravel()


def overlap(region: np.ndarray, box: np.ndarray) -> float:
    low, high = np.maximum(region[:2], box[:2]), np.minimum(region[2:], box[2:])
    common = np.prod(np.clip(high - low, 0, None))
    areas = np.prod(region[2:] - region[:2]) + np.prod(box[2:] - box[:2])
    return common / (areas - common)


def greedy(scene: Scene) -> list[float]:
    """Return the best IoU of each region on the way that always gains most."""
    boxes = [seen_box(scene, plane) for plane in scene.planes]
    region = np.array([0, 0, scene.height, scene.width], float)
    found = [max(overlap(region, box) for box in boxes)]
    while len(found) < 10:
        side = 0.75 * (region[2:] - region[:2])
        room = region[2:] - region[:2] - side
        corners = [(0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5)]
        starts = [region[:2] + room * corner for corner in corners]
        children = [np.concatenate([start, start + side]) for start in starts]
        gains = [max(overlap(child, box) for box in boxes) for child in children]
        if max(gains) <= found[-1]:
            break
        found.append(max(gains))
        region = children[int(np.argmax(gains))]
    return found


def test_the_search_is_neither_trivial_nor_impossible(plans: list[Scene]):
    ways = [greedy(scene) for scene in plans]
    assert np.mean([way[0] > 0.5 for way in ways]) <= 0.03
    assert 0.68 < np.mean([way[-1] > 0.5 for way in ways]) < 0.9


def test_sizes_range_from_small_to_nearly_the_whole_picture(plans: list[Scene]):
    shares = []
    for scene in plans:
        box = seen_box(scene, scene.planes[-1])
        shares.append((box[2:] - box[:2]).max() / max(scene.height, scene.width))
    assert 0.1 < min(shares) < 0.22 and 0.82 < max(shares) < 0.97
    low, middle, high = np.quantile(shares, [0.25, 0.5, 0.75])
    assert low < 0.55 and 0.5 < middle < 0.7 and high > 0.65


def test_settings_lights_kinds_and_poses_vary(plans: list[Scene]):
    assert {scene.setting for scene in plans} == set(SETTINGS)
    assert len({scene.mood for scene in plans}) >= len(MOODS) - 1
    flying = [plane for scene in plans for plane in scene.planes]
    assert len({plane.kind for plane in flying}) == 9
    assert {p.pose for p in flying} >= {"Left", "Right", "Frontal", "Unspecified"}
    assert 0.05 < np.mean([len(scene.planes) == 2 for scene in plans]) < 0.3
    centres = [plane.outline.mean(0) for plane in flying]
    assert np.std(centres, axis=0).min() > 50


# --- a complete set or none ----------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """Count the pictures that are drawn; small ones, to be quick."""
    made = []

    def draw_small(split: str, index: int, seed: int) -> tuple:
        made.append((split, index, seed))
        return np.full((6, 8, 3), index, np.uint8), []

    monkeypatch.setattr(planes, "draw_picture", draw_small)
    return made


def ensure_small(folder: Path, seed: int = 0) -> Path:
    return ensure_planes(folder, 3, 2, seed, report=lambda text: None)


def test_a_second_call_draws_nothing(tmp_path: Path, calls: list[tuple]):
    folder = tmp_path / "planes"
    assert ensure_small(folder) == folder
    assert len(calls) == 5
    ensure_small(folder)
    assert len(calls) == 5
    ensure_small(folder, seed=1)
    assert len(calls) == 10


def test_an_incomplete_set_is_drawn_again(tmp_path: Path, calls: list[tuple]):
    folder = ensure_small(tmp_path / "planes")
    for lost in ("planes.json", "JPEGImages/000002.jpg", "Annotations/500001.xml"):
        (folder / lost).unlink()
        calls.clear()
        ensure_small(folder)
        assert len(calls) == 5 and (folder / lost).exists()


def test_an_interrupted_drawing_leaves_nothing(
    tmp_path: Path, calls: list[tuple], monkeypatch: pytest.MonkeyPatch
):
    draw_small = planes.draw_picture

    def interrupted(split: str, index: int, seed: int) -> tuple:
        if len(calls) == 3:
            raise KeyboardInterrupt
        return draw_small(split, index, seed)

    monkeypatch.setattr(planes, "draw_picture", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ensure_small(tmp_path / "planes")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(planes, "draw_picture", draw_small)
    folder = ensure_small(tmp_path / "planes")
    assert len(names_in(folder, "trainval")) == 3


def test_what_a_killed_drawing_left_is_cleared_away(tmp_path: Path, calls: list[tuple]):
    killed, running = tmp_path / ".partial-1-planes", tmp_path / ".partial-2-planes"
    for partial in (killed, running):
        (partial / "JPEGImages").mkdir(parents=True)
    os.utime(killed, (0, 0))
    ensure_small(tmp_path / "planes")
    assert not killed.exists() and running.exists()


def test_other_files_are_never_replaced(tmp_path: Path, calls: list[tuple]):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        ensure_small(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "mine" and not calls


@pytest.mark.parametrize("field", ["trainval", "test", "seed"])
def test_negative_numbers_are_refused(tmp_path: Path, field: str):
    with pytest.raises(InputError, match=field):
        ensure_planes(tmp_path / "planes", **{field: -1})
    assert list(tmp_path.iterdir()) == []


def test_the_program_says_what_it_drew_and_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture
):
    folder = tmp_path / "planes"
    main(PlanesSettings(folder, trainval=2, test=1, seed=3))
    text = capsys.readouterr().out
    assert "2 pictures to train on and 1 to test on" in text
    assert str(folder / "overview.png") in text
    with Image.open(folder / "overview.png") as sheet:
        assert sheet.width > 1000
    main(PlanesSettings(folder, trainval=2, test=1, seed=3))
    assert "drawing" not in capsys.readouterr().out
