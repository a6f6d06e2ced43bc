"""The queue as a list: filtered, in keyset pages, with counts that stop at a thousand.

Every list is one walk along an index in the order (position, submission). Filters without an index in that order (period,
place, free text, and combinations) are walked, or collected and sorted: see ``_select_page``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, cast, false, func, literal, select, tuple_, union, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.orm.util import identity_key

from app.accounts.tables import User
from app.core.db import utcnow
from app.core.errors import FieldError, InvalidInput
from app.review import answers, tasks
from app.review.filters import NO_TAXON, Filter, ListState
from app.review.rules import IdentificationKind, PhotoQuality, ReviewReason, TaskState
from app.review.tables import ReviewTask
from app.submissions.rules import VerificationStatus
from app.submissions.tables import Photo, Submission
from app.taxa.tables import Taxon

PAGE = 30
# Counts stop here: one more than this means "more than this".
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
class QueueItem:
    """A line of the queue. Of a blind item, ``reason``, ``claimed`` and ``predicted`` are None until it is decided."""

    submission_id: int
    token: str
    revision: int
    state: TaskState
    reason: ReviewReason | None
    blind: bool
    claimed: Taxon | None
    predicted: Taxon | None
    thumb_token: str | None
    photos: int
    event_date: date | None
    place: str
    quality: PhotoQuality
    waiting_since: datetime
    answers: int
    needed: int
    disputed: bool
    outcome_kind: IdentificationKind | None
    outcome_taxon: Taxon | None
    outcome_code: VerificationStatus | None
    last_user_name: str | None
    leased_by: int | None
    leased_by_name: str | None
    assigned_user_id: int | None


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


def conditions(session: Session, queue_filter: Filter, user_id: int, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions on tasks of the list. Blind items are left out where the filter would reveal what they hide."""
    result = _in_state(queue_filter.state, user_id, now)
    if queue_filter.reason is not None:
        result.append(ReviewTask.reason == queue_filter.reason)
    for column, name in (
        (ReviewTask.claimed_taxon_id, queue_filter.claimed),
        (ReviewTask.predicted_taxon_id, queue_filter.predicted),
    ):
        if name:
            result.append(_is_taxon(session, column, name))
    if queue_filter.reason or queue_filter.claimed or queue_filter.predicted:
        result.append(_SEEN)
    if queue_filter.quality is not None:
        result.append(ReviewTask.quality == queue_filter.quality)
    if queue_filter.reviewer is not None:
        result.append(ReviewTask.last_user_id == queue_filter.reviewer)
    if queue_filter.from_date is not None:
        result.append(ReviewTask.event_date >= queue_filter.from_date)
    if queue_filter.to_date is not None:
        result.append(ReviewTask.event_date <= queue_filter.to_date)
    if queue_filter.place:
        result += _begins_with(ReviewTask.place_key, tasks.words_of(queue_filter.place))
    result += [ReviewTask.search_text.contains(word, autoescape=True) for word in queue_filter.text.lower().split()]
    return result


def _in_state(state: ListState, user_id: int, now: datetime) -> list[ColumnElement[bool]]:
    if state is ListState.MINE:
        # Two small look-ups: given an OR, SQLite walks everything that is open.
        assigned = select(ReviewTask.submission_id).where(ReviewTask.assigned_user_id == user_id)
        held = select(ReviewTask.submission_id).where(tasks.is_leased_by(user_id, now))
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


def page(session: Session, queue_filter: Filter, user_id: int, after: str | None = None, size: int = PAGE) -> QueuePage:
    """A page of the list. Raises InvalidInput for a malformed cursor."""
    cursor = _Cursor.read(after) if after else None
    now = utcnow()
    # Without an index in the order of the list: it may leave a handful of a million, or most of them.
    unordered = bool(queue_filter.from_date or queue_filter.to_date or queue_filter.place)
    rows = _select_page(session, conditions(session, queue_filter, user_id, now), cursor, size + 1, unordered)
    more, rows = len(rows) > size, rows[:size]
    backwards = cursor is not None and cursor.backwards
    if backwards:
        rows.reverse()
    items = items_of(session, [submission_id for _, submission_id in rows], user_id, now)
    forward = _Cursor(False, *rows[-1]).write() if rows and (more or backwards) else None
    back = _Cursor(True, *rows[0]).write() if rows and (more if backwards else cursor is not None) else None
    return QueuePage(items, forward, back)


