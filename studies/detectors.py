"""The detectors by name, for what runs either."""

from typing import TYPE_CHECKING, Literal

from hierarchy.config import SharedSettings, TestSettings, TrainSettings
from image_zooms import config as image_zooms
from pool45_crops import config as pool45_crops

if TYPE_CHECKING:
    from hierarchy.features import FeatureExtractor, MakeFeatures

Name = Literal["image_zooms", "pool45_crops"]

TRAIN_SETTINGS: dict[str, type[TrainSettings]] = {
    "image_zooms": image_zooms.TrainSettings,
    "pool45_crops": pool45_crops.TrainSettings,
}
TEST_SETTINGS: dict[str, type[TestSettings]] = {
    "image_zooms": image_zooms.TestSettings,
    "pool45_crops": pool45_crops.TestSettings,
}


def make_features(settings: SharedSettings) -> "FeatureExtractor":
    """Return the features of the detector that settings are of; loads Keras.

    Raises:
        InputError: the detector's weights cannot be used.
    """
    from image_zooms import features as of_image_zooms
    from pool45_crops import features as of_pool45_crops

    makers: dict[str, MakeFeatures] = {
        "image_zooms": of_image_zooms.make_features,
        "pool45_crops": of_pool45_crops.make_features,
    }
    return makers[settings.detector](settings)
