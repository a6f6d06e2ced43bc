"""Answering and undoing. Both add an identification; what follows from it is written in the same transaction."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.tables import User
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import Conflict, FieldError, InvalidInput, NotFound
from app.core.texts import one_form
from app.review import acceptance, answers, tasks
from app.review.answers import LockedItem, lock
from app.review.rules import ANSWERS, Happening, IdentificationKind, Settled, Stale, TaskState, code_of
from app.review.settings import named_taxon
from app.review.tables import Identification, ReviewQuestion, ReviewTask
from app.submissions.rules import BUTTERFLIES, SubmissionStatus, VerificationStatus
from app.taxa.tables import Taxon

MAX_REMARK = 2000
MAX_MESSAGE = 1000
# A page that stays open over dinner does not count as thinking.
LONGEST_SECONDS = 600.0
_EVENTS_TO_TELL = {"claim_changed", "corrected", *BUTTERFLIES, "square_moved", "withdrawn", "answered", "accepted"}


@dataclass(frozen=True)
class Decision:
    """What an expert answers. ``scientific_name`` for the kind TAXON; ``status_code`` None means the usual one of the kind.

    ``remark`` is for other experts, ``message`` for the volunteer. ``seconds``: how long it took.
    """

    kind: IdentificationKind
    scientific_name: str | None = None
    status_code: VerificationStatus | None = None
    remark: str = ""
    message: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class DecisionResult:
    """What became of a decision. ``settled`` None: another expert is needed. ``identification_id`` is what an undo names."""

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

    def decide(self, user_id: int, submission_id: int, revision: int, decision: Decision) -> DecisionResult:
        """Write an answer.

        Raises NotFound, InvalidInput (an unknown species, a text that is too long), Conflict (a code that the kind can't
        have), Stale where the item has changed since ``revision`` or another reviewer has it open.
        """
        with transaction(self._sessions) as session:
            taxon = check(session, decision)
            item = lock(session, submission_id, user_id)
            refuse_stale(item, revision)
            return answer(item, decision, taxon)

    def comment(self, user_id: int, submission_id: int, remark: str) -> int:
        """Add a remark that decides nothing; open pages stay valid. Returns the row's id.

        Raises NotFound, InvalidInput, and Conflict after a withdrawal, which has removed what was said.
        """
        remark = checked_text(remark, "remark")
        with transaction(self._sessions) as session:
            item = lock(session, submission_id, user_id)
            if item.submission.status is SubmissionStatus.WITHDRAWN:
                raise Conflict("This submission was withdrawn.")
            row = Identification(
                submission_id=submission_id,
                user_id=user_id,
                kind=IdentificationKind.COMMENT,
                remark=remark,
                revision=item.task.revision,
            )
            session.add(row)
            session.flush()
            return row.id

    def undo(self, user_id: int, identification_id: int, *, of_anyone: bool = False) -> DecisionResult:
        """Undo an answer or a question, the user's own unless ``of_anyone``. The item is open again, leased to this user.

        Idempotent. Raises NotFound, Conflict for what can't be undone (any more).
        """
        with transaction(self._sessions) as session:
            row = session.get(Identification, identification_id)
            if row is None or not (of_anyone or row.user_id == user_id):
                raise NotFound("There is no such decision of yours.")
            return take_back(lock(session, row.submission_id, user_id), row)


# --- steps, each in the caller's transaction -----------------------------------------------------------------------------


def check(session: Session, decision: Decision) -> Taxon | None:
    """The taxon that the decision names. Raises InvalidInput, Conflict."""
    if decision.kind not in ANSWERS:
        raise InvalidInput([FieldError("kind", "kind_unknown")])
    code_of(decision.kind, decision.status_code)
    if decision.remark.strip():
        checked_text(decision.remark, "remark")
    if decision.message.strip():
        checked_text(decision.message, "message", MAX_MESSAGE)
    if decision.kind is not IdentificationKind.TAXON:
        return None
    return named_taxon(session, decision.scientific_name or "")


def checked_text(text: str, field: str, longest: int = MAX_REMARK) -> str:
    """The text without white space around it. Raises InvalidInput where nothing is left, or too much."""
    text = one_form(text).strip()
    if not text:
        raise InvalidInput([FieldError(field, "text_missing")])
    if len(text) > longest:
        raise InvalidInput([FieldError(field, "text_too_long", (("max", longest),))])
    return text


def refuse_stale(item: LockedItem, revision: int) -> None:
    """Raise Stale where the item is not as its user saw it, Conflict where it is nobody's turn any more."""
    session, task = item.session, item.task
    if task.revision != revision:
        raise Stale("This submission has changed since it was opened.", _happened(session, task, revision))
    if task.state is TaskState.GONE:
        raise Conflict("This submission is no longer open for review.")
    now = utcnow()
    holder = tasks.holder(task, now)
    if holder not in {None, item.user_id}:
        name = session.scalar(select(User.name).where(User.id == holder)) or ""
        happened = [Happening("leased", task.leased_until or now, name)]
        raise Stale("Another reviewer has this submission open.", happened)


