"""Test pool45_crops: ``python pool45_crops/test.py``, ``--help`` for flags."""

from common.command_line import run
from hierarchy import programs
from pool45_crops.config import TestSettings


def main(settings: TestSettings) -> None:
    """Measure, or search ``images``; see :func:`hierarchy.test_program.test`."""
    programs.test(settings, "pool45_crops.features")


if __name__ == "__main__":
    run(main, TestSettings)
