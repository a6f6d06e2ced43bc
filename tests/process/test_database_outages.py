"""PostgreSQL, as database and as queue, goes away and comes back: clear answers meanwhile, and nobody starts anything anew."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import create_engine, make_url, text

from app.core.db import make_engine, make_session_factory
from tests.conftest import POSTGRESQL, empty
from tests.factories import photo
from tests.parts import Site, Visitor
from tests.proxy import Proxy
from tests.running import eventually

PATIENCE = 12  # seconds; nobody waits longer for an answer, whatever is away


class Remote:
    """Web server and worker that reach database and queue through proxies of their own."""

    def __init__(self, folder: Path, url: str) -> None:
        target = make_url(url)
        self.name = str(target.database)
        self.database, self.queue = (Proxy(target.host or "127.0.0.1", target.port or 5432).start() for _ in range(2))
        far = [
            target.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
            for proxy in (self.database, self.queue)
        ]
        self.site = Site(folder, far[0], WINGCHECK_QUEUE_URL=far[1])
        self.site.sessions = make_session_factory(make_engine(url))
        self.processes = [self.site.web(), self.site.worker()]
        self.site.settle()  # what a worker does once a day is over before the first outage
        self.client = httpx2.Client(base_url=f"http://127.0.0.1:{self.site.port}", trust_env=False, timeout=60)

    def get(self, path: str) -> httpx2.Response:
        """An answer that came in time."""
        begun = time.monotonic()
        answer = self.client.get(path, headers={"Accept": "text/html"})
        assert time.monotonic() - begun < PATIENCE
        assert "Traceback" not in answer.text
        return answer

    def is_well_again(self, seed: int) -> None:
        """What is sent now is taken and screened, by the same processes."""
        eventually(lambda: self.get("/readyz").status_code == 200, "it is ready again", 90)
        visitor = Visitor(self.site, seed)
        assert visitor.send()
        visitor.close()
        self.site.settle()
        assert self.site.faults() == []
        assert [process.poll() for process in self.processes] == [None, None]


@pytest.fixture(scope="module")
def remote(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    empty(postgresql_url)
    remote = Remote(tmp_path_factory.mktemp("remote"), postgresql_url)
    yield remote
    remote.client.close()
    remote.site.close()
    remote.database.stop()
    remote.queue.stop()


def assert_clear(remote: Remote) -> None:
    """People get a page, programs a problem, machines that watch the reason; the process is alive."""
    page = remote.get("/")
    assert (page.status_code, page.headers["retry-after"]) == (503, "10")
    assert "Not available at the moment" in page.text
    begun = time.monotonic()
    sent = remote.client.post("/api/v1/submissions", files=[("file", ("1.jpg", photo(1)))], data={"claim": "unknown"})
    assert time.monotonic() - begun < PATIENCE
    assert (sent.status_code, sent.headers["retry-after"]) == (503, "10")
    assert sent.headers["content-type"] == "application/problem+json"
    ready = remote.get("/readyz")
    assert ready.status_code == 503
    assert "database can't be reached" in ready.json()["detail"]
    assert remote.get("/healthz").status_code == 200


def test_the_network_to_the_database_is_cut(remote: Remote):
    remote.database.stop()
    assert_clear(remote)
    remote.database.start()
    remote.is_well_again(seed=11)


def test_the_server_refuses_everyone(remote: Remote):
    server = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    remote.site.sessions.kw["bind"].dispose()
    with server.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {remote.name} ALLOW_CONNECTIONS false"))
        try:
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": remote.name},
            )
            assert_clear(remote)
        finally:
            connection.execute(text(f"ALTER DATABASE {remote.name} ALLOW_CONNECTIONS true"))
    server.dispose()
    remote.is_well_again(seed=12)


def test_the_queue_is_away(remote: Remote):
    """What is sent meanwhile is taken at once, and screened as soon as the queue is back."""
    remote.queue.stop()
    visitor = Visitor(remote.site, seed=13)
    begun = time.monotonic()
    token = visitor.send()
    assert token is not None
    assert time.monotonic() - begun < PATIENCE
    assert remote.get("/readyz").status_code == 200
    visitor.close()
    remote.queue.start()
    remote.is_well_again(seed=14)


def test_the_log_of_an_outage_is_short(remote: Remote):
    """The last of these tests: what all those outages left in the log is a few plain lines."""
    log = remote.site.log
    assert log.count("Error reading from queue") <= 12, log[-3000:]
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]
