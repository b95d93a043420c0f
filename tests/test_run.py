"""Runs and their config.json: what is remembered, compared and gone on with."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import squares
from squares import TestSettings, TrainSettings, write_squares

from common import command_line
from common.files import REPOSITORY
from common.settings import from_json, to_json
from hierarchy.q_network import get_q_network

pytestmark = pytest.mark.slow

FLAGS = (
    *("--gamma", "0.5", "--number_of_steps", "3", "--learning_rate", "1e-3"),
    *(
        "--batch_size",
        "4",
        "--buffer_experience_replay",
        "16",
        "--learning_starts",
        "4",
    ),
)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("squares")
    write_squares(folder, trainval=4, test=3)
    write_squares(folder, trainval=2, test=1, name="bird")
    return folder


@pytest.fixture(scope="module")
def trained(images, tmp_path_factory):
    """A folder with one trained epoch."""
    models = tmp_path_factory.mktemp("trained") / "models"
    paths = f"--path_voc={images}", f"--path_model={models}"
    words = [*paths, "--epochs", "1", *FLAGS]
    command_line.run(squares.train, TrainSettings, words)
    return models


LEFT_OUT = "without the flag for the data set"


@pytest.fixture
def run(images, tmp_path, capsys):
    """Run a program of the toy detector; return what it said."""

    def call(program, *words):
        main, kind, data = {
            "train": (squares.train, TrainSettings, "path_voc"),
            "test": (squares.measure, TestSettings, "path_voc_test"),
        }[program]
        paths = {data: images, "path_model": tmp_path / "models"}
        paths["path_testing_folder"] = tmp_path / "results"
        if words[:1] == (LEFT_OUT,):
            del paths[data]
            words = words[1:]
        flags = [f"--{name}={path}" for name, path in paths.items()]
        command_line.run(main, kind, [*flags, *map(str, words)])
        return capsys.readouterr().out

    return call


def weights_of(folder, epoch, stem="model0"):
    path = folder / "models" / f"{stem}_epoch_{epoch}.weights.h5"
    return get_q_network(9 + 24, weights_path=path).get_weights()


def config_of(folder):
    return json.loads((folder / "models" / "config.json").read_text())


def test_a_run_says_what_it_was_trained_with(run, tmp_path, images):
    run("train", "--epochs", 1, "--preset", "fast", "--flip_states", 0, *FLAGS)
    config = config_of(tmp_path)["model0"]
    settings = config["settings"]
    assert (settings["preset"], settings["gamma"]) == ("fast", 0.5)
    assert settings["path_voc"] == str(images)
    assert config["data"].startswith("4 images with class aeroplane (trainval of ")
    assert config["identity"]["features"] == "brightness"
    assert config["identity"]["gamma"] == 0.5
    assert config["end"] == 1
    assert "commit" in config["made_with"]


def test_flags_are_remembered_where_training_goes_on(run, tmp_path):
    run("train", "--epochs", 3, "--seed", 3, *FLAGS)
    whole = weights_of(tmp_path, 2)
    run("train", "--epochs", 1, "--seed", 3, *FLAGS)
    said = run("train", "-n", 1, "--epochs", 2)
    assert "going on from epoch 0, exactly as it ended" in said
    for one, other in zip(whole, weights_of(tmp_path, 2), strict=True):
        np.testing.assert_array_equal(one, other)
    assert config_of(tmp_path)["model0"]["settings"]["seed"] == 3


def test_a_flag_that_contradicts_is_refused_and_another_is_said(run, tmp_path):
    run("train", "--epochs", 1, *FLAGS)
    line = r"config.json: gamma was 0.5 .* now it is 0.9"
    with pytest.raises(SystemExit, match=line):
        run("train", "-n", 1, "--epochs", 1, "--gamma", 0.9)
    said = run("train", "-n", 1, "--epochs", 1, "--learning_rate", "1e-4")
    assert "learning_rate was 0.001 in training, now it is 0.0001" in said
    assert "gamma" not in said and "epochs" not in said


def test_a_test_takes_the_training_s_settings(run, tmp_path):
    run("train", "--epochs", 1, "--history_length", 2, *FLAGS)
    said = run("test")
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    assert results["settings"]["number_of_steps"] == 3
    assert results["settings"]["history_length"] == 2
    assert "in training" not in said
    said = run("test", "--number_of_steps", 5)
    assert "number_of_steps was 3 in training, now it is 5" in said
    with pytest.raises(SystemExit, match="history_length was 2 in training, now"):
        run("test", "--history_length", 4)


def test_auto_goes_on_at_the_first_unfinished_epoch(run, tmp_path):
    run("train", "-n", "auto", "--epochs", 4, *FLAGS)
    whole = weights_of(tmp_path, 3)
    for epoch in (2, 3):  # as a kill in epoch 2 leaves it
        for path in (tmp_path / "models").glob(f"model0_epoch_{epoch}.*"):
            path.unlink()
    said = run("train", "-n", "auto")
    assert "epoch 2:" in said and "epoch 3:" in said and "epoch 4:" not in said
    for one, other in zip(whole, weights_of(tmp_path, 3), strict=True):
        np.testing.assert_array_equal(one, other)
    before = config_of(tmp_path)
    said = run("train", "-n", "auto", "--learning_rate", "0.5")
    assert "all epochs are finished; a larger --epochs trains more" in said
    assert config_of(tmp_path) == before
    said = run("train", "-n", "auto", "--epochs", 5)
    assert "epoch 4:" in said and "epoch 5:" not in said


def test_models_of_several_classes_share_a_folder(run, tmp_path):
    run("train", "--epochs", 1, *FLAGS)
    run("train", "--epochs", 1, "--class_object", "bird", *FLAGS, "--seed", 5)
    config = config_of(tmp_path)
    assert set(config) == {"model0", "model2"}
    assert config["model2"]["settings"]["seed"] == 5
    assert config["model0"]["settings"]["seed"] == 0


def test_a_preset_sets_its_fields_also_where_a_run_goes_on(run, tmp_path):
    run("train", "--epochs", 1, *FLAGS)
    with pytest.raises(SystemExit, match="number_of_steps was 3 .* now it is 6"):
        run("train", "-n", 1, "--epochs", 1, "--preset", "fast", "--flip_states", 0)
    said = run("test", "--preset", "fast", "--flip_states", 0)
    assert "number_of_steps was 3 in training, now it is 6" in said


def test_other_data_is_said(run, tmp_path):
    run("train", "--epochs", 1, *FLAGS)
    said = run("train", "-n", 1, "--epochs", 1, "--max_images", 2)
    assert "data was 4 images" in said and "now it is 2 images" in said


def test_a_model_of_another_class_is_said(run, tmp_path):
    run("train", "--epochs", 1, *FLAGS)
    said = run("test", "--class_object", "bird", "--model_name", "model0_epoch_0")
    assert "class was aeroplane in training, now it is bird" in said
    assert "number_of_steps" not in said  # of the weights' model all the same


@pytest.fixture(scope="module")
def raccoons(tmp_path_factory):
    """A set of one class of its own, in one piece: pictures and annotations."""
    folder = tmp_path_factory.mktemp("raccoons")
    write_squares(folder, trainval=7, test=3, name="Raccoon")
    shutil.rmtree(folder / "ImageSets")
    return folder


def held_out_by(folder, stem="model_raccoon"):
    (names,) = config_of(folder)[stem]["held_out"].values()
    return names


def test_the_images_that_training_left_are_those_of_its_tests(run, tmp_path, raccoons):
    said = run("train", "--path_voc", raccoons, "--epochs", 1, *FLAGS)
    assert f"{raccoons}: images and XML files, 10 images, classes: Raccoon (10)" in said
    assert "searching for Raccoon, the only class there is" in said
    assert "2 of 10 images are left to the test, drawn with seed 0" in said
    assert "training on 8 images with class raccoon" in said
    held_out = held_out_by(tmp_path)
    said = run("train", "-n", 1, "--path_voc", raccoons, "--epochs", 1, "--seed", 5)
    assert "2 of 10 images are left to the test, as" in said
    assert "going on from epoch 0, exactly as it ended" in said
    assert held_out_by(tmp_path) == held_out
    moved = tmp_path / "moved"
    shutil.copytree(raccoons, moved)
    said = run("test", "--path_voc_test", moved)
    assert "2 of 10 images, those that training left to it" in said
    # Left out, the set is that of training.
    said = run("test", LEFT_OUT, "--seed", 9, "--bool_draw", 1)
    assert "2 of 10 images, those that training left to it" in said
    assert "testing on 2 images with class raccoon" in said
    strips = (path.name for path in (tmp_path / "results").glob("*_search_0.png"))
    assert {name.removesuffix("_search_0.png") for name in strips} == {*held_out}
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    assert results["class"] == "raccoon"
    assert results["settings"]["number_of_steps"] == 3  # that of training
    run("train", "--path_voc", raccoons, "--epochs", 1, "--seed", 5, *FLAGS)
    assert held_out_by(tmp_path) != held_out


def test_a_class_that_is_asked_for_by_number_is_no_default(run, raccoons):
    with pytest.raises(SystemExit, match="holds class aeroplane; expected class_obje"):
        run("train", "--path_voc", raccoons, "--class_object", 1, *FLAGS)


def test_a_set_that_training_knew_nothing_of_is_tested_on_whole(run, raccoons):
    run("train", "--epochs", 1, *FLAGS)
    words = ["--path_voc_test", raccoons, "--class_object", "raccoon"]
    said = run("test", *words, "--model_name", "model0_epoch_0")
    assert "none left by model0: all images" in said
    assert "testing on 10 images with class raccoon" in said


def test_one_image_is_trained_and_tested_on_and_that_is_said(run, tmp_path, raccoons):
    alone = tmp_path / "alone"
    for part, suffix in (("JPEGImages", ".png"), ("Annotations", ".xml")):
        (alone / part).mkdir(parents=True)
        path = raccoons / part / f"Raccoon_test_0{suffix}"
        shutil.copyfile(path, alone / part / path.name)
    said = run("train", "--path_voc", alone, "--epochs", 1, *FLAGS)
    assert "one image alone: none is left to the test" in said
    said = run("test", "--path_voc_test", alone)
    assert "left no image to the test" in said and "testing on 1 image with" in said


def test_any_name_of_a_class_goes_all_the_way(run, tmp_path, raccoons):
    name = "Écureuil/[a] c++_epoch_3 100 %"
    own = tmp_path / "own"
    shutil.copytree(raccoons, own)
    for path in own.glob("Annotations/*.xml"):
        path.write_text(path.read_text().replace("Raccoon", name))
    words = ["--class_object", name.upper(), *FLAGS]
    run("train", "--path_voc", own, "--epochs", 1, *words)
    said = run("train", "--path_voc", own, "-n", "auto", "--epochs", 2, *words)
    assert "going on from epoch 0, exactly as it ended" in said
    (stem,) = config_of(tmp_path)
    said = run("test", "--path_voc_test", own, "--model_name", f"{stem}_epoch_1")
    assert f"testing on 2 images with class {name.lower()}" in said
    with open(tmp_path / "models" / "log.csv", newline="") as file:
        rows = [row["class_object"] for row in csv.DictReader(file)]
    assert rows == [name.lower()] * 2


def test_of_several_models_the_class_says_which(run, tmp_path, raccoons):
    run("train", "--path_voc", raccoons, "--epochs", 1, *FLAGS)
    run("train", "--epochs", 1, "--class_object", "bird", *FLAGS)
    with pytest.raises(SystemExit, match="epochs of model0 in .*: none"):
        run("test", "--path_voc_test", raccoons)
    said = run("test", "--path_voc_test", raccoons, "--class_object", "RACCOON")
    assert "testing on 2 images with class raccoon" in said


def test_a_class_that_was_asked_for_is_never_replaced(run, raccoons):
    for name in ("aeroplane", "racoon"):
        line = f"holds class {name}; expected .* there: Raccoon \\(10\\)"
        with pytest.raises(SystemExit, match=line):
            run("train", "--path_voc", raccoons, "--class_object", name, *FLAGS)


def test_pictures_of_like_names_have_strips_of_their_own(run, tmp_path, images):
    run("train", "--epochs", 1, *FLAGS)
    folder = tmp_path / "pictures"
    drawn = next(images.glob("JPEGImages/*.png"))
    names = ("a b", "a_b", "a+b", "A_B", "a_b-2", "sub/a_b")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(drawn, folder / f"{name}.png")
    run("test", "--images", folder, "--bool_draw", 1)
    strips = {path.name.lower() for path in (tmp_path / "results").glob("*_search_0*")}
    assert len(strips) == len(names)
    for name in ("a b", "A_B"):
        (folder / f"{name}.png").write_bytes(b"")
    with pytest.raises(SystemExit, match="2 files .* cannot be used") as stop:
        run("test", "--images", folder)
    assert all(f"{name}.png: is empty" in stop.value.code for name in ("a b", "A_B"))


def test_starting_over_archives_config_json_too(run, tmp_path):
    run("train", "--epochs", 1, *FLAGS)
    before = config_of(tmp_path)
    run("train", "--epochs", 1, *FLAGS, "--gamma", 0.7)
    (archive,) = (tmp_path / "models").glob("replaced_*")
    assert json.loads((archive / "config.json").read_text()) == before
    run("test", "--weights_path", archive / "model0_epoch_0.weights.h5")
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    assert results["settings"]["number_of_steps"] == 3


GOOD = {"settings": {}, "identity": {}, "end": 1}
DAMAGED = [
    "{",
    "[]",
    "3",
    *map(
        json.dumps,
        (
            {"model0": 3},
            {"model0": {}},
            {"model0": GOOD | {"settings": [1]}},
            {"model0": GOOD | {"identity": None}},
            {"model0": GOOD | {"end": "x"}},
            {"model0": GOOD | {"settings": {"gamma": [1]}}},
            {"model0": GOOD | {"settings": {"number_of_steps": "x"}}},
            {"model0": GOOD | {"settings": {"quirks": [3]}}},
            {"model0": GOOD | {"settings": {"preset": "slow"}}},
        ),
    ),
]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_config_is_named_in_a_line(run, tmp_path, text, trained):
    shutil.copytree(trained, tmp_path / "models")
    (tmp_path / "models" / "config.json").write_text(text)
    for words in (("test",), ("train", "-n", 1, "--epochs", 1)):
        if words[0] == "test" and "gamma" in text:
            continue  # no business of a test
        with pytest.raises(SystemExit, match=r"^error: .*config.json: is damaged") as e:
            run(*words)
        assert "\n" not in str(e.value)


def test_paths_in_the_repository_are_relative_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = TrainSettings(path_voc=Path("mine"), path_voc2=REPOSITORY / "VOC2007")
    written = to_json(settings)
    assert written["path_voc"] == str(tmp_path / "mine")
    assert written["path_voc2"] == "VOC2007"
    read = from_json(TrainSettings, written)
    assert read["path_voc2"] == REPOSITORY / "VOC2007"
    assert read["path_voc"] == tmp_path / "mine"
    assert TrainSettings(**read) == replace(settings, path_voc=tmp_path / "mine")
