"""What volunteers do with their address: give it, confirm it, join another device by it, stop mails and start them again.

A link in a mail only shows a page; a button there does something, because programs open the links of mails, too.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts import mails as staff
from app.accounts.tables import DigestMails, User
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict, NotFound
from app.mail import outbox
from app.mail.rules import MailKind, MailList
from app.mail.tables import Mail
from app.mail.tokens import MailTokens, Purpose
from app.review import answers
from app.submissions import mails, volunteers
from app.submissions.rules import OutcomeMails, SubmissionStatus
from app.submissions.tables import Submission, Volunteer

_GONE = "This link does not work (any more)."


@dataclass(frozen=True)
class Subscription:
    """What a link to stop mails is about. ``stopped``: it was stopped, or the address is no longer used."""

    what: MailList
    stopped: bool
    can_resume: bool


class Addresses:
    """Use cases of volunteers, and of users who stop mails."""

    def __init__(self, sessions: SessionFactory, tokens: MailTokens) -> None:
        self._sessions = sessions
        self._tokens = tokens

    def keep(self, key: str | None, language: str, address: str, outcome_mails: OutcomeMails) -> str:
        """Keep, change or (empty) forget the address of the volunteer with that key. Returns the key, perhaps a new one."""
        with transaction(self._sessions) as session:
            volunteer = volunteers.find_or_create(session, key, language)
            volunteers.set_email(session, volunteer, address, outcome_mails)
            return volunteer.key

    # --- confirming -------------------------------------------------------------------------------------------------------

    def look_at(self, purpose: Purpose, token: str) -> Volunteer:
        """The volunteer whose address a link was mailed to. Raises NotFound, also where the address has changed since."""
        with reading(self._sessions) as session:
            return self._of(session, purpose, token)

    def confirm(self, token: str) -> None:
        """The address belongs to whoever opened the link. Questions that wait are mailed now. Idempotent. Raises NotFound."""
        with transaction(self._sessions) as session:
            volunteer = self._of(session, "confirm", token)
            if volunteer.email_confirmed_at is not None:
                return
            volunteer.email_confirmed_at = utcnow()
            waiting = select(Submission).where(
                Submission.volunteer_id == volunteer.id, Submission.status == SubmissionStatus.QUERIED
            )
            for submission in session.scalars(waiting):
                question = answers.open_question(session, submission.id)
                if question is not None:
                    mails.tell(session, submission, MailKind.QUESTION, f"{question.id}", question.id)

    def _of(self, session: Session, purpose: Purpose, token: str) -> Volunteer:
        volunteer_id, digest = self._tokens.read(purpose, token)
        volunteer = session.get(Volunteer, volunteer_id)
        if volunteer is None or volunteer.email is None or self._tokens.digest(volunteer.email) != digest:
            raise NotFound(_GONE)
        return volunteer

    # --- another device ---------------------------------------------------------------------------------------------------

    def ask_to_join(self, key: str | None, address: str) -> None:
        """Mail a link that joins the browser in which it is opened to the volunteer with this confirmed address, if there is one.

        Nobody learns whether there is.
        """
        with transaction(self._sessions) as session:
            query = select(Volunteer).where(Volunteer.email == address, Volunteer.email_confirmed_at.is_not(None))
            volunteer = session.scalar(query.where(Volunteer.key != (key or "")).order_by(Volunteer.id).limit(1))
            if volunteer is not None and not outbox.too_many(session, MailKind.JOIN, address):
                mail = mails.to_volunteer(volunteer, MailKind.JOIN, secrets.token_urlsafe(9), volunteer.id)
                outbox.add(session, mail)

    def join(self, token: str, key: str | None) -> str:
        """Give the submissions of the volunteer with that key to the one who was mailed the link. Returns the key of that one.

        The other row stays, without an address: which photos measure models was drawn by volunteer. Raises NotFound.
        """
        with transaction(self._sessions) as session:
            volunteer = self._of(session, "join", token)
            other = volunteers.find(session, key)
            if other is not None and other.id != volunteer.id:
                _move(session, other, volunteer)
            return volunteer.key

    # --- a receipt --------------------------------------------------------------------------------------------------------

    def send_receipt(self, submission: Submission) -> None:
        """Mail the volunteer the link of a submission, once. Raises Conflict without a confirmed address."""
        if not mails.may_mail(submission.volunteer, MailKind.RECEIPT):
            raise Conflict("There is no confirmed address to send it to.")
        with transaction(self._sessions) as session:
            mails.tell(session, submission, MailKind.RECEIPT, f"{submission.id}", submission.id)

    # --- stopping ---------------------------------------------------------------------------------------------------------

    def subscription(self, token: str) -> Subscription:
        """What a link to stop mails is about. Raises NotFound for one that was not made here."""
        with reading(self._sessions) as session:
            reader, what = self._reader(session, token)
            return _subscription(reader, what)

    def stop(self, token: str, *, again: bool = False) -> Subscription:
        """Stop the mails that a link is about, or start them ``again``. Idempotent. Raises NotFound."""
        with transaction(self._sessions) as session:
            reader, what = self._reader(session, token)
            if isinstance(reader, User):
                staff.stop(session, reader, what, again=again)
            elif reader is not None and what is MailList.OUTCOMES:
                reader.outcome_mails = OutcomeMails.AT_ONCE if again else OutcomeMails.NEVER
            elif reader is not None:
                reader.question_mails = again
            return _subscription(reader, what)

    def _reader(self, session: Session, token: str) -> tuple[Volunteer | User | None, MailList]:
        """Whom the link was mailed to, None where the address is no longer theirs; and what it stops."""
        kind, number, digest, what = self._tokens.read("stop", token)
        reader: Volunteer | User | None
        reader = session.get(Volunteer, number) if kind == "volunteer" else session.get(User, number)
        if reader is None or reader.email is None or self._tokens.digest(reader.email) != digest:
            reader = None
        return reader, MailList(str(what))


def _subscription(reader: Volunteer | User | None, what: MailList) -> Subscription:
    if reader is None:
        return Subscription(what, stopped=True, can_resume=False)
    if isinstance(reader, User):
        wanted = reader.digest_mails is not DigestMails.NEVER if what is MailList.DIGEST else reader.alert_mails
    elif what is MailList.OUTCOMES:
        wanted = reader.outcome_mails is not OutcomeMails.NEVER
    else:
        wanted = reader.question_mails
    return Subscription(what, stopped=not wanted, can_resume=True)


def _move(session: Session, other: Volunteer, volunteer: Volunteer) -> None:
    taken = select(Submission.idempotency_key).where(Submission.volunteer_id == volunteer.id)
    clashing = select(Submission).where(Submission.volunteer_id == other.id, Submission.idempotency_key.in_(taken))
    for submission in session.scalars(clashing):
        submission.idempotency_key = f"joined-{secrets.token_urlsafe(18)}"
    session.flush()
    moved = update(Submission).where(Submission.volunteer_id == other.id).values(volunteer_id=volunteer.id)
    session.execute(moved)
    outbox.take_back(session, Mail.volunteer_id == other.id)
    session.execute(update(Mail).where(Mail.volunteer_id == other.id).values(volunteer_id=volunteer.id))
    other.email = other.email_confirmed_at = None
