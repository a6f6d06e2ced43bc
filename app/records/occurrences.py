"""Records one after the other, in the terms of Darwin Core (https://dwc.tdwg.org/terms/)."""

import json
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, false, func, select
from sqlalchemy.orm import Session

from app.accounts.tables import User
from app.core.db import SessionFactory, reading
from app.organisation import details as organisation
from app.organisation.rules import LICENCE_URLS
from app.predictions.rules import Outcome
from app.predictions.tables import ModelVersion
from app.records import description
from app.records.description import Description
from app.records.rules import NAMED_BY_EXPERTS, PUBLISHED, Place, Precision, Standing, generalised, published
from app.records.selection import CHANGED_AT, STANDING, TAXON_ID, Selection, select_records
from app.review.tables import Identification, ReviewTask
from app.submissions.tables import ClaimRecord, Submission, VerdictRecord
from app.taxa.tables import Taxon

BATCH = 1000
# occurrenceID is made of the submission's link, which can't be recovered from it: version 5 is a one-way hash.
_NAMESPACE = uuid.UUID("4f0c1d0e-93a4-5c0e-8a54-0d6f3c5f6b1e")
_GBIF = "https://www.gbif.org/species/"


@dataclass(frozen=True)
class Shape:
    """What is published of a record: how exactly its place, and whether what the volunteer typed and who identified it."""

    precision: Precision = Precision.KILOMETRE
    words: bool = False
    names: bool = False
    language: str = "en"


@dataclass(frozen=True)
class Occurrence:
    """One record. ``fields``: Darwin Core term → text, every term of ``TERMS``, empty where there is nothing to say."""

    number: int
    fields: dict[str, str]


@dataclass(frozen=True)
class _Verdict:
    """The verdict on a record, and the version that it came from."""

    outcome: Outcome
    support: float | None
    model: str


@dataclass(frozen=True)
class _Record:
    """A row with what belongs to it. ``taxon`` None: nobody named a species, or the record was not accepted."""

    row: Row[Any]
    standing: Standing
    taxon: Taxon | None
    place: Place | None
    claim: ClaimRecord
    verdict: _Verdict | None
    experts: Sequence[str]
    described: Description | None
    publisher: str
    shape: Shape


def occurrences(
    sessions: SessionFactory, selection: Selection, shape: Shape, after: int = 0, batch: int = BATCH
) -> Iterator[Occurrence]:
    """Every selected record, each once, in the order in which they were sent; those after number ``after``.

    Each batch is read by itself, so that a long download holds no transaction open: a record that is decided meanwhile
    stands here as it was when its batch was read.
    """
    while records := page(sessions, selection, shape, after, batch):
        yield from records
        after = records[-1].number


def page(
    sessions: SessionFactory, selection: Selection, shape: Shape, after: int, size: int, *, blind: bool = True
) -> list[Occurrence]:
    """The first ``size`` records after number ``after``; without ``blind``, none that experts judge blind."""
    not_blind = [] if blind else [func.coalesce(ReviewTask.blind, false()).is_(false())]
    with reading(sessions) as session:
        rows = session.execute(
            select_records(
                selection,
                Submission.id,
                Submission.token,
                Submission.verification_status,
                Submission.individual_count,
                Submission.event_date,
                Submission.place,
                Submission.latitude,
                Submission.longitude,
                Submission.place_rounded_at,
                Submission.photo_licence,
                Submission.created_at,
                TAXON_ID.label("taxon_id"),
                STANDING.label("standing"),
                ClaimRecord.id.label("claim_id"),
                ReviewTask.closed_at,
                CHANGED_AT.label("changed_at"),
            )
            .where(Submission.id > after, *not_blind)
            .order_by(Submission.id)
            .limit(size)
        ).all()
        records = _records(session, rows, shape)
    return [
        Occurrence(record.row.id, {term: text_of(record) for term, text_of in _TERMS.items()}) for record in records
    ]


def _records(session: Session, rows: Sequence[Row[Any]], shape: Shape) -> list[_Record]:
    ids = [row.id for row in rows]
    taxa = {taxon.id: taxon for taxon in session.scalars(select(Taxon))}
    claims: dict[int, ClaimRecord] = {}
    query = select(ClaimRecord).where(ClaimRecord.submission_id.in_(ids)).order_by(ClaimRecord.id)
    for claim in session.scalars(query):
        claims.setdefault(claim.submission_id, claim)  # the first one: before anybody had an opinion on it
    verdicts = _verdicts(session, [row.claim_id for row in rows])
    experts = _experts(session, rows) if shape.names else {}
    described, publisher = description.current(session), organisation.current(session).name
    records = []
    for row in rows:
        standing = Standing(row.standing)
        located = row.latitude is not None and row.longitude is not None
        records.append(
            _Record(
                row=row,
                standing=standing,
                taxon=None if standing is Standing.NOT_ACCEPTED else taxa.get(row.taxon_id),
                place=_place(row, shape) if located else None,
                claim=claims[row.id],
                verdict=verdicts.get(row.claim_id),
                experts=experts.get(row.id, ()),
                described=described,
                publisher=publisher,
                shape=shape,
            )
        )
    return records


