"""PASCAL VOC data: annotations, image sets, and sets of images read lazily."""

import os
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from common.errors import InputError
from common.files import REPOSITORY
from datasets.voc import (
    VOC_CLASSES,
    VocObject,
    VocSet,
    class_name,
    class_number,
    load_images_labels_in_data_set,
    load_images_names_in_data_set,
)
from datasets.voc import get_bb_of_gt_from_pascal_xml_annotation as read_annotation

pytestmark = pytest.mark.paths

SHARED_DATA = Path(os.environ.get("SHARED_DATA", REPOSITORY.parent / "shared" / "data"))

ON_FILES = settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def box_xml(xmin=11, ymin=21, xmax=30, ymax=60) -> str:
    corners = {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax}
    inside = "".join(f"<{tag}>{value}</{tag}>" for tag, value in corners.items())
    return f"<bndbox>{inside}</bndbox>"


def object_xml(name="aeroplane", more="", **corners) -> str:
    return f"<object><name>{name}</name>{more}{box_xml(**corners)}</object>"


SIZE = "<size><width>100</width><height>80</height><depth>3</depth></size>"
DIFFICULT = "<difficult>1</difficult>"


def annotation_xml(*objects: str, size: str = SIZE) -> str:
    return f"<annotation>{size}{''.join(objects)}</annotation>"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def annotate(voc: Path, content: str | bytes, name: str = "000005") -> Path:
    return write(voc / "Annotations" / f"{name}.xml", content)


def set_file(voc: Path, name: str, content: str | bytes) -> Path:
    return write(voc / "ImageSets" / "Main" / f"{name}.txt", content)


def draw(voc: Path, name: str, size=(100, 80), suffix=".jpg", **options) -> Path:
    path = voc / "JPEGImages" / f"{name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "grey").save(path, **options)
    return path


def one_line(caught) -> str:
    line = str(caught.value)
    assert line.splitlines() == [line]
    return line


def failure_of(voc: Path, content: str | bytes, **options) -> str:
    path = annotate(voc, content)
    with pytest.raises(InputError) as caught:
        read_annotation("000005", voc, **options)
    line = one_line(caught)
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def the_box(voc: Path, one_based_boxes=False, image_size=None, size=SIZE, **corners):
    annotate(voc, annotation_xml(object_xml(**corners), size=size))
    (found,) = read_annotation("000005", voc, one_based_boxes, image_size).objects
    return found.box


@pytest.fixture
def voc(tmp_path):
    """Four images: with the class, without, difficult only, and with it again."""
    folder = tmp_path / "VOC2007"
    contents = {
        "000001": [object_xml(), object_xml("Person")],
        "000002": [object_xml("car")],
        "000003": [object_xml(more=DIFFICULT)],
        "000004": [object_xml(more=DIFFICULT), object_xml(xmax=31)],
    }
    for name, objects in contents.items():
        annotate(folder, annotation_xml(*objects), name)
        draw(folder, name)
    labels = "000001  1\n000002 -1\n000003  0\n000004  1\n"
    set_file(folder, "aeroplane_trainval", labels)
    set_file(folder, "trainval", "\n".join(contents))
    return folder


# Classes


@pytest.mark.parametrize("given_as", [7, "7", "car", "CAR", " Car ", np.int64(7)])
def test_class_number(given_as):
    assert class_number(given_as) == 7
    assert class_name(given_as) == "car"


def test_class_numbers_are_the_published_ones():
    assert len(VOC_CLASSES) == 20
    assert class_number("aeroplane") == 1
    assert class_number("tvmonitor") == 20


@pytest.mark.parametrize("given_as", [0, 21, "airplane", "name:7", "a\nb"])
def test_a_class_of_ones_own_has_no_number(given_as):
    with pytest.raises(InputError) as caught:
        class_number(given_as)
    line = one_line(caught)
    assert all(name in line for name in VOC_CLASSES)


# Annotations


def test_corners_count_from_one_and_are_inclusive(tmp_path):
    assert the_box(tmp_path) == (20, 10, 60, 30)


