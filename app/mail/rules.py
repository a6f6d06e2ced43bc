"""Kinds of mail, their states, and how often sending one is tried."""

from datetime import timedelta
from enum import StrEnum


class MailKind(StrEnum):
    """What a mail says."""

    CONFIRM = "confirm"
    JOIN = "join"
    RECEIPT = "receipt"
    QUESTION = "question"
    REMINDER = "reminder"
    TIME_OUT = "time_out"
    OUTCOME = "outcome"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105
    DIGEST = "digest"
    SUSPENSION = "suspension"
    WATCH = "watch"
    RUN = "run"


class MailState(StrEnum):
    """PENDING → SENDING → SENT. A mail in SENDING whose worker died is UNKNOWN: it may have arrived, so it is not sent again.

    REFUSED: the server will never take it. EXPIRED: the server could not be reached for too long. DROPPED: it was no longer
    true when its turn came (the question was answered, the decision undone), or its reader has stopped such mails.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    EXPIRED = "expired"
    DROPPED = "dropped"


class MailList(StrEnum):
    """What a reader can stop with one click."""

    QUESTIONS = "questions"
    OUTCOMES = "outcomes"
    DIGEST = "digest"
    ALERTS = "alerts"


LISTS: dict[MailKind, MailList] = {
    MailKind.QUESTION: MailList.QUESTIONS,
    MailKind.REMINDER: MailList.QUESTIONS,
    MailKind.TIME_OUT: MailList.QUESTIONS,
    MailKind.OUTCOME: MailList.OUTCOMES,
    MailKind.DIGEST: MailList.DIGEST,
    MailKind.SUSPENSION: MailList.ALERTS,
    MailKind.WATCH: MailList.ALERTS,
    MailKind.RUN: MailList.ALERTS,
}
# Several of these to one reader become one mail.
GATHERED = frozenset({MailKind.OUTCOME, MailKind.SUSPENSION, MailKind.WATCH, MailKind.RUN})
# States in which an admin may have a mail sent again.
ENDED_BADLY = frozenset({MailState.UNKNOWN, MailState.REFUSED, MailState.EXPIRED})

# A mail that could not be sent for so long would only confuse.
LIFETIME = timedelta(days=3)
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=4)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after that many attempts in vain: one minute, then twice as long each time, at most four hours."""
    return min(_FIRST_PAUSE * (1 << min(attempts - 1, 20)), _LONGEST_PAUSE)
