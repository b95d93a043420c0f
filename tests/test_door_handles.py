"""Cars cut out of Stanford Cars: where the handle was, there it is in the crop."""

import dataclasses
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from common.errors import InputError
from common.files import REPOSITORY
from datasets import door_handles
from datasets.door_handles import Settings, cut, main, moved, read_split, reduced
from datasets.keypoint_annotations import read_annotations
from datasets.voc_layout import Box

pytestmark = pytest.mark.slow

MEASURED = REPOSITORY.parent / "shared" / "data" / "door_handles"
"""The set that the results were measured on, where it is at hand."""

CAR = np.dtype(
    [(name, object) for name in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")]
    + [("class", object), ("fname", object)]
)


def write_devkit(folder: Path, cars: list[tuple]) -> None:
    """Write the annotations of Stanford's devkit: (x1, y1, x2, y2, class, file)."""
    (folder / "devkit").mkdir(parents=True, exist_ok=True)
    table = np.empty((1, len(cars)), CAR)
    for place, car in enumerate(cars):
        table[0, place] = car
    savemat(folder / "devkit" / "cars_train_annos.mat", {"annotations": table})


def write_image(folder: Path, name: str, width: int, height: int, dot=None) -> None:
    """Write a grey image with a white square around a pixel (x, y from 1)."""
    pixels = np.full((height, width, 3), 60, np.uint8)
    if dot:
        x, y = dot[0] - 1, dot[1] - 1
        pixels[y - 8 : y + 9, x - 8 : x + 9] = 255
    (folder / "cars_train").mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / "cars_train" / name, quality=95)


CARS = [
    (101, 51, 676, 350, 14, "00001.jpg"),  # 576 × 300, to be halved
    (11, 21, 110, 80, 3, "00002.jpg"),  # 100 × 60, stays
    (11, 21, 110, 80, 3, "00003.jpg"),  # the same class and box, another size
    (1, 1, 60, 300, 7, "00004.jpg"),  # taller than wide
    (31, 31, 90, 90, 9, "00005.jpg"),  # of no use: not in the lists
]
ROWS = [
    "401|151|car_ims/004711.jpg|400,700,3|1|0|1|14|101,51,676,350",  # H, W
    "61|41|car_ims/004712.jpg|200,100,3|1|0|1|3|11,21,110,80",
    "71|51|car_ims/004713.jpg|300,100,3|1|0|1|3|11,21,110,80",
    "31|151|car_ims/004714.jpg|60,300,3|1|0|1|7|1,1,60,300",
    "0|0|car_ims/004715.jpg|60,300,3|1|0|0|9|31,31,90,90",
    "31|151|car_ims/004716.jpg|60,300,3|0|1|1|196|1,1,60,300",
    "",
]


@pytest.fixture
def given_files(tmp_path, monkeypatch) -> Settings:
    """Stanford's folder and the annotations, small."""
    stanford = tmp_path / "stanford"
    write_devkit(stanford, CARS)
    write_image(stanford, "00001.jpg", 700, 400, (401, 151))
    write_image(stanford, "00002.jpg", 300, 100, (71, 51))
    write_image(stanford, "00003.jpg", 200, 100, (61, 41))
    write_image(stanford, "00004.jpg", 60, 300, (31, 151))
    (tmp_path / "handles.txt").write_text("\n".join(ROWS) + "\n")
    lists = tmp_path / "lists.txt"
    lists.write_text("# which\ntrain 00001\ntrain 00003\ntest 00002\ntest 00004\n")
    monkeypatch.setattr(door_handles, "_SPLIT", lists)
    return Settings(stanford, tmp_path / "handles.txt", tmp_path / "door_handles")


def failure(settings: Settings) -> str:
    """The one line that the program fails with; nothing is there."""
    with pytest.raises(InputError) as caught:
        main(settings)
    assert "\n" not in str(caught.value)
    assert not settings.folder.exists()
    assert not list(settings.folder.parent.glob(".partial*"))
    return str(caught.value)


def test_the_set_that_glimpse_rnn_reads(given_files, capsys):
    main(given_files)
    folder = given_files.folder
    assert (folder / "annotations.txt").read_text().splitlines() == [
        "151|51|car_ims/00001.jpg|288,150,3|1|0|1|14|1,1,288,150",
        "51|21|car_ims/00003.jpg|100,60,3|1|0|1|3|1,1,100,60",
        "61|31|car_ims/00002.jpg|100,60,3|0|1|1|3|1,1,100,60",
        "30|145|car_ims/00004.jpg|58,288,3|0|1|1|7|1,1,58,288",
    ]
    found = read_annotations(folder)
    assert [point.split for point in found.keypoints] == ["train"] * 2 + ["test"] * 2
    assert found.keypoints[0].normaliser == 150
    assert "2 to train on, 2 to test on" in capsys.readouterr().out


