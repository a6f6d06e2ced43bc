"""Signing in, and the sessions that begin with it: one for each browser, ended by their user or by an admin."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Update, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.accounts import audit, users
from app.accounts.tables import User, UserSession, normal_email
from app.accounts.users import Passwords
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import FieldError, InvalidInput, NotFound, TooManyAttempts, WingcheckError
from app.core.rate_limits import RateLimits
from app.core.secret_tokens import hash_of, new_token

log = logging.getLogger(__name__)
TOUCH_INTERVAL = timedelta(minutes=1)
_LOCK_TIMEOUT_MS = 300


def write_if_free(sessions: SessionFactory, *updates: Update) -> None:
    """Note when something was last used. While somebody else writes for long, it is left to the next request."""
    try:
        with sessions() as session:
            session.connection(execution_options={"patience_ms": _LOCK_TIMEOUT_MS})
            for statement in updates:
                session.execute(statement)
            session.commit()
    except OperationalError as error:
        log.info("when a session or API key was last used could not be noted: %s", error.orig)


@dataclass(frozen=True)
class Device:
    """The browser of a request: how its session is described, and what is known of it before signing in.

    ``address``: what limits count by, unless it is ``exempt``. ``known_users``: ids of users who signed in with this browser
    before. ``token``: of its present session, if any.
    """

    user_agent: str = ""
    address: str = ""
    exempt: bool = True
    known_users: tuple[int, ...] = ()
    token: str = ""


class UserSessions:
    """Begins, finds and ends sessions. ``days``: how long one lasts; ``idle_days``: how long it may be unused."""

    def __init__(self, sessions: SessionFactory, *, days: int, idle_days: int) -> None:
        self._sessions = sessions
        self._lifetime = timedelta(days=days)
        self._idle = timedelta(days=idle_days)

    def begin(self, session: Session, user: User, device: Device) -> str:
        """Start a session of the user. Returns the token for its cookie, always a new one."""
        token = new_token()
        session.add(
            UserSession(
                user_id=user.id,
                token_hash=hash_of(token),
                user_agent=device.user_agent[:300],
                address=device.address[:64],
                expires_at=utcnow() + self._lifetime,
            )
        )
        return token

    def find(self, token: str) -> UserSession | None:
        """The open session with that token, and its active user; also notes that it was used."""
        with reading(self._sessions) as session:
            query = select(UserSession).where(UserSession.token_hash == hash_of(token), self._is_open())
            row = session.scalar(query)
        if row is None or not row.user.active:
            return None
        if utcnow() - row.last_used_at > TOUCH_INTERVAL or row.user.last_seen_at is None:
            now = utcnow()
            write_if_free(
                self._sessions,
                update(UserSession).where(UserSession.id == row.id).values(last_used_at=now),
                update(User).where(User.id == row.user_id).values(last_seen_at=now),
            )
        return row

    def _is_open(self) -> ColumnElement[bool]:
        now = utcnow()
        return (
            UserSession.revoked_at.is_(None)
            & (UserSession.expires_at > now)
            & (UserSession.last_used_at > now - self._idle)
        )

    def of(self, session: Session, user_id: int) -> list[UserSession]:
        """The open sessions of a user, the most recently used first."""
        query = select(UserSession).where(UserSession.user_id == user_id, self._is_open())
        return list(session.scalars(query.order_by(UserSession.last_used_at.desc(), UserSession.id.desc())))

    def end(self, token: str) -> None:
        """Sign out the browser that has this token."""
        with transaction(self._sessions) as session:
            session.execute(_ending().where(UserSession.token_hash == hash_of(token)))


def revoke(session: Session, user_id: int, session_id: int) -> None:
    """End one session of a user. Raises NotFound where the user has no such session."""
    row = session.get(UserSession, session_id)
    if row is None or row.user_id != user_id:
        raise NotFound("This user has no such session.")
    row.revoked_at = row.revoked_at or utcnow()


def revoke_all(session: Session, user_id: int) -> int:
    """End every session of a user. Returns how many there were."""
    ending = _ending().where(UserSession.user_id == user_id)
    return len(session.scalars(ending.returning(UserSession.id)).all())


def _ending() -> Update:
    return update(UserSession).where(UserSession.revoked_at.is_(None)).values(revoked_at=utcnow())


class WrongPassword(WingcheckError):
    """No active account has this address and password. Which of the two is wrong is not said."""


class SignIn:
    """Verifies passwords, and limits how often they may be tried."""

    def __init__(
        self, sessions: SessionFactory, passwords: Passwords, user_sessions: UserSessions, limits: RateLimits
    ) -> None:
        self._sessions = sessions
        self._passwords = passwords
        self._user_sessions = user_sessions
        self._limits = limits

    def sign_in(self, email: str, password: str, device: Device) -> tuple[User, str]:
        """The user, and the token of a new session. The browser's previous session ends.

        Raises WrongPassword, and TooManyAttempts before any password is verified. An address that nobody has takes as
        long as any other and is limited like any other.
        """
        with reading(self._sessions) as session:
            user = users.find(session, email)
        counter = self._count(email, device, user)
        matches = self._passwords.matches(user.password_hash if user else self._passwords.dummy_hash, password)
        if user is None or not matches or not user.active:
            raise WrongPassword("E-mail address or password is incorrect.")
        self._limits.forget("sign_in", counter)
        outdated = self._passwords.is_outdated(user.password_hash)
        new_hash = self._passwords.hash(password) if outdated else user.password_hash
        with transaction(self._sessions) as session:
            row = users.get(session, user.id)
            if row.password_hash != user.password_hash or not row.active:
                raise WrongPassword("The account changed during the attempt.")
            row.password_hash = new_hash
            token = self._user_sessions.begin(session, row, device)
        if device.token:
            self._user_sessions.end(device.token)
        return row, token

    def _count(self, email: str, device: Device, user: User | None) -> str:
        """Count the attempt. Strangers share one counter per account; a browser that its user used before has another.

        Returns the counter's name. Raises TooManyAttempts.
        """
        known = user is not None and user.id in device.known_users
        counter = f"{normal_email(email)}/{'known' if known else 'stranger'}"
        limits = [self._limits.hit("sign_in", counter)]
        if not device.exempt:
            limits.append(self._limits.hit("sign_in_address", device.address))
        waits = [limit.reset for limit in limits if limit is not None and not limit.allowed]
        if waits:
            raise TooManyAttempts("Too many attempts to sign in.", retry_after=max(waits))
        return counter

    def count_address(self, device: Device) -> None:
        """Count an attempt from this address that names no account. Raises TooManyAttempts."""
        limit = None if device.exempt else self._limits.hit("sign_in_address", device.address)
        if limit is not None and not limit.allowed:
            raise TooManyAttempts("Too many attempts from this address.", limit.reset)

    def confirm(self, user_id: int, present: str) -> User:
        """The user, who has typed the present password once more. Raises InvalidInput for a wrong one.

        Raises TooManyAttempts: whoever finds a browser signed in must not try passwords here for long.
        """
        counter = f"{user_id}/change"
        limit = self._limits.hit("sign_in", counter)
        if limit is not None and not limit.allowed:
            raise TooManyAttempts("Too many attempts to type the password.", limit.reset)
        with reading(self._sessions) as session:
            user = users.get(session, user_id)
        if not self._passwords.matches(user.password_hash, present):
            raise InvalidInput([FieldError("present", "password_wrong")])
        self._limits.forget("sign_in", counter)
        return user

    def change_password(self, user_id: int, present: str, new: str, device: Device) -> tuple[User, str]:
        """Choose another password. Every session ends; returns the user and the token of a new one.

        Raises InvalidInput for a wrong present password and for a new one that is too weak or the same, and TooManyAttempts.
        """
        user = self.confirm(user_id, present)
        users.check_password(new, user)
        if self._passwords.matches(user.password_hash, new):
            raise InvalidInput([FieldError("password", "password_same")])
        new_hash = self._passwords.hash(new)
        with transaction(self._sessions) as session:
            user = users.get(session, user_id)
            audit.record(session, user_id, "account.password_changed", users.subject_of(user_id))
            return user, replace_password(session, user, new_hash, self._user_sessions, device)


def replace_password(
    session: Session, user: User, password_hash: str, user_sessions: UserSessions, device: Device
) -> str:
    """Store a password that the user chose. Every session ends; returns the token of a new one."""
    user.password_hash, user.must_change_password = password_hash, False
    revoke_all(session, user.id)
    return user_sessions.begin(session, user, device)
