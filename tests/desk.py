"""A review desk with items that wait, written straight into the database: what tests of the desk start from."""

from datetime import date
from itertools import count
from typing import Any

from sqlalchemy import select

from app.core.db import SessionFactory, reading, transaction
from app.predictions.rules import ClaimKind, Outcome, Reason
from app.predictions.tables import ModelVersion
from app.review import tasks
from app.review.decisions import Decision
from app.review.rules import IdentificationKind, ReviewReason
from app.review.tables import ReviewTask
from app.submissions.rules import Source, SubmissionStatus, VerificationStatus
from app.submissions.tables import ClaimRecord, Photo, PredictionRecord, Submission, VerdictRecord, Volunteer
from app.taxa.tables import Taxon
from tests.app.sending import TAXA

_numbers = count(1)


def taxon_ids(sessions: SessionFactory) -> dict[str, int]:
    """Ids by scientific name."""
    with reading(sessions) as session:
        return {row[0]: row[1] for row in session.execute(select(Taxon.scientific_name, Taxon.id))}


def waiting(
    sessions: SessionFactory,
    number: int = 1,
    *,
    claimed: str | None = TAXA[0],
    predicted: str = TAXA[1],
    outcome: Outcome = Outcome.DISAGREE,
    support: float = 0.1,
    accepted: bool = False,
    place: str = "",
    day: date | None = None,
    note: str = "",
    **values: Any,
) -> list[int]:
    """Submissions that were screened and wait, with all that belongs to them; ``values`` are written over their tasks."""
    with transaction(sessions) as session:
        model = session.scalars(select(ModelVersion)).first()
        assert model is not None
        taxon = session.scalar(select(Taxon).where(Taxon.scientific_name == claimed)) if claimed else None
        found = []
        for _ in range(number):
            n = next(_numbers)
            row = Submission(
                token=f"desk-{n:08}-{'x' * 8}",
                volunteer=Volunteer(key=f"desk-{n}"),
                idempotency_key=f"desk-{n}",
                content_digest=f"desk-{n}",
                status=_status(outcome, accepted),
                place=place,
                note=note,
                event_date=day,
                event_date_source=Source.TYPED if day else Source.MISSING,
            )
            if accepted:
                row.verification_status = VerificationStatus.ACCEPTED_BY_MACHINE
            row.claims.append(ClaimRecord(kind=ClaimKind.TAXON if taxon else ClaimKind.UNKNOWN, taxon=taxon))
            photo = Photo(
                token=f"photo-{n}", position=0, sha256=f"{n:064}", format="JPEG", byte_size=1, width=40, height=30
            )
            other = next(name for name in model.labels if name != predicted)
            photo.predictions.append(
                PredictionRecord(model_version_id=model.id, probabilities={predicted: 0.9, other: 0.1}, in_scope=0.9)
            )
            row.photos.append(photo)
            session.add(row)
            session.flush()
            verdict = VerdictRecord(
                claim_id=row.claim.id,
                model_version_id=model.id,
                outcome=outcome,
                reason=Reason.MODEL_DISAGREES if taxon else Reason.NO_CLAIM,
                photo_position=0,
                support=support,
                within_error_bound=True,
                machine_accepted=accepted,
                policy={},
            )
            row.verdicts.append(verdict)
            session.flush()
            session.add(_task(session, row, verdict, values))
            found.append(row.id)
    return found


def _status(outcome: Outcome, accepted: bool) -> SubmissionStatus:
    if accepted:
        return SubmissionStatus.AUTO_ACCEPTED
    return SubmissionStatus.SCREENED if outcome is Outcome.AGREE else SubmissionStatus.FLAGGED


def _task(session: Any, row: Submission, verdict: VerdictRecord, values: dict[str, Any]) -> ReviewTask:
    audit = verdict.machine_accepted
    task = ReviewTask(submission_id=row.id, reason=ReviewReason.UNCERTAIN, audit=audit, blind=audit, revision=1)
    task.waiting_since = row.created_at
    tasks.describe(session, task, row, verdict)
    tasks.put_back(task, verdict)
    for name, value in values.items():
        setattr(task, name, value)
    return task


def task_of(sessions: SessionFactory, submission_id: int) -> ReviewTask:
    """The task as it stands."""
    with reading(sessions) as session:
        return session.get_one(ReviewTask, submission_id)


def submission_of(sessions: SessionFactory, submission_id: int) -> Submission:
    """The submission as it stands."""
    with reading(sessions) as session:
        return session.get_one(Submission, submission_id)


def it_is(name: str = TAXA[1], **values: Any) -> Decision:
    """The answer that it is this species."""
    return Decision(IdentificationKind.TAXON, name, **values)
