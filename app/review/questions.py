"""Questions to volunteers, and what volunteers are told of a review.

A question is asked from the desk, answered on the submission's page, and goes back to whoever asked.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from app.accounts import audit
from app.core.db import SessionFactory, get_or_not_found, reading, transaction, utcnow
from app.core.errors import Conflict, NotFound
from app.mail.rules import MailKind
from app.review import answers, tasks
from app.review.answers import LockedItem, lock, lock_rows
from app.review.decisions import checked_text, refuse_stale
from app.review.rules import IdentificationKind, TaskState
from app.review.settings import named_taxon
from app.review.tables import Identification, QuestionTemplate, ReviewQuestion, ReviewTask
from app.submissions import mails, status
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Submission
from app.taxa import names as taxa
from app.taxa.tables import Taxon

MAX_QUESTION = 1000
MAX_ANSWER = 2000


# Written once, where there are no templates; the organisation's own from then on.
_FIRST_TEMPLATES = {
    "en": (
        "Do you have another photo of the same butterfly, perhaps of the other side of its wings?",
        "Did you see the upper side of its wings? What colours and spots were there?",
        "There seems to be more than one butterfly in your photos. Which one did you count?",
        "Was this photo taken on the day and at the place that you gave?",
        "How sure are you of the species, and what made you think so?",
    ),
    "nl": (
        "Heb je nog een foto van dezelfde vlinder, misschien van de andere kant van de vleugels?",
        "Heb je de bovenkant van de vleugels gezien? Welke kleuren en vlekken zag je daar?",
        "Op je foto’s lijkt meer dan één vlinder te staan. Welke heb je geteld?",
        "Is deze foto gemaakt op de dag en de plaats die je hebt opgegeven?",
        "Hoe zeker ben je van de soort, en waaraan zag je het?",
    ),
}


@dataclass(frozen=True)
class Asked:
    """A question that was asked. ``identification_id`` is what an undo names."""

    submission_id: int
    identification_id: int
    revision: int


class Questions:
    """Asking, and the templates."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def ask(self, user_id: int, submission_id: int, revision: int, body: str) -> Asked:
        """Ask the volunteer. The item waits until it is answered, or until somebody decides without.

        Raises NotFound, InvalidInput, Stale, and Conflict where a question waits already or all is decided.
        """
        body = checked_text(body, "body", MAX_QUESTION)
        with transaction(self._sessions) as session:
            item = lock(session, submission_id, user_id)
            refuse_stale(item, revision)
            if item.task.state is not TaskState.OPEN:
                raise Conflict("You can only ask a question about an open submission, one at a time.")
            row = answers.append(
                item, IdentificationKind.QUESTION, "asked", verification_status=VerificationStatus.D, remark=body
            )
            question = ReviewQuestion(
                submission_id=submission_id,
                asked_by=user_id,
                identification_id=row.id,
                language=item.submission.volunteer.language,
                body=body,
            )
            session.add(question)
            session.flush()
            mails.tell(session, item.submission, MailKind.QUESTION, f"{question.id}", question.id)
            tasks.release(item.task)
            answers.apply(item, "asked")
            return Asked(submission_id, row.id, item.task.revision)

    # --- without an answer ------------------------------------------------------------------------------------------------

    def remind(self, days: int) -> None:
        """Mail a reminder of each question that has waited so long, once."""
        with transaction(self._sessions) as session:
            for question in _waiting_since(session, utcnow() - timedelta(days=days)):
                submission = session.get_one(Submission, question.submission_id)
                mails.tell(session, submission, MailKind.REMINDER, f"{question.id}", question.id)

    def time_out(self, days: int) -> int:
        """Give up questions that have waited so long: the submissions go back to the experts. Returns how many."""
        with reading(self._sessions) as session:
            waiting = [question.id for question in _waiting_since(session, utcnow() - timedelta(days=days))]
        return sum(self._time_out(question_id) for question_id in waiting)

    def _time_out(self, question_id: int) -> bool:
        with transaction(self._sessions) as session:
            question = session.get_one(ReviewQuestion, question_id)
            submission, task = lock_rows(session, question.submission_id)
            session.refresh(question)
            if not _waits(question) or task.state is not TaskState.ASKED:
                return False
            question.lapsed_at = question.withdrawn_at = utcnow()
            task.waiting_since = question.lapsed_at
            session.flush()
            tasks.touch(task, "lapsed")
            answers.apply(LockedItem(session, submission, task, question.asked_by, actor="machine"), "lapsed")
            mails.tell(session, submission, MailKind.TIME_OUT, f"{question.id}", question.id)
        return True

    # --- templates --------------------------------------------------------------------------------------------------------

    def save_template(
        self, user_id: int, body: str, language: str, scientific_name: str = "", template_id: int | None = None
    ) -> QuestionTemplate:
        """Add or change a template, for one species or for any. Raises NotFound, InvalidInput."""
        body = checked_text(body, "body", MAX_QUESTION)
        with transaction(self._sessions) as session:
            taxon = named_taxon(session, scientific_name) if scientific_name else None
            if template_id is None:
                row = QuestionTemplate()
                session.add(row)
            else:
                row = get_or_not_found(session, QuestionTemplate, template_id, "There is no such template.")
            row.body, row.language, row.taxon_id = body, language, taxon.id if taxon else None
            row.updated_at = utcnow()
            session.flush()
            session.refresh(row)
            verb = "added" if template_id is None else "changed"
            audit.record(session, user_id, f"template.{verb}", f"template:{row.id}", {"language": language})
        return row

    def delete_template(self, user_id: int, template_id: int) -> None:
        """Delete a template. Idempotent."""
        with transaction(self._sessions) as session:
            row = session.get(QuestionTemplate, template_id)
            if row is not None:
                session.delete(row)
                audit.record(session, user_id, "template.deleted", f"template:{template_id}", {"body": row.body})


