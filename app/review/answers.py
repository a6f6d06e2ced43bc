"""Experts' answers on one submission, and the status that follows from them, in the transaction that adds to them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.mail.rules import MailKind
from app.review import rules, settings, tasks
from app.review.rules import Answer, IdentificationKind, ReviewReason, Settled, TaskState, position, position_when_over
from app.review.tables import Identification, ReviewQuestion, ReviewTask
from app.submissions import mails, status
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Submission


@dataclass(frozen=True)
class LockedItem:
    """A submission with its review task, both locked until the transaction ends, for a change by ``user_id``."""

    session: Session
    submission: Submission
    task: ReviewTask
    user_id: int
    actor: str = ""
    """For the log, where it is not that user who acts."""

    def move(self, new: SubmissionStatus, code: VerificationStatus, event: str) -> None:
        """Give the submission a status and a code, and log it."""
        actor = self.actor or f"user:{self.user_id}"
        if self.submission.status is new:
            self.submission.verification_status = code
            status.note_event(self.submission, event=event, actor=actor)
        else:
            status.change_status(self.submission, new, event=event, actor=actor, verification_status=code)


def lock(session: Session, submission_id: int, user_id: int) -> LockedItem:
    """Lock an item: first the submission, then the task, always in this order. Raises NotFound."""
    submission, task = lock_rows(session, submission_id)
    return LockedItem(session, submission, task, user_id)


def lock_rows(session: Session, submission_id: int) -> tuple[Submission, ReviewTask]:
    """The same for a change that no user of the desk makes."""
    query = select(Submission).where(Submission.id == submission_id).with_for_update(of=Submission)
    submission = session.scalar(query)
    task = tasks.get(session, submission_id, lock=True)
    assert submission is not None
    return submission, task


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


def apply(item: LockedItem, event: str) -> Settled | None:
    """Bring task and status in line with the answers that stand; returns what they settle, None while they don't.

    The caller has flushed what it adds.
    """
    session, task = item.session, item.task
    given = [
        Answer(row.user_id, row.kind, row.taxon_id, row.verification_status)
        for row in standing_answers(session, task.submission_id)
        if row.verification_status is not None
    ]
    claimed = task.claimed_taxon_id
    rule = rules.rule_for(given, claimed, settings.rules(session), settings.current(session).rule)
    needed = rules.needed(given, claimed, rule)
    result = rules.agreement(given, needed)
    task.answers = len({answer.user_id for answer in given})
    if isinstance(result, Settled):
        task.needed, task.disputed = max(needed, task.answers), False
        _settle(item, result, event)
        return result
    task.needed = max(needed, result.answers + 1) if result.answers else needed
    task.disputed = result.disputed
    _leave_open(item, event)
    return None


def _settle(item: LockedItem, result: Settled, event: str) -> None:
    task = item.task
    tasks.close(task, TaskState.DECIDED)
    task.blind = False  # whoever looks at a decision may see what it was about
    task.outcome_kind, task.outcome_taxon_id, task.outcome_code = result.kind, result.taxon_id, result.code
    item.move(SubmissionStatus.VERIFIED, result.code, event)
    key = f"{task.submission_id}:{task.revision}"
    mails.tell(item.session, item.submission, MailKind.OUTCOME, key, task.submission_id)


def _leave_open(item: LockedItem, event: str) -> None:
    task, verdict = item.task, item.submission.verdict
    task.outcome_kind = task.outcome_taxon_id = task.outcome_code = task.closed_at = None
    question = open_question(item.session, task.submission_id)
    if question is not None:
        task.state = TaskState.ASKED
        task.position = position_when_over(question.asked_at)
        item.move(SubmissionStatus.QUERIED, VerificationStatus.D, event)
        return
    task.state = TaskState.OPEN
    task.assigned_user_id = None
    answered = _latest_question(item.session, task.submission_id, answered=True)
    if task.answers:
        tasks.await_second_opinion(task)
    elif answered is not None:
        to_asker(task, answered)
    else:
        tasks.put_back(task, verdict)
    before = tasks.status_without_people(verdict)
    if answered is not None:
        item.move(SubmissionStatus.FLAGGED, VerificationStatus.A, event)
    elif before is SubmissionStatus.AUTO_ACCEPTED:
        item.move(before, VerificationStatus.ACCEPTED_BY_MACHINE, event)
    else:
        item.move(before, VerificationStatus.PENDING, event)


def to_asker(task: ReviewTask, question: ReviewQuestion) -> None:
    """Send an answered question back to whoever asked it, before everything else."""
    task.reason = ReviewReason.ANSWERED
    task.position = position(ReviewReason.ANSWERED, None)
    task.assigned_user_id = question.asked_by


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


def append(item: LockedItem, kind: IdentificationKind, event: str, **values: object) -> Identification:
    """Write an identification with what was known of the item then, and raise the task's revision."""
    task = item.task
    tasks.touch(task, event)
    row = Identification(
        submission_id=task.submission_id,
        user_id=item.user_id,
        kind=kind,
        model_version_id=task.model_version_id,
        claimed_taxon_id=task.claimed_taxon_id,
        predicted_taxon_id=task.predicted_taxon_id,
        revision=task.revision,
        **values,
    )
    item.session.add(row)
    item.session.flush()
    return row
