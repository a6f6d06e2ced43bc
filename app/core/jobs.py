"""Job rows: create, send, claim, finish, sweep. The row is the truth; the queue only wakes a worker with the row's id."""

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.core.crash_points import reach
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import WingcheckError
from app.core.tables import Job, JobKind, JobStatus

MAX_ATTEMPTS = 5
# A running job without a heartbeat for so long has lost its worker. The other intervals are derived from this one.
LOST_AFTER = timedelta(seconds=60)
# The longest pause of a job. A time further ahead was written while the clock was wrong.
LONGEST_PAUSE = timedelta(minutes=15)
_DAY = timedelta(days=1)
log = logging.getLogger(__name__)

Send = Callable[[int], bool]
Problem = dict[str, Any]
_LOST: Problem = {"code": "worker_lost", "params": {}}
_LOST_FOR_GOOD: Problem = {"code": "worker_lost_again", "params": {}}


class Hopeless(WingcheckError):
    """Trying the job again would not help; a person has to look."""


class Interrupted(WingcheckError):
    """The worker stops, or lost the job; another one continues it. An outage, not a failure."""


def problem_of(error: Exception) -> Problem | None:
    """Code and params of an error, stored for pages; None if the error has no code."""
    if isinstance(error, WingcheckError) and error.code:
        return {"code": error.code, "params": error.params}
    return None


def heartbeat_every(lost_after: timedelta = LOST_AFTER) -> timedelta:
    """The interval of heartbeats, and the pause after a first failure. A busy machine may miss a few."""
    return lost_after / 12


def create(session: Session, kind: JobKind, subject_id: int, sent_at: datetime | None = None) -> Job:
    """A job row in the caller's transaction. Call ``send`` after the commit; the sweep sends what was not sent.

    With ``sent_at`` the sweep waits a while: the caller sends the job, or does it, right after the commit.
    """
    job = Job(kind=kind, subject_id=subject_id, sent_at=sent_at)
    session.add(job)
    session.flush()
    return job


def create_daily(sessions: SessionFactory, kind: JobKind) -> None:
    """Create a job of this kind unless there is one from the last day. Two workers may both do so: handlers are idempotent."""
    now = utcnow()
    with reading(sessions) as session:
        newest = session.scalar(select(func.max(Job.created_at)).where(Job.kind == kind))
    # A time a day ahead was written while the clock was wrong.
    if newest is None or abs(now - newest) >= _DAY:
        with transaction(sessions) as session:
            create(session, kind, 0)


def send(sessions: SessionFactory, send_message: Send, job_id: int) -> None:
    """Send a committed job to a worker. Raises nothing: whatever fails, the sweep sends the job."""
    try:
        _send(sessions, send_message, job_id)
    except Exception:
        log.warning("job %s was not marked as sent", job_id, exc_info=True)


def _send(sessions: SessionFactory, send_message: Send, job_id: int) -> None:
    if not send_message(job_id):
        return
    reach("message-sent")
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == job_id).values(sent_at=utcnow()))


def claim(session: Session, job_id: int, worker: str) -> Job | None:
    """Take a queued job for this worker; None if it is taken, finished, cancelled or not due."""
    now = utcnow()
    is_free = (Job.status == JobStatus.QUEUED, Job.cancel_requested.is_(False), _is_due(now))
    running = {"status": JobStatus.RUNNING, "worker": worker, "attempts": Job.attempts + 1, "heartbeat_at": now}
    claimed = session.scalar(
        update(Job).where(Job.id == job_id, *is_free).values(**running, error="", problem=None).returning(Job.id)
    )
    return session.get(Job, job_id, populate_existing=True) if claimed else None


def beat(session: Session, job_ids: Collection[int]) -> None:
    """Write the heartbeat of these jobs. Only of these: a job whose end could not be written must be found again."""
    if job_ids:
        session.execute(
            update(Job).where(Job.id.in_(job_ids), Job.status == JobStatus.RUNNING).values(heartbeat_at=utcnow())
        )


def finish(session: Session, job: Job) -> None:
    """Mark the job as done, in the transaction of its effect: both or neither."""
    job.status = JobStatus.DONE
    job.progress = 1.0
    job.finished_at = utcnow()


def fail(
    session: Session,
    job_id: int,
    reason: str,
    *,
    problem: Problem | None = None,
    final: bool = False,
    lost_after: timedelta = LOST_AFTER,
) -> None:
    """Queue the job again after a pause that doubles, or give up after MAX_ATTEMPTS (at once if ``final``).

    ``problem``: the reason for pages, see ``problem_of``.
    """
    job = session.get_one(Job, job_id)
    if job.status is not JobStatus.RUNNING:  # another worker took it over
        return
    job.error, job.problem = reason[:2000], problem
    if final or job.attempts >= MAX_ATTEMPTS:
        job.status = JobStatus.FAILED
        job.finished_at = utcnow()
        return
    _queue_again(job, heartbeat_every(lost_after) * 2 ** (job.attempts - 1))


