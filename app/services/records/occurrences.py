"""Records one after the other, in the terms of Darwin Core (https://dwc.tdwg.org/terms/)."""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session, aliased

from app.db import SessionFactory, reading
from app.domain.occurrence import (
    BY_STATUS,
    LICENCE_URLS,
    NAMED_BY_EXPERTS,
    PUBLISHED,
    Place,
    Precision,
    Standing,
    generalised,
)
from app.domain.review import IdentificationKind
from app.domain.verdict import Outcome
from app.models import (
    ClaimRecord,
    Identification,
    ModelVersion,
    ReviewTask,
    StatusLog,
    Submission,
    Taxon,
    User,
    VerdictRecord,
)
from app.services.records import description, selection
from app.services.records.description import Description
from app.services.records.selection import TAXON_ID, Selection

BATCH = 1000
# A record's number for the world is made of its link, which can't be found out from it: version 5 is a one-way hash.
_NAMESPACE = uuid.UUID("4f0c1d0e-93a4-5c0e-8a54-0d6f3c5f6b1e")
_GBIF = "https://www.gbif.org/species/"
_CHANGED = (
    select(func.max(StatusLog.created_at))
    .where(StatusLog.submission_id == Submission.id)
    .correlate(Submission)
    .scalar_subquery()
)


@dataclass(frozen=True)
class Shape:
    """What is told of a record: how exactly its place, whether the words that describe it, and who identified it."""

    precision: Precision = Precision.KILOMETRE
    locality: bool = False
    names: bool = False
    language: str = "en"


@dataclass(frozen=True)
class Occurrence:
    """One record. ``fields``: Darwin Core term → text, every term of ``TERMS``, empty where there is nothing to say."""

    number: int
    fields: dict[str, str]


@dataclass(frozen=True)
class _Verdict:
    """What the machine made of a record, and which version it was."""

    outcome: Outcome
    support: float | None
    model: str


@dataclass(frozen=True)
class _Record:
    """A row, with what belongs to it. ``taxon`` None: nobody named a species, or it is not what it was sent as."""

    row: Row[Any]
    standing: Standing
    taxon: Taxon | None
    place: Place | None
    claim: ClaimRecord
    verdict: _Verdict | None
    experts: Sequence[str]
    described: Description | None
    shape: Shape


def occurrences(
    sessions: SessionFactory, wanted: Selection, shape: Shape, after: int = 0, batch: int = BATCH
) -> Iterator[Occurrence]:
    """Every record that is meant, each once, in the order in which they were sent; those after number ``after``.

    Each batch is read by itself, so that a long download holds no transaction open: a record that is decided meanwhile
    stands here as it was when its batch was read.
    """
    while found := page(sessions, wanted, shape, after, batch):
        yield from found
        after = found[-1].number


def page(sessions: SessionFactory, wanted: Selection, shape: Shape, after: int, size: int) -> list[Occurrence]:
    """The first ``size`` records after number ``after``."""
    with reading(sessions) as session:
        rows = session.execute(
            selection.of(
                wanted,
                Submission.id,
                Submission.token,
                Submission.verification_status,
                Submission.individual_count,
                Submission.event_date,
                Submission.place,
                Submission.latitude,
                Submission.longitude,
                Submission.created_at,
                TAXON_ID.label("taxon_id"),
                ReviewTask.closed_at,
                _CHANGED.label("changed_at"),
            )
            .where(Submission.id > after)
            .order_by(Submission.id)
            .limit(size)
        ).all()
        records = _records(session, rows, shape)
    return [Occurrence(one.row.id, {term: tell(one) for term, tell in _TERMS.items()}) for one in records]


def _records(session: Session, rows: Sequence[Row[Any]], shape: Shape) -> list[_Record]:
    numbers = [row.id for row in rows]
    taxa = {taxon.id: taxon for taxon in session.scalars(select(Taxon))}
    claims: dict[int, ClaimRecord] = {}
    query = select(ClaimRecord).where(ClaimRecord.submission_id.in_(numbers)).order_by(ClaimRecord.id)
    for claim in session.scalars(query):
        claims.setdefault(claim.submission_id, claim)  # the first one: before anybody had an opinion on it
    verdicts = _verdicts(session, numbers)
    experts = _experts(session, rows) if shape.names else {}
    described = description.current(session)
    found = []
    for row in rows:
        standing = BY_STATUS[row.verification_status]
        located = row.latitude is not None and row.longitude is not None
        found.append(
            _Record(
                row=row,
                standing=standing,
                taxon=None if standing is Standing.NOT_ACCEPTED else taxa.get(row.taxon_id),
                place=generalised(row.latitude, row.longitude, shape.precision) if located else None,
                claim=claims[row.id],
                verdict=verdicts.get(row.id),
                experts=experts.get(row.id, ()),
                described=described,
                shape=shape,
            )
        )
    return found


def _verdicts(session: Session, numbers: list[int]) -> dict[int, _Verdict]:
    """The latest of each; no whole rows, for a version's long texts would be read with every one of them."""
    query = (
        select(
            VerdictRecord.submission_id,
            VerdictRecord.outcome,
            VerdictRecord.support,
            ModelVersion.name,
            ModelVersion.version,
        )
        .join(ModelVersion, ModelVersion.id == VerdictRecord.model_version_id)
        .where(VerdictRecord.submission_id.in_(numbers))
        .order_by(VerdictRecord.id)
    )
    return {
        number: _Verdict(outcome, support, f"{name} {version}")
        for number, outcome, support, name, version in session.execute(query)
    }


