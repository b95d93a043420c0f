"""Settings of image_zooms: the shared ones, and where its models go."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from common.files import REPOSITORY
from hierarchy import config

MODELS = REPOSITORY / "models_image_zooms"

FOREIGN_ROWS = ("layout", "widened_regions", "pool45_history", "pool45_masking")
"""Rows of FIDELITY.md that concern feature maps, of which there are none here."""


@dataclass(frozen=True)
class TrainSettings(config.TrainSettings):
    """Train image_zooms: an agent that zooms into images until it finds an object."""

    detector: ClassVar[str] = "image_zooms"
    foreign_rows: ClassVar[tuple[str, ...]] = FOREIGN_ROWS
    path_model: Path = MODELS
    """Where checkpoints and log.csv go."""


@dataclass(frozen=True)
class TestSettings(config.TestSettings):
    """Test image_zooms: measure a trained agent, or search pictures of one's own."""

    detector: ClassVar[str] = "image_zooms"
    foreign_rows: ClassVar[tuple[str, ...]] = FOREIGN_ROWS
    path_model: Path = MODELS
    """Where training put the checkpoints."""
