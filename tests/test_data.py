"""Which images a run works on."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from common.errors import InputError
from common.files import REPOSITORY
from datasets.drawn.planes import draw_planes
from hierarchy import data
from image_zooms.config import TestSettings, TrainSettings


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    folders = [tmp_path_factory.mktemp("voc") for _ in range(2)]
    for seed, folder in enumerate(folders):
        draw_planes(folder, trainval=3, test=1, seed=seed)
    return folders


@pytest.mark.slow
def test_two_databases_are_trained_on_one_after_the_other(planes):
    settings = TrainSettings(path_voc=planes[0], path_voc2=planes[1], two_databases=1)
    both = data.training_set(settings)
    alone = [data.training_set(TrainSettings(path_voc=folder)) for folder in planes]
    assert len(both) == len(alone[0]) + len(alone[1])
    keys = [image.key for image in both]
    assert len(set(keys)) == len(keys)
    pixels = [image.pixels for one in alone for image in one]
    for image, expected in zip(both, pixels, strict=True):
        assert (image.pixels == expected).all()


def test_the_second_database_is_left_alone_unless_asked_for(planes, tmp_path):
    settings = TrainSettings(path_voc=planes[0], path_voc2=tmp_path / "nowhere")
    assert len(data.training_set(settings)) == 3
    settings = TrainSettings(
        path_voc=planes[0], path_voc2=tmp_path / "nowhere", two_databases=1
    )
    with pytest.raises(InputError, match="nowhere"):
        data.training_set(settings)


def test_the_first_images_alone(planes):
    settings = TrainSettings(path_voc=planes[0], max_images=2)
    assert (
        data.training_set(settings).names
        == data.training_set(TrainSettings(path_voc=planes[0])).names[:2]
    )


def test_without_the_default_data_set_drawn_planes_are_used_and_said(
    planes, tmp_path, monkeypatch, capsys
):
    default = tmp_path / "VOC2012"
    monkeypatch.setattr(data, "VOC2012", default)
    monkeypatch.setattr("datasets.drawn.planes.ensure_planes", lambda: planes[0])
    images = data.training_set(TrainSettings(path_voc=default))
    assert len(images) == 3
    said = capsys.readouterr().out
    assert "VOC2012 is not there" in said and "drawn planes" in said


def test_a_data_set_that_was_asked_for_is_never_replaced(tmp_path):
    with pytest.raises(InputError, match="mine"):
        data.training_set(TrainSettings(path_voc=tmp_path / "mine"))
    with pytest.raises(InputError, match="mine"):
        data.test_set(TestSettings(path_voc_test=tmp_path / "mine"))


def test_a_class_that_no_image_holds_is_named(planes):
    with pytest.raises(InputError, match="car"):
        data.training_set(TrainSettings(path_voc=planes[0], class_object="car"))


def test_every_other_image_is_mirrored_and_the_rest_an_epoch_later(planes):
    images = list(data.training_set(TrainSettings(path_voc=planes[0])))
    epochs = [list(data.mirrored_in_turn(images, epoch)) for epoch in range(3)]
    for number, (first, second, third) in enumerate(zip(*epochs, strict=True)):
        plain, turned = (first, second) if number % 2 == 0 else (second, first)
        assert plain is images[number] and third.key == first.key
        assert turned.key != plain.key and turned.name == plain.name
        assert (turned.pixels[:, ::-1] == plain.pixels).all()
        for item, other in zip(plain.objects, turned.objects, strict=True):
            marked = np.zeros(plain.pixels.shape[:2])
            ymin, xmin, ymax, xmax = item.box
            marked[ymin:ymax, xmin:xmax] = 1
            ymin, xmin, ymax, xmax = other.box
            assert marked[:, ::-1][ymin:ymax, xmin:xmax].all()
            assert (ymax - ymin) * (xmax - xmin) == marked.sum()
            assert replace(other, box=item.box) == item


@pytest.mark.slow
def test_the_drawing_program_is_loaded_only_where_nobody_has_data():
    program = """
import sys
import hierarchy.train, hierarchy.test, glimpse_rnn.data
print(*(name for name in sys.modules if name.startswith("datasets.drawn")))
"""
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "\n")


def test_a_name_of_a_class_does_nothing_to_a_terminal(tmp_path, capsys):
    objects = (
        "<object><name>\u202ecat</name><bndbox><xmin>9</xmin><ymin>9</ymin>"
        "<xmax>30</xmax><ymax>30</ymax></bndbox></object>"
    )
    for name in "abc":
        Image.new("RGB", (64, 48)).save(tmp_path / f"{name}.png")
        text = f"<annotation>{objects}</annotation>"
        (tmp_path / f"{name}.xml").write_text(text, "utf-8")
    images = data.training_set(TrainSettings(path_voc=tmp_path, path_model=tmp_path))
    said = capsys.readouterr().out
    assert said.count(r"\u202ecat") == 3 and "\u202e" not in said + images.title
