"""What can be wrong with jobs, database and machine is found, named, and repaired where that is safe."""

import json
import sqlite3
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import delete, func, select, text, update

from app.core import jobs
from app.core.db import make_engine, reading, transaction, utcnow
from app.core.storage import make_storage
from app.core.tables import Job, JobStatus
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


def one_job(service):
    with reading(service.sessions) as session:
        return session.scalars(select(Job)).one()


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.QUEUED])
def test_jobs_that_stand_still_are_queued_again(service, status):
    token = submit(service).token
    long_ago = utcnow() - timedelta(hours=1)
    with transaction(service.sessions) as session:
        session.execute(
            update(Job).values(status=status, attempts=5, created_at=long_ago, heartbeat_at=long_ago, sent_at=long_ago)
        )
    assert found(service) == {("stuck jobs", f"job {one_job(service).id}")}
    assert repaired(service) == set()
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