def test_handles_lie_where_they_are_seen(given_files):
    main(given_files)
    for point in read_annotations(given_files.folder).keypoints:
        with Image.open(point.path) as image:
            white = np.asarray(image.convert("L")) > 160
        rows, columns = np.nonzero(white)
        assert abs(rows.mean() + 0.5 - point.row) <= 0.75
        assert abs(columns.mean() + 0.5 - point.column) <= 0.75


def test_the_set_is_the_same_every_time(given_files, tmp_path):
    main(given_files)
    again = Settings(
        given_files.stanford_cars, given_files.annotations, tmp_path / "again"
    )
    main(again)
    for path in given_files.folder.rglob("*.*"):
        other = again.folder / path.relative_to(given_files.folder)
        assert other.read_bytes() == path.read_bytes()


def test_a_set_that_is_there_is_left_alone(given_files, capsys):
    main(given_files)
    (given_files.folder / "mine.txt").write_text("mine")
    main(given_files)
    assert "already there; --force makes it again" in capsys.readouterr().out
    assert (given_files.folder / "mine.txt").exists()
    main(dataclasses.replace(given_files, force=True))
    assert not (given_files.folder / "mine.txt").exists()


def test_a_handle_outside_of_the_box_goes_to_its_edge(given_files, capsys):
    rows = ROWS.copy()
    rows[1] = rows[1].replace("61|41", "61|18.4")
    given_files.annotations.write_text("\n".join(rows))
    main(given_files)
    assert "1 handles outside of their car's box" in capsys.readouterr().out
    lines = (given_files.folder / "annotations.txt").read_text().splitlines()
    assert lines[1].startswith("51|1|car_ims/00003.jpg")


# --- what is measured on -------------------------------------------------------------


def test_the_lists_have_1100_and_300_cars():
    sets = read_split()
    assert [len(sets[name]) for name in ("train", "test")] == [1100, 300]
    assert not {*sets["train"]} & {*sets["test"]}
    assert sets["train"] == sorted({*sets["train"]})
    assert sets["test"] == sorted({*sets["test"]})


needs_measured = pytest.mark.skipif(
    not MEASURED.is_dir(), reason="the set of the results is not here"
)


def measured_rows() -> list[list[str]]:
    lines = (MEASURED / "annotations.txt").read_text().splitlines()
    return [line.split("|") for line in lines]


@needs_measured
def test_the_lists_are_those_that_the_results_were_measured_on():
    sets = read_split()
    rows = measured_rows()
    for name, place in (("train", 4), ("test", 5)):
        listed = [row[2].removeprefix("car_ims/") for row in rows if row[place] == "1"]
        assert sets[name] == listed


@needs_measured
def test_the_set_is_laid_out_as_the_one_of_the_results(tmp_path):
    # Its crops, put back into larger images, come out again with the same lines.
    stanford, cars, lines = tmp_path / "stanford", [], []
    (stanford / "cars_train").mkdir(parents=True)
    for number, row in enumerate(measured_rows()):
        name = row[2].removeprefix("car_ims/")
        width, height, _ = map(int, row[3].split(","))
        left, top = 1 + number // 40, 1 + number % 40  # no two boxes are the same
        canvas = Image.new("L", (width + 36, height + 40))
        canvas.save(stanford / "cars_train" / name)
        box = left, top, left + width - 1, top + height - 1
        cars.append((*box, int(row[7]), name))
        x, y = int(row[0]) + left - 1, int(row[1]) + top - 1
        size, corners = f"{height + 40},{width + 36},3", ",".join(map(str, box))
        lines.append(
            f"{x}|{y}|car_ims/{number:06d}.jpg|{size}|1|0|1|{row[7]}|{corners}"
        )
    write_devkit(stanford, cars)
    (tmp_path / "handles.txt").write_text("\n".join(lines))
    main(Settings(stanford, tmp_path / "handles.txt", tmp_path / "set"))
    made = (tmp_path / "set" / "annotations.txt").read_text()
    assert made.split() == (MEASURED / "annotations.txt").read_text().split()


# --- geometry ------------------------------------------------------------------------


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_crops_are_reduced_and_never_enlarged(width, height):
    size = reduced((width, height))
    assert max(size) == min(max(width, height), 288) and min(size) >= 1
    for new, old in zip(size, (width, height), strict=True):
        scale = max(size) / max(width, height)
        assert abs(new - old * scale) <= 0.5 or new == 1


@given(st.integers(1, 900), st.integers(1, 900), st.data())
def test_points_stay_inside_and_keep_their_share(width, height, data):
    box = Box(5, 9, 4 + width, 8 + height)
    x = data.draw(st.integers(box.xmin, box.xmax))
    y = data.draw(st.integers(box.ymin, box.ymax))
    size = reduced((width, height))
    new = moved((x, y), box, size)
    shares = (x - 4.5) / width, (y - 8.5) / height
    for place, share, side in zip(new, shares, size, strict=True):
        assert 1 <= place <= side
        assert abs((place - 0.5) - share * side) <= 0.5 + 1e-9


