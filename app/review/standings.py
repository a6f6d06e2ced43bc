"""From everything that experts said about one submission to its status, in the transaction that adds to it."""

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.core.db import utcnow
from app.review import desk_settings, leases, tasks
from app.review.rules import (
    ANSWERS,
    Answer,
    IdentificationKind,
    ReviewReason,
    Settled,
    TaskState,
    needed,
    position,
    position_when_over,
    rule_for,
    standing,
)
from app.review.tables import Identification, ReviewQuestion, ReviewTask
from app.submissions import status
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Submission


def identifications(session: Session, submission_id: int) -> list[Identification]:
    """Everything that was said, oldest first; undone ones and undos included."""
    query = select(Identification).where(Identification.submission_id == submission_id).order_by(Identification.id)
    return list(session.scalars(query))


def standing_answers(session: Session, submission_id: int) -> list[Identification]:
    """The answers that were not undone, oldest first."""
    undo = aliased(Identification)
    query = (
        select(Identification)
        .outerjoin(undo, undo.undoes_id == Identification.id)
        .where(Identification.submission_id == submission_id, Identification.kind.in_(ANSWERS), undo.id.is_(None))
        .order_by(Identification.id)
    )
    return list(session.scalars(query))


def apply(session: Session, submission: Submission, task: ReviewTask, user_id: int, event: str) -> Settled | None:
    """Bring task and status in line with the answers that stand; returns what they amount to, None while unsettled.

    The caller has locked both rows, and has written what it adds.
    """
    rows = standing_answers(session, submission.id)
    answers = [
        Answer(row.user_id, row.kind, row.taxon_id, row.verification_status)
        for row in rows
        if row.verification_status is not None
    ]
    claimed = task.claimed_taxon_id
    rule = rule_for(answers, claimed, desk_settings.rules(session), desk_settings.current(session).rule)
    wanted = needed(answers, claimed, rule)
    found = standing(answers, wanted)
    task.answers = len({answer.user_id for answer in answers})
    actor = f"user:{user_id}"
    if isinstance(found, Settled):
        task.needed, task.disputed = max(wanted, task.answers), False
        _settle(session, submission, task, found, actor, event)
        return found
    task.needed = max(wanted, found.answers + 1) if found.answers else wanted
    task.disputed = found.disputed
    _leave_open(session, submission, task, actor, event)
    return None


def _settle(session: Session, submission: Submission, task: ReviewTask, found: Settled, actor: str, event: str) -> None:
    now = utcnow()
    task.state = TaskState.DECIDED
    task.blind = False  # whoever looks at a decision may see what it was about
    task.outcome_kind, task.outcome_taxon_id, task.outcome_code = found.kind, found.taxon_id, found.code
    task.position = position_when_over(now)
    task.closed_at = now
    task.assigned_user_id = None
    leases.let_go(task)
    _move(session, submission, SubmissionStatus.VERIFIED, found.code, actor, event)


def _leave_open(session: Session, submission: Submission, task: ReviewTask, actor: str, event: str) -> None:
    question = open_question(session, submission.id)
    task.outcome_kind = task.outcome_taxon_id = task.outcome_code = task.closed_at = None
    if question is not None:
        task.state = TaskState.ASKED
        task.position = position_when_over(question.asked_at)
        _move(session, submission, SubmissionStatus.QUERIED, VerificationStatus.D, actor, event)
        return
    task.state = TaskState.OPEN
    answered = _last_answered(session, submission.id)
    if task.answers:
        task.reason, task.position = ReviewReason.SECOND_OPINION, position(ReviewReason.SECOND_OPINION, None)
        task.assigned_user_id = None
    elif answered is not None:
        to_asker(task, answered)
    else:
        tasks.put_back(task, submission.verdict)
        task.assigned_user_id = None
    before = tasks.status_without_people(submission.verdict)
    if answered is not None:
        _move(session, submission, SubmissionStatus.FLAGGED, VerificationStatus.A, actor, event)
    elif before is SubmissionStatus.AUTO_ACCEPTED:
        _move(session, submission, before, VerificationStatus.ACCEPTED_BY_MACHINE, actor, event)
    else:
        _move(session, submission, before, VerificationStatus.PENDING, actor, event)


def to_asker(task: ReviewTask, question: ReviewQuestion) -> None:
    """An answered question goes back to whoever asked it, before everything else."""
    task.reason = ReviewReason.ANSWERED
    task.position = position(ReviewReason.ANSWERED, None)
    task.assigned_user_id = question.asked_by


def _move(
    session: Session,
    submission: Submission,
    new: SubmissionStatus,
    code: VerificationStatus,
    actor: str,
    event: str,
) -> None:
    if submission.status is new:
        submission.verification_status = code
        status.note_event(session, submission, event=event, actor=actor)
        return
    status.change_status(session, submission, new, event=event, actor=actor, verification_status=code)


def open_question(session: Session, submission_id: int) -> ReviewQuestion | None:
    """The question that waits for the volunteer."""
    query = select(ReviewQuestion).where(
        ReviewQuestion.submission_id == submission_id,
        ReviewQuestion.answered_at.is_(None),
        ReviewQuestion.withdrawn_at.is_(None),
    )
    return session.scalar(query.order_by(ReviewQuestion.id.desc()).limit(1))


def _last_answered(session: Session, submission_id: int) -> ReviewQuestion | None:
    query = select(ReviewQuestion).where(
        ReviewQuestion.submission_id == submission_id,
        ReviewQuestion.answered_at.is_not(None),
        ReviewQuestion.withdrawn_at.is_(None),
    )
    return session.scalar(query.order_by(ReviewQuestion.id.desc()).limit(1))


def append(
    session: Session, task: ReviewTask, user_id: int, kind: IdentificationKind, event: str, **values: object
) -> Identification:
    """Write a row of the record, and note the change on the task."""
    tasks.touch(task, event)
    row = Identification(
        submission_id=task.submission_id,
        user_id=user_id,
        kind=kind,
        model_version_id=task.model_version_id,
        claimed_taxon_id=task.claimed_taxon_id,
        predicted_taxon_id=task.predicted_taxon_id,
        revision=task.revision,
        **values,
    )
    session.add(row)
    session.flush()
    return row
