"""The record's standing, in iRecord's codes."""

from enum import StrEnum


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
