"""Job rows: create, claim, finish, sweep. The queue is only the messenger; nothing here depends on it."""

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
# The one measure of patience: a running job without a heartbeat for so long has lost its worker. The others follow it.
LOST_AFTER = timedelta(seconds=60)
# No job is put off for longer. A moment further ahead was written while the clock was wrong.
LONGEST_PAUSE = timedelta(minutes=15)
_DAY = timedelta(days=1)
log = logging.getLogger(__name__)

Send = Callable[[int], bool]
Problem = dict[str, Any]
_LOST: Problem = {"code": "worker_lost", "params": {}}
_LOST_FOR_GOOD: Problem = {"code": "worker_lost_again", "params": {}}


class Hopeless(WingcheckError):
    """Trying the job again would not help; somebody has to look."""


class Interrupted(WingcheckError):
    """The worker leaves, or lost the job; another one goes on with it. An outage, not a failure."""


def problem_of(error: Exception) -> Problem | None:
    """What a job row keeps of an error for pages to word; None where the error has no words of its own."""
    if isinstance(error, WingcheckError) and error.code:
        return {"code": error.code, "params": error.params}
    return None


def heartbeat_every(lost_after: timedelta = LOST_AFTER) -> timedelta:
    """Also the pause after a first failure. A busy machine may miss a few heartbeats before a job counts as lost."""
    return lost_after / 12


def create(session: Session, kind: JobKind, subject_id: int, sent_at: datetime | None = None) -> Job:
    """A job row in the caller's transaction. Send it with ``send`` after the commit; a sweep sends what was not.

    With ``sent_at`` the sweep leaves it alone for a while: whoever makes the job tries to do it at once.
    """
    job = Job(kind=kind, subject_id=subject_id, sent_at=sent_at)
    session.add(job)
    session.flush()
    return job


def create_daily(sessions: SessionFactory, kind: JobKind) -> None:
    """A job of this kind unless one was made within a day. Two workers may both make one: handlers are idempotent."""
    now = utcnow()
    with reading(sessions) as session:
        newest = session.scalar(select(func.max(Job.created_at)).where(Job.kind == kind))
    if newest is None or _is_long_ago(newest, now):
        with transaction(sessions) as session:
            create(session, kind, 0)


def _is_long_ago(moment: datetime, now: datetime) -> bool:
    """Also what lies a day ahead: it was written while the clock was wrong."""
    return abs(now - moment) >= _DAY


def send(sessions: SessionFactory, send_message: Send, job_id: int) -> None:
    """Hand the message to the queue and note the moment. A queue that is down is no error: the sweep comes by."""
    if not send_message(job_id):
        return
    reach("message-sent")
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == job_id).values(sent_at=utcnow()))


def send_or_leave(sessions: SessionFactory, send_message: Send, job_id: int) -> None:
    """The same for what is committed and promised: whatever fails now, the sweep sends the job."""
    try:
        send(sessions, send_message, job_id)
    except Exception:
        log.warning("job %s was not marked as sent", job_id, exc_info=True)


def claim(session: Session, job_id: int, worker: str) -> Job | None:
    """Take a queued job for this worker, or None when it is taken, finished, cancelled or not due."""
    now = utcnow()
    taken = session.scalar(
        update(Job)
        .where(
            Job.id == job_id,
            Job.status == JobStatus.QUEUED,
            Job.cancel_requested.is_(False),
            _is_due(now),
        )
        .values(
            status=JobStatus.RUNNING, worker=worker, attempts=Job.attempts + 1, heartbeat_at=now, error="", problem=None
        )
        .returning(Job.id)
    )
    return session.get(Job, job_id, populate_existing=True) if taken else None


def beat(session: Session, job_ids: Collection[int]) -> None:
    """Say that these jobs are being worked on. Only those: a job whose end could not be written must be found again."""
    if job_ids:
        session.execute(
            update(Job).where(Job.id.in_(job_ids), Job.status == JobStatus.RUNNING).values(heartbeat_at=utcnow())
        )


