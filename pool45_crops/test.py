"""Test pool45_crops: ``python pool45_crops/test.py``, ``--help`` for the flags."""

from common.command_line import quiet_start, run
from pool45_crops.config import TestSettings


def main(settings: TestSettings) -> None:
    """Measure, or search ``images``; see :func:`hierarchy.test_program.test`."""
    with quiet_start():  # here: Keras takes seconds, and a mistyped flag needs none
        from hierarchy.test_program import test
        from pool45_crops.features import make_describer

    test(settings, make_describer)


if __name__ == "__main__":
    run(main, TestSettings)
