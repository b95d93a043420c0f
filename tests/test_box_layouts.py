"""Sets of boxes as people have them: every layout gives the same images and boxes."""

import json
import os
import shutil
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from common.errors import InputError
from common.files import REPOSITORY
from datasets.layouts import find_layout, survey
from datasets.voc import VocSet

SHARED_DATA = Path(os.environ.get("SHARED_DATA", REPOSITORY.parent / "shared" / "data"))

WIDTH, HEIGHT = 64, 48
SPLITS = {"train": ("a", "b c"), "valid": ("d",), "test": ("é",)}
NAMES = [name for names in SPLITS.values() for name in names]
BOXES = {  # left, top, right, bottom, counted from 0, the far edges outside
    "a": [("raccoon", (3, 2, 20, 31)), ("licence plate", (0, 0, 64, 48))],
    "b c": [("Raccoon", (10, 11, 12, 13))],
    "d": [("raccoon", (63, 0, 64, 48)), ("raccoon", (1, 1, 2, 2))],
    "é": [("raccoon", (5, 6, 7, 8))],
}

ON_FILES = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def draw(path: Path, size=(WIDTH, HEIGHT)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "grey").save(path)
    return path


def xml(file_name: str, boxes=(), size=(WIDTH, HEIGHT)) -> str:
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{left + 1}</xmin><ymin>{top + 1}"
        f"</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for name, (left, top, right, bottom) in boxes
    )
    return (
        f"<annotation><filename>{escape(file_name)}</filename><size><width>{size[0]}"
        f"</width><height>{size[1]}</height></size>{objects}</annotation>"
    )


def coco(names, folder="") -> str:
    """Return COCO's JSON of some images."""
    classes = sorted({label for one in BOXES.values() for label, _ in one})
    annotations = [
        {
            "id": 10 * index + place,
            "image_id": index,
            "category_id": classes.index(label) + 3,
            "bbox": [left, top, right - left, bottom - top],
            "iscrowd": 0,
        }
        for index, name in enumerate(names, 1)
        for place, (label, (left, top, right, bottom)) in enumerate(BOXES[name])
    ]
    images = [
        {"id": i, "file_name": f"{folder}{name}.png", "width": WIDTH, "height": HEIGHT}
        for i, name in enumerate(names, 1)
    ]
    categories = [{"id": i, "name": name} for i, name in enumerate(classes, 3)]
    return json.dumps(
        {"images": images, "annotations": annotations, "categories": categories}
    )


CLASSES = ["licence plate", "raccoon"]


