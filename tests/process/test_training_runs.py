"""Training runs whose worker, process and web server are killed: they end right, once, and leave nothing behind."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.core.long_work import RunState
from app.predictions import registry
from app.versions.promotion import Promotion
from app.versions.runs import folder_of
from ml.datasets.synthetic import write_drawn_folder
from ml.inference import read_version
from tests.conftest import copy_of, make_settings
from tests.parts import LOST_SECONDS, Site, stop
from tests.running import alive, eventually
from tests.studio import SECONDS, Studio


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("studio")
    drawn = write_drawn_folder(folder / "drawn", per_label=24, outsiders=30)
    values = {"WINGCHECK_TRAINING_ROOT": str(drawn), "WINGCHECK_RETRAIN_CONFIG": "tiny"}
    site = Site(folder, copy_of(sqlite_template, folder), **values)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture(scope="module")
def studio(site: Site) -> Studio:
    values = {"training_root": str(site.folder / "drawn"), "retrain_config": "tiny", "job_lost_seconds": LOST_SECONDS}
    settings = make_settings(site.folder, data_dir=site.data, database_url=site.url, **values)
    return Studio(site.sessions, settings, lambda: site.log)


def was_killed(worker: subprocess.Popen[bytes]) -> bool:
    """Wait for its end, through a whole training; whether it was its crash point."""
    eventually(lambda: worker.poll() is not None, "the worker dies at its crash point", SECONDS)
    return worker.returncode == -signal.SIGKILL


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    eventually(lambda: not alive(process), f"process {process} has gone")


def test_whatever_is_killed_the_run_goes_on_and_its_version_is_registered_once(site: Site, studio: Studio):
    """One run: worker killed, process killed, worker killed with the version written, and again with the row written."""
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
    trained = read_version(registry.folder_of(run.model_version, studio.settings))
    assert trained.finder is not None, "it finds the animal as the version in service does"
    assert trained.names is not None
    assert run.comparison is not None
    difference = Promotion(site.sessions, studio.settings).gate(run.model_version.id).report.difference
    assert difference is not None
    assert difference.paired  # with the version in service, on the test photos of its own training
    assert studio.made() == [run.model_version.version]
    assert [epoch["epoch"] for epoch in run.curves] == list(range(1, 25))
    eventually(lambda: not folder_of(number, studio.settings).exists(), "its folder is gone")
    assert studio.processes() == []
    stop(worker)


def test_cancelling_ends_it_within_seconds_and_a_retry_goes_on(site: Site, studio: Studio):
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