def _select_page(
    session: Session, where: list[ColumnElement[bool]], cursor: _Cursor | None, size: int, unordered: bool
) -> list[tuple[int, int]]:
    """(position, submission) of the page's tasks, in the direction of the cursor.

    A period or a place that matches few is collected by its own index and sorted; one that matches many is met soon enough
    on a walk through the queue. The database's own guess can be wrong by seconds, so they are counted first, up to a limit.
    """
    columns: tuple[Any, Any] = _ORDER
    query = select(*columns).where(*where)
    if unordered and (session.scalar(_capped(where, most=MOST_SORTED)) or 0) <= MOST_SORTED:
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
    """How many tasks of the list each value of each filter matches by itself. 1001 means more than a thousand.

    Species by scientific name ("none" for those without), reviewers by user id.
    """

    state: dict[str, int]
    reason: dict[str, int]
    quality: dict[str, int]
    claimed: dict[str, int]
    predicted: dict[str, int]
    reviewer: dict[str, int]


def count(session: Session, queue_filter: Filter, user_id: int) -> int:
    """How many tasks the filter matches; 1001 means more than a thousand."""
    return session.scalar(_capped(conditions(session, queue_filter, user_id, utcnow()))) or 0


def counts(session: Session, queue_filter: Filter, user_id: int) -> Counts:
    """Counts per filter, of tasks in the state that ``queue_filter`` asks for, in one statement."""
    now = utcnow()
    here = _in_state(queue_filter.state, user_id, now)
    task = ReviewTask
    queries: list[Select[Any]] = [
        *(_count_of("state", s.value, _in_state(s, user_id, now)) for s in ListState),
        *(_count_of("reason", r.value, [*here, _SEEN, task.reason == r]) for r in ReviewReason),
        *(_count_of("quality", q.value, [*here, task.quality == q]) for q in PhotoQuality),
        _count_of("claimed", NO_TAXON, [*here, _SEEN, task.claimed_taxon_id.is_(None)]),
        _count_of("predicted", NO_TAXON, [*here, _SEEN, task.predicted_taxon_id.is_(None)]),
        _counts_by("claimed", Taxon.scientific_name, [*here, _SEEN, task.claimed_taxon_id == Taxon.id]),
        _counts_by("predicted", Taxon.scientific_name, [*here, _SEEN, task.predicted_taxon_id == Taxon.id]),
        _counts_by("reviewer", cast(User.id, String), [*here, task.last_user_id == User.id]),
    ]
    result: dict[str, dict[str, int]] = {name: {} for name in Counts.__dataclass_fields__}
    for name, value, number in session.execute(union_all(*queries)):
        if number or name in {"state", "reason", "quality"} or value == NO_TAXON:
            result[name][value] = number
    return Counts(**result)


def _count_of(name: str, value: str, where: Iterable[ColumnElement[bool]]) -> Select[Any]:
    return select(literal(name), literal(value), _capped(where).scalar_subquery())


def _counts_by(name: str, label: Any, where: Iterable[ColumnElement[bool]]) -> Select[Any]:
    """A count for every row that ``label`` belongs to. As a subquery it stops early; a join would not."""
    table = Taxon if label is Taxon.scientific_name else User
    number = _capped(where, table).scalar_subquery()
    return select(literal(name), label, number).select_from(table)


def _capped(where: Iterable[ColumnElement[bool]], beside: Any = None, most: int | None = None) -> Select[int]:
    limit = (MOST_COUNTED if most is None else most) + 1
    rows = select(literal(1)).select_from(ReviewTask).where(*where).limit(limit)
    if beside is not None:
        rows = rows.correlate(beside)
    return select(func.count()).select_from(rows.subquery())


