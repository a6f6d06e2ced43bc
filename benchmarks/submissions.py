"""Submissions to `wingcheck run` with its default settings: how many a second are accepted and screened, on both databases.

Each submission brings another photo, and another volunteer. A case is over when everything that was accepted is screened, so
its rate is what the service can go on with. Client, server, worker and database share the machine.
"""

import argparse
import json
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import func, select

from app.core.db import SessionFactory, make_engine, make_session_factory, reading
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission
from benchmarks import load
from benchmarks.button import seconds_to_verdict
from benchmarks.killing import database
from benchmarks.load import Load
from benchmarks.pictures import jpeg
from benchmarks.servers import Processes, defaults
from benchmarks.timing import table
from tests.running import Server

PHOTOS: dict[str, Callable[[], bytes]] = {"75px": lambda: jpeg(75, 75), "12mp": lambda: jpeg(4000, 3000)}
CONNECTIONS = (1, 8, 32)
# What was on its way when the sending stopped comes a little later.
QUIET_SECONDS, PATIENCE_SECONDS = 3, 120
PATH = "/api/v1/submissions"
POSTGRESQL = "WINGCHECK_TEST_POSTGRESQL"


@dataclass(frozen=True)
class Measured:
    """One case. ``screened``: submissions that came, in-flight ones included; ``behind``: those not screened when the last
    came; ``seconds``: from the first to the last verdict; ``megabytes``: most memory of web server and worker together.
    """

    database: str
    photo: str
    connections: int
    load: Load
    screened: int
    behind: int
    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Service:
    """One that runs on a database."""

    database: str
    server: Server
    sessions: SessionFactory
    processes: Processes

    def count(self, *statuses: SubmissionStatus) -> int:
        """Submissions, or those with one of the statuses."""
        query = select(func.count()).select_from(Submission)
        with reading(self.sessions) as session:
            return session.scalar(query.where(Submission.status.in_(statuses)) if statuses else query) or 0

    def post(self, photo: bytes) -> load.Post:
        """A submission."""
        return load.post(self.server.port, PATH, photo, claim="unknown")


def main(arguments: list[str]) -> None:
    """Print the tables."""
    options = _options(arguments)
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; {options.seconds} s a case;"
    )
    print("client, server, worker and database share the machine\n")
    if not load.has_wrk():
        print(load.WITHOUT_WRK + "\n")
    told: dict[str, object] = {"cores": os.cpu_count()}
    if options.browser:
        told["seconds_to_verdict"] = _browser()
    seen, overloads = list[Measured](), list[dict[str, object]]()
    for name in options.databases:
        if not is_there(name):
            continue
        with running(name) as service:
            for photo in options.photos:
                data = PHOTOS[photo]()
                for connections in options.connections:
                    seen.append(_measure(service, photo, data, connections, options.seconds))
                if options.overload:
                    overloads.append(_overload(service, photo, data, options))
    _report(seen)
    if options.json is not None:
        told |= {"measured": [asdict(each) for each in seen], "overload": overloads}
        options.json.write_text(json.dumps(told, indent=1))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=submissions", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="for each case (default: 5)")
    parser.add_argument("--photos", nargs="+", choices=PHOTOS, default=list(PHOTOS), help="default: all")
    parser.add_argument("--connections", nargs="+", type=int, default=list(CONNECTIONS), help="default: 1 8 32")
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("--databases", nargs="+", choices=kinds, default=kinds, help="default: both")
    parser.add_argument(
        "--overload", type=int, default=0, metavar="SECONDS", help="twice what it can carry, for so long"
    )
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="leave the time in a browser out")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args(arguments)


def is_there(name: str) -> bool:
    """Whether there is such a database; prints a line where not."""
    if name == "postgresql" and not os.environ.get(POSTGRESQL):
        print(f"{POSTGRESQL} names no PostgreSQL: left out\n")
        return False
    return True


