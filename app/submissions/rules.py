"""A submission's statuses and the transitions between them."""

from enum import StrEnum

from app.core.errors import Conflict


class SubmissionStatus(StrEnum):
    """Where a submission stands in the workflow (its standing as a record is the verification status)."""

    RECEIVED = "received"
    SCREENED = "screened"
    AUTO_ACCEPTED = "auto_accepted"
    FLAGGED = "flagged"
    QUERIED = "queried"
    VERIFIED = "verified"
    WITHDRAWN = "withdrawn"


S = SubmissionStatus

ALLOWED_TRANSITIONS: dict[SubmissionStatus, frozenset[SubmissionStatus]] = {
    S.RECEIVED: frozenset({S.SCREENED, S.WITHDRAWN}),
    # AGREE with machine acceptance off stays here: an expert sees it after everything that was flagged.
    S.SCREENED: frozenset({S.AUTO_ACCEPTED, S.FLAGGED, S.QUERIED, S.VERIFIED, S.WITHDRAWN}),
    # The audit, or a suspension of machine acceptance, sends an accepted one to an expert.
    S.AUTO_ACCEPTED: frozenset({S.FLAGGED, S.QUERIED, S.VERIFIED, S.WITHDRAWN}),
    # A claim changed at the second look is screened again.
    S.FLAGGED: frozenset({S.SCREENED, S.QUERIED, S.VERIFIED, S.WITHDRAWN}),
    # An expert who undoes a question or a decision puts it back where it came from.
    S.QUERIED: frozenset({S.SCREENED, S.AUTO_ACCEPTED, S.FLAGGED, S.VERIFIED, S.WITHDRAWN}),
    S.VERIFIED: frozenset({S.SCREENED, S.AUTO_ACCEPTED, S.FLAGGED, S.QUERIED, S.WITHDRAWN}),
    S.WITHDRAWN: frozenset(),
}


# No person has decided, and it is still there: what belongs to its photos may be changed.
UNDECIDED = frozenset(SubmissionStatus) - {S.VERIFIED, S.WITHDRAWN}


# Answers to "are there two butterflies?", as the log names them.
TWO_BUTTERFLIES, ONE_BUTTERFLY = "two_butterflies", "one_butterfly"
BUTTERFLIES = frozenset({TWO_BUTTERFLIES, ONE_BUTTERFLY})


def check_transition(current: SubmissionStatus, new: SubmissionStatus) -> None:
    """Raise Conflict unless a submission may go from ``current`` to ``new``."""
    if new not in ALLOWED_TRANSITIONS[current]:
        raise Conflict(f"A submission that is {current} can't become {new}.")


class Source(StrEnum):
    """Where a date or a place came from. Sent as MISSING, it is to stay empty, whatever EXIF says."""

    TYPED = "typed"
    EXIF = "exif"
    DEVICE = "device"
    MISSING = "missing"


class VerificationStatus(StrEnum):
    """How far a record can be trusted, and who says so. Only ``ACCEPTED_BY_MACHINE`` is ever set without a person."""

    PENDING = "pending"
    ACCEPTED_BY_MACHINE = "accepted_by_machine"
    V1 = "V1"  # accepted, correct
    V2 = "V2"  # accepted, considered correct
    C3 = "C3"  # plausible
    R4 = "R4"  # unable to verify
    R5 = "R5"  # incorrect
    D = "D"  # queried
    A = "A"  # answered
