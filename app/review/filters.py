"""Filters of the queue: in its address, and saved by reviewers under a name."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlencode

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, transaction
from app.core.errors import Conflict, FieldError, InvalidInput, NotFound
from app.review.rules import PhotoQuality, ReviewReason
from app.review.tables import SavedFilter

MAX_TEXT = 100
MAX_NAME = 80
MOST_SAVED = 50
_NAMES = {"from_date": "from", "to_date": "to"}
# The value of a taxon filter that finds what has none: "don't know" claimed, or nothing predicted.
NO_TAXON = "none"


class ListState(StrEnum):
    """The lists there are. ``mine``: what this reviewer holds, or asked about; ``questioned``: what waits for a volunteer."""

    OPEN = "open"
    MINE = "mine"
    QUESTIONED = "questioned"
    DECIDED = "decided"


@dataclass(frozen=True)
class Filter:
    """What a list of submissions is narrowed by; None or empty narrows nothing.

    ``claimed`` and ``predicted`` are scientific names, or "none". ``place`` finds places that begin with it, ``text`` finds
    its words anywhere in place, note and typed name. ``reviewer`` is the id of the user who identified it last.
    """

    state: ListState = ListState.OPEN
    reason: ReviewReason | None = None
    claimed: str = ""
    predicted: str = ""
    from_date: date | None = None
    to_date: date | None = None
    place: str = ""
    reviewer: int | None = None
    quality: PhotoQuality | None = None
    text: str = ""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """The filter in a query string. Raises InvalidInput naming the parts that are malformed; ignores unknown ones."""
        values: dict[str, Any] = {}
        errors = []
        for field in fields(cls):
            name = _NAMES.get(field.name, field.name)
            text = query.get(name, "").strip()
            if not text:
                continue
            try:
                values[field.name] = _READ[field.name](text)
            except ValueError:
                errors.append(FieldError(name, "filter_invalid"))
        if errors:
            raise InvalidInput(errors)
        return cls(**values)

    def to_query(self) -> str:
        """The filter as a query string, in a fixed order; empty where nothing is filtered."""
        parts = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                parts[_NAMES.get(field.name, field.name)] = str(value)
        return urlencode(parts)

    def without(self, name: str) -> "Filter":
        """The filter without one of its parts."""
        plain: Any = Filter()
        return replace(self, **{name: getattr(plain, name)})

    @property
    def narrowed_by(self) -> tuple[str, ...]:
        """The names of the parts that are set, except the state."""
        return tuple(f.name for f in fields(self) if f.name != "state" and getattr(self, f.name) != f.default)


def _short(text: str) -> str:
    if len(text) > MAX_TEXT or "\0" in text:
        raise ValueError("too long")
    return text


def _number(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**31:
        raise ValueError("no id")
    return number


_READ = {
    "state": ListState,
    "reason": ReviewReason,
    "claimed": _short,
    "predicted": _short,
    "from_date": date.fromisoformat,
    "to_date": date.fromisoformat,
    "place": _short,
    "reviewer": _number,
    "quality": PhotoQuality,
    "text": _short,
}


class SavedFilters:
    """A reviewer's own saved filters; those of others are not found."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def of(self, session: Session, user_id: int) -> list[SavedFilter]:
        """A user's filters by name."""
        query = select(SavedFilter).where(SavedFilter.user_id == user_id).order_by(SavedFilter.name)
        return list(session.scalars(query))

    def save(self, user_id: int, name: str, queue_filter: Filter) -> SavedFilter:
        """Save a filter; one of the same name is replaced. Raises InvalidInput, Conflict for more than 50."""
        name = _checked(name)
        with transaction(self._sessions) as session:
            saved = self.of(session, user_id)
            row = next((row for row in saved if row.name == name), None)
            if row is None:
                if len(saved) >= MOST_SAVED:
                    raise Conflict(f"There are {MOST_SAVED} saved filters already.")
                row = SavedFilter(user_id=user_id, name=name)
                session.add(row)
            row.query = queue_filter.to_query()
        return row

    def rename(self, user_id: int, filter_id: int, name: str) -> None:
        """Rename a filter. Raises NotFound, InvalidInput, Conflict where another one has that name."""
        name = _checked(name)
        own = (SavedFilter.id == filter_id, SavedFilter.user_id == user_id)
        try:
            with transaction(self._sessions) as session:
                renamed = session.scalar(update(SavedFilter).where(*own).values(name=name).returning(SavedFilter.id))
        except IntegrityError as error:
            raise Conflict("A filter with this name already exists.") from error
        if renamed is None:
            raise NotFound("There is no such filter.")

    def delete(self, user_id: int, filter_id: int) -> None:
        """Delete a filter. Idempotent."""
        with transaction(self._sessions) as session:
            session.execute(delete(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.user_id == user_id))


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or "\0" in name:
        raise InvalidInput([FieldError("name", "name_length", (("min", 1), ("max", MAX_NAME)))])
    return name
