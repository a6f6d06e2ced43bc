"""What to collect and how politely, checked in full before anything is asked of Flickr."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from ml.collection.deduplication import BITS, DEFAULT_DISTANCE
from ml.collection.errors import RequestError
from ml.collection.licences import LICENCES, REUSABLE
from ml.collection.sizes import IfMissing, Size, size_named
from ml.taxa import label_of

MOST_PER_PAGE = 250  # with a bounding box Flickr answers no more
API_URL = "https://api.flickr.com/services/rest/"

Model = TypeVar("Model", bound=BaseModel)
Whole = Annotated[int, Field(strict=True, ge=1)]
Moment = datetime | date


def _number_or(word: str) -> BeforeValidator:
    """A number, as text too; ``word`` stands for None."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        return None if value.strip().lower() == word else int(value) if value.isdecimal() else value

    return BeforeValidator(read)


class Keyword(BaseModel):
    """What to search for, in titles, descriptions and tags, and the taxon that such photos are taken to show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: Annotated[str, Field(strict=True, min_length=1, max_length=200)]
    taxon: Annotated[str, Field(strict=True, min_length=1, max_length=100)]

    @field_validator("text", "taxon", mode="before")
    @classmethod
    def _trimmed(cls, value: object) -> object:
        return " ".join(value.split()) if isinstance(value, str) else value

    @field_validator("taxon")
    @classmethod
    def _has_label(cls, value: str) -> str:
        if not label_of(value):
            raise ValueError("has no letter or digit that a folder could be called by")
        return value

    @property
    def label(self) -> str:
        """The taxon's folder and its label in data sets: ``maniola_jurtina``."""
        return label_of(self.taxon)


class CollectRequest(BaseModel):
    """Everything that decides which photos come. Frozen; constructing it with something wrong raises pydantic's
    ``ValidationError`` (a ``ValueError``) that names the parameter; :func:`request_from` turns that into one sentence.

    ``maximum`` photos are kept per keyword, and ``maximum_per_taxon`` of all keywords of a taxon together, None for all;
    ``min_side`` is in pixels; ``bbox`` is west, south, east, north in degrees; ``distance`` is the most bits of 64 by which
    the perceptual hashes of near duplicates differ, None to keep them; ``per_page`` is photos per API call.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    keywords: Annotated[tuple[Keyword, ...], Field(min_length=1)]
    size: Annotated[str, Field(strict=True)] = "medium-640"
    if_missing: IfMissing = "nearest"
    licences: Annotated[tuple[str, ...], Field(min_length=1)] = REUSABLE
    maximum: Annotated[Whole | None, _number_or("all")] = 100
    maximum_per_taxon: Whole | None = None
    per_page: Annotated[Whole, Field(le=MOST_PER_PAGE)] = 100
    taken_after: Moment | None = None
    taken_before: Moment | None = None
    bbox: tuple[float, float, float, float] | None = None
    min_side: Whole = 64
    distance: Annotated[Annotated[int, Field(strict=True, ge=0, le=BITS)] | None, _number_or("off")] = DEFAULT_DISTANCE

    @field_validator("keywords", mode="before")
    @classmethod
    def _keywords(cls, value: object) -> object:
        if isinstance(value, (str, Keyword)):
            value = [value]
        if isinstance(value, Mapping):  # text = taxon, as in a request file
            value = [{"text": text, "taxon": taxon} for text, taxon in value.items()]
        if isinstance(value, (list, tuple)):
            return tuple(keyword_from(item) if isinstance(item, str) else item for item in value)
        return value

    @field_validator("size")
    @classmethod
    def _size(cls, value: str) -> str:
        return size_named(value).name

    @field_validator("licences", mode="before")
    @classmethod
    def _licences(cls, value: object) -> object:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise ValueError("must be names of licences")
        cleaned = tuple(dict.fromkeys(name.strip().lower() for name in names))
        unknown = [name for name in cleaned if name not in LICENCES]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no licence; there are {', '.join(LICENCES)}")
        return cleaned

    @field_validator("taken_after", "taken_before", mode="before")
    @classmethod
    def _moment(cls, value: object) -> object:
        if value is None or isinstance(value, date):  # a datetime is a date
            return value
        if not isinstance(value, str):
            raise ValueError("must be a date such as 2024-06-01 or 2024-06-01T12:00:00")
        try:
            return date.fromisoformat(value) if len(value.strip()) <= 10 else datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(f"{value!r} is no date such as 2024-06-01 or 2024-06-01T12:00:00") from None

    @model_validator(mode="after")
    def _consistent(self) -> CollectRequest:
        if (
            self.taken_after
            and self.taken_before
            and camera_time(self.taken_after) > camera_time(self.taken_before, end=True)
        ):
            raise ValueError(f"taken_after: {self.taken_after} is later than taken_before, {self.taken_before}")
        if self.bbox is not None:
            west, south, east, north = self.bbox
            if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
                raise ValueError(
                    "bbox: must be west, south, east, north in degrees, with west < east and south < north"
                )
        texts = [keyword.text.casefold() for keyword in self.keywords]
        twice = next((text for text in texts if texts.count(text) > 1), None)
        if twice is not None:
            raise ValueError(f"keywords: {twice!r} is listed twice")
        return self

    @property
    def wanted_size(self) -> Size:
        """The size asked for."""
        return size_named(self.size)


class Manners(BaseModel):
    """How requests are made. ``rate`` is API calls per second at most; ``workers`` download at once; ``timeout`` is in
    seconds; a busy server is asked ``attempts`` times, first after ``backoff`` seconds, then after twice that and so on;
    larger pictures than ``most_megabytes`` are left. Wrong values raise pydantic's ``ValidationError``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: Annotated[float, Field(gt=0, le=1000)] = 1.0
    workers: Annotated[Whole, Field(le=16)] = 4
    timeout: Annotated[float, Field(gt=0, le=600)] = 30.0
    attempts: Annotated[Whole, Field(le=20)] = 5
    backoff: Annotated[float, Field(gt=0, le=60)] = 2.0
    most_megabytes: Annotated[float, Field(gt=0, le=1000)] = 50.0
    api_url: Annotated[str, Field(strict=True, pattern=r"^https?://[^\s/]+")] = API_URL


