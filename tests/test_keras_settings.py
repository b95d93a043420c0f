"""Keras set otherwise on the user's machine: the same numbers, or one line."""

import csv
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import h5py
import pytest

from common import backend, command_line
from common.errors import InputError

ROOT = Path(__file__).parents[1]

THEANO = {"image_dim_ordering": "th", "epsilon": 1e-7, "backend": "theano"}
"""As Keras 1 wrote it."""


@pytest.fixture
def keras_json(tmp_path, monkeypatch):
    """A machine of which nothing but a file, to be written, tells how Keras is set."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(backend, "_is_installed", lambda name: name == "tensorflow")
    return tmp_path / "keras.json"


def refusal():
    with pytest.raises(InputError) as caught:
        backend.check_settings()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_machine_that_says_nothing_or_what_keras_says_by_itself(keras_json):
    backend.check_settings()
    assert not keras_json.exists()
    own = {"floatx": "float32", "epsilon": 1e-7, "backend": "tensorflow"}
    keras_json.write_text(json.dumps(own))
    backend.check_settings()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("theano", "theano; expected tensorflow, jax or torch (installed: tensorflow)"),
        ("jax", "jax, which is not installed; expected tensorflow, jax or torch"),
        ("TensorFlow", "TensorFlow; expected tensorflow, jax or torch"),
        ("numpy", "numpy; expected tensorflow, jax or torch"),
    ],
)
def test_a_backend_that_cannot_be_is_named_with_where_it_stands(
    name, words, keras_json, monkeypatch
):
    keras_json.write_text(json.dumps(THEANO | {"backend": name}))
    line = refusal()
    assert line.startswith(f"{keras_json}: backend is {words}")
    assert line.endswith("KERAS_BACKEND=NAME chooses one whatever the file says")
    monkeypatch.setenv("KERAS_BACKEND", name)
    assert refusal().startswith(f"KERAS_BACKEND is {words}")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    backend.check_settings()


def test_no_backend_at_all(keras_json, monkeypatch):
    monkeypatch.setattr(backend, "_is_installed", lambda name: False)
    line = refusal()
    assert "tensorflow, which is not installed" in line and "none of them" in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"floatx": "bfloat16"}', "floatx is bfloat16; expected float16 or float32"),
        ('{"image_data_format": "tf"}', "image_data_format is tf; expected channels_"),
        ('{"epsilon": 1}', "epsilon is 1; expected a number such as 1e-07"),
        ('{"epsilon": null}', "epsilon is None; expected"),
        ("[1]", "is no JSON object; expected Keras's settings, or no such file"),
    ],
)
def test_what_keras_does_not_start_with_is_named(content, words, keras_json):
    keras_json.write_text(content)
    assert refusal().startswith(f"{keras_json}: {words}")


def test_a_file_that_keras_passes_over_is_passed_over(keras_json, capsys):
    for content in (b"{'floatx': ", b"\xff\xfe\0"):
        keras_json.write_bytes(content)
        backend.check_settings()
        assert f"{keras_json} is no JSON" in capsys.readouterr().out
    keras_json.write_bytes(b"")  # Keras may be writing it
    backend.check_settings()
    assert capsys.readouterr().out == ""


def test_a_file_that_cannot_be_read_is_named(keras_json):
    keras_json.mkdir()
    assert refusal() == f"{keras_json}: cannot be read: Is a directory"


def test_the_file_is_where_keras_looks_for_it(tmp_path, monkeypatch):
    from keras.src.backend import config  # the only place that tells

    if "KERAS_HOME" in os.environ:
        assert backend.keras_json() == Path(config.keras_home(), "keras.json")
        monkeypatch.delenv("KERAS_HOME")
    else:
        assert backend.keras_json() == Path(config.keras_home(), "keras.json")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert backend.keras_json() == tmp_path / ".keras" / "keras.json"
    monkeypatch.setenv("HOME", str(tmp_path / "none"))
    assert backend.keras_json() == Path("/tmp/.keras/keras.json")


# --- programs ---------------------------------------------------------------------


def start(*words, **variables):
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env=os.environ | {name: str(value) for name, value in variables.items()},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("image_zooms/train.py",),
        ("-m", "weights.convert", "a.h5", "b.weights.h5"),
        ("-m", "glimpse_rnn.average"),
    ],
)
def test_programs_say_it_in_one_line(words, tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps(THEANO))
    variables = {"KERAS_HOME": tmp_path, "KERAS_BACKEND": ""}
    process = start(*words, **variables)
    assert process.returncode == 1
    (line,) = process.stderr.strip().splitlines()
    assert line.startswith(f"error: {tmp_path}/keras.json: backend is theano; expected")
    process = start(*words, **variables | {"KERAS_BACKEND": "tensorflwo"})
    (line,) = process.stderr.strip().splitlines()
    assert line.startswith("error: KERAS_BACKEND is tensorflwo; expected tensorflow")


@pytest.mark.slow
def test_no_program_loads_keras_before_it_can_say_what_is_wrong(tmp_path):
    (tmp_path / "keras.py").write_text("raise RuntimeError('too early')")
    programs = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted(ROOT.glob("*/*.py"))
        if '__name__ == "__main__"' in path.read_text(encoding="utf-8")
        and path.parent.name not in ("tests", "examples")  # of others' libraries
    ]
    assert {"image_zooms.train", "glimpse_rnn.test", "weights.convert"} < {*programs}
    lines = "".join(f"import {program}\n" for program in programs)
    process = start("-c", lines, PYTHONPATH=tmp_path)
    assert process.returncode == 0, process.stderr


SEARCH = {"number_of_steps": 2, "batch_size": 2, "buffer_experience_replay": 3}
SEARCH |= {"learning_rate": 1e-3}
GLIMPSE = {"image_size": 32, "radius": 4, "bandwidth": 8, "levels": 2, "glimpses": 2}
GLIMPSE |= {"state_size": 16, "batch_size": 4, "validation": 0.25}


def runs(planes, cars, out):
    """Train and test all three models, as programs do, into a folder."""
    models, tested = out / "models", out / "tested"
    flags = SEARCH | {"path_voc": planes, "epochs": 1}
    yield "image_zooms.train", flags | {"path_model": models / "image_zooms"}
    where = {"path_model": models / "pool45_crops"}
    yield "pool45_crops.train", flags | where
    where |= {"path_testing_folder": tested / "pool45_crops"}
    yield "pool45_crops.test", where | {"path_voc_test": planes}
    where = {"path_model": models / "glimpse_rnn", "path_data": cars}
    yield "glimpse_rnn.train", GLIMPSE | where | {"epochs": 2}
    where |= {"path_testing_folder": tested / "glimpse_rnn", "samples": 1}
    yield "glimpse_rnn.test", where | {"controls": 1, "control_epochs": 1}


def run_all(planes, cars, out):
    for name, flags in runs(Path(planes), Path(cars), Path(out)):
        package, script = name.split(".")
        command_line.run(
            import_module(name).main,
            getattr(import_module(f"{package}.config"), f"{script.title()}Settings"),
            [f"--{flag}={value}" for flag, value in flags.items()],
        )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    from datasets.drawn.cars import draw_cars
    from datasets.drawn.planes import draw_planes

    folder = tmp_path_factory.mktemp("drawn")
    draw_planes(folder / "planes", trainval=1, test=1)
    draw_cars(folder / "cars", train=8, test=2)
    return folder / "planes", folder / "cars"


def arrays_of(folder):
    """All arrays in a folder's weight files, by file and name."""
    found = {}
    for path in sorted(folder.rglob("*.weights.h5")):
        names = []
        with h5py.File(path) as file:
            file.visit(names.append)
            for name in names:
                if isinstance(file[name], h5py.Dataset):
                    found[f"{path.relative_to(folder)} {name}"] = file[name][...]
    return found


