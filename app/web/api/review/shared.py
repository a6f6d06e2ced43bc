"""What the review desk's routes for programs have in common."""

import re
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel, BeforeValidator, Field, Strict, WithJsonSchema

from app.db import SessionFactory
from app.domain.review import PhotoQuality, ReviewReason
from app.models import Taxon
from app.services.review.filters import MAX_TEXT, Filter, ListState
from app.web import problems
from app.web.i18n import Language
from app.web.openapi import SOMETHING
from app.web.views import taxon_view

LARGEST = 2**31 - 1
Id = Annotated[int, Path(ge=1, le=LARGEST)]
"""The number of a row."""


def _a_number(value: object) -> object:
    """JSON knows 3 and 3.0 as the same number; true and "3" are none."""
    if isinstance(value, bool | str):
        raise ValueError("not a number")
    return value


NUMBER = BeforeValidator(_a_number)
"""For a number in a body. It stands last: in front of them it would keep the limits out of the document."""
YesNo = Annotated[bool, Strict()]
Revision = Annotated[int, Field(ge=0, le=LARGEST, description="Of the item, as it was when it was opened."), NUMBER]
TaxonName = Annotated[
    str,
    WithJsonSchema({"type": "string", "format": "taxon", "minLength": 1, "maxLength": 200}),
    Field(min_length=1, max_length=200),
]
"""A scientific name out of `/api/v1/review/taxa`."""
Remark = Annotated[str, Field(max_length=2000)]
Seconds = Annotated[float, Field(ge=0, le=86_400, description="How long it took."), NUMBER]


def _calendar_day(text: object) -> object:
    """Only 2026-07-14: a number is no second of 1970."""
    if isinstance(text, str) and not _DAY.fullmatch(text):
        raise ValueError("a day is written as 2026-07-14")
    return text


_DAY = re.compile(r"\d{4}-\d\d-\d\d")
Day = Annotated[date, BeforeValidator(_calendar_day)]


def words(longest: int) -> Any:
    """Text in which something can be seen."""
    return Field(min_length=1, max_length=longest, pattern=SOMETHING)


class TaxonOut(BaseModel):
    """A species."""

    scientific_name: str
    vernacular_name: str = Field(description="In the language of the answer.")


class HappeningOut(BaseModel):
    """What became of an item meanwhile."""

    what: str = Field(examples=["taxon", "unable", "no_butterfly", "question", "undo", "claim_changed", "leased"])
    at: str
    user_name: str
    scientific_name: str | None
    code: str | None


class StaleProblem(problems.Problem):
    """Why it was refused; where the item has changed since it was opened, or another reviewer has it open, what happened."""

    revision: int | None = Field(None, description="Of the item now.")
    happened: list[HappeningOut] = Field(default_factory=list)


def named(taxon: Taxon, language: Language) -> TaxonOut:
    """The taxon in words."""
    view = taxon_view(taxon, language)
    return TaxonOut(scientific_name=view.scientific_name, vernacular_name=view.vernacular_name)


def taxon_out(taxon: Taxon | None, language: Language) -> TaxonOut | None:
    """The same where there may be none."""
    return None if taxon is None else named(taxon, language)


def refusals(**texts: str) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route: who may, and what else can be wrong, as in ``_404="…"``. A 409 may be a StaleProblem."""
    access = {401: "Sign in, or send an API key.", 403: "Not for this role or key."}
    return problems.described(access | {int(name.removeprefix("_")): text for name, text in texts.items()})


def stale(text: str) -> dict[int | str, dict[str, Any]]:
    """The 409 of whatever is refused to an old page."""
    schema = StaleProblem.model_json_schema()
    schema["properties"]["happened"]["items"] = schema.pop("$defs")["HappeningOut"]
    return {409: {"description": text, "content": {problems.MEDIA_TYPE: {"schema": schema}}}}


def _sessions(request: Request) -> SessionFactory:
    return request.app.state.sessions


Sessions = Annotated[SessionFactory, Depends(_sessions)]


def _filter(
    state: Annotated[ListState, Query()] = ListState.OPEN,
    reason: Annotated[ReviewReason | None, Query()] = None,
    claimed: Annotated[str, Query(max_length=MAX_TEXT, description="Scientific name, or `none`.")] = "",
    predicted: Annotated[str, Query(max_length=MAX_TEXT, description="Scientific name, or `none`.")] = "",
    from_date: Annotated[Day | None, Query(alias="from", description="First day it was seen.")] = None,
    to_date: Annotated[Day | None, Query(alias="to", description="Last day it was seen.")] = None,
    place: Annotated[str, Query(max_length=MAX_TEXT, description="How the place begins.")] = "",
    reviewer: Annotated[int | None, Query(ge=1, le=LARGEST, description="Who identified it last.")] = None,
    quality: Annotated[PhotoQuality | None, Query()] = None,
    text: Annotated[str, Query(max_length=MAX_TEXT, description="Words in place, note and typed name.")] = "",
) -> Filter:
    claimed, predicted, place, text = (part.replace("\0", "").strip() for part in (claimed, predicted, place, text))
    return Filter(state, reason, claimed, predicted, from_date, to_date, place, reviewer, quality, text)


FilterDep = Annotated[Filter, Depends(_filter)]
