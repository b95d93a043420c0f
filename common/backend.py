"""Keras with the settings that all numbers here are computed with.

``keras.json`` in the user's home, or in the folder that the variable ``KERAS_HOME``
names, sets for all programs of a machine what Keras computes with, where it looks for
an image's channels, and the type and smallest step of its numbers. The backend is the
user's to choose. The others would change results, or have layers read images the wrong
way round. So they are what Keras itself comes with, whatever the file says. They are
set here, once, rather than in each layer and array: arrays that Keras makes by itself,
such as those of ``fit``, take no such argument.

Importing this module loads Keras, which takes seconds.
"""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

from common.errors import InputError, file_error
from common.progress import console

BACKENDS = ("tensorflow", "jax", "torch")
"""What Keras computes with; one of them is installed."""

FLOAT = "float32"
EPSILON = 1e-7
DATA_FORMAT = "channels_last"

_VALUES = {
    "floatx": ("float16", "float32", "float64"),
    "image_data_format": ("channels_last", "channels_first"),
}
"""What ``keras.json`` may say; Keras does not start with anything else."""


def keras_json() -> Path:
    """Return where Keras looks for its settings; there need not be a file."""
    if "KERAS_HOME" in os.environ:
        folder = Path(os.environ["KERAS_HOME"])
    else:
        home = Path("~").expanduser()
        folder = (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras"
    return (folder / "keras.json").expanduser()


def check_settings() -> None:
    """Make sure that Keras can start with what the machine says of it.

    Raises:
        InputError: the backend is unknown or not installed, or ``keras.json`` cannot be
            used; the line names the variable or the file.
    """
    path = keras_json()
    config = _read(path)
    for name, values in _VALUES.items():
        if config.get(name, values[0]) not in values:
            expected = f"{' or '.join(values)}, or no such line"
            raise file_error(path, f"{name} is {config[name]}", expected)
    if not isinstance(config.get("epsilon", EPSILON), float):
        reason = f"epsilon is {config['epsilon']}"
        raise file_error(path, reason, f"a number such as {EPSILON}, or no such line")
    named = os.environ.get("KERAS_BACKEND")
    where = "KERAS_BACKEND" if named else f"{path}: backend"
    _check_backend(named or config.get("backend", BACKENDS[0]), where)


def _read(path: Path) -> dict[str, Any]:
    """Return what ``keras.json`` says; nothing where Keras would not read it either."""
    content = b""
    try:
        content = path.read_bytes()
        config = json.loads(content.decode("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise file_error(path, f"cannot be read: {error.strerror}") from error
    except ValueError:
        # An empty one Keras may be writing just now, in a process beside this one.
        if content:
            console.print(f"{path} is no JSON: Keras's own settings hold")
        return {}
    if not isinstance(config, dict):
        raise file_error(path, "is no JSON object", "Keras's settings, or no such file")
    return config


def _check_backend(name: str, where: str) -> None:
    installed = [one for one in BACKENDS if _is_installed(one)]
    if name in installed:
        return
    what = ", which is not installed" if name in BACKENDS else ""
    known = f"{', '.join(BACKENDS[:-1])} or {BACKENDS[-1]}"
    here = f"installed: {', '.join(installed) or 'none of them'}"
    words = f"{where} is {name}{what}; expected {known} ({here})"
    if where != "KERAS_BACKEND":
        words += "; KERAS_BACKEND=NAME chooses one whatever the file says"
    raise InputError(words)


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


check_settings()
# These would end an epoch early, or are for a library that nothing here is written for.
for _name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
    os.environ.pop(_name, None)
os.environ["KERAS_NNX_ENABLED"] = "false"

import keras  # noqa: E402  once its settings are known to be good

keras.config.set_floatx(FLOAT)
keras.config.set_epsilon(EPSILON)
keras.config.set_image_data_format(DATA_FORMAT)
keras.config.set_dtype_policy(FLOAT)
