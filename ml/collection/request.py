"""What to collect, checked in full before anything is asked of Flickr."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ml.collection.deduplication import BITS, DEFAULT_DISTANCE
from ml.collection.errors import RequestError
from ml.collection.licences import LICENCES, REUSABLE
from ml.collection.sizes import IfMissing, Size, size_named
from ml.taxa import label_of

Sort = Literal[
    "relevance", "date-posted-asc", "date-posted-desc", "date-taken-asc", "date-taken-desc", "interestingness-asc",
    "interestingness-desc",
]  # fmt: skip
Safety = Literal["safe", "moderate", "restricted"]
SAFETY_NUMBERS: dict[Safety, int] = {"safe": 1, "moderate": 2, "restricted": 3}
MOST_PER_PAGE, MOST_PER_PAGE_WITH_PLACE = 500, 250  # what Flickr answers at most
MOST_KILOMETRES = 32.0

Whole = Annotated[int, Field(strict=True)]
Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Moment = datetime | date
Model = TypeVar("Model", bound=BaseModel)


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
    ``min_side`` is in pixels; ``bbox`` is west, south, east,
    north and ``lat``, ``lon`` are in degrees, ``radius`` in kilometres; ``distance`` is the most bits of 64 by which the
    perceptual hashes of near duplicates differ, None to keep them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    keywords: Annotated[tuple[Keyword, ...], Field(min_length=1)]
    size: Annotated[str, Field(strict=True)] = "medium-640"
    if_missing: IfMissing = "nearest"
    licences: Annotated[tuple[str, ...], Field(min_length=1)] = REUSABLE
    maximum: Annotated[Whole, Field(ge=1)] | None = 100
    maximum_per_taxon: Annotated[Whole, Field(ge=1)] | None = None
    per_page: Annotated[Whole, Field(ge=1, le=MOST_PER_PAGE)] = 100
    sort: Sort = "relevance"
    safe_search: Safety = "safe"
    taken_after: Moment | None = None
    taken_before: Moment | None = None
    uploaded_after: Moment | None = None
    uploaded_before: Moment | None = None
    bbox: tuple[Real, Real, Real, Real] | None = None
    lat: Annotated[Real, Field(ge=-90, le=90)] | None = None
    lon: Annotated[Real, Field(ge=-180, le=180)] | None = None
    radius: Annotated[Real, Field(gt=0, le=MOST_KILOMETRES)] | None = None
    has_geo: Annotated[bool, Field(strict=True)] | None = None
    min_side: Annotated[Whole, Field(ge=1)] = 64
    distance: Annotated[Whole, Field(ge=0, le=BITS)] | None = DEFAULT_DISTANCE

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

    @field_validator("taken_after", "taken_before", "uploaded_after", "uploaded_before", mode="before")
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
        _check_order("taken_after", self.taken_after, "taken_before", self.taken_before)
        _check_order("uploaded_after", self.uploaded_after, "uploaded_before", self.uploaded_before)
        _check_place(self)
        texts = [keyword.text.casefold() for keyword in self.keywords]
        twice = next((text for text in texts if texts.count(text) > 1), None)
        if twice is not None:
            raise ValueError(f"keywords: {twice!r} is listed twice")
        return self

    @property
    def wanted_size(self) -> Size:
        """The size asked for."""
        return size_named(self.size)

    @property
    def by_place(self) -> bool:
        """Whether the search is limited to an area."""
        return self.bbox is not None or self.lat is not None


def keyword_from(text: str) -> Keyword:
    """``Maniola jurtina`` or ``bruin zandoogje=Maniola jurtina``. Raises ValidationError."""
    searched, equals, taxon = text.partition("=")
    return Keyword(text=searched, taxon=taxon if equals else searched)


def request_from(values: Mapping[str, Any]) -> CollectRequest:
    """A checked request. Raises RequestError naming the first parameter that is wrong, and how many more are."""
    return checked(CollectRequest, values)


def checked(model: type[Model], values: Mapping[str, Any]) -> Model:
    """``model`` out of these values. Raises RequestError naming the first parameter that is wrong."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        first, more = problems[0], len(problems) - 1
        place = ".".join(str(part) for part in first["loc"] if not _is_branch(part))
        message = first["msg"].removeprefix("Value error, ")
        said = f"{place}: {message}" if place else message
        raise RequestError(said + (f" (and {more} more)" if more else "")) from None


def _is_branch(part: int | str) -> bool:
    """Pydantic puts the member of a union that it tried into the place of an error."""
    return isinstance(part, str) and part in {"date", "datetime", "int", "float", "constrained-int"}


def _check_order(first: str, earlier: Moment | None, second: str, later: Moment | None) -> None:
    if earlier is not None and later is not None and timestamp(earlier) > timestamp(later, end=True):
        raise ValueError(f"{first}: {earlier} is later than {second}, {later}")


def timestamp(moment: Moment, *, end: bool = False) -> int:
    """Unix seconds; a bare date begins at 00:00, or ends at 23:59:59 with ``end``; local time where no zone is given."""
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, *((23, 59, 59) if end else (0, 0, 0)))
    return math.floor(moment.timestamp())


def _check_place(request: CollectRequest) -> None:
    if request.bbox is not None:
        west, south, east, north = request.bbox
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise ValueError("bbox: must be west, south, east, north in degrees, with west < east and south < north")
        if request.lat is not None or request.lon is not None:
            raise ValueError("bbox: give either a bbox or lat and lon, not both")
    if (request.lat is None) != (request.lon is None):
        raise ValueError(f"{'lat' if request.lat is None else 'lon'}: lat and lon belong together")
    if request.radius is not None and request.lat is None:
        raise ValueError("radius: needs lat and lon")
    if request.by_place and request.per_page > MOST_PER_PAGE_WITH_PLACE:
        raise ValueError(f"per_page: Flickr answers at most {MOST_PER_PAGE_WITH_PLACE} in a search by place")
    if request.by_place and request.has_geo is False:
        raise ValueError("has_geo: a search by place only finds photos that have one")
