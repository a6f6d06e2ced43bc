"""Signals of a terminal, and the death of a part, as `wingcheck run` meets them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Server, alive, eventually


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


def test_a_web_server_that_dies_ends_the_run_with_a_message(server: Server):
    assert server.process is not None
    children, web = server.children(), server.child("serve")
    assert web is not None
    os.kill(web, signal.SIGKILL)
    assert server.process.wait(40) == 1
    assert "The web server was killed (SIGKILL); its last messages stand above. Stopping." in server.log
    eventually(lambda: not any(map(alive, children)), "the worker has gone too")
