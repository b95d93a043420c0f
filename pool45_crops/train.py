"""Train pool45_crops: ``python pool45_crops/train.py -n 0``, ``--help`` for flags."""

from common.command_line import run
from hierarchy import programs
from pool45_crops.config import TrainSettings


def main(settings: TrainSettings) -> None:
    """Train from epoch ``n`` on; see :func:`hierarchy.train_program.train`."""
    programs.train(settings, "pool45_crops.features")


if __name__ == "__main__":
    run(main, TrainSettings)