@contextmanager
def running(name: str) -> Iterator[Service]:
    """Started with the default settings, warm, and stopped at the end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        database(os.environ[POSTGRESQL] if name == "postgresql" else None) as settings,
    ):
        server = Server(Path(folder), **defaults(), **settings)
        try:
            server.start()
            assert server.process is not None
            engine = make_engine(settings.get("WINGCHECK_DATABASE_URL") or f"sqlite:///{server.data / 'wingcheck.db'}")
            service = Service(name, server, make_session_factory(engine), Processes(server.process.pid))
            load.send(service.post(jpeg(75, 75)), max(CONNECTIONS), 1)
            _settled(service)
            yield service
            engine.dispose()
        finally:
            server.close()


def _settled(service: Service) -> float:
    """Wait until everything is screened and nothing comes any more; the moment from which on that was so."""
    seen, since = (-1, -1), time.monotonic()
    while time.monotonic() - since < (QUIET_SECONDS if seen[1] == 0 else PATIENCE_SECONDS):
        time.sleep(0.1)
        now = (service.count(), service.count(SubmissionStatus.RECEIVED))
        if now != seen:
            seen, since = now, time.monotonic()
    if seen[1]:
        sys.exit(f"{seen[1]} submissions are never screened:\n{service.server.log}")
    return since


def _measure(service: Service, photo: str, data: bytes, connections: int, seconds: int) -> Measured:
    before, begun = service.count(), time.monotonic()
    with service.processes.watched() as seen:
        found = load.send(service.post(data), connections, seconds)
        behind = service.count(SubmissionStatus.RECEIVED)
        took = _settled(service) - begun
    most = max(megabytes for _, megabytes in seen)
    return Measured(service.database, photo, connections, found, service.count() - before, behind, took, most)


def _report(seen: list[Measured]) -> None:
    rows: list[tuple[str, ...]] = [
        (
            *("database", "photo", "connections", "accepted/s", "accepted and screened/s", "not screened at the end"),
            *("p50, ms", "p99, ms", "errors", "most memory, MB"),
        )
    ]
    rows += [
        (
            *(each.database, each.photo, str(each.connections), f"{each.load.rate:.1f}"),
            *(f"{each.screened / each.seconds:.1f}", str(each.behind)),
            *(each.load.milliseconds("p50_ms"), each.load.milliseconds("p99_ms")),
            *(str(each.load.errors), f"{each.megabytes:.0f}"),
        )
        for each in seen
    ]
    table(rows)


def _browser() -> list[float]:
    """On a machine that does nothing else."""
    times = seconds_to_verdict(jpeg(4000, 3000))
    print("From the button to the verdict, in a browser, a 12-MP photo on an idle machine: ", end="")
    print(f"{statistics.median(times) * 1000:.0f} ms (median of {len(times)}, slowest {max(times) * 1000:.0f} ms)\n")
    return times


def _overload(service: Service, photo: str, data: bytes, options: argparse.Namespace) -> dict[str, object]:
    """Twice the rate of submissions that it just accepted and screened, evenly, whatever the answers."""
    usual = _measure(service, photo, data, 8, options.seconds)
    rate = 2 * usual.screened / usual.seconds
    with service.processes.watched() as seen:
        found = load.send_at(service.post(data), rate, options.overload)
        behind = service.count(SubmissionStatus.RECEIVED)
    _settled(service)
    tenth = max(1, math.ceil(len(seen) / 10))
    curve = [f"{statistics.mean(mb for _, mb in seen[at : at + tenth]):.0f}" for at in range(0, len(seen), tenth)]
    print(
        f"Overload, {service.database}, {photo}: {rate:.1f} a second for {options.overload} s, twice what it can carry\n"
    )
    rows: list[tuple[str, ...]] = [("", "usual, 8 connections", "overload")]
    for name, value in (
        ("accepted/s", lambda each: f"{each.rate:.1f}"),
        ("p50 of accepted, ms", lambda each: each.milliseconds("p50_ms")),
        ("p99 of accepted, ms", lambda each: each.milliseconds("p99_ms")),
        ("503", lambda each: str(each.refused)),
        ("other errors", lambda each: str(each.failed)),
        ("connections that broke", lambda each: str(each.broken)),
    ):
        rows.append((name, value(usual.load), value(found)))
    rows.append(("not screened at the end", str(usual.behind), str(behind)))
    rows.append(("memory over time, MB", f"{usual.megabytes:.0f}", " ".join(curve)))
    table(rows)
    print()
    return {"database": service.database, "photo": photo, "rate": rate, "load": asdict(found), "memory": seen}
