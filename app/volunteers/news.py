"""What waits for a volunteer: questions to answer, and outcomes not looked at yet. Every page of theirs shows how many."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, reading, transaction, utcnow
from app.review.rules import TaskState
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission, Volunteer


@dataclass(frozen=True)
class News:
    """How many of each."""

    questions: int
    outcomes: int

    @property
    def count(self) -> int:
        """Both together."""
        return self.questions + self.outcomes


def news_of(session: Session, key: str) -> News:
    """What waits for the volunteer of that key: one statement over their own submissions."""
    asked = Submission.status == SubmissionStatus.QUERIED
    query = select(func.count().filter(asked), func.count().filter(_is_new())).select_from(Submission)
    query = query.join(Volunteer).outerjoin(ReviewTask, ReviewTask.submission_id == Submission.id)
    statuses = (SubmissionStatus.QUERIED, SubmissionStatus.VERIFIED)
    questions, outcomes = session.execute(query.where(Volunteer.key == key, Submission.status.in_(statuses))).one()
    return News(questions, outcomes)


def mark_seen(sessions: SessionFactory, *which: ColumnElement[bool]) -> set[int]:
    """Note that the outcomes of these submissions were looked at. Returns the ids of those that were new."""
    with reading(sessions) as session:
        new = set(session.scalars(_new(*which)))
    if new:
        with transaction(sessions) as session:
            session.execute(update(Submission).where(Submission.id.in_(new)).values(outcome_seen_at=utcnow()))
    return new


def of_ids(ids: Collection[int]) -> ColumnElement[bool]:
    """These submissions."""
    return Submission.id.in_(ids)


def _new(*which: ColumnElement[bool]) -> Select[int]:
    query = select(Submission.id).join(ReviewTask, ReviewTask.submission_id == Submission.id)
    return query.where(Submission.status == SubmissionStatus.VERIFIED, _is_new(), *which)


def _is_new() -> ColumnElement[bool]:
    seen = Submission.outcome_seen_at
    is_later = or_(seen.is_(None), ReviewTask.closed_at > seen)
    return and_(ReviewTask.state == TaskState.DECIDED, is_later)