def keyword_from(text: str) -> Keyword:
    """``Maniola jurtina`` or ``bruin zandoogje=Maniola jurtina``. Raises ValidationError."""
    searched, equals, taxon = text.partition("=")
    return Keyword(text=searched, taxon=taxon if equals else searched)


def request_from(values: Mapping[str, Any]) -> CollectRequest:
    """A checked request. Raises RequestError naming every parameter that is wrong."""
    return checked(CollectRequest, values)


def checked(model: type[Model], values: Mapping[str, Any]) -> Model:
    """``model`` out of these values. Raises RequestError, one line naming every parameter that is wrong."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems: dict[str, str] = {}
        for problem in error.errors(include_url=False, include_context=False):
            place = ".".join(str(part) for part in problem["loc"] if not _is_branch(part))
            message = problem["msg"].removeprefix("Value error, ")
            problems.setdefault(place, f"{place}: {message}" if place else message)
        raise RequestError("; ".join(problems.values())) from None


def _is_branch(part: int | str) -> bool:
    """Pydantic puts the member of a union that it tried into the place of an error."""
    return isinstance(part, str) and part in {"date", "datetime", "int", "constrained-int"}


def camera_time(moment: Moment, *, end: bool = False) -> str:
    """As Flickr takes it; a bare date begins at 00:00, or ends at 23:59:59 with ``end``."""
    if isinstance(moment, datetime):
        return moment.strftime("%Y-%m-%d %H:%M:%S")
    return f"{moment.isoformat()} {'23:59:59' if end else '00:00:00'}"


def read_request_file(path: Path) -> dict[str, Any]:
    """The values of a TOML or JSON file, not yet checked. Raises RequestError where it holds no table of them."""
    readers = {".toml": tomllib.loads, ".json": json.loads}
    if path.suffix.lower() not in readers:
        raise RequestError(f"request: {path} must end in .toml or .json")
    try:
        values = readers[path.suffix.lower()](path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"request: {path} can't be read ({error.strerror})") from None
    except ValueError as error:
        raise RequestError(f"request: {path} can't be read: {error}") from None
    if not isinstance(values, dict):
        raise RequestError(f"request: {path} holds no names with values")
    return values
