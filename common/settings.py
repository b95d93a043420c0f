"""Settings: checks with one line for what is wrong, and their form in JSON."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

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


def to_json(settings: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as JSON holds them."""
    return {
        field.name: plain(getattr(settings, field.name))
        for field in dataclasses.fields(settings)
    }


def plain(value: Any) -> Any:
    """Return a value as JSON holds it: paths as texts, tuples as lists."""
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_json(settings_class: type, values: dict[str, Any]) -> dict[str, Any]:
    """Return fields of a dataclass that :func:`to_json` wrote.

    Args:
        settings_class: the dataclass.
        values: some of its fields by name, as JSON holds them.
    """
    hints = get_type_hints(settings_class)
    return {name: _typed(hints[name], value) for name, value in values.items()}


def _typed(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list):
        item = get_args(hint)[0]
        return tuple(_typed(item, one) for one in value)
    is_path = hint is Path or (get_origin(hint) and Path in get_args(hint))
    return Path(value) if is_path else value
