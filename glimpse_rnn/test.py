"""Test glimpse_rnn: ``python glimpse_rnn/test.py``, ``--help`` for the flags."""

import sys
from pathlib import Path

if not __package__:  # started as a file: its own clone's packages, installed or not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.command_line import run
from common.devices import start_keras
from glimpse_rnn.config import TestSettings


def main(settings: TestSettings) -> None:
    """Measure, or locate in ``images``; see :func:`glimpse_rnn.testing.test`."""
    with start_keras(settings):
        from glimpse_rnn.testing import test
    test(settings)


if __name__ == "__main__":
    run(main, TestSettings)
