"""image_zooms against the published way, and against the machine's floor."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks.measuring import Measurement, seconds_of
from benchmarks.training_step import bench
from hierarchy.features import CachedFeatures, load_trunk, trunk_input
from hierarchy.images import Picture, resize
from hierarchy.regions import CENTRE, whole_image, zoom
from image_zooms.config import TrainSettings
from image_zooms.features import ImageZooms, make_features


def measure() -> Iterator[Measurement]:
    """Yield each comparison as it is made; some minutes on 2 cores."""
    settings = TrainSettings()
    with bench() as training:
        trunk = load_trunk(settings)
        picture = SearchImage("image", training.images[0].pixels)

        def published_describe() -> None:
            trunk.predict(trunk_input(resize(picture.pixels))[None], verbose=0)

        for dtype in ("float32", "bfloat16"):
            describer = make_features(replace(settings, trunk_dtype=dtype))
            yield from training.training_step(describer, published_describe, dtype)
        yield _describing_again(ImageZooms(trunk), picture)
        yield _in_bfloat16(settings, ImageZooms(trunk), picture)
        yield training.update_over_floor()


def _in_bfloat16(
    settings: TrainSettings, describer: ImageZooms, picture: Picture
) -> Measurement:
    """Compare a pass through VGG-16 in bfloat16 with one in float32."""
    half = load_trunk(replace(settings, trunk_dtype="bfloat16"))
    half_describer = ImageZooms(half)
    regions = [whole_image(*picture.size)]
    pair = [d.describe([picture], regions) for d in (describer, half_describer)]
    error = np.linalg.norm(pair[1] - pair[0]) / np.linalg.norm(pair[0])
    return Measurement(
        "describe_bfloat16",
        seconds_of(lambda: half_describer.describe([picture], regions), 10),
        seconds_of(lambda: describer.describe([picture], regions), 10),
        "s",
        "one region through VGG-16 in bfloat16 against float32; the descriptor then"
        f" differs by {error:.1%} of its length",
    )


def _describing_again(describer: ImageZooms, picture: Picture) -> Measurement:
    """Compare a region seen before with one that is new."""
    region = zoom(whole_image(*picture.size), CENTRE, 3 / 4)
    cached = CachedFeatures(describer, int(1e9))
    return Measurement(
        "describe_again",
        seconds_of(lambda: cached.describe([picture], [region]), 200),
        seconds_of(lambda: describer.describe([picture], [region]), 10),
        "s",
        "descriptor of a region seen before against one pass through VGG-16",
    )
