"""What time and memory grow with: image size, number of images, glimpses, batch.

A ratio near 1 says that something does not matter, near the factor that it costs as
much more, above it that it does not scale.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from benchmarks.glimpse_rnn import random_images
from benchmarks.measuring import Measurement, in_turns
from common.memory import tune_malloc
from datasets.drawn.planes import draw_planes
from glimpse_rnn.config import TrainSettings as GlimpseSettings
from glimpse_rnn.model import get_model
from hierarchy.actions import PAPER_ACTIONS
from hierarchy.features import FeatureExtractor
from hierarchy.images import SearchImage
from hierarchy.regions import whole_image
from image_zooms.config import TrainSettings as ZoomSettings
from image_zooms.features import make_features as make_zoom_features
from pool45_crops.config import TrainSettings as PoolSettings
from pool45_crops.features import make_features as make_pool_features
from weights.fetch import ensure_trunk

VOC_SIZE = 375, 500
ROUNDS = 3
FEW, MANY = 8, 32
"""Images that memory is compared on."""
TRAINING = (
    "-n 0 --epochs 1 --number_of_steps 3 --batch_size 16 --learning_starts 16"
    " --buffer_experience_replay 32 --cache_gb 0.01"
)

LAUNCHER = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Starts a process from one that is small itself: a process counts as large as the one
that it was split from."""


def measure() -> Iterator[Measurement]:
    """Yield each comparison as it is made; some minutes on 2 cores."""
    tune_malloc()
    ensure_trunk(ZoomSettings().path_vgg)
    for detector in ("image_zooms", "pool45_crops"):
        yield _memory(detector)
    yield from _by_image_size()
    for name, larger in (
        ("glimpses", {"glimpses": 16}),
        ("batch", {"batch_size": 128}),
        ("image_size", {"image_size": 512}),
    ):
        yield _glimpse_training(name, larger)


def _by_image_size() -> Iterator[Measurement]:
    """Compare describing five regions of an image and of one of twice its sides."""
    zooms = make_zoom_features(ZoomSettings())
    pool = make_pool_features(PoolSettings())
    for detector, extract in (("image_zooms", zooms), ("pool45_crops", pool)):
        large, small = in_turns(
            [partial(_extract_five, extract, factor) for factor in (2, 1)], ROUNDS
        )
        yield Measurement(
            f"{detector}_image_size_growth",
            large,
            small,
            "s",
            "five regions of a new image of 750×1000 pixels against 375×500",
        )


def _extract_five(extract: FeatureExtractor, factor: int) -> None:
    """Extract features of the regions one below a new image, larger than VOC's."""
    height, width = (factor * side for side in VOC_SIZE)
    generator = np.random.default_rng(factor)
    pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    whole = whole_image(height, width)
    regions = [PAPER_ACTIONS.apply(n, whole, 3 / 4) for n in PAPER_ACTIONS.moves]
    image = SearchImage(uuid4().hex, pixels)
    extract([image] * len(regions), regions)


def _glimpse_training(name: str, larger: dict[str, Any]) -> Measurement:
    """Compare an update of the paper's best model with one of a larger setting."""
    small = GlimpseSettings()
    works: list[Callable[[], Any]] = []
    for settings in (replace(small, **larger), small):
        model = get_model(settings)
        images, targets = random_images(
            settings, settings.batch_size, np.random.default_rng(0)
        )
        works.append(partial(model.train_on_batch, images, targets))
    ours, reference = in_turns(works, ROUNDS)
    changes = ", ".join(
        f"{field} {value} against {getattr(small, field)}"
        for field, value in larger.items()
        if value != getattr(small, field)
    )
    return Measurement(
        f"glimpse_rnn_{name}_growth",
        ours,
        reference,
        "s",
        f"an update of the paper's best model, {changes}",
    )


def _memory(detector: str) -> Measurement:
    """Compare the memory that a training on few and on more images takes at most."""
    with tempfile.TemporaryDirectory() as folder:
        planes = Path(folder) / "planes"
        draw_planes(planes, trainval=MANY, test=1)
        few, many = (
            _peak_gigabytes(detector, planes, Path(folder) / f"models_{n}", n)
            for n in (FEW, MANY)
        )
    return Measurement(
        f"{detector}_memory_growth",
        many,
        few,
        "GB",
        f"memory at most of a training on {MANY} images against {FEW}, with a cache of"
        " 0.01 GB, which either fills",
    )


def _peak_gigabytes(detector: str, planes: Path, models: Path, images: int) -> float:
    """Return what a training in a process of its own takes at most."""
    flags = f"{TRAINING} --max_images {images}".split()
    paths = ["--path_voc", str(planes), "--path_model", str(models)]
    command = [sys.executable, "-m", f"{detector}.train", *flags, *paths]
    found = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command],
        capture_output=True,
        text=True,
        check=True,
    )
    unit = 1 if sys.platform == "darwin" else 1024
    return int(found.stdout) * unit / 1e9
