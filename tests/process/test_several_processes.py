"""Several web processes at one port: they share the work and what is counted, and each may die or be replaced unnoticed."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2
import pytest

from app.core.db import reading, transaction
from app.predictions import registry
from app.submissions.tables import Submission
from app.versions.promotion import Promotion
from tests.conftest import make_settings
from tests.factories import photo
from tests.running import Server, alive, eventually, free_port
from tests.versions import NEVER_IN_SCOPE, make_version

PROCESSES = 2
PREDICTIONS = 7


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A service with two web processes, started."""
    server = Server(
        tmp_path,
        WINGCHECK_PROCESSES=str(PROCESSES),
        WINGCHECK_JOB_LOST_SECONDS="4",
        WINGCHECK_RATE_LIMIT_EXEMPT="",
        WINGCHECK_RATE_LIMIT_PREDICT=f"{PREDICTIONS}/hour",
        WINGCHECK_RATE_LIMIT_SUBMISSIONS="",
    )
    server.start()
    both_run(server)
    yield server
    server.close()


def webs(server: Server) -> set[int]:
    """The web processes that run now."""
    return set(server.all_children("serve"))


def both_run(server: Server) -> set[int]:
    """Wait until as many web processes run as were asked for."""

    def running() -> set[int]:
        found = webs(server)
        return found if len(found) == PROCESSES else set()

    return eventually(running, "all processes run")


def connections(pid: int, port: int) -> int:
    """How many clients a process talks to at that port."""
    own = {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir() if file.is_symlink()}
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    established = [line for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "01"]
    return sum(f"socket:[{line[9]}]" in own for line in established)


def client(server: Server) -> httpx2.Client:
    """Somebody with one connection."""
    return httpx2.Client(base_url=server.url, trust_env=False, timeout=180, limits=httpx2.Limits(max_connections=1))


@pytest.fixture
def clients(server: Server) -> Iterator[list[httpx2.Client]]:
    """So many clients, each with an open connection, that every process has some."""
    with ExitStack() as stack:
        found = [stack.enter_context(client(server)) for _ in range(8 * PROCESSES)]
        for each in found:
            each.get("/healthz").raise_for_status()
        yield found


def predict(asking: httpx2.Client) -> httpx2.Response:
    return asking.post("/predict", files={"file": ("a.jpg", photo(1))})


def test_connections_are_spread_and_counts_are_kept_together(server: Server, clients: list[httpx2.Client]):
    """No process takes all connections; a limit is not one per process; any process tells the sum of all."""
    held = [connections(pid, server.port) for pid in webs(server)]
    assert sum(held) >= len(clients)
    assert min(held) >= len(clients) // 4, held

    answers = Counter(predict(each).status_code for each in clients)
    assert answers == {200: PREDICTIONS, 429: len(clients) - PREDICTIONS}

    for each in clients:
        lines = [
            line for line in each.get("/metrics").text.splitlines() if line.startswith("wingcheck_predictions_total")
        ]
        assert sum(float(line.rpartition(" ")[2]) for line in lines) == PREDICTIONS


@dataclass
class Stream:
    """Somebody who asks again and again, on one connection or on a new one each time."""

    act: Callable[[], object]
    failures: list[str] = field(default_factory=list)
    count: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self.over.is_set():
            try:
                self.act()
                self.count += 1
            except Exception as error:
                self.failures.append(repr(error))

    def end(self) -> None:
        self.over.set()
        self._thread.join(60)


def test_a_restart_of_every_process_loses_no_request(server: Server):
    """Neither on a connection that stays open nor on new ones, while pages are read and submissions sent."""
    assert server.process is not None
    before, worker = webs(server), server.child("worker")
    kept = [client(server) for _ in range(3)]
    number = iter(range(1, 10_000))

    def submit(each: httpx2.Client) -> None:
        data = {"claim": "unknown"}
        answer = each.post("/api/v1/submissions", files={"file": ("a.jpg", photo(next(number)))}, data=data)
        assert answer.status_code == 201, answer.text

    def with_a_new_connection() -> None:
        with client(server) as each:
            each.get("/").raise_for_status()

    streams = [
        Stream(lambda: kept[0].get("/species").raise_for_status()),
        Stream(lambda: kept[1].get("/healthz").raise_for_status()),
        Stream(lambda: submit(kept[2])),
        Stream(with_a_new_connection),
    ]
    try:
        eventually(lambda: all(stream.count for stream in streams), "every stream flows")
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "Every process was replaced." in server.log, "all are replaced", 180)
        counts = [stream.count for stream in streams]
        eventually(lambda: all(s.count > c for s, c in zip(streams, counts, strict=True)), "every stream still flows")
    finally:
        for stream in streams:
            stream.end()
        for each in kept:
            each.close()
    assert [failure for stream in streams for failure in stream.failures] == []
    eventually(lambda: not any(map(alive, before)), "the old processes have gone", 60)
    assert not before & both_run(server)
    assert eventually(lambda: server.child("worker"), "a worker runs") != worker
    assert "starting it again" not in server.log
    with reading(server.sessions) as session:
        assert session.query(Submission).count() == streams[2].count


def serves(client: httpx2.Client, version: str) -> bool:
    found: bool = client.get("/readyz").json()["model"]["version"] == version
    return found


def test_every_process_notices_another_model_version(server: Server, clients: list[httpx2.Client], tmp_path: Path):
    url = f"sqlite:///{server.data / 'wingcheck.db'}"
    settings = make_settings(
        tmp_path, data_dir=server.data, database_url=url, gate_margin=0.5, gate_max_milliseconds=10_000
    )
    with transaction(server.sessions) as session:
        version = registry.import_version(session, make_version(tmp_path, "91.0.0", **NEVER_IN_SCOPE), settings)
    Promotion(server.sessions, settings).promote(version.id, None)
    for each in clients:
        eventually(partial(serves, each, "91.0.0"), "it serves everywhere")


def test_the_web_servers_alone_share_a_port_too(tmp_path: Path):
    """`wingcheck serve --processes 2`: no worker, and one signal ends them all."""
    server = Server(tmp_path, "--processes", "2")
    server.what = "serve"
    try:
        server.start()
        children = both_run(server)
        assert server.children() == sorted(children)
        assert server.stop() == 0
        assert not any(map(alive, children))
        assert "Traceback" not in server.log
    finally:
        server.close()


def test_the_first_process_that_can_not_start_ends_it_all(tmp_path: Path):
    """A setting that no process can start with is told once, with an exit code."""
    server = Server(tmp_path, WINGCHECK_PROCESSES="2", WINGCHECK_QUEUE_URL="amqp://nowhere")
    try:
        with pytest.raises(AssertionError, match="did not start"):
            server.start()
        assert server.process is not None
        assert server.process.wait(60) == 1
        assert "The web server stopped (exit code" in server.log
    finally:
        server.close()


def test_a_port_of_ones_own_choice_is_told(tmp_path: Path):
    server = Server(tmp_path)
    server.port = 0
    try:
        server.begin()
        line = eventually(lambda: next((x for x in server.log.splitlines() if "is ready" in x), ""), "it is ready", 120)
        port = int(line.rpartition(":")[2])
        assert port not in {0, free_port()}
        assert httpx2.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    finally:
        server.close()
