"""What a volunteer sends, as browsers and programs send it: text, of which each field says what it must hold."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Self

from email_validator import EmailNotValidError, validate_email
from fastapi import UploadFile
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.core.db import latest_day
from app.core.errors import FieldError, InvalidSubmission
from app.core.texts import OneForm, one_form
from app.core.web import openapi
from app.core.web.uploads import chosen
from app.organisation.rules import Licence
from app.predictions.inference import Square
from app.predictions.rules import ClaimKind
from app.predictions.squares import NUMBER, WHOLE_PHOTO, plain_filename, read_squares
from app.submissions.rules import OutcomeMails, Source

MAX_COUNT = 999
MAX_TEXT = 2000
MAX_PLACE = 300
MAX_NAME = 200
NO_LICENCE = "none"
_EARLIEST = date(1900, 1, 1)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SIDES = re.compile(r"(\d{1,6})x(\d{1,6})", re.ASCII)


def _mistake(code: str, **params: int) -> PydanticCustomError:
    return PydanticCustomError(code, code, params)


def _trimmed(value: object) -> str:
    if value is None:  # only JSON has it
        raise ValueError("null")
    return one_form(str(value)).strip()


def _count(value: object) -> int:
    text = _trimmed(value) or "1"
    if text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MAX_COUNT:
        return int(text)
    raise _mistake("count_range", max=MAX_COUNT)


def _day(value: object) -> date | None:
    text = _trimmed(value)
    if not text:
        return None
    try:
        if not _DATE.fullmatch(text):  # Python reads weeks and more as dates, too
            raise ValueError(text)
        day = date.fromisoformat(text)
    except ValueError as error:
        raise _mistake("date_invalid") from error
    if day > latest_day():
        raise _mistake("date_in_future")
    if day < _EARLIEST:
        raise _mistake("date_too_early")
    return day


def _degrees(value: object) -> float | None:
    text = _trimmed(value).replace(",", ".")  # 52,37 is how half of Europe writes it
    if not text:
        return None
    degrees = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(degrees):
        raise _mistake("coordinates_invalid")
    return degrees


def _email(value: object) -> str | None:
    text = _trimmed(value)
    try:
        return validate_email(text, check_deliverability=False).normalized if text else None
    except EmailNotValidError as error:
        raise _mistake("email_invalid") from error


def _when_to_mail(value: object) -> OutcomeMails:
    text = _trimmed(value) or OutcomeMails.AT_ONCE.value
    if text not in {OutcomeMails.AT_ONCE, OutcomeMails.DAILY}:
        raise _mistake("choice_unknown")
    return OutcomeMails(text)


def _one_of(*sources: Source) -> BeforeValidator:
    def read(value: object) -> Source:
        text = _trimmed(value) or Source.TYPED.value
        if text not in sources:
            raise _mistake("source_unknown")
        return Source(text)

    return BeforeValidator(read)


def _yes_or_no(value: object) -> bool | None:
    text = _trimmed(value)
    if text not in {"", "yes", "no"}:
        raise _mistake("kind_unknown")
    return text == "yes" if text else None


def _licence(value: object) -> Licence | str | None:
    text = _trimmed(value)
    if text not in {"", NO_LICENCE, *Licence}:
        raise _mistake("kind_unknown")
    return Licence(text) if text in set(Licence) else text or None


# What the text of a field must hold, for the OpenAPI document.
_EMPTY = {"type": "string", "maxLength": 0}
_LATITUDE = {"type": "number", "minimum": -90, "maximum": 90}
_LONGITUDE = {"type": "number", "minimum": -180, "maximum": 180}
BOTH_COORDINATES_OR_NEITHER = [
    {"required": ["latitude", "longitude"], "properties": {"latitude": _LATITUDE, "longitude": _LONGITUDE}},
    {"properties": {"latitude": _EMPTY, "longitude": _EMPTY}},
]


def _or_empty(schema: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, _EMPTY]})


def _left_out_as_text(schema: dict[str, Any]) -> None:
    """A form has no null: what is not given is empty."""
    for field in schema["properties"].values():
        if field.get("default", "") is None:
            field["default"] = ""


Trimmed = AfterValidator(_trimmed)  # white space at the ends goes, but counts: a limit is on what was sent


_CLAIM = {"type": "string", "format": "claim", "minLength": 1, "maxLength": MAX_NAME}
_CLAIM_FIELD = Field(
    description="A scientific name as in `/api/v1/taxa`, `other` or `unknown`.", examples=["Maniola jurtina"]
)


class RecordFields(BaseModel):
    """What a volunteer tells of a record, and may correct. A field that can't be read counts as left out, and is one of
    ``mistakes``.
    """

    model_config = ConfigDict(json_schema_extra=_left_out_as_text)

    claim: Annotated[str, Trimmed, _or_empty(_CLAIM), _CLAIM_FIELD] = ""
    claim_text: Annotated[
        str, Field(max_length=MAX_NAME, description="Name of the other species."), OneForm, Trimmed
    ] = ""
    individual_count: Annotated[
        int,
        BeforeValidator(_count),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_COUNT}),
        Field(description="1 where left out."),
    ] = 1
    event_date: Annotated[
        date | None,
        BeforeValidator(_day),
        _or_empty({"type": "string", "format": "date"}),
        Field(description="After 1900 and not in the future; from EXIF where empty, unless its source is `missing`."),
    ] = None
    event_date_source: Annotated[
        InstanceOf[Source],
        _one_of(Source.TYPED, Source.EXIF, Source.MISSING),
        WithJsonSchema({"type": "string", "enum": ["typed", "exif", "missing"]}),
    ] = Source.TYPED
    place: Annotated[str, Field(max_length=MAX_PLACE), OneForm, Trimmed] = ""
    latitude: Annotated[
        float | None,
        BeforeValidator(_degrees),
        _or_empty(_LATITUDE),
        Field(description="WGS 84 degrees; from EXIF where empty, unless the source is `missing`."),
    ] = None
    longitude: Annotated[
        float | None,
        BeforeValidator(_degrees),
        _or_empty(_LONGITUDE),
        Field(description="Together with the latitude, or neither."),
    ] = None
    coordinate_source: Annotated[
        InstanceOf[Source],
        _one_of(Source.TYPED, Source.EXIF, Source.DEVICE, Source.MISSING),
        WithJsonSchema({"type": "string", "enum": ["typed", "exif", "device", "missing"]}),
    ] = Source.TYPED
    note: Annotated[str, Field(max_length=MAX_TEXT), OneForm, Trimmed] = ""
    _mistakes: list[FieldError] = PrivateAttr(default_factory=list)

    @model_validator(mode="wrap")
    @classmethod
    def _read_all_that_can_be_read(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            mistakes = [_field_error(dict(details)) for details in error.errors()]
            wrong = {mistake.field for mistake in mistakes if mistake}
            if None in mistakes:
                raise
            fields = handler({name: value for name, value in values.items() if name not in wrong})
            fields._mistakes = [mistake for mistake in mistakes if mistake]
            return fields

    @property
    def mistakes(self) -> list[FieldError]:
        """What was wrong with single fields."""
        return self._mistakes

    @property
    def claimed(self) -> tuple[ClaimKind, str | None]:
        """What is claimed, and the scientific name of a taxon."""
        return parse_claim(self.claim)

    @property
    def columns(self) -> dict[str, Any]:
        """What goes into the submission's row as it was sent."""
        return self.model_dump(include={"individual_count", "place", "note"})

    @property
    def day(self) -> dict[str, Any]:
        """The columns of the date as it was given."""
        return {"event_date": self.event_date, "event_date_source": _kept(self.event_date_source, self.event_date)}

    @property
    def spot(self) -> dict[str, Any]:
        """The columns of the coordinates as they were given."""
        source = _kept(self.coordinate_source, self.latitude)
        return {"latitude": self.latitude, "longitude": self.longitude, "coordinate_source": source}

    @property
    def record(self) -> list[object]:
        """What makes it the same observation, whoever sends it; hashed, so that the order matters."""
        given = [self.individual_count, str(self.event_date), self.place, self.latitude, self.longitude, self.note]
        kept_empty = [source for source in (self.event_date_source, self.coordinate_source) if source is Source.MISSING]
        return [*given, *kept_empty]

    @property
    def claim_verbatim(self) -> str:
        """The name of another species."""
        return self.claim_text if self.claimed[0] is ClaimKind.OTHER else ""


