"""Which records are selected, and the species each of them is of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, extract, func, literal, or_, select
from sqlalchemy.orm import Session

from app.records.rules import ACCEPTED, NAMED_BY_EXPERTS, STATUSES, Standing
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import ClaimRecord, StatusLog, Submission
from app.taxa.tables import Taxon


def _codes(standings: Iterable[Standing]) -> list[VerificationStatus]:
    return sorted(status for standing in standings for status in STATUSES[standing])


# A person who has spoken outranks the machine, also where a second one is needed before it is settled.
STANDING: ColumnElement[Any] = case(
    (
        and_(
            Submission.verification_status == VerificationStatus.ACCEPTED_BY_MACHINE,
            func.coalesce(ReviewTask.answers, 0) > 0,
        ),
        literal(Standing.UNDECIDED.value),
    ),
    *((Submission.verification_status.in_(_codes([standing])), literal(standing.value)) for standing in Standing),
)
# When anything about it changed last: whoever changes a record writes a row of its log.
CHANGED_AT: ColumnElement[Any] = func.coalesce(
    select(func.max(StatusLog.created_at))
    .where(StatusLog.submission_id == Submission.id)
    .correlate(Submission)
    .scalar_subquery(),
    Submission.created_at,
)
# What experts said where they named a species, else what the volunteer did.
TAXON_ID: ColumnElement[Any] = case(
    (Submission.verification_status.in_(_codes(NAMED_BY_EXPERTS)), ReviewTask.outcome_taxon_id),
    else_=ClaimRecord.taxon_id,
)


@dataclass(frozen=True)
class Selection:
    """Records from ``since`` to ``until``, both included, None without end; of one species, or of all where it is empty.

    A record without a date counts for the day on which it was sent (UTC). What was withdrawn is never among them.
    ``changed_since``: only what changed at that moment or later; being sent is the first change.
    """

    since: date | None = None
    until: date | None = None
    scientific_name: str = ""
    standings: frozenset[Standing] = ACCEPTED
    changed_since: datetime | None = None


def select_records(selection: Selection, *columns: Any) -> Select[Any]:
    """A query for ``columns`` of the selected records; ``TAXON_ID`` may be among them."""
    return (
        select(*columns)
        .select_from(Submission)
        .join(ClaimRecord, ClaimRecord.id == Submission.latest_claim_id())
        .outerjoin(ReviewTask, ReviewTask.submission_id == Submission.id)
        .where(*_conditions(selection))
    )


def _conditions(selection: Selection) -> list[ColumnElement[bool]]:
    result: list[ColumnElement[bool]] = [Submission.status != SubmissionStatus.WITHDRAWN]
    if selection.standings != frozenset(Standing):
        result.append(STANDING.in_(sorted(standing.value for standing in selection.standings)))
    if selection.since is not None:
        result.append(
            _seen_or_sent(Submission.event_date >= selection.since, Submission.created_at >= _begin(selection.since))
        )
    if selection.until is not None and selection.until < date.max:
        after = selection.until + timedelta(days=1)
        result.append(_seen_or_sent(Submission.event_date < after, Submission.created_at < _begin(after)))
    if selection.changed_since is not None:
        result.append(CHANGED_AT >= selection.changed_since)
    if selection.scientific_name:
        taxon = select(Taxon.id).where(Taxon.scientific_name == selection.scientific_name)
        result.append(TAXON_ID == taxon.scalar_subquery())
    return result


def _seen_or_sent(seen: ColumnElement[bool], sent: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(seen, and_(Submission.event_date.is_(None), sent))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def is_known(session: Session, scientific_name: str) -> bool:
    """Whether there is such a species, be it one that is no longer offered."""
    return session.scalar(select(Taxon.id).where(Taxon.scientific_name == scientific_name)) is not None


def years(session: Session) -> list[int]:
    """Every year of which there is a record, the latest first."""
    kept = Submission.status != SubmissionStatus.WITHDRAWN
    seen, sent = extract("year", Submission.event_date), extract("year", Submission.created_at)
    dated = select(seen).where(kept, Submission.event_date.is_not(None)).distinct()
    undated = select(sent).where(kept, Submission.event_date.is_(None)).distinct()
    return sorted({int(year) for query in (dated, undated) for year in session.scalars(query)}, reverse=True)
