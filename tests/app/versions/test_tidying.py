"""Copies of photos go when a run is over, also where no worker was there to see it end."""

from datetime import timedelta

import pytest

from app.core import jobs
from app.core.db import reading, transaction, utcnow
from app.core.tables import Job, JobKind, JobStatus
from app.versions.rules import Start, Trigger
from app.versions.run_folder import RunFolder
from app.versions.runs import Runs, folder_of
from app.versions.tables import Snapshot, TrainingRun
from tests.app.upkeep.examining import aged, found, repaired


@pytest.fixture
def lost(lite):
    """The number of a run whose worker was lost while it learnt; its folder has copies of photos, and a checkpoint."""
    long_ago = utcnow() - timedelta(hours=1)
    with transaction(lite.sessions) as session:
        job = Job(
            kind=JobKind.TRAINING, subject_id=1, status=JobStatus.RUNNING, attempts=1, sent_at=utcnow(),
            heartbeat_at=long_ago,
        )  # fmt: skip
        snapshot = Snapshot(fingerprint="sha256:0", bases=[], counts={})
        session.add_all([job, snapshot])
        session.flush()
        run = TrainingRun(
            task="browns", job_id=job.id, snapshot_id=snapshot.id, cause=Trigger.PERSON, config="tiny",
            start=Start.SCRATCH, options={}, labels=[], wanted={}, model_name="browns", time_limit_minutes=1,
            memory_limit_megabytes=1, phase="training", process_group=7,
        )  # fmt: skip
        session.add(run)
        session.flush()
        job.subject_id = run.id
    folder = folder_of_run(lite, run.id)
    (folder.snapshot / "photos").mkdir(parents=True)
    (folder.snapshot / "photos" / "a.jpg").write_bytes(b"somebody's photo")
    folder.checkpoints.mkdir()
    return run.id


def folder_of_run(service, number):
    return RunFolder(folder_of(number, service.settings))


def run_of(service, number):
    with reading(service.sessions) as session:
        return session.get_one(TrainingRun, number)


def sweep(service):
    jobs.sweep(service.sessions, lambda _: False)


def cancel(service, number):
    Runs(service.sessions, service.settings, lambda _: True).cancel(number, None)


def give_up(service, number):
    with transaction(service.sessions) as session:
        session.get_one(TrainingRun, number).job.attempts = jobs.MAX_ATTEMPTS


@pytest.mark.parametrize(("end", "phase"), [(cancel, "cancelled"), (give_up, "failed")])
def test_a_run_that_ended_without_its_worker_leaves_no_photos(lite, lost, end, phase):
    end(lite, lost)
    sweep(lite)
    assert run_of(lite, lost).job.status in {JobStatus.CANCELLED, JobStatus.FAILED}
    lite.worker.training.tidy()
    folder = folder_of_run(lite, lost)
    assert not folder.snapshot.exists()
    assert folder.checkpoints.exists(), "it may be tried again, and goes on where it was"
    assert (run_of(lite, lost).phase, run_of(lite, lost).process_group) == (phase, None)


def test_a_run_that_waits_for_another_worker_keeps_its_photos(lite, lost):
    sweep(lite)
    lite.worker.training.tidy()
    assert folder_of_run(lite, lost).snapshot.exists()


def test_nothing_is_removed_while_a_training_is_on_this_machine(lite, lost):
    cancel(lite, lost)
    sweep(lite)
    assert lite.worker.training.try_to_begin()
    lite.worker.training.tidy()
    assert folder_of_run(lite, lost).snapshot.exists()
    lite.worker.training.end()
    lite.worker.training.tidy()
    assert not folder_of_run(lite, lost).snapshot.exists()


def test_the_doctor_finds_photos_of_runs_that_are_over(lite, lost):
    folder = folder_of_run(lite, lost)
    aged(folder.path)
    sweep(lite)
    assert ("leftovers", str(folder.path)) not in found(lite)
    cancel(lite, lost)
    assert ("leftovers", str(folder.path)) in found(lite)
    assert repaired(lite) == set()
    assert not folder.snapshot.exists()
    assert folder.checkpoints.exists()


def test_the_doctor_finds_photos_of_collections_that_were_deleted(lite):
    left = lite.settings.data_dir / "collections" / "0011223344556677"
    (left / "photos").mkdir(parents=True)
    aged(left)
    assert found(lite) == {("leftovers", str(left))}
    assert repaired(lite) == set()
    assert not left.exists()