def yolo(boxes) -> str:
    lines = []
    for name, (left, top, right, bottom) in boxes:
        x, y = (left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT
        width, height = (right - left) / WIDTH, (bottom - top) / HEIGHT
        number = CLASSES.index(name.lower())
        lines.append(f"{number} {x:.6f} {y:.6f} {width:.6f} {height:.6f}\n")
    return "".join(lines)


def cvat(names, subset="") -> str:
    images = "".join(
        f'<image id="{index}" name="{name}.png" width="{WIDTH}" height="{HEIGHT}"'
        f' subset="{subset}">'
        + "".join(
            f'<box label="{label}" occluded="0" xtl="{left}.00" ytl="{top}.00"'
            f' xbr="{right}.00" ybr="{bottom}.00"/>'
            for label, (left, top, right, bottom) in BOXES[name]
        )
        + "</image>"
        for index, name in enumerate(names)
    )
    return f"<annotations><version>1.1</version><meta/>{images}</annotations>"


# What each layout looks like. Those in one piece come without splits.


def voc_without_lists(root):
    for name in NAMES:
        draw(root / "JPEGImages" / f"{name}.png")
        write(root / "Annotations" / f"{name}.xml", xml(f"{name}.jpg", BOXES[name]))


def images_and_annots(root):
    for name in NAMES:
        draw(root / "Images" / f"{name}.png")
        write(root / "annots" / f"{name}.xml", xml("none.jpg", BOXES[name]))


def xml_beside(root):
    for name in NAMES:
        draw(root / f"{name}.png")
        write(root / f"{name}.xml", xml(f"{name}.png", BOXES[name]))


def xml_named_otherwise(root):
    for number, name in enumerate(NAMES):
        draw(root / "images" / f"{name}.png")
        path = root / "labels" / f"{number}.xml"
        write(path, xml(f"C:\\pictures\\{name}.PNG", BOXES[name]))


def one_json_beside(root):
    for name in NAMES:
        draw(root / "images" / f"{name}.png")
    write(root / "annotations.json", coco(NAMES))


def cvat_images(root):
    for name in NAMES:
        draw(root / "images" / "sub" / f"{name}.png")
    write(root / "annotations.xml", cvat(NAMES))


def yolo_in_folders(root):
    for name in NAMES:
        draw(root / "Images" / f"{name}.png")
        write(root / "labels" / f"{name}.txt", yolo(BOXES[name]))
    write(root / "classes.txt", "\n".join(CLASSES))


def yolo_beside(root):
    for name in NAMES:
        draw(root / f"{name}.png")
        write(root / f"{name}.txt", yolo(BOXES[name]))
    write(root / "obj.names", "\n".join([*CLASSES, ""]))


IN_ONE_PIECE = [
    voc_without_lists,
    images_and_annots,
    xml_beside,
    xml_named_otherwise,
    one_json_beside,
    cvat_images,
    yolo_in_folders,
    yolo_beside,
]


def voc_lists(root):
    voc_without_lists(root)
    for split, names in SPLITS.items():
        write(root / "ImageSets" / "Main" / f"{split}.txt", "\n".join(names))


def voc_kit(root):
    voc_lists(root / "VOCdevkit" / "VOC2007")


def roboflow_voc(root):
    for split, names in SPLITS.items():
        for name in names:
            draw(root / split / f"{name}.png")
            write(root / split / f"{name}.xml", xml(f"{name}.png", BOXES[name]))


def roboflow_coco(root):
    for split, names in SPLITS.items():
        for name in names:
            draw(root / split / f"{name}.png")
        write(root / split / "_annotations.coco.json", coco(names))


def roboflow_yolo(root):
    for split, names in SPLITS.items():
        for name in names:
            draw(root / split / "images" / f"{name}.png")
            write(root / split / "labels" / f"{name}.txt", yolo(BOXES[name]))
    write(
        root / "data.yaml",
        f"train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\n"
        f"nc: 2\nnames: {CLASSES}\n",
    )


def coco_as_published(root):
    for split, names in SPLITS.items():
        year = f"{split.replace('valid', 'val')}2017"
        for name in names:
            draw(root / year / f"{name}.png")
        write(root / "annotations" / f"instances_{year}.json", coco(names))
        write(root / "annotations" / f"captions_{year}.json", '{"images": []}')


def ultralytics(root):
    for split, names in SPLITS.items():
        for name in names:
            draw(root / "images" / split / f"{name}.png")
            write(root / "labels" / split / f"{name}.txt", yolo(BOXES[name]))
    write(
        root / "mine.yml", "path: ../somewhere\nnames: {1: raccoon, 0: licence plate}"
    )


def yolo_lists(root):
    yolo_beside(root / "obj_train_data")
    (root / "obj_train_data" / "obj.names").rename(root / "obj.names")
    for split, names in SPLITS.items():
        paths = [f"data/obj_train_data/{name}.png" for name in names]
        write(root / f"{split}.txt", "\n".join(paths))


def cvat_subsets(root):
    for split, names in SPLITS.items():
        for name in names:
            draw(root / "images" / f"{name}.png")
        write(root / f"{split}_1.xml", cvat(names, subset=split))


IN_SPLITS = [
    voc_lists,
    voc_kit,
    roboflow_voc,
    roboflow_coco,
    roboflow_yolo,
    coco_as_published,
    ultralytics,
    yolo_lists,
    cvat_subsets,
]


def boxes_of(images: VocSet) -> dict[str, list]:
    """Return the boxes of a set by the picture's stem, as :data:`BOXES` has them."""
    found = {}
    for index, image in enumerate(images):
        assert images.annotation(index).objects == image.objects
        found[image.path.stem] = [
            (item.class_name, (xmin, ymin, xmax, ymax))
            for item in image.objects
            for ymin, xmin, ymax, xmax in [item.box]
        ]
    return found


def expected(names) -> dict[str, list]:
    return {n: [(label.lower(), box) for label, box in BOXES[n]] for n in names}


@pytest.mark.parametrize("lay_out", IN_ONE_PIECE)
def test_a_set_in_one_piece(tmp_path, lay_out):
    lay_out(tmp_path / "set")
    images = VocSet.open(tmp_path / "set", "trainval", "RACCOON")
    images.check()
    assert boxes_of(images) == expected(NAMES)
    assert (images.notes, images.skipped) == ([], [])
    assert len({*images.keys}) == 4
    rest = VocSet.open(
        tmp_path / "set", "trainval", "raccoon", held_out=images.names[1:3]
    )
    held_out = VocSet.open(
        tmp_path / "set", "test", "raccoon", held_out=images.names[1:3]
    )
    assert rest.names == [images.names[0], images.names[3]]
    assert held_out.names == images.names[1:3]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("lay_out", [voc_lists, one_json_beside, yolo_lists])
def test_text_files_say_the_same_in_whatever_unicode_they_are(
    tmp_path, lay_out, encoding
):
    lay_out(tmp_path)
    for path in (p for s in ("txt", "names", "json") for p in tmp_path.rglob(f"*.{s}")):
        path.write_bytes(path.read_text("utf-8").encode(encoding))
    images = VocSet.open(tmp_path, "all", "raccoon")
    assert boxes_of(images) == expected(NAMES)


@pytest.mark.parametrize("name", ["a.txt", "obj.names", "train.txt", "set.json"])
def test_a_text_file_that_is_no_text_is_said_the_same_way_everywhere(tmp_path, name):
    (one_json_beside if name == "set.json" else yolo_lists)(tmp_path)
    (path,) = tmp_path.rglob(name.replace("set.json", "annotations.json"))
    path.write_bytes("aé".encode("latin-1"))
    line = first_lines(tmp_path)[0]
    assert line.startswith(f"{path}: byte 1 is not UTF-8; expected text")


@pytest.mark.parametrize("lay_out", IN_SPLITS)
def test_a_set_in_splits(tmp_path, lay_out):
    lay_out(tmp_path / "set")
    for asked, splits in (
        ("trainval", ("train", "valid")),
        ("test", ("test",)),
        ("train", ("train",)),
        ("val", ("valid",)),
        ("all", tuple(SPLITS)),
    ):
        images = VocSet.open(tmp_path / "set", asked, "raccoon")
        assert boxes_of(images) == expected(n for one in splits for n in SPLITS[one])
        assert (images.notes, images.skipped) == ([], [])


@pytest.mark.parametrize("lay_out", [*IN_ONE_PIECE, *IN_SPLITS])
def test_classes_are_counted_and_those_there_are_listed(tmp_path, lay_out):
    lay_out(tmp_path / "set")
    layout = find_layout(tmp_path / "set")
    with pytest.raises(InputError) as caught:
        VocSet.open(layout, "all", "rabbit")
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    assert "holds class rabbit" in line
    assert "raccoon (5), licence plate (1)" in line


def random_sets(random, count=6):
    """Return names of pictures, and boxes on whole pixels inside of them."""
    for number in range(count):
        boxes = []
        for _ in range(int(random.integers(1, 5))):
            left, right = sorted(random.choice(WIDTH + 1, 2, replace=False).tolist())
            top, bottom = sorted(random.choice(HEIGHT + 1, 2, replace=False).tolist())
            boxes.append((CLASSES[random.integers(2)], (left, top, right, bottom)))
        yield f"image_{number}", boxes


@pytest.fixture(scope="module")
def globox():
    """Another reader and writer of boxes, by other people: an extra of ``dev``."""
    return pytest.importorskip("globox")


def written_by(globox, folder: Path, form: str):
    """Write a random set with globox; return the boxes as globox has them."""
    import numpy as np

    annotations = globox.AnnotationSet()
    for name, boxes in random_sets(np.random.default_rng(3)):
        draw(folder / "images" / f"{name}.png")
        found = [
            globox.BoundingBox.create(label=label, coords=box) for label, box in boxes
        ]
        annotations.add(globox.Annotation(f"{name}.png", (WIDTH, HEIGHT), found))
    if form == "coco":
        annotations.save_coco(folder / "annotations.json", auto_ids=True)
    elif form == "cvat":
        annotations.save_cvat(folder / "annotations.xml")
    elif form == "voc":
        annotations.save_pascal_voc(folder / "annotations")
    else:
        label_to_id = {label: number for number, label in enumerate(CLASSES)}
        annotations.save_yolo_darknet(folder / "labels", label_to_id=label_to_id)
        write(folder / "classes.txt", "\n".join(CLASSES))
    return {
        Path(one.image_id).stem: [
            (box.label, tuple(round(edge) for edge in box.ltrb)) for box in one.boxes
        ]
        for one in annotations
    }


@pytest.mark.parametrize("form", ["coco", "cvat", "yolo", "voc"])
def test_boxes_are_those_that_globox_wrote(tmp_path, globox, form):
    written = written_by(globox, tmp_path, form)
    layout = find_layout(tmp_path)
    found = {}
    for label in CLASSES:
        try:
            found |= boxes_of(VocSet.open(layout, "all", label))
        except InputError as error:  # no image holds it
            assert label not in str(error).partition(";")[2]
    if form == "voc":
        # globox reads VOC's corners as if they counted from 0: so the first column
        # and row that it wrote are one further up and left.
        written = {
            name: [
                (label, (max(left - 1, 0), max(top - 1, 0), right, bottom))
                for label, (left, top, right, bottom) in boxes
            ]
            for name, boxes in written.items()
        }
    assert found == written


@pytest.mark.parametrize(
    ("folder", "below"), [("raccoon", "annotations"), ("bccd", "Annotations")]
)
def test_real_sets_are_read_as_globox_reads_them(globox, folder, below):
    root = SHARED_DATA / "own" / folder
    if not root.is_dir():
        pytest.skip(f"{folder} is not at hand")
    layout = find_layout(root)
    annotations = globox.AnnotationSet.from_pascal_voc(root / below)
    there = {Path(one.image_id).stem: one.boxes for one in annotations}
    found = survey(layout, there)
    assert not found.bad and set(found.labels) == set(there)
    for label in found.objects:
        images = VocSet.open(layout, "all", label)
        for index, name in enumerate(images.names):
            ours = [
                (item.class_name, item.box) for item in images.annotation(index).objects
            ]
            theirs = [
                (box.label.lower(), tuple(map(int, (top - 1, left - 1, bottom, right))))
                for box in there[name]
                for left, top, right, bottom in [box.ltrb]
            ]
            assert ours == theirs


# Lists


@pytest.mark.parametrize(
    "line",
    [
        "my plane (1)",
        "my plane (1).png",
        "JPEGImages/my plane (1).png",
        "./JPEGImages/my plane (1).png Annotations/my plane (1).xml",
        "C:\\set\\JPEGImages\\my plane (1).png",
        "/home/me/set/JPEGImages/my plane (1).png",
        "VOCdevkit/VOC2007/Annotations/my plane (1).xml",
        "  my plane (1)\t",
    ],
)
def test_lists_name_images_in_many_ways(tmp_path, line):
    draw(tmp_path / "JPEGImages" / "my plane (1).png")
    boxes = [("plane", (3, 4, 10, 12))]
    write(tmp_path / "Annotations" / "my plane (1).xml", xml("x.jpg", boxes))
    write(tmp_path / "ImageSets" / "Main" / "test.txt", f"{line}\n")
    images = VocSet.open(tmp_path, "test", "plane")
    assert images.names == ["my plane (1)"]
    assert images[0].objects[0].box == (4, 3, 12, 10)
    write(tmp_path / "ImageSets" / "Main" / "plane_test.txt", "my plane (1)  1\n")
    assert VocSet.open(tmp_path, "test", "Plane").names == ["my plane (1)"]


def test_a_name_that_looks_like_a_picture_is_one_where_it_is_there(tmp_path):
    for name in ("a", "a.jpg"):
        draw(tmp_path / "JPEGImages" / f"{name}.png")
        write(tmp_path / "Annotations" / f"{name}.xml", xml("", BOXES["a"]))
    write(tmp_path / "ImageSets" / "Main" / "test.txt", "a.jpg\na.png\n")
    assert VocSet.open(tmp_path, "test", "raccoon").names == ["a.jpg", "a"]


def test_the_one_list_there_is_serves(tmp_path):
    voc_without_lists(tmp_path)
    write(tmp_path / "ImageSets" / "Main" / "default.txt", "\n".join(NAMES[:3]))
    for asked in ("trainval", "test"):
        assert VocSet.open(tmp_path, asked, "raccoon").names == NAMES[:3]


def test_several_sets_below_a_folder_are_named(tmp_path):
    for year in ("VOC2007", "VOC2012"):
        voc_lists(tmp_path / "VOCdevkit" / year)
    with pytest.raises(InputError, match="several sets: VOC2007, VOC2012; expected"):
        find_layout(tmp_path / "VOCdevkit")


# What is said, and what is refused


def first_lines(folder: Path, **options) -> list[str]:
    with pytest.raises(InputError) as caught:
        VocSet.open(folder, "all", "raccoon", **options).check()
    return str(caught.value).splitlines()


def test_all_that_is_wrong_is_listed_at_once_and_can_be_skipped(tmp_path):
    xml_beside(tmp_path)
    draw(tmp_path / "f.png")
    write(tmp_path / "f.xml", "<annotation>")
    bad_boxes = [*BOXES["a"], ("raccoon", (30, 1, 20, 5)), ("dog", (70, 1, 80, 5))]
    write(tmp_path / "a.xml", xml("a.png", bad_boxes))
    write(tmp_path / "d.xml", xml("d.png", [("raccoon", (30, 1, 20, 5))]))
    (tmp_path / "b c.png").unlink()
    start, *lines = first_lines(tmp_path)
    assert start == (
        f"{tmp_path}: 5 files or objects cannot be used; --skip_bad 1 goes on without"
        " them:"
    )
    told = {
        "f.xml: is not readable as XML",
        "a.xml: object 3 (raccoon), bndbox: xmax 20 is left of xmin 31",
        "a.xml: object 4 (dog), bndbox: xmin 71 to xmax 80 is an empty box",
        "b c.xml: there is no picture b c",
        "d.xml: object 1 (raccoon), bndbox: xmax 20 is left of xmin 31",
    }
    for part in told:
        assert sum(part in line for line in lines) == 1
    images = VocSet.open(tmp_path, "all", "raccoon", skip_bad=1)
    images.check()
    for _ in range(2):
        assert boxes_of_read(images) == expected(["a", "é"])
        assert len(images.skipped) == 5
        for part in told:
            assert sum(part in line for line in images.skipped) == 1


def boxes_of_read(images):
    found = (images.read(index) for index in range(len(images)))
    return {
        one.path.stem: [
            (item.class_name, (xmin, ymin, xmax, ymax))
            for item in one.objects
            for ymin, xmin, ymax, xmax in [item.box]
        ]
        for one in found
        if one is not None
    }


def test_a_long_list_of_mistakes_ends(tmp_path):
    for number in range(25):
        draw(tmp_path / f"{number}.png")
        write(tmp_path / f"{number}.xml", "<annotation>")
    lines = first_lines(tmp_path)
    assert len(lines) == 22 and lines[-1] == "  and 5 more"


def test_one_mistake_is_one_line_with_the_way_on(tmp_path):
    xml_beside(tmp_path)
    draw(tmp_path / "a.png", (2 * WIDTH, 2 * HEIGHT))
    (line,) = first_lines(tmp_path)
    assert "a.xml: size is 64 wide and 48 high, but the picture is 128 wide and" in line
    assert line.endswith("; --skip_bad 1 goes on without it")


@pytest.mark.parametrize(
    "lay_out",
    [voc_without_lists, one_json_beside, cvat_images],
    ids=lambda one: one.__name__,
)
def test_every_layout_that_states_sizes_is_held_against_its_pictures(tmp_path, lay_out):
    lay_out(tmp_path)
    (path,) = tmp_path.rglob("a.png")
    draw(path, (WIDTH, HEIGHT + 1))
    (line,) = first_lines(tmp_path)
    assert "but the picture is 64 wide and 49 high" in line
    draw(path, (HEIGHT, WIDTH))
    images = VocSet.open(tmp_path, "all", "licence plate", skip_bad=1)
    images.check()
    (note, *_) = (note for note in images.notes if "exchanged" in note)
    assert note.startswith("height and width exchanged in 1 annotation (")
    assert images.annotation(0).size == (WIDTH, HEIGHT)


def test_boxes_over_the_edge_are_cut_counted_and_said_once(tmp_path):
    one_json_beside(tmp_path)
    content = json.loads((tmp_path / "annotations.json").read_text())
    content["annotations"][0]["bbox"] = [-3, 10, 20, 60.4]
    content["annotations"][1]["bbox"] = [60, 10, 5, 5]
    write(tmp_path / "annotations.json", json.dumps(content))
    images = VocSet.open(tmp_path, "all", "raccoon")
    images.check()
    (note,) = images.notes
    assert note.startswith("2 boxes over the edge of the picture, by up to 22 pixels")
    assert [item.box for item in images[0].objects] == [
        (10, 0, 48, 17),
        (10, 60, 15, 64),
    ]


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("1 .5 .5 .5", "shown"),
        ("1 .5 .5 .5 x", "x, y, width and height"),
        ("2 .5 .5 .5 .5", "class '2' is none of the 2 that have names"),
        ("raccoon .5 .5 .5 .5", "class 'raccoon' is none of the 2"),
        ("1 32 24 10 10", "are no shares of the picture"),
        ("1 .5 .5 0 .5", "is an empty box"),
        ("1 .5 .5 .1 -.1", "bottom 22 is above top 26"),
        ("1 0 0 1e308 1 1 0", "left 0 to right inf; expected numbers inside"),
    ],
)
def test_lines_of_yolo_that_are_no_boxes(tmp_path, label, problem):
    yolo_in_folders(tmp_path)
    path = write(tmp_path / "labels" / "a.txt", f"1 .5 .5 .5 .5\n{label}\n")
    (line,) = first_lines(tmp_path)
    assert line.startswith(f"{path}: line 2")
    assert problem in line or problem == "shown"


