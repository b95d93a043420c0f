"""Train image_zooms: ``python image_zooms/train.py -n 0``, ``--help`` for flags."""

import sys
from pathlib import Path

if not __package__:  # started as a file: its own clone's packages, installed or not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common.command_line import run
from common.devices import start_keras
from image_zooms.config import TrainSettings


def main(settings: TrainSettings) -> None:
    """Train from epoch ``n`` on; see :func:`hierarchy.train.train`."""
    with start_keras(settings):
        from hierarchy.train import train
        from image_zooms.features import make_features
    train(settings, make_features)


if __name__ == "__main__":
    run(main, TrainSettings)