def test_corners_as_the_published_program_reads_them(tmp_path):
    assert the_box(tmp_path, one_based_boxes=True) == (21, 11, 60, 30)
    assert the_box(tmp_path, one_based_boxes=False) == (20, 10, 60, 30)


def test_whole_image_and_single_pixel(tmp_path):
    assert the_box(tmp_path, xmin=1, ymin=1, xmax=100, ymax=80) == (0, 0, 80, 100)
    assert the_box(tmp_path, xmin=100, ymin=1, xmax=100, ymax=1) == (0, 99, 1, 100)


def test_single_pixel_is_empty_in_the_published_reading(tmp_path):
    xml = annotation_xml(object_xml(xmin=9, xmax=9))
    line = failure_of(tmp_path, xml, one_based_boxes=True)
    assert line == (
        "object 1 (aeroplane), bndbox: xmin 9 to xmax 9 is an empty box;"
        " expected xmin < xmax, inside of the image"
    )


def test_fractions_are_rounded(tmp_path):
    box = the_box(tmp_path, xmin="48.5", ymin=" 2.4999 ", xmax="97.0", ymax="5e1")
    assert box == (1, 48, 50, 97)


@pytest.mark.parametrize(
    ("corners", "box", "over"),
    [
        ({"xmin": 0, "ymin": 0, "xmax": 101, "ymax": 81}, (0, 0, 80, 100), 1),
        ({"xmin": -1, "xmax": "30.4"}, (20, 0, 60, 30), 2),
        ({"xmin": -1, "ymax": 84}, (20, 0, 80, 30), 4),
        ({"xmin": 41, "xmax": 200}, (20, 40, 60, 100), 100),
    ],
)
def test_what_is_outside_is_cut_off_and_counted(tmp_path, corners, box, over):
    assert the_box(tmp_path, **corners) == box
    assert read_annotation("000005", tmp_path).overhangs == (over,)


def test_a_picture_of_another_size_is_refused_with_both(tmp_path):
    line = failure_of(tmp_path, annotation_xml(object_xml()), image_size=(160, 200))
    assert "100 wide and 80 high" in line and "200 wide and 160 high" in line


def test_where_height_and_width_are_exchanged_the_picture_decides(tmp_path):
    size = "<size><width>80</width><height>100</height></size>"
    assert the_box(tmp_path, size=size, image_size=(80, 100)) == (20, 10, 60, 30)
    annotation = read_annotation("000005", tmp_path, image_size=(80, 100))
    assert annotation.size == (80, 100) and annotation.is_swapped
    assert not read_annotation("000005", tmp_path).is_swapped


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size/>",
        "<size><height>9</height></size>",
        "<size><width>0</width><height>0</height></size>",
    ],
)
def test_without_any_size_boxes_are_taken_as_they_are(tmp_path, size):
    assert the_box(tmp_path, size=size, xmax=5000) == (20, 10, 60, 5000)
    assert read_annotation("000005", tmp_path).size is None


def test_annotation(tmp_path):
    pose = "<pose>Left</pose><truncated>0.0597</truncated><difficult>1</difficult>"
    xml = annotation_xml(object_xml(more=pose), object_xml(" TVmonitor\n"))
    annotate(tmp_path, xml)
    annotation = read_annotation("000005", str(tmp_path))
    assert annotation.name == "000005"
    assert annotation.size == (80, 100)
    assert annotation.objects == (
        VocObject("aeroplane", (20, 10, 60, 30), difficult=True),
        VocObject("tvmonitor", (20, 10, 60, 30), difficult=False),
    )


def test_no_objects(tmp_path):
    annotate(tmp_path, "<annotation/>")
    assert read_annotation("000005", tmp_path).objects == ()


def test_parts_are_not_taken_for_the_object(tmp_path):
    part = f"<part><name>head</name>{box_xml(1, 1, 2, 2)}</part>"
    annotate(tmp_path, annotation_xml(object_xml("person", more=part)))
    (person,) = read_annotation("000005", tmp_path).objects
    assert person.box == (20, 10, 60, 30)
    xml = annotation_xml(f"<object><name>person</name>{part}</object>")
    assert failure_of(tmp_path, xml) == (
        "object 1 (person): there is no bndbox; expected the object's corners"
    )


