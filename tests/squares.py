"""A data set of bright squares on dark grounds, and a detector that finds them."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from hierarchy import config, detector
from hierarchy.features import CachedFeatures, FeatureExtractor
from hierarchy.images import resize


def write_squares(
    folder: Path, trainval: int, test: int, name="aeroplane", sides=(48, 90)
) -> None:
    """Write the data set in the layout of VOC; sides are in pixels of 96."""
    rng = np.random.default_rng(0)
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for split, count in (("trainval", trainval), ("test", test)):
        images = [f"{name}_{split}_{number}" for number in range(count)]
        for image in images:
            side = int(rng.integers(*sides))
            top, left = (int(at) for at in rng.integers(0, 96 - side + 1, 2))
            pixels = np.full((96, 96, 3), rng.integers(0, 60), np.uint8)
            pixels[top : top + side, left : left + side] = rng.integers(180, 256)
            Image.fromarray(pixels).save(folder / "JPEGImages" / f"{image}.png")
            corners = zip(
                ("ymin", "xmin", "ymax", "xmax"),
                (top + 1, left + 1, top + side, left + side),
                strict=True,
            )
            box = "".join(f"<{corner}>{at}</{corner}>" for corner, at in corners)
            (folder / "Annotations" / f"{image}.xml").write_text(
                "<annotation><size><width>96</width><height>96</height></size>"
                f"<object><name>{name}</name><bndbox>{box}</bndbox></object>"
                "</annotation>"
            )
        lines = "".join(f"{image} 1\n" for image in images)
        (folder / f"ImageSets/Main/{name}_{split}.txt").write_text(lines)


class Brightness(FeatureExtractor):
    """Mean brightness of the 3×3 parts of a region."""

    size = 9
    fingerprint = {"features": "brightness"}

    def __call__(self, images, regions):
        views = zip(images, regions, strict=True)
        pixels = np.stack([resize(image.crop(box), 96, 96) for image, box in views])
        parts = pixels.reshape(len(pixels), 3, 32, 3, 32, 3)
        return parts.mean(axis=(2, 4, 5), dtype=np.float32).reshape(-1, 9) / 255


@dataclass(frozen=True)
class TrainSettings(config.TrainSettings):
    detector: ClassVar[str] = "brightness"


@dataclass(frozen=True)
class TestSettings(config.TestSettings):
    __test__ = False
    detector: ClassVar[str] = "brightness"


class Detector(detector.Detector):
    settings_class = TestSettings

    @staticmethod
    def make_features(settings):
        return CachedFeatures(Brightness(), settings.cache_bytes)


def train(settings):
    """Train the detector."""
    from hierarchy.train import train

    train(settings, lambda _: Brightness())


def measure(settings):
    """Test the detector."""
    from hierarchy.test import test

    test(settings, lambda _: Brightness())
