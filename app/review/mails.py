"""Mails to reviewers and coordinators: what waits, and species that the computer may no longer accept."""

from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import mails
from app.accounts.tables import DigestMails, User
from app.core.db import utcnow
from app.core.roles import Role
from app.core.web.i18n import Language
from app.mail import outbox
from app.mail.rendering import AllContents, Contents, Part
from app.mail.rules import MailKind
from app.mail.tables import Mail
from app.review import queue
from app.review.filters import Filter, ListState
from app.review.tables import AcceptanceSuspension
from app.taxa.views import taxon_view

# UTC; the week's mail comes on Mondays.
_DIGEST_AT = time(6)


def plan_digests(session: Session) -> None:
    """Write the next digest of every user who wants one; what it says is found out when it is sent."""
    now = utcnow()
    at = datetime.combine(now.date(), _DIGEST_AT, now.tzinfo)
    at = at if at > now else at + timedelta(days=1)
    for user in session.scalars(select(User).where(User.active, User.digest_mails != DigestMails.NEVER)):
        if user.digest_mails is DigestMails.DAILY or at.weekday() == 0:
            mail = mails.to_user(user, MailKind.DIGEST, at.date().isoformat(), user.id)
            mail.next_try_at, mail.expires_at = at, at + timedelta(hours=20)
            outbox.add(session, mail)


def species_suspended(session: Session, suspension: AcceptanceSuspension) -> None:
    """Tell the coordinators."""
    mails.alert(session, MailKind.SUSPENSION, f"{suspension.id}", suspension.id, Role.COORDINATOR)


def _digest(session: Session, mail: Mail, _language: Language) -> Part | None:
    """How many wait for anybody, and for this user because they asked; None while nothing waits."""
    user = mails.reader(session, mail)
    if user is None:
        return None
    waiting, mine = (queue.count(session, Filter(state=state), user.id) for state in (ListState.OPEN, ListState.MINE))
    return {"waiting": waiting, "mine": mine} if waiting or mine else None


def _suspension(session: Session, mail: Mail, language: Language) -> Part | None:
    suspension = session.get(AcceptanceSuspension, mail.subject_id)
    if suspension is None or suspension.lifted_at is not None or mails.reader(session, mail) is None:
        return None
    return {"suspension": suspension, "name": taxon_view(suspension.taxon, language).vernacular_name}


CONTENTS: AllContents = {
    MailKind.DIGEST: Contents("review/mail/digest.html", _digest),
    MailKind.SUSPENSION: Contents("review/mail/suspension.html", _suspension),
}
