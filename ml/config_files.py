"""Config files other than Python: TOML and YAML, by themselves or as changes to an experiment."""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.config_values import ConfigError

SUFFIXES = (".toml", ".yaml", ".yml")


def read_table(path: Path) -> dict[str, Any]:
    """The keys of a TOML or YAML file. Raises ConfigError where it is missing or malformed."""
    try:
        if path.suffix == ".toml":
            return tomllib.loads(path.read_text(encoding="utf-8"))
        yaml = importlib.import_module("yaml")
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"There is no config file {path}.") from error
    except Exception as error:  # YAML has its own errors, and is only imported when it is needed
        raise ConfigError(f"{path} can't be read: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path} is not a table of keys.")
    return value


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes``, table by table: a key that only ``base`` has stays."""
    result = dict(base)
    for key, value in changes.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
