"""The season's records for programs, in the terms of Darwin Core."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, BeforeValidator, Field

from app.domain.errors import NotFound
from app.domain.occurrence import ACCEPTED, Precision, Standing
from app.services.records import occurrences, summary
from app.services.records.occurrences import Shape
from app.services.records.selection import Selection, is_known
from app.services.records.summary import Counted
from app.services.review.filters import MAX_TEXT
from app.web.api.review.shared import LARGEST, Day, Sessions, TaxonOut, refusals, taxon_out
from app.web.auth import Coordinator
from app.web.dependencies import LanguageDep, ReadSession

router = APIRouter(prefix="/api/v1/review/records", tags=["review"])
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
    dynamicProperties: str = Field(description="JSON: the status code, and what the computer made of it.")
    datasetName: str
    rightsHolder: str
    license: str
    modified: str


class RecordsOut(BaseModel):
    """A page of records, in the order in which they were sent."""

    records: list[OccurrenceOut]
    next: int | None = Field(description="`after` of the following page; null: this is the last.")


class CountedOut(BaseModel):
    records: int
    individuals: int


class SpeciesCountOut(BaseModel):
    """One species; null: none was named."""

    taxon: TaxonOut | None
    standings: dict[Standing, CountedOut]


class SummaryOut(BaseModel):
    """Whatever their standing. What is not accepted counts for the species it was claimed as."""

    records: int
    volunteers: int
    undated: int = Field(description="Records without a date; they count for the day on which they were sent.")
    unplaced: int = Field(description="Records without coordinates.")
    species: list[SpeciesCountOut]


def _time(
    session: ReadSession,
    since: Annotated[Day | None, Query(description="First day it was seen.")] = None,
    until: Annotated[Day | None, Query(description="Last day it was seen.")] = None,
    species: Annotated[str, Query(max_length=MAX_TEXT, description="Scientific name.")] = "",
) -> Selection:
    name = species.replace("\0", "").strip()
    if name and not is_known(session, name):
        raise NotFound(_NO_SPECIES)
    return Selection(since, until, name)


Time = Annotated[Selection, Depends(_time)]


@router.get("", summary="Records in Darwin Core", response_model=RecordsOut, responses=refusals(_404=_NO_SPECIES))
def list_records(
    _user: Coordinator,
    sessions: Sessions,
    language: LanguageDep,
    time: Time,
    standing: Annotated[list[Standing] | None, Query(description="Unasked: what is accepted.")] = None,
    precision: Annotated[Precision, Query(description="How exactly coordinates are told.")] = Precision.KILOMETRE,
    words: Annotated[
        bool, Query(description="With what the volunteer typed: the place, the name of another species.")
    ] = False,
    names: Annotated[bool, Query(description="With the names of the experts.")] = False,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="`next` of the page before.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> RecordsOut:
    """What was withdrawn is never among them."""
    wanted = Selection(time.since, time.until, time.scientific_name, frozenset(standing or ACCEPTED))
    found = occurrences.page(sessions, wanted, Shape(precision, words, names, language.code), after, limit)
    return RecordsOut(
        records=[OccurrenceOut.model_validate(one.fields) for one in found],
        next=found[-1].number if len(found) == limit else None,
    )


@router.get("/summary", summary="Count the records", response_model=SummaryOut, responses=refusals(_404=_NO_SPECIES))
def summarise(_user: Coordinator, session: ReadSession, language: LanguageDep, time: Time) -> SummaryOut:
    """By species and standing."""
    found = summary.summary(session, time)
    return SummaryOut(
        records=found.total.records,
        volunteers=found.volunteers,
        undated=found.undated,
        unplaced=found.unplaced,
        species=[
            SpeciesCountOut(
                taxon=taxon_out(one.taxon, language),
                standings={standing: _counted(count) for standing, count in one.standings.items()},
            )
            for one in found.species
        ],
    )


def _counted(count: Counted) -> CountedOut:
    return CountedOut(records=count.records, individuals=count.individuals)
