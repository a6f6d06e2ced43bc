"""Mails to volunteers, written with what they are about. Without a confirmed address there are none, but the one that asks."""

import hashlib
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.mail import outbox
from app.mail.rules import MailKind
from app.mail.tables import Mail
from app.submissions.rules import OutcomeMails
from app.submissions.tables import Submission, Volunteer

# An expert may undo a question or a decision; whoever does so within this time has told the volunteer nothing.
UNDO_TIME = timedelta(minutes=10)
# When those who want one mail a day get it (UTC): at the end of a day in the garden.
_DAILY_AT = time(17)


def ask_to_confirm(session: Session, volunteer: Volunteer) -> None:
    """Mail the link that confirms the volunteer's address: once for each volunteer and address, and not too many to one."""
    address = volunteer.email
    if address is None or outbox.too_many(session, MailKind.CONFIRM, address):
        return
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    outbox.add(session, to_volunteer(volunteer, MailKind.CONFIRM, f"{volunteer.id}:{digest}", volunteer.id))


def tell(session: Session, submission: Submission, kind: MailKind, key: str, subject_id: int) -> None:
    """Mail the volunteer of a submission, where the address is confirmed and such mails are wanted.

    ``key`` names what is told, ``subject_id`` is its row. A receipt leaves at once, what an expert does after UNDO_TIME.
    """
    volunteer = submission.volunteer
    if not may_mail(volunteer, kind):
        return
    mail = to_volunteer(volunteer, kind, key, subject_id)
    mail.submission_id = submission.id
    if kind is MailKind.OUTCOME:
        outbox.take_back(session, Mail.kind == kind, Mail.submission_id == submission.id)
        mail.wait(_until_daily(utcnow()) if volunteer.outcome_mails is OutcomeMails.DAILY else UNDO_TIME)
    elif kind is MailKind.QUESTION:
        mail.wait(UNDO_TIME)
    outbox.add(session, mail)


def may_mail(volunteer: Volunteer, kind: MailKind) -> bool:
    """Whether the volunteer has confirmed an address and has not stopped such mails."""
    if volunteer.email is None or volunteer.email_confirmed_at is None:
        return False
    if kind is MailKind.OUTCOME:
        return volunteer.outcome_mails is not OutcomeMails.NEVER
    return volunteer.question_mails or kind is MailKind.RECEIPT


def is_still_for(volunteer: Volunteer, mail: Mail) -> bool:
    """Whether a mail may still go where it was meant to go."""
    return volunteer.email == mail.recipient and may_mail(volunteer, mail.kind)


def to_volunteer(volunteer: Volunteer, kind: MailKind, key: str, subject_id: int) -> Mail:
    """A mail to a volunteer who has given an address; ``key`` names what it tells."""
    return Mail(
        key=f"{kind.value}:{key}",
        kind=kind,
        recipient=volunteer.email,
        language=volunteer.language,
        subject_id=subject_id,
        volunteer_id=volunteer.id,
    )


def _until_daily(now: datetime) -> timedelta:
    """Time until the next daily mail, at least UNDO_TIME."""
    earliest = now + UNDO_TIME
    at = datetime.combine(earliest.date(), _DAILY_AT, earliest.tzinfo)
    return (at if at >= earliest else at + timedelta(days=1)) - now
