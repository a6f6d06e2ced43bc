"""One-time links: for the first admin, for invitations, for new passwords. Whoever has a link may use it, once."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app.accounts import audit, mails, users
from app.accounts.mails import path_of
from app.accounts.sessions import Device, UserSessions, replace_password
from app.accounts.tables import AccountLink, LinkKind, User
from app.accounts.users import Passwords
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Clash, Conflict, FieldError, NotFound
from app.core.roles import Role
from app.core.secret_tokens import hash_of, new_token
from app.mail import outbox
from app.mail.rules import MailKind

LIFETIMES = {
    LinkKind.FIRST_ADMIN: timedelta(days=2),
    LinkKind.INVITATION: timedelta(days=7),
    LinkKind.PASSWORD_RESET: timedelta(days=1),
}
JOINING = frozenset({LinkKind.FIRST_ADMIN, LinkKind.INVITATION})
RESETTING = frozenset({LinkKind.PASSWORD_RESET})
_LISTED_AFTER_EXPIRY = timedelta(days=30)


@dataclass(frozen=True)
class NewLink:
    """A link just made. ``path`` contains the secret: it is shown now and never again."""

    row: AccountLink
    path: str


def has_admin(session: Session) -> bool:
    """Whether there is an active admin."""
    query = select(func.count()).select_from(User).where(User.role == Role.ADMIN, User.active)
    return session.scalar(query) != 0


def make_first_admin(session: Session) -> NewLink:
    """A link for the first admin. Earlier ones work until they expire. Raises Conflict where there is an admin already."""
    if has_admin(session):
        raise Conflict("there is already an admin, who can invite others")
    stale = (AccountLink.kind == LinkKind.FIRST_ADMIN) & (AccountLink.expires_at < utcnow())
    session.execute(delete(AccountLink).where(stale))
    return _add(session, AccountLink(kind=LinkKind.FIRST_ADMIN, role=Role.ADMIN))


def invite(session: Session, by: int | None, email: str, role: Role) -> NewLink:
    """Invite somebody; without an address, whoever has the link may use it. Revokes earlier invitations of the address.

    Raises InvalidInput for an invalid address, Clash for one that has an account.
    """
    address = users.checked_email(email) if email.strip() else ""
    if address:
        if users.find(session, address) is not None:
            raise Clash([FieldError("email", "email_taken")])
        _revoke(session, (AccountLink.email == address) & (AccountLink.kind == LinkKind.INVITATION))
    link = _add(session, AccountLink(kind=LinkKind.INVITATION, role=role, email=address, created_by=by))
    audit.record(session, by, "user.invited", subject_of(link.row), {"role": role.value, "email": address})
    return link


def make_password_reset(session: Session, by: int | None, user_id: int) -> NewLink:
    """A link to choose a new password; earlier ones are revoked. Raises NotFound, and Conflict for an inactive user."""
    user = users.get(session, user_id)
    if not user.active:
        raise Conflict("This account is deactivated.")
    audit.record(session, by, "user.password_link_made", users.subject_of(user_id))
    return _add_reset(session, user_id, by)


def mail_password_reset(session: Session, email: str) -> None:
    """Mail such a link to whoever forgot a password. What was done is not told: nobody learns whether there is an account."""
    user = users.find(session, email)
    if user is None or not user.active or outbox.too_many(session, MailKind.PASSWORD_RESET, user.email):
        return
    audit.record(session, user.id, "account.password_link_asked", users.subject_of(user.id))
    mails.send_link(session, _add_reset(session, user.id, user.id).row, user.email, user.language)


def _add_reset(session: Session, user_id: int, by: int | None) -> NewLink:
    _revoke(session, (AccountLink.user_id == user_id) & (AccountLink.kind == LinkKind.PASSWORD_RESET))
    return _add(session, AccountLink(kind=LinkKind.PASSWORD_RESET, user_id=user_id, created_by=by))


def _add(session: Session, row: AccountLink) -> NewLink:
    token = new_token()
    row.token_hash = hash_of(token)
    row.created_at = utcnow()
    row.expires_at = row.created_at + LIFETIMES[row.kind]
    session.add(row)
    session.flush()
    return NewLink(row, path_of(row.kind, token))


def subject_of(link: AccountLink) -> str:
    """An invitation's name in the audit log."""
    return f"invitation:{link.id}"


