"""Which records are meant, and the species each of them is of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from app.domain.occurrence import ACCEPTED, NAMED_BY_EXPERTS, STATUSES, Standing
from app.domain.submission import SubmissionStatus
from app.domain.verification import VerificationStatus
from app.models import ClaimRecord, ReviewTask, Submission, Taxon

# The claim that stands: the latest. Its key, for the join.
_LATEST = (
    select(func.max(ClaimRecord.id))
    .where(ClaimRecord.submission_id == Submission.id)
    .correlate(Submission)
    .scalar_subquery()
)


def _codes(standings: Iterable[Standing]) -> list[VerificationStatus]:
    return sorted(status for standing in standings for status in STATUSES[standing])


# What experts said where they named a species, else what the volunteer did.
TAXON_ID: ColumnElement[Any] = case(
    (Submission.verification_status.in_(_codes(NAMED_BY_EXPERTS)), ReviewTask.outcome_taxon_id),
    else_=ClaimRecord.taxon_id,
)


@dataclass(frozen=True)
class Selection:
    """Records from ``since`` to ``until``, both included, None without end; of one species, or of all where it is empty.

    A record without a date counts for the day on which it was sent (UTC). What was withdrawn is never among them.
    """

    since: date | None = None
    until: date | None = None
    scientific_name: str = ""
    standings: frozenset[Standing] = ACCEPTED


def of(wanted: Selection, *columns: Any) -> Select[Any]:
    """A query for ``columns`` of the records that are meant; ``TAXON_ID`` may be among them."""
    return (
        select(*columns)
        .select_from(Submission)
        .join(ClaimRecord, ClaimRecord.id == _LATEST)
        .outerjoin(ReviewTask, ReviewTask.submission_id == Submission.id)
        .where(*_conditions(wanted))
    )


def _conditions(wanted: Selection) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Submission.status != SubmissionStatus.WITHDRAWN]
    if wanted.standings != frozenset(Standing):
        found.append(Submission.verification_status.in_(_codes(wanted.standings)))
    if wanted.since is not None:
        found.append(
            _seen_or_sent(Submission.event_date >= wanted.since, Submission.created_at >= _begin(wanted.since))
        )
    if wanted.until is not None and wanted.until < date.max:
        after = wanted.until + timedelta(days=1)
        found.append(_seen_or_sent(Submission.event_date < after, Submission.created_at < _begin(after)))
    if wanted.scientific_name:
        taxon = select(Taxon.id).where(Taxon.scientific_name == wanted.scientific_name)
        found.append(TAXON_ID == taxon.scalar_subquery())
    return found


def _seen_or_sent(seen: ColumnElement[bool], sent: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(seen, and_(Submission.event_date.is_(None), sent))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def years(session: Session) -> list[int]:
    """Every year between the first record and the last, the latest first."""
    kept = Submission.status != SubmissionStatus.WITHDRAWN
    dated = session.execute(select(func.min(Submission.event_date), func.max(Submission.event_date)).where(kept)).one()
    undated = session.execute(
        select(func.min(Submission.created_at), func.max(Submission.created_at)).where(
            kept, Submission.event_date.is_(None)
        )
    ).one()
    found = [day.year for day in (*dated, *undated) if day is not None]
    return list(range(max(found), min(found) - 1, -1)) if found else []