def take_answer(session: Session, token: str, text: str, *, with_photos: bool = False) -> Submission:
    """Store the volunteer's answer to the open question and send it back to whoever asked; the submission, locked. Needs no
    sign-in. An answer ``with_photos`` may do without words.

    Raises NotFound, InvalidInput, Conflict where no question waits (any more).
    """
    text = checked_text(text, "answer", MAX_ANSWER) if text.strip() or not with_photos else ""
    submission_id = session.scalar(select(Submission.id).where(Submission.token == token))
    if submission_id is None:
        raise NotFound("There is no submission at this link.")
    try:
        submission, task = lock_rows(session, submission_id)
    except NotFound as error:
        raise Conflict("There is no open question.") from error
    question = answers.open_question(session, submission.id)
    if question is None or task.state is not TaskState.ASKED:
        raise Conflict("There is no open question.")
    question.answer, question.answered_at = text, utcnow()
    task.state = TaskState.OPEN
    task.waiting_since = question.answered_at
    answers.to_asker(task, question)
    tasks.touch(task, "answered")
    status.change_status(
        submission,
        SubmissionStatus.FLAGGED,
        event="answered",
        actor="volunteer",
        verification_status=VerificationStatus.A,
    )
    return submission


def templates(session: Session, language: str | None = None, names: list[str] | None = None) -> list[QuestionTemplate]:
    """Templates in a language (None: all), for any species and for those named (None: all)."""
    query = select(QuestionTemplate)
    if language is not None:
        query = query.where(QuestionTemplate.language == language)
    if names is not None:
        ids = [taxon.id for taxon in taxa.by_names(session, names)]
        query = query.where(or_(QuestionTemplate.taxon_id.is_(None), QuestionTemplate.taxon_id.in_(ids)))
    rows = session.scalars(query.order_by(QuestionTemplate.language, QuestionTemplate.id))
    return sorted(rows, key=lambda row: row.taxon_id is None)


