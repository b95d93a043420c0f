"""Train image_zooms: ``python image_zooms/train.py -n 0``, ``--help`` for the flags."""

from common.command_line import quiet_start, run
from image_zooms.config import TrainSettings


def main(settings: TrainSettings) -> None:
    """Train from epoch ``n`` on; see :func:`hierarchy.train_program.train`."""
    with quiet_start():  # here: Keras takes seconds, and a mistyped flag needs none
        from hierarchy.train_program import train
        from image_zooms.features import make_describer

    train(settings, make_describer)


if __name__ == "__main__":
    run(main, TrainSettings)