def test_box_that_is_turned_over_names_object_and_field(tmp_path):
    xml = annotation_xml(object_xml("car"), object_xml(xmin=40, xmax=12))
    assert failure_of(tmp_path, xml) == (
        "object 2 (aeroplane), bndbox: xmax 12 is left of xmin 40;"
        " expected xmin <= xmax"
    )
    xml = annotation_xml(object_xml(ymin=40, ymax=12))
    assert "ymax 12 is above ymin 40" in failure_of(tmp_path, xml)


@pytest.mark.parametrize(
    ("corners", "field"),
    [
        ({"xmin": -100}, "xmin -100 is outside of the image; expected at least 1"),
        ({"xmax": 201}, "xmax 201 is outside of the image; expected at least 1 and"),
        ({"ymax": 1e300}, "ymax 1"),
        ({"xmin": 101, "xmax": 101}, "xmin 101 to xmax 101 is an empty box"),
        ({"xmin": 0, "xmax": 0}, "xmin 0 to xmax 0 is an empty box"),
        ({"xmin": "nan"}, "xmin is 'nan'"),
        ({"ymax": "inf"}, "ymax is 'inf'"),
        ({"ymax": "1e999"}, "ymax is '1e999'"),
        ({"xmin": ""}, "xmin is ''"),
        ({"xmin": "1_0"}, "xmin is '1_0'"),
        ({"xmin": "ten\nor so"}, r"xmin is 'ten\nor so'"),
        ({"xmin": "9" * 5000}, "xmin is '999999999999...9999999999999'"),
    ],
)
def test_box_that_cannot_be_used(tmp_path, corners, field):
    line = failure_of(tmp_path, annotation_xml(object_xml(**corners)))
    assert line.startswith("object 1 (aeroplane), bndbox: ")
    assert field in line
    assert len(line) < 500


def test_missing_number(tmp_path):
    xml = annotation_xml(object_xml()).replace("ymax>", "top>")
    assert "bndbox: there is no ymax" in failure_of(tmp_path, xml)


@pytest.mark.parametrize("value", ["2", "yes"])
def test_flag_that_is_none(tmp_path, value):
    xml = annotation_xml(object_xml(more=f"<difficult>{value}</difficult>"))
    assert f"difficult is {value!r}; expected 0 or 1" in failure_of(tmp_path, xml)


@pytest.mark.parametrize("flag", ["truncated", "occluded", "pose"])
def test_flags_that_nothing_depends_on_are_not_judged(tmp_path, flag):
    annotate(tmp_path, annotation_xml(object_xml(more=f"<{flag}>perhaps</{flag}>")))
    assert len(read_annotation("000005", tmp_path).objects) == 1


def test_object_without_a_name(tmp_path):
    line = failure_of(tmp_path, annotation_xml(object_xml(), object_xml(" ")))
    assert line == "object 2: there is no name; expected the name of a class"


@pytest.mark.parametrize("width", ["wide", "nan", "", "-5"])
def test_unreadable_size(tmp_path, width):
    size = SIZE.replace("100", width)
    assert failure_of(tmp_path, annotation_xml(size=size)).startswith("size: ")


BOMB = (
    '<!DOCTYPE a [<!ENTITY b "boom"><!ENTITY c "&b;&b;&b;">]><annotation>&c;'
    "</annotation>"
)
OUTSIDE = (
    '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><annotation>&b;'
    "</annotation>"
)
DTD = '<!DOCTYPE annotation SYSTEM "http://localhost/x.dtd"><annotation/>'


@pytest.mark.parametrize("xml", [BOMB, OUTSIDE, DTD])
def test_nothing_is_expanded_or_fetched(tmp_path, xml):
    assert "document type or entities" in failure_of(tmp_path, xml)


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"<annotation><object></annotation>",
        b"<annotation>",
        b'<?xml version="1.0" encoding="klingon"?><annotation/>',
        b'<?xml version="1.0" encoding="utf-32"?><annotation/>',
        b"<annotation><filename>\xe4.jpg</filename></annotation>",
        b"<html/>",
        b'<?xml version="1.0" encoding="utf-16"?><annotation/>',
        b"\x89PNG\r\n\x1a\n",
        b"<annotation>" + b"<a>" * 50_000,
    ],
)
def test_file_that_is_no_annotation(tmp_path, content):
    failure_of(tmp_path, content)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_declared_encodings(tmp_path, encoding):
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    start = f'<?xml version="1.0" encoding="{declared}"?>\r\n'
    xml = start + annotation_xml("<filename>ä.jpg</filename>", object_xml())
    annotate(tmp_path, xml.encode(encoding))
    assert len(read_annotation("000005", tmp_path).objects) == 1


