"""What ends a run by itself, and what a failed one leaves behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.db import reading, transaction
from app.core.long_work import RunState
from app.versions.runs import RunRequest, Runs, folder_of, get
from app.versions.tables import TrainingRun
from ml.datasets.synthetic import write_drawn_folder
from tests.conftest import Service, copy_of, make_settings, running
from tests.running import eventually


@pytest.fixture
def service(tmp_path: Path, sqlite_template: Path) -> Iterator[Service]:
    drawn = write_drawn_folder(tmp_path / "drawn", per_label=8, outsiders=10)
    url = copy_of(sqlite_template, tmp_path)
    settings = make_settings(tmp_path, database_url=url, training_root=str(drawn), retrain_config="tiny")
    with running(settings) as found:
        yield found


def fail(service: Service, request: RunRequest, seconds_spent: float = 0.0) -> TrainingRun:
    """A run that ends with an error."""
    number = Runs(service.sessions, service.settings, service.worker.dispatcher.send).start(request, None)
    with transaction(service.sessions) as session:
        get(session, number).seconds_spent = seconds_spent
    service.work()
    service.worker.finish_long_work()
    with reading(service.sessions) as session:
        run = get(session, number)
    assert run.state() is RunState.FAILED
    assert (run.process_group, run.model_version_id) == (None, None)
    assert not (folder_of(number, service.settings) / "snapshot").exists()
    assert service.worker.training.try_to_begin(), "another run may begin"
    service.worker.training.end()
    return run


def test_too_much_memory_ends_it(service: Service):
    run = fail(service, RunRequest(memory_limit_megabytes=1))
    assert "the limit is 1 MB" in run.job.error
    assert run.peak_megabytes > 1


def test_too_much_time_ends_it(service: Service):
    run = fail(service, RunRequest(time_limit_minutes=1), seconds_spent=60)
    assert "exceeded its time limit" in run.job.error


def test_base_data_that_changed_since_end_it(service: Service):
    (Path(service.settings.training_root) / "pair" / "notes.txt").write_text("before")
    number = Runs(service.sessions, service.settings, lambda _: True).start(RunRequest(), None)
    (Path(service.settings.training_root) / "pair" / "notes.txt").write_text("after")
    with reading(service.sessions) as session:
        job_id = get(session, number).job_id
    service.worker.handle(job_id)
    service.worker.finish_long_work()
    with reading(service.sessions) as session:
        assert "has changed" in get(session, number).job.error


def test_a_process_that_is_killed_is_an_attempt_and_what_it_did_is_not_lost(service: Service):
    """A machine without memory kills it again and again; the run must not be tried for ever."""
    number = Runs(service.sessions, service.settings, service.worker.dispatcher.send).start(RunRequest(), None)
    service.work()

    def process() -> int | None:
        with reading(service.sessions) as session:
            return get(session, number).process_group

    os.killpg(eventually(process, "its process runs") or 0, signal.SIGKILL)
    service.worker.finish_long_work()
    with reading(service.sessions) as session:
        run = get(session, number)
    assert (run.state(), run.job.attempts, run.phase) == (RunState.WAITING, 1, "preparing")
    assert "killed (SIGKILL)" in run.job.error
    assert (folder_of(number, service.settings) / "snapshot").is_dir()