def test_outlines_of_segments_and_pictures_without_objects(tmp_path):
    yolo_in_folders(tmp_path)
    write(tmp_path / "labels" / "a.txt", "1 0.25 0.5 0.5 0.25 0.5 1 \n")
    (tmp_path / "labels" / "d.txt").unlink()
    images = VocSet.open(tmp_path, "all", "raccoon")
    images.check()
    assert images.names == ["a", "b c", "é"]
    assert images[0].objects[0].box == (12, 16, 48, 32)


def test_yolo_without_names_of_classes_says_what_names_them(tmp_path):
    yolo_in_folders(tmp_path)
    (tmp_path / "classes.txt").unlink()
    (line,) = first_lines(tmp_path)
    assert line.endswith("expected data.yaml or classes.txt")


@pytest.mark.parametrize(("crowd", "none"), [(1, None), ("1", "0")])
def test_crowds_are_difficult_and_never_asked_for(tmp_path, crowd, none):
    one_json_beside(tmp_path)
    content = json.loads((tmp_path / "annotations.json").read_text())
    content["annotations"][0]["iscrowd"] = none
    content["annotations"][-1]["iscrowd"] = crowd
    write(tmp_path / "annotations.json", json.dumps(content))
    assert VocSet.open(tmp_path, "all", "raccoon").names == ["a", "b c", "d"]
    found = VocSet.open(tmp_path, "all", "raccoon", with_difficult=True)
    assert found[3].objects[0].difficult
    for one in content["annotations"]:
        if one["category_id"] != 4:  # all but the licence plate
            one["iscrowd"] = crowd
    write(tmp_path / "annotations.json", json.dumps(content))
    (line,) = first_lines(tmp_path)
    assert line.endswith(
        "holds class raccoon to search for: all 5 objects of raccoon are difficult;"
        " expected class_object to be one of those there: licence plate (1)"
    )
    content["annotations"] = [one for one in content["annotations"] if one["iscrowd"]]
    write(tmp_path / "annotations.json", json.dumps(content))
    (line,) = first_lines(tmp_path)
    assert line.endswith("a raccoon that is not difficult: there is no other class")


