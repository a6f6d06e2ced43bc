"""Occurrences: what is published of a submission in the terms of Darwin Core, and how exactly its place."""

import math
from dataclasses import dataclass
from enum import StrEnum

from app.submissions.rules import VerificationStatus

V = VerificationStatus


class Standing(StrEnum):
    """How far a record can be trusted, in the steps that somebody who uses records asks for."""

    VERIFIED = "verified"
    PLAUSIBLE = "plausible"
    MACHINE = "machine"
    UNDECIDED = "undecided"
    NOT_ACCEPTED = "not_accepted"


STATUSES: dict[Standing, frozenset[VerificationStatus]] = {
    Standing.VERIFIED: frozenset({V.V1, V.V2}),
    Standing.PLAUSIBLE: frozenset({V.C3}),
    Standing.MACHINE: frozenset({V.ACCEPTED_BY_MACHINE}),
    Standing.UNDECIDED: frozenset({V.PENDING, V.D, V.A}),
    Standing.NOT_ACCEPTED: frozenset({V.R4, V.R5}),
}
ACCEPTED = frozenset({Standing.VERIFIED, Standing.MACHINE})
"""The default selection: what experts accepted, and the machine where it may."""
NAMED_BY_EXPERTS = frozenset({Standing.VERIFIED, Standing.PLAUSIBLE})

# identificationVerificationStatus, in the words that national portals take from iRecord. No person has looked at what
# the machine accepted, and these words say so.
PUBLISHED: dict[VerificationStatus, str] = {
    V.V1: "Accepted - correct",
    V.V2: "Accepted - considered correct",
    V.C3: "Unconfirmed - plausible",
    V.ACCEPTED_BY_MACHINE: "Unconfirmed - not reviewed",
    V.PENDING: "Unconfirmed - not reviewed",
    V.D: "Unconfirmed - not reviewed",
    V.A: "Unconfirmed - not reviewed",
    V.R4: "Not accepted - unable to verify",
    V.R5: "Not accepted - incorrect",
}


class Precision(StrEnum):
    """How exactly places are published. A garden is somebody's home."""

    EXACT = "exact"
    HUNDRED_METRES = "100m"
    KILOMETRE = "1km"
    TEN_KILOMETRES = "10km"
    NONE = "none"


def published(precision: Precision, *, rounded: bool) -> Precision:
    """How exactly a place is published. One that is kept ``rounded`` to 0.01 of a degree is never called more exact."""
    finer = precision in {Precision.EXACT, Precision.HUNDRED_METRES}
    return Precision.KILOMETRE if rounded and finer else precision


# Decimals of a degree that are kept: 0.01 of a degree of latitude is 1.1 km.
_DECIMALS = {Precision.EXACT: 6, Precision.HUNDRED_METRES: 3, Precision.KILOMETRE: 2, Precision.TEN_KILOMETRES: 1}
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class Place:
    """Degrees as they are written; ``step`` of the grid and ``uncertainty`` in metres are None where nothing was rounded."""

    latitude: str
    longitude: str
    step: str | None = None
    uncertainty: int | None = None


def generalised(latitude: float, longitude: float, precision: Precision) -> Place | None:
    """A place (WGS84, degrees) rounded to a grid of degrees; None where places are not published.

    ``uncertainty`` is half the diagonal of the cell where it is widest, rounded up: the true place lies within it (Chapman
    and Wieczorek, Georeferencing Best Practices, 2020). It is the same for the whole cell, so it reveals nothing more.
    """
    if precision is Precision.NONE:
        return None
    decimals = _DECIMALS[precision]
    north, east = f"{latitude:.{decimals}f}", f"{longitude:.{decimals}f}"
    if precision is Precision.EXACT:
        return Place(_short(north), _short(east))
    half = 0.5 * 10.0**-decimals
    widest = math.cos(math.radians(max(0.0, abs(float(north)) - half)))
    return Place(
        _no_minus_zero(north),
        _no_minus_zero(east),
        f"{10.0**-decimals:.{decimals}f}",
        math.ceil(half * _METRES_PER_DEGREE * math.hypot(1.0, widest)),
    )


def _short(number: str) -> str:
    return _no_minus_zero(number.rstrip("0").rstrip("."))


def _no_minus_zero(number: str) -> str:
    return number.removeprefix("-") if float(number) == 0 else number