@pytest.mark.slow
def test_deep_nesting(tmp_path):
    annotate(tmp_path, f"<annotation>{'<a>' * 30_000}{'</a>' * 30_000}</annotation>")
    assert read_annotation("000005", tmp_path).objects == ()


def test_missing_annotation(tmp_path):
    with pytest.raises(InputError, match=r"Annotations/x\.xml: there is no such file"):
        read_annotation("x", tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "..\\x", "", "a\0b"])
def test_names_never_lead_out_of_the_database(tmp_path, name):
    write(tmp_path / "x.xml", annotation_xml())
    with pytest.raises(InputError, match="is no name") as caught:
        read_annotation(name, tmp_path / "voc")
    one_line(caught)


def reads_or_says_why(voc: Path, content: bytes) -> None:
    """What has to hold for any annotation file whatsoever."""
    path = annotate(voc, content)
    try:
        annotation = read_annotation("000005", voc)
    except InputError as error:
        assert str(error).splitlines() == [str(error)]
        assert str(path) in str(error)
        return
    for found in annotation.objects:
        ymin, xmin, ymax, xmax = found.box
        assert 0 <= ymin < ymax
        assert 0 <= xmin < xmax


WHOLE = annotation_xml(object_xml(more=DIFFICULT), object_xml("dog")).encode()


@ON_FILES
@given(st.binary(max_size=300))
def test_any_bytes(tmp_path, content):
    reads_or_says_why(tmp_path, content)


@pytest.mark.slow
@ON_FILES
@given(st.text(max_size=40), st.sampled_from(["1", "11", "aeroplane", "xmin", "size"]))
def test_any_text_in_place_of_a_word(tmp_path, text, word):
    content = WHOLE.replace(word.encode(), text.encode())
    reads_or_says_why(tmp_path, content)


@ON_FILES
@given(st.integers(0, len(WHOLE)))
def test_any_truncation(tmp_path, length):
    reads_or_says_why(tmp_path, WHOLE[:length])


@ON_FILES
@given(
    st.lists(st.floats(-5, 120), min_size=4, max_size=4),
    st.booleans(),
)
def test_boxes_lie_inside_the_image_or_are_refused(tmp_path, corners, one_based):
    xmin, ymin, xmax, ymax = corners
    xml = annotation_xml(object_xml(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax))
    annotate(tmp_path, xml)
    try:
        annotation = read_annotation("000005", tmp_path, one_based)
    except InputError:
        return
    (found,) = annotation.objects
    assert 0 <= found.box[0] < found.box[2] <= 80
    assert 0 <= found.box[1] < found.box[3] <= 100


# Image sets


def test_names_and_labels(voc):
    names = load_images_names_in_data_set("aeroplane_trainval", voc)
    assert names == ["000001", "000002", "000003", "000004"]
    assert load_images_names_in_data_set("trainval", str(voc)) == names
    labels = load_images_labels_in_data_set("aeroplane_trainval", str(voc))
    assert labels == [1, -1, 0, 1]


def test_missing_labels_are_found_in_the_annotations(voc):
    (voc / "ImageSets" / "Main" / "aeroplane_trainval.txt").unlink()
    names = load_images_names_in_data_set("aeroplane_trainval", voc)
    assert names == ["000001", "000002", "000003", "000004"]
    labels = load_images_labels_in_data_set("aeroplane_trainval", voc)
    assert labels == [1, -1, 0, 1]


