"""An expert's answer, and taking it back. Both add rows; what they amount to follows in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.tables import User
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import Conflict, FieldError, InvalidInput, NotFound
from app.review import leases, preferences, standings, tasks, trust
from app.review.rules import ANSWERS, Happening, IdentificationKind, Settled, Stale, TaskState, code_of
from app.review.tables import Identification, ReviewQuestion, ReviewTask
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Submission
from app.taxa import names as taxa
from app.taxa.tables import Taxon

MAX_REMARK = 2000
# Whoever leaves a page open over dinner has not thought for so long.
LONGEST_SECONDS = 600.0
_TOLD_BY_EVENT = {"claim_changed", "square_moved", "withdrawn", "answered", "accepted"}


@dataclass(frozen=True)
class Decision:
    """What an expert answers. ``scientific_name`` for the kind TAXON; ``status_code`` None means the usual one of the kind.

    ``seconds``: how long it took.
    """

    kind: IdentificationKind
    scientific_name: str | None = None
    status_code: VerificationStatus | None = None
    remark: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of it. ``settled`` None: another expert is needed. ``identification_id`` is what an undo names."""

    submission_id: int
    identification_id: int
    revision: int
    settled: Settled | None
    answers: int
    needed: int


class Decisions:
    """Answering, commenting and undoing."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def decide(self, user_id: int, submission_id: int, revision: int, decision: Decision) -> Outcome:
        """Write an answer.

        Raises NotFound, InvalidInput (a species nobody knows, a text that is too long), Conflict (a code that the kind
        can't have), Stale where the item has changed since ``revision`` or another reviewer has it open.
        """
        with transaction(self._sessions) as session:
            taxon = check(session, decision)
            submission, task = locked(session, submission_id)
            refuse_stale(session, task, user_id, revision)
            return answer(session, submission, task, user_id, decision, taxon)

    def comment(self, user_id: int, submission_id: int, remark: str) -> int:
        """Add a remark that decides nothing; nobody's page gets old by it. Returns the row's id."""
        remark = checked_text(remark, "remark")
        with transaction(self._sessions) as session:
            _, task = locked(session, submission_id)
            row = Identification(
                submission_id=submission_id,
                user_id=user_id,
                kind=IdentificationKind.COMMENT,
                remark=remark,
                revision=task.revision,
            )
            session.add(row)
            session.flush()
            return row.id

    def undo(self, user_id: int, identification_id: int, *, of_anyone: bool = False) -> Outcome:
        """Take back an answer or a question, one's own unless ``of_anyone``. The item is open again, and this user holds it.

        Undoing twice is undoing once. Raises NotFound, Conflict for what can't be undone (any more).
        """
        with transaction(self._sessions) as session:
            row = session.get(Identification, identification_id)
            if row is None or not (of_anyone or row.user_id == user_id):
                raise NotFound("There is no such decision of yours.")
            submission, task = locked(session, row.submission_id)
            return take_back(session, submission, task, user_id, row)


# --- steps, each in the caller's transaction -----------------------------------------------------------------------------


def locked(session: Session, submission_id: int) -> tuple[Submission, ReviewTask]:
    """Both rows, kept from others until the transaction ends; always in this order. Raises NotFound."""
    query = select(Submission).where(Submission.id == submission_id).with_for_update(of=Submission)
    submission = session.scalar(query)
    task = tasks.of(session, submission_id, lock=True) if submission is not None else None
    if submission is None or task is None:
        raise NotFound("There is nothing to review at this number.")
    return submission, task


def check(session: Session, decision: Decision) -> Taxon | None:
    """The taxon that the decision names. Raises InvalidInput, Conflict."""
    if decision.kind not in ANSWERS:
        raise InvalidInput([FieldError("kind", "kind_unknown")])
    code_of(decision.kind, decision.status_code)
    if decision.remark.strip():
        checked_text(decision.remark, "remark")
    if decision.kind is not IdentificationKind.TAXON:
        return None
    taxon = taxa.find(session, decision.scientific_name or "")
    if taxon is None:
        raise InvalidInput([FieldError("taxon", "claim_unknown")])
    return taxon


def checked_text(text: str, field: str, longest: int = MAX_REMARK) -> str:
    """The text without white space around it. Raises InvalidInput where nothing is left, or too much."""
    text = text.replace("\0", "").strip()
    if not text:
        raise InvalidInput([FieldError(field, "text_missing")])
    if len(text) > longest:
        raise InvalidInput([FieldError(field, "text_too_long", (("max", longest),))])
    return text


def refuse_stale(session: Session, task: ReviewTask, user_id: int, revision: int) -> None:
    """Raise Stale where the item is not as this user saw it, Conflict where it is nobody's turn any more."""
    if task.revision != revision:
        raise Stale("This submission has changed since it was opened.", _happened(session, task, revision))
    if task.state is TaskState.GONE:
        raise Conflict("This submission is no longer open for review.")
    now = utcnow()
    held = leases.holder(task, now)
    if held is not None and held != user_id:
        name = session.scalar(select(User.name).where(User.id == held)) or ""
        happened = [Happening("leased", task.leased_until or now, name)]
        raise Stale("Another reviewer has this submission open.", happened)


def _happened(session: Session, task: ReviewTask, revision: int) -> list[Happening]:
    query = select(Identification).where(
        Identification.submission_id == task.submission_id, Identification.revision > revision
    )
    told = [
        Happening(
            row.kind.value,
            row.created_at,
            row.user.name,
            row.taxon.scientific_name if row.taxon else None,
            row.verification_status,
        )
        for row in session.scalars(query.order_by(Identification.id))
    ]
    if task.last_event in _TOLD_BY_EVENT or not told:
        told.append(Happening(task.last_event, task.changed_at))
    return told


def answer(
    session: Session,
    submission: Submission,
    task: ReviewTask,
    user_id: int,
    decision: Decision,
    taxon: Taxon | None,
    batch_id: int | None = None,
) -> Outcome:
    """Write a checked answer to a task that is as the user saw it."""
    hidden = preferences.is_hidden(session, task, user_id)
    row = standings.append(
        session,
        task,
        user_id,
        decision.kind,
        "decided",
        taxon_id=taxon.id if taxon else None,
        verification_status=code_of(decision.kind, decision.status_code),
        remark=decision.remark.replace("\0", "").strip(),
        claim_shown=not hidden,
        model_shown=not hidden,
        seconds=_sane(decision.seconds),
        batch_id=batch_id,
    )
    task.last_user_id = user_id
    leases.let_go(task)
    settled = standings.apply(session, submission, task, user_id, "identified")
    trust.after_decision(session, task)
    return Outcome(submission.id, row.id, task.revision, settled, task.answers, task.needed)


def _sane(seconds: float | None) -> float | None:
    return None if seconds is None or not seconds >= 0 else min(seconds, LONGEST_SECONDS)


def take_back(
    session: Session,
    submission: Submission,
    task: ReviewTask,
    user_id: int,
    row: Identification,
    batch_id: int | None = None,
) -> Outcome:
    """Undo one row of a locked submission. Raises Conflict."""
    done = session.scalar(select(Identification.id).where(Identification.undoes_id == row.id))
    if done is not None:
        return Outcome(submission.id, done, task.revision, None, task.answers, task.needed)
    if row.kind not in ANSWERS | {IdentificationKind.QUESTION}:
        raise Conflict("Only an answer or a question can be undone.")
    if submission.status is SubmissionStatus.WITHDRAWN or task.state is TaskState.GONE:
        raise Conflict("This submission has been withdrawn.")
    if row.kind is IdentificationKind.QUESTION:
        _withdraw_question(session, row)
    undo = standings.append(
        session, task, user_id, IdentificationKind.UNDO, "undone", undoes_id=row.id, batch_id=batch_id
    )
    left = standings.standing_answers(session, submission.id)
    task.last_user_id = left[-1].user_id if left else None
    settled = standings.apply(session, submission, task, user_id, "undone")
    if task.state is TaskState.OPEN:
        leases.take(task, user_id, utcnow() + leases.AHEAD)
    return Outcome(submission.id, undo.id, task.revision, settled, task.answers, task.needed)


def _withdraw_question(session: Session, row: Identification) -> None:
    question = session.scalar(select(ReviewQuestion).where(ReviewQuestion.identification_id == row.id))
    if question is None or question.answered_at is not None:
        raise Conflict("This question has already been answered.")
    question.withdrawn_at = utcnow()


# --- what was said -------------------------------------------------------------------------------------------------------


def history(session: Session, submission_id: int) -> Sequence[Identification]:
    """Everything that persons said about a submission, oldest first; undone rows and undos included."""
    return standings.identifications(session, submission_id)


def recent(session: Session, user_id: int, limit: int = 20) -> list[Identification]:
    """A user's last answers that can be undone, the newest first: what "back" leads through."""
    undone = select(Identification.undoes_id).where(Identification.undoes_id.is_not(None))
    query = (
        select(Identification)
        .where(
            Identification.user_id == user_id,
            Identification.kind.in_(ANSWERS | {IdentificationKind.QUESTION}),
            Identification.id.not_in(undone.where(Identification.user_id == user_id)),
        )
        .order_by(Identification.created_at.desc(), Identification.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))
