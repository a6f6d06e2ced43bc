"""Training runs whose worker, process and web server are killed: they end right, once, and leave nothing behind."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.db import reading
from app.domain.training import RunState
from app.models import ModelVersion, TrainingRun
from app.services.dispatch import Dispatcher
from app.services.promotion import Promotion
from app.services.training.runs import Request, Runs, folder_of, get, state
from app.settings import Settings
from ml.datasets.synthetic import write_drawn_folder
from ml.inference import read_version
from tests.conftest import copy_of, make_settings
from tests.parts import LOST_SECONDS, Site, stop
from tests.running import alive, eventually

SECONDS = 240


class Studio:
    """A place where runs are started and watched."""

    def __init__(self, site: Site, settings: Settings) -> None:
        self.site, self.settings = site, settings
        self.runs = Runs(site.sessions, settings, Dispatcher(settings.queue_url).send)

    def start(self, epochs: int, **options: object) -> int:
        return self.runs.start(Request(epochs=epochs, insist=True, **options), None)

    def run(self, number: int) -> TrainingRun:
        with reading(self.site.sessions) as session:
            return get(session, number)

    def state(self, number: int) -> RunState:
        return state(self.run(number), timedelta(seconds=LOST_SECONDS))

    def wait(self, number: int, what: RunState) -> TrainingRun:
        def there() -> bool:
            found = self.state(number)
            assert found is what or not found.over, f"{found}: {self.run(number).job.error}\n{self.run(number).log}"
            return found is what

        eventually(there, f"run {number} is {what}\n{self.site.log[-2000:]}", SECONDS)
        return self.run(number)

    def wait_for_epoch(self, number: int, epoch: int) -> int:
        """The number of the training process, as soon as it has reached the epoch."""

        def reached() -> int | None:
            run = self.run(number)
            return run.process_group if run.epoch >= epoch else None

        found = eventually(reached, f"epoch {epoch} of run {number}\n{self.site.log[-2000:]}", SECONDS)
        assert found is not None
        return found

    def journal(self, number: int) -> list[list[dict[str, object]]]:
        """What each process of a run reported of itself, the newest last."""
        found: list[list[dict[str, object]]] = []
        text = (folder_of(number, self.settings) / "progress.jsonl").read_text()
        for line in text.splitlines(keepends=True):
            if line.endswith("\n"):
                report = json.loads(line)
                if report["phase"] == "reading":
                    found.append([])
                found[-1].append(report)
        return found

    def processes(self) -> list[int]:
        """Every process that works on a run of this site, whosever child it is."""
        mark = str(self.settings.data_dir / "runs")
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if mark in path.read_text() and alive(int(path.parent.name)):
                    found.append(int(path.parent.name))
            except OSError:
                continue
        return found

    def made(self) -> list[str]:
        """The numbers of versions that runs made, as rows and as folders that can be read."""
        with reading(self.site.sessions) as session:
            rows = list(session.scalars(select(ModelVersion.version).where(ModelVersion.version.contains("run"))))
        folders = [read_version(path).version for path in self.settings.model_dir.glob("[!.]*")]
        assert sorted(rows) == sorted(folders)
        return rows


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    drawn = write_drawn_folder(folder / "drawn", per_label=24, outsiders=30)
    url = copy_of(sqlite_template, folder)
    values = {"training_root": str(drawn), "retrain_config": "tiny"}
    site = Site(folder, url, **{f"WINGCHECK_{name.upper()}": value for name, value in values.items()})
    settings = make_settings(folder, data_dir=site.data, database_url=url, **values)
    try:
        yield Studio(site, settings)
    finally:
        site.close()


def was_killed(worker: subprocess.Popen[bytes]) -> bool:
    """Wait for its end, through a whole training; whether it was its crash point."""
    eventually(lambda: worker.poll() is not None, "the worker dies at its crash point", SECONDS)
    return worker.returncode == -signal.SIGKILL


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    eventually(lambda: not alive(process), f"process {process} has gone")


def test_whatever_is_killed_the_run_goes_on_and_its_version_is_registered_once(studio: Studio):
    """One run: worker killed, process killed, worker killed with the version written, and again with the row written."""
    site = studio.site
    number = studio.start(epochs=24)
    worker = site.worker()
    process = studio.wait_for_epoch(number, 2)
    kill(worker.pid)
    eventually(lambda: not alive(process), "the process does not outlive its worker", 60)
    assert studio.made() == []
    studio.wait(number, RunState.LOST)

    worker = site.worker(crash_at="version-written")
    reached = studio.run(number).epoch
    process = studio.wait_for_epoch(number, reached + 1)
    kill(process)
    assert was_killed(worker)
    assert studio.made() == []
    assert studio.processes() == []

    assert was_killed(site.worker(crash_at="version-registered"))
    worker = site.worker()
    run = studio.wait(number, RunState.DONE)
    assert run.model_version is not None
    assert run.comparison is not None
    difference = Promotion(site.sessions, studio.settings).gate(run.model_version.id).report.difference
    assert difference is not None
    assert difference.paired  # with the version in service, on the test photos of its own training
    assert studio.made() == [run.model_version.version]
    assert [epoch["epoch"] for epoch in run.curves] == list(range(1, 25))
    eventually(lambda: not folder_of(number, studio.settings).exists(), "its folder is gone")
    assert studio.processes() == []
    stop(worker)


def test_cancelling_ends_it_within_seconds_and_a_retry_goes_on(studio: Studio):
    site = studio.site
    made = studio.made()
    number, behind = studio.start(epochs=4000), studio.start(epochs=1)
    worker = site.worker()
    process = studio.wait_for_epoch(number, 1)
    assert studio.state(behind) is RunState.WAITING
    studio.runs.cancel(behind, None)
    assert studio.state(behind) is RunState.CANCELLED
    studio.runs.cancel(number, None)
    eventually(lambda: not alive(process), "its process is gone", 10)
    studio.wait(number, RunState.CANCELLED)
    assert studio.processes() == []

    studio.runs.retry(number, None)
    # The killed process got further than was noted of it: only the journal tells that a new one began, and trains.
    eventually(lambda: len(studio.journal(number)) == 2, "a new process begins", SECONDS)
    eventually(lambda: sum("calibration_loss" in line for line in studio.journal(number)[-1]) > 1, "it trains", SECONDS)
    stop(worker)  # in good order: the process writes down where it is
    assert studio.processes() == []
    assert studio.state(number) is RunState.WAITING
    assert studio.journal(number)[-1][-1]["phase"] == "stopped"
    studio.runs.cancel(number, None)
    assert studio.made() == made
