"""glimpse_rnn end to end: real processes on a few small drawn cars."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from documented import explained, unexplained
from killed import run_killed
from trunk_files import write_trunk

from common.images import read_image
from figures.glimpses import cases_of
from figures.runs import Results
from report.page import read_page
from weights.vgg16 import trunk_identity

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TRAIN, TEST = (ROOT / "glimpse_rnn" / f"{name}.py" for name in ("train", "test"))
TOY = {
    "image_size": 32,
    "radius": 4,
    "bandwidth": 8,
    "levels": 2,
    "glimpses": 2,
    "state_size": 16,
    "batch_size": 8,
    "validation": 0.25,
}


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    from datasets.drawn.cars import draw_cars

    folder = tmp_path_factory.mktemp("drawn cars")  # with a space
    draw_cars(folder, train=24, test=6)
    return folder


def command(script, **flags):
    return [sys.executable, str(script), *(f"--{k}={v}" for k, v in flags.items())]


def train(cars, models, n, epochs, **flags):
    flags = TOY | {"path_data": cars, "path_model": models} | flags
    return command(TRAIN, n=n, epochs=epochs, **flags)


def run(words):
    process = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr + process.stdout
    assert process.stderr == ""
    return process.stdout


def refused(words):
    """The one line with which a program says what is wrong."""
    process = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert process.returncode == 1, process.stderr + process.stdout
    (line,) = process.stderr.strip().splitlines()
    return line


def weights(path):
    """All arrays in a weight file, by name."""
    arrays = {}

    def take(name, item):
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[...]

    with h5py.File(path) as file:
        file.visititems(take)
    assert len(arrays) >= 10
    return arrays


def same(one, other):
    one, other = weights(one), weights(other)
    assert one.keys() == other.keys()
    return all((one[name] == other[name]).all() for name in one)


def log_of(models):
    with open(models / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(cars, tmp_path_factory):
    """Four epochs in one go."""
    models = tmp_path_factory.mktemp("models")
    said = run(train(cars, models, 0, 4, tensorboard=1, keep_best=1))
    return models, said


def test_training_leaves_checkpoints_and_a_log(trained):
    models, said = trained
    rows = log_of(models)
    assert rows[0].keys() <= explained("log.csv of glimpse_rnn")
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2, 3]
    for row in rows:
        parts = ("regression_loss", "policy_loss", "baseline_loss")
        total = sum(float(row[name]) for name in parts)
        assert float(row["loss"]) == pytest.approx(total, rel=1e-3)
        assert 0 <= float(row["reward"]) <= 1 and float(row["delta"]) > 0
        assert 0 <= float(row["edge_share"]) <= 1 and float(row["gradient_norm"]) > 0
        rates = [float(row[name]) for name in row if "validation_rate" in name]
        assert len(rates) == 5 and rates == sorted(rates) and rates[-1] <= 100
    for epoch in range(4):
        assert f"epoch {epoch}:" in said
    assert same(models / "model.weights.h5", models / "model_epoch_3.weights.h5")
    assert not same(models / "model.weights.h5", models / "model_epoch_2.weights.h5")
    assert list((models / "tensorboard").glob("events*"))
    scores = [sum(float(v) for k, v in row.items() if "on_rate" in k) for row in rows]
    best = f"model_epoch_{np.argmax(scores)}.weights.h5"
    assert same(models / "model_best.weights.h5", models / best)


def test_two_runs_give_the_weights_of_one(trained, cars, tmp_path):
    run(train(cars, tmp_path, 0, 2))
    # What it goes on with is in config.json.
    said = run(command(TRAIN, n=2, epochs=2, path_model=tmp_path))
    assert "going on from epoch 1, exactly as it ended" in said
    for epoch in range(4):
        name = f"model_epoch_{epoch}.weights.h5"
        assert same(trained[0] / name, tmp_path / name), name
    for one, other in zip(log_of(trained[0]), log_of(tmp_path), strict=True):
        for name in one.keys() - {"seconds", "images_per_second"}:
            assert one[name] == other[name], name


def finished(models):
    """The first epoch that a killed run left unfinished."""
    epoch = 0
    while (models / f"model_epoch_{epoch}.weights.h5").exists():
        epoch += 1
    return epoch


def test_a_run_killed_as_it_saves_ends_with_the_same_weights(trained, cars, tmp_path):
    """SIGKILL before a file appears: config.json, then four files in each epoch."""
    for moment in (1, 4, 7):
        epoch = finished(tmp_path)
        run_killed(train(cars, tmp_path, epoch, 4 - epoch), moment)
        assert finished(tmp_path) == epoch + moment // 5
    left = finished(tmp_path)
    if left < 4:
        run(command(TRAIN, n="auto", path_model=tmp_path))
    for epoch in range(4):
        name = f"model_epoch_{epoch}.weights.h5"
        assert same(trained[0] / name, tmp_path / name), name
    assert [int(row["epoch"]) for row in log_of(tmp_path)] == [0, 1, 2, 3]
    assert not list(tmp_path.glob(".partial-*"))


def wait_for(process, is_so):
    for _ in range(2400):
        if process.poll() is not None or is_so():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to that")


def test_what_does_not_fit_is_refused_in_one_line(trained, cars):
    models = trained[0]
    assert refused(train(cars, models, 7, 1)).endswith(f"{models}: 0, 1, 2, 3")
    line = refused(train(cars, models, 4, 1, state_size=8))
    assert "config.json: state_size was 16 in training, now it is 8" in line
    flags = {"path_model": models, "path_data": cars}
    line = refused(command(TEST, **flags, glimpses=8))
    assert "weights.h5: glimpses was 2 in training, now it is 8" in line
    line = refused(command(TEST, **flags, model_name="model_epoch_9"))
    assert line.endswith(f"{models}: 0, 1, 2, 3")


@pytest.fixture(scope="module")
def tested(trained, cars, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    flags = {"path_data": cars, "path_model": trained[0], "samples": 2}
    flags |= {"bool_draw": 1, "controls": 1, "control_epochs": 1}
    said = run(command(TEST, **flags, path_testing_folder=folder))
    return folder, said, json.loads((folder / "results.json").read_text())


def test_results_hold_all_that_was_measured(tested):
    folder, said, results = tested
    assert results["images"] == 6 and results["sampled"]["runs"] == 2
    controls = results["controls"]
    assert controls.keys() == {
        "constant",
        "centre",
        "random_glimpses",
        "whole_image",
    }
    for part in (
        results,
        results["mean_policy"],
        results["sampled"],
        *controls.values(),
    ):
        rates = part["detection_rate"]
        assert list(rates) == ["0.02", "0.04", "0.06", "0.08", "0.10"]
        assert 0 <= min(rates.values()) <= max(rates.values()) <= 100
        assert 0 < part["median_delta"] and 0 < part["mean_delta"]
        low, high = part["intervals"]["mean_delta"]
        assert low <= part["mean_delta"] <= high
        assert len(part["intervals"]["curve"]["rate"]) == len(part["curve"]["rate"])
    parts = ("mean_policy", "sampled", *(f"controls.{name}" for name in controls))
    assert unexplained(results, "results.json of glimpse_rnn", parts) == set()
    last = results["by_glimpses"][-1]
    assert last["glimpses"] == 2
    assert last["detection_rate"] == results["detection_rate"]
    assert results["weights"]["sha256"] and results["seconds_per_image"] > 0
    for name in ("best", "worst", "detection_rate", "rate_by_glimpses"):
        assert (folder / f"{name}.png").stat().st_size > 5_000
    assert len(list(folder.glob("*_run.png"))) == 6
    assert "mean policy" in said and "whole image" in said
    page = read_page(folder / "report.html")
    assert page["rows"][0][-2] == f"{results['median_delta']:.3f}"
    distances = [item["values"][0] for item in page["items"]]
    assert distances == sorted(distances, reverse=True) and len(distances) == 6
    assert distances[0] == max(case["distance"] for case in results["cases"])
    assert all((folder / item["strip"]).is_file() for item in page["items"])


def test_results_list_cases_that_figures_can_draw(tested, cars):
    folder, _, results = tested
    annotated = {}
    for line in (cars / "annotations.txt").read_text().splitlines():
        x, y, image, *_, box = line.split("|")
        _, top, _, bottom = map(int, box.split(","))
        annotated[Path(image).stem] = (float(y), float(x)), bottom - top + 1
    names = {case["image"]: Path(case["name"]).stem for case in results["cases"]}
    cases = cases_of(Results(folder / "results.json", results))
    assert len(cases) == len(names) == 6
    for case in cases:
        truth, height = annotated[names[case.image.relative_to(folder).as_posix()]]
        assert np.subtract(truth, case.truth) == pytest.approx(0.5, abs=0.01)
        offset = np.subtract(case.prediction, case.truth)
        assert case.distance == pytest.approx(np.hypot(*offset) / height, rel=1e-3)
        assert len(case.trajectory) == 2
        assert read_image(case.image).ndim == 3


def test_pictures_without_annotations_are_located_in(trained, cars, tmp_path):
    words = command(TEST, path_model=trained[0], path_testing_folder=tmp_path)
    run([*words, "--explore", "1", "--images", str(cars / "car_ims")])
    page = read_page(tmp_path / "report.html")
    assert [len(item["explored"]) for item in page["items"]] == [81] + [0] * 29
    assert page["outcomes"] == [{"key": "detection", "words": "located"}]
    found = json.loads((tmp_path / "rollouts.json").read_text())["images"]
    assert len(found) == 30 == len(list(tmp_path.glob("*_run.png")))
    for image in found:
        assert len(image["glimpses"]) == 2
        for place in image["glimpses"]:
            assert 0 <= place["x"] <= image["width"]
            assert 0 <= place["y"] <= image["height"]
        assert np.isfinite(list(image["keypoint"].values())).all()


def study(cars, folder, **flags):
    toy = [f"{name}={value}" for name, value in TOY.items()]
    words = [sys.executable, "-m", "studies.glimpses", "--study", "objective"]
    words += ["--path_studies", str(folder), "--budget", "small", "--epochs", "2"]
    words += [f"--{name}={value}" for name, value in flags.items()]
    words += ["--flags", f"path_data={cars}", *toy]
    return [*words, "--test_flags", f"path_data={cars}", "samples=1"]


def test_two_processes_share_a_study_and_one_may_die(cars, tmp_path):
    """The killed one's variant is taken over, and none is done twice."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    first = subprocess.Popen(study(cars, tmp_path), cwd=ROOT, **quiet)
    wait_for(first, lambda: list(tmp_path.rglob("model_epoch_0.weights.h5")))
    first.send_signal(signal.SIGKILL)
    first.wait()
    others = [
        subprocess.Popen(study(cars, tmp_path), cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [other.communicate(timeout=300)[0].decode() for other in others]
    assert [other.returncode for other in others] == [0, 0], said
    for variant in ("l1_seed_0", "l2_seed_0"):
        assert sum(text.count(f"{variant}: at work") for text in said) == 1
    table = tmp_path / "small" / "objective" / "objective.csv"
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["arm"] for row in rows] == ["l1", "l2"]
    assert [row["epochs"] for row in rows] == ["2", "2"]
    before = table.read_bytes()
    assert "at work" not in run_in_root(study(cars, tmp_path))
    assert table.read_bytes() == before


def run_in_root(words):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_a_training_that_fails_is_a_studys_failure_in_its_own_words(cars, tmp_path):
    words = study(cars, tmp_path)
    words[words.index("--test_flags") :] = ["nonsense=3"]
    process = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 1
    (line,) = process.stderr.strip().splitlines()
    assert "output.txt" in line and "nonsense" in line + _output_of(tmp_path)
    assert re.search(r"\w", line.partition("output.txt:")[2])


def _output_of(folder):
    return "".join(path.read_text() for path in folder.rglob("output.txt"))


@pytest.fixture(scope="module")
def trunk_file(tmp_path_factory, blank_layers):
    return write_trunk(tmp_path_factory.mktemp("trunk"), "keras_3", blank_layers)


def test_vgg16_looks_at_glimpses_and_results_name_it(cars, tmp_path, trunk_file):
    """Its blocks are in the checkpoint: no trunk is needed to test."""
    flags = {"glimpse_network": "vgg16", "vgg_blocks": 2, "path_vgg": trunk_file}
    run(train(cars, tmp_path, 0, 1, max_images=8, **flags))
    said = run(train(cars, tmp_path, 1, 1, max_images=8, **flags))
    assert "going on from epoch 0" in said
    assert "training on 8 images" in said and "6 more to validate on" in said
    words = command(TEST, path_model=tmp_path, path_data=cars, samples=1)
    said = run([*words, f"--path_testing_folder={tmp_path / 'tested'}"])
    assert "testing on 6 images" in said and "training on" not in said
    results = json.loads((tmp_path / "tested" / "results.json").read_text())
    assert results["trunk"] == trunk_identity(trunk_file).to_json()


def test_another_vgg16_than_trained_with_is_refused(
    cars, tmp_path, trunk_file, random_layers
):
    other = write_trunk(tmp_path, "keras_3", random_layers)
    names = [str(trunk_identity(path).fingerprint) for path in (trunk_file, other)]
    flags = {"glimpse_network": "vgg16", "vgg_blocks": 1, "max_images": 8}
    run(train(cars, tmp_path / "one", 0, 1, path_vgg=trunk_file, **flags))
    before = (tmp_path / "one" / "config.json").read_bytes()
    line = refused(train(cars, tmp_path / "one", 1, 1, path_vgg=other, **flags))
    assert "trunk was" in line and all(name in line for name in names)
    assert (tmp_path / "one" / "config.json").read_bytes() == before
    run(train(cars, tmp_path / "two", 0, 1, path_vgg=other, **flags))
    # Beside a config.json that is not theirs.
    weights = tmp_path / "one" / "other.weights.h5"
    shutil.copyfile(tmp_path / "two" / "model.weights.h5", weights)
    words = command(TEST, path_model=tmp_path / "one", path_data=cars, samples=1)
    line = refused([*words, "--model_name=other"])
    assert "trunk was" in line and all(name in line for name in names)


def test_glimpses_too_small_for_vgg16_are_refused(cars, tmp_path):
    flags = {"glimpse_network": "vgg16", "vgg_blocks": 4}
    line = refused(train(cars, tmp_path, 0, 1, **flags))
    assert "bandwidth is 8; expected at least 16" in line
    assert not list(tmp_path.iterdir())
