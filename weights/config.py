"""Settings of whoever looks through VGG-16."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from common.devices import knows_bfloat16
from weights import DEFAULT_PATH


@dataclass(frozen=True)
class TrunkSettings:
    """Which VGG-16, and how it computes."""

    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {
        name: {"trunk_dtype": "auto"} for name in ("fast", "demo")
    }

    shared_settings: ClassVar[frozenset[str]] = frozenset({"path_vgg", "trunk_dtype"})
    """What a test takes from training where no flag says otherwise."""

    path_vgg: Path = DEFAULT_PATH
    """VGG-16 weights: an HDF5, .keras or ONNX file (see weights/README.md)."""
    trunk_dtype: Literal["float32", "bfloat16", "auto"] = "float32"
    """What VGG-16 computes in; bfloat16 is faster where processors know it, and
    descriptors then differ by a few thousandths; auto takes it just there."""

    @property
    def computing_dtype(self) -> str:
        """What VGG-16 computes in on this machine: float32 or bfloat16."""
        if self.trunk_dtype != "auto":
            return self.trunk_dtype
        return "bfloat16" if knows_bfloat16() else "float32"
