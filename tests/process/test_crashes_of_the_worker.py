"""The worker killed at every named moment: each job ends exactly once in effect, by the next worker."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from app.core import jobs
from app.core.db import reading, transaction
from app.core.tables import Job, JobKind, JobStatus
from tests.parts import Site, Visitor, stop, was_killed

# Attempts that the job takes. After the commit it is done, and the worker's death changes nothing.
SCREENING = {
    "job-claimed": 2,
    "photos-read": 2,
    "predicted": 2,
    "verdict-written": 2,
    "screened": 1,
}


@pytest.fixture(scope="module", autouse=True)
def web(site: Site) -> None:
    """One web server for all of them."""
    site.web()


@pytest.fixture
def visitor(site: Site) -> Iterator[Visitor]:
    with reading(site.sessions) as session:
        seed = 1 + len(session.scalars(select(Job.id)).all())
    visitor = Visitor(site, seed)
    yield visitor
    visitor.close()


def newest_job(site: Site) -> Job:
    with reading(site.sessions) as session:
        return session.scalars(select(Job).where(Job.kind == JobKind.SCREENING).order_by(Job.id.desc()).limit(1)).one()


@pytest.mark.parametrize("moment", SCREENING)
def test_screening(site: Site, visitor: Visitor, moment: str):
    token = visitor.send()
    assert was_killed(site.worker(crash_at=moment))
    assert site.faults(settled=False) == []
    assert newest_job(site).status is (JobStatus.DONE if moment == "screened" else JobStatus.RUNNING)

    worker = site.worker()
    site.settle()
    assert site.faults() == []
    assert newest_job(site).attempts == SCREENING[moment]
    assert visitor.send() == token
    assert site.leftovers() == set()
    stop(worker)


def test_a_job_that_kills_every_worker_is_given_up(site: Site, visitor: Visitor):
    """The other jobs must not wait for it for ever."""
    visitor.send()
    with transaction(site.sessions) as session:
        session.execute(update(Job).where(Job.id == newest_job(site).id).values(attempts=jobs.MAX_ATTEMPTS - 1))
    assert was_killed(site.worker(crash_at="photos-read"))
    worker = site.worker()
    site.settle()
    assert newest_job(site).status is JobStatus.FAILED
    assert newest_job(site).error == "The worker stopped unexpectedly several times."
    stop(worker)
