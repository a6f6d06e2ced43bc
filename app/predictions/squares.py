"""Squares around animals, as forms send them: ``x,y,width,height`` in fractions of the upright photo."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from app.core.errors import FieldError, InvalidSubmission
from app.core.web.uploads import Photo
from app.predictions.inference import Square

NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)
WHOLE_PHOTO = Square(0.0, 0.0, 1.0, 1.0)
# Sent in place of a square, so that the version does not search.
_WHOLE = "whole"
# How far a square may extend beyond the photo, for rounding.
_TOLERANCE = 0.01


def parse_square(text: str, filename: str | None = None) -> Square | None:
    """One square, or None for an empty text. Raises InvalidSubmission."""
    if not text.strip():
        return None
    if text.strip() == _WHOLE:
        return WHOLE_PHOTO
    parts = [part.strip() for part in text.split(",")]
    if len(parts) == 4 and all(NUMBER.fullmatch(part) for part in parts):
        x, y, width, height = (float(part) for part in parts)
        if min(x, y) >= -_TOLERANCE and min(width, height) > 0 and max(x + width, y + height) <= 1 + _TOLERANCE:
            x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
            return Square(x, y, min(width, 1 - x), min(height, 1 - y))
    raise InvalidSubmission([FieldError("square", "square_invalid", (), plain_filename(filename))])


def read_squares(texts: Sequence[str], files: Sequence[Photo], errors: list[FieldError]) -> list[Square | None]:
    """The square of each photo, None for those without. Mistakes are added to ``errors``."""
    squares: list[Square | None] = []
    for text, file in zip_longest(texts, files):  # a square without a photo is read too: it may be a mistake
        try:
            squares.append(parse_square(text or "", file.filename if file else None))
        except InvalidSubmission as error:
            errors += error.errors
            squares.append(None)
    return squares[: len(files)]


def parse_squares(texts: Sequence[str], files: Sequence[Photo]) -> list[Square | None]:
    """The square of each photo, None for those without. Raises InvalidSubmission."""
    errors: list[FieldError] = []
    squares = read_squares(texts, files, errors)
    if errors:
        raise InvalidSubmission(errors)
    return squares


def plain_filename(name: str | None) -> str:
    """The last part of a file's name: some browsers send whole paths."""
    return (name or "").replace("\\", "/").rsplit("/", 1)[-1].replace("\x00", "")[:255]
