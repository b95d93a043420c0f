"""Keypoints as people have them: tables, COCO's JSON, no split, bad rows."""

import json
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from common.errors import MOST_MISTAKES, InputError
from datasets.keypoint_annotations import read_annotations
from datasets.splits import draw_held_out
from datasets.voc import VocSet

WIDTH, HEIGHT = 96, 72
IN_PLACE = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def draw_images(folder: Path, names: str, size=(WIDTH, HEIGHT)) -> Path:
    """Write an image for each letter; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size, "#335577").save(folder / f"{name}.png")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draw_images(tmp_path / "images", "abcd")
    return tmp_path


def write(folder: Path, *lines: str, name: str = "annotations.csv") -> Path:
    (folder / name).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder


def refused(*words, **named) -> str:
    """What is said about a set that cannot be read."""
    with pytest.raises(InputError) as error:
        read_annotations(*words, **named)
    return str(error.value)


# --- tables --------------------------------------------------------------------------

POINTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 4 * (WIDTH - 1)).map(lambda n: n / 4),
        st.integers(0, 4 * (HEIGHT - 1)).map(lambda n: n / 4),
        st.integers(1, 4000).map(lambda n: n / 8),
        st.sampled_from(["train", "test"]),
    ),
    min_size=1,
    max_size=8,
    unique=True,
)


@given(
    points=POINTS,
    separator=st.sampled_from(",;\t|"),
    decimal_commas=st.booleans(),
    says_so=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    order=st.permutations(range(6)),
)
@IN_PLACE
def test_whatever_separates_the_columns_the_keypoints_are_the_same(
    folder, points, separator, decimal_commas, says_so, encoding, order
):
    decimal_commas &= separator != ","

    def written(number: float) -> str:
        return str(number).replace(".", ",") if decimal_commas else str(number)

    rows = [["image", "X", "y", "Normaliser", "visible", "split"]]
    for name, x, y, length, split in points:
        numbers = [written(number) for number in (x, y, length)]
        rows.append([f"{name}.png", *numbers, "1", split])
    lines = [separator.join(row[place] for place in order) for row in rows]
    if says_so:
        lines.insert(0, f"sep={separator}")
    (folder / "annotations.csv").write_bytes("\r\n".join(lines).encode(encoding))
    found = [
        (point.name, point.column, point.row, point.normaliser, point.split)
        for point in read_annotations(folder).keypoints
    ]
    assert found == [(f"{n}.png", x + 0.5, y + 0.5, s, t) for n, x, y, s, t in points]


def test_how_a_table_was_read_is_said(folder):
    write(folder, "image;x;y", "a.png;48,5;30", "b.png;57;30")
    found = read_annotations(folder)
    assert found.notes == [
        f"{folder / 'annotations.csv'}: a table with semicolons between columns and"
        " decimal commas, 2 rows",
        "no column normaliser: distances are divided by the image's height",
        "no column visible: all keypoints are taken for visible",
    ]
    assert [point.normaliser for point in found.keypoints] == [HEIGHT, HEIGHT]
    assert [point.column for point in found.keypoints] == [49, 57.5]


def test_a_thousands_comma_is_no_decimal_comma(folder):
    write(folder, "image,x,y", 'a.png,"1,5",30')
    assert "x: '1,5'; expected a number" in refused(folder)
    write(folder, "image;x;y", "a.png;1,234.5;30")
    assert "x: '1,234.5'; expected a number" in refused(folder)


@pytest.mark.parametrize("text", ["1_0", "inf", "nan", "1e999", "0x10", ""])
def test_what_python_alone_takes_for_a_number_is_none(folder, text):
    write(folder, "image,x,y", f"a.png,{text},30")
    assert f"x: {text!r}; expected a number" in refused(folder)


def test_columns_have_the_names_that_the_flag_gives_them(folder):
    write(folder, "file,label,cx,cy", "a.png,nose,48,30", name="labels.csv")
    columns = ("image=file", "x=CX", "Y = cy")
    (point,) = read_annotations(folder, columns=columns).keypoints
    assert (point.name, point.column, point.row) == ("a.png", 48.5, 30.5)
    line = refused(folder)
    assert "no column image, x, y among file, label, cx, cy" in line
    assert "--columns image=" in line
    assert "no column part among file" in refused(
        folder, columns=(*columns, "split=part")
    )
    for wrong in ("x", "x=", "where=cx", "=cx"):
        assert f"columns is {wrong}; expected FIELD=COLUMN" in refused(
            folder, columns=(wrong,)
        )
    for several, words in (
        (("x=cx", "X=cy"), "columns has X twice; expected each field once"),
        (("x=y", "y=y"), "columns has y for x and y; expected a column for each"),
        (("x=y",), "columns has y for x and y"),
    ):
        assert words in refused(folder, columns=several)
    write(folder, "image,x,y", "a.png,30,48", name="labels.csv")
    (point,) = read_annotations(folder, columns=("x=y", "y=x")).keypoints
    assert (point.column, point.row) == (48.5, 30.5)
    write(folder, "image,x,y,x", "a.png,1,2,3", name="labels.csv")
    assert "two columns x" in refused(folder)


def test_images_are_found_by_other_capitals_and_without_their_suffix(folder):
    (folder / "images" / "a.png").rename(folder / "images" / "My photo (1).PNG")
    write(folder, "image,x,y", "my photo (1).png,1,2", "b,3,4")
    one, two = read_annotations(folder).keypoints
    assert one.path.name == "My photo (1).PNG" and two.path.name == "b.png"


def test_tables_called_after_splits_are_the_splits(tmp_path):
    draw_images(tmp_path, "abc")
    for name, image in (("train", "a"), ("val", "b")):
        write(tmp_path, "image,x,y", f"{image}.png,1,2", name=f"{name}.csv")
    splits = {p.name: p.split for p in read_annotations(tmp_path).keypoints}
    assert splits == {"a.png": "train", "b.png": "test"}
    write(tmp_path, "image,x,y", "c.png,1,2", name="test.csv")
    found = read_annotations(tmp_path)
    splits = {p.name: p.split for p in found.keypoints}
    assert splits == {"a.png": "train", "b.png": "train", "c.png": "test"}
    assert found.held_out is None and found.path == tmp_path
    write(tmp_path, "image,x,y", name="more.csv")
    line = refused(tmp_path)
    assert "holds more.csv, test.csv, train.csv, val.csv; expected one file" in line


# --- splits --------------------------------------------------------------------------


def test_what_is_held_out_is_to_test_on_and_nothing_else(folder):
    write(folder, "image,x,y", *(f"{name}.png,1,2" for name in "abcd"))
    asked = []

    def divide(names):
        asked.extend(names)
        return ["images/c.png"]

    found = read_annotations(folder, divide=divide)
    assert asked == [f"images/{name}.png" for name in "abcd"]
    assert [p.name for p in found.keypoints if p.split == "test"] == ["c.png"]
    assert found.held_out == ["images/c.png"]
    found = read_annotations(folder, divide=lambda names: None)
    assert {p.split for p in found.keypoints} == {"test"} and found.held_out is None


@given(seed=st.integers(0, 2**31))
@IN_PLACE
def test_one_picture_under_two_names_is_in_one_part(folder, seed):
    """As is one with several keypoints."""
    rows = [f"{place}{name}.png,1,2" for name in "abcd" for place in ("", "images/")]
    write(folder, "image,x,y", *rows)
    divide = partial(draw_held_out, seed=seed)
    parts = {"train": set(), "test": set()}
    for point in read_annotations(folder, divide=divide).keypoints:
        parts[point.split].add(point.path)
    assert parts["train"].isdisjoint(parts["test"]) and len(parts["test"]) == 1


@pytest.mark.slow
def test_a_run_writes_its_draw_down_and_its_test_takes_the_rest(tmp_path):
    """Training by one name of the columns, testing without naming anything."""
    from glimpse_rnn.config import TestSettings, TrainSettings
    from glimpse_rnn.data import open_sets
    from glimpse_rnn.testing import test
    from glimpse_rnn.training import train

    names = "abcdefghij"
    draw_images(tmp_path / "set", names)
    rows = [f"{name}.png;{10 + number};30" for number, name in enumerate(names)]
    write(tmp_path / "set", "file;cx;cy", *rows, name="points.csv")
    small = {
        "image_size": 16,
        "radius": 2,
        "bandwidth": 4,
        "levels": 1,
        "glimpses": 1,
        "state_size": 4,
    }
    models = tmp_path / "models"
    columns = ("image=file", "x=cx", "y=cy")
    train(
        TrainSettings(
            path_data=tmp_path / "set",
            path_model=models,
            columns=columns,
            epochs=1,
            split_seed=5,
            **small,
        )
    )
    config = json.loads((models / "config.json").read_text())["model"]
    held_out = draw_held_out([f"{name}.png" for name in names], 5)
    assert config["held_out"] == {str(tmp_path / "set"): held_out}

    def to_test(**changes):
        settings = TestSettings.for_model(path_model=models, seed=9, **changes)
        return set(open_sets(settings, "train", "test")[1].names)

    assert to_test() == set(held_out)
    # Also where the set lies elsewhere by now, and where more images came.
    (tmp_path / "set").rename(tmp_path / "moved")
    draw_images(tmp_path / "moved", "xy")
    with open(tmp_path / "moved" / "points.csv", "a") as file:
        file.write("x.png;1;2\ny.png;1;2\n")
    assert to_test(path_data=tmp_path / "moved") == set(held_out)
    # Another set is not what was trained on: all of it counts.
    draw_images(tmp_path / "other", "klm")
    rows = [f"{name}.png;1;2" for name in "klm"]
    write(tmp_path / "other", "file;cx;cy", *rows, name="points.csv")
    about = {"path_testing_folder": tmp_path, "path_data": tmp_path / "other"}
    test(TestSettings.for_model(path_model=models, samples=1, **about))
    written = json.loads((tmp_path / "results.json").read_text())
    assert "constant" not in written["controls"] and written["images"] == 3


# --- what is wrong -------------------------------------------------------------------


def test_all_bad_rows_are_listed(folder):
    bad = [f"a.png,{WIDTH + number},30" for number in range(3)]
    write(folder, "image,x,y", bad[0], "b.png,1,2", *bad[1:])
    first, *lines = refused(folder).splitlines()
    path = folder / "annotations.csv"
    assert first.startswith(f"{path}: 3 files or objects cannot be used; --skip_bad 1")
    assert [line.partition(", x: ")[0].strip() for line in lines] == [
        f"{path}: line {number}" for number in (2, 4, 5)
    ]
    found = read_annotations(folder, skip_bad=1)
    assert found.skipped == [line.strip() for line in lines]
    write(folder, "image,x,y", bad[0], "b.png,1,2")
    assert refused(folder).endswith("inside the image; --skip_bad 1 goes on without it")
    write(folder, "image,x,y", *(f"{number}.png,1,2" for number in range(50)))
    lines = refused(folder).splitlines()
    assert len(lines) == MOST_MISTAKES + 2
    assert lines[-1].strip() == f"and {50 - MOST_MISTAKES} more"


# --- COCO ----------------------------------------------------------------------------

NAMES = ["nose", "left_eye", "right_eye"]


def person(image=1, points=(48, 30, 2, 40, 20, 1, 0, 0, 0), box=(10, 10, 50, 40)):
    return {"image_id": image, "keypoints": list(points), "bbox": list(box)}


def coco(*people, names=NAMES, images=("a.png", "b.png")):
    """COCO's JSON with as little as the case that failed had."""
    return {
        "images": [
            {"id": n, "file_name": name, "width": WIDTH, "height": HEIGHT}
            for n, name in enumerate(images, 1)
        ],
        "annotations": list(people),
        "categories": [{"keypoints": list(names)}],
    }