def _kept(source: Source, value: object) -> Source:
    """The source of a value as it was sent: of a value there is one, of none there is none."""
    if value is None:
        return Source.MISSING
    return Source.TYPED if source is Source.MISSING else source


def _field_error(details: dict[str, Any]) -> FieldError | None:
    """Pydantic's error as ours; None for what only a broken request brings: no field, or a file where text was asked for."""
    [field, *_], code, params = details["loc"], details["type"], details.get("ctx", {})
    if code == "string_too_long":
        return FieldError(field, "text_too_long", (("max", params["max_length"]),))
    is_ours = code == details["msg"]  # see _mistake
    return FieldError(field, code, tuple(params.items())) if is_ours else None


class SubmissionFields(RecordFields):
    """What a volunteer fills in to send a record."""

    claim: Annotated[str, Trimmed, WithJsonSchema(_CLAIM), _CLAIM_FIELD]
    email: Annotated[
        str | None,
        BeforeValidator(_email),
        _or_empty({"type": "string", "format": "email", "maxLength": 254}),
        Field(description="For questions and the outcome; it is asked to be confirmed by a mail first."),
    ] = None
    outcome_mails: Annotated[
        OutcomeMails,
        BeforeValidator(_when_to_mail),
        WithJsonSchema({"type": "string", "enum": ["at_once", "daily"]}),
        Field(description="When an outcome is mailed: at once, or once a day."),
    ] = OutcomeMails.AT_ONCE
    training: Annotated[
        bool | None,
        BeforeValidator(_yes_or_no),
        WithJsonSchema({"type": "string", "enum": ["yes", "no", ""]}),
        Field(description="Whether verified photos may train and test models; empty: as the organisation proposes."),
    ] = None
    photo_licence: Annotated[
        Licence | Literal["none"] | None,
        BeforeValidator(_licence),
        WithJsonSchema({"type": "string", "enum": [*(licence.value for licence in Licence), NO_LICENCE, ""]}),
        Field(description="Under which others may use the photos (SPDX); empty: as the organisation proposes."),
    ] = None


