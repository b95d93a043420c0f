"""pool45_crops: VGG-16 sees the image once; regions are pooled from its maps."""

from typing import TYPE_CHECKING, Any

from hierarchy import detector
from pool45_crops.config import TestSettings

if TYPE_CHECKING:
    from hierarchy.features import FeatureExtractor

__all__ = ["Detector"]


class Detector(detector.Detector):
    """A trained agent of pool45_crops, for Python programs; see docs/python.md."""

    settings_class = TestSettings

    @staticmethod
    def make_features(settings: Any) -> "FeatureExtractor":
        """Return the features that the settings ask for; loads Keras."""
        from pool45_crops.features import make_features

        return make_features(settings)
