"""A request kept in a file: TOML, JSON or YAML, with the names of :class:`~ml.collection.request.CollectRequest`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from ml.collection.errors import RequestError


def read_request_file(path: Path) -> dict[str, Any]:
    """The values of a request file, not yet checked.

    Raises:
        RequestError: it can't be read, or holds no table of names and values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(
            f"request: {path} can't be read ({getattr(error, 'strerror', None) or 'not UTF-8'})"
        ) from None
    values = _parsed(path, text)
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise RequestError(f"request: {path} holds no names with values")
    return values


def _parsed(path: Path, text: str) -> object:
    kind = path.suffix.lower()
    if kind not in {".toml", ".json", ".yaml", ".yml"}:
        raise RequestError(f"request: {path} must end in .toml, .json, .yaml or .yml")
    try:
        if kind == ".toml":
            return tomllib.loads(text)
        if kind == ".json":
            return json.loads(text)
        return _yaml(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise RequestError(f"request: {path} is no {kind[1:].upper()}: {error}") from None


def _yaml(text: str) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RequestError(f"request: this is no YAML: {' '.join(str(error).split())}") from None
