"""Job rows: taken once, tried again, given up, found again. The queue is only the messenger."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.core import jobs
from app.core.db import make_engine, make_session_factory, transaction, utcnow
from app.core.tables import Job, JobKind, JobStatus
from tests.app.volunteers.test_submitting_twice import at_the_same_moment


@pytest.fixture
def sessions(database_url):
    engine = make_engine(database_url)
    yield make_session_factory(engine)
    engine.dispose()


def make(sessions, **values):
    """A job; ``values`` are written over its columns, a duration as that long from now. Returns its id."""
    values = {name: utcnow() + value if isinstance(value, timedelta) else value for name, value in values.items()}
    with transaction(sessions) as session:
        job_id = jobs.create(session, JobKind.SCREENING, 1).id
        if values:
            session.execute(update(Job).where(Job.id == job_id).values(**values))
        return job_id


def job_of(sessions, job_id):
    with sessions() as session:
        return session.get_one(Job, job_id)


def claim(sessions, job_id, worker="w"):
    with transaction(sessions) as session:
        found = jobs.claim(session, job_id, worker)
        return None if found is None else found.id


def sweep(sessions):
    """Ids that the sweep sends."""
    sent: list[int] = []

    def send(job_id):
        sent.append(job_id)
        return True

    jobs.sweep(sessions, send)
    return sent


def ago(seconds):
    return timedelta(seconds=-seconds)


# --- claiming --------------------------------------------------------------------------------------------------------


def test_a_claimed_job_runs_under_its_worker(sessions):
    job_id = make(sessions)
    assert claim(sessions, job_id, "worker-1") == job_id
    job = job_of(sessions, job_id)
    assert (job.status, job.worker, job.attempts) == (JobStatus.RUNNING, "worker-1", 1)
    assert job.heartbeat_at is not None


NOT_FOR_TAKING = [
    {"status": JobStatus.RUNNING},
    {"status": JobStatus.DONE},
    {"status": JobStatus.FAILED},
    {"status": JobStatus.CANCELLED},
    {"cancel_requested": True},
    {"not_before": timedelta(minutes=10)},
]


@pytest.mark.parametrize("values", NOT_FOR_TAKING)
def test_what_is_taken_finished_cancelled_or_not_due_is_not_claimed(sessions, values):
    assert claim(sessions, make(sessions, **values)) is None


def test_a_moment_that_only_a_wrong_clock_can_have_written_keeps_no_job_waiting(sessions):
    job_id = make(sessions, not_before=jobs.LONGEST_PAUSE + timedelta(minutes=1))
    assert claim(sessions, job_id) == job_id


def test_a_job_that_is_not_there_is_not_claimed(sessions):
    assert claim(sessions, 4711) is None


def test_two_workers_at_the_same_moment_take_a_job_once(sessions):
    for _ in range(5):
        job_id = make(sessions)
        taken = at_the_same_moment(*[lambda job_id=job_id: claim(sessions, job_id)] * 4)
        assert sorted(taken, key=str) == sorted([job_id, None, None, None], key=str)
        assert job_of(sessions, job_id).attempts == 1


# --- ends ------------------------------------------------------------------------------------------------------------


def fail(sessions, job_id, **values):
    with transaction(sessions) as session:
        jobs.fail(session, job_id, "Reason: it broke", **values)


def test_a_failed_attempt_waits_longer_each_time_and_is_given_up_in_the_end(sessions):
    job_id = make(sessions)
    pauses = []
    for _ in range(jobs.MAX_ATTEMPTS - 1):
        claim(sessions, job_id)
        fail(sessions, job_id)
        job = job_of(sessions, job_id)
        assert (job.status, job.sent_at, job.error) == (JobStatus.QUEUED, None, "Reason: it broke")
        pauses.append(round((job.not_before - utcnow()).total_seconds()))
        with transaction(sessions) as session:
            session.execute(update(Job).values(not_before=None))
    assert pauses == pytest.approx([5, 10, 20, 40], abs=1)
    claim(sessions, job_id)
    fail(sessions, job_id)
    job = job_of(sessions, job_id)
    assert (job.status, job.attempts) == (JobStatus.FAILED, jobs.MAX_ATTEMPTS)
    assert job.finished_at is not None


def test_what_trying_again_can_not_help_is_given_up_at_once(sessions):
    job_id = make(sessions)
    claim(sessions, job_id)
    fail(sessions, job_id, final=True)
    assert job_of(sessions, job_id).status is JobStatus.FAILED


def test_an_outage_is_no_attempt_however_long_it_lasts(sessions):
    job_id = make(sessions)
    for _ in range(2 * jobs.MAX_ATTEMPTS):
        assert claim(sessions, job_id) == job_id
        with transaction(sessions) as session:
            jobs.put_off(session, job_id, "the storage is away")
        job = job_of(sessions, job_id)
        assert (job.status, job.attempts, job.sent_at) == (JobStatus.QUEUED, 0, None)
        assert utcnow() < job.not_before <= utcnow() + jobs.LONGEST_PAUSE
        with transaction(sessions) as session:
            session.execute(update(Job).values(not_before=None))


def test_a_longer_patience_makes_longer_pauses_but_not_without_end(sessions):
    job_id = make(sessions, attempts=jobs.MAX_ATTEMPTS - 2)
    claim(sessions, job_id)
    fail(sessions, job_id, lost_after=timedelta(hours=1))
    pause = job_of(sessions, job_id).not_before - utcnow()
    assert jobs.LONGEST_PAUSE - timedelta(minutes=1) < pause <= jobs.LONGEST_PAUSE


def test_a_long_reason_is_cut(sessions):
    job_id = make(sessions)
    claim(sessions, job_id)
    with transaction(sessions) as session:
        jobs.fail(session, job_id, "x" * 10_000)
    assert len(job_of(sessions, job_id).error) == 2000


@pytest.mark.parametrize("status", [JobStatus.DONE, JobStatus.QUEUED, JobStatus.CANCELLED])
def test_a_worker_that_comes_late_does_not_undo_what_another_did(sessions, status):
    job_id = make(sessions, status=status)
    fail(sessions, job_id)
    assert job_of(sessions, job_id).status is status


def test_a_finished_job_is_complete(sessions):
    job_id = make(sessions)
    claim(sessions, job_id)
    with transaction(sessions) as session:
        jobs.finish(session, session.get_one(Job, job_id))
    job = job_of(sessions, job_id)
    assert (job.status, job.progress) == (JobStatus.DONE, 1.0)
    assert job.finished_at is not None


# --- sending and sweeping --------------------------------------------------------------------------------------------


def test_a_sent_job_is_marked(sessions):
    job_id = make(sessions)
    jobs.send(sessions, lambda _: True, job_id)
    assert job_of(sessions, job_id).sent_at is not None


def test_a_job_that_could_not_be_sent_waits_for_the_sweep(sessions):
    job_id = make(sessions)
    jobs.send(sessions, lambda _: False, job_id)
    assert job_of(sessions, job_id).sent_at is None
    assert sweep(sessions) == [job_id]
    assert job_of(sessions, job_id).sent_at is not None


SWEPT = [
    # the row, and whether its message is sent (again)
    ({}, True),
    ({"sent_at": ago(31)}, True),
    ({"sent_at": ago(5)}, False),
    ({"not_before": ago(1)}, True),
    ({"not_before": timedelta(minutes=10)}, False),
    ({"status": JobStatus.DONE}, False),
    ({"status": JobStatus.FAILED}, False),
    ({"status": JobStatus.RUNNING, "heartbeat_at": ago(10)}, False),
    ({"status": JobStatus.RUNNING, "heartbeat_at": ago(61)}, True),
    ({"cancel_requested": True}, False),
    # moments in the future: the clock was put back since
    ({"sent_at": timedelta(hours=1)}, True),
    ({"not_before": timedelta(hours=1)}, True),
    ({"status": JobStatus.RUNNING, "heartbeat_at": timedelta(hours=1)}, True),
]


@pytest.mark.parametrize(("values", "sent"), SWEPT)
def test_the_sweep_sends_what_nobody_is_working_on(sessions, values, sent):
    job_id = make(sessions, **values)
    assert sweep(sessions) == ([job_id] if sent else [])


def test_the_sweep_sends_again_only_after_a_while(sessions):
    make(sessions)
    assert len(sweep(sessions)) == 1
    assert sweep(sessions) == []


def test_a_job_whose_worker_was_lost_can_be_taken_by_another(sessions):
    job_id = make(sessions, status=JobStatus.RUNNING, worker="dead", attempts=1, heartbeat_at=ago(61))
    sweep(sessions)
    assert job_of(sessions, job_id).error == "The worker was lost."
    assert claim(sessions, job_id, "alive") == job_id
    assert job_of(sessions, job_id).attempts == 2


def test_how_soon_a_worker_counts_as_lost_can_be_set(sessions):
    job_id = make(sessions, status=JobStatus.RUNNING, attempts=1, heartbeat_at=ago(10))
    assert jobs.sweep(sessions, lambda _: True, timedelta(minutes=1)) == 0
    assert jobs.sweep(sessions, lambda _: True, timedelta(seconds=5)) == 1
    assert job_of(sessions, job_id).status is JobStatus.QUEUED


def test_a_job_that_loses_its_worker_again_and_again_is_given_up(sessions):
    job_id = make(sessions, status=JobStatus.RUNNING, attempts=jobs.MAX_ATTEMPTS, heartbeat_at=ago(61))
    assert sweep(sessions) == []
    job = job_of(sessions, job_id)
    assert job.status is JobStatus.FAILED
    assert job.finished_at is not None


def test_a_queued_job_that_was_cancelled_never_runs(sessions):
    job_id = make(sessions, cancel_requested=True)
    sweep(sessions)
    assert job_of(sessions, job_id).status is JobStatus.CANCELLED
    assert claim(sessions, job_id) is None


def test_only_the_jobs_being_worked_on_are_said_to_be_alive(sessions):
    old = utcnow() + ago(50)
    mine, stuck, done = (
        make(sessions, status=status, worker="w", heartbeat_at=old)
        for status in (JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.DONE)
    )
    with transaction(sessions) as session:
        jobs.beat(session, [mine, done])
    assert job_of(sessions, mine).heartbeat_at > old
    assert [job_of(sessions, job_id).heartbeat_at for job_id in (stuck, done)] == [old, old]


def test_at_an_orderly_stop_the_worker_puts_its_jobs_back(sessions):
    mine = make(sessions, status=JobStatus.RUNNING, worker="w", sent_at=ago(1))
    theirs = make(sessions, status=JobStatus.RUNNING, worker="v")
    with transaction(sessions) as session:
        jobs.release(session, "w")
    assert (job_of(sessions, mine).status, job_of(sessions, mine).sent_at) == (JobStatus.QUEUED, None)
    assert job_of(sessions, theirs).status is JobStatus.RUNNING


def test_jobs_are_counted_by_status(sessions):
    for status in (JobStatus.QUEUED, JobStatus.QUEUED, JobStatus.FAILED):
        make(sessions, status=status)
    with sessions() as session:
        assert jobs.count_by_status(session) == {"queued": 2, "failed": 1}


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [
        ([], False),
        ([JobStatus.FAILED], True),
        ([JobStatus.QUEUED], False),
        ([JobStatus.FAILED, JobStatus.QUEUED], False),
    ],
)
def test_only_the_newest_job_says_whether_it_was_given_up(sessions, statuses, failed):
    for status in statuses:
        make(sessions, status=status)
    with sessions() as session:
        assert jobs.failed_for(session, JobKind.SCREENING, 1) is failed


def test_a_row_without_its_transaction_is_no_job(sessions):
    with sessions() as session:
        jobs.create(session, JobKind.SCREENING, 1)
        session.rollback()
        assert session.scalars(select(Job)).all() == []
