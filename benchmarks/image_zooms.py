"""image_zooms against the published program, and against the machine's lower bound."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.measuring import Measurement, seconds_of
from benchmarks.training_step import bench
from hierarchy.actions import CENTRE, PAPER_ACTIONS
from hierarchy.features import CachedFeatures
from hierarchy.images import SearchImage, resize
from hierarchy.regions import whole_image
from image_zooms.config import TrainSettings
from image_zooms.features import ImageZooms, make_features
from weights.vgg16 import load_trunk, trunk_input


def measure() -> Iterator[Measurement]:
    """Yield each comparison as it is made; some minutes on 2 cores."""
    settings = TrainSettings()
    with bench() as training:
        trunk, fingerprint = load_trunk(settings)
        extract = ImageZooms(trunk, fingerprint)
        image = SearchImage("image", training.images[0].pixels)

        def published_extract() -> None:
            trunk.predict(trunk_input(resize(image.pixels))[None], verbose=0)

        for dtype in ("float32", "bfloat16"):
            features = make_features(replace(settings, trunk_dtype=dtype))
            yield from training.training_step(features, published_extract, dtype)
        yield _extracting_again(extract, image)
        yield _in_bfloat16(settings, extract, image)
        yield training.update_over_floor()


def _in_bfloat16(
    settings: TrainSettings, extract: ImageZooms, image: SearchImage
) -> Measurement:
    """Compare a pass through VGG-16 in bfloat16 with one in float32."""
    half = ImageZooms(*load_trunk(replace(settings, trunk_dtype="bfloat16")))
    regions = [whole_image(*image.size)]
    pair = [one([image], regions) for one in (extract, half)]
    error = np.linalg.norm(pair[1] - pair[0]) / np.linalg.norm(pair[0])
    return Measurement(
        "describe_bfloat16",
        seconds_of(lambda: half([image], regions), 10),
        seconds_of(lambda: extract([image], regions), 10),
        "s",
        "one region through VGG-16 in bfloat16 against float32; the descriptor then"
        f" differs by {error:.1%} of its length",
    )


def _extracting_again(extract: ImageZooms, image: SearchImage) -> Measurement:
    """Compare a region seen before with one that is new."""
    region = PAPER_ACTIONS.apply(CENTRE, whole_image(*image.size), 3 / 4)
    cached = CachedFeatures(extract, int(1e9))
    return Measurement(
        "describe_again",
        seconds_of(lambda: cached([image], [region]), 200),
        seconds_of(lambda: extract([image], [region]), 10),
        "s",
        "descriptor of a region seen before against one pass through VGG-16",
    )
