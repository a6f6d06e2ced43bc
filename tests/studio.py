"""Training runs as tests and measurements start and watch them, whoever carries them out."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from app.core.db import SessionFactory, reading
from app.core.dispatch import Dispatcher
from app.core.long_work import RunState
from app.core.settings import Settings
from app.predictions.tables import ModelVersion
from app.versions.runs import RunRequest, Runs, folder_of, get
from app.versions.tables import TrainingRun
from ml.inference import read_version
from tests.running import alive, eventually

SECONDS = 240


class Studio:
    """A place where runs are started and watched."""

    def __init__(self, sessions: SessionFactory, settings: Settings, log: Callable[[], str]) -> None:
        self.sessions, self.settings, self.log = sessions, settings, log
        self.runs = Runs(sessions, settings, Dispatcher(settings.queue_url).send)

    def start(self, epochs: int, **options: object) -> int:
        return self.runs.start(RunRequest(epochs=epochs, insist=True, **options), None)

    def run(self, number: int) -> TrainingRun:
        with reading(self.sessions) as session:
            return get(session, number)

    def state(self, number: int) -> RunState:
        return self.run(number).state(timedelta(seconds=self.settings.job_lost_seconds))

    def wait(self, number: int, what: RunState) -> TrainingRun:
        def there() -> bool:
            found = self.state(number)
            assert found is what or not found.over, f"{found}: {self.run(number).job.error}\n{self.run(number).log}"
            return found is what

        eventually(there, f"run {number} is {what}\n{self.log()[-2000:]}", SECONDS)
        return self.run(number)

    def wait_for_epoch(self, number: int, epoch: int) -> int:
        """The number of the training process, as soon as it has reached the epoch."""

        def reached() -> int | None:
            run = self.run(number)
            return run.process_group if run.epoch >= epoch else None

        found = eventually(reached, f"epoch {epoch} of run {number}\n{self.log()[-2000:]}", SECONDS)
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
        with reading(self.sessions) as session:
            rows = list(session.scalars(select(ModelVersion.version).where(ModelVersion.version.contains("run"))))
        folders = [read_version(path).version for path in self.settings.model_dir.glob("[!.]*")]
        assert sorted(rows) == sorted(folders)
        return rows
