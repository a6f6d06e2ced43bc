"""One-time links: for the first admin, for whoever is invited, for a new password. Whoever has one, may use it, once."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from app.accounts import accounts, audit, passwords
from app.accounts.accounts import NewUser
from app.accounts.emails import checked_email
from app.accounts.passwords import Passwords
from app.accounts.rules import LinkKind
from app.accounts.sessions import Device, UserSessions
from app.accounts.tables import AccountLink, User
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Clash, Conflict, FieldError, NotFound
from app.core.roles import Role
from app.core.secret_tokens import hash_of, new_token

LIFETIMES = {
    LinkKind.FIRST_ADMIN: timedelta(days=2),
    LinkKind.INVITATION: timedelta(days=7),
    LinkKind.PASSWORD_RESET: timedelta(days=1),
}
JOINING = frozenset({LinkKind.FIRST_ADMIN, LinkKind.INVITATION})
RESETTING = frozenset({LinkKind.PASSWORD_RESET})
_SHOWN_FOR = timedelta(days=30)


@dataclass(frozen=True)
class NewLink:
    """A link just made. ``path`` holds the secret: it is shown now and never again."""

    row: AccountLink
    path: str


def has_admin(session: Session) -> bool:
    """Whether anybody keeps the accounts."""
    query = select(func.count()).select_from(User).where(User.role == Role.ADMIN, User.active)
    return session.scalar(query) != 0


def make_first_admin(session: Session) -> NewLink:
    """A link for the first admin. Raises Conflict where there is one. Links made before stay good until they expire."""
    if has_admin(session):
        raise Conflict("there is already an admin, who can invite others")
    now = utcnow()
    stale = (AccountLink.kind == LinkKind.FIRST_ADMIN) & (AccountLink.expires_at < now)
    session.execute(delete(AccountLink).where(stale))
    return _make(session, LinkKind.FIRST_ADMIN, None, role=Role.ADMIN)


def invite(session: Session, by: int | None, email: str, role: Role) -> NewLink:
    """Invite somebody; without an address, whoever has the link may use it. An older invitation of the address is revoked.

    Raises InvalidInput for what is no address, Clash for one that has an account.
    """
    address = checked_email(email) if email.strip() else ""
    if address and accounts.find(session, address) is not None:
        raise Clash([FieldError("email", "email_taken")])
    if address:
        older = (AccountLink.email == address) & (AccountLink.kind == LinkKind.INVITATION)
        session.execute(update(AccountLink).where(older, _is_open()).values(revoked_at=utcnow()))
    link = _make(session, LinkKind.INVITATION, by, role=role, email=address)
    audit.record(session, by, "user.invited", subject_of(link.row), {"role": role.value, "email": address})
    return link


def make_password_reset(session: Session, by: int | None, user_id: int) -> NewLink:
    """A link with which a user chooses a new password; older ones are revoked. Raises NotFound, Conflict for the inactive."""
    user = accounts.get(session, user_id)
    if not user.active:
        raise Conflict("This account is deactivated.")
    older = (AccountLink.user_id == user_id) & (AccountLink.kind == LinkKind.PASSWORD_RESET)
    session.execute(update(AccountLink).where(older, _is_open()).values(revoked_at=utcnow()))
    audit.record(session, by, "user.password_link_made", accounts.subject_of(user_id))
    return _make(session, LinkKind.PASSWORD_RESET, by, user_id=user_id)


def _make(
    session: Session,
    kind: LinkKind,
    by: int | None,
    *,
    role: Role | None = None,
    email: str = "",
    user_id: int | None = None,
) -> NewLink:
    token = new_token()
    row = AccountLink(
        kind=kind,
        token_hash=hash_of(token),
        role=role,
        email=email,
        user_id=user_id,
        created_by=by,
        created_at=utcnow(),
        expires_at=utcnow() + LIFETIMES[kind],
    )
    session.add(row)
    session.flush()
    return NewLink(row, f"/{'reset' if kind is LinkKind.PASSWORD_RESET else 'invitation'}/{token}")


def subject_of(link: AccountLink) -> str:
    """What the audit log calls an invitation."""
    return f"invitation:{link.id}"


def invitations(session: Session) -> list[AccountLink]:
    """Invitations that are open, or came to their end lately; the newest first."""
    recent = AccountLink.expires_at > utcnow() - _SHOWN_FOR
    query = select(AccountLink).where(AccountLink.kind == LinkKind.INVITATION, recent)
    return list(session.scalars(query.order_by(AccountLink.id.desc())))


def revoke_invitation(session: Session, by: int | None, link_id: int) -> None:
    """Take an invitation back. Raises NotFound, Conflict for one that was used."""
    link = session.get(AccountLink, link_id)
    if link is None or link.kind is not LinkKind.INVITATION:
        raise NotFound("There is no such invitation.")
    if link.used_at is not None:
        raise Conflict("This invitation has already been used.")
    if link.revoked_at is None:
        link.revoked_at = utcnow()
        audit.record(session, by, "invitation.revoked", subject_of(link), {"email": link.email})


def revoke_all_by(session: Session, user_id: int) -> None:
    """Take back what a user handed out and nobody used yet."""
    theirs = (AccountLink.created_by == user_id) & _is_open()
    session.execute(update(AccountLink).where(theirs).values(revoked_at=utcnow()))


def _is_open() -> ColumnElement[bool]:
    now = utcnow()
    return AccountLink.used_at.is_(None) & AccountLink.revoked_at.is_(None) & (AccountLink.expires_at > now)


class Links:
    """What is done with a link, by whoever has it. A link that leads nowhere (any more) is a NotFound."""

    def __init__(self, sessions: SessionFactory, hasher: Passwords, user_sessions: UserSessions) -> None:
        self._sessions = sessions
        self._hasher = hasher
        self._user_sessions = user_sessions

    def find(self, token: str, kinds: frozenset[LinkKind]) -> AccountLink:
        """The link, looked at and not used: programs that preview links do that, too."""
        with reading(self._sessions) as session:
            return _open(session, token, kinds)

    def join(
        self, token: str, *, email: str, name: str, password: str, language: str, device: Device
    ) -> tuple[User, str]:
        """Make the account that a link promises; the user and the token of a session. Raises NotFound, InvalidInput."""
        email = self.find(token, JOINING).email or email
        accounts.check_new(email=email, name=name, password=password)
        password_hash = self._hasher.hash(password)
        with transaction(self._sessions) as session:
            link = _lock(session, token, JOINING)
            assert link.role is not None
            user = accounts.create(session, NewUser(email, name, password_hash, link.role, language))
            link.used_at, link.user_id = utcnow(), user.id
            details = {"role": link.role.value, "link": link.kind.value}
            audit.record(session, user.id, "user.joined", accounts.subject_of(user.id), details)
            return user, self._user_sessions.begin(session, user, device)

    def reset_password(self, token: str, password: str, device: Device) -> tuple[User, str]:
        """Keep a new password; the user and the token of a session. Every session that there was is over."""
        with reading(self._sessions) as session:
            found = _open(session, token, RESETTING).user
        assert found is not None
        passwords.check(password, found.email, found.name)
        fresh = self._hasher.hash(password)
        with transaction(self._sessions) as session:
            link = _lock(session, token, RESETTING)
            user = accounts.get(session, found.id)
            link.used_at = utcnow()
            user.password_hash, user.must_change_password = fresh, False
            audit.record(session, user.id, "account.password_reset", accounts.subject_of(user.id))
            self._user_sessions.revoke_all(session, user.id)
            return user, self._user_sessions.begin(session, user, device)


def _open(session: Session, token: str, kinds: frozenset[LinkKind]) -> AccountLink:
    query = select(AccountLink).where(AccountLink.token_hash == hash_of(token), AccountLink.kind.in_(kinds), _is_open())
    link = session.scalar(query)
    if link is None or (link.user is not None and not link.user.active):
        raise NotFound("This link has been used, has expired or was withdrawn.")
    if link.kind is LinkKind.FIRST_ADMIN and has_admin(session):
        raise NotFound("There is already an admin, who can invite you.")
    return link


def _lock(session: Session, token: str, kinds: frozenset[LinkKind]) -> AccountLink:
    """The link, held until the end of the transaction: of two who use it at once, the second finds it used.

    Links for the first admin are held together, because only one of them may be used.
    """
    wanted = AccountLink.token_hash == hash_of(token)
    if LinkKind.FIRST_ADMIN in kinds:
        wanted |= AccountLink.kind == LinkKind.FIRST_ADMIN
    session.execute(select(AccountLink.id).where(wanted).order_by(AccountLink.id).with_for_update()).all()
    return _open(session, token, kinds)