def test_blank_lines_spaces_and_byte_order_mark(tmp_path):
    content = b"\xef\xbb\xbf\r\n  2008_000001\t 1 \r\n\r\n \t\r\na/b   -1 x\r\nc +1"
    set_file(tmp_path, "car_val", content)
    names = load_images_names_in_data_set("car_val", tmp_path)
    assert names == ["2008_000001", "a/b", "c"]
    assert load_images_labels_in_data_set("car_val", tmp_path) == [1, -1, 1]


@pytest.mark.parametrize("line", ["x one", "x 2", "x", "x 1.0", "../x 1", "/x 1"])
def test_bad_line_is_named_by_its_number(tmp_path, line):
    path = set_file(tmp_path, "car_val", f"a 1\n\n{line}\n")
    with pytest.raises(InputError) as caught:
        load_images_labels_in_data_set("car_val", tmp_path)
    assert one_line(caught).startswith(f"{path}: line 3: ")


def test_set_that_is_no_text(tmp_path):
    path = set_file(tmp_path, "car_val", b"\xff\xfe\x00")
    with pytest.raises(InputError) as caught:
        load_images_names_in_data_set("car_val", tmp_path)
    assert one_line(caught).startswith(f"{path}: byte 0 is not UTF-8; expected text")


def test_missing_set_lists_those_there_are(voc):
    set_file(voc, "dog_val", "")
    for load in (load_images_names_in_data_set, load_images_labels_in_data_set):
        with pytest.raises(InputError) as caught:
            load("aeroplane_test", voc)
        assert one_line(caught) == (
            f"{voc / 'ImageSets' / 'Main'}: there is no set aeroplane_test;"
            " expected one of aeroplane_trainval, trainval"
        )


def test_missing_folder_of_sets(tmp_path):
    with pytest.raises(InputError, match="none: there is no such folder") as caught:
        load_images_names_in_data_set("trainval", tmp_path / "none")
    one_line(caught)
    with pytest.raises(InputError, match="there are none") as caught:
        load_images_names_in_data_set("trainval", tmp_path)
    one_line(caught)


@pytest.mark.parametrize("name", ["../x", "aeroplane_../../x", "", "x" * 5000])
def test_set_names_never_lead_out_of_the_database(tmp_path, name):
    set_file(tmp_path, "trainval", "")
    with pytest.raises(InputError) as caught:
        load_images_names_in_data_set(name, tmp_path)
    one_line(caught)


@pytest.mark.slow
@ON_FILES
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_any_bytes_as_a_set(tmp_path, content):
    set_file(tmp_path, "car_val", content)
    try:
        names = load_images_names_in_data_set("car_val", tmp_path)
        labels = load_images_labels_in_data_set("car_val", tmp_path)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert len(names) == len(labels)


# Sets of images


def test_set_holds_the_images_with_the_class(voc):
    images = VocSet.open(voc, "trainval", "aeroplane")
    assert images.names == ["000001", "000004"]
    assert images.keys == ["VOC2007/000001", "VOC2007/000004"]
    assert len(images) == 2
    first = images[0]
    assert (first.name, first.key) == ("000001", "VOC2007/000001")
    assert first.path == voc / "JPEGImages" / "000001.jpg"
    assert first.pixels.shape == (80, 100, 3)
    assert [found.class_name for found in first.objects] == ["aeroplane", "person"]
    assert images[-1].name == "000004"
    with pytest.raises(IndexError):
        images[2]


def test_set_with_difficult_images(voc):
    images = VocSet.open(voc, "trainval", 1, with_difficult=True)
    assert images.names == ["000001", "000003", "000004"]
    assert images[1].objects[0].difficult


def test_iteration_is_the_same_each_time(voc):
    images = VocSet.open(voc, "trainval", 1)
    once, again = ([image.key for image in images] for _ in range(2))
    assert once == again == images.keys


def test_one_based_boxes_reach_the_objects(voc):
    images = VocSet.open(voc, "trainval", 1, one_based_boxes=True)
    assert images[0].objects[0].box == (21, 11, 60, 30)
    assert images.annotation(0).objects == images[0].objects


def test_labels_cost_no_annotations_and_no_images(voc):
    for path in (*voc.glob("Annotations/*"), *voc.glob("JPEGImages/*")):
        path.unlink()
    assert len(VocSet.open(voc, "trainval", 1)) == 2


