"""Mails to users: one-time links, digests, alerts.

The link of a mail is another one than a page shows. It is made when the mail is sent, so that no secret lies in the outbox.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.tables import AccountLink, DigestMails, LinkKind, User
from app.core.roles import Role
from app.core.secret_tokens import hash_of, new_token
from app.core.web.i18n import Language
from app.mail import outbox
from app.mail.rendering import AllContents, Contents, Part
from app.mail.rules import MailKind, MailList
from app.mail.tables import Mail

_KINDS = {LinkKind.INVITATION: MailKind.INVITATION, LinkKind.PASSWORD_RESET: MailKind.PASSWORD_RESET}


def path_of(kind: LinkKind, token: str) -> str:
    """Where a link leads."""
    return f"/{'reset' if kind is LinkKind.PASSWORD_RESET else 'invitation'}/{token}"


def send_link(session: Session, link: AccountLink, recipient: str, language: str) -> None:
    """Mail an invitation or the way to a new password. It is of use only as long as the link is."""
    kind = _KINDS[link.kind]
    outbox.add(
        session,
        Mail(
            key=f"{kind.value}:{link.id}",
            kind=kind,
            recipient=recipient,
            language=language,
            subject_id=link.id,
            user_id=link.user_id,
            expires_at=link.expires_at,
        ),
    )


def alert(session: Session, kind: MailKind, key: str, subject_id: int, least: Role) -> None:
    """Mail an alert to all active users of at least that role who want them."""
    for user in session.scalars(select(User).where(User.active, User.alert_mails).order_by(User.id)):
        if user.role.includes(least):
            outbox.add(session, to_user(user, kind, key, subject_id))


def to_user(user: User, kind: MailKind, key: str, subject_id: int) -> Mail:
    """A mail to a user; ``key`` names what it tells."""
    return Mail(
        key=f"{kind.value}:{key}:{user.id}",
        kind=kind,
        recipient=user.email,
        language=user.language,
        subject_id=subject_id,
        user_id=user.id,
    )


def reader(session: Session, mail: Mail) -> User | None:
    """The user that a mail is for; None where they may not or do not want to read it any more."""
    user = session.get(User, mail.user_id) if mail.user_id is not None else None
    if user is None or not user.active or user.email != mail.recipient:
        return None
    wants = user.digest_mails is not DigestMails.NEVER if mail.kind is MailKind.DIGEST else user.alert_mails
    return user if wants else None


def stop(session: Session, user: User, what: MailList, *, again: bool = False) -> None:
    """Stop the digest or the alerts of a user, or start them ``again``."""
    if what is MailList.DIGEST:
        user.digest_mails = DigestMails.DAILY if again else DigestMails.NEVER
    else:
        user.alert_mails = again


def send_again(session: Session, by: int, mail_id: int) -> None:
    """Send a mail again that may not have arrived, or was refused. Raises NotFound, Conflict."""
    mail = outbox.send_again(session, mail_id)
    audit.record(session, by, "mail.sent_again", f"mail:{mail.id}", {"kind": mail.kind.value})


def _link(session: Session, mail: Mail, _language: Language) -> Part | None:
    link = session.get(AccountLink, mail.subject_id)
    if link is None or link.state != "open":
        return None
    token = new_token()
    link.mailed_token_hash = hash_of(token)
    return {"path": path_of(link.kind, token), "link": link}


CONTENTS: AllContents = {
    MailKind.INVITATION: Contents("accounts/mail/invitation.html", _link),
    MailKind.PASSWORD_RESET: Contents("accounts/mail/password.html", _link),
}
