"""Sessions: browsers that users signed in with. They can be listed and ended, by their user and by an admin."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Update, delete, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.accounts.tables import User, UserSession
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import NotFound
from app.core.secret_tokens import hash_of, new_token

log = logging.getLogger(__name__)
_TOUCH_EVERY = timedelta(minutes=1)
_REMEMBERED = timedelta(days=30)
_PATIENCE_MS = 300


@dataclass(frozen=True)
class Device:
    """What tells a user which browser a session is: its name for itself, and where it asked from."""

    user_agent: str = ""
    address: str = ""


class UserSessions:
    """Begins, finds and ends sessions. ``days``: how long one lasts; ``idle_days``: how long it may lie unused."""

    def __init__(self, sessions: SessionFactory, *, days: int, idle_days: int) -> None:
        self._sessions = sessions
        self.lifetime = timedelta(days=days)
        self._idle = timedelta(days=idle_days)

    def begin(self, session: Session, user: User, device: Device) -> str:
        """A new session of the user; the token for its cookie, which is always a new one."""
        token = new_token()
        session.add(
            UserSession(
                user_id=user.id,
                token_hash=hash_of(token),
                user_agent=device.user_agent[:300],
                address=device.address[:64],
                expires_at=utcnow() + self.lifetime,
            )
        )
        return token

    def find(self, token: str) -> UserSession | None:
        """The session of that token, with its user, where both are good for something; and note that it is used."""
        with reading(self._sessions) as session:
            query = select(UserSession).where(UserSession.token_hash == hash_of(token), self._is_open())
            found = session.scalar(query)
        if found is None or not found.user.active:
            return None
        if utcnow() - found.last_used_at > _TOUCH_EVERY or found.user.last_seen_at is None:
            self._touch(found)
        return found

    def _is_open(self) -> ColumnElement[bool]:
        now = utcnow()
        return (
            UserSession.revoked_at.is_(None)
            & (UserSession.expires_at > now)
            & (UserSession.last_used_at > now - self._idle)
        )

    def _touch(self, found: UserSession) -> None:
        """A moment is not worth waiting for: where somebody else writes for long, the next request notes it."""
        now = utcnow()
        try:
            with self._sessions() as session:
                session.connection(execution_options={"patience_ms": _PATIENCE_MS})
                session.execute(update(UserSession).where(UserSession.id == found.id).values(last_used_at=now))
                session.execute(update(User).where(User.id == found.user_id).values(last_seen_at=now))
                session.commit()
        except OperationalError as error:
            log.info("when a session was last used could not be noted: %s", error.orig)

    def of(self, session: Session, user_id: int) -> list[UserSession]:
        """The open sessions of a user, the one used last first."""
        query = select(UserSession).where(UserSession.user_id == user_id, self._is_open())
        return list(session.scalars(query.order_by(UserSession.last_used_at.desc(), UserSession.id.desc())))

    def end(self, token: str) -> None:
        """Sign out: this session is over, whoever has its token."""
        with transaction(self._sessions) as session:
            session.execute(_ending().where(UserSession.token_hash == hash_of(token)))

    def revoke(self, session: Session, user_id: int, session_id: int) -> None:
        """End one session of a user. Raises NotFound where the user has no such session."""
        found = session.get(UserSession, session_id)
        if found is None or found.user_id != user_id:
            raise NotFound("This user has no such session.")
        found.revoked_at = found.revoked_at or utcnow()

    def revoke_all(self, session: Session, user_id: int, *, but: int | None = None) -> int:
        """End every session of a user, or every other one; how many there were."""
        ending = _ending().where(UserSession.user_id == user_id)
        if but is not None:
            ending = ending.where(UserSession.id != but)
        return len(session.scalars(ending.returning(UserSession.id)).all())

    def forget_old(self, session: Session, user_id: int) -> None:
        """Delete the user's sessions that ended long ago: nobody needs to know any more where they were."""
        long_ago = utcnow() - _REMEMBERED
        over = (UserSession.revoked_at < long_ago) | (UserSession.expires_at < long_ago)
        session.execute(delete(UserSession).where(UserSession.user_id == user_id, over))


def _ending() -> Update:
    return update(UserSession).where(UserSession.revoked_at.is_(None)).values(revoked_at=utcnow())
