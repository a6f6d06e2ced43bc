"""Handing out items, so that nobody gets one that another expert has open."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, delete, exists, or_, select
from sqlalchemy.orm import Session

from app.accounts.tables import User
from app.core.db import SessionFactory, transaction, utcnow
from app.review import queue, settings, tasks
from app.review.filters import Filter
from app.review.rules import TaskState
from app.review.tables import Identification, ReviewSkip, ReviewTask

# How long an item that a reviewer skipped stays behind all others for that reviewer.
SKIPPED = timedelta(hours=12)
# How long an answered question is reserved for whoever asked.
RESERVED = timedelta(days=7)
MOST_AHEAD = 10


class Hold(StrEnum):
    """Who holds the item that a reviewer opened."""

    MINE = "mine"
    OTHERS = "others"
    CLOSED = "closed"


@dataclass(frozen=True)
class ItemState:
    """``hold`` MINE until ``until``; OTHERS: ``holder_name`` has it open until then; CLOSED: ``state`` says what became of it.

    ``revision`` is what a decision has to name. A closed item may be decided anew all the same, unless it is gone.
    """

    submission_id: int
    revision: int
    state: TaskState
    hold: Hold
    until: datetime | None = None
    holder_name: str | None = None


class Desk:
    """Opening items one after the other."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def next(self, user_id: int, queue_filter: Filter, after: int | None = None) -> int | None:
        """Lease the first open item of the list to this user, other than ``after``, the one that they have just left.

        None where nothing is left that others don't hold. What the user skipped comes last.
        """
        taken = self._take(user_id, queue_filter, [] if after is None else [after], 1, None)
        return taken[0] if taken else None

    def peek(self, user_id: int, queue_filter: Filter, count: int, current: int | None = None) -> list[int]:
        """The items after the ``current`` one, leased for two minutes so that their photos can be loaded ahead."""
        passed = [] if current is None else [current]
        return self._take(user_id, queue_filter, passed, max(0, min(count, MOST_AHEAD)), tasks.PRELOAD_LEASE)

    def _take(
        self, user_id: int, queue_filter: Filter, passed: list[int], count: int, length: timedelta | None
    ) -> list[int]:
        with transaction(self._sessions) as session:
            now = utcnow()
            until = now + (length or lease_length(session))
            conditions = [*queue.conditions(session, queue_filter, user_id, now), *for_user(user_id, now)]
            if passed:
                conditions.append(ReviewTask.submission_id.not_in(passed))
            free = first_free(session, [*conditions, ~_skipped(user_id, now)], count)
            if len(free) < count:
                free += first_free(session, [*conditions, _skipped(user_id, now)], count - len(free))
            for task in free:
                if length is None or tasks.holder(task, now) != user_id or (task.leased_until or now) < until:
                    tasks.lease(task, user_id, until)
            return [task.submission_id for task in free]

    def open(self, user_id: int, submission_id: int) -> ItemState:
        """Open one item of any list, and lease it unless somebody else holds it. Raises NotFound."""
        with transaction(self._sessions) as session:
            now = utcnow()
            task = tasks.get(session, submission_id, lock=True)
            if task.state is TaskState.OPEN and tasks.holder(task, now) in {None, user_id}:
                tasks.lease(task, user_id, now + lease_length(session))
            return state_of(session, task, user_id, now)

    def renew(self, user_id: int, submission_id: int) -> ItemState:
        """Extend the lease; where it was lost meanwhile, the result says to whom."""
        return self.open(user_id, submission_id)

    def release(self, user_id: int, submission_id: int) -> None:
        """Let others have it. Idempotent; leaves anybody else's lease alone."""
        with transaction(self._sessions) as session:
            release_own(session, user_id, submission_id)

    def skip(self, user_id: int, submission_id: int) -> None:
        """Put it off: for this user it comes after everything else. Raises NotFound."""
        with transaction(self._sessions) as session:
            task = tasks.get(session, submission_id, lock=True)
            if task.leased_by == user_id:
                tasks.release(task)
            session.execute(
                delete(ReviewSkip).where(ReviewSkip.user_id == user_id, ReviewSkip.submission_id == submission_id)
            )
            session.add(ReviewSkip(user_id=user_id, submission_id=submission_id))


def lease_length(session: Session) -> timedelta:
    """How long an item is leased, as the coordinators set it."""
    return timedelta(minutes=settings.current(session).lease_minutes)


def release_own(session: Session, user_id: int, submission_id: int) -> None:
    """End this user's lease of an item, if there is one."""
    task = tasks.of(session, submission_id, lock=True)
    if task is not None and task.leased_by == user_id:
        tasks.release(task)


def state_of(session: Session, task: ReviewTask, user_id: int, now: datetime) -> ItemState:
    """Who holds a task, as its page shows it to a user."""
    if task.state is not TaskState.OPEN:
        return ItemState(task.submission_id, task.revision, task.state, Hold.CLOSED)
    holder = tasks.holder(task, now)
    hold = Hold.MINE if holder == user_id else Hold.OTHERS
    name = session.scalar(select(User.name).where(User.id == holder)) if holder and hold is Hold.OTHERS else None
    return ItemState(task.submission_id, task.revision, task.state, hold, task.leased_until if holder else None, name)


def first_free(session: Session, conditions: list[ColumnElement[bool]], count: int) -> list[ReviewTask]:
    """The first tasks in the queue's order that nobody else is taking at this moment.

    PostgreSQL passes over rows that another transaction has locked; SQLite lets one transaction write at a time.
    """
    query = select(ReviewTask).where(*conditions).order_by(ReviewTask.position, ReviewTask.submission_id).limit(count)
    return list(session.scalars(query.with_for_update(of=ReviewTask, skip_locked=True))) if count else []


def for_user(user_id: int, now: datetime) -> list[ColumnElement[bool]]:
    """Tasks that are open and free, not reserved for somebody else, and not answered by this user already."""
    answered = (
        select(Identification.id)
        .where(
            Identification.submission_id == ReviewTask.submission_id,
            Identification.user_id == user_id,
            Identification.is_standing_answer(),
        )
        .exists()
    )
    asker_left = ReviewTask.assigned_user_id.in_(select(User.id).where(User.active.is_(False)))
    return [
        ReviewTask.state == TaskState.OPEN,
        tasks.is_free(user_id, now),
        or_(
            ReviewTask.assigned_user_id.is_(None),
            ReviewTask.assigned_user_id == user_id,
            ReviewTask.waiting_since < now - RESERVED,
            asker_left,
        ),
        # Only what others have answered can have been answered by this user: everything else needs no second look-up.
        or_(ReviewTask.answers == 0, ~answered),
    ]


def _skipped(user_id: int, now: datetime) -> ColumnElement[bool]:
    return exists().where(
        ReviewSkip.user_id == user_id,
        ReviewSkip.submission_id == ReviewTask.submission_id,
        and_(ReviewSkip.skipped_at > now - SKIPPED, ReviewSkip.skipped_at < now + SKIPPED),
    )