def test_what_could_not_be_read_is_named_where_no_image_holds_the_class(tmp_path):
    xml_beside(tmp_path)
    for name in ("a", "d"):
        write(tmp_path / f"{name}.xml", "<annotation>")
    with pytest.raises(InputError) as caught:
        VocSet.open(tmp_path, "all", "rabbit", skip_bad=1)
    first, *lines = str(caught.value).splitlines()
    assert "holds class rabbit, 2 could not be read; expected class_object" in first
    assert [line.partition(": ")[0] for line in lines] == [
        f"  {tmp_path / name}.xml" for name in ("a", "d")
    ]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (
            lambda c: c["annotations"][2].update(image_id=99),
            "image_id 99 is no image's",
        ),
        (
            lambda c: c["annotations"][2].update(category_id=9),
            "category_id 9 is no cat",
        ),
        (
            lambda c: c["annotations"][2].update(bbox=[1, 2, 3]),
            "bbox: [1, 2, 3]; expec",
        ),
        (
            lambda c: c["annotations"][2].update(bbox=[1, 2, True, 3]),
            "bbox: [1, 2, True",
        ),
        (
            lambda c: c["annotations"][2].update(bbox=[1e308, 5, 1e308, 9]),
            "bbox: x 1e+308 to x + width inf; expected numbers inside",
        ),
        (
            lambda c: c["annotations"][2].update(bbox=[1e308, 5, 9, 9]),
            "bbox: x 1e+308 ",
        ),
        (lambda c: c["annotations"][2].update(iscrowd="no"), "iscrowd: 'no'; expect"),
        (
            lambda c: c["categories"].append({"id": 4, "name": "dog"}),
            "categories[3]: id 4 is 'dog', and 'licence plate' before; expected one",
        ),
        (lambda c: c["images"][1].update(file_name=7), "file_name is 7"),
        (lambda c: c["images"][1].update(id=1), "id 1 is there twice"),
        (lambda c: c["images"][1].update(file_name="no.png"), "is no picture no.png"),
    ],
)
def test_what_is_wrong_with_coco_is_named(tmp_path, spoil, problem):
    one_json_beside(tmp_path)
    path = tmp_path / "annotations.json"
    content = json.loads(path.read_text())
    spoil(content)
    write(path, json.dumps(content))
    (line,) = first_lines(tmp_path)
    assert line.startswith(str(path)) and problem in line


