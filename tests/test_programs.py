"""Training and testing end to end, on a few small drawn pictures.

The first training, the first test and all that are killed are processes of their own;
the others run in this one, which spares them the seconds that Keras takes to load.
"""

import csv
import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pytest
from documented import explained, unexplained
from killed import run_killed

from common import command_line
from report.page import read_page
from weights import DEFAULT_PATH
from weights.layouts import write_trunk
from weights.vgg16 import trunk_identity

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DETECTORS = ("image_zooms", "pool45_crops")
EPOCHS = 3
RESULTS = set(
    "detector class data weights trunk trunk_dtype quirks findings seed backend"
    " made_with settings images objects seconds skipped bootstrap agent random centre"
    " upper_bound".split()
)
TOY = [
    *("--number_of_steps", "3", "--batch_size", "4", "--learning_rate", "1e-4"),
    *("--buffer_experience_replay", "6", "--epsilon_step", "0.4"),
    *("--flip", "1", "--decay_epochs", "3"),
]


@pytest.fixture(scope="module")
def planes(tmp_path_factory):
    from datasets.drawn.planes import draw_planes

    folder = tmp_path_factory.mktemp("drawn planes")  # with a space
    draw_planes(folder, trainval=2, test=2)
    return folder


@pytest.fixture(scope="module", params=DETECTORS)
def detector(request):
    return request.param


# For what both detectors have from hierarchy, and tests that take long.
one_detector = pytest.mark.parametrize("detector", DETECTORS[:1], indirect=True)


def command(detector, script, **flags):
    words = [f"--{name}={value}" for name, value in flags.items()]
    return [sys.executable, str(ROOT / detector / f"{script}.py"), *words]


def train(detector, planes, models, n, epochs, **flags):
    flags = {"path_voc": planes, "path_model": models, **flags}
    return [*command(detector, "train", n=n, epochs=epochs, **flags), *TOY]


def run(words):
    """Run a program as a process and return what it said."""
    process = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr + process.stdout
    assert process.stderr == ""
    return process.stdout


@pytest.fixture
def run_here(capsys):
    """Run a program in this process and return what it said."""

    def call(words):
        _, path, *flags = words
        detector, script = Path(path).parent.name, Path(path).stem
        settings = import_module(f"{detector}.config")
        command_line.run(
            import_module(f"{detector}.{script}").main,
            getattr(settings, f"{script.title()}Settings"),
            flags,
        )
        said, complaints = capsys.readouterr()
        assert complaints == ""
        return said

    return call


