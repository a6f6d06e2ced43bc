"""What a volunteer puts right in a record, until an expert has decided on it. Every change stands in its log."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, transaction
from app.core.errors import Conflict, InvalidSubmission, NotFound
from app.core.tables import JobKind
from app.predictions.rules import ClaimKind
from app.review import tasks
from app.submissions import status
from app.submissions.form import RecordFields
from app.submissions.new_submission import claimed_taxon, mistakes_between
from app.submissions.rules import UNDECIDED, Source, SubmissionStatus, VerificationStatus
from app.submissions.tables import ClaimRecord, Submission


class Corrections:
    """The use case. Whoever has the submission's link may."""

    def __init__(self, sessions: SessionFactory, send_message: jobs.Send) -> None:
        self._sessions = sessions
        self._send = send_message

    def correct(self, token: str, fields: RecordFields) -> None:
        """Change what ``fields`` gives; what was left out stays. Another claim is judged anew. Idempotent.

        Raises NotFound, InvalidSubmission, and Conflict once an expert has decided, or it was withdrawn.
        """
        with transaction(self._sessions) as session:
            submission = session.scalar(
                select(Submission).where(Submission.token == token).with_for_update(of=Submission)
            )
            if submission is None:
                raise NotFound("There is no submission at this link.")
            if submission.status not in UNDECIDED:
                raise Conflict("This submission can no longer be changed.")
            mistakes = [*fields.mistakes, *mistakes_between(session, fields)]
            if mistakes:
                raise InvalidSubmission(mistakes)
            changes = _apply(session, submission, fields)
            job_id = self._follow(session, submission, changes) if changes else None
        if job_id is not None:
            reach("claim-changed")
            jobs.send(self._sessions, self._send, job_id)

    def _follow(self, session: Session, submission: Submission, changes: dict[str, list[Any]]) -> int | None:
        """Log the changes and tell the desk; the id of the screening job where the claim was changed."""
        if "claim" in changes and submission.status is SubmissionStatus.AUTO_ACCEPTED:  # another claim was accepted
            status.change_status(
                submission,
                SubmissionStatus.FLAGGED,
                event="corrected",
                actor="volunteer",
                verification_status=VerificationStatus.PENDING,
            )
            submission.log[-1].changes = changes
        else:
            status.note_event(submission, event="corrected", actor="volunteer", changes=changes)
        tasks.after_change(session, submission, "corrected")
        return jobs.create(session, JobKind.SCREENING, submission.id).id if "claim" in changes else None


def _apply(session: Session, submission: Submission, fields: RecordFields) -> dict[str, list[Any]]:
    """Write what differs into the row; what it was and what it is, by field, as the log keeps it."""
    given = fields.model_fields_set
    changes: dict[str, list[Any]] = {}
    for name in ("individual_count", "place", "note"):
        old, new = getattr(submission, name), getattr(fields, name)
        if name in given and old != new:
            setattr(submission, name, new)
            changes[name] = [old, new]
    if "event_date" in given and submission.event_date != fields.event_date:
        changes["event_date"] = [_text(submission.event_date), _text(fields.event_date)]
        submission.event_date = fields.event_date
        submission.event_date_source = Source.TYPED if fields.event_date else Source.MISSING
    if {"latitude", "longitude"} & given and _spot(submission) != _spot(fields):
        changes["coordinates"] = [_spot(submission), _spot(fields)]
        submission.latitude, submission.longitude = fields.latitude, fields.longitude
        device = fields.coordinate_source is Source.DEVICE
        source = Source.DEVICE if device else Source.TYPED
        submission.coordinate_source = Source.MISSING if fields.latitude is None else source
    if fields.claim:
        changes |= _apply_claim(session, submission, fields)
    return changes


def _apply_claim(session: Session, submission: Submission, fields: RecordFields) -> dict[str, list[Any]]:
    old = submission.claim
    kind, name = fields.claimed
    taxon = claimed_taxon(session, kind, name)
    was, now = (old.kind, old.taxon_id, old.verbatim), (kind, taxon.id if taxon else None, fields.claim_verbatim)
    if was == now:
        return {}
    informed = bool(submission.verdicts)
    submission.claims.append(ClaimRecord(kind=kind, taxon=taxon, verbatim=fields.claim_verbatim, informed=informed))
    session.flush()
    return {"claim": [_claim(old), _claim(submission.claim)]}


def _claim(claim: ClaimRecord) -> str:
    """A claim as the form sends it, or the name that was given of another species."""
    if claim.kind is ClaimKind.TAXON and claim.taxon is not None:
        return claim.taxon.scientific_name
    return claim.verbatim or claim.kind.value


def _spot(place: Submission | RecordFields) -> str | None:
    if place.latitude is None or place.longitude is None:
        return None
    return f"{place.latitude:.5f}, {place.longitude:.5f}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)
