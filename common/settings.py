"""Checks of settings, with one line for what is wrong."""

from collections.abc import Callable
from typing import Any

from common.errors import InputError


def expect(
    settings: Any, name: str, words: str, is_right: Callable[[Any], bool]
) -> None:
    """Refuse a value that no run can have.

    Args:
        settings: what has the value.
        name: of the setting.
        words: what was expected, for the message.
        is_right: whether a value will do.

    Raises:
        InputError: names the setting, its value and what was expected.
    """
    value = getattr(settings, name)
    if not is_right(value):
        raise InputError(f"{name} is {value}; expected {words}")
