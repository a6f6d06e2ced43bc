"""Volunteers: known by the key in their cookie, a row from their first submission on."""

import secrets

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.mail import outbox
from app.mail.tables import Mail
from app.submissions import mails
from app.submissions.rules import OutcomeMails
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
    return volunteer


def add_email(session: Session, volunteer: Volunteer, email: str | None, outcome_mails: OutcomeMails) -> None:
    """Keep the address where none is known; one that is known changes only under My submissions."""
    if email is not None and volunteer.email is None:
        set_email(session, volunteer, email, outcome_mails)


def set_email(session: Session, volunteer: Volunteer, email: str, outcome_mails: OutcomeMails) -> None:
    """Keep, change or (empty) forget the address, which was validated before; a new one is asked to be confirmed.

    What was to be sent to an earlier one is not sent any more.
    """
    volunteer.outcome_mails = outcome_mails
    if (volunteer.email or "") == email:
        return
    session.flush()
    outbox.take_back(session, Mail.volunteer_id == volunteer.id)
    volunteer.email, volunteer.email_confirmed_at = email or None, None
    volunteer.question_mails = True
    if email:
        mails.ask_to_confirm(session, volunteer)


def forget_address(session: Session, address: str) -> int:
    """Forget an address in every volunteer's row, and the mails to it. Returns how many volunteers had it."""
    rows = session.scalars(select(Volunteer).where(func.lower(Volunteer.email) == address.strip().lower())).all()
    for row in rows:
        outbox.forget(session, Mail.volunteer_id == row.id)
        row.email = row.email_confirmed_at = None
    return len(rows)


def last_permissions(session: Session, volunteer: Volunteer) -> tuple[bool, str | None] | None:
    """What the volunteer said last: whether photos may train models, and their licence; None: nothing was sent yet."""
    query = select(Submission.training, Submission.photo_licence).where(Submission.volunteer_id == volunteer.id)
    row = session.execute(query.order_by(Submission.id.desc()).limit(1)).one_or_none()
    return None if row is None else (row.training, row.photo_licence)


def training_counts(session: Session, volunteer: Volunteer) -> tuple[int, int]:
    """How many submissions that are not withdrawn may train models, and how many there are."""
    mine = select(func.count().filter(Submission.training), func.count()).where(
        Submission.volunteer_id == volunteer.id, Submission.withdrawn_at.is_(None)
    )
    allowed, total = session.execute(mine).one()
    return allowed, total


def allow_training(session: Session, volunteer: Volunteer, *, allowed: bool) -> None:
    """Let all photos of a volunteer train models from now on, or none of them."""
    mine = update(Submission).where(Submission.volunteer_id == volunteer.id)
    session.execute(mine.values(training=allowed))