def write_coco(folder: Path, content, name="person_keypoints_val.json") -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    return folder


def test_a_keypoint_of_coco_by_its_name(folder):
    write_coco(folder, coco(person(), person(2, (1.5, 2, 2, 3, 4, 2, 5, 6, 2))))
    one, two = read_annotations(folder, keypoint="Nose").keypoints
    # The point of pixel 48 lies in its middle.
    assert (one.column, one.row, one.normaliser) == (48.5, 30.5, 40)
    assert (two.column, two.row, two.name) == (2, 2.5, "b.png")
    assert one.size == (HEIGHT, WIDTH) and one.path == folder / "images" / "a.png"
    assert {one.split, two.split} == {"train", "test"}  # one file alone is no split
    (eye,) = read_annotations(folder, keypoint="left_eye").keypoints
    assert (eye.name, eye.column, eye.row) == ("b.png", 3.5, 4.5)
    found = read_annotations(folder, keypoint="left_eye")
    assert found.invisible == {"train": 1, "test": 0}
    assert "COCO's JSON, keypoint left_eye, 2 rows" in found.notes[0]
    assert "height of the object's box" in found.notes[1]


@pytest.mark.parametrize("below", ["", "annotations", "sub/annotations", "a/b/c"])
def test_annotations_are_found_as_deep_as_those_of_boxes(tmp_path, below):
    place = tmp_path / below
    place.mkdir(parents=True, exist_ok=True)
    draw_images(tmp_path / "pictures" / "deep", "a")
    both = coco(person(), names=["nose", "x", "y"], images=("a.png",))
    both["categories"][0] |= {"id": 1, "name": "person"}
    both["annotations"][0]["category_id"] = 1
    write_coco(place, both, "instances_keypoints.json")
    (point,) = read_annotations(tmp_path, keypoint="nose").keypoints
    assert point.path == tmp_path / "pictures" / "deep" / "a.png"
    (box,) = VocSet.open(tmp_path, "all", "person")
    assert box.path == point.path


