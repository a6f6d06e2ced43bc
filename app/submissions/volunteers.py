"""Volunteers: known by the key in their cookie, a row from their first submission on."""

import secrets

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.submissions.tables import Submission, Volunteer


def find(session: Session, key: str | None) -> Volunteer | None:
    """The volunteer of that key."""
    return session.scalar(select(Volunteer).where(Volunteer.key == key)) if key else None


def new_key() -> str:
    """A key for a cookie. The row follows when its holder sends something, so looking around leaves no trace."""
    return secrets.token_urlsafe(18)


def find_or_create(session: Session, key: str | None, language: str) -> Volunteer:
    """The volunteer of that key; a new one where nobody has it yet, or where there is none."""
    volunteer = find(session, key)
    if volunteer is None:
        volunteer = Volunteer(key=key or new_key(), language=language)
        session.add(volunteer)
        session.flush()
    return volunteer


def set_email(session: Session, volunteer: Volunteer, email: str) -> None:
    """Keep, change or (empty) forget the address. The address was validated before."""
    volunteer.email = email or None
    session.flush()


def last_permissions(session: Session, volunteer: Volunteer) -> tuple[bool, str | None] | None:
    """What the volunteer said last: whether photos may train models, and their licence; None: nothing was sent yet."""
    query = select(Submission.training, Submission.photo_licence).where(Submission.volunteer_id == volunteer.id)
    row = session.execute(query.order_by(Submission.id.desc()).limit(1)).one_or_none()
    return None if row is None else (row.training, row.photo_licence)


def allow_training(session: Session, volunteer: Volunteer, *, allowed: bool) -> None:
    """Let all photos of a volunteer train models from now on, or none of them."""
    mine = update(Submission).where(Submission.volunteer_id == volunteer.id)
    session.execute(mine.values(training=allowed))
