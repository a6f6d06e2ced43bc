"""Errors with a reason that a person can understand, and how HTTP answers name them."""

from dataclasses import dataclass


class WingcheckError(Exception):
    """Base of all errors with a message for people.

    ``detail`` is for the log, the command line and programs. Where pages show the error, ``code`` and ``params`` select the
    words, like those of a FieldError. ``name`` and ``status`` are those of the HTTP answer.
    """

    name = "internal-error"
    status = 500
    retry_after: int | None = None
    """Seconds after which trying again is worthwhile."""

    def __init__(self, detail: str, code: str = "", **params: str | int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.params = params


class NotFound(WingcheckError):
    """Something does not exist, or is not for this person: the two are not distinguished."""

    name, status = "not-found", 404


class Conflict(WingcheckError):
    """The current state does not allow it."""

    name, status = "conflict", 409


class IdempotencyMismatch(Conflict):
    """The same idempotency key was used with different content."""

    name, status = "idempotency-mismatch", 422


class Overloaded(WingcheckError):
    """Too much is waiting already."""

    name, status = "overloaded", 503
    retry_after: int

    def __init__(self, detail: str, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TooManyAttempts(WingcheckError):
    """Something was tried too often."""

    name, status = "too-many-attempts", 429
    retry_after: int

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotReady(WingcheckError):
    """Something that the service needs is not available yet."""

    name, status, retry_after = "unavailable", 503, 10


class ModelUnavailable(NotReady):
    """No model version can answer at present."""


@dataclass(frozen=True)
class FieldError:
    """One mistake in one field; ``filename`` tells which of several photos."""

    field: str
    code: str
    params: tuple[tuple[str, str | int], ...] = ()
    filename: str | None = None


class InvalidInput(WingcheckError):
    """A form has mistakes: ``errors`` lists them by field, as codes with words in app/core/web/words.py."""

    name, status = "invalid-input", 422

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(", ".join(f"{e.field}: {e.code}" for e in errors))
        self.errors = errors


class InvalidSubmission(InvalidInput):
    """A submission has mistakes."""

    name = "invalid-submission"


class Clash(InvalidInput):
    """Each field is valid, but they do not fit what exists."""

    name, status = "conflict", 409
