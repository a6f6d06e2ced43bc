"""Squares around animals, as forms send them."""

import math
import re
from collections.abc import Sequence

from app.core.errors import FieldError, InvalidSubmission
from app.core.web.uploads import Photo
from app.predictions.inference import Square

# A square may stick out of the photo by rounding, not by more.
_TOLERANCE = 0.01


# In place of a square, from somebody who wants none: the version is not to search.
_WHOLE = "whole"


WHOLE_PHOTO = Square(0.0, 0.0, 1.0, 1.0)


def parse_squares(texts: Sequence[str], files: Sequence[Photo]) -> list[Square | None]:
    """The square of each photo, None for those without. Raises InvalidSubmission."""
    errors: list[FieldError] = []
    found = read_squares(texts, files, errors)
    if errors:
        raise InvalidSubmission(errors)
    return found


def parse_square(text: str) -> Square | None:
    """One square, or None where the text is empty. Raises InvalidSubmission."""
    errors: list[FieldError] = []
    found = _square(text, None, errors)
    if errors:
        raise InvalidSubmission(errors)
    return found


def read_squares(texts: Sequence[str], files: Sequence[Photo], errors: list[FieldError]) -> list[Square | None]:
    """As ``parse_squares``, but mistakes are added to ``errors``."""
    for surplus in texts[len(files) :]:  # there is no photo for it, yet it must be a square
        _square(surplus, None, errors)
    return [_square(texts[i] if i < len(texts) else "", file.filename, errors) for i, file in enumerate(files)]


def _square(text: str, filename: str | None, errors: list[FieldError]) -> Square | None:
    if not text.strip():
        return None
    if text.strip() == _WHOLE:
        return WHOLE_PHOTO
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 4 and all(NUMBER.fullmatch(part) for part in parts):
        x, y, width, height = (float(part) for part in parts)
    else:
        x = y = width = height = math.nan
    inside = (
        -_TOLERANCE <= x
        and -_TOLERANCE <= y
        and width > 0
        and height > 0
        and x + width <= 1 + _TOLERANCE
        and y + height <= 1 + _TOLERANCE
    )
    if not inside:  # NaN compares false everywhere, so it ends here too
        errors.append(FieldError("square", "square_invalid", (), plain_filename(filename)))
        return None
    x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
    return Square(x, y, min(width, 1 - x), min(height, 1 - y))


NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


def plain_filename(name: str | None) -> str:
    """The last part of what the browser called it: some send whole paths."""
    return (name or "").replace("\\", "/").rsplit("/", 1)[-1].replace("\x00", "")[:255]