def test_of_sets_below_a_folder_one_alone_is_taken(tmp_path):
    draw_images(tmp_path / "k2" / "sub" / "images", "ab")
    draw_images(tmp_path / "k2" / "images", "ab")  # the same names
    content = coco(person(), names=["nose", "x", "y"], images=("images/a.png",))
    write_coco(tmp_path / "k2" / "sub" / "annotations", content)
    write_coco(tmp_path / "k2" / ".hidden" / "annotations", content)
    (point,) = read_annotations(tmp_path, keypoint="nose").keypoints
    assert point.path == tmp_path / "k2" / "sub" / "images" / "a.png"
    write(tmp_path / "k2" / "sub", "image,x,y", "images/a.png,1,2")  # comes first
    (point,) = read_annotations(tmp_path).keypoints
    assert point.column == 1.5
    write_coco(tmp_path / "k2" / "other" / "annotations", content)
    line = refused(tmp_path)
    assert line == (
        f"{tmp_path}: holds several sets: k2/other, k2/sub; expected one of them"
    )


def test_a_name_that_a_set_lacks_lists_those_that_it_has(folder):
    write_coco(folder, coco(person()))
    for asked, words in (("", "3 keypoints"), ("mouth", "no keypoint mouth")):
        line = refused(folder, keypoint=asked)
        assert f"{words}; expected --keypoint NAME with one of {NAMES[0]}, " in line
    write_coco(folder, coco(person(points=(48, 30, 2)), names=["nose"]))
    (point,) = read_annotations(folder).keypoints  # there is no other
    assert point.column == 48.5
    write_coco(folder, coco(person(), names=[]))
    assert "name no keypoints" in refused(folder)


