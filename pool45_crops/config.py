"""Settings of pool45_crops: the shared ones, and where its models go."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from common.files import REPOSITORY
from hierarchy import config

MODELS = REPOSITORY / "models_pool45_crops"


@dataclass(frozen=True)
class TrainSettings(config.TrainSettings):
    """Train pool45_crops: an agent that zooms into the feature maps of an image."""

    detector: ClassVar[str] = "pool45_crops"
    path_model: Path = MODELS
    """Where checkpoints and log.csv go."""


@dataclass(frozen=True)
class TestSettings(config.TestSettings):
    """Test pool45_crops: measure a trained agent, or search pictures of one's own."""

    detector: ClassVar[str] = "pool45_crops"
    path_model: Path = MODELS
    """Where training put the checkpoints."""
