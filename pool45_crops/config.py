"""Settings of pool45_crops: the shared ones, where its models go, and its own rows."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from common.files import REPOSITORY
from hierarchy import config
from hierarchy.search import SearchSpec
from weights.config import TrunkSettings

MODELS = REPOSITORY / "models_pool45_crops"

SMALLEST_IMAGE = 32
"""Pixels each way of an image of which block5_pool has one cell."""


@dataclass(frozen=True)
class TrainSettings(config.TrainSettings, TrunkSettings):
    """Train pool45_crops: an agent that looks once, and zooms into what it saw."""

    detector: ClassVar[str] = "pool45_crops"
    path_model: Path = MODELS
    """Where checkpoints and log.csv go."""

    def search_spec(self, fill_colour: tuple[int, int, int]) -> SearchSpec:
        """Return how to search; FIDELITY.md row pool45_history."""
        spec = super().search_spec(fill_colour)
        return replace(spec, records_trigger=not spec.quirks.pool45_history)

    @property
    def keeps_maps(self) -> bool:
        """Whether masking leaves the maps alone; FIDELITY.md row pool45_masking."""
        return self.differences.pool45_masking


@dataclass(frozen=True)
class TestSettings(config.TestSettings, TrunkSettings):
    """Test pool45_crops: measure a trained agent, or search pictures of one's own."""

    detector: ClassVar[str] = "pool45_crops"
    path_model: Path = MODELS
    """Where training put the checkpoints."""
    keeps_maps: ClassVar[bool] = False
    """Whether masking leaves the maps alone; not in the published test either."""
