"""A disk that is full or read-only, a locked database, a model that is gone: clear answers, and all is well afterwards."""

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app.core import jobs
from app.core.db import transaction, utcnow
from app.core.tables import Job, JobStatus
from tests.app.sending import post, row, token_of
from tests.conftest import Service, copy_of, make_settings, running, skip_or_fail
from tests.factories import photo
from tests.versions import make_version, put_into_service
from tests.wholeness import faults


def send(service: Service, seed: int, accept: str = "text/html"):
    """A submission as a page or as a program sends it."""
    return post(
        service.client,
        photo(seed),
        headers={"Accept": accept},
        idempotency_key=f"key-of-number-{seed}",
        claim="unknown",
    )


def assert_refused(service: Service, status: int, page: str, ready: str) -> None:
    """A page for people, a problem for programs, the reason for who watches; and the process is alive."""
    answer = send(service, 1)
    assert (answer.status_code, page in answer.text) == (status, True), answer.text[-800:]
    assert int(answer.headers["retry-after"]) > 0
    answer = send(service, 1, "application/json")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert int(answer.headers["retry-after"]) > 0
    answer = service.client.get("/readyz")
    assert (answer.status_code, ready in answer.json()["detail"]) == (503, True), answer.text
    assert service.client.get("/healthz").status_code == 200


def assert_well(service: Service) -> None:
    """What could not be taken is taken now, and screened."""
    assert service.client.get("/readyz").status_code == 200
    answer = send(service, 1)
    assert answer.status_code == 303, answer.text
    service.work()
    assert row(service, token_of(answer)).verdict is not None
    assert faults(service.sessions, service.settings.photo_dir) == []


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Something mounted on ``folder``; only root may."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        skip_or_fail(f"can't mount here: {done.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path, sqlite_template: Path) -> Iterator[Service]:
    """Everything on a disk of 80 MB."""
    data = tmp_path / "data"
    with ExitStack() as stack:
        stack.enter_context(mounted(data, "-t", "tmpfs", "-o", "size=80m", "tmpfs"))
        yield stack.enter_context(running(make_settings(tmp_path, database_url=copy_of(sqlite_template, data))))


def fill(disk: Path) -> Path:
    """Leave not a byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1_000_000, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    return filler


def test_a_full_disk(small_disk: Service):
    small_disk.client.get("/")
    filler = fill(small_disk.settings.data_dir)
    assert_refused(small_disk, 507, "Nothing was saved", "Photos can't be stored")
    filler.unlink()
    assert_well(small_disk)


def test_a_disk_that_fills_up_while_a_job_waits(small_disk: Service):
    """The worker can't even write down that it works; it survives, and the job is done once there is room."""
    token = token_of(send(small_disk, 1))
    filler = fill(small_disk.settings.data_dir)
    for attempt in (partial(small_disk.worker.handle, 1), small_disk.work, small_disk.work):
        with suppress(OperationalError, sqlite3.OperationalError):  # the consumer logs it and goes on
            attempt()
    filler.unlink()
    with suppress(sqlite3.OperationalError):
        small_disk.work()  # the first use of the queue clears up what the last one left
    with transaction(small_disk.sessions) as session:
        session.execute(update(Job).values(sent_at=None, not_before=None, heartbeat_at=utcnow() - 2 * jobs.LOST_AFTER))
    jobs.sweep(small_disk.sessions, small_disk.worker.dispatcher.send)
    small_disk.work()
    assert row(small_disk, token).verdict is not None


def test_a_read_only_photo_folder(lite: Service):
    folder = lite.settings.photo_dir
    folder.mkdir(parents=True, exist_ok=True)
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        assert_refused(lite, 507, "Nothing was saved", "Photos can't be stored: Read-only file system")
    assert_well(lite)


def test_a_database_that_somebody_has_locked(lite: Service, monkeypatch):
    monkeypatch.setattr("app.core.db.SQLITE_BUSY_MS", 1000)
    lite.client.get("/")
    with sqlite3.connect(lite.settings.database_url.removeprefix("sqlite:///"), isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        assert_refused(lite, 503, "Not available at the moment", "database is locked")
        assert time.monotonic() - begun < 20
        assert lite.client.get("/").status_code == 200  # whoever only reads notices nothing
        other.execute("ROLLBACK")
    other.close()
    assert_well(lite)


def test_a_model_folder_that_is_gone(tmp_path: Path, sqlite_template: Path):
    """Processes that have it loaded go on. Others say so, keep what they are sent, and go on when it is back."""
    settings = make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path))
    with running(settings) as service:
        put_into_service(service.sessions, settings, make_version(tmp_path))
        away = settings.model_dir.rename(tmp_path / "away")
        answer = service.client.get("/readyz")
        assert (answer.status_code, "is missing" in answer.json()["detail"]) == (503, True)
        assert service.client.get("/", headers={"Accept": "text/html"}).status_code == 503
        assert service.client.post("/predict", files={"file": photo(1)}).status_code == 503
        assert service.client.get("/healthz").status_code == 200

        sent = service.client.post("/api/v1/submissions", files={"file": photo(1)}, data={"claim": "unknown"})
        assert sent.status_code == 201
        service.work()
        with service.sessions() as session:
            job = session.scalars(select(Job)).one()
        assert (job.status, job.attempts, "is missing" in job.error) == (JobStatus.QUEUED, 0, True)

        away.rename(settings.model_dir)
        with transaction(service.sessions) as session:
            session.execute(update(Job).values(not_before=None))
        service.worker.handle(job.id)
        assert row(service, sent.json()["token"]).verdict is not None
        assert service.client.get("/readyz").status_code == 200
