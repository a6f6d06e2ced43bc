"""Leases: an open item is one reviewer's for some minutes, so that two never do the same work.

A lease is a wish, not a lock: the decision itself is guarded by the task's revision. So a clock that jumps can cost somebody
a photo that another one decided, and never a decision.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_

from app.review.tables import ReviewTask

# No lease is longer. A moment further ahead was written while the clock was wrong.
LONGEST = timedelta(hours=2)
# Of what is only loaded ahead.
AHEAD = timedelta(minutes=2)


def is_free(user_id: int, now: datetime) -> ColumnElement[bool]:
    """Tasks that nobody else holds at ``now``."""
    return or_(
        ReviewTask.leased_by.is_(None),
        ReviewTask.leased_by == user_id,
        ReviewTask.leased_until.is_(None),
        ReviewTask.leased_until <= now,
        ReviewTask.leased_until > now + LONGEST,
    )


def is_held_by(user_id: int, now: datetime) -> ColumnElement[bool]:
    """Tasks that this user holds at ``now``."""
    return and_(
        ReviewTask.leased_by == user_id, ReviewTask.leased_until > now, ReviewTask.leased_until <= now + LONGEST
    )


def holder(task: ReviewTask, now: datetime) -> int | None:
    """The user who holds the task at ``now``."""
    if task.leased_until is None or not now < task.leased_until <= now + LONGEST:
        return None
    return task.leased_by


def take(task: ReviewTask, user_id: int, until: datetime) -> None:
    """Give the task to a user."""
    task.leased_by = user_id
    task.leased_until = until


def let_go(task: ReviewTask) -> None:
    """Nobody holds it any more."""
    task.leased_by = task.leased_until = None