@pytest.mark.parametrize("first", NAMES)
def test_annotations_of_no_image_are_listed_and_left_out(tmp_path, first):
    one_json_beside(tmp_path)
    path = tmp_path / "annotations.json"
    content = json.loads(path.read_text())
    content["images"].sort(key=lambda one: one["file_name"] != f"{first}.png")
    whole = content["annotations"]
    content["annotations"] = [{"image_id": 99}, {}, {**whole[0], "image_id": [1]}]
    content["annotations"] += whole
    write(path, json.dumps(content))
    for wanted in ("raccoon", "licence plate"):
        with pytest.raises(InputError) as caught:
            VocSet.open(tmp_path, "all", wanted).check()
        start, *lines = str(caught.value).splitlines()
        assert "3 files or objects cannot be used; --skip_bad 1 goes on" in start
        assert [line.partition(": image_id ")[2] for line in lines] == [
            f"{image} is no image's id" for image in (99, None, [1])
        ]
        assert all(line.startswith(f"  {path}: annotation ") for line in lines)
        images = VocSet.open(tmp_path, "all", wanted, skip_bad=1)
        images.check()
        assert images.skipped == [line.strip() for line in lines]
        found = expected(NAMES)
        named = [name for name in found if wanted in dict(found[name])]
        assert boxes_of(images) == {name: found[name] for name in sorted(named)}


