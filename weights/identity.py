"""Which trunk it is, told from its tensors and not from the file they came in."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import numpy as np

Layers = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""layer name -> (kernel (h, w, in, out), bias (out,)), in the order of the trunk."""

IMAGENET_NAME = "ImageNet VGG-16"
UNKNOWN_NAME = "VGG-16 of unknown origin"


def _imagenet_digests() -> dict[str, tuple[str, str]]:
    """Return layer name -> SHA-256 of kernel and of bias, in the order of the trunk."""
    file = resources.files("weights") / "vgg16_imagenet_tensors.json"
    records = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: (record["kernel_sha256"], record["bias_sha256"])
        for name, record in records.items()
    }


IMAGENET_DIGESTS = _imagenet_digests()
"""Of the 13 convolutions of ``keras.applications``' VGG-16, as :func:`digests_of`
gives them."""


KNOWN_FILES = frozenset(
    {
        # ImageNet's, as weights.fetch wrote it before files ended in a checksum
        "963a83d7908d68c4ae6726163461a69d82dd466745e27454c01782888d961c1d",
    }
)
"""SHA-256 of weight files that are safe to open; see :mod:`common.hdf5`."""


@dataclass(frozen=True)
class TrunkIdentity:
    """What a trunk is called, and what tells it from every other.

    Attributes:
        name: ImageNet's, or that its origin is unknown.
        fingerprint: SHA-256, in hexadecimal, over the SHA-256 of its 26 tensors.
    """

    name: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.name} ({self.fingerprint[:12]})"

    def to_json(self) -> dict[str, str]:
        """Return name and fingerprint as results hold them."""
        return asdict(self)


def digests_of(layers: Layers) -> dict[str, tuple[str, str]]:
    """Return the SHA-256 of each kernel and bias, as little-endian float32, C order."""
    return {
        name: (_sha256(kernel), _sha256(bias))
        for name, (kernel, bias) in layers.items()
    }


def identity_of(layers: Layers) -> TrunkIdentity:
    """Tell which trunk some tensors are."""
    fingerprint = _fingerprint(digests_of(layers))
    known = fingerprint == IMAGENET_FINGERPRINT
    return TrunkIdentity(IMAGENET_NAME if known else UNKNOWN_NAME, fingerprint)


def fingerprint_of_model(model: Any) -> str:
    """Return a SHA-256, in hexadecimal, over all weights of any Keras model."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(_sha256(array).encode())
    return digest.hexdigest()


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array, "<f4").data).hexdigest()


def _fingerprint(digests: Mapping[str, tuple[str, str]]) -> str:
    text = "".join(kernel + bias for kernel, bias in digests.values())
    return hashlib.sha256(bytes.fromhex(text)).hexdigest()


IMAGENET_FINGERPRINT = _fingerprint(IMAGENET_DIGESTS)
