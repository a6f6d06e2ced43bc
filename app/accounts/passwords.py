"""Passwords: which are good enough, and how they are kept.

The rules are those of NIST SP 800-63B, revision 4: at least 15 characters where nothing else is asked for, long phrases and
every character allowed, none that is easily guessed, no rules about digits and signs, no change for its own sake.
"""

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.core.errors import FieldError, InvalidInput

SHORTEST, LONGEST = 15, 200
# Guesses as a power of ten: below, a list of words and patterns leads to it sooner than the rate limit stops trying.
_FEWEST_GUESSES = 10.0
_LOOKED_AT = 72
# What OWASP asks of Argon2id at the least. Each costs 19 MiB while it is computed, so few are computed together.
_MEMORY_KIB, _PASSES, _TOGETHER = 19_456, 2, 2


class Passwords:
    """Hashes and compares, a few at a time: a crowd at the door must not take the memory."""

    def __init__(self, *, memory_kib: int = _MEMORY_KIB, passes: int = _PASSES) -> None:
        self.nobodys = f"$argon2id$v=19$m={memory_kib},t={passes},p=1${'A' * 22}${'A' * 43}"
        """The hash of no known password: comparing with it takes as long as with any other."""
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._turns = threading.BoundedSemaphore(_TOGETHER)

    def hash(self, password: str) -> str:
        """What is kept of a password, with its salt and parameters."""
        with self._turns:
            return self._hasher.hash(_normal(password))

    def matches(self, kept: str, password: str) -> bool:
        """Whether the hash is of this password."""
        with self._turns:
            try:
                return self._hasher.verify(kept, _normal(password))
            except (VerificationError, InvalidHashError):
                return False

    def is_outdated(self, kept: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)


def check(password: str, *known: str, field: str = "password") -> None:
    """Raise InvalidInput for a password that is too short, too long or easily guessed; ``known``: name, address and such."""
    from zxcvbn import zxcvbn  # its lists take 14 MB, in a process that may never see a new password

    found = len(_normal(password))
    if found < SHORTEST:
        raise InvalidInput([FieldError(field, "password_short", (("min", SHORTEST),))])
    if found > LONGEST:
        raise InvalidInput([FieldError(field, "text_too_long", (("max", LONGEST),))])
    words = ["wingcheck", *(part for each in known for part in (each, *each.replace("@", " ").split()))]
    if zxcvbn(_normal(password)[:_LOOKED_AT], user_inputs=words)["guesses_log10"] < _FEWEST_GUESSES:
        raise InvalidInput([FieldError(field, "password_guessed")])


def _normal(password: str) -> str:
    """The same characters, however a keyboard composes them."""
    return unicodedata.normalize("NFC", password)
