"""Trained models in Python: `Detector.load(…).search(…)`, `Locator.load(…).locate(…)`.

Most of it on a toy detector of squares, which trains in a second; docs/python.md itself
on a detector with VGG-16 and a glimpse regressor, both hardly trained.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import squares
from PIL import Image
from squares import Detector, TestSettings, TrainSettings, write_squares

from common import command_line
from common.errors import InputError
from common.files import REPOSITORY
from common.images import read_image
from datasets.drawn.cars import draw_cars
from datasets.drawn.planes import draw_planes
from glimpse_rnn import Locator
from hierarchy.actions import PAPER_ACTIONS
from hierarchy.q_network import get_q_network
from hierarchy.regions import whole_image

pytestmark = pytest.mark.slow

DOCUMENT = REPOSITORY / "docs" / "python.md"
GLIMPSES = (
    *("--image_size", 32, "--radius", 4, "--bandwidth", 8, "--levels", 2),
    *("--glimpses", 3, "--state_size", 16, "--batch_size", 8, "--validation", 0),
)


def run(main, kind, *words):
    command_line.run(main, kind, [str(word) for word in words])


def train_squares(images, models, *words):
    flags = "--path_voc", images, "--path_model", models, "--learning_rate", 1e-3
    steps = "--number_of_steps", 4, "--batch_size", 4, "--learning_starts", 4
    run(squares.train, TrainSettings, *flags, *steps, *words)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("squares")
    write_squares(folder, trainval=8, test=5)
    write_squares(folder, trainval=2, test=1, name="bird")
    return folder


@pytest.fixture(scope="module")
def pictures(images):
    return sorted((images / "JPEGImages").glob("aeroplane_test_*.png"))


@pytest.fixture(scope="module")
def models(images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "models"
    train_squares(images, folder, "--epochs", 2)
    return folder


@pytest.fixture(scope="module")
def detector(models):
    return Detector.load(models)


def entry(search):
    """Return a search's result as searches.json has it."""
    ymin, xmin, ymax, xmax = search.box
    return {
        "box": {"xmin": xmin, "ymin": ymin, "xmax": xmax, "ymax": ymax},
        "trigger_q_value": search.score,
        "path": [PAPER_ACTIONS.names.index(name) + 1 for name in search.path],
        "triggered": search.triggered,
    }


@pytest.mark.parametrize("only_first_object", [0, 1])
def test_it_finds_what_the_program_does_and_draws_the_same(
    only_first_object, models, pictures, tmp_path
):
    flags = ["--path_model", models, "--path_testing_folder", tmp_path]
    flags += ["--only_first_object", only_first_object, "--images", *pictures]
    run(squares.measure, TestSettings, *flags)
    written = json.loads((tmp_path / "searches.json").read_text())["images"]
    detector = Detector.load(str(models), only_first_object=only_first_object)
    for number, (item, path) in enumerate(zip(written, pictures, strict=True), 1):
        found = detector.search(path)
        assert item == {
            "id": number,
            "image": found.name,
            "height": found.height,
            "width": found.width,
            "detections": [entry(search) for search in found.searches],
        }
        for at, search in enumerate(found.searches):
            strip = read_image(tmp_path / f"{path.stem}_search_{at}.png")
            np.testing.assert_array_equal(np.asarray(search.draw()), strip)


def test_the_path_leads_to_the_box_and_the_score_is_the_best(detector, pictures):
    for found in detector.search(pictures):
        (search,) = found.searches
        region = whole_image(found.height, found.width)
        for name in search.path:
            number = PAPER_ACTIONS.names.index(name) + 1
            region = PAPER_ACTIONS.apply(number, region, 3 / 4)
        assert (found.box, found.path) == (region.box, search.path)
        assert found.triggered == (search.path[-1:] == ("trigger",))
        triggers = [one.output.q_values[-1] for one in search.visited]
        assert found.score == (triggers[-1] if found.triggered else max(triggers))
        assert len(search.visited) <= 4


def test_a_list_in_lockstep_finds_what_one_after_the_other_does(
    models, detector, pictures
):
    together = Detector.load(models, num_searches=3)
    several = together.search(pictures)
    for found, path in zip(several, pictures, strict=True):
        alone = detector.search(path)
        assert found.name == str(path)
        assert (found.box, found.path) == (alone.box, alone.path)
        assert found.score == pytest.approx(alone.score, abs=1e-5)


def test_files_images_and_arrays_are_the_same_pictures(detector, pictures, tmp_path):
    pixels = read_image(pictures[0])
    pixels[:20] = 0, 120, 0  # so that it is not the same upside down
    turned = Image.fromarray(pixels[::-1, ::-1])
    exif = turned.getexif()
    exif[0x0112] = 3
    turned.save(tmp_path / "turned.png", exif=exif)
    Image.fromarray(pixels).save(tmp_path / "straight.png")
    expected = detector.search(pixels)
    for picture in (
        str(tmp_path / "straight.png"),
        tmp_path / "turned.png",
        Image.open(tmp_path / "turned.png"),
        Image.fromarray(pixels).convert("RGBA"),
        pixels[:, ::-1][:, ::-1],
    ):
        found = detector.search(picture)
        assert [entry(s) for s in found.searches] == [
            entry(s) for s in expected.searches
        ]
    assert expected.name == "picture 0"
    grey = detector.search(Image.fromarray(pixels).convert("L"))
    assert (grey.height, grey.width) == (96, 96)


