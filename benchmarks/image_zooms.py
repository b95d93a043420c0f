"""image_zooms against the published way, and against the machine's floor."""

from collections.abc import Iterator

from benchmarks.measuring import Measurement, seconds_of
from benchmarks.training_step import bench
from hierarchy.description import CachedDescriber, load_trunk, vgg_input
from hierarchy.pictures import Picture, resize
from hierarchy.regions import CENTRE, whole_image, zoom
from image_zooms.config import TrainSettings
from image_zooms.features import ImageZoomsDescriber, make_describer


def measure() -> Iterator[Measurement]:
    """Yield each comparison as it is made; some minutes on 2 cores."""
    settings = TrainSettings()
    with bench() as training:
        trunk = load_trunk(settings)
        picture = Picture("image", training.images[0].pixels)
        yield from training.training_step(
            make_describer(settings),
            lambda: trunk.predict(vgg_input(resize(picture.pixels))[None], verbose=0),
        )
        yield _describing_again(ImageZoomsDescriber(trunk), picture)
        yield training.update_over_floor()


def _describing_again(describer: ImageZoomsDescriber, picture: Picture) -> Measurement:
    """Compare a region seen before with one that is new."""
    region = zoom(whole_image(*picture.size), CENTRE, 3 / 4)
    cached = CachedDescriber(describer, int(1e9))
    return Measurement(
        "describe_again",
        seconds_of(lambda: cached.describe([picture], [region]), 200),
        seconds_of(lambda: describer.describe([picture], [region]), 10),
        "s",
        "descriptor of a region seen before against one pass through VGG-16",
    )