def _experts(session: Session, rows: Sequence[Row[Any]]) -> dict[int, list[str]]:
    """Who says of each record what it is now, in the order in which they said it."""
    undo = aliased(Identification)
    query = (
        select(Identification.submission_id, Identification.taxon_id, User.name)
        .join(User, User.id == Identification.user_id)
        .outerjoin(undo, undo.undoes_id == Identification.id)
        .where(
            Identification.submission_id.in_([row.id for row in rows]),
            Identification.kind == IdentificationKind.TAXON,
            undo.id.is_(None),
        )
        .order_by(Identification.id)
    )
    settled = {row.id: row.taxon_id for row in rows if BY_STATUS[row.verification_status] in NAMED_BY_EXPERTS}
    found: dict[int, list[str]] = defaultdict(list)
    for number, taxon_id, name in session.execute(query):
        if settled.get(number) == taxon_id and name not in found[number]:
            found[number].append(name)
    return found


# --- each term ---------------------------------------------------------------------------------------------------------


def _of_taxon(tell: Callable[[Taxon, str], str | None]) -> Callable[[_Record], str]:
    """Something of the species, given with the language of names; empty without a species."""
    return lambda record: (tell(record.taxon, record.shape.language) or "") if record.taxon else ""


def _of_place(tell: Callable[[Place], str | int | None]) -> Callable[[_Record], str]:
    """Something of the place; empty where it is not told."""
    return lambda record: str(tell(record.place) or "") if record.place else ""


def _verbatim(record: _Record) -> str:
    return record.claim.verbatim or (record.claim.taxon.scientific_name if record.claim.taxon else "")


def _locality(record: _Record) -> str:
    return record.row.place if record.shape.locality else ""


def _withheld(record: _Record) -> str:
    parts = []
    if record.shape.precision is Precision.NONE and record.row.latitude is not None:
        parts.append("coordinates")
    if not record.shape.locality and record.row.place:
        parts.append("locality")
    return f"Withheld: {', '.join(parts)}" if parts else ""


def _identified_on(record: _Record) -> str:
    decided = record.standing in NAMED_BY_EXPERTS
    return _day(record.row.closed_at) if decided else ""


def _remarks(record: _Record) -> str:
    if record.standing is not Standing.MACHINE or record.verdict is None:
        return ""
    return f"Accepted by machine: {record.verdict.model} agrees with the volunteer"


def _properties(record: _Record) -> str:
    """What Darwin Core has no term for: the code, and what the machine made of it."""
    told: dict[str, Any] = {"verificationStatus": record.row.verification_status.value}
    if verdict := record.verdict:
        told |= {"verdict": verdict.outcome.value, "model": verdict.model}
        if verdict.support is not None:
            told["support"] = round(verdict.support, 4)
    return json.dumps(told, ensure_ascii=False)


def _of_set(tell: Callable[[Description], str]) -> Callable[[_Record], str]:
    """Something of all records together; empty until they are described."""
    return lambda record: tell(record.described) if record.described else ""


def _day(value: date | None) -> str:
    return f"{value:%Y-%m-%d}" if value else ""


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}"  # times come out of the database in UTC


_TERMS: dict[str, Callable[[_Record], str]] = {
    "occurrenceID": lambda record: f"urn:uuid:{uuid.uuid5(_NAMESPACE, record.row.token)}",
    "basisOfRecord": lambda _: "HumanObservation",
    "occurrenceStatus": lambda record: "" if record.standing is Standing.NOT_ACCEPTED else "present",
    "scientificName": _of_taxon(lambda taxon, _: taxon.scientific_name),
    "taxonRank": _of_taxon(lambda taxon, _: taxon.taxon_rank),
    "taxonID": _of_taxon(lambda taxon, _: f"{_GBIF}{taxon.gbif_key}" if taxon.gbif_key else ""),
    "vernacularName": _of_taxon(lambda taxon, language: taxon.vernacular_name(language)),
    "individualCount": lambda record: str(record.row.individual_count),
    "eventDate": lambda record: _day(record.row.event_date),
    "decimalLatitude": _of_place(lambda place: place.latitude),
    "decimalLongitude": _of_place(lambda place: place.longitude),
    "geodeticDatum": _of_place(lambda _: "EPSG:4326"),
    "coordinateUncertaintyInMeters": _of_place(lambda place: place.uncertainty),
    "coordinatePrecision": _of_place(lambda place: place.step),
    "locality": _locality,
    "verbatimIdentification": _verbatim,
    "identifiedBy": lambda record: " | ".join(record.experts),
    "dateIdentified": _identified_on,
    "identificationVerificationStatus": lambda record: PUBLISHED[record.row.verification_status],
    "identificationRemarks": _remarks,
    "dataGeneralizations": _of_place(
        lambda place: f"Coordinates rounded to {place.step} degrees" if place.step else ""
    ),
    "informationWithheld": _withheld,
    "dynamicProperties": _properties,
    "datasetName": _of_set(lambda described: described.title),
    "rightsHolder": _of_set(lambda described: described.organisation),
    "license": _of_set(lambda described: LICENCE_URLS[described.licence]),
    "modified": lambda record: _moment(record.row.changed_at or record.row.created_at),
}
TERMS = tuple(_TERMS)