def cancel(session: Session, job: Job) -> bool:
    """Cancel a waiting job; ask the worker of a running one to stop. False if that was asked before."""
    if job.cancel_requested or job.status not in {JobStatus.QUEUED, JobStatus.RUNNING}:
        return False
    job.cancel_requested = True
    session.flush()
    _end(session, JobStatus.CANCELLED, Job.id == job.id, Job.status == JobStatus.QUEUED)
    return True


def cancelled(session: Session, job_id: int) -> None:
    """Mark a running job as cancelled, after its worker stopped it."""
    _end(session, JobStatus.CANCELLED, Job.id == job_id, Job.status == JobStatus.RUNNING)


def _end(session: Session, status: JobStatus, *where: ColumnElement[bool], **values: Any) -> None:
    session.execute(update(Job).where(*where).values(status=status, finished_at=utcnow(), **values))


def resend(session: Session, kind: JobKind) -> None:
    """Have the next sweep send every waiting job of this kind again."""
    session.execute(update(Job).where(Job.kind == kind, Job.status == JobStatus.QUEUED).values(sent_at=None))


def revive(job: Job) -> None:
    """Queue a failed or cancelled job again, as if it were new."""
    job.status = JobStatus.QUEUED
    job.cancel_requested = False
    job.attempts = 0
    job.error, job.problem = "", None
    job.sent_at = job.finished_at = job.not_before = None


def put_off(
    session: Session, job_id: int, reason: str, lost_after: timedelta = LOST_AFTER, *, problem: Problem | None = None
) -> None:
    """Queue the job again after a pause because of an outage, which does not count as an attempt."""
    job = session.get_one(Job, job_id)
    if job.status is not JobStatus.RUNNING:
        return
    job.error, job.problem = reason[:2000], problem
    job.attempts -= 1
    _queue_again(job, heartbeat_every(lost_after) * 2)


def _queue_again(job: Job, pause: timedelta) -> None:
    job.status = JobStatus.QUEUED
    job.sent_at = None
    job.not_before = utcnow() + min(pause, LONGEST_PAUSE)


def sweep(sessions: SessionFactory, send_message: Send, lost_after: timedelta = LOST_AFTER) -> int:
    """Queue jobs again that lost their worker, and send those that are due. Returns how many were sent.

    A running job without a heartbeat for ``lost_after`` has lost its worker; after half of that, an unanswered message
    counts as lost.
    """
    now = utcnow()
    is_lost = (Job.status == JobStatus.RUNNING, _stale(Job.heartbeat_at, now, lost_after))
    with transaction(sessions) as session:
        session.execute(
            update(Job)
            .where(*is_lost, Job.attempts < MAX_ATTEMPTS)
            .values(status=JobStatus.QUEUED, sent_at=None, error="The worker was lost.", problem=_LOST)
        )
        reason = "The worker stopped unexpectedly several times."
        _end(session, JobStatus.FAILED, *is_lost, error=reason, problem=_LOST_FOR_GOOD)
        _end(session, JobStatus.CANCELLED, Job.status == JobStatus.QUEUED, Job.cancel_requested.is_(True))
    with reading(sessions) as session:
        due = list(session.scalars(_to_send(now, lost_after / 2)))
    for job_id in due:
        _send(sessions, send_message, job_id)
    return len(due)


def _stale(column: InstrumentedAttribute[datetime | None], now: datetime, after: timedelta) -> ColumnElement[bool]:
    """Older than ``after``, or that far in the future: the clock was put back since then, so the age is unknown."""
    return or_(column < now - after, column > now + after)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(Job.not_before.is_(None), Job.not_before <= now, Job.not_before > now + LONGEST_PAUSE)


def _to_send(now: datetime, resend_after: timedelta) -> Select[int]:
    return (
        select(Job.id)
        .where(
            Job.status == JobStatus.QUEUED,
            or_(Job.sent_at.is_(None), _stale(Job.sent_at, now, resend_after)),
            _is_due(now),
        )
        .order_by(Job.id)
        .limit(500)
    )


def release(session: Session, worker: str) -> None:
    """Put this worker's running jobs back into the queue, at an orderly stop."""
    session.execute(
        update(Job)
        .where(Job.worker == worker, Job.status == JobStatus.RUNNING)
        .values(status=JobStatus.QUEUED, sent_at=None)
    )


def count_by_status(session: Session) -> dict[str, int]:
    """The number of jobs in each status."""
    rows = session.execute(select(Job.status, func.count()).group_by(Job.status))
    return {status.value: count for status, count in rows}


def failed_for(session: Session, kind: JobKind, subject_id: int) -> bool:
    """Whether the newest job of this kind for the subject has failed for good."""
    newest = session.scalar(
        select(Job).where(Job.kind == kind, Job.subject_id == subject_id).order_by(Job.id.desc()).limit(1)
    )
    return newest is not None and newest.status is JobStatus.FAILED
