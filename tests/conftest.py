"""Fixtures that several test modules share: golden records and VGG-16 trunks."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import hdf5, hdf5_guard
from weights import DEFAULT_PATH
from weights.fetch import ensure_trunk
from weights.layouts import CONVOLUTIONS, Arrays

_HERE = Path(__file__).resolve().parent


def pytest_pycollect_makeitem(collector: Any, name: str, obj: Any) -> Any:
    """Collect what a module defines, not the programs' ``test`` that it imports."""
    is_imported = getattr(obj, "__module__", None) != collector.module.__name__
    return [] if is_imported else None


@pytest.fixture(autouse=True)
def _foreign_files_are_read_here(request, monkeypatch) -> None:
    """Spare each test that reads HDF5 files a process of a third of a second."""
    if "guard_process" not in request.fixturenames:
        monkeypatch.setattr(hdf5, "_fault_of", hdf5_guard.fault_of)


@pytest.fixture
def guard_process() -> None:
    """Have another process read foreign HDF5 files first, as for users."""


@pytest.fixture(scope="session")
def golden() -> Callable[[str], Any]:
    """Load a golden record by its name without ``.json``."""
    folder = Path(os.environ.get("GOLDEN_DIR", _HERE / "golden"))
    return lambda name: json.loads((folder / f"{name}.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def golden_image() -> Callable[[dict], np.ndarray]:
    """Draw the uint8 RGB image that a record of VGG-16's descriptors names by seed."""

    def draw(record: dict) -> np.ndarray:
        random = np.random.RandomState(record["image_seed"])
        height, width = record["height"], record["width"]
        blocks = random.randint(0, 224, (height // 16 + 1, width // 16 + 1, 3))
        image = np.kron(blocks, np.ones((16, 16, 1), int))[:height, :width]
        image = (image + random.randint(0, 32, (height, width, 3))).astype(np.uint8)
        assert image.sum() == record["image_sum"]
        return image

    return draw


@pytest.fixture(scope="session")
def imagenet_trunk() -> Path:
    """Return the default trunk, fetched once if need be: the suite's only download."""
    ensure_trunk(DEFAULT_PATH)
    return DEFAULT_PATH


@pytest.fixture(scope="session")
def random_layers() -> dict[str, Arrays]:
    """Draw a trunk of VGG-16's shapes whose features neither vanish nor explode."""
    random = np.random.default_rng(7)
    layers = {}
    for name, (inputs, outputs) in CONVOLUTIONS.items():
        kernel = random.standard_normal((3, 3, inputs, outputs), dtype=np.float32)
        kernel *= np.float32(np.sqrt(2 / (9 * inputs)))
        bias = random.standard_normal(outputs, dtype=np.float32)
        layers[name] = (kernel, bias)
    return layers


@pytest.fixture(scope="session")
def blank_layers() -> dict[str, Arrays]:
    """Return a trunk of zeros, for tests that its numbers do not matter to."""
    return {
        name: (np.zeros((3, 3, *channels), np.float32), np.zeros(channels[1], "f4"))
        for name, channels in CONVOLUTIONS.items()
    }
