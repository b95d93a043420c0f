"""Several workers train what one does."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from common.errors import InputError
from glimpse_rnn.distribution import Distribution, SharedAdam

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TOY = {
    "image_size": 32,
    "radius": 4,
    "bandwidth": 8,
    "levels": 2,
    "glimpses": 2,
    "state_size": 16,
    "batch_size": 8,
    "validation": 0.25,
    "epochs": 2,
}

needs_tensorflow = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="TensorFlow's own distribution"
)


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    from datasets.drawn.cars import draw_cars

    folder = tmp_path_factory.mktemp("cars")
    draw_cars(folder, train=24, test=1)
    return folder


ON_TWO_PROCESSORS = """
import runpy
import tensorflow as tf
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], halves
)
runpy.run_module("glimpse_rnn.train", run_name="__main__", alter_sys=True)
"""
"""A training in which TensorFlow takes the processor for two devices."""

ALONE = ("-m", "glimpse_rnn.train")


def start(cars, models, distribute="none", program=ALONE, **variables):
    flags = TOY | {"path_data": cars, "path_model": models, "distribute": distribute}
    words = [sys.executable, *program, "-n", "0"]
    words += [f"--{name}={value}" for name, value in flags.items()]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(words, cwd=ROOT, env=os.environ | variables, **pipes)


def free_addresses(number):
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    addresses = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return addresses


def rows_of(models):
    with open(models / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def weights_of(models):
    found = []
    with h5py.File(models / "model.weights.h5") as file:
        file.visititems(
            lambda _, item: found.append(item[()]) if hasattr(item, "shape") else None
        )
    return found


@pytest.fixture(scope="module")
def one(cars, tmp_path_factory):
    """Train on one device, and return the model folder."""
    models = tmp_path_factory.mktemp("one")
    alone = start(cars, models)
    said = alone.communicate(timeout=300)[0]
    assert alone.returncode == 0, said
    return models


def compare(one, two):
    """Compare two trainings: losses by epoch, then weights."""
    pair = rows_of(one), rows_of(two)
    assert len(pair[0]) == len(pair[1]) == 2
    for name in ("loss", "regression_loss", "policy_loss", "reward", "delta"):
        expected, found = ([float(row[name]) for row in rows] for rows in pair)
        assert found == pytest.approx(expected, abs=1e-4)
    pairs = zip(weights_of(one), weights_of(two), strict=True)
    assert all(np.allclose(a, b, atol=1e-4) for a, b in pairs)


@needs_tensorflow
def test_two_devices_reach_the_losses_of_one(cars, one, tmp_path):
    program = "-c", ON_TWO_PROCESSORS
    mirrored = start(cars, tmp_path, "mirrored", program)
    said = mirrored.communicate(timeout=300)[0]
    assert mirrored.returncode == 0, said
    compare(one, tmp_path)


def two_workers(cars, models, program=ALONE):
    """Train by two workers; return their exit codes and what they said."""
    cluster = {"worker": free_addresses(2)}
    workers = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": cluster, "task": task})
        workers.append(start(cars, models, "multi_worker", program, TF_CONFIG=config))
    said = [worker.communicate(timeout=300)[0] for worker in workers]
    return [worker.returncode for worker in workers], said


@needs_tensorflow
def test_two_workers_reach_the_losses_of_one(cars, one, tmp_path):
    codes, said = two_workers(cars, tmp_path)
    assert codes == [0, 0], said
    compare(one, tmp_path)


WITHOUT_OVERRIDE = """
import runpy
from glimpse_rnn.model import GlimpseRegressor
del GlimpseRegressor._maybe_symbolic_build
runpy.run_module("glimpse_rnn.train", run_name="__main__", alter_sys=True)
"""


@needs_tensorflow
def test_keras_3_15_cannot_build_symbolically_on_two_workers(cars, tmp_path):
    """Why a private method is overridden; where this fails, the override can go."""
    codes, said = two_workers(cars, tmp_path, ("-c", WITHOUT_OVERRIDE))
    assert codes == [1, 1]
    assert any("unsupported type" in text and "PerReplica" in text for text in said)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}',
    ],
)
@needs_tensorflow
def test_workers_that_are_not_named_are_asked_for(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG is .*; expected JSON"):
        Distribution("multi_worker")


def test_the_shared_optimizer_comes_back_from_its_settings():
    optimizer = SharedAdam(1e-3, global_clipnorm=0.5, replicas=2)
    again = SharedAdam.from_config(optimizer.get_config())
    assert again.global_clipnorm == optimizer.global_clipnorm == 0.25
    assert again.get_config() == optimizer.get_config()


def test_one_device_needs_nothing():
    distribution = Distribution("none")
    assert distribution.is_first and distribution.replicas == 1
    with distribution.scope():
        pass


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(InputError, match="distribute is mirrored, the backend jax"):
        Distribution("mirrored")
