"""The Car Door Handle format and tables: what is read, and what is refused how."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from datasets.keypoint_annotations import read_annotations

GOOD = "41|55|car_ims/000002.jpg|120,80,3|1|0|1|14|11,21,110,70"


def image_at(path: Path, width: int = 120, height: int = 80, orientation: int = 0):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.new("RGB", (width, height), "#335577").save(path, exif=exif)


@pytest.fixture
def cars(tmp_path: Path) -> Path:
    image_at(tmp_path / "car_ims" / "000002.jpg")
    return tmp_path


def handles(folder: Path, *lines: str) -> Path:
    (folder / "annotations.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def table(folder: Path, *lines: str, header="image,x,y,normaliser,visible,split"):
    (folder / "annotations.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def changed(number: int, value: str) -> str:
    fields = GOOD.split("|")
    fields[number - 1] = value
    return "|".join(fields)


def test_a_handle_is_counted_from_1_and_normalised_by_the_boxs_height(cars):
    (point,) = read_annotations(handles(cars, GOOD)).keypoints
    # The 41st column reaches from 40 to 41.
    assert (point.row, point.column) == (54.5, 40.5)
    assert point.normaliser == 70 - 21 + 1
    assert point.size == (80, 120)
    assert point.split == "train"
    assert point.name == "car_ims/000002.jpg"


def test_invisible_handles_are_dropped_and_counted_by_split(cars):
    hidden = "0|0|car_ims/000002.jpg|120,80,3|0|1|0|14|11,21,110,70"
    found = read_annotations(handles(cars, hidden, GOOD, "", hidden))
    assert len(found.keypoints) == 1
    assert found.invisible == {"train": 0, "test": 2}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (changed(1, "0"), ["field 1 (x)", "0", "1 to 120"]),
        (changed(1, "121"), ["field 1 (x)", "121", "1 to 120"]),
        (changed(2, "81"), ["field 2 (y)", "81", "1 to 80"]),
        (changed(2, "abc"), ["field 2 (y)", "'abc'", "a number"]),
        (changed(2, "nan"), ["field 2 (y)", "a number"]),
        (
            changed(3, "car_ims/000003.jpg"),
            ["field 3 (image)", "000003.jpg", "missing"],
        ),
        (changed(3, ".."), ["field 3 (image)", "name of an image"]),
        (changed(4, "80,120,3"), ["field 4", "80,120", "swapped", "120,80"]),
        (changed(4, "121,80,3"), ["field 4", "121,80", "120,80"]),
        (changed(4, "120,80"), ["field 4", "3 numbers"]),
        (changed(4, "120.5,80,3"), ["field 4", "width, height and channels"]),
        (changed(5, "2"), ["field 5 (istrain)", "'2'", "0 or 1"]),
        (changed(5, "0"), ["fields 5 and 6", "0 and 0", "one of them 1"]),
        (changed(6, "1"), ["fields 5 and 6", "1 and 1", "one of them 1"]),
        (changed(7, "yes"), ["field 7 (visible)", "'yes'", "0 or 1"]),
        (changed(9, "11,21,110"), ["field 9", "4 numbers"]),
        (changed(9, "11,70,110,21"), ["field 9", "y1 <= y2"]),
        (GOOD + "|7", ["10 fields", "9 between |"]),
    ],
)
def test_a_bad_row_is_named_by_line_and_field(cars, line, words):
    with pytest.raises(InputError) as error:
        read_annotations(handles(cars, GOOD, "", line))
    text = str(error.value)
    assert text.startswith(f"{cars / 'annotations.txt'}: line 3, ")
    assert "\n" not in text
    for word in words:
        assert word in text


def test_skip_bad_goes_on_and_lists(cars):
    bad = [changed(1, "0"), changed(4, "80,120,3")]
    found = read_annotations(handles(cars, bad[0], GOOD, bad[1]), skip_bad=1)
    assert len(found.keypoints) == 1
    first, second = found.skipped
    assert "line 1, field 1" in first and "line 3, field 4" in second
    with pytest.raises(InputError, match="no row is left beside 0 invisible and 1 bad"):
        read_annotations(handles(cars, bad[0]), skip_bad=1)


def test_a_broken_image_is_a_bad_row(cars):
    (cars / "car_ims" / "000002.jpg").write_bytes(b"no image at all")
    with pytest.raises(InputError, match=r"line 1, field 4 .*no image"):
        read_annotations(handles(cars, GOOD))


@pytest.mark.parametrize(
    "place", ["000002.jpg", "cars_train/000002.jpg", "a/b/000002.jpg"]
)
def test_images_are_found_in_other_folders(tmp_path, place):
    image_at(tmp_path / "set" / place)
    (point,) = read_annotations(handles(tmp_path / "set", GOOD)).keypoints
    assert point.path == tmp_path / "set" / place


def test_images_are_found_beside_the_folder_of_the_annotations(tmp_path):
    image_at(tmp_path / "car_ims" / "000002.jpg")
    (tmp_path / "annotations").mkdir()
    (point,) = read_annotations(handles(tmp_path / "annotations", GOOD)).keypoints
    assert point.path.samefile(tmp_path / "car_ims" / "000002.jpg")


def test_two_images_of_the_same_name_elsewhere_are_not_guessed_between(tmp_path):
    for folder in ("one", "two"):
        image_at(tmp_path / folder / "000002.jpg")
    with pytest.raises(InputError, match=r"line 1, field 3 .*one.*two"):
        read_annotations(handles(tmp_path, GOOD))


def test_names_do_not_lead_out_of_the_set(tmp_path):
    image_at(tmp_path / "secret.jpg")
    (tmp_path / "deep" / "set").mkdir(parents=True)
    line = changed(3, "../../secret.jpg")
    with pytest.raises(InputError, match="missing"):
        read_annotations(handles(tmp_path / "deep" / "set", line))


def test_an_annotation_made_on_the_stored_pixels_of_a_turned_image(tmp_path):
    image_at(tmp_path / "car_ims" / "000002.jpg", orientation=6)
    (point,) = read_annotations(handles(tmp_path, GOOD)).keypoints
    assert point.size == (80, 120)
    turned = changed(4, "80,120,3")
    (point,) = read_annotations(handles(tmp_path, turned)).keypoints
    assert point.size == (120, 80)


# --- tables --------------------------------------------------------------------------


def test_a_table_is_counted_from_0_with_fractions(cars):
    found = read_annotations(
        table(
            cars,
            "note, car_ims/000002.jpg ,40.25,54,30.5,1,test",
            ",car_ims/000002.jpg,,,,0,train",
            header="\ufeffComment,image,X,y,normaliser,visible,split",
        )
    )
    (point,) = found.keypoints
    assert (point.row, point.column, point.normaliser) == (54.5, 40.75, 30.5)
    assert (point.split, point.size) == ("test", (80, 120))
    assert found.invisible == {"train": 1, "test": 0}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("car_ims/000002.jpg,120,54,30,1,train", ["x: 120", "-0.5 to 119.5"]),
        ("car_ims/000002.jpg,40,,30,1,train", ["y: ''", "a number"]),
        ("car_ims/000002.jpg,40,54,0,1,train", ["normaliser: 0", "above 0"]),
        ("car_ims/000002.jpg,40,54,30,2,train", ["visible: '2'", "0 or 1"]),
        ("car_ims/000002.jpg,40,54,30,1,all", ["split: 'all'", "train or test"]),
        ("other.png,40,54,30,1,train", ["image: other.png is missing"]),
        ("car_ims/000002.jpg,40,54,30,1", ["5 fields", "6 as in the header"]),
    ],
)
def test_bad_rows_of_a_table(cars, row, words):
    with pytest.raises(InputError) as error:
        read_annotations(table(cars, "car_ims/000002.jpg,40,54,30,1,train", row))
    assert str(error.value).startswith(f"{cars / 'annotations.csv'}: line 3, ")
    for word in words:
        assert word in str(error.value)


def test_a_table_needs_its_header(cars):
    with pytest.raises(InputError) as error:
        read_annotations(table(cars, header="image,cx,y,visible"))
    words = "line 1, no column x among image, cx, y, visible; expected image, x and y"
    assert words in str(error.value) and "--columns" in str(error.value)


def test_what_is_no_table(cars):
    long = "x" * 200_000
    with pytest.raises(InputError, match="is no table"):
        read_annotations(table(cars, f"{long},1,1,1,1,train"))


def test_no_annotations(tmp_path):
    with pytest.raises(InputError, match="holds no annotations"):
        read_annotations(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_annotations(tmp_path / "absent")
    (tmp_path / "annotations.txt").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match="byte 0 is not UTF-8"):
        read_annotations(tmp_path)


def test_real_door_handles():
    folder = Path(__file__).resolve().parents[2] / "shared" / "data" / "door_handles"
    if not folder.is_dir():
        pytest.skip("the real door handles are not here")
    found = read_annotations(folder)
    splits = [point.split for point in found.keypoints]
    assert (splits.count("train"), splits.count("test")) == (1100, 300)
    # Boxes are whole images there.
    heights = np.array([point.size[0] for point in found.keypoints])
    np.testing.assert_array_equal(
        heights, [point.normaliser for point in found.keypoints]
    )
