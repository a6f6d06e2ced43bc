"""From form fields, as browsers and programs send them, to a NewSubmission. Every mistake is named by its field."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date

from email_validator import EmailNotValidError, validate_email

from app.core.errors import FieldError, InvalidSubmission
from app.core.web.uploads import Photo
from app.predictions.rules import ClaimKind
from app.predictions.squares import NUMBER, WHOLE_PHOTO, plain_filename, read_squares
from app.submissions.new_submission import MAX_COUNT, MAX_NAME, MAX_PLACE, MAX_TEXT, NewPhoto, NewSubmission
from app.submissions.rules import Source

FIELDS = (
    "claim",
    "claim_text",
    "individual_count",
    "event_date",
    "event_date_source",
    "place",
    "latitude",
    "longitude",
    "coordinate_source",
    "note",
    "email",
)
_SIDES = re.compile(r"(\d{1,6})x(\d{1,6})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def parse_submission(
    fields: Mapping[str, str],
    files: Sequence[Photo],
    squares: Sequence[str],
    language: str,
    shown: Sequence[str] = (),
) -> NewSubmission:
    """Read every field; what can't be read stands in ``mistakes``, so that all mistakes are told at once.

    ``squares`` and ``shown`` are in the order of the uploads; ``shown`` says at how many pixels a browser showed each photo.
    """
    errors: list[FieldError] = []
    values = {name: str(fields.get(name, "")).replace("\x00", "").strip() for name in FIELDS}
    for field, longest in (("place", MAX_PLACE), ("note", MAX_TEXT), ("claim_text", MAX_NAME)):
        # White space at the ends is cut off, but counts: the limit is on what was sent.
        if len(values[field]) <= longest < len(str(fields.get(field, ""))):
            errors.append(FieldError(field, "text_too_long", (("max", longest),)))
    kind, name = parse_claim(values["claim"])
    if not values["claim"]:
        errors.append(FieldError("claim", "claim_missing"))
    if kind is not ClaimKind.OTHER and len(values["claim_text"]) > MAX_NAME:  # it is not kept, but it was wrong
        errors.append(FieldError("claim_text", "text_too_long", (("max", MAX_NAME),)))
    email = values["email"]
    if email:
        email = _email(email, errors)
    photos = [
        NewPhoto(
            filename=plain_filename(file.filename),
            size=file.size,
            read=file.content,
            square=square,
            shown=_sides(shown[i]) if i < len(shown) and square != WHOLE_PHOTO else None,
        )
        for i, (file, square) in enumerate(zip(files, read_squares(squares, files, errors), strict=True))
    ]
    return NewSubmission(
        claim_kind=kind,
        claimed_name=name,
        claim_verbatim=values["claim_text"] if kind is ClaimKind.OTHER else "",
        individual_count=_count(values["individual_count"], errors),
        event_date=_date(values["event_date"], errors),
        event_date_source=_source("event_date_source", values, errors, {Source.TYPED, Source.EXIF}),
        place=values["place"],
        latitude=_coordinate("latitude", values, errors),
        longitude=_coordinate("longitude", values, errors),
        coordinate_source=_source("coordinate_source", values, errors, {Source.TYPED, Source.EXIF, Source.DEVICE}),
        note=values["note"],
        email=email or None,
        language=language,
        photos=photos,
        mistakes=errors,
    )


def parse_claim(text: str) -> tuple[ClaimKind, str | None]:
    """``other``, ``unknown``, or a scientific name."""
    if text in {ClaimKind.OTHER.value, ClaimKind.UNKNOWN.value}:
        return ClaimKind(text), None
    return ClaimKind.TAXON, text


def parse_email(text: str) -> str:
    """A normalised address, or empty for none. Raises InvalidSubmission."""
    errors: list[FieldError] = []
    email = _email(text.strip(), errors) if text.strip() else ""
    if errors:
        raise InvalidSubmission(errors)
    return email


def _email(text: str, errors: list[FieldError]) -> str:
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        errors.append(FieldError("email", "email_invalid"))
        return ""


def _count(text: str, errors: list[FieldError]) -> int:
    if not text:
        return 1
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    errors.append(FieldError("individual_count", "count_range", (("max", MAX_COUNT),)))
    return 1


def _date(text: str, errors: list[FieldError]) -> date | None:
    if not text:
        return None
    try:
        if not _DATE.fullmatch(text):  # Python reads weeks and more as dates, too
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        errors.append(FieldError("event_date", "date_invalid"))
        return None


def _coordinate(name: str, values: Mapping[str, str], errors: list[FieldError]) -> float | None:
    text = values[name].replace(",", ".")  # 52,37 is how half of Europe writes it
    if not text:
        return None
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        errors.append(FieldError(name, "coordinates_invalid"))
        return None
    return value


def _source(name: str, values: Mapping[str, str], errors: list[FieldError], allowed: set[Source]) -> Source:
    text = values[name] or Source.TYPED.value
    if text in {source.value for source in allowed}:
        return Source(text)
    errors.append(FieldError(name, "source_unknown"))
    return Source.TYPED


def _sides(text: str) -> tuple[int, int] | None:
    """Width and height written as 4000x3000; None for anything else: it is a hint that only some browsers give."""
    match = _SIDES.fullmatch(text.strip())
    return (int(match[1]), int(match[2])) if match else None
