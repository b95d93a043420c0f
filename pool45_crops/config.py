"""Settings of pool45_crops: the shared ones, where its models go, and its own rows."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from common.files import REPOSITORY
from hierarchy import config
from hierarchy.search import SearchRules

MODELS = REPOSITORY / "models_pool45_crops"

SMALLEST_IMAGE = 32
"""Pixels each way of an image of which block5_pool has one cell."""


@dataclass(frozen=True)
class TrainSettings(config.TrainSettings):
    """Train pool45_crops: an agent that looks once, and zooms into what it saw."""

    detector: ClassVar[str] = "pool45_crops"
    smallest_image: ClassVar[int] = SMALLEST_IMAGE
    path_model: Path = MODELS
    """Where checkpoints and log.csv go."""

    @property
    def rules(self) -> SearchRules:
        """How to search; FIDELITY.md row pool45_history."""
        rules = super().rules
        return replace(rules, records_trigger=not rules.quirks.pool45_history)

    @property
    def keeps_maps(self) -> bool:
        """Whether painting leaves the maps alone; FIDELITY.md row pool45_masking."""
        return self.rules.quirks.pool45_masking


@dataclass(frozen=True)
class TestSettings(config.TestSettings):
    """Test pool45_crops: measure a trained agent, or search pictures of one's own."""

    detector: ClassVar[str] = "pool45_crops"
    smallest_image: ClassVar[int] = SMALLEST_IMAGE
    path_model: Path = MODELS
    """Where training put the checkpoints."""
    keeps_maps: ClassVar[bool] = False
    """Whether painting leaves the maps alone; not in the published test either."""