def numbers_of(folder):
    """What logs and results say, but for times and places."""
    found = {}
    for path in sorted(folder.rglob("log.csv")):
        with open(path, newline="") as file:
            for number, row in enumerate(csv.DictReader(file)):
                for name, value in row.items():
                    if "second" not in name:
                        found[f"{path.relative_to(folder)} {number} {name}"] = value
    for path in sorted(folder.rglob("results.json")):
        results = json.loads(path.read_text())
        for name in ("agent", "upper_bound", "mean_policy", "controls", "cases"):
            value = results.get(name)
            if isinstance(value, dict):
                value.pop("seconds_per_image", None)
            found[f"{path.relative_to(folder)} {name}"] = value
    return found


@pytest.mark.slow
def test_all_models_come_to_the_same_numbers(drawn, tmp_path):
    """This process's Keras is set as Keras sets itself, the other's in no way so."""
    run_all(*drawn, tmp_path / "here")
    home = tmp_path / "keras"
    home.mkdir()
    settings = {"image_data_format": "channels_first", "floatx": "float16"}
    settings |= {"epsilon": 0.1, "backend": backend.keras.config.backend()}
    (home / "keras.json").write_text(json.dumps(settings))
    words = ["-c", RUN_ALL, ROOT / "tests", *drawn, tmp_path / "there"]
    debugging = {"KERAS_MAX_EPOCHS": 1, "KERAS_MAX_STEPS_PER_EPOCH": 1}
    process = start(*words, KERAS_HOME=home, **debugging)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "float16 channels_first 0.1"
    here, there = arrays_of(tmp_path / "here"), arrays_of(tmp_path / "there")
    assert list(here) == list(there) and len(here) > 50
    for name, array in here.items():
        assert array.dtype == there[name].dtype and (array == there[name]).all(), name
    assert numbers_of(tmp_path / "here") == numbers_of(tmp_path / "there")


RUN_ALL = """
import sys
sys.path.insert(0, sys.argv[1])
import test_keras_settings
test_keras_settings.run_all(*sys.argv[2:])
from keras.src.backend import config  # which remembers what it read in the file
print(config._floatx, config._image_data_format, config._epsilon)
"""
