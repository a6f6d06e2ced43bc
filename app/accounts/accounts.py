"""Users, each by their own doing: finding, making, and what a user may change about the own account."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit, passwords
from app.accounts.emails import checked_email
from app.accounts.passwords import Passwords
from app.accounts.sessions import Device, UserSessions
from app.accounts.tables import User, normal_email
from app.core.db import SessionFactory, reading, transaction
from app.core.errors import Clash, FieldError, InvalidInput, NotFound, TooManyAttempts
from app.core.rate_limits import RateLimits
from app.core.roles import Role

LONGEST_NAME = 100


def find(session: Session, email: str) -> User | None:
    """The user with that address, however it is written."""
    return session.scalar(select(User).where(User.email == normal_email(email)))


def get(session: Session, user_id: int) -> User:
    """That user. Raises NotFound."""
    found = session.get(User, user_id)
    if found is None:
        raise NotFound("There is no such user.")
    return found


def subject_of(user_id: int) -> str:
    """What the audit log calls a user."""
    return f"user:{user_id}"


@dataclass(frozen=True)
class NewUser:
    """Somebody who is to have an account. ``password_hash`` is that of ``password``, made before the transaction: it is slow."""

    email: str
    name: str
    password_hash: str
    role: Role
    language: str = "en"
    must_change_password: bool = False


def check_new(*, email: str, name: str, password: str) -> None:
    """Raise InvalidInput with everything that is wrong, the three together."""
    errors: list[FieldError] = []
    steps: list[Callable[[], object]] = [
        lambda: checked_email(email),
        lambda: checked_name(name),
        lambda: passwords.check(password, email, name),
    ]
    for step in steps:
        try:
            step()
        except InvalidInput as error:
            errors += error.errors
    if errors:
        raise InvalidInput(errors)


def create(session: Session, new: NewUser) -> User:
    """A new user. Raises InvalidInput, and Clash where somebody has the address."""
    email, name = checked_email(new.email), checked_name(new.name)
    if find(session, email) is not None:
        raise Clash([FieldError("email", "email_taken")])
    user = User(
        email=email,
        name=name,
        password_hash=new.password_hash,
        role=new.role,
        language=new.language,
        must_change_password=new.must_change_password,
    )
    session.add(user)
    session.flush()
    return user


def checked_name(text: str) -> str:
    """What a user is called. Raises InvalidInput."""
    name = " ".join(text.replace("\x00", "").split())
    if not name:
        raise InvalidInput([FieldError("name", "name_missing")])
    if len(name) > LONGEST_NAME:
        raise InvalidInput([FieldError("name", "text_too_long", (("max", LONGEST_NAME),))])
    return name


class OwnAccount:
    """What users change about themselves."""

    def __init__(
        self, sessions: SessionFactory, hasher: Passwords, user_sessions: UserSessions, limits: RateLimits
    ) -> None:
        self._sessions = sessions
        self._hasher = hasher
        self._user_sessions = user_sessions
        self._limits = limits

    def update(self, user_id: int, *, name: str, language: str) -> None:
        """Keep another name and language. Raises InvalidInput."""
        with transaction(self._sessions) as session:
            user = get(session, user_id)
            user.name, user.language = checked_name(name), language

    def change_password(self, user_id: int, present: str, new: str, device: Device) -> str:
        """Choose another password; the token of a new session. Every session that there was is over.

        Raises InvalidInput for a wrong present password and for a new one that is not good enough or the same, and
        TooManyAttempts: whoever found a browser signed in must not try passwords here for long.
        """
        standing = self._limits.hit("sign_in", f"{user_id}/change")
        if standing is not None and not standing.allowed:
            raise TooManyAttempts("Too many attempts to change the password.", standing.reset)
        with reading(self._sessions) as session:
            user = get(session, user_id)
            kept = user.password_hash
        if not self._hasher.matches(kept, present):
            raise InvalidInput([FieldError("present", "password_wrong")])
        passwords.check(new, user.email, user.name)
        if self._hasher.matches(kept, new):
            raise InvalidInput([FieldError("password", "password_same")])
        self._limits.forget("sign_in", f"{user_id}/change")
        fresh = self._hasher.hash(new)
        with transaction(self._sessions) as session:
            user = get(session, user_id)
            user.password_hash, user.must_change_password = fresh, False
            audit.record(session, user_id, "account.password_changed", subject_of(user_id))
            self._user_sessions.revoke_all(session, user_id)
            return self._user_sessions.begin(session, user, device)

    def end_session(self, user_id: int, session_id: int) -> None:
        """Sign out somewhere else. Raises NotFound."""
        with transaction(self._sessions) as session:
            self._user_sessions.revoke(session, user_id, session_id)

    def end_all_sessions(self, user_id: int) -> None:
        """Sign out everywhere, here too."""
        with transaction(self._sessions) as session:
            self._user_sessions.revoke_all(session, user_id)
