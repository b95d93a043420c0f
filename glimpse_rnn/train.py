"""Train glimpse_rnn: ``python glimpse_rnn/train.py -n 0``, ``--help`` for the flags."""

import sys
from pathlib import Path

if not __package__:  # started as a file: its own clone's packages, installed or not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.command_line import run
from common.devices import start_keras
from glimpse_rnn.config import TrainSettings


def main(settings: TrainSettings) -> None:
    """Train from epoch ``n`` on; see :func:`glimpse_rnn.training.train`."""
    with start_keras(settings):
        from glimpse_rnn.training import train
    train(settings)


if __name__ == "__main__":
    run(main, TrainSettings)
