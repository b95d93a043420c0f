"""Processors: what has to be told to a backend before it starts to work."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.command_line import suppress_startup_output
from common.errors import InputError

DETERMINISTIC_XLA = "--xla_gpu_deterministic_ops=true"


@contextmanager
def start_keras(settings: Any) -> Iterator[None]:
    """Start Keras: a block in which whatever stands on it is imported.

    Keras takes seconds to load, and a mistyped flag needs none of them.

    Args:
        settings: of a program, with ``check`` and ``deterministic``.

    Raises:
        InputError: a setting cannot be used.
    """
    settings.check()
    with suppress_startup_output():
        prepare_devices(bool(settings.deterministic))
    with load_keras():
        yield


@contextmanager
def load_keras() -> Iterator[None]:
    """Load Keras quietly: a block in which whatever stands on it is imported.

    Raises:
        InputError: the backend that is asked for cannot be used.
    """
    with suppress_startup_output():
        from common import backend  # noqa: F401  loads Keras, and settles its settings

        yield


def prepare_devices(deterministic: bool) -> None:
    """Let memory on GPUs grow as needed, and make runs repeatable on request.

    To be called before Keras is loaded: JAX reads its environment only once. On
    processors every backend here is deterministic; GPUs add floats in an order of their
    own unless they are told not to, which costs time.

    Args:
        deterministic: whether the same run has to give the same bits.

    Raises:
        InputError: the backend cannot promise that.
    """
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if not deterministic:
        return
    flags = os.environ.get("XLA_FLAGS", "")
    if DETERMINISTIC_XLA not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {DETERMINISTIC_XLA}".strip()
    # cuBLAS reads it when it starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    from common.backend import keras

    backend = keras.config.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    elif backend == "torch":
        import torch

        torch.use_deterministic_algorithms(True)
    elif backend != "jax":
        raise InputError(
            f"deterministic is 1, the backend {backend}; expected tensorflow, jax or"
            " torch, which can be told to be"
        )


def knows_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 faster than float32.

    Asked of Linux; where it does not say, the answer is no. A processor without the
    instructions takes longer in bfloat16 instead.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags.split())
