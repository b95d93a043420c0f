"""Frames of tests and trainings, and the strips that a training writes."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from datasets.objects import VocObject
from hierarchy.actions import CENTRE, TRIGGER, UP_LEFT
from hierarchy.images import SearchImage
from hierarchy.quirks import Quirks
from hierarchy.regions import calculate_iou, whole_image
from hierarchy.search import SearchSpec, TrainingSearch
from hierarchy.strips import StripWriter, draw_sequences, frame_of, strip_name
from report.canvas import FileNames


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def look(action: int):
    """What a test yields for one region; its own class would load Keras."""
    image = SearchImage("000032", noise(100, 150))
    output = SimpleNamespace(action=action, q_values=np.arange(6.0))
    triggered, region = action == TRIGGER, whole_image(*image.size)
    return SimpleNamespace(
        image=image, region=region, output=output, triggered=triggered
    )


@pytest.mark.parametrize(
    ("action", "boxes", "outcome"),
    [
        (TRIGGER, [(0, 0, 100, 150)], "right"),
        (TRIGGER, [(0, 0, 50, 150)], "wrong"),  # an IoU of 0.5 is not over 0.5
        (TRIGGER, None, "detection"),
        (CENTRE, [(0, 0, 100, 150)], ""),
    ],
)
def test_a_trigger_is_judged_where_the_objects_are_known(action, boxes, outcome):
    shown = frame_of(look(action), boxes)
    assert (shown.outcome, shown.action) == (outcome, action)
    assert shown.objects == tuple(boxes or ())
    assert (shown.iou is None) == (boxes is None) and not shown.is_iou_after
    assert shown.pixels.shape == (224, 224, 3)


BOXES = ((10, 10, 90, 100), (40, 100, 70, 140))


def training_steps(
    actions, name: str = "VOC2007/000032", q_values=None, quirks: Quirks = Quirks()
):
    """What training yields for one search; its own class would load Keras."""
    objects = [
        VocObject("person", BOXES[1], False),
        VocObject("aeroplane", BOXES[0], False),
    ]
    spec = SearchSpec(3 / 4, len(actions), quirks)
    running = TrainingSearch(
        SearchImage(name, noise(100, 150)), spec, objects, "aeroplane", 1
    )
    for action in actions:
        region, reward = running.region, None
        reward = running.step(action)
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
        "hierarchy.strips.draw_sequences",
        lambda frames, path, title, actions: calls.append((list(frames), path, title)),
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
    assert last.pixels.shape == (224, 224, 3)
    # The person is none of the search's business.
    assert (first.objects, first.followed) == (BOXES[:1], 0)
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
        objects = [VocObject("aeroplane", (0, 0, 100, 140), False)]
        (step,) = training_steps([TRIGGER], quirks=quirks)
        step.search = TrainingSearch(
            step.search.image, step.search.spec, objects, "aeroplane"
        )
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


def test_no_two_images_share_a_file_whether_capitals_count_or_not():
    names = FileNames()
    pictures = ["a b.png", "a_b.png", "A_b.png", "a_b-2.png"]
    files = [names.of(name, Path(name).stem) for name in pictures]
    assert files == ["a_b", "a_b-2", "A_b-3", "a_b-2-2"]
    assert [names.of(name) for name in pictures] == files


def test_long_names_keep_their_end(tmp_path):
    name = strip_name("图" * 200 + "/000032", 12)
    assert name.endswith("_000032_object_12.png")
    draw_sequences([frame_of(look(TRIGGER), None)], tmp_path / name)
    assert (tmp_path / name).is_file()
