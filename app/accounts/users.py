"""Users: finding and adding them, and which names, e-mail addresses and passwords they may have.

Passwords follow NIST SP 800-63B, revision 4: at least 15 characters where nothing else is asked for, long phrases and every
character allowed, none that is easily guessed, no rules about digits and symbols, no expiry.
"""

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.tables import User, normal_email
from app.core.db import get_or_not_found
from app.core.errors import Clash, FieldError, InvalidInput, NotFound

LONGEST_NAME = 100
SHORTEST_PASSWORD, LONGEST_PASSWORD = 15, 200
# As a power of ten. With fewer guesses, a list of words and patterns finds the password before the rate limit stops it.
_FEWEST_GUESSES = 10.0
_CHARACTERS_RATED = 72
# OWASP's minimum for Argon2id. Each hash takes 19 MiB while it is computed, so only a few are computed at a time.
_MEMORY_KIB, _PASSES, _AT_A_TIME = 19_456, 2, 2


def find(session: Session, email: str) -> User | None:
    """The user with that address, in whatever case it is written."""
    return session.scalar(select(User).where(User.email == normal_email(email)))


def get(session: Session, user_id: int) -> User:
    """The user with that id. Raises NotFound, also for one that was erased."""
    user = get_or_not_found(session, User, user_id, "There is no such user.")
    if user.erased_at is not None:
        raise NotFound("There is no such user.")
    return user


def subject_of(user_id: int) -> str:
    """The user's name in the audit log."""
    return f"user:{user_id}"


def create(session: Session, user: User) -> User:
    """Add a new user. Raises InvalidInput, and Clash where the address is taken."""
    user.email, user.name = checked_email(user.email), checked_name(user.name)
    if find(session, user.email) is not None:
        raise Clash([FieldError("email", "email_taken")])
    session.add(user)
    session.flush()
    return user


def checked_name(text: str) -> str:
    """The name as it is stored. Raises InvalidInput."""
    name = " ".join(text.replace("\x00", "").split())
    if not name:
        raise InvalidInput([FieldError("name", "name_missing")])
    if len(name) > LONGEST_NAME:
        raise InvalidInput([FieldError("name", "text_too_long", (("max", LONGEST_NAME),))])
    return name


def checked_email(text: str, field: str = "email") -> str:
    """The address as it is stored. Raises InvalidInput."""
    if not text.strip():
        raise InvalidInput([FieldError(field, "email_missing")])
    try:
        return normal_email(validate_email(text.strip(), check_deliverability=False).normalized)
    except EmailNotValidError:
        raise InvalidInput([FieldError(field, "email_invalid")]) from None


def check_password(password: str, user: User) -> None:
    """Raise InvalidInput for a password that is too short, too long, or easy to guess for this user."""
    from zxcvbn import zxcvbn  # its word lists take 14 MB, in a process that may never see a new password

    length = len(_normal(password))
    if length < SHORTEST_PASSWORD:
        raise InvalidInput([FieldError("password", "password_short", (("min", SHORTEST_PASSWORD),))])
    if length > LONGEST_PASSWORD:
        raise InvalidInput([FieldError("password", "text_too_long", (("max", LONGEST_PASSWORD),))])
    known = (user.email, user.name)
    words = ["wingcheck", *(part for text in known for part in (text, *text.replace("@", " ").split()))]
    if zxcvbn(_normal(password)[:_CHARACTERS_RATED], user_inputs=words)["guesses_log10"] < _FEWEST_GUESSES:
        raise InvalidInput([FieldError("password", "password_guessed")])


def check_new(user: User, password: str) -> None:
    """Raise InvalidInput with everything that is wrong with a new user's address, name and password."""
    errors: list[FieldError] = []
    checks = (
        lambda: checked_email(user.email),
        lambda: checked_name(user.name),
        lambda: check_password(password, user),
    )
    for check in checks:
        try:
            check()
        except InvalidInput as error:
            errors += error.errors
    if errors:
        raise InvalidInput(errors)


class Passwords:
    """Hashes and verifies passwords, a few at a time: many sign-ins at once must not exhaust the memory."""

    def __init__(self, *, memory_kib: int = _MEMORY_KIB, passes: int = _PASSES) -> None:
        self.dummy_hash = f"$argon2id$v=19$m={memory_kib},t={passes},p=1${'A' * 22}${'A' * 43}"
        """The hash of no known password; verifying against it takes as long as against any other."""
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._turns = threading.BoundedSemaphore(_AT_A_TIME)

    def hash(self, password: str) -> str:
        """The hash to store, with its salt and parameters."""
        with self._turns:
            return self._hasher.hash(_normal(password))

    def matches(self, password_hash: str, password: str) -> bool:
        """Whether the hash is of this password."""
        with self._turns:
            try:
                return self._hasher.verify(password_hash, _normal(password))
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)


def _normal(password: str) -> str:
    """The same characters, however a keyboard composes them."""
    return unicodedata.normalize("NFC", password)
