"""Train pool45_crops: ``python pool45_crops/train.py -n 0``; ``--help`` for flags."""

from common.command_line import quiet_start, run
from pool45_crops.config import TrainSettings


def main(settings: TrainSettings) -> None:
    """Train from epoch ``n`` on; see :func:`hierarchy.train_program.train`."""
    with quiet_start():  # here: Keras takes seconds, and a mistyped flag needs none
        from hierarchy.train_program import train
        from pool45_crops.features import make_describer

    train(settings, make_describer)


if __name__ == "__main__":
    run(main, TrainSettings)
