"""Originals are deleted when their time is over, and only then; what pages show stays."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update

from app.core import jobs
from app.core.db import reading, transaction, utcnow
from app.core.storage import make_storage
from app.core.tables import Job, JobKind, JobStatus
from app.privacy.originals import DECIDED, Deletion, Originals
from app.submissions import status
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Photo, StatusLog, Submission
from tests.app.sending import row, submit
from tests.conftest import copy_of, make_settings, running
from tests.factories import photo

DAYS = 30


def retention(service, days=DAYS):
    return Originals(service.sessions, make_storage(service.settings), days)


def decided(service, *pictures, age=DAYS + 1, new=SubmissionStatus.VERIFIED, **values):
    """A submission that was decided so many days ago."""
    token = submit(service, *pictures, **values).token
    with transaction(service.sessions) as session:
        found = session.scalars(select(Submission).where(Submission.token == token)).one()
        if new is not SubmissionStatus.RECEIVED:
            status.change_status(found, SubmissionStatus.SCREENED, event="screened", actor="machine")
        if new not in {SubmissionStatus.RECEIVED, SubmissionStatus.SCREENED}:
            status.change_status(found, new, event="decided", actor="user:1", verification_status=VerificationStatus.V1)
        moment = utcnow() - timedelta(days=age)
        session.execute(update(StatusLog).where(StatusLog.submission_id == found.id).values(created_at=moment))
    return token


def variants(service):
    return sorted(key.split("/")[0] for key in make_storage(service.settings).keys())


def test_the_original_goes_and_the_copies_stay(service):
    token = decided(service)
    assert retention(service).apply() == Deletion(photos=1, files=1)
    assert variants(service) == ["display", "thumb"]
    [found] = row(service, token).photos
    assert found.original_removed_at is not None
    assert found.removed_at is None
    assert service.client.get(f"/photos/{found.token}/display.jpg").status_code == 200


@pytest.mark.parametrize("new", [s for s in SubmissionStatus if s is not SubmissionStatus.WITHDRAWN])
def test_only_what_is_decided(lite, new):
    decided(lite, new=new)
    assert retention(lite).apply().files == (1 if new in DECIDED else 0)


def test_only_after_its_time(service):
    decided(service, age=DAYS - 1)
    assert retention(service).apply() == Deletion(0, 0)
    assert "original" in variants(service)


def test_without_a_limit_nothing_is_ever_deleted(lite):
    decided(lite, age=10_000)
    assert retention(lite, 0).apply() == Deletion(0, 0)
    assert "original" in variants(lite)


def test_a_file_that_another_photo_needs_stays_until_that_is_over(service):
    decided(service, photo(1), key="one")
    other = submit(service, photo(1), key="another").token
    assert retention(service).apply() == Deletion(photos=1, files=0)
    assert variants(service).count("original") == 1
    service.client.app.state.submissions.withdraw(other)
    assert retention(service).apply() == Deletion(photos=0, files=1)
    assert variants(service) == ["display", "thumb"]


def test_twice_is_once(service):
    decided(service)
    retention(service).apply()
    assert retention(service).apply() == Deletion(0, 0)


def test_the_plan_is_what_happens(service):
    decided(service, photo(1), photo(2), key="one")
    submit(service, photo(2), key="another")
    plan = retention(service).plan()
    assert "original" in variants(service)
    assert retention(service).apply() == plan == Deletion(photos=2, files=1)


def test_a_file_left_by_a_crash_goes_the_next_time(service):
    decided(service)
    with transaction(service.sessions) as session:
        session.execute(update(Photo).values(original_removed_at=utcnow()))
    assert retention(service).apply() == Deletion(photos=0, files=1)


def test_the_same_photo_sent_at_this_very_moment_keeps_its_original(lite, monkeypatch):
    decided(lite, photo(1), key="one")
    service = retention(lite)
    storage = service._storage
    sent: list[str] = []
    real = storage.delete

    def delete(key):
        real(key)
        if not sent:
            sent.append(submit(lite, photo(1), key="another").token)

    monkeypatch.setattr(storage, "delete", delete)
    service.apply()
    assert sent
    assert "original" in variants(lite)


def test_a_photo_without_its_original_is_screened_again_from_its_copy(service):
    token = decided(service)
    retention(service).apply()
    with transaction(service.sessions) as session:
        found = session.scalars(select(Submission).where(Submission.token == token)).one()
        status.change_status(found, SubmissionStatus.FLAGGED, event="audited", actor="user:1")
        jobs.create(session, JobKind.SCREENING, found.id)
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    assert row(service, token).verdict is not None


def test_the_worker_does_it_once_a_day(tmp_path, sqlite_template):
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path), original_retention_days=DAYS)
    with running(settings) as service:
        decided(service)
        for _ in range(3):
            jobs.create_daily(service.sessions, JobKind.RETENTION)
        jobs.sweep(service.sessions, service.worker.dispatcher.send)
        service.work()
        with reading(service.sessions) as session:
            [job] = session.scalars(select(Job).where(Job.kind == JobKind.RETENTION))
        assert (job.status, job.error) == (JobStatus.DONE, "")
        assert variants(service) == ["display", "thumb"]
        with transaction(service.sessions) as session:
            session.execute(text("UPDATE jobs SET created_at = '2020-01-01 00:00:00.000000'"))
        jobs.create_daily(service.sessions, JobKind.RETENTION)
        with reading(service.sessions) as session:
            assert len(list(session.scalars(select(Job).where(Job.kind == JobKind.RETENTION)))) == 2