def test_of_several_people_in_an_image_the_largest_counts(folder):
    people = [
        person(1, (10, 10, 2), (0, 0, 20, 30)),
        person(1, (20, 20, 2), (0, 0, 40, 30)),
        person(1, (30, 30, 0), (0, 0, 96, 72)),  # the largest, but without a nose
        person(2, (40, 40, 2), (0, 0, 5, 5)),
        person(2, (50, 50, 2), (0, 0, 9, 9)) | {"iscrowd": "1"},
    ]
    found = read_annotations(write_coco(folder, coco(*people, names=["nose"])))
    assert [(p.name, p.column) for p in found.keypoints] == [
        ("a.png", 20.5),
        ("b.png", 40.5),
    ]
    assert "1 more object in the same images: the largest of an image counts" in (
        found.notes
    )


def test_objects_of_other_categories_are_other_objects(folder):
    content = coco(person() | {"category_id": 7}, {"image_id": 1, "category_id": 3})
    content["categories"] = [
        {"id": 3, "name": "car"},
        {"id": 7, "name": "person", "keypoints": NAMES},
        {"id": 8, "name": "dog", "keypoints": ["tail", "nose"]},
    ]
    dog = person(2, (1, 2, 2, 3, 4, 2), (0, 0, 9, 9)) | {"category_id": 8}
    content["annotations"].append(dog)
    write_coco(folder, content)
    one, two = read_annotations(folder, keypoint="nose").keypoints
    assert (one.column, two.column) == (48.5, 3.5)  # the second of a dog's
    (tail,) = read_annotations(folder, keypoint="tail").keypoints
    assert tail.column == 1.5
    content["categories"][0] = {"id": 8, "name": "cat", "keypoints": ["nose"]}
    line = refused(write_coco(folder, content), keypoint="nose")
    assert "id: 8 is there twice, with other keypoints; expected one category" in line