def finish(session: Session, job: Job) -> None:
    """The job's effect is in this transaction too: both or neither."""
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
    """Queue it again after a pause that doubles, or give up after MAX_ATTEMPTS (at once when ``final``).

    ``problem``: the reason as pages word it, see ``problem_of``.
    """
    job = session.get_one(Job, job_id)
    if job.status is not JobStatus.RUNNING:  # another worker took it over meanwhile
        return
    job.error, job.problem = reason[:2000], problem
    if final or job.attempts >= MAX_ATTEMPTS:
        job.status = JobStatus.FAILED
        job.finished_at = utcnow()
        return
    _queue_again(job, heartbeat_every(lost_after) * 2 ** (job.attempts - 1))


def cancel(session: Session, job: Job) -> bool:
    """Ask for the job's end: at once where it waits; where it runs, its worker looks. False when that was asked before."""
    if job.cancel_requested or job.status not in {JobStatus.QUEUED, JobStatus.RUNNING}:
        return False
    job.cancel_requested = True
    waits = update(Job).where(Job.id == job.id, Job.status == JobStatus.QUEUED)
    session.flush()
    session.execute(waits.values(status=JobStatus.CANCELLED, finished_at=utcnow()))
    return True


def cancelled(session: Session, job_id: int) -> None:
    """The worker has stopped what it was asked to."""
    session.execute(
        update(Job)
        .where(Job.id == job_id, Job.status == JobStatus.RUNNING)
        .values(status=JobStatus.CANCELLED, finished_at=utcnow())
    )


def resend(session: Session, kind: JobKind) -> None:
    """Let the next sweep send every waiting job of this kind again."""
    session.execute(update(Job).where(Job.kind == kind, Job.status == JobStatus.QUEUED).values(sent_at=None))


def revive(job: Job) -> None:
    """Queue what failed or was cancelled again, as if it were new."""
    job.status = JobStatus.QUEUED
    job.cancel_requested = False
    job.attempts = 0
    job.error, job.problem = "", None
    job.sent_at = job.finished_at = job.not_before = None


def put_off(
    session: Session,
    job_id: int,
    reason: str,
    lost_after: timedelta = LOST_AFTER,
    *,
    problem: Problem | None = None,
) -> None:
    """Queue it again after a pause because a part of the system is away: that is no attempt, however long it lasts."""
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
    """Queue again what lost its worker, send what was never sent or long not answered. Returns how many were sent.

    A running job without a heartbeat for ``lost_after`` has lost its worker; a message unanswered for half of it is lost.
    """
    now = utcnow()
    lost = _stale(Job.heartbeat_at, now, lost_after)
    with transaction(sessions) as session:
        session.execute(
            update(Job)
            .where(Job.status == JobStatus.RUNNING, lost, Job.attempts < MAX_ATTEMPTS)
            .values(status=JobStatus.QUEUED, sent_at=None, error="The worker was lost.", problem=_LOST)
        )
        session.execute(
            update(Job)
            .where(Job.status == JobStatus.RUNNING, lost)
            .values(
                status=JobStatus.FAILED,
                finished_at=now,
                error="The worker stopped unexpectedly several times.",
                problem=_LOST_FOR_GOOD,
            )
        )
        session.execute(
            update(Job)
            .where(Job.status == JobStatus.QUEUED, Job.cancel_requested)
            .values(status=JobStatus.CANCELLED, finished_at=now)
        )
    with reading(sessions) as session:
        due = list(session.scalars(_to_send(now, lost_after / 2)))
    for job_id in due:
        send(sessions, send_message, job_id)
    return len(due)


def _stale(column: InstrumentedAttribute[datetime | None], now: datetime, after: timedelta) -> ColumnElement[bool]:
    """Older than ``after``, or as far in the future: then the clock was put back since, and nobody knows how old it is."""
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
    """Put this worker's running jobs back, at an orderly stop."""
    session.execute(
        update(Job)
        .where(Job.worker == worker, Job.status == JobStatus.RUNNING)
        .values(status=JobStatus.QUEUED, sent_at=None)
    )


def count_by_status(session: Session) -> dict[str, int]:
    """How many jobs stand in each status."""
    rows = session.execute(select(Job.status, func.count()).group_by(Job.status))
    return {status.value: count for status, count in rows}


def failed_for(session: Session, kind: JobKind, subject_id: int) -> bool:
    """Whether the newest job of this kind about the subject was given up."""
    newest = session.scalar(
        select(Job).where(Job.kind == kind, Job.subject_id == subject_id).order_by(Job.id.desc()).limit(1)
    )
    return newest is not None and newest.status is JobStatus.FAILED
