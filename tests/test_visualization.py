"""Strips and plots: what can be read off the files, by pixels alone."""

import hashlib
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from PIL import Image
from toy import zoom

from common import sheet
from common.errors import InputError
from common.files import REPOSITORY
from datasets.voc_annotations import VocObject
from hierarchy import plots
from hierarchy.actions import CENTRE, TRIGGER, UP_LEFT
from hierarchy.images import SearchImage, resize
from hierarchy.plots import draw_precision_recall, draw_regions_per_object
from hierarchy.quirks import Quirks
from hierarchy.regions import calculate_iou, whole_image
from hierarchy.search import SearchSpec, TrainingSearch
from hierarchy.visualization import Frame, StripWriter, draw_sequences, strip_name

AMBER, GREEN, RED, BLUE = (
    (255, 176, 0),
    (47, 179, 68),
    (232, 56, 61),
    (43, 138, 239),
)
GREY = 90
SIDE = 224


def grey(height: int = 200, width: int = 300) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def frame(picture=None, region=None, action=TRIGGER, **more) -> Frame:
    picture = grey() if picture is None else picture
    ymin, xmin, ymax, xmax = region or (0, 0, *picture.shape[:2])
    more = {"ground_truth": (), "followed": None, "q_values": np.zeros(6)} | more
    pixels = picture[ymin:ymax, xmin:xmax]
    return Frame(picture, (ymin, xmin, ymax, xmax), pixels, action=action, **more)


def search(picture: np.ndarray, actions, **more) -> list[Frame]:
    region, frames = whole_image(*picture.shape[:2]), []
    for action in actions:
        frames.append(frame(picture, region.box, action, **more))
        region = region if action == TRIGGER else zoom(region, action, 3 / 4)
    return frames


def drawn(tmp_path: Path, frames, title: str = "", suffix: str = ".png") -> np.ndarray:
    path = tmp_path / f"strip{suffix}"
    draw_sequences(frames, path, title)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def where(strip: np.ndarray, colour) -> np.ndarray:
    return (strip == np.array(colour)).all(axis=-1)


