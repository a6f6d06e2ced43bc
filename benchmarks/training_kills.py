"""Training runs whose web server, worker, supervisor and training process are killed at random moments.

A run must end as one whole version, whatever is killed: the worker's next process goes on from the last checkpoint. All
the while somebody looks whether two processes work on runs at once, and whether a version is listed or lies in the models'
folder that can't be read. The exit code says whether all was well.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import httpx2
from sqlalchemy import select

from app.core.db import make_engine, make_session_factory, reading
from app.core.errors import ModelUnavailable
from app.core.long_work import RunState
from app.core.settings import Settings
from app.predictions.registry import folder_of as folder_of_version
from app.predictions.tables import ModelVersion
from app.versions.runs import folder_of
from app.versions.tables import TrainingRun
from benchmarks.killing import PARTS, database, kill
from benchmarks.pictures import jpeg
from benchmarks.timing import table
from ml.datasets.synthetic import write_drawn_folder
from ml.inference import ModelVersionError, read_version
from tests.running import Server, alive, eventually
from tests.studio import Studio

LOST_SECONDS = 6
TRAINING = "training process"
# A run that dies five times without getting on is given up, as it should be; this many can't get it there.
FATAL_PER_RUN = 4


@dataclass
class Watcher:
    """Looks on, all the time, in a thread of its own."""

    studio: Studio
    server: Server
    looks: int = 0
    answers: int = 0
    most_processes: int = 0
    groups: set[int] = field(default_factory=set)
    served: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watcher":
        self._thread = threading.Thread(target=self._look_on)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        picture = jpeg(160, 120)
        with httpx2.Client(base_url=self.server.url, trust_env=False, timeout=10) as http:
            while not self._over.wait(0.2):
                self.looks += 1
                groups = self._training()
                self.groups |= groups
                self.most_processes = max(self.most_processes, len(groups))
                self._read_versions()
                with suppress(httpx2.TransportError):  # killed
                    self._ask(http, picture)

    def _training(self) -> set[int]:
        """Process groups that train: a process and its own children are one."""
        found = set()
        for process in self.studio.processes():
            with suppress(ProcessLookupError):
                found.add(os.getpgid(process))
        return found

    def _read_versions(self) -> None:
        try:
            with reading(self.studio.sessions) as session:
                listed = [folder_of_version(row, self.studio.settings) for row in session.scalars(select(ModelVersion))]
            for folder in {*listed, *self.studio.settings.model_dir.glob("[!.]*")}:
                read_version(folder)
        except (ModelUnavailable, ModelVersionError) as error:
            self.faults.append(str(error))

    def _ask(self, http: httpx2.Client, picture: bytes) -> None:
        answer = http.post("/predict", files={"file": ("photo.jpg", picture, "image/jpeg")})
        if answer.status_code == 200:
            self.answers += 1
            self.served.add(answer.json()["model"]["version"])
        elif answer.status_code != 503:
            self.faults.append(f"/predict answered {answer.status_code}: {answer.text[:200]}")


def main(arguments: list[str] | None = None) -> None:
    """Print the figures; exit code 1 when a run did not end right, once."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=training_kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=12.0, help="longest pause between two kills, in seconds")
    parser.add_argument("--postgresql", metavar="URL", help="a server in which databases may be made; else SQLite")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}, {options.runs} runs, {'PostgreSQL' if options.postgresql else 'SQLite'}\n")
    with tempfile.TemporaryDirectory() as name, database(options.postgresql) as settings:
        folder = Path(name)
        drawn = write_drawn_folder(folder / "drawn", per_label=24, outsiders=30)
        settings |= {
            "WINGCHECK_TRAINING_ROOT": str(drawn),
            "WINGCHECK_RETRAIN_CONFIG": "tiny",
            "WINGCHECK_JOB_LOST_SECONDS": str(LOST_SECONDS),
            "WINGCHECK_SECRET_KEY": "only-for-measuring",
        }
        server = Server(folder, **settings)
        good = _measure(server, _studio(server, settings), options)
    if not good:
        sys.exit(1)


def _studio(server: Server, settings: dict[str, str]) -> Studio:
    """The service's own code, in this process, on the same database and folder."""
    values: dict[str, object] = {name.removeprefix("WINGCHECK_").lower(): value for name, value in settings.items()} | {
        "data_dir": server.data
    }
    url = str(values.setdefault("database_url", f"sqlite:///{server.data}/wingcheck.db"))
    return Studio(make_session_factory(make_engine(url)), Settings(_env_file=None, **values), lambda: server.log)


def _measure(server: Server, studio: Studio, options: argparse.Namespace) -> bool:
    begun, luck = time.monotonic(), random.Random(options.seed)
    kills, good = dict.fromkeys([*PARTS, TRAINING], 0), 0
    server.start()
    try:
        with Watcher(studio, server) as watcher:
            for _ in range(options.runs):
                number = studio.start(epochs=options.epochs)
                _kill_until_it_is_over(server, studio, number, luck, options.pause, kills)
                run = studio.run(number)
                faults = list(_faults(studio, run, options.epochs))
                watcher.faults += [f"run {number}: {fault}" for fault in faults]
                good += not faults
            made = studio.made()
        left = studio.processes()
    except Exception:
        print(server.log[-6000:], file=sys.stderr)
        raise
    finally:
        server.close()
    figures = {
        "runs": options.runs,
        "ended right, as one whole version": good,
        "versions made": len(made),
        "training processes, one after the other": len(watcher.groups),
        "most of them at once": watcher.most_processes,
        "processes left over": len(left),
        "looks at processes and versions": watcher.looks,
        "answers of /predict meanwhile": watcher.answers,
        "versions that answered": ", ".join(sorted(watcher.served)),
        **{f"kills of {part}": count for part, count in kills.items()},
        "seconds": round(time.monotonic() - begun),
    }
    table([("", ""), *((name, str(value)) for name, value in figures.items())])
    print(*watcher.faults, sep="\n")
    return good == options.runs == len(made) and not (left or watcher.faults) and watcher.most_processes == 1


def _kill_until_it_is_over(
    server: Server, studio: Studio, number: int, luck: random.Random, pause: float, kills: dict[str, int]
) -> None:
    """Kill at random moments; leave it in peace once it may not be killed any more."""
    fatal, begun = 0, time.monotonic()
    while not studio.state(number).over:
        assert time.monotonic() - begun < 600, f"run {number} does not end\n{server.log[-3000:]}"
        time.sleep(luck.uniform(0.2, pause))
        part = luck.choice([*PARTS, TRAINING])
        if part != "web" and fatal >= FATAL_PER_RUN:
            continue
        hit = _kill_training(studio, number) if part == TRAINING else kill(server, part)
        kills[part] += hit
        fatal += hit and part != "web"


def _kill_training(studio: Studio, number: int) -> bool:
    group = studio.run(number).process_group
    if group is None:
        return False
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    eventually(lambda: not alive(group), f"process {group} has gone")
    return True


def _faults(studio: Studio, run: TrainingRun, epochs: int) -> Iterator[str]:
    """What is wrong with a run that is over."""
    if studio.state(run.id) is not RunState.DONE or run.model_version is None:
        yield f"{studio.state(run.id)}: {run.job.error} {run.log[-500:]}"
        return
    if [epoch["epoch"] for epoch in run.curves] != list(range(1, epochs + 1)):
        yield f"its epochs are {[epoch['epoch'] for epoch in run.curves]}"
    if run.model_version.version not in studio.made():
        yield "its version can't be read"
    eventually(lambda: not folder_of(run.id, studio.settings).exists(), "its folder is gone")
