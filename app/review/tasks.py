"""Review tasks: opened by screening, updated when a claim changes, closed by a decision or a withdrawal.

All of it happens in the transaction of whatever caused it, so a submission never waits for a person without a task.

An open task is leased to one reviewer for some minutes, so that two never do the same work. A lease is not a lock: the
decision itself is guarded by the task's revision. If the clock jumps, two reviewers may get the same item, but no decision
is lost.
"""

import random
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from app.core.db import get_or_not_found, utcnow
from app.predictions.rules import Outcome, Reason
from app.review import settings
from app.review.rules import PhotoQuality, ReviewReason, TaskState, position, position_when_over
from app.review.tables import ReviewQuestion, ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission, VerdictRecord
from app.taxa.tables import Taxon

# No lease is longer. An end further ahead was written while the clock was wrong.
LONGEST_LEASE = timedelta(hours=2)
# The lease of what is only loaded ahead.
PRELOAD_LEASE = timedelta(minutes=2)
_PLACE_KEY = 80
_chance = random.SystemRandom()


def of(session: Session, submission_id: int, *, lock: bool = False) -> ReviewTask | None:
    """The task of a submission; with ``lock`` nobody else changes it meanwhile."""
    return session.get(ReviewTask, submission_id, with_for_update={"of": ReviewTask} if lock else None)


def get(session: Session, submission_id: int, *, lock: bool = False) -> ReviewTask:
    """The same. Raises NotFound."""
    message = "There is nothing to review at this number."
    return get_or_not_found(session, ReviewTask, submission_id, message, lock=lock)


def reason_of(verdict: VerdictRecord) -> ReviewReason:
    """Why a verdict that accepts nothing puts a submission before a person."""
    if verdict.reason is Reason.NO_CLAIM:
        return ReviewReason.NO_CLAIM
    return {
        Outcome.AGREE: ReviewReason.AGREE_UNACCEPTED,
        Outcome.DISAGREE: ReviewReason.DISAGREE,
        Outcome.UNCERTAIN: ReviewReason.UNCERTAIN,
        Outcome.OUT_OF_SCOPE: ReviewReason.OUT_OF_SCOPE,
    }[verdict.outcome]


def after_screening(session: Session, submission: Submission, verdict: VerdictRecord, quality: PhotoQuality) -> None:
    """Open or update the task of a submission with a new verdict. Accepted ones get a task by chance only: an audit."""
    task = of(session, submission.id, lock=True)
    shares = settings.current(session)
    if verdict.machine_accepted and not (task and task.audit) and _chance.random() >= shares.audit_share:
        if task is not None:
            _end(task, "accepted")
        return
    if task is None:
        task = ReviewTask(
            submission_id=submission.id, revision=0, answers=0, audit=False, waiting_since=submission.created_at
        )
        task.blind = verdict.machine_accepted or _chance.random() < shares.blind_share
    task.audit = task.audit or verdict.machine_accepted
    describe(session, task, submission, verdict)
    task.quality = quality
    if task.state is not TaskState.ASKED:
        task.state = TaskState.OPEN
        task.closed_at = None
        # Once an expert has answered, a new verdict changes nothing.
        if task.answers:
            await_second_opinion(task)
        elif task.reason is not ReviewReason.ANSWERED:
            put_back(task, verdict)
    touch(task, "screened")
    session.add(task)


def is_in_hand(session: Session, submission_id: int) -> bool:
    """Whether a person has answered, asked the volunteer, or has the item open: the machine accepts nothing then."""
    task = of(session, submission_id)
    if task is None:
        return False
    asked = task.state is TaskState.ASKED or task.reason is ReviewReason.ANSWERED
    return bool(task.answers) or asked or holder(task, utcnow()) is not None


def put_back(task: ReviewTask, verdict: VerdictRecord | None) -> None:
    """Give the task the reason and position that follow from the verdict alone."""
    if task.audit:
        task.reason = ReviewReason.AUDIT
    elif verdict is not None:
        task.reason = reason_of(verdict)
    task.position = position(task.reason, verdict.support if verdict else None)


def await_second_opinion(task: ReviewTask) -> None:
    """Put the task before another expert."""
    task.reason, task.position = ReviewReason.SECOND_OPINION, position(ReviewReason.SECOND_OPINION, None)