def runs(line: np.ndarray) -> list[tuple[int, int]]:
    """First and past-the-end index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line.view(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def bars(strip: np.ndarray, colour=AMBER) -> list[tuple[int, int, int, int]]:
    """Filled blocks of a colour, as boxes: bars, but neither outlines nor letters."""
    mask, boxes = where(strip, colour), []
    for top, bottom in runs(mask.sum(axis=1) >= 12):
        for left, right in runs(mask[(top + bottom) // 2]):
            block = mask[top:bottom, left:right]
            if (
                bottom - top in range(12, 20)
                and right - left > 6
                and block.mean() > 0.9
            ):
                boxes.append((top, left, bottom, right))
    return boxes


@pytest.mark.parametrize(
    ("steps", "columns", "rows"), [(1, 1, 1), (8, 8, 1), (10, 5, 2)]
)
def test_a_strip_has_a_column_for_each_step(tmp_path, steps, columns, rows):
    # All outlines are of the whole image, so every line across them cuts each twice.
    frames = [frame(action=CENTRE) for _ in range(steps)]
    strip = drawn(tmp_path, frames, "a title")
    across = [len(runs(line)) for line in where(strip, AMBER)]
    assert max(across) == 2 * columns
    crops = [1 for top, bottom in runs(np.array(across) > 0) if bottom - top > SIDE]
    assert len(crops) == rows
    height, width, _ = strip.shape
    assert width <= 260 * columns + 60 <= 3000 and height < 900 * rows


def test_the_region_is_outlined_where_it_lies_and_bright(tmp_path):
    strip = drawn(tmp_path, [frame(region=(50, 75, 150, 225), action=CENTRE)])
    bright = where(strip, (GREY, GREY, GREY))
    top, bottom = runs(bright.any(axis=1))[0]
    left, right = runs(bright[(top + bottom) // 2])[0]
    scale = SIDE / 300
    # The outline lies outside; its dark halo takes a pixel or two of the region.
    assert bottom - top == pytest.approx(100 * scale, abs=5)
    assert right - left == pytest.approx(150 * scale, abs=5)
    amber, middle = where(strip, AMBER), (top + bottom) // 2
    assert (
        amber[middle, left - 5 : left].any() and amber[middle, right : right + 5].any()
    )
    # The picture is centred, and so is the region: fading lies evenly around.
    faded = runs((strip[middle] != 255).any(axis=-1))[-1]
    assert left - faded[0] == pytest.approx(75 * scale, abs=6)
    assert faded[1] - right == pytest.approx(75 * scale, abs=6)


def test_the_crop_is_what_the_network_sees_pixel_by_pixel(tmp_path):
    picture = noise(60, 90)
    shown = frame(picture, (10, 20, 40, 65), CENTRE)
    strip = drawn(tmp_path, [shown])
    seen = resize(shown.pixels)[4:-4, 4:-4]
    rows, columns = np.nonzero(where(strip, seen[0, 0]))
    size = len(seen)
    assert any(
        np.array_equal(strip[y : y + size, x : x + size], seen)
        for y, x in zip(rows, columns, strict=True)
    )


@pytest.mark.parametrize(
    ("told", "colour"),
    [
        ({"iou": 0.51}, GREEN),
        ({"iou": 0.5}, RED),
        ({}, BLUE),
        ({"iou": 0.9, "detected": False}, RED),
        ({"detected": True}, GREEN),
    ],
)
def test_a_trigger_shows_whether_it_is_right(tmp_path, told, colour):
    strip = drawn(tmp_path, [frame(q_values=np.arange(6.0), **told)])
    assert len(bars(strip, colour)) == 1
    for other in {GREEN, RED, BLUE} - {colour}:
        assert not where(strip, other).any()
    assert not where(strip, AMBER).any()


def test_the_bar_of_the_chosen_action_is_the_highlighted_one(tmp_path):
    tops = []
    for action in (1, 2, 3, 5):
        strip = drawn(tmp_path, [frame(action=action, q_values=np.ones(6))])
        ((top, *_),) = bars(strip)
        tops.append(top)
    first, second, third = np.diff(tops)
    assert first > 20 and second == first and third == 2 * first


def test_bars_share_their_scale_and_their_zero(tmp_path):
    rows = [np.eye(6)[0] * value for value in (2.0, 1.0, -1.0)]
    strip = drawn(tmp_path, [frame(action=UP_LEFT, q_values=row) for row in rows])
    two, one, minus = bars(strip)
    lengths = [right - left for _, left, _, right in (two, one, minus)]
    assert lengths[0] == pytest.approx(2 * lengths[1], abs=3)
    assert lengths[2] == pytest.approx(lengths[1], abs=3)
    column = one[1] - two[1]
    assert minus[3] == pytest.approx(two[1] + 2 * column, abs=3)


def test_without_q_values_it_says_why(tmp_path):
    notes = ("", "random", "forced")
    strips = [drawn(tmp_path, [frame(q_values=None, note=note)]) for note in notes]
    with_bars = drawn(tmp_path, [frame()])
    assert len({strip.tobytes() for strip in strips}) == 3
    assert all(len(strip) < len(with_bars) for strip in strips)


def test_reward_iou_and_title_are_shown_where_known(tmp_path):
    plain = drawn(tmp_path, [frame()])
    assert len(drawn(tmp_path, [frame(iou=0.3)])) > len(plain)
    assert len(drawn(tmp_path, [frame()], "title")) > len(plain)
    longer = drawn(tmp_path, [frame()], "a_long_name_without_a_gap/" * 4)
    assert longer.shape[1] == plain.shape[1] and len(longer) > len(plain) + 60
    strip = drawn(tmp_path, [frame(action=CENTRE, reward=1)])
    assert where(strip, GREEN).any() and not where(strip, RED).any()
    strip = drawn(tmp_path, [frame(action=CENTRE, reward=-1)])
    assert where(strip, RED).any() and not where(strip, GREEN).any()


def test_objects_are_dashed_and_the_one_followed_stands_out(tmp_path):
    boxes = ((20, 20, 90, 140), (110, 150, 180, 280))
    strip = drawn(tmp_path, [frame(ground_truth=boxes, followed=1)])
    pink = where(strip, (255, 62, 165))
    rows = np.flatnonzero(pink.sum(axis=1) > 40)  # horizontal edges, in picture order
    widths = [bottom - top for top, bottom in runs(np.isin(np.arange(len(pink)), rows))]
    assert max(widths[-2:]) > max([0, *widths[:-2]])
    assert pink.sum() < 0.75 * 3 * 2 * sum(
        (y1 - y0 + x1 - x0) * SIDE / 300 for y0, x0, y1, x1 in boxes
    )


@pytest.mark.parametrize("size", [(1, 1), (32, 32), (3, 3000), (3000, 3)])
def test_images_of_every_shape_fit(tmp_path, size):
    picture = np.full((*size, 3), 255, np.uint8)
    frames = search(picture, [UP_LEFT, UP_LEFT, TRIGGER], reward=1, iou=0.2)
    height, width, _ = drawn(tmp_path, frames).shape
    assert width < 900 and 500 < height < 900


def test_files_stay_small_whatever_they_show(tmp_path, monkeypatch):
    assert sheet.MOST_BYTES == 1_500_000
    monkeypatch.setattr(sheet, "MOST_BYTES", 150_000)
    full, small = (
        search(grey(400, 400), [CENTRE] * 2),
        search(noise(400, 400), [CENTRE] * 2),
    )
    height, width, _ = drawn(tmp_path, full).shape
    new_height, new_width, _ = drawn(tmp_path, small).shape
    assert (tmp_path / "strip.png").stat().st_size <= 150_000
    assert new_width < width
    assert new_height / new_width == pytest.approx(height / width, rel=0.01)


@pytest.mark.parametrize("size", [0, 1e-9, 1e7, np.nan])
def test_q_values_of_every_size_can_be_drawn(tmp_path, size):
    q_values = np.array([0, np.inf, -1, 1, 2, 3], np.float32)
    q_values[2:] *= np.float32(size)
    drawn(tmp_path, [frame(q_values=q_values)])


def test_same_frames_same_bytes_whatever_the_user_has_set(tmp_path):
    frames = search(noise(40, 60), [CENTRE, TRIGGER], ground_truth=((1, 2, 20, 30),))
    first = drawn(tmp_path, frames, "title")
    file = (tmp_path / "strip.png").read_bytes()
    theirs = {"text.usetex": True, "font.family": "monospace", "figure.dpi": 50}
    with matplotlib.rc_context(theirs):
        np.testing.assert_array_equal(drawn(tmp_path, frames, "title"), first)
    assert (tmp_path / "strip.png").read_bytes() == file


def test_titles_may_hold_anything(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn(tmp_path, [frame()], "图/a$b_c$ \\frac \udcff\n\tend")


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".PNG"])
def test_the_suffix_says_the_format(tmp_path, suffix):
    draw_sequences([frame()], tmp_path / f"strip{suffix}")
    with Image.open(tmp_path / f"strip{suffix}") as image:
        assert image.format == {".jpg": "JPEG", ".webp": "WEBP", ".PNG": "PNG"}[suffix]


def test_other_suffixes_and_empty_searches_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"strip\.h5: has suffix '\.h5'"):
        draw_sequences([frame()], tmp_path / "strip.h5")
    with pytest.raises(ValueError, match="without steps"):
        draw_sequences([], tmp_path / "strip.png")
    assert not list(tmp_path.iterdir())


def test_a_failed_drawing_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "strip.jpg"
    path.write_text("old")

    def fail(self, file, **options):
        Path(file).write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(InputError, match="strip.jpg: cannot be written: disk full"):
        draw_sequences([frame()], path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_neither_keras_nor_pyplot_is_loaded():
    code = "import sys, hierarchy.visualization, hierarchy.plots as _;"
    code += "print({'keras', 'tensorflow', 'matplotlib.pyplot'} & {*sys.modules})"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "set()", answer.stderr


# Training's listener


BOXES = ((10, 10, 90, 100), (40, 100, 70, 140))


def training_steps(
    actions, name: str = "VOC2007/000032", q_values=None, quirks: Quirks = Quirks()
):
    """What training yields for one search; its own class would load Keras."""
    objects = [VocObject(15, BOXES[1], False), VocObject(1, BOXES[0], False)]
    rules = SearchSpec(3 / 4, len(actions), quirks)
    running = TrainingSearch(SearchImage(name, noise(100, 150)), rules, objects, 1, 1)
    for action in actions:
        region, reward = running.region, None
        reward = running.take(action)
        yield SimpleNamespace(
            image=0,
            search=running,
            region=region,
            action=action,
            q_values=q_values,
            reward=reward,
            iou=running.target.iou,
            loss=None,
            is_last=running.done,
        )


@pytest.fixture
def recorded(monkeypatch):
    """Frames and file of each strip that a writer asks for, in place of drawing it."""
    calls = []
    monkeypatch.setattr(
        "hierarchy.visualization.draw_sequences",
        lambda frames, path, title: calls.append((list(frames), path, title)),
    )
    return calls


def test_each_search_becomes_one_file(tmp_path):
    writer = StripWriter(tmp_path / "training")
    for step in training_steps([UP_LEFT, CENTRE, TRIGGER]):
        writer.add(step, 7)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    name = "training/epoch_007/VOC2007_000032_object_1.png"
    assert file.relative_to(tmp_path).as_posix() == name


def test_frames_say_what_happened(recorded):
    writer = StripWriter(Path("strips"))
    for step in training_steps([UP_LEFT, TRIGGER]):
        writer.add(step, 0)
    ((first, last), _, title) = recorded[0]
    assert "VOC2007/000032" in title
    assert (first.region, first.reached) == ((0, 0, 100, 150), (0, 0, 75, 112))
    assert (last.region, last.reached) == ((0, 0, 75, 112), (0, 0, 75, 112))
    assert last.pixels.shape == (75, 112, 3)
    # The person is none of the search's business.
    assert (first.ground_truth, first.followed) == (BOXES[:1], 0)
    assert first.iou == pytest.approx(calculate_iou((0, 0, 75, 112), BOXES[0]))
    assert (first.reward, last.reward) == (1, 3)
    assert (first.note, last.note) == ("random", "forced")
    assert first.q_values is None


def test_notes_tell_random_from_greedy(recorded):
    writer = StripWriter(Path("strips"))
    q_values = np.eye(6, dtype=np.float32)[CENTRE - 1]
    for step in training_steps([UP_LEFT, CENTRE], q_values=q_values):
        writer.add(step, 0)
    assert [shown.note for shown in recorded[0][0]] == ["random", ""]


def test_with_first_iou_the_first_trigger_was_not_forced(recorded):
    for quirks, note in ((Quirks(), "forced"), (Quirks(first_iou=True), "random")):
        writer = StripWriter(Path("strips"))
        objects = [VocObject(1, (0, 0, 100, 140), False)]
        (step,) = training_steps([TRIGGER], quirks=quirks)
        step.search = TrainingSearch(step.search.image, step.search.rules, objects, 1)
        step.iou = 0.9
        writer.add(step, 0)
        assert recorded[-1][0][0].note == note


def test_at_most_limit_strips_an_epoch(recorded):
    writer = StripWriter(Path("strips"), limit=2)
    for epoch in range(2):
        for name in "abc":
            for step in training_steps([CENTRE, CENTRE], name):
                writer.add(step, epoch)
    files = [path.as_posix() for _, path, _ in recorded]
    assert files == [
        f"strips/epoch_00{epoch}/{name}_object_1.png"
        for epoch in (0, 1)
        for name in "ab"
    ]


def test_a_search_that_broke_off_is_forgotten(recorded):
    writer = StripWriter(Path("strips"))
    writer.add(next(training_steps([CENTRE, CENTRE])), 0)
    for step in training_steps([UP_LEFT, CENTRE]):
        writer.add(step, 0)
    ((frames, _, _),) = recorded
    assert [shown.action for shown in frames] == [UP_LEFT, CENTRE]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("VOC2007/000032", "VOC2007_000032_object_0.png"),
        ("../../etc/passwd", "_.._etc_passwd_object_0.png"),
        ("a b\\c:d\n\udcff", "a_b_c_d__object_0.png"),
        ("图一", "图一_object_0.png"),
        ("..", "image_object_0.png"),
    ],
)
def test_names_become_file_names(name, file):
    assert strip_name(name, 0) == file


def test_long_names_keep_their_end(tmp_path):
    name = strip_name("图" * 200 + "/000032", 12)
    assert name.endswith("_000032_object_12.png")
    draw_sequences([frame()], tmp_path / name)


# Plots


def test_curves_are_drawn_in_their_colours(tmp_path):
    curve = ([0.1, 0.1, 0.3, 0.3], [1.0, 0.5, 0.6, 0.4], 0.22)
    path = tmp_path / "curves.png"
    names = ("agent", "random", "upper_bound", "epoch 45")
    draw_precision_recall({name: curve for name in names[:3]}, path, "title")
    three = np.array(Image.open(path).convert("RGB"))
    draw_precision_recall({names[3]: curve}, path, "title")
    one = np.array(Image.open(path).convert("RGB"))
    agent, chance, bound = ((232, 89, 12), (153, 161, 169), (43, 138, 239))
    assert all(where(three, colour).sum() > 50 for colour in (agent, chance, bound))
    assert not any(where(one, colour).any() for colour in (agent, bound))


def test_the_area_below_a_curve_is_its_ap(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(
        plots, "finish_plot", lambda figure, axes, *_, **__: figures.append(axes)
    )
    recall, precision = [0.2, 0.2, 0.4, 0.6, 0.6], [1.0, 0.5, 0.6, 0.7, 0.3]
    draw_precision_recall({"agent": (recall, precision, 0.46)}, tmp_path / "a.png")
    line, dot = figures[0].get_lines()
    x, y = line.get_data()
    assert line.get_drawstyle() == "steps-pre"
    assert np.sum(np.diff(x) * y[1:]) == pytest.approx(0.2 * (1.0 + 0.6 + 0.7))
    assert dot.get_xydata().tolist() == [[0.6, 0.7]]
    assert figures[0].get_xlim() == (0, 1)


def test_bars_are_as_high_as_the_counts(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(
        plots, "finish_plot", lambda figure, axes, *_, **__: figures.append(axes)
    )
    counts = {"agent": [67, 25, 20], "random": [3, 0, 0, 0, 0, 0, 0, 0, 0, 1]}
    draw_regions_per_object(counts, tmp_path / "a.png")
    drawn_bars = {
        container.get_label().split()[0]: [bar.get_height() for bar in container]
        for container in figures[0].containers
    }
    assert drawn_bars == counts
    assert figures[0].get_xticks().tolist() == [*range(1, 11)]


@pytest.mark.parametrize(
    ("draw", "data"),
    [
        (draw_precision_recall, {}),
        (draw_precision_recall, {"agent": ([], [], float("nan"))}),
        (draw_precision_recall, {"agent": (np.zeros(3), np.zeros(3), 0.0)}),
        (draw_regions_per_object, {}),
        (draw_regions_per_object, {"agent": [], "random": [0, 0]}),
    ],
)
def test_empty_results_give_an_empty_plot(tmp_path, draw, data):
    digests = set()
    for _ in range(2):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            draw(data, tmp_path / "plot.png", "100 % $ nothing")
        digests.add(hashlib.sha256((tmp_path / "plot.png").read_bytes()).hexdigest())
    assert len(digests) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["plot.png"]
