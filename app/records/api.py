"""The season's records for programs, in the terms of Darwin Core."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, BeforeValidator, Field

from app.core.db import SessionFactory, reading
from app.core.errors import NotFound
from app.core.roles import Scope
from app.core.web.auth import RecordsReader
from app.core.web.dependencies import LanguageDep
from app.core.web.openapi import LARGEST, Day, Moment, refusals
from app.records import occurrences
from app.records.occurrences import Shape
from app.records.rules import ACCEPTED, Precision, Standing
from app.records.selection import Selection, is_known
from app.review.filters import MAX_TEXT

router = APIRouter(prefix="/api/v1/review", tags=["records"])
_NO_SPECIES = "There is no such species."
_OrNone = BeforeValidator(lambda text: text or None)


class OccurrenceOut(BaseModel):
    """A record; the terms are those of Darwin Core (https://dwc.tdwg.org/terms/). Empty: there is nothing to say."""

    occurrenceID: str = Field(description="The same for ever.")
    basisOfRecord: str
    occurrenceStatus: str
    scientificName: str = Field(
        description="As experts named it where they did, else as it was claimed; empty where neither holds."
    )
    taxonRank: str
    taxonID: str
    vernacularName: str
    individualCount: int
    eventDate: str
    decimalLatitude: Annotated[float | None, _OrNone]
    decimalLongitude: Annotated[float | None, _OrNone]
    geodeticDatum: str
    coordinateUncertaintyInMeters: Annotated[int | None, _OrNone]
    coordinatePrecision: Annotated[float | None, _OrNone]
    locality: str
    verbatimIdentification: str = Field(description="What the volunteer said first.")
    identifiedBy: str
    dateIdentified: str
    identificationVerificationStatus: str
    identificationRemarks: str
    dataGeneralizations: str
    informationWithheld: str
    dynamicProperties: str = Field(
        description="JSON: the status code, the licence of the photos, and what the computer made of it."
    )
    datasetName: str
    rightsHolder: str
    license: str
    modified: str


class RecordsOut(BaseModel):
    """A page of records, in the order in which they were sent."""

    records: list[OccurrenceOut]
    next: int | None = Field(description="`after` of the following page; null: this is the last.")


class RecordsQuery(BaseModel):
    """Which records, in which shape, and which page of them."""

    since: Day | None = Field(None, description="First day it was seen.")
    until: Day | None = Field(None, description="Last day it was seen.")
    changed_since: Moment | None = Field(
        None,
        description="Only what was sent or changed at this moment or later. Ask for every standing with it, to learn what"
        " is not accepted any more.",
    )
    species: str = Field("", max_length=MAX_TEXT, description="Scientific name.")
    standing: list[Standing] | None = Field(None, description="Unasked: what is accepted.")
    precision: Precision = Field(Precision.KILOMETRE, description="How exactly coordinates are told.")
    words: bool = Field(False, description="With what the volunteer typed: the place, the name of another species.")
    names: bool = Field(False, description="With the names of the experts.")
    after: int = Field(0, ge=0, le=LARGEST, description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=1000)


@router.get(
    "/records",
    summary="Records in Darwin Core",
    response_model=RecordsOut,
    responses=refusals(Scope.RECORDS, _404=_NO_SPECIES),
)
def list_records(
    request: Request, _user: RecordsReader, language: LanguageDep, query: Annotated[RecordsQuery, Query()]
) -> RecordsOut:
    """What was withdrawn is never among them."""
    sessions: SessionFactory = request.app.state.sessions
    selection = Selection(
        query.since,
        query.until,
        _known(sessions, query.species),
        frozenset(query.standing or ACCEPTED),
        query.changed_since,
    )
    shape = Shape(query.precision, query.words, query.names, language.code)
    page = occurrences.page(sessions, selection, shape, query.after, query.limit)
    return RecordsOut(
        records=[OccurrenceOut.model_validate(record.fields) for record in page],
        next=page[-1].number if len(page) == query.limit else None,
    )


def _known(sessions: SessionFactory, species: str) -> str:
    """The scientific name without white space around. Raises NotFound for an unknown species."""
    name = species.replace("\0", "").strip()
    if name:
        with reading(sessions) as session:
            if not is_known(session, name):
                raise NotFound(_NO_SPECIES)
    return name