def weights(path):
    """All arrays in a weight file, by name."""
    arrays = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: (
                arrays.update({name: item[...]})
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    assert len(arrays) >= 6
    return arrays


def same(one, other):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    return all((one[name] == other[name]).all() for name in one)


def log_of(models):
    with open(models / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(detector, planes, tmp_path_factory):
    """All epochs in one go."""
    models = tmp_path_factory.mktemp("models")
    said = run(train(detector, planes, models, 0, EPOCHS, tensorboard=1))
    return models, said


def test_training_leaves_checkpoints_and_a_log(trained):
    models, said = trained
    assert [int(row["epoch"]) for row in log_of(models)] == [0, 1, 2]
    assert [float(row["epsilon"]) for row in log_of(models)] == [1, 0.6, 0.2]
    for row in log_of(models)[1:]:
        assert float(row["loss"]) > 0 and int(row["steps"]) >= int(row["episodes"]) > 0
        assert -3 <= float(row["mean_reward"]) <= 3
        assert float(row["steps_per_second"]) > 0
    for epoch in range(EPOCHS):
        assert f"epoch {epoch}:" in said
        assert (models / f"model0_epoch_{epoch}.weights.h5").is_file()
    assert same(models / "model0.weights.h5", models / "model0_epoch_2.weights.h5")
    assert not same(models / "model0.weights.h5", models / "model0_epoch_1.weights.h5")
    assert list((models / "tensorboard").glob("events*"))
    named = explained("log.csv of the detectors")
    for column in log_of(models)[0]:
        kind = re.sub("^(taken|greedy)_.*", r"\1_ACTION", column)
        assert kind in named, column


def test_two_runs_give_the_weights_of_one(
    detector, trained, planes, tmp_path, run_here
):
    run_here(train(detector, planes, tmp_path, 0, 2))
    said = run_here(train(detector, planes, tmp_path, 2, EPOCHS - 2))
    assert "going on from epoch 1, exactly as it ended" in said
    for epoch in range(EPOCHS):
        name = f"model0_epoch_{epoch}.weights.h5"
        assert same(trained[0] / name, tmp_path / name), name
    columns = ("epoch", "steps", "episodes", "mean_reward", "trigger_iou", "loss")
    for one, other in zip(log_of(trained[0]), log_of(tmp_path), strict=True):
        assert [one[name] for name in columns] == [other[name] for name in columns]


@one_detector
def test_a_run_that_stays_on_the_device_gives_the_same_weights(
    detector, trained, planes, tmp_path, run_here
):
    run_here(train(detector, planes, tmp_path, 0, 2, on_device=1))
    run_here(train(detector, planes, tmp_path, 2, EPOCHS - 2))
    for epoch in range(EPOCHS):
        name = f"model0_epoch_{epoch}.weights.h5"
        assert same(trained[0] / name, tmp_path / name), name


def test_another_trunk_is_never_taken_in_silence(
    detector, trained, planes, tmp_path, run_here, random_layers
):
    other = tmp_path / "other.weights.h5"
    write_trunk(other, random_layers)
    models = tmp_path / "models"
    shutil.copytree(trained[0], models)
    before = sorted(path.name for path in models.iterdir())
    tested = {"path_voc_test": planes, "path_testing_folder": tmp_path / "results"}
    weights = models / "model0_epoch_0.weights.h5"  # its state may be long gone
    for words in (
        train(detector, planes, models, EPOCHS, 1, path_vgg=other),
        command(detector, "test", path_model=models, path_vgg=other, **tested),
        command(detector, "test", weights_path=weights, path_vgg=other, **tested),
    ):
        with pytest.raises(SystemExit) as caught:
            run_here(words)
        line = str(caught.value)
        assert line.startswith("error: ") and "\n" not in line
        for path in (DEFAULT_PATH, other):
            assert " ".join(trunk_identity(path).to_json().values()) in line
    assert sorted(path.name for path in models.iterdir()) == before
    assert not (tmp_path / "results").exists()


@one_detector
def test_a_memory_is_not_bootstrapped_from_with_another_discount(
    detector, trained, planes, run_here
):
    with pytest.raises(
        SystemExit, match=r"gamma was 0\.9 in training, now it is 0\.0; expected"
    ):
        run_here(train(detector, planes, trained[0], EPOCHS, 1, gamma=0))


def finished(models):
    """The first epoch that a killed run left unfinished."""
    epoch = 0
    while (models / f"model0_epoch_{epoch}.weights.h5").exists():
        epoch += 1
    return epoch


@one_detector
def test_a_run_killed_as_it_saves_ends_with_the_same_weights(
    detector, trained, planes, tmp_path
):
    """SIGKILL before a file appears: config.json, then four files in each epoch."""
    for moment in (1, 4, 6):
        epoch = finished(tmp_path)
        run_killed(train(detector, planes, tmp_path, "auto", EPOCHS), moment)
        assert finished(tmp_path) == epoch + moment // 5
    left = finished(tmp_path)
    assert left == 1
    for epoch in range(left):
        weights(tmp_path / f"model0_epoch_{epoch}.weights.h5")
    run(train(detector, planes, tmp_path, "auto", EPOCHS))
    assert same(trained[0] / "model0.weights.h5", tmp_path / "model0.weights.h5")
    assert [int(row["epoch"]) for row in log_of(tmp_path)] == [0, 1, 2]
    assert not list(tmp_path.glob(".partial-*"))


@one_detector
def test_starting_over_keeps_the_earlier_run(
    detector, trained, planes, tmp_path, run_here
):
    for path in trained[0].glob("model0*_epoch_[01].*"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "log.csv").write_bytes((trained[0] / "log.csv").read_bytes())
    said = run_here(train(detector, planes, tmp_path, 0, 1, seed=5))
    assert "of an earlier run" in said
    (archive,) = tmp_path.glob("replaced_*")
    assert same(
        archive / "model0_epoch_1.weights.h5", trained[0] / "model0_epoch_1.weights.h5"
    )
    assert not same(
        tmp_path / "model0_epoch_0.weights.h5", trained[0] / "model0_epoch_0.weights.h5"
    )
    assert [int(row["epoch"]) for row in log_of(tmp_path)] == [0]


@pytest.fixture(scope="module")
def tested(detector, trained, planes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    said = run(
        command(
            detector,
            "test",
            path_voc_test=planes,
            path_model=trained[0],
            path_testing_folder=folder,
            bool_draw=1,
        )
    )
    return folder, said, json.loads((folder / "results.json").read_text())


def test_results_hold_all_that_was_measured(tested):
    folder, said, results = tested
    assert results.keys() == RESULTS
    assert results["images"] >= 1 and results["objects"] >= results["images"]
    assert results["trunk"] == trunk_identity(DEFAULT_PATH).to_json()
    assert results["weights"]["sha256"]
    assert results["quirks"] == [] and results["seed"] == 0
    parts = ("agent", "random", "centre", "upper_bound")
    assert unexplained(results, "results.json of the detectors", parts) == set()
    assert results["settings"]["scale_subregion"] == 0.75
    for name in ("agent", "random", "centre", "upper_bound"):
        numbers = results[name]
        for share in [
            *numbers["paper"].values(),
            *numbers["voc"].values(),
            *numbers["precision_recall"]["recall"],
            *numbers["precision_recall"]["precision"],
        ]:
            assert 0 <= share <= 1
        histogram = numbers["regions_per_object_histogram"]
        found = round(numbers["paper"]["recall"] * results["images"])
        assert sum(histogram) == found
        assert name.replace("_", " ") in said
    best = results["upper_bound"]["paper"]
    assert best["recall"] >= results["agent"]["paper"]["recall"]
    page = read_page(folder / "report.html")
    assert page["rows"][0][0] == "agent"
    assert page["rows"][0][1].startswith(f"{results['agent']['paper']['ap']:.3f}")
    for plot in page["plots"]:
        names = [line["name"] for line in plot["lines"]]
        assert names == ["agent", "random", "centre", "upper bound"]
    recall = results["random"]["precision_recall"]["recall"]
    assert page["plots"][0]["lines"][1]["x"] == pytest.approx(recall, abs=1e-4)
    assert len(page["items"]) == len(page["images"]) == results["images"]
    assert all((folder / item["strip"]).is_file() for item in page["items"])
    curves = "precision_recall regions_per_object accuracy_over_iou"
    for name in f"{curves} recall_after_regions".split():
        assert (folder / f"{name}.png").stat().st_size > 5_000
    assert len(list(folder.glob("*_search_0.png"))) == results["images"]


def test_cocos_evaluator_takes_what_a_test_writes(tested, tmp_path):
    evaluators = pytest.importorskip("pycocotools.cocoeval", reason="the extra dev")
    from pycocotools.coco import COCO

    folder, _, results = tested
    truth = COCO(folder / "ground_truth.json")
    assert len(truth.imgs) == results["images"]
    assert len(truth.anns) == results["objects"]
    found = json.loads((folder / "detections.json").read_text())
    assert len(found) == results["agent"]["triggers"]
    whole = [{"image_id": i, "category_id": 1, "score": 0.0} for i in truth.imgs]
    for one in whole:  # an agent trained so little may never trigger
        image = truth.imgs[one["image_id"]]
        one["bbox"] = [0, 0, image["width"], image["height"]]
    evaluator = evaluators.COCOeval(truth, truth.loadRes(found or whole), "bbox")
    evaluator.evaluate()
    evaluator.accumulate()
    evaluator.summarize()
    if found:
        assert evaluator.stats[0] == pytest.approx(results["agent"]["coco"]["ap"])
    names = {image["file_name"] for image in truth.imgs.values()}
    assert {f"{path.stem}_search_0.png" for path in map(Path, names)} == {
        path.name for path in folder.glob("*_search_0.png")
    }


@one_detector
@pytest.mark.parametrize("on_device", [0, 1])
def test_the_same_test_gives_the_same_results(
    detector, on_device, tested, trained, planes, tmp_path, run_here
):
    flags = {"path_voc_test": planes, "path_model": trained[0], "on_device": on_device}
    run_here(command(detector, "test", path_testing_folder=tmp_path, **flags))
    again = json.loads((tmp_path / "results.json").read_text())
    for name in ("agent", "random", "centre", "upper_bound"):
        times = {"seconds_per_image": None}
        assert again[name] | times == tested[2][name] | times


def test_pictures_without_annotations_are_searched(
    detector, trained, planes, tmp_path, run_here
):
    pictures = sorted((planes / "JPEGImages").iterdir())[:2]
    words = command(
        detector,
        "test",
        path_model=trained[0],
        path_testing_folder=tmp_path,
        only_first_object=0,
        explore=1,
    )
    run_here([*words, "--number_of_steps", "3", "--images", *map(str, pictures)])
    found = json.loads((tmp_path / "searches.json").read_text())["images"]
    assert [image["image"] for image in found] == [str(path) for path in pictures]
    strips = list(tmp_path.glob("*_search_*.png"))
    page = read_page(tmp_path / "report.html")
    assert {item["strip"] for item in page["items"]} == {path.name for path in strips}
    assert page["rows"] == [] and page["outcomes"] != []
    # With three steps a search comes to two movements at most.
    explored = [len(item["explored"]) for item in page["items"]]
    assert sorted(explored, reverse=True)[:2] == [1 + 5 + 25, 0]
    assert len(strips) == sum(len(image["detections"]) for image in found)
    load = import_module(detector).Detector.load
    loaded = load(trained[0], only_first_object=0, number_of_steps=3)
    for image, result in zip(found, loaded.search(pictures), strict=True):
        for detection, search in zip(image["detections"], result.searches, strict=True):
            assert detection["trigger_q_value"] == search.score
            assert list(detection["box"].values()) == [
                search.box[at] for at in (1, 0, 3, 2)
            ]
    for image in found:
        for detection in image["detections"]:
            box = detection["box"]
            assert 0 <= box["xmin"] < box["xmax"] <= image["width"]
            assert 0 <= box["ymin"] < box["ymax"] <= image["height"]
            assert np.isfinite(detection["trigger_q_value"])
            assert set(detection["path"]) <= set(range(1, 7))
            assert detection["triggered"] == (detection["path"][-1:] == [6])
    assert json.loads((tmp_path / "detections.json").read_text()) == [
        {
            "image_id": image["id"],
            "category_id": 1,
            "bbox": [*corner, right - corner[0], bottom - corner[1]],
            "score": one["trigger_q_value"],
        }
        for image in found
        for one in image["detections"]
        if one["triggered"]
        for corner in [[one["box"]["xmin"], one["box"]["ymin"]]]
        for right, bottom in [(one["box"]["xmax"], one["box"]["ymax"])]
    ]


@one_detector
def test_bad_files_are_skipped_and_listed_on_request(
    detector, trained, planes, tmp_path, run_here
):
    voc = tmp_path / "voc"
    shutil.copytree(planes, voc)
    listed = (voc / "ImageSets/Main/aeroplane_test.txt").read_text().splitlines()
    name = next(line.split()[0] for line in listed if line.split()[1] == "1")
    (voc / "JPEGImages" / f"{name}.jpg").write_bytes(b"\xff\xd8 not much")
    words = command(
        detector,
        "test",
        path_voc_test=voc,
        path_model=trained[0],
        path_testing_folder=tmp_path / "out",
    )
    with pytest.raises(SystemExit, match=f"^error: .*{name}.jpg"):
        run_here(words)
    pictures = command(
        detector, "test", path_model=trained[0], path_testing_folder=tmp_path / "p"
    )
    pictures += ["--skip_bad", "1", "--images", str(voc / f"JPEGImages/{name}.jpg")]
    with pytest.raises(SystemExit, match=f"none of 1 pictures .*{name}.jpg"):
        run_here(pictures)
    assert not (tmp_path / "out" / "results.json").exists()
    said = run_here([*words, "--skip_bad", "1"])
    assert "left out 1" in said and f"{name}.jpg" in said
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert len(results["skipped"]) == 1
