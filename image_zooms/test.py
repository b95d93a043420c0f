"""Test image_zooms: ``python image_zooms/test.py``, ``--help`` for flags."""

from common.command_line import run
from hierarchy import programs
from image_zooms.config import TestSettings


def main(settings: TestSettings) -> None:
    """Measure, or search ``images``; see :func:`hierarchy.test_program.test`."""
    programs.test(settings, "image_zooms.features")


if __name__ == "__main__":
    run(main, TestSettings)