# --- lines -------------------------------------------------------------------------------------------------------------


def items_of(session: Session, submission_ids: list[int], user_id: int, now: datetime) -> list[QueueItem]:
    """The lines of these submissions, in their order."""
    first = (
        select(Photo.submission_id, func.min(Photo.position).label("position"), func.count().label("count"))
        .where(Photo.submission_id.in_(submission_ids), Photo.removed_at.is_(None))
        .group_by(Photo.submission_id)
        .subquery()
    )
    query = (
        select(
            ReviewTask, Submission.token, Submission.place, Photo.token.label("thumb"), first.c.count.label("photos")
        )
        .join(Submission, Submission.id == ReviewTask.submission_id)
        .outerjoin(first, first.c.submission_id == ReviewTask.submission_id)
        .outerjoin(Photo, (Photo.submission_id == ReviewTask.submission_id) & (Photo.position == first.c.position))
        .where(ReviewTask.submission_id.in_(submission_ids))
    )
    rows = {row.ReviewTask.submission_id: row for row in session.execute(query)}
    items = _Items(session, [row.ReviewTask for row in rows.values()], user_id, now)
    return [items.item(rows[number]) for number in submission_ids if number in rows]


class _Items:
    """Makes lines of tasks; loads names and taxa of all of them at once."""

    def __init__(self, session: Session, items: list[ReviewTask], user_id: int, now: datetime) -> None:
        self._now = now
        self._taxa = _taxa(session, items)
        self._names = _names(session, items)
        self._hidden = answers.hidden_from(session, user_id, items)

    def item(self, row: Row[Any]) -> QueueItem:
        task: ReviewTask = row.ReviewTask
        hidden = task.submission_id in self._hidden
        holder = tasks.holder(task, self._now) if task.state is TaskState.OPEN else None
        return QueueItem(
            submission_id=task.submission_id,
            token=row.token,
            revision=task.revision,
            state=task.state,
            reason=None if hidden else task.reason,
            blind=hidden,
            claimed=None if hidden else self._taxa.get(task.claimed_taxon_id),
            predicted=None if hidden else self._taxa.get(task.predicted_taxon_id),
            thumb_token=row.thumb,
            photos=row.photos or 0,
            event_date=task.event_date,
            place=row.place,
            quality=task.quality,
            waiting_since=task.waiting_since,
            answers=task.answers,
            needed=task.needed,
            disputed=task.disputed,
            outcome_kind=task.outcome_kind,
            outcome_taxon=self._taxa.get(task.outcome_taxon_id),
            outcome_code=task.outcome_code,
            last_user_name=self._names.get(task.last_user_id),
            leased_by=holder,
            leased_by_name=self._names.get(holder),
            assigned_user_id=task.assigned_user_id,
        )


def _taxa(session: Session, items: list[ReviewTask]) -> dict[int | None, Taxon]:
    ids = {n for t in items for n in (t.claimed_taxon_id, t.predicted_taxon_id, t.outcome_taxon_id) if n is not None}
    # The caller has usually loaded every taxon already, with all its names.
    result: dict[int | None, Taxon] = {
        n: taxon for n in ids if (taxon := session.identity_map.get(identity_key(Taxon, n))) is not None
    }
    missing = ids - result.keys()
    if missing:
        result |= {taxon.id: taxon for taxon in session.scalars(select(Taxon).where(Taxon.id.in_(missing)))}
    return result


def _names(session: Session, items: list[ReviewTask]) -> dict[int | None, str]:
    ids = {n for task in items for n in (task.last_user_id, task.leased_by) if n is not None}
    if not ids:
        return {}
    return {row.id: row.name for row in session.execute(select(User.id, User.name).where(User.id.in_(ids)))}


def user_names(session: Session) -> dict[int, str]:
    """The name of every user by id, in the order of names; of those who left, too: their decisions stay."""
    rows = session.execute(select(User.id, User.name).order_by(User.name, User.id))
    return {row.id: row.name for row in rows}
