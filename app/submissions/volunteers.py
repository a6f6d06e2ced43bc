"""Volunteers: known by the key in their cookie, a row from their first submission on."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.submissions.tables import Volunteer


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
    return volunteer


def set_email(volunteer: Volunteer, email: str) -> None:
    """Keep, change or (empty) forget the address. The address was validated before."""
    volunteer.email = email or None