def test_labels_from_annotations(voc):
    (voc / "ImageSets" / "Main" / "aeroplane_trainval.txt").unlink()
    assert VocSet.open(voc, "trainval", 1).names == ["000001", "000004"]


def test_class_that_no_image_holds(voc):
    set_file(voc, "bird_trainval", "000001 -1\n")
    with pytest.raises(InputError, match="no image of trainval holds class bird"):
        VocSet.open(voc, "trainval", "bird")


def test_image_that_is_named_twice_is_taken_once_and_said(voc):
    path = set_file(voc, "aeroplane_trainval", "000001 1\n000004 1\n000001 1\n")
    images = VocSet.open(voc, "trainval", 1)
    assert images.names == ["000001", "000004"]
    assert images.notes == [f"{path}: 000001 is named twice; taken once"]


def test_image_that_is_named_twice_with_two_labels(voc):
    set_file(voc, "aeroplane_trainval", "000001 1\n000001 -1\n")
    with pytest.raises(InputError, match="line 2: 000001 has another label"):
        VocSet.open(voc, "trainval", 1)


@pytest.mark.parametrize("suffix", [".jpeg", ".png", ".JPG", ".Png", ".bmp", ".webp"])
def test_other_suffixes(voc, suffix):
    (voc / "JPEGImages" / "000001.jpg").unlink()
    path = draw(voc, "000001", suffix=suffix)
    assert VocSet.open(voc, "trainval", 1)[0].path == path


def test_annotation_says_whether_the_image_is_to_be_turned(voc):
    exif = Image.Exif()
    exif[0x0112] = 6
    draw(voc, "000001", exif=exif)  # annotated as it is stored
    draw(voc, "000004", size=(80, 100), exif=exif)  # annotated as a viewer shows it
    shapes = [image.pixels.shape for image in VocSet.open(voc, "trainval", 1)]
    assert shapes == [(80, 100, 3)] * 2


def test_a_picture_that_was_resized_is_bad_before_a_pixel_is_decoded(voc):
    draw(voc, "000001", size=(200, 160))
    images = VocSet.open(voc, "trainval", 1)
    for look in (images.check, lambda: images.annotation(0), lambda: images.read(0)):
        with pytest.raises(InputError, match="000001.xml: size is 100 wide") as caught:
            look()
        one_line(caught)


def spoil(voc: Path, how: str) -> str:
    """Make the first image unreadable; return what the error has to name."""
    if how == "annotation":
        return str(annotate(voc, b"", "000001"))
    path = voc / "JPEGImages" / "000001.jpg"
    if how == "no image":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:300])
    return str(path)


@pytest.mark.parametrize("how", ["annotation", "no image", "half an image"])
def test_bad_image_raises(voc, how):
    path = spoil(voc, how)
    images = VocSet.open(voc, "trainval", 1)
    with pytest.raises(InputError) as caught:
        list(images)
    assert path in one_line(caught)
    assert images.skipped == []


def test_all_pictures_that_are_cut_short_are_named_when_the_first_one_is_met(voc):
    images = VocSet.open(voc, "trainval", 1)
    paths = [voc / "JPEGImages" / f"{name}.jpg" for name in images.names]
    for path in paths:
        path.write_bytes(path.read_bytes()[:-100])
    images.check()
    for index in range(len(paths)):
        with pytest.raises(InputError, match="--skip_bad 1 goes on without") as caught:
            images.read(index)
        start, *lines = str(caught.value).splitlines()
        assert start.startswith(f"{voc}: {len(paths)} files")
        assert sorted(line.split(":")[0].strip() for line in lines) == [
            str(path) for path in sorted(paths)
        ]
        assert str(paths[index]) in lines[0]


def test_too_small_an_image_is_bad(voc):
    with pytest.raises(InputError, match="80 pixels high and 100 wide; expected at le"):
        list(VocSet.open(voc, "trainval", 1, smallest_image=81))
    assert len(list(VocSet.open(voc, "trainval", 1, smallest_image=80))) == 2
    skipping = VocSet.open(voc, "trainval", 1, skip_bad=1, smallest_image=81)
    for images in (skipping, skipping.first(2)):
        assert list(images) == []
        assert ["80 pixels high" in line for line in images.skipped] == [True, True]