def add_first_templates(session: Session) -> None:
    """Add the questions that every desk asks, unless there is a template already."""
    if session.scalar(select(QuestionTemplate.id).limit(1)) is None:
        for language, bodies in _FIRST_TEMPLATES.items():
            session.add_all(QuestionTemplate(language=language, body=body) for body in bodies)


def _waits(question: ReviewQuestion) -> bool:
    return question.answered_at is None and question.withdrawn_at is None


def _waiting_since(session: Session, moment: datetime) -> list[ReviewQuestion]:
    """Questions that volunteers can answer and have not, asked before that moment."""
    query = select(ReviewQuestion).join(Submission, Submission.id == ReviewQuestion.submission_id)
    query = query.where(
        ReviewQuestion.answered_at.is_(None),
        ReviewQuestion.withdrawn_at.is_(None),
        ReviewQuestion.asked_at < moment,
        Submission.status == SubmissionStatus.QUERIED,
    )
    return list(session.scalars(query.order_by(ReviewQuestion.id)))


def of_submission(session: Session, submission_id: int) -> list[ReviewQuestion]:
    """Questions about a submission, oldest first, undone ones left out."""
    query = select(ReviewQuestion).where(ReviewQuestion.submission_id == submission_id)
    rows = session.scalars(query.order_by(ReviewQuestion.id))
    return [row for row in rows if row.withdrawn_at is None]


# --- what volunteers are told -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReviewDecision:
    """What experts decided, and their words for the volunteer.

    ``differs``: they named another species than the claim did; ``claimed`` is that species.
    """

    code: VerificationStatus
    kind: IdentificationKind
    taxon: Taxon | None
    claimed: Taxon | None
    at: datetime
    messages: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the marks of both species show what to look for next time."""
        return self.taxon is not None and self.claimed is not None and self.taxon.id != self.claimed.id


@dataclass(frozen=True)
class ReviewReport:
    """What a volunteer is told. ``told`` None: not settled; ``question`` waits for an answer, ``answered`` are earlier ones."""

    told: ReviewDecision | None
    question: ReviewQuestion | None
    answered: list[ReviewQuestion]


def report_for_volunteer(session: Session, submission: Submission) -> ReviewReport:
    """What the volunteer is told of the review; nothing once the submission was withdrawn."""
    if tasks.of(session, submission.id) is None or submission.status is SubmissionStatus.WITHDRAWN:
        return ReviewReport(None, None, [])
    waiting = submission.status is SubmissionStatus.QUERIED
    return ReviewReport(
        decisions_for_volunteers(session, [submission]).get(submission.id),
        answers.open_question(session, submission.id) if waiting else None,
        [row for row in of_submission(session, submission.id) if row.answered_at is not None],
    )


def decisions_for_volunteers(session: Session, submissions: Sequence[Submission]) -> dict[int, ReviewDecision]:
    """What experts settled about these submissions, by their ids, in two statements."""
    claims = {row.id: row.claim.taxon for row in submissions if row.status is not SubmissionStatus.WITHDRAWN}
    query = select(ReviewTask).options(joinedload(ReviewTask.outcome_taxon))
    settled = query.where(ReviewTask.submission_id.in_(claims), ReviewTask.state == TaskState.DECIDED)
    messages: dict[int, list[str]] = defaultdict(list)
    written = select(Identification.submission_id, Identification.message).where(
        Identification.submission_id.in_(claims), Identification.message != "", Identification.is_standing_answer()
    )
    for submission_id, message in session.execute(written.order_by(Identification.id)):
        messages[submission_id].append(message)
    return {
        task.submission_id: ReviewDecision(
            task.outcome_code,
            task.outcome_kind,
            task.outcome_taxon,
            claims[task.submission_id],
            task.closed_at or task.changed_at,
            tuple(messages[task.submission_id]),
        )
        for task in session.scalars(settled)
        if task.outcome_kind is not None and task.outcome_code is not None
    }
