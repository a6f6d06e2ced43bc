"""From everything that experts said about one submission to its status, in the transaction that adds to it."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.review import rules, settings, tasks
from app.review.rules import Answer, IdentificationKind, ReviewReason, Settled, TaskState, position, position_when_over
from app.review.tables import Identification, ReviewQuestion, ReviewTask
from app.submissions import status
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Submission


def identifications(session: Session, submission_id: int) -> list[Identification]:
    """Every identification of a submission, oldest first; undone ones and undos included."""
    query = select(Identification).where(Identification.submission_id == submission_id).order_by(Identification.id)
    return list(session.scalars(query))


def standing_answers(session: Session, submission_id: int) -> list[Identification]:
    """The answers that were not undone, oldest first."""
    query = (
        select(Identification)
        .where(Identification.submission_id == submission_id, Identification.is_standing_answer())
        .order_by(Identification.id)
    )
    return list(session.scalars(query))


def hidden_from(session: Session, user_id: int, items: Sequence[ReviewTask]) -> set[int]:
    """The submissions among ``items`` whose claim and verdict are hidden from this user."""
    works_blind = settings.preferences_of(session, user_id).blind
    blind = [task.submission_id for task in items if task.blind or works_blind]
    if not blind:
        return set()
    answered = select(Identification.submission_id).where(
        Identification.submission_id.in_(blind),
        Identification.user_id == user_id,
        Identification.is_standing_answer(),
    )
    seen = set(session.scalars(answered))
    return {
        task.submission_id for task in items if rules.is_hidden(task.blind, works_blind, task.submission_id in seen)
    }


def is_hidden(session: Session, task: ReviewTask, user_id: int) -> bool:
    """Whether claim and verdict of this item are hidden from this user."""
    return bool(hidden_from(session, user_id, [task]))


def apply(session: Session, submission: Submission, task: ReviewTask, user_id: int, event: str) -> Settled | None:
    """Bring task and status in line with the answers that stand; returns what they settle, None while they don't.

    The caller has locked both rows and flushed what it adds.
    """
    given = [
        Answer(row.user_id, row.kind, row.taxon_id, row.verification_status)
        for row in standing_answers(session, submission.id)
        if row.verification_status is not None
    ]
    claimed = task.claimed_taxon_id
    rule = rules.rule_for(given, claimed, settings.rules(session), settings.current(session).rule)
    needed = rules.needed(given, claimed, rule)
    result = rules.agreement(given, needed)
    task.answers = len({answer.user_id for answer in given})
    actor = f"user:{user_id}"
    if isinstance(result, Settled):
        task.needed, task.disputed = max(needed, task.answers), False
        _settle(session, submission, task, result, actor, event)
        return result
    task.needed = max(needed, result.answers + 1) if result.answers else needed
    task.disputed = result.disputed
    _leave_open(session, submission, task, actor, event)
    return None


def _settle(
    session: Session, submission: Submission, task: ReviewTask, result: Settled, actor: str, event: str
) -> None:
    tasks.close(task, TaskState.DECIDED)
    task.blind = False  # whoever looks at a decision may see what it was about
    task.outcome_kind, task.outcome_taxon_id, task.outcome_code = result.kind, result.taxon_id, result.code
    _move(session, submission, SubmissionStatus.VERIFIED, result.code, actor, event)


def _leave_open(session: Session, submission: Submission, task: ReviewTask, actor: str, event: str) -> None:
    question = open_question(session, submission.id)
    task.outcome_kind = task.outcome_taxon_id = task.outcome_code = task.closed_at = None
    if question is not None:
        task.state = TaskState.ASKED
        task.position = position_when_over(question.asked_at)
        _move(session, submission, SubmissionStatus.QUERIED, VerificationStatus.D, actor, event)
        return
    task.state = TaskState.OPEN
    answered = _latest_question(session, submission.id, answered=True)
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
    """Send an answered question back to whoever asked it, before everything else."""
    task.reason = ReviewReason.ANSWERED
    task.position = position(ReviewReason.ANSWERED, None)
    task.assigned_user_id = question.asked_by


def _move(
    session: Session, submission: Submission, new: SubmissionStatus, code: VerificationStatus, actor: str, event: str
) -> None:
    if submission.status is new:
        submission.verification_status = code
        status.note_event(session, submission, event=event, actor=actor)
    else:
        status.change_status(session, submission, new, event=event, actor=actor, verification_status=code)


def open_question(session: Session, submission_id: int) -> ReviewQuestion | None:
    """The question that waits for the volunteer."""
    return _latest_question(session, submission_id, answered=False)


def _latest_question(session: Session, submission_id: int, *, answered: bool) -> ReviewQuestion | None:
    answered_at = ReviewQuestion.answered_at
    query = select(ReviewQuestion).where(
        ReviewQuestion.submission_id == submission_id,
        answered_at.is_not(None) if answered else answered_at.is_(None),
        ReviewQuestion.withdrawn_at.is_(None),
    )
    return session.scalar(query.order_by(ReviewQuestion.id.desc()).limit(1))


def append(
    session: Session, task: ReviewTask, user_id: int, kind: IdentificationKind, event: str, **values: object
) -> Identification:
    """Write an identification with what was known of the item then, and raise the task's revision."""
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