def test_a_picture_that_changed_is_searched_anew(detector, pictures, tmp_path):
    path = tmp_path / "picture.png"
    shutil.copyfile(pictures[0], path)
    before = detector.search(path)
    pixels = np.ascontiguousarray(read_image(pictures[0])[::-1])
    Image.fromarray(pixels).save(path)
    after, afresh = detector.search(path), detector.search(pixels)
    assert after.score == afresh.score != before.score
    drawn = np.asarray(afresh.draw())
    pixels[:] = 0
    np.testing.assert_array_equal(np.asarray(afresh.draw()), drawn)


FLOATS = np.zeros((40, 30, 3), np.float32)
BYTES = np.zeros((40, 30, 3), np.uint8)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (FLOATS, r"float32 \(40, 30, 3\) is not uint8"),
        (BYTES[..., 0], r"uint8 \(40, 30\) is grey"),
        (BYTES[..., :1], "is grey"),
        (np.zeros((40, 30, 4), np.uint8), "has four channels"),
        (np.moveaxis(BYTES, -1, 0), "has its channels first"),
        (BYTES[None], "holds several pictures"),
        (BYTES[:0], "is empty"),
        (np.zeros(7), "has other axes"),
        (b"photo.jpg", "is a bytes"),
        (None, "is a NoneType"),
        ("nowhere.jpg", "^nowhere.jpg: there is no such file"),
        (Path(__file__).parent, "is a folder; .*find_images"),
        (Path(__file__), "is no image"),
    ],
    ids=str,
)
def test_what_is_no_picture_is_one_line(detector, picture, words):
    with pytest.raises(InputError, match=words) as caught:
        list(detector.search([picture]))
    assert "\n" not in str(caught.value)
    if picture is not None:
        with pytest.raises(InputError, match=words):
            detector.search(picture)


def test_an_image_whose_file_is_cut_short_is_one_line(detector, tmp_path):
    Image.effect_noise((64, 64), 50).save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="^picture 0: cannot be decoded"):
        detector.search(Image.open(tmp_path / "a.png"))


def test_pictures_that_cannot_be_used_are_left_out_and_told(detector, pictures):
    skipped = []
    several = [pictures[0], FLOATS, "nowhere.jpg", pictures[1]]
    found = list(detector.search(several, skipped))
    assert [one.name for one in found] == [str(path) for path in pictures[:2]]
    assert len(skipped) == 2 and skipped[0].startswith("picture 1: float32")
    with pytest.raises(InputError, match="picture 1"):
        list(detector.search(several))


# Loading


def dense(network):
    return network.get_weights()[0]


def test_the_newest_epoch_is_loaded_or_the_one_that_is_named(models):
    kernels = [
        dense(get_q_network(33, 6, models / f"model0_epoch_{epoch}.weights.h5"))
        for epoch in (0, 1)
    ]
    assert (kernels[0] != kernels[1]).any()
    for epoch, kernel in ((None, kernels[1]), (0, kernels[0]), (1, kernels[1])):
        loaded = Detector.load(models, epoch=epoch)
        np.testing.assert_array_equal(dense(loaded.agent.network), kernel)
    with pytest.raises(InputError, match=r"epoch_7.*no such file.*: 0, 1$"):
        Detector.load(models, epoch=7)


def test_what_it_was_trained_with_is_taken_unless_a_keyword_says_otherwise(
    models, tmp_path
):
    assert Detector.load(models).settings.number_of_steps == 4
    assert Detector.load(models, number_of_steps=2).spec.number_of_steps == 2
    moved = tmp_path / "elsewhere"
    shutil.copytree(models, moved)
    assert Detector.load(moved).spec.number_of_steps == 4
    with pytest.raises(InputError, match="history_length was 4 in training|actions"):
        Detector.load(models, history_length=2)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"number_of_step": 2}, "^number_of_step: there is no such setting"),
        ({"number_of_steps": "2"}, "^number_of_steps is '2'; expected"),
        ({"number_of_steps": 0}, "^number_of_steps is 0; expected at least 1"),
        ({"preset": "quick"}, "^preset is 'quick'; expected"),
        ({"class_object": "cheese"}, "cheese"),
    ],
)
def test_settings_that_cannot_be_are_one_line(models, settings, words):
    with pytest.raises(InputError, match=words):
        Detector.load(models, **settings)


def test_a_folder_of_several_classes_asks_which(images, models, tmp_path):
    several = tmp_path / "models"
    shutil.copytree(models, several)
    train_squares(images, several, "--epochs", 1, "--class_object", "bird")
    with pytest.raises(InputError, match=r"config.json: has models of aeroplane, bird"):
        Detector.load(several)
    bird = Detector.load(several, class_object="bird")
    assert bird.weights.name == "model2_epoch_0.weights.h5"
    config = json.loads((several / "config.json").read_text())
    del config["model0"]
    (several / "config.json").write_text(json.dumps(config))
    assert Detector.load(several).weights.name == "model2_epoch_0.weights.h5"


