"""A look at a data set before the hours of a training.

    python -m datasets.check --path_voc MY --class_object raccoon
    python -m datasets.check --path_data MY

Says what was found and how it was read, all that is wrong, sizes, what can be reached,
how long a training takes on this machine, and which preset fits; in under a minute.

The program is :mod:`check`, which stands on top of all other packages. This is its
door alone: it lies here because whoever has a data set looks for it here, and no module
imports it.
"""

import sys
from pathlib import Path

if not __package__:  # started as a file: its own clone's packages, installed or not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from check.config import CheckSettings
from common.command_line import run


def main(settings: CheckSettings) -> None:
    """Look at the sets that settings name; see :func:`check.program.check`."""
    settings.check()
    from check.program import check  # loads what draws and plots, after a mistyped flag

    check(settings)


if __name__ == "__main__":
    run(main, CheckSettings)