@pytest.mark.parametrize(
    ("spoil", "missing"),
    [
        (lambda c: c.pop("categories"), "categories"),
        (lambda c: c.update(images={}, annotations=[1]), "images and no annotations"),
        (lambda c: c.update(images=[]), "images"),
        (
            lambda c: [one.pop("bbox") for one in c["annotations"]],
            "bbox in its annotations",
        ),
    ],
)
def test_what_coco_lacks_is_said_where_no_layout_fits(tmp_path, spoil, missing):
    one_json_beside(tmp_path)
    path = tmp_path / "annotations.json"
    content = json.loads(path.read_text())
    spoil(content)
    write(path, json.dumps(content))
    first, line = first_lines(tmp_path)
    assert "holds 4 pictures, and no annotations that are known" in first
    assert line == f"  {path}: looks like COCO's, but has no {missing}"
    shutil.rmtree(tmp_path / "images")
    yolo_in_folders(tmp_path)
    assert VocSet.open(tmp_path, "all", "raccoon").names == NAMES


def test_shapes_of_cvat_that_are_no_upright_boxes(tmp_path):
    cvat_images(tmp_path)
    path = tmp_path / "annotations.xml"
    content = path.read_text()
    write(path, content.replace("</image>", '<polygon label="x"/></image>'))
    images = VocSet.open(tmp_path, "all", "raccoon")
    assert images.notes == [f"{tmp_path}: 4 polygons, no boxes; left out"]
    write(path, content.replace("<box ", "<polygon "))
    (line,) = first_lines(tmp_path)
    assert line.endswith("holds 6 polygons in CVAT's XML, and no box; expected boxes")
    write(path, content.replace("<box ", '<box rotation="30" ', 1))
    (line,) = first_lines(tmp_path)
    assert "box 1 (raccoon): rotation is '30'; expected an upright box" in line
    write(path, "<annotations><track/></annotations>")
    (line,) = first_lines(tmp_path)
    assert "holds tracks of a video; expected an export as images" in line