def test_all_pictures_too_small_are_known_once_headers_were_looked_at(voc):
    images = VocSet.open(voc, "trainval", 1)
    images.check()
    assert images.at_least(80).check() is None
    with pytest.raises(InputError) as caught:
        images.at_least(81)
    assert len(str(caught.value).splitlines()) == 3
    skipping = VocSet.open(voc, "trainval", 1, skip_bad=1)
    skipping.check()
    assert [skipping.at_least(81).read(index) for index in range(2)] == [None, None]


@pytest.mark.parametrize("how", ["annotation", "no image", "half an image"])
def test_bad_image_is_skipped_and_counted_once(voc, how):
    path = spoil(voc, how)
    images = VocSet.open(voc, "trainval", 1, skip_bad=1)
    for _ in range(3):
        assert [image.name for image in images] == ["000004"]
    assert images.read(0) is None
    assert images.read(-2) is None
    (reason,) = images.skipped
    assert path in reason
    with pytest.raises(InputError):
        images[0]


def test_bad_annotation_where_labels_come_from_annotations(voc):
    (voc / "ImageSets" / "Main" / "aeroplane_trainval.txt").unlink()
    path = spoil(voc, "annotation")
    with pytest.raises(InputError, match="is empty"):
        VocSet.open(voc, "trainval", 1)
    images = VocSet.open(voc, "trainval", 1, skip_bad=1)
    assert images.names == ["000004"]
    assert [path in reason for reason in images.skipped] == [True]


def test_broken_set_file_is_never_skipped(voc):
    set_file(voc, "aeroplane_trainval", "000001 1\n000002 x\n")
    with pytest.raises(InputError, match="line 2"):
        VocSet.open(voc, "trainval", 1, skip_bad=1)


def second_database(folder: Path) -> Path:
    size = SIZE.replace("80", "81")
    annotate(folder, annotation_xml(object_xml(), size=size), "000001")
    draw(folder, "000001", size=(100, 81))
    set_file(folder, "aeroplane_trainval", "000001 1\n")
    return folder


def test_two_databases_with_the_same_names(voc, tmp_path):
    other = second_database(tmp_path / "VOC2012")
    images = VocSet.open(other, "trainval", 1) + VocSet.open(voc, "trainval", 1)
    assert images.keys == ["VOC2012/000001", "VOC2007/000001", "VOC2007/000004"]
    assert [image.key for image in images] == images.keys
    assert images[0].pixels.shape == (81, 100, 3)
    assert images[1].pixels.shape == (80, 100, 3)


def test_two_databases_in_folders_of_the_same_name(voc, tmp_path):
    other = second_database(tmp_path / "more" / "VOC2007")
    images = VocSet.open(voc, "trainval", 1) + VocSet.open(other, "trainval", 1)
    assert images.keys == ["VOC2007/000001", "VOC2007/000004", "VOC2007~2/000001"]


def test_the_same_database_twice_is_refused(voc):
    first = VocSet.open(voc, "trainval", 1)
    second = VocSet.open(f"{voc}/../VOC2007", "trainval", 1)
    with pytest.raises(InputError, match="is named 2 times"):
        first + second


def test_what_was_skipped_before_stays_skipped_in_the_sum(voc, tmp_path):
    other = second_database(tmp_path / "VOC2012")
    path = spoil(voc, "no image")
    later = VocSet.open(voc, "trainval", 1, skip_bad=1)
    assert len(list(later)) == 1
    images = VocSet.open(other, "trainval", 1, skip_bad=1) + later
    assert [image.key for image in images] == ["VOC2012/000001", "VOC2007/000004"]
    assert [path in reason for reason in images.skipped] == [True]


def test_sets_with_different_settings_are_not_added(voc):
    with pytest.raises(ValueError, match="same settings"):
        VocSet.open(voc, "trainval", 1) + VocSet.open(voc, "trainval", 1, skip_bad=1)


