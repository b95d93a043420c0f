"""image_zooms: VGG-16 sees the pixels of every region, resized to 224×224."""

from typing import TYPE_CHECKING, Any

from hierarchy import detector
from image_zooms.config import TestSettings

if TYPE_CHECKING:
    from hierarchy.features import FeatureExtractor

__all__ = ["Detector"]


class Detector(detector.Detector):
    """A trained agent of image_zooms, for Python programs; see docs/python.md."""

    settings_class = TestSettings

    @staticmethod
    def make_features(settings: Any) -> "FeatureExtractor":
        """Return the features that the settings ask for; loads Keras."""
        from image_zooms.features import make_features

        return make_features(settings)
