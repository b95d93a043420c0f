"""Settings: presets, checks with one line for what is wrong, and their form in JSON."""

import dataclasses
import os
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

from common.errors import InputError
from common.files import REPOSITORY


class PresetSettings:
    """Settings that start from a preset, or from what a model was trained with."""

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Fields that ``--preset NAME`` sets, by the preset's name, on top of those of the
    classes above. Fields that a class does not have are passed over, so that one table
    serves training and testing."""

    def remembered(self) -> dict[str, Any]:
        """Return what ``config.json`` says of fields that are left open."""
        return {}

    @classmethod
    def of_preset(cls, preset: str, **changes: Any) -> Self:
        """Return the settings that ``--preset`` and further flags stand for.

        Args:
            preset: its name in :attr:`PRESETS`.
            **changes: fields that override it.
        """
        return cls(**(preset_values(cls, preset) | changes))

    @classmethod
    def for_model(cls, **values: Any) -> Self:
        """Return settings as the command line makes them: the rest is as trained.

        Args:
            **values: of fields, ``path_model`` among them.

        Raises:
            InputError: ``config.json`` is damaged.
        """
        chosen = preset_values(cls, values.get("preset", ""))
        return cls(**(cls(**values).remembered() | chosen | values))


def preset_values(settings_class: type, chosen: str) -> dict[str, Any]:
    """Return the fields that a preset sets; nothing where there is no such preset.

    What only other presets set is set to its default.
    """
    tables = [vars(one).get("PRESETS", {}) for one in reversed(settings_class.__mro__)]
    fields = {field.name: field for field in dataclasses.fields(settings_class)}
    if chosen not in {name for table in tables for name in table}:
        return {}
    names = {name for table in tables for values in table.values() for name in values}
    values = {name: fields[name].default for name in names & fields.keys()}
    for table in tables:
        values |= table.get(chosen, {})
    found = {name: value for name, value in values.items() if name in fields}
    return {"preset": chosen, **found}


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
    """Return a value as JSON holds it: tuples as lists, paths as texts.

    Paths in the repository are relative to it, so that it may be moved; others are
    absolute, so that a program may be started in another folder.
    """
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if not isinstance(value, Path):
        return value
    path = Path(os.path.abspath(value))
    inside = path.is_relative_to(REPOSITORY)
    return path.relative_to(REPOSITORY).as_posix() if inside else str(path)


def from_json(settings_class: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a dataclass that :func:`to_json` wrote.

    Args:
        settings_class: the dataclass.
        values: some of its fields by name, as JSON holds them.

    Raises:
        ValueError: a value is not of its field's type; names the field.
    """
    hints = get_type_hints(settings_class)
    fields = {}
    for name, value in values.items():
        try:
            fields[name] = _typed(hints[name], value)
        except (TypeError, ValueError):
            raise ValueError(f"{name} is {reprlib.repr(value)}") from None
    return fields


def typed(settings_class: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of a dataclass that a Python program gives, as flags would be.

    Args:
        settings_class: the dataclass.
        values: some of its fields by name; paths may be texts, and lie where the
            program was started.

    Raises:
        InputError: there is no such field, or a value is not of its type.
    """
    hints = get_type_hints(settings_class)
    fields = {field.name for field in dataclasses.fields(settings_class)}
    given = {}
    for name, value in values.items():
        if name not in fields:
            raise InputError(
                f"{name}: there is no such setting; expected one that --help lists"
            )
        is_path = hints[name] in (Path, Path | None)
        given[name] = Path(value) if is_path and isinstance(value, str) else value
    try:
        return from_json(settings_class, plain(given))
    except ValueError as error:
        raise InputError(f"{error}; expected what its flag takes (--help)") from None


def _typed(hint: Any, value: Any) -> Any:
    """Return a value as a type hint has it."""
    origin, options = get_origin(hint), get_args(hint)
    if origin is Literal:
        if value not in options:
            raise ValueError(value)
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(value)
        return tuple(_typed(options[0], item) for item in value)
    if options:  # a union: what fits first
        for option in options:
            try:
                return _typed(option, value)
            except (TypeError, ValueError):
                continue
        raise TypeError(value)
    if hint is Path and isinstance(value, str):
        return REPOSITORY / value  # an absolute path stays what it is
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, hint) or isinstance(value, bool) is not (hint is bool):
        raise TypeError(value)
    return value
