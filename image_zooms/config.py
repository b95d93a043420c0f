"""Settings of image_zooms: the shared ones, and where its models go."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from common.files import REPOSITORY
from hierarchy import config
from weights.config import TrunkSettings

MODELS = REPOSITORY / "models_image_zooms"

INPUT_SIZE = 224
"""Pixels each way that a region is resized to for VGG-16."""


@dataclass(frozen=True)
class TrainSettings(config.TrainSettings, TrunkSettings):
    """Train image_zooms: an agent that zooms into images until it finds an object."""

    detector: ClassVar[str] = "image_zooms"
    path_model: Path = MODELS
    """Where checkpoints and log.csv go."""


@dataclass(frozen=True)
class TestSettings(config.TestSettings, TrunkSettings):
    """Test image_zooms: measure a trained agent, or search pictures of one's own."""

    detector: ClassVar[str] = "image_zooms"
    path_model: Path = MODELS
    """Where training put the checkpoints."""