def let_table_of_interned_names_grow():
    """Intern names until Python's table of them has grown, so that it has room again.

    pathlib interns parts of paths, and whichever is one too many for the table is
    charged with all of the new one: megabytes, in a process that has loaded much.
    """
    kept = []
    tracemalloc.start()
    try:
        grown = 0
        while grown < 1e6:
            before, _ = tracemalloc.get_traced_memory()
            kept.append(sys.intern(f"interned {len(kept)}"))
            grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_ten_thousand_images_cost_no_memory(tmp_path):
    names = [f"a/{number:06}" for number in range(10_000)]
    set_file(tmp_path, "car_trainval", "".join(f"{name} 1\n" for name in names))
    annotation = annotate(tmp_path, annotation_xml(object_xml("car")), names[0])
    drawn = draw(tmp_path, names[0])
    for name in names[1:300]:
        os.link(annotation, annotation.with_name(f"{name[2:]}.xml"))
        os.link(drawn, drawn.with_name(f"{name[2:]}.jpg"))
    let_table_of_interned_names_grow()
    tracemalloc.start()
    try:
        images = VocSet.open(tmp_path, "trainval", "car")
        assert len(images) == 10_000
        opened, _ = tracemalloc.get_traced_memory()
        assert opened < 8e6
        for index, image in zip(range(300), images, strict=False):
            assert image.pixels.nbytes == 24_000
            if index == 20:
                early, _ = tracemalloc.get_traced_memory()
                tracemalloc.reset_peak()
        late, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Python keeps names of paths, and Pillow loads a module late: no image's pixels.
    assert late < early + 100_000
    assert peak < early + 500_000


# Real data


def real(folder: str) -> Path:
    path = SHARED_DATA / folder
    if not path.is_dir():
        pytest.skip(f"{folder} is not at hand")
    return path


@pytest.mark.parametrize(
    "folder",
    [
        "caltech_aeroplanes",
        "voc2007_aeroplane_annotations",
        "voc2007_images",
        "voc2012_aeroplane_annotations",
    ],
)
def test_all_real_annotations_are_read(folder):
    paths = sorted(real(folder).glob("Annotations/*.xml"))
    assert paths
    for path in paths:
        annotation = read_annotation(path.stem, real(folder))
        height, width = annotation.size
        for found in annotation.objects:
            ymin, xmin, ymax, xmax = found.box
            assert 0 <= ymin < ymax <= height
            assert 0 <= xmin < xmax <= width


def test_counts_of_voc_2007_test():
    images = VocSet.open(real("voc2007_aeroplane_annotations"), "test", "aeroplane")
    annotations = [images.annotation(index) for index in range(len(images))]
    found = [
        found
        for one in annotations
        for found in one.objects
        if found.class_name == "aeroplane"
    ]
    assert len(images) == 204
    assert len(found) == 309
    assert sum(one.difficult for one in found) == 24


@pytest.mark.parametrize(
    ("folder", "images", "with_difficult"),
    [
        ("voc2007_aeroplane_annotations", 238, 240),
        ("voc2012_aeroplane_annotations", 670, 676),
        ("caltech_aeroplanes", 520, 520),
    ],
)
def test_counts_of_trainval(folder, images, with_difficult):
    path = real(folder)
    assert len(VocSet.open(path, "trainval", 1)) == images
    assert len(VocSet.open(path, "trainval", 1, with_difficult=True)) == with_difficult


@pytest.mark.parametrize("image_set", ["trainval", "test"])
def test_derived_labels_are_the_official_ones(tmp_path, image_set):
    folder = real("voc2007_images")
    (tmp_path / "Annotations").symlink_to(folder / "Annotations")
    listed = folder / "ImageSets" / "Main" / f"{image_set}.txt"
    set_file(tmp_path, image_set, listed.read_bytes())
    name = f"aeroplane_{image_set}"
    official = load_images_labels_in_data_set(name, folder)
    assert load_images_labels_in_data_set(name, tmp_path) == official


def test_real_images_are_read():
    for folder, count in (("voc2007_images", 6), ("caltech_aeroplanes", 8)):
        images = VocSet.open(real(folder), "trainval", "aeroplane")
        for index in range(count):
            one = images[index]
            assert one.pixels.shape[:2] == images.annotation(index).size
            assert any(found.class_name == "aeroplane" for found in one.objects)
