"""What the fields of a submission really take, for the OpenAPI document: they are read as text."""

from typing import Any

from pydantic import WithJsonSchema

from app.submissions.new_submission import MAX_COUNT

SHORTEST_KEY, LONGEST_KEY = 16, 100


# Text in which something can be seen. Spelt out, because \w and \s mean ASCII to some readers of the document and all of
# Unicode to others, and to this server.
SOMETHING = r"[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]"


_EMPTY = {"type": "string", "maxLength": 0}


_LATITUDE = {"type": "number", "minimum": -90, "maximum": 90}


_LONGITUDE = {"type": "number", "minimum": -180, "maximum": 180}


BOTH_OR_NEITHER = [
    {"required": ["latitude", "longitude"], "properties": {"latitude": _LATITUDE, "longitude": _LONGITUDE}},
    {"properties": {"latitude": _EMPTY, "longitude": _EMPTY}},
]


def _or_empty(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, _EMPTY]})


CLAIM = WithJsonSchema({"type": "string", "format": "claim", "minLength": 1, "maxLength": 200})


COUNT = WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_COUNT})


DATE = _or_empty({"type": "string", "format": "date"})


DATE_SOURCE = WithJsonSchema({"type": "string", "enum": ["typed", "exif"]})


COORDINATE_SOURCE = WithJsonSchema({"type": "string", "enum": ["typed", "exif", "device"]})


LATITUDE = _or_empty(_LATITUDE)


LONGITUDE = _or_empty(_LONGITUDE)


EMAIL = _or_empty({"type": "string", "format": "email", "maxLength": 254})


def text(longest: int) -> WithJsonSchema:
    """Free text."""
    return WithJsonSchema({"type": "string", "maxLength": longest})


IDEMPOTENCY_KEY = WithJsonSchema(
    {"type": "string", "format": "idempotency-key", "minLength": SHORTEST_KEY, "maxLength": LONGEST_KEY}
)
