"""The service as a group of processes: how it starts, what it needs, and what happens when a part of it dies."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.db import reading
from app.core.tables import Job, JobKind, JobStatus
from tests import factories
from tests.running import Server, alive, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MEGABYTE = 1024 * 1024
LOST_SECONDS = 4
# A proxy that is not there: the service speaks to itself directly.
PROXY = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A service of the test's own, to be killed."""
    waiting = {"WINGCHECK_JOB_LOST_SECONDS": str(LOST_SECONDS), "WINGCHECK_SCREEN_AT_ONCE_SECONDS": "0"}
    server = Server(tmp_path, **waiting, **PROXY)
    yield server
    server.close()


@pytest.fixture(scope="module")
def slow_photo() -> bytes:
    """A drawn photo that takes long to decode: 24 megapixels as PNG."""
    return factories.encode(factories.butterfly(0, size=(6000, 4000)), "PNG", compress_level=1)


def post(server: Server, *photos: bytes, claim: str = "unknown") -> str:
    """Send a submission; its token."""
    answer = server.client.post(
        "/api/v1/submissions",
        files=[("file", (f"{number}.photo", photo)) for number, photo in enumerate(photos)],
        data={"claim": claim},
    )
    token: str = answer.raise_for_status().json()["token"]
    return token


def waiting(server: Server, token: str) -> bool:
    """Whether the verdict is still to come."""
    found: bool = server.client.get(f"/api/v1/submissions/{token}").raise_for_status().json()["waiting"]
    return found


def newest_job(server: Server) -> Job:
    """The job of the latest submission."""
    with reading(server.sessions) as session:
        return session.scalars(
            select(Job).where(Job.kind == JobKind.SCREENING).order_by(Job.id.desc())
        ).first() or pytest.fail("there is no job")


def pid(server: Server, name: str) -> int:
    """The number of a process that must be there."""
    found = server.child(name)
    assert found is not None, f"no {name} runs\n{server.log}"
    return found


def memory(pid: int, key: str) -> int:
    """Bytes: `VmRSS` now, `VmHWM` at most so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":"))


def kill(pid: int) -> None:
    """Let the process die without a word."""
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid), f"process {pid} has gone")


def test_the_web_process_starts_soon_and_stays_small(server: Server, capsys: pytest.CaptureFixture[str]):
    """It answers, never loads TensorFlow, and keeps its memory after 50 small and two 12-megapixel photos."""
    begun = time.monotonic()
    server.start()
    ready = time.monotonic() - begun
    assert server.client.get("/").status_code == 200
    assert f"http://localhost:{server.port}" in eventually(lambda: server.log, "the address is printed")

    for seed in range(50):
        answer = server.client.post("/predict", files={"file": ("small.jpg", factories.photo(seed))})
        assert answer.status_code == 200, answer.text
    large = factories.encode(factories.butterfly(0, size=(4000, 3000)), quality=92)
    for _ in range(2):
        answer = server.client.post("/predict", files={"file": ("large.jpg", large)})
        assert answer.json()["results"][0]["width"] == 4000

    web = pid(server, "serve")
    now, peak = memory(web, "VmRSS"), memory(web, "VmHWM")
    with capsys.disabled():
        print(f"\nready after {ready:.1f} s; web process {now / MEGABYTE:.0f} MB, at most {peak / MEGABYTE:.0f} MB")
    assert now < 250 * MEGABYTE
    mapped = Path(f"/proc/{web}/maps").read_text()
    assert "litert" in mapped
    assert "/tensorflow/" not in mapped
    assert "libtensorflow_" not in mapped


def test_head_keeps_a_connection_in_order(server: Server):
    server.start()
    first, second = server.client.head("/species"), server.client.get("/species")
    assert (first.status_code, first.content) == (200, b"")
    assert int(first.headers["content-length"]) == len(second.content)


def test_a_killed_worker_comes_back_and_finishes_what_waits(server: Server, slow_photo: bytes):
    """Neither the submission that it was looking at nor the one behind it is forgotten."""
    server.start()
    worker = pid(server, "worker")
    interrupted = post(server, *[slow_photo] * 4)
    eventually(lambda: newest_job(server).status is not JobStatus.QUEUED, "the worker has taken it")
    kill(worker)
    assert newest_job(server).status is JobStatus.RUNNING
    behind = post(server, factories.photo(1))
    eventually(lambda: not waiting(server, behind), "the verdict on the one that waited")
    assert pid(server, "worker") != worker
    eventually(lambda: not waiting(server, interrupted), "the verdict on the one that was interrupted")
    query = select(Job).where(Job.kind == JobKind.SCREENING).order_by(Job.id)
    with reading(server.sessions) as session:
        assert [job.attempts for job in session.scalars(query)] == [2, 1]


def test_stopping_is_orderly_and_dying_leaves_nobody_behind(server: Server, slow_photo: bytes):
    """SIGTERM lets the running job end or puts it back; after SIGKILL no child survives; each time it starts again."""
    server.start()
    token = post(server, *[slow_photo] * 4)
    eventually(lambda: newest_job(server).status is not JobStatus.QUEUED, "the worker has taken it")
    children = server.children()
    assert server.stop(signal.SIGTERM) == 0
    assert not any(map(alive, children))
    assert newest_job(server).status in {JobStatus.DONE, JobStatus.QUEUED}
    assert "Traceback" not in server.log

    server.start()
    eventually(lambda: not waiting(server, token), "the verdict after the restart")
    children = server.children()
    assert len(children) == 2
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    eventually(lambda: not any(map(alive, children)), "web server and worker have gone too")

    server.start()
    assert not waiting(server, token)
