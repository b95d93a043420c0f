"""The programs as a detector's scripts start them.

Keras takes seconds to load, and a mistyped flag needs none of them: whatever stands on
Keras is imported here, once the settings are there.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from common.command_line import quiet_start
from common.devices import prepare_devices
from hierarchy.config import TestSettings, TrainSettings

if TYPE_CHECKING:
    from hierarchy.train_program import MakeDescriber


def train(settings: TrainSettings, features: str) -> None:
    """Train a detector; see :func:`hierarchy.train_program.train`.

    Args:
        settings: the detector's.
        features: name of its module that has ``make_describer``.
    """
    settings.check()
    with quiet_start():
        prepare_devices(bool(settings.deterministic))
        from hierarchy import train_program

        make_describer = _make_describer(features)
    train_program.train(settings, make_describer)


def test(settings: TestSettings, features: str) -> None:
    """Test a detector; see :func:`hierarchy.test_program.test`.

    Args:
        settings: the detector's.
        features: name of its module that has ``make_describer``.
    """
    settings.check()
    with quiet_start():
        prepare_devices(bool(settings.deterministic))
        from hierarchy import test_program

        make_describer = _make_describer(features)
    test_program.test(settings, make_describer)


test.__test__ = False  # no test case, whatever pytest thinks of the name


def _make_describer(features: str) -> "MakeDescriber":
    return import_module(features).make_describer
