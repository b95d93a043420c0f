"""The drawn cars and digits: handles where they are said to be, complete or none."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from datasets.drawn import cars
from datasets.drawn.canvas import Picture, colour
from datasets.drawn.cars import CarsSettings, draw_cars, draw_picture, ensure_cars, main
from datasets.drawn.digits import draw_digits
from datasets.drawn.motorcars import SHAPES, build_car
from datasets.drawn.rendering import Light, paint_solid
from datasets.drawn.streets import PLACES, StreetScene, photograph_car, plan_street
from datasets.keypoint_annotations import read_annotations

TRAIN, TEST, SEED = 6, 3, 5


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "cars"
    return ensure_cars(folder, TRAIN, TEST, SEED, report=lambda text: None)


@pytest.fixture(scope="module")
def plans() -> list[StreetScene]:
    return [plan_street(np.random.default_rng([11, number])) for number in range(60)]


def handle_seen(scene: StreetScene) -> np.ndarray:
    """Paint the handle alone in light, from the pixels that only it changes.

    Returns:
        float (rows, columns), how much of each pixel shows the front door's handle.
    """
    sheets = []
    flat = np.full(3, 1.0)
    light = Light(np.array([0, 0, 1.0]), flat * 0, flat, flat)
    one_door = replace(scene.car, four_doors=False)
    for tint in ("#ff00ff", "#00ff00"):
        car = replace(one_door, handle=colour(tint))
        picture = Picture.blank(scene.height, scene.width)
        layer = picture.layer()
        paint_solid(layer, build_car(car), scene.view, light)
        picture.lay(layer)
        sheets.append(picture.pixels)
    return np.abs(sheets[0] - sheets[1]).sum(-1) / 3


# --- handles -------------------------------------------------------------------------


def test_the_handle_is_painted_where_it_is_annotated(plans):
    for scene in plans:
        seen = handle_seen(scene)
        assert seen.max() > 0.4  # in sight, not behind a wheel or beyond the edge
        rows, columns = seen.sum(1), seen.sum(0)
        row = rows @ (np.arange(len(rows)) + 0.5) / rows.sum()
        column = columns @ (np.arange(len(columns)) + 0.5) / columns.sum()
        np.testing.assert_allclose([row, column], scene.handle, atol=1.0)


def test_handles_are_1_to_3_percent_of_the_picture(plans):
    shares = []
    for scene in plans:
        columns = np.flatnonzero((handle_seen(scene) > 0.25).any(0))
        shares.append((columns[-1] - columns[0] + 1) / scene.width)
    assert 0.008 < min(shares) and max(shares) < 0.035
    assert np.mean([0.01 <= share <= 0.03 for share in shares]) > 0.85


def test_cars_differ(plans):
    assert {scene.car.kind for scene in plans} == set(SHAPES)
    assert {scene.place for scene in plans} == set(PLACES)
    assert {scene.near_side for scene in plans} == {-1, 1}
    assert {scene.car.four_doors for scene in plans} == {True, False}
    assert len({scene.mood for scene in plans}) > 5
    widths = [scene.view.scale / scene.width for scene in plans]
    assert min(widths) < 0.65 and max(widths) > 0.8
    # Seen from before as well as from behind.
    ahead = [scene.view.rotation[2, 0] for scene in plans]
    assert min(ahead) < -0.4 and max(ahead) > 0.4
    row, column = np.transpose([scene.handle for scene in plans])
    assert np.std(row) > 15 and np.std(column) > 25


def test_the_box_is_that_of_what_the_car_changes(plans):
    for scene in plans[:6]:
        (ymin, xmin, ymax, xmax), size = photograph_car(scene)[1], scene.view.scale
        assert 0 <= ymin < ymax < scene.height and 0 <= xmin < xmax < scene.width
        (left, top), (right, bottom) = scene.view.outline(build_car(scene.car))
        edges = [xmin, ymin, xmax + 1, ymax + 1]
        np.testing.assert_allclose(edges, [left, top, right, bottom], atol=2.5)
        assert 0.15 < (ymax - ymin + 1) / size < 0.75
        row, column = scene.handle
        assert ymin < row < ymax and xmin < column < xmax


# --- the set -------------------------------------------------------------------------


def test_a_picture_depends_on_its_seed_split_and_number_alone():
    pixels, what = draw_picture("test", 1, 3)
    again, same = draw_picture("test", 1, 3)
    np.testing.assert_array_equal(pixels, again)
    assert what == same
    for other in (("test", 2, 3), ("train", 1, 3), ("test", 1, 4)):
        assert not np.array_equal(pixels, draw_picture(*other)[0])


def test_the_set_is_in_the_car_door_handle_format(drawn):
    found = read_annotations(drawn)
    splits = [point.split for point in found.keypoints]
    assert (splits.count("train"), splits.count("test")) == (TRAIN, TEST)
    assert not found.skipped and not sum(found.invisible.values())
    for index, point in enumerate(found.keypoints[:TRAIN]):
        rng = np.random.default_rng([SEED, 1, index])
        row, column = plan_street(rng).handle
        # Written as the pixel that the place is in, so read as its middle.
        np.testing.assert_allclose([point.row, point.column], [row, column], atol=0.5)


def test_pictures_do_not_depend_on_how_many_there_are(drawn, tmp_path):
    draw_cars(tmp_path, 2, 1, SEED)
    lines = (drawn / "annotations.txt").read_text().splitlines()
    found = (tmp_path / "annotations.txt").read_text().splitlines()
    assert found == [*lines[:2], lines[TRAIN]]
    for line in found:
        name = line.split("|")[2]
        assert (tmp_path / name).read_bytes() == (drawn / name).read_bytes()


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    made = []
    pixels = np.zeros((30, 40, 3), np.uint8)
    what = cars.Annotated("van", (10, 12), (2, 3, 20, 30))

    def draw_small(*arguments):
        made.append(arguments)
        return pixels, what

    monkeypatch.setattr(cars, "draw_picture", draw_small)
    return made


def test_a_complete_set_is_kept_and_an_incomplete_one_drawn_again(tmp_path, calls):
    folder, said = tmp_path / "cars", []
    ensure_cars(folder, 3, 2, report=said.append)
    assert len(calls) == 5 and len(said) == 1
    ensure_cars(folder, 3, 2, report=said.append)
    assert len(calls) == 5 and len(said) == 1
    for lost in ("cars.json", "car_ims/000002.jpg", "annotations.txt"):
        calls.clear()
        (folder / lost).unlink()
        ensure_cars(folder, 3, 2, report=said.append)
        assert len(calls) == 5
    calls.clear()
    ensure_cars(folder, 3, 2, seed=1, report=said.append)
    assert len(calls) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["cars"]


def test_an_interrupted_drawing_is_no_set(tmp_path, calls, monkeypatch):
    draw_small = cars.draw_picture

    def interrupted(*arguments):
        if len(calls) == 3:
            raise KeyboardInterrupt
        return draw_small(*arguments)

    monkeypatch.setattr(cars, "draw_picture", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ensure_cars(tmp_path / "cars", 3, 2, report=lambda text: None)
    assert not list(tmp_path.iterdir())


def test_other_files_are_never_replaced(tmp_path, calls):
    (tmp_path / "holiday.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        ensure_cars(tmp_path, 3, 2)
    assert (tmp_path / "holiday.txt").read_text() == "mine" and not calls
    with pytest.raises(InputError, match="train: -1"):
        ensure_cars(tmp_path / "cars", -1, 2)


def test_the_program_draws_an_overview(tmp_path, calls, capsys):
    main(CarsSettings(tmp_path / "cars", 3, 2))
    assert "3 pictures to train on and 2 to test on" in capsys.readouterr().out
    with Image.open(tmp_path / "cars" / "overview.png") as sheet:
        assert sheet.size == (1542, 976)


# --- digits --------------------------------------------------------------------------


def test_digits_look_like_mnists():
    digits = draw_digits(60, 1)
    assert digits.shape == (60, 28, 28) and digits.dtype == np.uint8
    for digit in digits.astype(float):
        rows, columns = (np.flatnonzero(digit.any(axis)) for axis in (1, 0))
        longer = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 17 <= longer <= 21
        total = digit.sum()
        for weights in (digit.sum(1), digit.sum(0)):
            assert abs(weights @ (np.arange(28) + 0.5) / total - 14) < 1.5
    ink = (digits > 127).mean((1, 2))
    assert 0.03 < ink.min() and ink.max() < 0.4 and ink.std() > 0.02


def test_digits_depend_on_seed_and_number_alone():
    np.testing.assert_array_equal(draw_digits(3, 1), draw_digits(12, 1)[:3])
    digits = draw_digits(12, 1)
    assert not np.array_equal(digits[1], digits[11])  # the same digit, drawn anew
    assert not np.array_equal(digits[:2], draw_digits(2, 2))