def test_without_boxes_the_images_height_normalises(folder):
    nose = person(points=(48, 30, 2))
    del nose["bbox"]
    write_coco(folder, coco(nose, names=["nose"]))
    found = read_annotations(folder)
    assert found.keypoints[0].normaliser == HEIGHT
    assert "no boxes: distances are divided by the image's height" in found.notes
    write_coco(folder, coco(nose, person(2, (1, 2, 2)), names=["nose"]))
    assert "annotation 1, bbox: None" in refused(folder)


def test_cocos_own_folders_and_roboflows(tmp_path):
    cocos, robo = tmp_path / "coco", tmp_path / "robo"
    for part, letters in (("train", "ab"), ("val", "c")):
        draw_images(cocos / f"{part}2017", letters)
        images = [f"{letter}.png" for letter in letters]
        content = coco(*(person(n + 1) for n in range(len(images))), images=images)
        name = f"annotations/person_keypoints_{part}2017.json"
        write_coco(cocos, content, name)
        (cocos / "annotations" / f"instances_{part}2017.json").write_text("no JSON")
    found = read_annotations(cocos, keypoint="nose")
    assert {p.name: p.split for p in found.keypoints} == {
        "a.png": "train",
        "b.png": "train",
        "c.png": "test",
    }
    one = cocos / "annotations" / "person_keypoints_val2017.json"
    (point,) = read_annotations(one, keypoint="nose").keypoints
    assert point.path == cocos / "val2017" / "c.png"
    for part in ("train", "valid", "test"):
        draw_images(robo / part, "a")  # of the same name, each in its folder
        content = coco(person(), images=["a.png"])
        write_coco(robo, content, f"{part}/_annotations.coco.json")
    found = read_annotations(robo, keypoint="nose")
    assert sorted((p.split, p.path.parent.name) for p in found.keypoints) == [
        ("test", "test"),
        ("train", "train"),
        ("train", "valid"),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_id": 9}, "image_id: 9; expected the id of an image"),
        ({"image_id": [1]}, "image_id: [1]; expected"),
        ({"keypoints": [1, 2]}, "keypoints: 2 numbers; expected x, y, v"),
        ({"keypoints": None}, "keypoints: None numbers"),
        ({"keypoints": ["a", 2, 2] * 3}, "keypoints: 'a'; expected numbers"),
        ({"keypoints": [1, 10**400, 2] * 3}, "keypoints: 1000"),
        ({"keypoints": [1, 2, 3] * 3}, "keypoints, v: 3; expected 0, 1 or 2"),
        ({"keypoints": [WIDTH + 1, 2, 2] * 3}, "nose x: 97; expected -0.5 to 96"),
        ({"iscrowd": 2}, "iscrowd: 2; expected 0 or 1"),
        ({"bbox": [0, 0, 5]}, "bbox: [0, 0, 5]; expected [x, y, width, height]"),
        ({"bbox": [0, 0, 5, -1]}, "bbox: 5 wide, -1 high; expected above 0"),
    ],
)
def test_a_bad_annotation_of_coco_is_one_line(folder, change, words):
    content = coco(person(2) | change | {"id": 77}, person())
    line = refused(write_coco(folder, content), keypoint="nose")
    path = folder / "person_keypoints_val.json"
    assert line.startswith(f"{path}: annotation 77, ") and words in line
    assert line.endswith("--skip_bad 1 goes on without it") and "\n" not in line
    assert len(read_annotations(folder, 1, keypoint="nose").keypoints) == 1