def test_pictures_without_an_annotation_are_said(tmp_path):
    for lay_out in (xml_beside, one_json_beside):
        lay_out(tmp_path / "set")
        draw(tmp_path / "set" / "other" / "x.png")
        draw(tmp_path / "set" / "other" / "y.jpg")
        images = VocSet.open(tmp_path / "set", "all", "raccoon")
        words = "other/x.png and 1 more have no annotation; left out"
        assert images.notes == [f"{tmp_path / 'set'}: {words}"]
        shutil.rmtree(tmp_path / "set")


def test_a_picture_that_is_annotated_twice_is_named(tmp_path):
    xml_beside(tmp_path)
    shutil.copyfile(tmp_path / "a.xml", write(tmp_path / "old" / "a.xml", ""))
    (line,) = first_lines(tmp_path)
    first, second = tmp_path / "a.xml", tmp_path / "old" / "a.xml"
    assert line.startswith(f"{second}: annotates a.png, as {first} does; expected a pi")


def test_yaml_that_refers_to_itself_names_no_class(tmp_path):
    roboflow_yolo(tmp_path)
    rows = "\n".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]"
        for n in range(12)
    )
    write(tmp_path / "data.yaml", f"a: &a [x]\n{rows}\nnames: [*m, *m]")
    (line,) = first_lines(tmp_path)
    assert "data.yaml: names is" in line and "expected a list of classes" in line


