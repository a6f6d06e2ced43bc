"""How much of something a model may have, and how a stranger's words are shown and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LARGEST_WEIGHTS = 2_000_000_000  # bytes
_LONGEST = 100
_LARGEST_JSON = 20_000_000  # bytes
_DEEPEST_JSON = 30


def shown(text: str) -> str:
    """Words of a stranger for a message: short, and without characters that change how the rest is shown."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text)
    return repr(plain[:_LONGEST] + "…" if len(plain) > _LONGEST else plain)


def read_json(file: Path) -> Any:
    """A version's JSON file. Raises ValueError where it is malformed, too large or too deep, OSError where it can't be read."""
    size = file.stat().st_size
    if size > _LARGEST_JSON:
        raise ValueError(f"it has {size // 1_000_000} MB; {_LARGEST_JSON // 1_000_000} MB are allowed")
    return parse_json(file.read_bytes(), _DEEPEST_JSON)


def parse_json(content: bytes, depth: int) -> Any:
    """JSON that nests at most ``depth`` levels. Raises ValueError."""
    try:
        value = json.loads(content)
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error
    level = [value]
    for _ in range(depth):
        level = [part for whole in level for part in _parts(whole)]
        if not level:
            return value
    raise ValueError(f"it nests more than {depth} levels")


def _parts(whole: Any) -> list[Any]:
    if isinstance(whole, dict):
        return list(whole.values())
    return whole if isinstance(whole, list) else []