def test_a_picture_that_was_resized_after_labelling_is_refused(folder):
    draw_images(folder / "images", "a", (48, 36))
    line = refused(write_coco(folder, coco(person())), keypoint="nose")
    assert f"width, height of a.png: {WIDTH},{HEIGHT}; expected 48,36" in line


def write_pose(folder: Path, lines: dict[str, str], about: str) -> Path:
    """Write YOLO's text files, by the letter of their image."""
    pytest.importorskip("yaml")
    (folder / "labels").mkdir(exist_ok=True)
    for name, text in lines.items():
        (folder / "labels" / f"{name}.txt").write_text(text)
    (folder / "data.yaml").write_text(f"names: [person]\n{about}\n")
    return folder


def test_keypoints_of_yolo(folder):
    box = "0 0.5 0.5 0.5 0.25"
    lines = {
        "a": f"{box} 0.1 0.2 2 0.25 0.5 2\n0 0.5 0.5 0.1 0.1 0 0 0 0.9 0.9 2\n",
        "b": f"{box} 0.3 0.4 2 0.5 0.75 1\n",
        "c": "",
    }
    about = "kpt_shape: [2, 3]\nkpt_names:\n  0: [nose, left_eye]"
    write_pose(folder, lines, about)
    found = read_annotations(folder, keypoint="Left_Eye")
    (eye,) = found.keypoints  # the larger object's; that of b is hidden
    assert (eye.column, eye.row) == (0.25 * WIDTH, 0.5 * HEIGHT)
    assert (eye.normaliser, eye.name) == (0.25 * HEIGHT, "a.png")
    assert sum(found.invisible.values()) == 1
    assert "keypoint left_eye, 3 rows" in found.notes[0]
    line = refused(folder)
    assert "2 keypoints; expected --keypoint NAME with one of nose, left_eye" in line
    assert len(read_annotations(folder / "data.yaml", keypoint="nose").keypoints) == 2
    # Without names keypoints are numbered, without v one at 0, 0 is not there.
    lines = {"a": f"{box} 0.1 0.2 0 0", "b": f"{box} 0 0 0.5 0.5"}
    write_pose(folder, lines, "kpt_shape: [2, 2]")
    (point,) = read_annotations(folder, keypoint="1").keypoints
    assert (point.name, point.row) == ("b.png", 0.5 * HEIGHT)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0.5 0.5 0.5 0.5 0.1", "6 numbers; expected 8 with 1 keypoints"),
        ("0 0.5 0.5 0.5 0.5 0.1 1.2 2", "0 y: 1.2; expected 0 to 1"),
        ("0 0.5 0.5 0.5 0.5 0.1 x 2", "0: 'x'; expected a number"),
        ("0 0.5 0.5 0.5 0 0.1 0.1 2", "box: 0.5 wide, 0 high; expected above 0"),
    ],
)
def test_a_bad_line_of_yolo(folder, line, words):
    good = "0 0.5 0.5 0.5 0.5 0.1 0.1 2"
    write_pose(folder, {"a": f"{good}\n{line}"}, "kpt_shape: [1, 3]")
    text = refused(folder)
    assert text.startswith(f"{folder / 'labels' / 'a.txt'}: line 2, {words}")
    assert len(read_annotations(folder, 1).keypoints) == 1