def test_a_picture_in_two_places_is_not_guessed(tmp_path):
    one_json_beside(tmp_path)
    shutil.copytree(tmp_path / "images", tmp_path / "copies")
    lines = first_lines(tmp_path)
    assert len(lines) == 5 and all("its picture could be" in line for line in lines[1:])


def test_the_nearer_of_two_pictures_is_the_annotations(tmp_path):
    for split in ("train", "test"):
        draw(tmp_path / "images" / split / "1.png", (WIDTH, HEIGHT + len(split)))
        content = xml("1.png", BOXES["a"], (WIDTH, HEIGHT + len(split)))
        write(tmp_path / "annotations" / split / "1.xml", content)
    images = VocSet.open(tmp_path, "all", "raccoon")
    images.check()
    assert [one.path.parent.name for one in images] == ["test", "train"]
    assert images.names == ["images/test/1", "images/train/1"]


@pytest.mark.parametrize("folder", ["", "sub"])
def test_of_names_that_differ_in_capitals_the_exact_one_is_meant(tmp_path, folder):
    if draw(tmp_path / "x.png").with_name("X.png").is_file():
        pytest.skip("capitals do not tell files apart here")
    (tmp_path / "x.png").unlink()
    pictures = {"A.png": 50, "a.png": 51, "B.JPG": 52, "b.jpg": 53}
    for name, height in pictures.items():
        draw(tmp_path / (folder if name.islower() else "") / name, (WIDTH, height))
        content = xml(name, BOXES["a"], (WIDTH, height))
        write(tmp_path / "xml" / Path(name).with_suffix(".xml"), content)
    write(tmp_path / "xml" / "other.xml", xml("b.jpg", BOXES["a"], (WIDTH, 53)))
    (tmp_path / "xml" / "b.xml").unlink()
    images = VocSet.open(tmp_path, "all", "raccoon")
    images.check()
    assert {one.path.name: one.pixels.shape[0] for one in images} == pictures


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        (lambda root: root.mkdir(), "holds 0 pictures, and no annotations that"),
        (lambda root: draw(root / "a.png"), "holds 1 picture, and no annotations"),
        (lambda root: None, "there is no such folder"),
        (lambda root: write(root, "file"), "there is no such folder"),
    ],
)
def test_a_folder_without_a_set(tmp_path, prepare, problem):
    prepare(tmp_path / "set")
    with pytest.raises(InputError, match=problem) as caught:
        find_layout(tmp_path / "set")
    assert len(str(caught.value).splitlines()) == 1


def test_hidden_files_and_what_a_mac_leaves_are_passed_over(tmp_path):
    xml_beside(tmp_path)
    write(tmp_path / "._a.xml", b"\0")
    write(tmp_path / ".idea" / "x.xml", "<project/>")
    write(tmp_path / "__MACOSX" / "a.xml", b"\0")
    images = VocSet.open(tmp_path, "all", "raccoon")
    images.check()
    assert images.names == NAMES


# Whatever a file holds, there is a result, or lines that say what is wrong.

MUTATED = {
    "annotation.xml": (xml_beside, "a.xml"),
    "coco.json": (one_json_beside, "annotations.json"),
    "cvat.xml": (cvat_images, "annotations.xml"),
    "label.txt": (yolo_in_folders, "labels/a.txt"),
    "classes.txt": (yolo_in_folders, "classes.txt"),
    "data.yaml": (roboflow_yolo, "data.yaml"),
    "list.txt": (yolo_lists, "train.txt"),
}


@pytest.fixture(params=MUTATED)
def mutable(request, tmp_path):
    lay_out, name = MUTATED[request.param]
    lay_out(tmp_path)
    return tmp_path, tmp_path / name, (tmp_path / name).read_bytes()


@ON_FILES
@given(data=st.data())
@pytest.mark.slow
def test_any_mutation_gives_a_result_or_says_why(mutable, data):
    root, path, whole = mutable
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(start + 12, len(whole))))
    put = data.draw(
        st.one_of(
            st.binary(max_size=6), st.sampled_from([b"-", b"1e9", b"nan", b"[", b"0"])
        )
    )
    path.write_bytes(whole[:start] + put + whole[end:])
    try:
        images = VocSet.open(root, "all", "raccoon")
        images.check()
    except InputError as error:
        assert str(error)
        assert all(line.isprintable() for line in str(error).splitlines())
        return
    for index in range(len(images)):
        height, width = images.annotation(index).size
        for item in images.annotation(index).objects:
            ymin, xmin, ymax, xmax = item.box
            assert 0 <= ymin < ymax <= height and 0 <= xmin < xmax <= width
