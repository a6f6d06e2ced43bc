"""The door: who may come in, and how often it may be tried."""

from dataclasses import dataclass

from app.accounts.accounts import find, get
from app.accounts.passwords import Passwords
from app.accounts.sessions import Device, UserSessions
from app.accounts.tables import User, normal_email
from app.core.db import SessionFactory, reading, transaction
from app.core.errors import TooManyAttempts, WingcheckError
from app.core.rate_limits import RateLimits


class WrongPassword(WingcheckError):
    """Address and password do not lead to an account that may sign in; which of them is wrong is not told."""


@dataclass(frozen=True)
class Attempt:
    """Somebody at the door. ``client``: the address that limits count by, None for one that is not limited.

    ``knows``: ids of users who signed in with this browser before. ``token``: of the session it has now, if any.
    """

    email: str
    password: str
    device: Device
    client: str | None = None
    knows: tuple[int, ...] = ()
    token: str = ""


class SignIn:
    """Lets people in."""

    def __init__(
        self, sessions: SessionFactory, hasher: Passwords, user_sessions: UserSessions, limits: RateLimits
    ) -> None:
        self._sessions = sessions
        self._hasher = hasher
        self._user_sessions = user_sessions
        self._limits = limits

    def sign_in(self, attempt: Attempt) -> tuple[User, str]:
        """The user and the token of a new session. A session that the browser had before is over.

        Raises WrongPassword, and TooManyAttempts before any password is compared. An address that nobody has takes as
        long as any other and is limited like any other.
        """
        with reading(self._sessions) as session:
            user = find(session, attempt.email)
        counted = self._count(attempt, user)
        right = self._hasher.matches(user.password_hash if user else self._hasher.nobodys, attempt.password)
        if user is None or not right or not user.active:
            raise WrongPassword("E-mail address or password is incorrect.")
        self._limits.forget("sign_in", counted)
        fresh = self._hasher.hash(attempt.password) if self._hasher.is_outdated(user.password_hash) else None
        with transaction(self._sessions) as session:
            now = get(session, user.id)
            if now.password_hash != user.password_hash or not now.active:
                raise WrongPassword("The account changed at this very moment.")
            if fresh is not None:
                now.password_hash = fresh
            self._user_sessions.forget_old(session, user.id)
            token = self._user_sessions.begin(session, now, attempt.device)
        if attempt.token:
            self._user_sessions.end(attempt.token)
        return now, token

    def _count(self, attempt: Attempt, user: User | None) -> str:
        """Strangers share one count per account; a browser that its user signed in with before is not held up by them."""
        known = user is not None and user.id in attempt.knows
        name = f"{normal_email(attempt.email)}/{'known' if known else 'stranger'}"
        standings = [self._limits.hit("sign_in", name)]
        if attempt.client is not None:
            standings.append(self._limits.hit("sign_in_address", attempt.client))
        waits = [standing.reset for standing in standings if standing is not None and not standing.allowed]
        if waits:
            raise TooManyAttempts("Too many attempts to sign in.", retry_after=max(waits))
        return name
