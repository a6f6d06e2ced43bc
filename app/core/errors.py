"""What can go wrong for a reason that a person can understand. HTTP statuses are given in app/core/web/errors.py, once."""

from dataclasses import dataclass


class WingcheckError(Exception):
    """Base of all errors with a message for people.

    ``detail`` is for the log, the command line and programs. Where pages show the error, ``code`` and ``params`` are what
    the web layer words, as those of a FieldError.
    """

    def __init__(self, detail: str, code: str = "", **params: str | int) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.params = params


class NotFound(WingcheckError):
    """What was asked for does not exist, or is not for this person: the two are not told apart."""


class Conflict(WingcheckError):
    """The state of things does not allow it (any more)."""


class IdempotencyMismatch(Conflict):
    """The same idempotency key came with another content."""


class Overloaded(WingcheckError):
    """Too much is waiting already; worth trying again after ``retry_after`` seconds."""

    def __init__(self, detail: str, retry_after: int = 2) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class NotReady(WingcheckError):
    """Something that the service needs is not there yet."""


class ModelUnavailable(WingcheckError):
    """No model version can answer at present."""


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with one field; ``filename`` tells which of several photos."""

    field: str
    code: str
    params: tuple[tuple[str, str | int], ...] = ()
    filename: str | None = None


class InvalidInput(WingcheckError):
    """A form can't be taken; ``errors`` says why, field by field, as codes that the web layer words."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(", ".join(f"{e.field}: {e.code}" for e in errors))
        self.errors = errors


class InvalidSubmission(InvalidInput):
    """A submission can't be taken."""


class Clash(InvalidInput):
    """Each part is right by itself, but does not go together with what is there."""


class TooManyAttempts(WingcheckError):
    """Something was tried too often; it may be tried again after ``retry_after`` seconds."""

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
