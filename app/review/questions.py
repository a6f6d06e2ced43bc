"""Questions to volunteers: asked from the desk, answered on the submission's page, back to whoever asked."""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import Conflict, FieldError, InvalidInput, NotFound
from app.review import leases, standings, tasks
from app.review.decisions import checked_text, locked, refuse_stale
from app.review.rules import IdentificationKind, TaskState
from app.review.tables import QuestionTemplate, ReviewQuestion
from app.submissions import status
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Submission
from app.taxa import names as taxa

MAX_QUESTION = 1000
MAX_ANSWER = 2000


@dataclass(frozen=True)
class Asked:
    """``identification_id`` is what an undo names."""

    submission_id: int
    identification_id: int
    revision: int


class Questions:
    """Asking, answering, and the templates."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def ask(self, user_id: int, submission_id: int, revision: int, body: str) -> Asked:
        """Ask the volunteer. The item waits until it is answered, or until somebody decides without.

        Raises NotFound, InvalidInput, Stale, and Conflict where a question waits already or all is decided.
        """
        body = checked_text(body, "body", MAX_QUESTION)
        with transaction(self._sessions) as session:
            submission, task = locked(session, submission_id)
            refuse_stale(session, task, user_id, revision)
            if task.state is not TaskState.OPEN:
                raise Conflict("You can only ask a question about an open submission, one at a time.")
            row = standings.append(
                session,
                task,
                user_id,
                IdentificationKind.QUESTION,
                "asked",
                verification_status=VerificationStatus.D,
                remark=body,
            )
            session.add(
                ReviewQuestion(
                    submission_id=submission_id,
                    asked_by=user_id,
                    identification_id=row.id,
                    language=submission.volunteer.language,
                    body=body,
                )
            )
            session.flush()
            leases.let_go(task)
            standings.apply(session, submission, task, user_id, "asked")
            return Asked(submission_id, row.id, task.revision)

    def answer(self, token: str, text: str) -> None:
        """The volunteer's answer to the question that waits; it goes back to whoever asked. Nothing else needs a sign-in.

        Raises NotFound, InvalidInput, Conflict where no question waits (any more).
        """
        text = checked_text(text, "answer", MAX_ANSWER)
        with transaction(self._sessions) as session:
            found = session.scalar(select(Submission.id).where(Submission.token == token))
            if found is None:
                raise NotFound("There is no submission at this link.")
            try:
                submission, task = locked(session, found)
            except NotFound as error:
                raise Conflict("There is no open question.") from error
            question = standings.open_question(session, submission.id)
            if question is None or task.state is not TaskState.ASKED:
                raise Conflict("There is no open question.")
            question.answer, question.answered_at = text, utcnow()
            task.state = TaskState.OPEN
            task.waiting_since = question.answered_at
            standings.to_asker(task, question)
            tasks.touch(task, "answered")
            status.change_status(
                session,
                submission,
                SubmissionStatus.FLAGGED,
                event="answered",
                actor="volunteer",
                verification_status=VerificationStatus.A,
            )

    # --- templates --------------------------------------------------------------------------------------------------------

    def save_template(
        self, user_id: int, body: str, language: str, scientific_name: str = "", template_id: int | None = None
    ) -> QuestionTemplate:
        """Add a template, or change one. Without a species it is for any. Raises NotFound, InvalidInput."""
        body = checked_text(body, "body", MAX_QUESTION)
        with transaction(self._sessions) as session:
            taxon = taxa.find(session, scientific_name) if scientific_name else None
            if scientific_name and taxon is None:
                raise InvalidInput([FieldError("taxon", "claim_unknown")])
            row = session.get(QuestionTemplate, template_id) if template_id is not None else QuestionTemplate()
            if row is None:
                raise NotFound("There is no such template.")
            session.add(row)
            row.body, row.language, row.taxon_id = body, language, taxon.id if taxon else None
            row.updated_at = utcnow()
            session.flush()
            session.refresh(row)
            verb = "added" if template_id is None else "changed"
            audit.record(session, user_id, f"template.{verb}", f"template:{row.id}", {"language": language})
        return row

    def delete_template(self, user_id: int, template_id: int) -> None:
        """Idempotent."""
        with transaction(self._sessions) as session:
            row = session.get(QuestionTemplate, template_id)
            if row is not None:
                session.delete(row)
                audit.record(session, user_id, "template.deleted", f"template:{template_id}", {"body": row.body})


def templates(session: Session, language: str | None = None, names: list[str] | None = None) -> list[QuestionTemplate]:
    """Templates in a language (any where None), those for the species named and those for any; all where ``names`` is None."""
    query = select(QuestionTemplate)
    if language is not None:
        query = query.where(QuestionTemplate.language == language)
    if names is not None:
        wanted = [taxon.id for taxon in taxa.by_names(session, names)]
        query = query.where(or_(QuestionTemplate.taxon_id.is_(None), QuestionTemplate.taxon_id.in_(wanted)))
    rows = session.scalars(query.order_by(QuestionTemplate.language, QuestionTemplate.id))
    return sorted(rows, key=lambda row: row.taxon_id is None)


def of_submission(session: Session, submission_id: int) -> list[ReviewQuestion]:
    """Questions about a submission, oldest first, undone ones left out."""
    query = select(ReviewQuestion).where(ReviewQuestion.submission_id == submission_id)
    rows = session.scalars(query.order_by(ReviewQuestion.id))
    return [row for row in rows if row.withdrawn_at is None]
