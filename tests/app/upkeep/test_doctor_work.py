"""What can be wrong with jobs, database and machine is found, named, and repaired where that is safe."""

import json
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, make_url, select, text, update

from app.core import beats, jobs
from app.core.db import make_engine, reading, transaction, utcnow
from app.core.dispatch import Dispatcher
from app.core.storage import make_storage
from app.core.tables import Job, JobStatus, WorkerBeat
from app.predictions.tables import ModelVersion
from app.review.tables import ReviewTask
from app.submissions import photos
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import ClaimRecord, Photo, Submission, VerdictRecord
from app.upkeep import doctor
from app.upkeep.doctor import examine, repair
from tests.app.sending import row, submit
from tests.app.upkeep.examining import SHA, aged, examined, found, repaired, storage_of
from tests.conftest import copy_of, make_settings
from tests.factories import photo
from tests.running import environment

# --- jobs and submissions ---------------------------------------------------------------------------------------------


def one_job(service, submission_id=None):
    query = select(Job) if submission_id is None else select(Job).where(Job.subject_id == submission_id)
    with reading(service.sessions) as session:
        return session.scalars(query).one()


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.QUEUED])
def test_jobs_that_stand_still_are_queued_again(service, status):
    token = submit(service).token
    long_ago = utcnow() - timedelta(hours=1)
    with transaction(service.sessions) as session:
        session.execute(
            update(Job).values(status=status, attempts=5, created_at=long_ago, heartbeat_at=long_ago, sent_at=long_ago)
        )
    assert found(service) == {("stuck jobs", f"job {one_job(service).id}"), ("workers", "none")}
    examination = examined(service)
    repair(examination)
    assert [finding.check for finding in examination.left] == ["workers"]
    assert found(service) == set()  # it was queued a moment ago
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    assert row(service, token).verdict is not None


def test_jobs_that_were_given_up_are_tried_again(service):
    token = submit(service).token
    with transaction(service.sessions) as session:
        session.execute(update(Job).values(status=JobStatus.FAILED, attempts=5, error="OSError: broken"))
    [finding] = examined(service).findings
    assert (finding.check, "OSError: broken" in finding.problem) == ("failed jobs", True)
    assert repaired(service) == set()
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    assert row(service, token).verdict is not None


def test_a_failure_that_a_later_job_made_up_for_is_history(screened):
    job = one_job(screened)
    with transaction(screened.sessions) as session:
        session.add(Job(kind=job.kind, subject_id=job.subject_id, status=JobStatus.DONE))
        session.execute(update(Job).where(Job.id == job.id).values(status=JobStatus.FAILED))
    assert found(screened) == set()


@pytest.mark.parametrize("status", [SubmissionStatus.RECEIVED, SubmissionStatus.FLAGGED])
def test_forgotten_submissions_get_a_job(service, status):
    token = submit(service).token
    with transaction(service.sessions) as session:
        session.execute(delete(Job))
        session.execute(text("UPDATE submissions SET status = :s"), {"s": status.value})
    service.worker.dispatcher.flush()
    assert found(service) == {("forgotten submissions", f"submission {row(service, token).id}")}
    assert repaired(service) == set()
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    service.work()
    assert row(service, token).verdict is not None


def test_a_claim_that_was_changed_needs_its_own_verdict(screened):
    with transaction(screened.sessions) as session:
        session.execute(delete(VerdictRecord))
    assert {check for check, _ in found(screened)} == {"forgotten submissions"}


def test_one_of_several_submissions_is_told_apart(service):
    """The others have verdicts, jobs and items of their own, which must not be taken for its."""
    tokens = [submit(service, photo(n), idempotency_key=f"k{n}").token for n in (1, 2, 3)]
    service.work()
    assert found(service) == set()
    forgotten = row(service, tokens[1]).id
    with transaction(service.sessions) as session:
        claims = select(ClaimRecord.id).where(ClaimRecord.submission_id == forgotten)
        session.execute(delete(VerdictRecord).where(VerdictRecord.claim_id.in_(claims)))
        session.execute(update(Submission).where(Submission.id == forgotten).values(status=SubmissionStatus.RECEIVED))
        session.execute(delete(ReviewTask).where(ReviewTask.submission_id == forgotten))
    assert found(service) == {("forgotten submissions", f"submission {forgotten}")}
    assert repaired(service) == set()
    with reading(service.sessions) as session:
        assert session.scalar(select(func.count(Job.id)).where(Job.status == JobStatus.QUEUED)) == 1