def _happened(session: Session, task: ReviewTask, revision: int) -> list[Happening]:
    query = select(Identification).where(
        Identification.submission_id == task.submission_id, Identification.revision > revision
    )
    happened = [
        Happening(
            row.kind.value,
            row.created_at,
            row.user.name,
            row.taxon.scientific_name if row.taxon else None,
            row.verification_status,
        )
        for row in session.scalars(query.order_by(Identification.id))
    ]
    if task.last_event in _EVENTS_TO_TELL or not happened:
        happened.append(Happening(task.last_event, task.changed_at))
    return happened


def answer(item: LockedItem, decision: Decision, taxon: Taxon | None, batch_id: int | None = None) -> DecisionResult:
    """Write a checked answer to an item that is as its user saw it."""
    task = item.task
    hidden = answers.is_hidden(item.session, task, item.user_id)
    row = answers.append(
        item,
        decision.kind,
        "decided",
        taxon_id=taxon.id if taxon else None,
        verification_status=code_of(decision.kind, decision.status_code),
        remark=one_form(decision.remark).strip(),
        message=one_form(decision.message).strip(),
        claim_shown=not hidden,
        model_shown=not hidden,
        seconds=_plausible(decision.seconds),
        batch_id=batch_id,
    )
    task.last_user_id = item.user_id
    tasks.release(task)
    settled = answers.apply(item, "identified")
    acceptance.after_decision(item.session, task)
    return _result(task, row.id, settled)


def _result(task: ReviewTask, identification_id: int, settled: Settled | None) -> DecisionResult:
    return DecisionResult(task.submission_id, identification_id, task.revision, settled, task.answers, task.needed)


def _plausible(seconds: float | None) -> float | None:
    return None if seconds is None or not seconds >= 0 else min(seconds, LONGEST_SECONDS)


def take_back(item: LockedItem, row: Identification, batch_id: int | None = None) -> DecisionResult:
    """Undo one identification of a locked item. Idempotent. Raises Conflict."""
    session, task = item.session, item.task
    undo_id = session.scalar(select(Identification.id).where(Identification.undoes_id == row.id))
    if undo_id is not None:
        return _result(task, undo_id, None)
    if row.kind not in ANSWERS | {IdentificationKind.QUESTION}:
        raise Conflict("Only an answer or a question can be undone.")
    if item.submission.status is SubmissionStatus.WITHDRAWN or task.state is TaskState.GONE:
        raise Conflict("This submission has been withdrawn.")
    if row.kind is IdentificationKind.QUESTION:
        _withdraw_question(session, row)
    undo = answers.append(item, IdentificationKind.UNDO, "undone", undoes_id=row.id, batch_id=batch_id)
    remaining = answers.standing_answers(session, task.submission_id)
    task.last_user_id = remaining[-1].user_id if remaining else None
    settled = answers.apply(item, "undone")
    if task.state is TaskState.OPEN:
        tasks.lease(task, item.user_id, utcnow() + tasks.PRELOAD_LEASE)
    return _result(task, undo.id, settled)


def _withdraw_question(session: Session, row: Identification) -> None:
    question = session.scalar(select(ReviewQuestion).where(ReviewQuestion.identification_id == row.id))
    if question is None or question.answered_at is not None:
        raise Conflict("This question has already been answered.")
    question.withdrawn_at = utcnow()


# --- reading -------------------------------------------------------------------------------------------------------------


def recent(session: Session, user_id: int, limit: int = 20) -> list[Identification]:
    """A user's last answers and questions that can be undone, the newest first."""
    query = (
        select(Identification)
        .where(
            Identification.user_id == user_id,
            Identification.kind.in_(ANSWERS | {IdentificationKind.QUESTION}),
            Identification.stands(),
        )
        .order_by(Identification.created_at.desc(), Identification.id.desc())
        .limit(limit)
    )
    return list(session.scalars(query))


def repeated_decision(
    session: Session, user_id: int, submission_id: int, revision: int, decision: Decision
) -> Identification | None:
    """The identification that this very decision made when it was sent before; its response may have been lost."""
    row = _first_after(session, user_id, submission_id, revision)
    if row is None or row.kind is not decision.kind:
        return None
    name = row.taxon.scientific_name if row.taxon else None
    codes = {None, row.verification_status}
    same = name == (decision.scientific_name if decision.kind is IdentificationKind.TAXON else None)
    return row if same and decision.status_code in codes else None


def repeated_question(
    session: Session, user_id: int, submission_id: int, revision: int, body: str
) -> Identification | None:
    """The identification that this very question made when it was sent before."""
    row = _first_after(session, user_id, submission_id, revision)
    return row if row is not None and row.kind is IdentificationKind.QUESTION and row.remark == body.strip() else None


def _first_after(session: Session, user_id: int, submission_id: int, revision: int) -> Identification | None:
    return session.scalar(
        select(Identification).where(
            Identification.submission_id == submission_id,
            Identification.user_id == user_id,
            Identification.revision == revision + 1,
            Identification.kind != IdentificationKind.COMMENT,
        )
    )
