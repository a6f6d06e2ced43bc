"""What the routes for programs have in common."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from app.core.web import problems

LARGEST = 2**31 - 1
Id = Annotated[int, Path(ge=1, le=LARGEST)]
"""The number of a row."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def _calendar_day(text: object) -> object:
    """Only 2026-07-14: a number is no second of 1970."""
    if isinstance(text, str) and not _DAY.fullmatch(text):
        raise ValueError("a day is written as 2026-07-14")
    return text


Day = Annotated[date, BeforeValidator(_calendar_day)]


def _written_out(text: object) -> object:
    """Only 2026-07-14T12:00:00Z and the like: a number is no second of 1970."""
    if not isinstance(text, str) or not _DAY.match(text):
        raise ValueError("a moment is written as 2026-07-14T12:00:00Z")
    return text


def _in_utc(moment: datetime) -> datetime:
    """In the first and the last hours of the calendar, another time zone may have no such moment."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no calendar has this moment") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""A moment with its time zone, in UTC."""


def refusals(scope: str, **texts: str) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route: who may, and what else can be wrong, as in ``_404="…"``."""
    access = {
        401: f"Send an API key with the scope `{scope}`, or sign in.",
        403: "Not for this role or key.",
    }
    return problems.described(access | {int(name.removeprefix("_")): text for name, text in texts.items()})
