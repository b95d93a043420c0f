"""Train image_zooms: ``python image_zooms/train.py -n 0``, ``--help`` for flags."""

import sys
from pathlib import Path

if not __package__:  # started as a file: its own clone's packages, installed or not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.command_line import run
from hierarchy import programs
from image_zooms.config import TrainSettings


def main(settings: TrainSettings) -> None:
    """Train from epoch ``n`` on; see :func:`hierarchy.train_program.train`."""
    programs.train(settings, "image_zooms.features")


if __name__ == "__main__":
    run(main, TrainSettings)