def _place(row: Row[Any], shape: Shape) -> Place | None:
    """Where it was, as it is published; never more exact than it is still kept."""
    rounded = row.place_rounded_at is not None
    return generalised(row.latitude, row.longitude, published(shape.precision, rounded=rounded))


def _verdicts(session: Session, claims: list[int]) -> dict[int, _Verdict]:
    """The latest on each claim; no whole rows, for a version's long texts would be read with every one of them."""
    query = (
        select(
            VerdictRecord.claim_id,
            VerdictRecord.outcome,
            VerdictRecord.support,
            ModelVersion.name,
            ModelVersion.version,
        )
        .join(ModelVersion, ModelVersion.id == VerdictRecord.model_version_id)
        .where(VerdictRecord.claim_id.in_(claims))
        .order_by(VerdictRecord.id)
    )
    return {
        claim: _Verdict(outcome, support, f"{name} {version}")
        for claim, outcome, support, name, version in session.execute(query)
    }


def _experts(session: Session, rows: Sequence[Row[Any]]) -> dict[int, list[str]]:
    """Who says of each record what it is now, in the order in which they said it; of each expert the latest answer counts."""
    query = (
        select(Identification.submission_id, Identification.user_id, Identification.taxon_id, User.name)
        .join(User, User.id == Identification.user_id)
        .where(Identification.submission_id.in_([row.id for row in rows]), Identification.is_standing_answer())
        .order_by(Identification.id)
    )
    outcomes = {row.id: row.taxon_id for row in rows if Standing(row.standing) in NAMED_BY_EXPERTS}
    latest: dict[tuple[int, int], tuple[int | None, str]] = {}
    for submission_id, user_id, taxon_id, name in session.execute(query):
        latest.pop((submission_id, user_id), None)
        latest[submission_id, user_id] = (taxon_id, name)
    experts: dict[int, list[str]] = defaultdict(list)
    for (submission_id, _user_id), (taxon_id, name) in latest.items():
        if submission_id in outcomes and outcomes[submission_id] == taxon_id:
            experts[submission_id].append(name)
    return experts


# --- each term ---------------------------------------------------------------------------------------------------------


def _of_taxon(value_of: Callable[[Taxon, str], str | None]) -> Callable[[_Record], str]:
    """Something of the species, given with the language of names; empty without a species."""
    return lambda record: (value_of(record.taxon, record.shape.language) or "") if record.taxon else ""


def _of_place(value_of: Callable[[Place], str | int | None]) -> Callable[[_Record], str]:
    """Something of the place; empty where it is not published."""
    return lambda record: str(value_of(record.place) or "") if record.place else ""


def _verbatim(record: _Record) -> str:
    typed = record.claim.verbatim if record.shape.words else ""
    return typed or (record.claim.taxon.scientific_name if record.claim.taxon else "")


def _locality(record: _Record) -> str:
    return record.row.place if record.shape.words else ""


def _withheld(record: _Record) -> str:
    parts = []
    if record.shape.precision is Precision.NONE and record.row.latitude is not None:
        parts.append("coordinates")
    if not record.shape.words:
        typed = {"locality": record.row.place, "verbatimIdentification": record.claim.verbatim}
        parts += [term for term, text in typed.items() if text]
    return f"Withheld: {', '.join(parts)}" if parts else ""


def _identified_on(record: _Record) -> str:
    decided = record.standing in NAMED_BY_EXPERTS
    return _day(record.row.closed_at) if decided else ""


def _remarks(record: _Record) -> str:
    if record.standing is not Standing.MACHINE or record.verdict is None:
        return ""
    return f"Accepted by machine: {record.verdict.model} agrees with the volunteer"


def _properties(record: _Record) -> str:
    """What Darwin Core has no term for: the status code, the licence of the photos, and the verdict of the machine."""
    properties: dict[str, Any] = {"verificationStatus": record.row.verification_status.value}
    if record.row.photo_licence:
        properties["photoLicence"] = record.row.photo_licence.value
    if verdict := record.verdict:
        properties |= {"verdict": verdict.outcome.value, "model": verdict.model}
        if verdict.support is not None:
            properties["support"] = round(verdict.support, 4)
    return json.dumps(properties, ensure_ascii=False)


def _of_set(value_of: Callable[[Description], str]) -> Callable[[_Record], str]:
    """Something of all records together; empty until they are described."""
    return lambda record: value_of(record.described) if record.described else ""


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
    "rightsHolder": lambda record: record.publisher,
    "license": _of_set(lambda described: LICENCE_URLS[described.licence]),
    "modified": lambda record: _moment(record.row.changed_at),
}
TERMS = tuple(_TERMS)
