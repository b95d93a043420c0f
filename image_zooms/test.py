"""Test image_zooms: ``python image_zooms/test.py``, ``--help`` for flags."""

import sys
from pathlib import Path

if not __package__:  # started as a file: its own clone's packages, installed or not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.command_line import run
from common.devices import start_keras
from image_zooms.config import TestSettings


def main(settings: TestSettings) -> None:
    """Measure, or search ``images``; see :func:`hierarchy.test.test`."""
    with start_keras(settings):
        from hierarchy.test import test
        from image_zooms.features import make_features
    test(settings, make_features)


if __name__ == "__main__":
    run(main, TestSettings)
