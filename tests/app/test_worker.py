"""The worker: one job at a time, errors written down, nothing lost."""

import errno
import os
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from app.core import jobs
from app.core.db import transaction, utcnow
from app.core.tables import Job, JobKind, JobStatus
from app.screening.screening import PhotosUnreadable


@pytest.fixture
def worker(service):
    return service.worker


def make(worker):
    with transaction(worker.sessions) as session:
        return jobs.create(session, JobKind.SCREENING, 1).id


def job_of(worker):
    with worker.sessions() as session:
        return session.scalars(select(Job)).one()


def succeed(worker):
    """A handler that finishes its job, and keeps what it was given."""
    seen = []

    def handler(job_id, subject_id):
        seen.append((job_id, subject_id))
        with transaction(worker.sessions) as session:
            jobs.finish(session, session.get_one(Job, job_id))

    worker.handlers[JobKind.SCREENING] = handler
    return seen


def fail_with(worker, error):
    def handler(job_id, subject_id):
        raise error

    worker.handlers[JobKind.SCREENING] = handler


def test_a_job_is_handed_to_the_handler_of_its_kind(worker):
    seen, job_id = succeed(worker), make(worker)
    worker.handle(job_id)
    assert seen == [(job_id, 1)]
    assert job_of(worker).status is JobStatus.DONE


def test_a_finished_job_is_not_run_again(worker):
    seen, job_id = succeed(worker), make(worker)
    worker.handle(job_id)
    worker.handle(job_id)
    assert len(seen) == 1


def test_a_job_that_is_not_there_is_no_error(worker):
    worker.handle(4711)


def test_an_error_is_written_down_and_the_job_tried_again(worker):
    fail_with(worker, ValueError("it broke"))
    worker.handle(make(worker))
    job = job_of(worker)
    assert (job.status, job.error) == (JobStatus.QUEUED, "ValueError: it broke")


def test_an_unreadable_photo_is_given_up_at_once(worker):
    fail_with(worker, PhotosUnreadable("photo ab: rot"))
    worker.handle(make(worker))
    assert job_of(worker).error == "photo ab: rot"
    assert job_of(worker).status is JobStatus.FAILED


def test_after_an_error_another_attempt_can_succeed(worker):
    fail_with(worker, ValueError("it broke"))
    job_id = make(worker)
    worker.handle(job_id)
    with transaction(worker.sessions) as session:
        session.execute(update(Job).values(not_before=None))
    succeed(worker)
    worker.handle(job_id)
    job = job_of(worker)
    assert (job.status, job.attempts, job.error) == (JobStatus.DONE, 2, "")


def try_on(worker, job_id, times):
    """Handle a job so often, whatever pauses it is given."""
    for _ in range(times):
        with transaction(worker.sessions) as session:
            session.execute(update(Job).values(not_before=None))
        worker.handle(job_id)


@pytest.mark.parametrize("number", [errno.EISDIR, errno.ENAMETOOLONG, errno.EACCES, errno.EIO])
def test_an_error_of_one_file_is_given_up_like_any_other(worker, number):
    fail_with(worker, OSError(number, os.strerror(number)))
    try_on(worker, make(worker), jobs.MAX_ATTEMPTS)
    job = job_of(worker)
    assert (job.status, job.attempts) == (JobStatus.FAILED, jobs.MAX_ATTEMPTS)
    assert os.strerror(number) in job.error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system"),
        ConnectionRefusedError("nobody listens"),
        TimeoutError("no answer"),
        jobs.Interrupted("The worker leaves."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_outage_lasts_as_long_as_it_lasts(worker, error):
    fail_with(worker, error)
    try_on(worker, make(worker), jobs.MAX_ATTEMPTS + 2)
    job = job_of(worker)
    assert (job.status, job.attempts) == (JobStatus.QUEUED, 0)


def test_while_the_photo_storage_is_away_an_error_of_a_file_is_an_outage(worker, monkeypatch):
    def away():
        raise OSError(errno.EIO, "Input/output error")

    fail_with(worker, OSError(errno.EIO, "Input/output error"))
    job_id = make(worker)
    with monkeypatch.context() as broken:
        broken.setattr(worker.storage, "check", away)
        try_on(worker, job_id, jobs.MAX_ATTEMPTS + 2)
        assert (job_of(worker).status, job_of(worker).attempts) == (JobStatus.QUEUED, 0)
    try_on(worker, job_id, jobs.MAX_ATTEMPTS)
    assert job_of(worker).status is JobStatus.FAILED


def test_a_message_from_the_queue_reaches_the_handler(service, worker):
    seen, job_id = succeed(worker), make(worker)
    assert worker.dispatcher.send(job_id)
    assert service.work() == 1
    assert seen == [(job_id, 1)]


def test_a_job_whose_end_could_not_be_written_is_found_again(worker):
    """The database went away in the middle. The worker lives on, and must not keep the job's heart beating."""
    job_id = make(worker)
    engine = worker.sessions.kw["bind"]

    def away(*_):
        raise OperationalError("", {}, Exception("the connection was lost"))

    def handler(job_id, subject_id):
        event.listen(engine, "before_cursor_execute", away)
        raise ValueError("it broke")

    worker.handlers[JobKind.SCREENING] = handler
    with pytest.raises(OperationalError):
        worker.handle(job_id)
    event.remove(engine, "before_cursor_execute", away)
    with transaction(worker.sessions) as session:
        session.execute(update(Job).values(heartbeat_at=utcnow() - timedelta(minutes=2)))
        jobs.beat(session, list(worker._running))
    assert jobs.sweep(worker.sessions, lambda _: True) == 1
    assert job_of(worker).status is JobStatus.QUEUED