def test_a_folder_without_a_model_says_how_to_get_one(tmp_path):
    with pytest.raises(InputError, match="no such file.*brightness/train.py -n 0"):
        Detector.load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no such file.*glimpse_rnn/train.py -n 0"):
        Locator.load(tmp_path / "nowhere")


def test_importing_loads_no_keras_and_draws_nothing():
    code = "import sys; from image_zooms import Detector as A;"
    code += "from pool45_crops import Detector as B; from glimpse_rnn import Locator;"
    code += "print(sorted({'keras', 'tensorflow', 'matplotlib'} & sys.modules.keys()))"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


# Glimpses


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cars")
    draw_cars(folder, train=8, test=3)
    return folder


@pytest.fixture(scope="module")
def located(cars, tmp_path_factory):
    """A folder with two trained epochs."""
    from glimpse_rnn.train import TrainSettings, main

    folder = tmp_path_factory.mktemp("glimpses") / "models"
    flags = "--path_data", cars, "--path_model", folder, "--epochs", 2
    run(main, TrainSettings, *flags, *GLIMPSES)
    return folder


def test_it_locates_what_the_program_does_and_draws_the_same(cars, located, tmp_path):
    from glimpse_rnn.test import TestSettings, main

    paths = sorted((cars / "car_ims").iterdir())[:3]
    flags = "--path_model", located, "--path_testing_folder", tmp_path
    run(main, TestSettings, *flags, "--images", *paths)
    written = json.loads((tmp_path / "rollouts.json").read_text())["images"]
    locator = Locator.load(located)
    several = locator.locate(paths[::-1])  # in whatever order
    for item, found in zip(written[::-1], several, strict=True):
        for result in (found, locator.locate(Image.open(item["image"]))):
            assert (result.height, result.width) == (item["height"], item["width"])
            points = [result.keypoint, *result.glimpses]
            expected = [item["keypoint"], *item["glimpses"]]
            assert points == [(point["y"], point["x"]) for point in expected]
            assert result.predictions[-1] == result.keypoint
            assert len(result.predictions) == len(result.glimpses) == 3
        assert found.name == item["image"]
        drawn = read_image(tmp_path / f"{Path(found.name).stem}_run.png")
        np.testing.assert_array_equal(np.asarray(found.draw()), drawn)


def test_an_epoch_of_a_regressor_can_be_named(located):
    first, last = (Locator.load(located, epoch=epoch) for epoch in (0, None))
    assert first.weights.name == "model_epoch_0.weights.h5"
    assert last.weights.name == "model_epoch_1.weights.h5"
    pairs = zip(first.model.get_weights(), last.model.get_weights(), strict=True)
    assert any((one != other).any() for one, other in pairs)
    with pytest.raises(InputError, match=r"epoch_7.*no such file.*: 0, 1$"):
        Locator.load(located, epoch=7)
    with pytest.raises(InputError, match="glimpses was 3 in training, now it is 4"):
        Locator.load(located, glimpses=4)
    with pytest.raises(InputError, match="picture 0: .* is not uint8"):
        last.locate(FLOATS)


# The document


def test_the_document_s_examples_run(located, cars, tmp_path, monkeypatch, capsys):
    import image_zooms.train

    draw_planes(tmp_path / "planes", trainval=2, test=2)
    flags = "--path_voc", tmp_path / "planes", "--epochs", 1, "--number_of_steps", 2
    flags += "--batch_size", 4, "--learning_starts", 4
    there = "--path_model", tmp_path / "models_image_zooms"
    run(image_zooms.train.main, image_zooms.train.TrainSettings, *flags, *there)
    config = (tmp_path / "models_image_zooms" / "config.json").read_text()
    assert '"path_vgg": "weights/' in config  # as it is in any clone
    shutil.copytree(located, tmp_path / "models_glimpse_rnn")
    (tmp_path / "photos").mkdir()
    photos = sorted((tmp_path / "planes" / "JPEGImages").iterdir())[:2]
    for path in photos:
        shutil.copyfile(path, tmp_path / "photos" / path.name)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    shutil.copyfile(photos[0], tmp_path / "photo.jpg")
    shutil.copyfile(next((cars / "car_ims").iterdir()), tmp_path / "car.jpg")
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    names, blocks = (
        {},
        re.findall(
            r"^```python\n(.*?)^```",
            DOCUMENT.read_text("utf-8"),
            re.DOTALL | re.MULTILINE,
        ),
    )
    for block in blocks:
        exec(block, names)
    said = capsys.readouterr().out
    assert said.count("photos/") == 3 and "notes.txt: is no image" in said
    assert "picture 0: uint8 (224, 224) is grey: " in said
    for name in ("strip.png", "trajectory.png"):
        assert Image.open(tmp_path / name).width > 200
    assert names["strip"].size == Image.open("strip.png").size
    assert len(blocks) >= 6
