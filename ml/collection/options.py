"""From the command line's words to a checked request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.collection.errors import RequestError
from ml.collection.request import CollectRequest, checked, request_from
from ml.collection.request_file import read_request_file
from ml.collection.run import Manners


def request_from_options(given: Mapping[str, Any], file: Path | None) -> CollectRequest:
    """Options that were given, over those of a request file.

    Raises:
        RequestError: a parameter has a wrong type or value, or there is no keyword at all.
    """
    values = {} if file is None else read_request_file(file)
    values |= {name: value for name, value in given.items() if value is not None and value != []}
    if "keywords" not in values:
        raise RequestError("keyword: give at least one, or a request file that lists some")
    for name, nothing in (("maximum", "all"), ("distance", "off")):
        if isinstance(values.get(name), str):
            values[name] = _whole(name, values[name], nothing)
    if isinstance(values.get("bbox"), str):
        values["bbox"] = _degrees(values["bbox"])
    return request_from(values)


def manners_from_options(given: Mapping[str, Any]) -> Manners:
    """Pace and patience. Raises RequestError naming the parameter."""
    return checked(Manners, {name: value for name, value in given.items() if value is not None})


def _whole(name: str, text: str, nothing: str) -> int | None:
    if text.strip().lower() == nothing:
        return None
    try:
        return int(text)
    except ValueError:
        raise RequestError(f"{name}: {text!r} is neither a whole number nor '{nothing}'") from None


def _degrees(text: str) -> tuple[float, ...]:
    try:
        degrees = tuple(float(part) for part in text.split(","))
    except ValueError:
        degrees = ()
    if len(degrees) != 4:
        raise RequestError(f"bbox: {text!r} is not west,south,east,north in degrees")
    return degrees