def test_one_of_several_squares_that_moved_needs_a_verdict(service):
    tokens = [submit(service, photo(n), idempotency_key=f"k{n}").token for n in (1, 2, 3)]
    service.work()
    moved = row(service, tokens[2]).id
    with transaction(service.sessions) as session:
        session.execute(update(Photo).where(Photo.submission_id == moved).values(square_changes=1))
    assert found(service) == {("forgotten submissions", f"submission {moved}")}


# --- the queue and the workers ----------------------------------------------------------------------------------------


def queue_of(service):
    return Path(make_url(service.settings.queue_url).database)


def stand_still(service, job_id, **values):
    """Nothing has happened to this job for an hour."""
    long_ago = utcnow() - timedelta(hours=1)
    values = {"status": JobStatus.QUEUED, "created_at": long_ago, "sent_at": long_ago, "heartbeat_at": None} | values
    with transaction(service.sessions) as session:
        session.execute(update(Job).where(Job.id == job_id).values(values))


def problems(service, check):
    return [finding.problem for finding in examined(service).findings if finding.check == check]


def test_why_a_job_stands_still_is_said(service):
    tokens = [submit(service, photo(n), idempotency_key=f"k{n}").token for n in range(4)]
    ids = [one_job(service, row(service, token).id).id for token in tokens]
    for _ in range(2):  # of the first two nothing is in the queue any more
        assert service.worker.dispatcher.huey.dequeue() is not None
    stand_still(service, ids[0], sent_at=None)
    stand_still(service, ids[1])
    stand_still(service, ids[2])
    never, gone, waits = problems(service, "stuck jobs")
    assert "has never been put into the queue" in never
    assert "is not there any more" in gone
    assert "has been in the queue since" in waits
    stand_still(service, ids[2], status=JobStatus.RUNNING, worker="here:7", heartbeat_at=utcnow() - timedelta(hours=1))
    assert "was begun by here:7" in problems(service, "stuck jobs")[2]


def test_a_worker_that_is_missing_or_hangs_is_said_where_work_waits(service):
    submit(service)
    assert problems(service, "workers") == []  # it was sent a moment ago
    stand_still(service, one_job(service).id)
    assert "no worker has been here" in problems(service, "workers")[0]
    with transaction(service.sessions) as session:
        session.add(WorkerBeat(name="here:7", beat_at=utcnow() - timedelta(minutes=5)))
    assert "no worker has responded since" in problems(service, "workers")[0]
    with transaction(service.sessions) as session:
        beats.beat(session, "here:8")
    assert problems(service, "workers") == []


def test_a_damaged_queue_is_said_and_put_aside(lite):
    token = submit(lite).token
    lite.worker.dispatcher.close()
    for ending in ("-wal", "-shm"):
        queue_of(lite).with_name(f"queue.db{ending}").unlink(missing_ok=True)
    queue_of(lite).write_bytes(b"no database" * 1000)
    assert found(lite) == {("queue", str(queue_of(lite)))}
    assert queue_of(lite).read_bytes().startswith(b"no database")  # looking changes nothing
    assert repaired(lite) == set()
    assert list(queue_of(lite).parent.glob("queue.db.damaged-*"))
    with transaction(lite.sessions) as session:
        session.execute(update(Job).values(sent_at=None))
    jobs.sweep(lite.sessions, Dispatcher(lite.settings.queue_url).send)
    lite.work()
    assert row(lite, token).verdict is not None


def test_a_queue_that_is_not_there_yet_is_not_made_by_looking(lite, tmp_path):
    lite.settings.queue_url = f"sqlite:///{tmp_path / 'none.db'}"
    assert found(lite) == set()
    assert not (tmp_path / "none.db").exists()


def test_a_queue_that_is_away_is_said_without_its_password(lite):
    lite.settings.queue_url = "postgresql://root:a-password@127.0.0.1:1/none"
    [finding] = examined(lite).findings
    assert (finding.check, finding.mend) == ("queue", None)
    assert "can't be reached" in finding.problem
    assert "a-password" not in json.dumps(finding.as_json())


def test_messages_about_jobs_that_do_not_exist_are_removed_and_the_others_sent_again(service):
    token = submit(service).token
    for number in (7001, 7002):
        service.worker.dispatcher.send(number)
    service.worker.dispatcher.huey.storage.enqueue(b"\x80\x04none of ours")
    assert found(service) == {("queue", "3 messages")}
    assert "0, 7001, 7002" in problems(service, "queue")[0]
    assert repaired(service) == set()
    assert service.worker.dispatcher.waiting() == []
    jobs.sweep(service.sessions, service.worker.dispatcher.send)
    assert service.worker.dispatcher.waiting() == [one_job(service).id]
    service.work()
    assert row(service, token).verdict is not None


