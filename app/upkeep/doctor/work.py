"""Checks of background work: the jobs, the queue that carries their ids, and whether a worker is there."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from app.core import beats
from app.core.db import reading, transaction, utcnow
from app.core.dispatch import Dispatcher, damage, put_aside_if_damaged
from app.core.tables import Job, JobStatus, WorkerBeat
from app.upkeep.doctor.findings import Finding, Installation

ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
# Longer than a running worker ever leaves a job alone.
STUCK_AFTER = timedelta(minutes=30)
_RESTORE_QUEUE = "Nothing is lost: jobs are rows of the database, and a worker sends their messages again."
_MOST_NAMED = 10


def check_work(installation: Installation) -> Iterator[Finding]:
    """Jobs that were given up or stand still, what is wrong with the queue, and whether a worker is missing."""
    queue = _look_at(Dispatcher(installation.settings.queue_url))
    if queue.problem is not None:
        yield queue.problem
    with reading(installation.sessions) as session:
        failed = select(Job).where(Job.status == JobStatus.FAILED, Job.id.in_(newest_jobs())).order_by(Job.id)
        failed_jobs, stuck_jobs = list(session.scalars(failed)), list(session.scalars(_stuck(installation.now)))
        strangers = _strangers(session, queue.waiting)
        last_beat = session.scalar(select(func.max(WorkerBeat.beat_at)))
    for job in failed_jobs:
        yield Finding(
            "failed jobs",
            f"job {job.id}",
            f"The {job.kind.value} of {job.subject_id} was given up after {job.attempts} attempts: {job.error}",
            "Mend the cause; --repair tries it again.",
            mend=partial(_queue_again, installation, job.id),
        )
    for job in stuck_jobs:
        problem = f"The {job.kind.value} of {job.subject_id} {_standstill(job, queue)}."
        yield Finding("stuck jobs", f"job {job.id}", problem, mend=partial(_queue_again, installation, job.id))
    if stuck_jobs and (last_beat is None or installation.now - last_beat > beats.SILENT_AFTER):
        since = "no worker has been here" if last_beat is None else f"no worker has responded since {_time(last_beat)}"
        yield Finding(
            "workers",
            "none",
            f"Work has waited for more than half an hour ({_counted(len(stuck_jobs), 'job')}), and {since}.",
            "Start 'wingcheck run' or 'wingcheck worker'.",
        )
    if strangers:
        yield Finding(
            "queue",
            _counted(len(strangers), "message"),
            f"The queue has messages about jobs that do not exist: {', '.join(map(str, strangers[:_MOST_NAMED]))}.",
            "They do no harm. It may be the queue of another database (WINGCHECK_QUEUE_URL).",
            mend=partial(_empty, installation),
        )


# --- the queue ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Queue:
    """Ids of the jobs whose messages are in the queue, in their order; or the ``problem`` with it."""

    waiting: list[int]
    problem: Finding | None = None


def _look_at(dispatcher: Dispatcher) -> _Queue:
    """Without changing it: a queue whose file is missing or damaged is not opened, because that would make a new one."""
    path = dispatcher.file
    if path is not None and not path.is_file():
        return _Queue([])
    if path is not None and (reason := damage(path)):

        def put_aside() -> str:
            aside = put_aside_if_damaged(path)
            return f"It was put aside as {aside.name}." if aside else "It is whole by now."

        return _Queue([], Finding("queue", str(path), f"The queue is damaged: {reason}.", _RESTORE_QUEUE, put_aside))
    try:
        with closing(dispatcher):
            return _Queue(dispatcher.waiting())
    except Exception as error:  # sqlite3, psycopg and redis each raise their own
        reason = " ".join(str(error).split())
        advice = "Submissions are taken all the same. " + _RESTORE_QUEUE
        return _Queue([], Finding("queue", dispatcher.name, f"The queue can't be reached: {reason}.", advice))


def _strangers(session: Session, waiting: list[int]) -> list[int]:
    """Ids in the queue that no job has."""
    known = set(session.scalars(select(Job.id))) if waiting else set()
    return sorted(set(waiting) - known)


def _empty(installation: Installation) -> str:
    """Messages can't be removed one by one; those that are needed are sent again."""
    Dispatcher(installation.settings.queue_url).flush()
    with transaction(installation.sessions) as session:
        session.execute(update(Job).where(Job.status == JobStatus.QUEUED).values(sent_at=None))
    return "The queue was emptied; a worker sends the messages of the jobs that wait again."


# --- jobs -------------------------------------------------------------------------------------------------------------------


def newest_jobs() -> Select[int]:
    """The last job of each kind for each subject; it replaces earlier ones that failed."""
    return select(func.max(Job.id)).group_by(Job.kind, Job.subject_id)


def _stuck(now: datetime) -> Select[Job]:
    signs = (Job.created_at, Job.sent_at, Job.heartbeat_at, Job.not_before)
    silent = [or_(sign.is_(None), sign < now - STUCK_AFTER) for sign in signs]
    return select(Job).where(Job.status.in_(ACTIVE), *silent).order_by(Job.id)


def _standstill(job: Job, queue: _Queue) -> str:
    """How a job stands that nobody works on."""
    if job.status is JobStatus.RUNNING:
        return f"was begun by {job.worker or 'a worker'}, which has not been heard of for half an hour"
    if job.sent_at is None:
        return "has never been put into the queue, though half an hour has passed"
    if queue.problem is None and job.id not in queue.waiting:
        return f"was put into the queue at {_time(job.sent_at)}; it is not there any more, and nobody began it"
    return f"has been in the queue since {_time(job.sent_at)}, and nobody began it"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _queue_again(installation: Installation, job_id: int) -> str:
    with transaction(installation.sessions) as session:
        job = session.get_one(Job, job_id)
        if job.status in {JobStatus.DONE, JobStatus.CANCELLED}:
            return "It has finished in the meantime."
        job.status = JobStatus.QUEUED
        job.attempts = 0
        job.sent_at = job.finished_at = None
        job.not_before = utcnow()
    return "It was queued."
