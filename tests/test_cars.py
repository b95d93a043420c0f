"""The drawn cars and digits: handles where they are said to be, complete or none."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from datasets.drawn import cars
from datasets.drawn.cars import (
    SHAPES,
    CarsSettings,
    draw_cars,
    draw_scene,
    ensure_cars,
    main,
    plan_scene,
)
from datasets.drawn.digits import draw_digits
from datasets.drawn.shapes import visible_box
from datasets.keypoint_annotations import read_annotations

TRAIN, TEST, SEED = 6, 3, 5


@pytest.fixture(scope="module")
def scenes() -> list[cars.CarScene]:
    return [plan_scene(np.random.default_rng([11, number])) for number in range(30)]


def handle_seen(scene: cars.CarScene) -> np.ndarray:
    """Return where two colours of the front handle differ, (rows, columns)."""
    doors = SHAPES[scene.kind]._replace(doors=SHAPES[scene.kind].doors[:2])
    kinds = {**SHAPES, scene.kind: doors}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cars, "SHAPES", kinds)
        tints = np.array([1.0, 0, 1]), np.array([0, 1.0, 0])
        images = [draw_scene(scene._replace(handles=tint)).image for tint in tints]
    change = np.asarray(images[0], int) - np.asarray(images[1], int)
    return np.abs(change).max(2)


@pytest.mark.slow
def test_the_handle_is_painted_where_it_is_annotated_and_1_to_3_percent_long(scenes):
    shares = []
    for scene in scenes:
        seen = handle_seen(scene).astype(float)
        assert seen.max() > 50  # in sight, not behind anything or beyond the edge
        rows, columns = seen.sum(1), seen.sum(0)
        row = rows @ (np.arange(len(rows)) + 0.5) / rows.sum()
        column = columns @ (np.arange(len(columns)) + 0.5) / columns.sum()
        np.testing.assert_allclose([row, column], scene.handle, atol=1.0)
        lit = np.flatnonzero(columns > 0.25 * columns.max())
        shares.append((lit[-1] - lit[0] + 1) / scene.size[0])
    assert 0.008 < min(shares) and max(shares) < 0.035
    assert np.mean([0.01 <= share <= 0.03 for share in shares]) > 0.85


@pytest.mark.slow
def test_the_box_is_that_of_what_the_car_changes_and_holds_the_handle(scenes):
    for scene in scenes[:10]:
        picture, without = draw_scene(scene), draw_scene(scene, with_car=False)
        change = np.asarray(picture.image, int) - np.asarray(without.image, int)
        rows, columns = np.nonzero(np.abs(change).max(2) > 8)
        found = rows.min(), columns.min(), rows.max(), columns.max()
        ((name, mask),) = picture.things
        ymin, xmin, ymax, xmax = box = visible_box(mask)
        assert name == "car" and np.abs(np.subtract(found, box)).max() <= 2
        row, column = map(int, scene.handle)
        assert ymin < row < ymax and xmin < column < xmax
        assert mask.getpixel((column, row)) == 255


def test_cars_differ(scenes):
    assert {scene.kind for scene in scenes} == set(SHAPES) and len(SHAPES) == 3
    assert {scene.near for scene in scenes} == {-1, 1}
    ahead = [scene.view.rotation[2, 0] for scene in scenes]
    assert min(ahead) < -0.4 and max(ahead) > 0.4  # from before and from behind
    widths = [scene.view.scale / scene.size[0] for scene in scenes]
    assert min(widths) < 0.65 and max(widths) > 0.8
    assert np.std([scene.handle for scene in scenes], axis=0).min() > 15


@pytest.mark.slow
def test_the_set_is_in_the_car_door_handle_format(tmp_path: Path):
    draw_cars(tmp_path, TRAIN, TEST, SEED)
    found = read_annotations(tmp_path)
    splits = [point.split for point in found.keypoints]
    assert (splits.count("train"), splits.count("test")) == (TRAIN, TEST)
    assert not found.skipped and not sum(found.invisible.values())
    for index, point in enumerate(found.keypoints[:TRAIN]):
        row, column = plan_scene(np.random.default_rng([SEED, 1, index])).handle
        # Written as the pixel that the place is in, so read as its middle.
        np.testing.assert_allclose([point.row, point.column], [row, column], atol=0.5)
    draw_cars(tmp_path / "fewer", 2, 1, SEED)
    for path in (tmp_path / "fewer" / "car_ims").iterdir():
        assert path.read_bytes() == (tmp_path / "car_ims" / path.name).read_bytes()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    made = []

    def draw_small(*arguments):
        made.append(arguments)
        return np.zeros((24, 32, 3), np.uint8), ("van", (10, 12), (2, 3, 20, 30))

    monkeypatch.setattr(cars, "draw_picture", draw_small)
    return made


def test_other_files_and_too_small_numbers_are_refused(tmp_path, calls):
    (tmp_path / "holiday.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        ensure_cars(tmp_path, 3, 2)
    assert (tmp_path / "holiday.txt").read_text() == "mine" and not calls
    for counts, line in (((-1, 2), "train: -1"), ((3, 0), "test: 0; expected 1 to")):
        with pytest.raises(InputError, match=line):
            ensure_cars(tmp_path / "cars", *counts)


def test_the_program_draws_an_overview(tmp_path, calls, capsys):
    main(CarsSettings(tmp_path / "cars", 3, 2))
    assert "3 pictures to train on and 2 to test on" in capsys.readouterr().out
    with Image.open(tmp_path / "cars" / "overview.png") as canvas:
        assert canvas.width > 1000


def test_digits_look_like_mnists_and_depend_on_seed_and_number_alone():
    digits = draw_digits(60, 1)
    assert digits.shape == (60, 28, 28) and digits.dtype == np.uint8
    for digit in digits.astype(float):
        rows, columns = (np.flatnonzero(digit.any(axis)) for axis in (1, 0))
        assert 17 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
        for weights in (digit.sum(1), digit.sum(0)):
            assert abs(weights @ (np.arange(28) + 0.5) / digit.sum() - 14) < 1.5
    dark = (digits > 127).mean((1, 2))
    assert 0.03 < dark.min() and dark.max() < 0.4 and dark.std() > 0.02
    np.testing.assert_array_equal(draw_digits(3, 1), digits[:3])
    assert not np.array_equal(digits[1], digits[11])  # the same digit, drawn anew
    assert not np.array_equal(digits[:2], draw_digits(2, 2))