# --- the database and the machine -------------------------------------------------------------------------------------


def test_no_active_model_version(screened):
    with transaction(screened.sessions) as session:
        session.execute(update(ModelVersion).values(active=False))
    assert repaired(screened) == {("models", "none")}


def test_a_model_version_whose_folder_is_gone(screened):
    with transaction(screened.sessions) as session:
        session.add(ModelVersion(task="t", name="browns", version="7", location="browns-7", digest="d", labels=[]))
    assert repaired(screened) == {("models", "browns 7")}


def test_another_schema_stops_what_needs_rows(screened):
    with transaction(screened.sessions) as session:
        head = session.scalar(text("SELECT version_num FROM alembic_version"))
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    examination = examined(screened)
    with transaction(screened.sessions) as session:  # other tests share the database
        session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head})
    assert [finding.check for finding in examination.findings] == ["schema"]
    assert "photos" in examination.skipped


def test_a_database_that_is_away(tmp_path):
    settings = make_settings(tmp_path, database_url="postgresql://root:a-password@127.0.0.1:1/none")
    examination = examine(settings, make_engine(settings.database_url), make_storage(settings))
    [finding] = examination.findings
    assert finding.check == "database"
    assert "a-password" not in json.dumps(finding.as_json())


def test_a_damaged_sqlite_file(tmp_path, sqlite_template):
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path))
    with open(tmp_path / "wingcheck.db", "r+b") as file:
        file.seek(4096 * 6)
        file.write(b"\xff" * 4096 * 3)
    examination = examine(settings, make_engine(settings.database_url), make_storage(settings))
    assert {finding.check for finding in examination.findings} & {"integrity", "database"}


def test_a_row_that_refers_to_nothing(lite):
    submit(lite)
    with sqlite3.connect(lite.settings.database_url.removeprefix("sqlite:///")) as connection:  # checks nothing itself
        connection.execute("DELETE FROM volunteers")
    assert any(check == "references" and "submissions" in subject for check, subject in found(lite))


def test_a_disk_that_is_nearly_full(screened, monkeypatch):
    monkeypatch.setattr("app.upkeep.doctor.files.free_bytes", lambda _: 5_000_000)
    assert {check for check, _ in found(screened)} == {"disk"}


def test_a_secret_key_that_others_can_read(screened):
    path = screened.settings.data_dir / "secret-key"
    path.write_text("key")
    path.chmod(0o644)
    assert {check for check, _ in found(screened)} == {"secret key"}
    assert repaired(screened) == set()
    assert path.stat().st_mode & 0o777 == 0o600


def test_photos_that_can_t_be_stored(tmp_path, lite):
    lite.settings.photo_dir.rename(tmp_path / "away") if lite.settings.photo_dir.exists() else None
    lite.settings.photo_dir.parent.mkdir(parents=True, exist_ok=True)
    lite.settings.photo_dir.write_text("a file where the folder should be")
    assert ("storage", "photos") in found(lite)


def test_a_repair_that_fails_is_said_and_stops_nothing(screened, monkeypatch):
    storage = storage_of(screened)
    for sha256 in ("ab" * 32, "cd" * 32):
        storage.put(photos.key_of(sha256, "original"), b"nobody's")
        aged(screened.settings.photo_dir / photos.key_of(sha256, "original"))
    examination = examined(screened)

    def delete_one(key):
        raise OSError(f"{key} is stuck")

    monkeypatch.setattr(type(storage), "delete", lambda _self, key: delete_one(key))
    repair(examination)
    assert len(examination.left) == 2
    assert all("is stuck" in finding.advice for finding in examination.left)


# --- the command ------------------------------------------------------------------------------------------------------


def command(service, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "app", "doctor", *arguments],
        env=environment(service.settings.data_dir, WINGCHECK_DATABASE_URL=service.settings.database_url),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_ends_with_0_when_all_is_well_and_with_1_when_not(lite):
    submit(lite, photo(1))
    lite.work()
    said = command(lite)
    assert (said.returncode, said.stdout) == (0, "All is well.\n")
    storage_of(lite).delete(photos.key_of(SHA, "thumb"))
    said = command(lite)
    assert said.returncode == 1
    assert photos.key_of(SHA, "thumb") in said.stdout
    assert "--repair" in said.stdout
    answer = json.loads(command(lite, "--json").stdout)
    assert answer["healthy"] is False
    assert answer["findings"][0]["repairable"] is True
    said = command(lite, "--repair")
    assert (said.returncode, "recreated" in said.stdout) == (0, True)
    assert doctor.examine is examine
    assert command(lite).returncode == 0
