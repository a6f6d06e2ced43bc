"""Turning plain values (JSON, TOML, YAML, the command line) into the dataclasses of a config, and refusing the rest."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any


class ConfigError(Exception):
    """A config that can't be run; the message says which key and why."""


def build(kind: Any, value: Any, where: str) -> Any:
    """A dataclass from a table of keys. Raises ConfigError for missing, unknown or mistyped ones."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where} is not a table of keys.")
    hints = typing.get_type_hints(kind)
    refuse_unknown(value, hints, where)
    try:
        return kind(**{key: checked_value(hints[key], each, f"{where}.{key}") for key, each in value.items()})
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from error


def refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise ConfigError for a key that is not known, with the nearest that is."""
    known = sorted(known)
    for key in sorted(set(given) - set(known)):
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
        raise ConfigError(f"{where} has unknown keys: {key}; {hint}")


def checked_value(hint: Any, value: Any, where: str) -> Any:
    """The value as its type hint wants it; whole numbers pass for floats and lists for tuples. Raises ConfigError."""
    options = _options(hint)
    if value is None and type(None) in options:
        return None
    for option in options:
        converted = _converted(option, value, where)
        if converted is not _NO:
            return converted
    raise ConfigError(f"{where} is {value!r}, which is not what belongs there.")


_NO = object()


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _converted(wanted: Any, value: Any, where: str) -> Any:
    if wanted is type(None):
        return _NO
    if dataclasses.is_dataclass(wanted):
        return build(wanted, value, where)
    if wanted is Any:
        return value
    origin = typing.get_origin(wanted) or wanted
    if origin is tuple:
        return _tuple(wanted, value, where) if isinstance(value, list | tuple) else _NO
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    fits = isinstance(value, origin) and (origin is bool or not isinstance(value, bool))
    return value if fits else _NO


def _tuple(wanted: Any, value: Any, where: str) -> Any:
    kinds = typing.get_args(wanted)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        return _NO
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(checked_value(kind, each, f"{where}[{number}]") for number, (kind, each) in pairs)


def replaced(config: Any, assignment: str) -> Any:
    """A copy of a config with one value replaced.

    Args:
        config: a dataclass, of dataclasses.
        assignment: ``optimisation.epochs=3``: a path of keys, and a value as in TOML; text needs no quotes, ``none``
            stands for none. Raises ConfigError for an unknown key or a value of another type.
    """
    path, equals, text = assignment.partition("=")
    if not equals:
        raise ConfigError(f"{assignment!r} is not KEY=VALUE, such as optimisation.epochs=3.")
    return _replaced(config, path.strip().split("."), _parsed(text.strip()), "config")


def _replaced(target: Any, path: list[str], value: Any, where: str) -> Any:
    key, rest = path[0], path[1:]
    if isinstance(target, Mapping):
        return {**target, key: _replaced(target.get(key, {}), rest, value, f"{where}.{key}") if rest else value}
    if not dataclasses.is_dataclass(target) or isinstance(target, type):
        raise ConfigError(f"{where} holds no keys.")
    hints = typing.get_type_hints(type(target))
    refuse_unknown([key], hints, where)
    new = _replaced(getattr(target, key), rest, value, f"{where}.{key}") if rest else value
    if not rest:
        new = checked_value(hints[key], new, f"{where}.{key}")
    return dataclasses.replace(target, **{key: new})


def _parsed(text: str) -> Any:
    if text.lower() in {"none", "null", ""}:
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return {"True": True, "False": False}.get(text, text)
