"""A clock that jumps, forward by a day or back by an hour, delays no job and loses none."""

from datetime import timedelta

import pytest

from app.core import jobs
from app.core.db import transaction, utcnow
from app.core.tables import JobStatus
from tests.app.core.test_jobs import claim, job_of, make, sessions, sweep

__all__ = ["sessions"]  # the fixture


@pytest.fixture
def jump(monkeypatch):
    """Move the clock that jobs are timed by."""

    def to(**difference):
        monkeypatch.setattr(jobs, "utcnow", lambda: utcnow() + timedelta(**difference))

    return to


FORWARD, BACK = {"days": 1}, {"hours": -1}


@pytest.mark.parametrize("difference", [FORWARD, BACK])
def test_a_job_whose_worker_goes_on_is_left_to_it(sessions, jump, difference):
    """A worker beats before it sweeps, so its own jobs are never stale by a jump."""
    job_id = make(sessions)
    claim(sessions, job_id)
    jump(**difference)
    with transaction(sessions) as session:
        jobs.beat(session, [job_id])
    assert sweep(sessions) == []
    assert job_of(sessions, job_id).status is JobStatus.RUNNING


@pytest.mark.parametrize("difference", [FORWARD, BACK])
def test_a_job_whose_worker_died_is_found(sessions, jump, difference):
    job_id = make(sessions)
    claim(sessions, job_id)
    jump(**difference)
    assert sweep(sessions) == [job_id]
    assert claim(sessions, job_id) == job_id


@pytest.mark.parametrize("difference", [FORWARD, BACK])
def test_a_message_that_was_lost_is_sent_again(sessions, jump, difference):
    job_id = make(sessions)
    jobs.send(sessions, lambda _: True, job_id)
    jump(**difference)
    assert sweep(sessions) == [job_id]


@pytest.mark.parametrize("difference", [FORWARD, BACK])
def test_a_pause_does_not_last_for_an_hour(sessions, jump, difference):
    job_id = make(sessions)
    claim(sessions, job_id)
    with transaction(sessions) as session:
        jobs.fail(session, job_id, "it broke")
    assert sweep(sessions) == []  # not yet
    jump(**difference)
    assert sweep(sessions) == [job_id]
    assert claim(sessions, job_id) == job_id


def test_a_job_put_off_by_an_outage_has_used_no_attempt(sessions):
    job_id = make(sessions)
    claim(sessions, job_id)
    with transaction(sessions) as session:
        jobs.put_off(session, job_id, "the disk is away")
    job = job_of(sessions, job_id)
    assert (job.status, job.attempts, job.sent_at) == (JobStatus.QUEUED, 0, None)
    assert job.not_before > utcnow()
