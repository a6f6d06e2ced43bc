"""The queue as a list: filtered, in keyset pages, with counts that stop at a thousand.

Every list is one walk along an index in the order (position, submission). Filters without an index in that order (period,
place, free text, and combinations) are walked, or collected and sorted: see ``_select_page``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, false, func, literal, select, tuple_, union, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.accounts.tables import User
from app.core.db import utcnow
from app.core.errors import FieldError, InvalidInput
from app.review import leases
from app.review.filters import NO_TAXON, Filter, ListState
from app.review.queue_items import QueueItem, items_of
from app.review.rules import PhotoQuality, ReviewReason, TaskState
from app.review.tables import ReviewTask
from app.taxa.tables import Taxon

__all__ = [
    "MOST_COUNTED",
    "PAGE",
    "Counts",
    "QueueItem",
    "QueuePage",
    "conditions",
    "count",
    "counts",
    "items_of",
    "page",
]

PAGE = 30
# Counts stop here: one more than this means "this many, and more".
MOST_COUNTED = 1000
# So many rows are sorted in a few milliseconds.
MOST_SORTED = 20_000
_STATES = {
    ListState.OPEN: TaskState.OPEN,
    ListState.QUESTIONED: TaskState.ASKED,
    ListState.DECIDED: TaskState.DECIDED,
}
_ORDER = (ReviewTask.position, ReviewTask.submission_id)
# Part of the indexes by reason and species. What is decided is never blind.
_SEEN = ReviewTask.blind.is_(False)


@dataclass(frozen=True)
class QueuePage:
    """``next`` and ``previous`` are cursors for ``page``; None where there is no more in that direction."""

    items: list[QueueItem]
    next: str | None
    previous: str | None


@dataclass(frozen=True)
class _Cursor:
    backwards: bool
    position: int
    submission_id: int

    @classmethod
    def read(cls, text: str) -> "_Cursor":
        direction, *numbers = text.split(".")
        try:
            position, submission_id = (int(number) for number in numbers)
        except ValueError:
            direction = ""
        if direction not in {"n", "p"}:
            raise InvalidInput([FieldError("after", "filter_invalid")])
        return cls(direction == "p", _in_column(position), _in_column(submission_id))

    def write(self) -> str:
        return f"{'p' if self.backwards else 'n'}.{self.position}.{self.submission_id}"


def _in_column(number: int) -> int:
    """The nearest number that a column can hold: beyond it there is no row either."""
    return max(-(2**31), min(number, 2**31 - 1))


# --- which ---------------------------------------------------------------------------------------------------------------


def conditions(session: Session, wanted: Filter, user_id: int, now: datetime) -> list[ColumnElement[bool]]:
    """What a task must be to be in the list. Blind items are left out where the filter would tell what they hide."""
    found: list[ColumnElement[bool]] = _in_state(wanted.state, user_id, now)
    if wanted.reason is not None:
        found.append(ReviewTask.reason == wanted.reason)
    for column, name in (
        (ReviewTask.claimed_taxon_id, wanted.claimed),
        (ReviewTask.predicted_taxon_id, wanted.predicted),
    ):
        if name:
            found.append(_is_taxon(session, column, name))
    if wanted.reason or wanted.claimed or wanted.predicted:
        found.append(_SEEN)
    if wanted.quality is not None:
        found.append(ReviewTask.quality == wanted.quality)
    if wanted.reviewer is not None:
        found.append(ReviewTask.last_user_id == wanted.reviewer)
    if wanted.from_date is not None:
        found.append(ReviewTask.event_date >= wanted.from_date)
    if wanted.to_date is not None:
        found.append(ReviewTask.event_date <= wanted.to_date)
    if wanted.place:
        found += _begins_with(ReviewTask.place_key, " ".join(wanted.place.lower().split()))
    for word in wanted.text.lower().split():
        found.append(ReviewTask.search_text.contains(word, autoescape=True))
    return found


def _in_state(state: ListState, user_id: int, now: datetime) -> list[ColumnElement[bool]]:
    if state is ListState.MINE:
        # Two small look-ups: given an OR, SQLite walks everything that is open.
        assigned = select(ReviewTask.submission_id).where(ReviewTask.assigned_user_id == user_id)
        held = select(ReviewTask.submission_id).where(leases.is_held_by(user_id, now))
        return [ReviewTask.state == TaskState.OPEN, ReviewTask.submission_id.in_(union(assigned, held))]
    return [ReviewTask.state == _STATES[state]]


def _is_taxon(session: Session, column: InstrumentedAttribute[int | None], name: str) -> ColumnElement[bool]:
    if name == NO_TAXON:
        return column.is_(None)
    taxon_id = session.scalar(select(Taxon.id).where(Taxon.scientific_name == name))
    return false() if taxon_id is None else column == taxon_id


def _begins_with(column: InstrumentedAttribute[str], start: str) -> list[ColumnElement[bool]]:
    """A range of bytes, so that an index finds it in either database."""
    return [column >= start, column < start + "\U0010ffff"]


# --- pages ---------------------------------------------------------------------------------------------------------------


def page(session: Session, wanted: Filter, user_id: int, after: str | None = None, size: int = PAGE) -> QueuePage:
    """A page of the list. Raises InvalidInput for a cursor that is none."""
    cursor = _Cursor.read(after) if after else None
    now = utcnow()
    rows = _select_page(session, conditions(session, wanted, user_id, now), cursor, size + 1, _narrow(wanted))
    more, rows = len(rows) > size, rows[:size]
    backwards = cursor is not None and cursor.backwards
    if backwards:
        rows.reverse()
    items = items_of(session, [submission_id for _, submission_id in rows], user_id, now)
    forward = _Cursor(False, *rows[-1]).write() if rows and (more or backwards) else None
    back = _Cursor(True, *rows[0]).write() if rows and (more if backwards else cursor is not None) else None
    return QueuePage(items, forward, back)


def _narrow(wanted: Filter) -> bool:
    """Whether a filter has no index in the order of the list: then it may leave a handful of a million, or most of them."""
    return bool(wanted.from_date or wanted.to_date or wanted.place)


def _select_page(
    session: Session, wanted: list[ColumnElement[bool]], cursor: _Cursor | None, size: int, narrow: bool
) -> list[tuple[int, int]]:
    """(position, submission) of the page's tasks, in the direction of the cursor.

    A period or a place that leaves few is collected by its own index and sorted; one that leaves many is met soon enough
    on a walk through the queue. The database's own guess can be wrong by seconds, so they are counted first, up to a limit.
    """
    columns: tuple[Any, Any] = _ORDER
    query = select(*columns).where(*wanted)
    if narrow and (session.scalar(_capped(wanted, most=MOST_SORTED)) or 0) <= MOST_SORTED:
        # Without the offset both databases would fold it into the outer query, and walk the queue after all.
        few = query.offset(0).subquery("few")
        columns = (few.c.position, few.c.submission_id)
        query = select(*columns)
    order = list(columns)
    if cursor is not None:
        here = tuple_(literal(cursor.position), literal(cursor.submission_id))
        query = query.where(tuple_(*columns) < here if cursor.backwards else tuple_(*columns) > here)
        if cursor.backwards:
            order = [column.desc() for column in columns]
    return [(row[0], row[1]) for row in session.execute(query.order_by(*order).limit(size))]


# --- counts --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """How many tasks each value of each filter leaves by itself in the list. 1001 means more than a thousand.

    Species by scientific name ("none" for those without), reviewers by user id.
    """

    state: dict[str, int]
    reason: dict[str, int]
    quality: dict[str, int]
    claimed: dict[str, int]
    predicted: dict[str, int]
    reviewer: dict[str, int]


def count(session: Session, wanted: Filter, user_id: int) -> int:
    """How many the whole filter leaves; 1001 means more than a thousand."""
    return session.scalar(_capped(conditions(session, wanted, user_id, utcnow()))) or 0


def counts(session: Session, wanted: Filter, user_id: int) -> Counts:
    """Counts per filter, of tasks in the state that ``wanted`` asks for, in one statement."""
    now = utcnow()
    here = _in_state(wanted.state, user_id, now)
    task = ReviewTask
    asked: list[Select[Any]] = [
        *(_one("state", s.value, _in_state(s, user_id, now)) for s in ListState),
        *(_one("reason", r.value, [*here, _SEEN, task.reason == r]) for r in ReviewReason),
        *(_one("quality", q.value, [*here, task.quality == q]) for q in PhotoQuality),
        _one("claimed", NO_TAXON, [*here, _SEEN, task.claimed_taxon_id.is_(None)]),
        _one("predicted", NO_TAXON, [*here, _SEEN, task.predicted_taxon_id.is_(None)]),
        _each("claimed", Taxon.scientific_name, [*here, _SEEN, task.claimed_taxon_id == Taxon.id]),
        _each("predicted", Taxon.scientific_name, [*here, _SEEN, task.predicted_taxon_id == Taxon.id]),
        _each("reviewer", cast(User.id, String), [*here, task.last_user_id == User.id]),
    ]
    found: dict[str, dict[str, int]] = {name: {} for name in Counts.__dataclass_fields__}
    for name, value, number in session.execute(union_all(*asked)):
        if number or name in {"state", "reason", "quality"} or value == NO_TAXON:
            found[name][value] = number
    return Counts(**found)


def _one(name: str, value: str, wanted: Iterable[ColumnElement[bool]]) -> Select[Any]:
    return select(literal(name), literal(value), _capped(wanted).scalar_subquery())


def _each(name: str, label: Any, wanted: Iterable[ColumnElement[bool]]) -> Select[Any]:
    """A count for every row that ``label`` belongs to. As a subquery of its own each stops early; a join would not."""
    table = Taxon if label is Taxon.scientific_name else User
    number = _capped(wanted, table).scalar_subquery()
    return select(literal(name), label, number).select_from(table)


def _capped(wanted: Iterable[ColumnElement[bool]], beside: Any = None, most: int | None = None) -> Select[int]:
    limit = (MOST_COUNTED if most is None else most) + 1
    some = select(literal(1)).select_from(ReviewTask).where(*wanted).limit(limit)
    if beside is not None:
        some = some.correlate(beside)
    return select(func.count()).select_from(some.subquery())