def test_a_shape_that_is_none(folder):
    write_pose(folder, {"a": ""}, "kpt_shape: [1, 4]")
    assert "data.yaml: kpt_shape is [1, 4]; expected the number" in refused(folder)


def test_parts_of_a_pose_set_are_those_of_its_folders(tmp_path):
    for part, letter in (("train", "a"), ("valid", "b")):
        draw_images(tmp_path / part / "images", letter)
        write_pose(tmp_path / part, {letter: "0 0.5 0.5 0.5 0.5 0.1 0.1 2"}, "")
        (tmp_path / part / "data.yaml").unlink()
    about = "names: [x]\nkpt_shape: [1, 3]\ntrain: train/images\nval: valid/images"
    (tmp_path / "data.yaml").write_text(about)
    found = read_annotations(tmp_path)
    splits = {point.name: point.split for point in found.keypoints}
    assert splits == {"a.png": "train", "b.png": "test"} and found.held_out is None


def test_where_width_and_height_are_exchanged_the_picture_decides(folder):
    draw_images(folder / "images", "a", (HEIGHT, WIDTH))
    found = read_annotations(write_coco(folder, coco(person())), keypoint="nose")
    assert found.keypoints[0].size == (WIDTH, HEIGHT)
    picture = folder / "images" / "a.png"
    note = f"height and width exchanged in 1 annotation ({picture}): those of the"
    assert f"{note} picture count" in found.notes


def test_a_row_that_is_there_twice_counts_once(folder):
    write(folder, "image,x,y", "a.png,1,2", "a.png,1,2", "a.png,3,2", "b.png,1,2")
    found = read_annotations(folder)
    assert [(p.name, p.column) for p in found.keypoints] == [
        ("a.png", 1.5),
        ("a.png", 3.5),
        ("b.png", 1.5),
    ]
    assert "1 row is there twice: each counts once" in found.notes


def test_flags_that_say_nothing_about_a_layout_are_refused(folder):
    write(folder, "image,x,y", "a.png,1,2")
    assert "is a table; keypoint is nose" in refused(folder, keypoint="nose")
    (folder / "annotations.csv").unlink()
    write_coco(folder, coco(person()))
    line = refused(folder, keypoint="nose", columns=("x=cx",))
    assert "is no table; columns is x=cx" in line


# --- whatever the file holds ---------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "keypoints", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(data=st.data())
@settings(IN_PLACE, max_examples=150)
def test_any_changed_json_is_read_or_refused_in_a_line(folder, data):
    content = coco(person(), person(2))
    spot = content
    while True:  # walk to a random place, and put something else there
        keys = list(spot) if isinstance(spot, dict) else range(len(spot))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(spot[key], dict | list) or not spot[key]:
            break
        if data.draw(st.booleans()):
            break
        spot = spot[key]
    spot[key] = data.draw(JSON)
    write_coco(folder, content)
    try:
        found = read_annotations(folder, keypoint="nose")
    except InputError as error:
        assert str(error).startswith(str(folder))
    else:
        assert all(p.split in ("train", "test") for p in found.keypoints)
        assert all(p.normaliser > 0 for p in found.keypoints)


@given(
    noise=st.binary(min_size=1, max_size=3),
    place=st.integers(0, 200),
    kind=st.sampled_from(["csv", "json"]),
)
@settings(IN_PLACE, max_examples=100)
def test_any_changed_bytes_are_read_or_refused(folder, noise, place, kind):
    path = folder / f"annotations.{kind}"
    if kind == "csv":
        good = b"image;x;y;split\r\na.png;1,5;2;train\r\nb.png;3;4;test\r\n"
    else:
        good = json.dumps(coco(person())).encode()
    path.write_bytes(good[: place % len(good)] + noise + good[place % len(good) :])
    try:
        read_annotations(path, keypoint="" if kind == "csv" else "nose")
    except InputError as error:
        assert str(error).startswith(str(folder))
