"""Signals of a terminal, and the death of a part, as `wingcheck run` meets them."""

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.db import reading
from app.core.tables import WorkerBeat
from tests.app.sending import post, token_of
from tests.factories import photo
from tests.running import Server, alive, command, environment, eventually, free_port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server.start()
    server.close()


def test_ctrl_c_reaches_the_supervisor_alone_which_stops_both(server: Server):
    """A terminal signals a process group: a worker in it would die first, and be started again for nothing."""
    assert server.process is not None
    children = server.children()
    groups = {os.getpgid(pid) for pid in (server.process.pid, *children)}
    assert len(children) == 2
    assert len(groups) == 3
    assert server.stop(signal.SIGINT) == 0
    assert not any(map(alive, children))
    assert server.log.count("Stopping.") == 1
    assert "starting it again" not in server.log
    assert "Traceback" not in server.log


def test_a_web_server_that_dies_is_started_again(server: Server):
    web, worker = server.child("serve"), server.child("worker")
    assert web is not None
    eventually(lambda: "Wingcheck is ready" in server.log, "the supervisor knows that it was ready")
    os.kill(web, signal.SIGKILL)
    eventually(lambda: server.child("serve") not in {None, web}, "another one runs")
    assert server.client.get("/readyz").status_code == 200  # it waits at the port until somebody answers
    assert server.child("worker") == worker
    assert "The web server was killed (SIGKILL); starting it again in 1 s." in server.log
    assert "Wingcheck is ready" in server.log
    assert server.log.count("Wingcheck is ready") == 1


def worker_moves(server: Server) -> bool:
    with reading(server.sessions) as session:
        return session.scalar(select(WorkerBeat.beat_at)) is not None


def test_readiness_says_that_the_worker_hangs(tmp_path: Path):
    server = Server(tmp_path, WINGCHECK_HUNG_SECONDS="600")
    try:
        server.start()
        worker = server.child("worker")
        assert worker is not None
        eventually(lambda: worker_moves(server), "everything moves")
        os.kill(worker, signal.SIGSTOP)
        eventually(lambda: server.client.get("/readyz").status_code == 503, "readiness knows")
        assert "No worker has responded" in server.client.get("/readyz").json()["detail"]
        os.kill(worker, signal.SIGCONT)
        eventually(lambda: server.client.get("/readyz").status_code == 200, "it moves again")
    finally:
        server.close()


@pytest.mark.parametrize("when", ["at the start", "while it runs"])
def test_a_damaged_queue_is_put_aside(tmp_path: Path, when: str):
    """Otherwise nothing would be screened ever again."""
    server = Server(tmp_path, WINGCHECK_SCREEN_AT_ONCE_SECONDS="0")
    queue = server.data / "queue.db"
    try:
        if when == "while it runs":
            server.start()
            worker = server.child("worker")
        server.data.mkdir(exist_ok=True)
        for ending in ("-wal", "-shm"):
            queue.with_name(queue.name + ending).unlink(missing_ok=True)
        queue.write_bytes(b"no database at all" * 1000)
        if when == "at the start":
            server.start()
        else:
            eventually(lambda: server.child("worker") not in {None, worker}, "the worker begins anew")
        token = token_of(post(server.client, photo(1)))
        eventually(lambda: server.client.get(f"/api/v1/submissions/{token}").json()["verdict"], "it is screened")
        assert list(server.data.glob("queue.db.damaged-*"))
        assert "is damaged" in server.log
    finally:
        server.close()


def test_a_terminal_that_is_closed_ends_the_run(tmp_path: Path):
    """SIGHUP means to replace every process, but not where it says that the terminal has gone."""
    here, there = pty.openpty()
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command("run", "--port", str(free_port()), "--processes", "1"),
            cwd=tmp_path,
            env=environment(tmp_path / "data"),
            stdin=there,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: _take_terminal(there),
        )
    try:
        os.close(there)
        eventually(lambda: "Wingcheck is ready" in log.read_text(), f"it is ready\n{log.read_text()}", 120)
        os.kill(process.pid, signal.SIGHUP)
        eventually(lambda: "Every process was replaced." in log.read_text(), "SIGHUP alone replaces", 120)
        os.close(here)
        assert process.wait(180) == 0
        assert "Stopping." in log.read_text()
    finally:
        process.kill()
        process.wait()


def _take_terminal(terminal: int) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # also where the tests run under nohup
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