def test_a_box_over_the_edge_is_cut_at_the_edge():
    pixels = np.zeros((50, 40, 3), np.uint8)
    crop, box = cut(pixels, Box(0, 11, 45, 60), Path("a.jpg"))
    assert crop.size == (40, 40) and box == Box(1, 11, 40, 50)
    with pytest.raises(InputError, match="a.jpg: the image is 40×50; expected its car"):
        cut(pixels, Box(41, 1, 60, 20), Path("a.jpg"))


# --- bad input -----------------------------------------------------------------------


def test_folders_and_files_that_are_missing(given_files, tmp_path):
    nowhere = Settings(tmp_path / "none", given_files.annotations, given_files.folder)
    assert "none: there is no such folder (stanford_cars)" in failure(nowhere)
    (tmp_path / "empty").mkdir()
    empty = Settings(tmp_path / "empty", given_files.annotations, given_files.folder)
    assert "empty: lacks cars_train (stanford_cars); expected" in failure(empty)
    unknown = Settings(
        given_files.stanford_cars, tmp_path / "none.txt", given_files.folder
    )
    assert "none.txt: there is no such file" in failure(unknown)


def test_the_folders_that_archives_make(given_files, tmp_path):
    stanford = given_files.stanford_cars
    (stanford / "car_devkit").mkdir()
    (stanford / "devkit").rename(stanford / "car_devkit" / "devkit")
    (stanford / "cars_train").rename(stanford / "images")
    (stanford / "cars_train").mkdir()
    (stanford / "images").rename(stanford / "cars_train" / "cars_train")
    main(given_files)


@pytest.mark.parametrize("data", [b"", b"no MATLAB at all", b"x" * 500])
def test_a_devkit_that_cannot_be_read(given_files, data):
    path = given_files.stanford_cars / "devkit" / "cars_train_annos.mat"
    path.write_bytes(data)
    assert failure(given_files).startswith(f"{path}: cannot be read: ")


def test_a_devkit_of_something_else(given_files):
    path = given_files.stanford_cars / "devkit" / "cars_train_annos.mat"
    savemat(path, {"annotations": np.zeros(3)})
    assert "expected annotations with bbox_x1" in failure(given_files)


@pytest.mark.parametrize(
    "line",
    [
        "1|2|3",
        "a|2|car_ims/1.jpg|1,1,3|1|0|1|3|1,1,2,2",
        "nan|2|car_ims/1.jpg|1,1,3|1|0|1|3|1,1,2,2",
        "1|2|car_ims/1.jpg|1|1|0|1|3|1,1,2,2",
        "1|2|car_ims/1.jpg|1,1,3|1|0|1|3|1,1,2",
        "1|2|car_ims/1.jpg|1,1,3|yes|0|1|3|1,1,2,2",
    ],
)
def test_a_line_that_makes_no_sense(given_files, line):
    given_files.annotations.write_text("\n".join([*ROWS[:2], line]))
    found = failure(given_files)
    assert found.startswith(
        f"{given_files.annotations}: line 3: '{line}'; expected x|y"
    )


def test_a_car_without_a_handle(given_files):
    given_files.annotations.write_text("\n".join(ROWS[1:]))
    line = failure(given_files)
    assert "no visible handle for 1 of 4 cars, the first cars_train/00001.jpg" in line


def test_an_image_that_is_missing_or_broken(given_files):
    path = given_files.stanford_cars / "cars_train" / "00004.jpg"
    path.write_bytes(path.read_bytes()[:500])
    assert failure(given_files).startswith(f"{path}: ")
    path.unlink()
    assert failure(given_files) == f"{path}: there is no such file"


PROGRAM = """
import sys
from pathlib import Path
from common import command_line
from datasets import door_handles

door_handles._SPLIT = Path(sys.argv[1])
command_line.run(door_handles.main, door_handles.Settings, sys.argv[2:])
"""


def test_a_full_disk(given_files, tmp_path):
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    words = [sys.executable, "-c", PROGRAM, str(door_handles._SPLIT)]
    words += ["--stanford_cars", str(given_files.stanford_cars)]
    words += ["--annotations", str(given_files.annotations)]
    words += ["--folder", str(given_files.folder)]
    options = dict(cwd=REPOSITORY, capture_output=True, text=True)
    done = subprocess.run(words, preexec_fn=full, **options)
    expected = f"error: {given_files.folder}: cannot be written: File too large\n"
    assert (done.returncode, done.stderr) == (1, expected)
    assert not given_files.folder.exists() and not list(tmp_path.glob(".partial*"))
    assert subprocess.run(words, **options).returncode == 0
    assert len(os.listdir(given_files.folder / "car_ims")) == 4
