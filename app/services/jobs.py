"""Job rows: create, claim, finish, sweep. The queue is only the messenger; nothing here depends on it."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from app.db import SessionFactory, reading, transaction, utcnow
from app.models import Job, JobKind, JobStatus

MAX_ATTEMPTS = 5
RESEND_AFTER = timedelta(seconds=30)
LOST_AFTER = timedelta(seconds=60)
_BACKOFF = timedelta(seconds=5)

Send = Callable[[int], bool]


def create(session: Session, kind: JobKind, subject_id: int) -> Job:
    """A job row in the caller's transaction. Send it with ``mark_sent`` after the commit; a sweep sends what was not."""
    job = Job(kind=kind, subject_id=subject_id)
    session.add(job)
    session.flush()
    return job


def send(sessions: SessionFactory, send_message: Send, job_id: int) -> None:
    """Hand the message to the queue and note the moment. A queue that is down is no error: the sweep comes by."""
    if not send_message(job_id):
        return
    with transaction(sessions) as session:
        session.execute(update(Job).where(Job.id == job_id).values(sent_at=utcnow()))


def claim(session: Session, job_id: int, worker: str) -> Job | None:
    """Take a queued job for this worker, or None when it is taken, finished, cancelled or not due."""
    now = utcnow()
    taken = session.scalar(
        update(Job)
        .where(
            Job.id == job_id,
            Job.status == JobStatus.QUEUED,
            Job.cancel_requested.is_(False),
            or_(Job.not_before.is_(None), Job.not_before <= now),
        )
        .values(status=JobStatus.RUNNING, worker=worker, attempts=Job.attempts + 1, heartbeat_at=now, error="")
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


def fail(session: Session, job_id: int, reason: str, *, final: bool = False) -> None:
    """Queue it again after a pause that doubles, or give up after MAX_ATTEMPTS (at once when ``final``)."""
    job = session.get_one(Job, job_id)
    if job.status is not JobStatus.RUNNING:  # another worker took it over meanwhile
        return
    job.error = reason[:2000]
    if final or job.attempts >= MAX_ATTEMPTS:
        job.status = JobStatus.FAILED
        job.finished_at = utcnow()
        return
    job.status = JobStatus.QUEUED
    job.sent_at = None
    job.not_before = utcnow() + _BACKOFF * 2 ** (job.attempts - 1)


def sweep(sessions: SessionFactory, send_message: Send, lost_after: timedelta = LOST_AFTER) -> int:
    """Queue again what lost its worker, send what was never sent or long not answered. Returns how many were sent.

    A running job without a heartbeat for ``lost_after`` has lost its worker.
    """
    now = utcnow()
    last_sign = now - lost_after
    with transaction(sessions) as session:
        session.execute(
            update(Job)
            .where(Job.status == JobStatus.RUNNING, Job.heartbeat_at < last_sign, Job.attempts < MAX_ATTEMPTS)
            .values(status=JobStatus.QUEUED, sent_at=None, error="The worker was lost.")
        )
        session.execute(
            update(Job)
            .where(Job.status == JobStatus.RUNNING, Job.heartbeat_at < last_sign)
            .values(status=JobStatus.FAILED, finished_at=now, error="The worker was lost again and again.")
        )
        session.execute(
            update(Job)
            .where(Job.status == JobStatus.QUEUED, Job.cancel_requested)
            .values(status=JobStatus.CANCELLED, finished_at=now)
        )
    with reading(sessions) as session:
        due = list(session.scalars(_due(now)))
    for job_id in due:
        send(sessions, send_message, job_id)
    return len(due)


def _due(now: datetime) -> Select[int]:
    return (
        select(Job.id)
        .where(
            Job.status == JobStatus.QUEUED,
            or_(Job.sent_at.is_(None), Job.sent_at < now - RESEND_AFTER),
            or_(Job.not_before.is_(None), Job.not_before <= now),
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
