"""Test glimpse_rnn: ``python glimpse_rnn/test.py``, ``--help`` for the flags."""

import sys
from pathlib import Path

if not __package__:  # started as a file: its own clone's packages, installed or not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.command_line import quiet_start, run
from common.devices import prepare_devices
from glimpse_rnn.config import TestSettings


def main(settings: TestSettings) -> None:
    """Measure, or locate in ``images``; see :func:`glimpse_rnn.test_program.test`."""
    settings.check()
    with quiet_start():  # here: Keras takes seconds, and a mistyped flag needs none
        prepare_devices(bool(settings.deterministic))
        from glimpse_rnn.test_program import test

    test(settings)


if __name__ == "__main__":
    run(main, TestSettings)