class SubmissionForm(SubmissionFields):
    """A submission with its photos."""

    file: Annotated[list[UploadFile], openapi.PHOTOS, Field(description="One photo or several.")]
    square: Annotated[
        list[Annotated[str, openapi.SQUARE]],
        Field(description="Per photo: `x,y,width,height` as fractions of the upright photo, or empty."),
    ] = []

    def submission(self, language: str, shown: Sequence[str] = ()) -> "NewSubmission":
        """What was sent. ``shown``: at how many pixels a browser showed each photo, in the order of the photos."""
        errors: list[FieldError] = []
        photos = sent_photos(self.file, self.square, errors, shown)
        return NewSubmission(self, photos, language, [*self.mistakes, *errors])


def sent_photos(
    file: Sequence[UploadFile], square: Sequence[str], errors: list[FieldError], shown: Sequence[str] = ()
) -> "list[NewPhoto]":
    """The photos of a form with their squares; what is wrong with those is added to ``errors``."""
    files = chosen(file)
    squares = read_squares(square, files, errors)
    return [
        NewPhoto(
            filename=plain_filename(file.filename),
            size=file.size,
            read=file.content,
            square=square,
            shown=_sides(shown[i]) if i < len(shown) and square != WHOLE_PHOTO else None,
        )
        for i, (file, square) in enumerate(zip(files, squares, strict=True))
    ]


def _sides(text: str) -> tuple[int, int] | None:
    """Width and height written as 4000x3000; None for anything else: it is a hint that only some browsers give."""
    match = _SIDES.fullmatch(text.strip())
    return (int(match[1]), int(match[2])) if match else None


def parse_claim(text: str) -> tuple[ClaimKind, str | None]:
    """``other``, ``unknown``, or a scientific name."""
    if text in {ClaimKind.OTHER.value, ClaimKind.UNKNOWN.value}:
        return ClaimKind(text), None
    return ClaimKind.TAXON, text


def parse_email(text: str) -> str:
    """A normalised address, or empty for none. Raises InvalidSubmission."""
    try:
        return _email(text) or ""
    except PydanticCustomError as error:
        raise InvalidSubmission([FieldError("email", error.type)]) from error


@dataclass(frozen=True)
class NewPhoto:
    """One file as it was sent. ``read`` is called when its turn comes, so that one photo at a time is in memory.

    ``square`` is drawn on the photo as a browser showed it, with ``shown`` as its width and height in pixels; None where
    nobody says so.
    """

    filename: str
    size: int
    read: Callable[[], bytes]
    square: Square | None = None
    shown: tuple[int, int] | None = None


@dataclass(frozen=True)
class NewSubmission:
    """``mistakes``: what could not be read, told together with everything else that is wrong."""

    fields: SubmissionFields
    photos: Sequence[NewPhoto]
    language: str = "en"
    mistakes: Sequence[FieldError] = ()