def invitations(session: Session) -> list[AccountLink]:
    """Invitations that are open or ended lately, the newest first."""
    recent = AccountLink.expires_at > utcnow() - _LISTED_AFTER_EXPIRY
    query = select(AccountLink).where(AccountLink.kind == LinkKind.INVITATION, recent)
    return list(session.scalars(query.order_by(AccountLink.id.desc())))


def revoke_invitation(session: Session, by: int | None, link_id: int) -> None:
    """Withdraw an invitation. Raises NotFound, and Conflict where it was used."""
    link = session.get(AccountLink, link_id)
    if link is None or link.kind is not LinkKind.INVITATION:
        raise NotFound("There is no such invitation.")
    if link.used_at is not None:
        raise Conflict("This invitation has already been used.")
    if link.revoked_at is None:
        link.revoked_at = utcnow()
        audit.record(session, by, "invitation.revoked", subject_of(link), {"email": link.email})


def revoke_all_by(session: Session, user_id: int) -> None:
    """Revoke every open link that a user made."""
    _revoke(session, AccountLink.created_by == user_id)


def _revoke(session: Session, links: ColumnElement[bool]) -> None:
    session.execute(update(AccountLink).where(links, _is_open()).values(revoked_at=utcnow()))


def _is_open() -> ColumnElement[bool]:
    now = utcnow()
    return AccountLink.used_at.is_(None) & AccountLink.revoked_at.is_(None) & (AccountLink.expires_at > now)


class Links:
    """Uses of a link by whoever has it. Raises NotFound for a link that does not work (any more)."""

    def __init__(self, sessions: SessionFactory, passwords: Passwords, user_sessions: UserSessions) -> None:
        self._sessions = sessions
        self._passwords = passwords
        self._user_sessions = user_sessions

    def find(self, token: str, kinds: frozenset[LinkKind]) -> AccountLink:
        """The link. Looking does not use it up: programs that preview links do that too."""
        with reading(self._sessions) as session:
            return _open(session, token, kinds)

    def join(self, token: str, user: User, password: str, device: Device) -> tuple[User, str]:
        """Create the account that a link promises, with the address, name and language of ``user``.

        Returns the user and the token of a new session. Raises NotFound, InvalidInput.
        """
        user.email = self.find(token, JOINING).email or user.email
        users.check_new(user, password)
        user.password_hash = self._passwords.hash(password)
        with transaction(self._sessions) as session:
            link = _lock(session, token, JOINING)
            assert link.role is not None
            user.role = link.role
            users.create(session, user)
            link.used_at, link.user_id = utcnow(), user.id
            details = {"role": link.role.value, "link": link.kind.value}
            audit.record(session, user.id, "user.joined", users.subject_of(user.id), details)
            return user, self._user_sessions.begin(session, user, device)

    def reset_password(self, token: str, password: str, device: Device) -> tuple[User, str]:
        """Store a new password. Every session ends; returns the user and the token of a new one."""
        user = self.find(token, RESETTING).user
        assert user is not None
        users.check_password(password, user)
        password_hash = self._passwords.hash(password)
        with transaction(self._sessions) as session:
            link = _lock(session, token, RESETTING)
            link.used_at = utcnow()
            user = users.get(session, user.id)
            audit.record(session, user.id, "account.password_reset", users.subject_of(user.id))
            return user, replace_password(session, user, password_hash, self._user_sessions, device)


def _has(token: str) -> ColumnElement[bool]:
    return or_(AccountLink.token_hash == hash_of(token), AccountLink.mailed_token_hash == hash_of(token))


def _open(session: Session, token: str, kinds: frozenset[LinkKind]) -> AccountLink:
    query = select(AccountLink).where(_has(token), AccountLink.kind.in_(kinds), _is_open())
    link = session.scalar(query)
    if link is None or (link.user is not None and not link.user.active):
        raise NotFound("This link has been used, has expired or was withdrawn.")
    if link.kind is LinkKind.FIRST_ADMIN and has_admin(session):
        raise NotFound("There is already an admin, who can invite you.")
    return link


def _lock(session: Session, token: str, kinds: frozenset[LinkKind]) -> AccountLink:
    """The link, locked until the end of the transaction: of two who use it at once, the second finds it used.

    Links for the first admin are locked together, because only one of them may be used.
    """
    links = _has(token)
    if LinkKind.FIRST_ADMIN in kinds:
        links |= AccountLink.kind == LinkKind.FIRST_ADMIN
    session.execute(select(AccountLink.id).where(links).order_by(AccountLink.id).with_for_update()).all()
    return _open(session, token, kinds)
