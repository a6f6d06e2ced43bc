"""The same answer sent twice: its first answer got lost on the way, or a button was pressed twice. It is kept once."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.review.decisions import Decision
from app.review.rules import IdentificationKind
from app.review.tables import Identification


def of_decision(
    session: Session, user_id: int, submission_id: int, revision: int, decision: Decision
) -> Identification | None:
    """The row that this very decision of this user, about this revision, has made already."""
    row = _first_after(session, user_id, submission_id, revision)
    if row is None or row.kind is not decision.kind:
        return None
    name = row.taxon.scientific_name if row.taxon else None
    codes = {None, row.verification_status}
    same = name == (decision.scientific_name if decision.kind is IdentificationKind.TAXON else None)
    return row if same and decision.status_code in codes else None


def of_question(session: Session, user_id: int, submission_id: int, revision: int, body: str) -> Identification | None:
    """The row that this very question has made already."""
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