def touch(task: ReviewTask, event: str) -> None:
    """Raise the revision: pages on which the item is open are stale now."""
    task.revision = (task.revision or 0) + 1
    task.last_event = event
    task.changed_at = utcnow()


def after_change(session: Session, submission: Submission, event: str) -> None:
    """Update the task after something of the submission changed, and make open pages stale; a new verdict may follow."""
    task = of(session, submission.id, lock=True)
    if task is not None:
        describe(session, task, submission, None)
        touch(task, event)


def after_withdrawal(session: Session, submission: Submission) -> None:
    """Close the task, and remove what describes the volunteer's record."""
    task = of(session, submission.id, lock=True)
    if task is not None:
        _end(task, "withdrawn")
        task.place_key = task.search_text = ""
        task.event_date = None
    now = utcnow()
    for question in session.scalars(select(ReviewQuestion).where(ReviewQuestion.submission_id == submission.id)):
        question.withdrawn_at = question.withdrawn_at or (None if question.answered_at else now)
        question.answer = "" if question.answer else question.answer


def _end(task: ReviewTask, event: str) -> None:
    close(task, TaskState.GONE)
    touch(task, event)


def close(task: ReviewTask, state: TaskState) -> None:
    """Take the task out of the queue."""
    now = utcnow()
    task.state = state
    task.position = position_when_over(now)
    task.closed_at = now
    task.assigned_user_id = None
    release(task)


def describe(session: Session, task: ReviewTask, submission: Submission, verdict: VerdictRecord | None) -> None:
    """Copy what the queue is filtered by; without a verdict, the prediction stays."""
    claim = submission.claim
    task.claimed_taxon_id = claim.taxon_id or (claim.taxon.id if claim.taxon else None)
    if verdict is not None:
        task.predicted_taxon_id = predicted(session, verdict)
        task.model_version_id = verdict.model_version_id
    task.event_date = submission.event_date
    task.place_key = words_of(submission.place)[:_PLACE_KEY].rstrip()
    task.search_text = words_of(" ".join([submission.place, submission.note, *(c.verbatim for c in submission.claims)]))


def words_of(text: str) -> str:
    """A text as it is searched: lower case, single spaces."""
    return " ".join(text.lower().split())


def predicted(session: Session, verdict: VerdictRecord) -> int | None:
    """The taxon predicted for the photo that decided; None where it is out of scope."""
    prediction = verdict.prediction
    if prediction is None or verdict.outcome is Outcome.OUT_OF_SCOPE or verdict.leaves_out(prediction):
        return None
    return session.scalar(select(Taxon.id).where(Taxon.scientific_name == prediction.opinion.top))


def status_without_people(verdict: VerdictRecord | None) -> SubmissionStatus:
    """The status of a submission without any answer: undoing leads back there."""
    if verdict is None:
        return SubmissionStatus.FLAGGED
    if verdict.machine_accepted:
        return SubmissionStatus.AUTO_ACCEPTED
    return SubmissionStatus.SCREENED if verdict.outcome is Outcome.AGREE else SubmissionStatus.FLAGGED


# --- leases -----------------------------------------------------------------------------------------------------------


def is_free(user_id: int, now: datetime) -> ColumnElement[bool]:
    """Tasks that nobody else holds at ``now``."""
    return or_(
        ReviewTask.leased_by.is_(None),
        ReviewTask.leased_by == user_id,
        ReviewTask.leased_until.is_(None),
        ReviewTask.leased_until <= now,
        ReviewTask.leased_until > now + LONGEST_LEASE,
    )


def is_leased_by(user_id: int, now: datetime) -> ColumnElement[bool]:
    """Tasks that this user holds at ``now``."""
    return and_(
        ReviewTask.leased_by == user_id, ReviewTask.leased_until > now, ReviewTask.leased_until <= now + LONGEST_LEASE
    )


def holder(task: ReviewTask, now: datetime) -> int | None:
    """The user who holds the task at ``now``."""
    if task.leased_until is None or not now < task.leased_until <= now + LONGEST_LEASE:
        return None
    return task.leased_by


def lease(task: ReviewTask, user_id: int, until: datetime) -> None:
    """Lease the task to a user."""
    task.leased_by = user_id
    task.leased_until = until


def release(task: ReviewTask) -> None:
    """End the lease."""
    task.leased_by = task.leased_until = None
