"""The service as people run it: `wingcheck run` as a process, with its web server and its worker as children."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import httpx2

from app.core.db import SessionFactory, make_engine, make_session_factory

T = TypeVar("T")


def eventually(condition: Callable[[], T], what: str, seconds: float = 60) -> T:
    """What `condition` gives as soon as that is true. Fails, and says on what, when it never is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.05)
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*arguments: str) -> list[str]:
    """The command line that a `wingcheck` command is."""
    return [sys.executable, "-m", "app", *arguments]


def environment(data: Path, **settings: str) -> dict[str, str]:
    """This machine's environment without its Wingcheck settings, but with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WINGCHECK_")}
    return kept | {"WINGCHECK_DATA_DIR": str(data), "COLUMNS": "200", **settings}


class Server:
    """`wingcheck run`, with one web process unless settings say otherwise, on a free port. It may be stopped and started again
    on the same data folder and port. ``{url}`` in a setting is its own address.
    """

    what = "run"

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx2.Client(base_url=self.url, trust_env=False, timeout=180)
        self._arguments = arguments
        self._settings = {"WINGCHECK_PROCESSES": "1", "WINGCHECK_HUNG_SECONDS": "600"}
        self._settings |= {"WINGCHECK_SUBMISSION_WAIT_SECONDS": "60"}  # nothing is refused on a busy machine
        self._settings |= {name: value.replace("{url}", self.url) for name, value in settings.items()}
        self._log = folder / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Server":
        """Start, and wait until it takes submissions."""
        self.begin()
        eventually(self._answers, f"the server is ready\n{self.log}", 120)
        if self.what == "run":
            eventually(lambda: self.child("worker"), "the worker runs")
        return self

    def begin(self) -> None:
        """Start, and wait for nothing."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command(self.what, "--port", str(self.port), *self._arguments),
                cwd=self.folder,  # not the checkout: a settings file there is none of our business
                env=environment(self.data, **self._settings),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server did not start\n{self.log}"
        try:
            return self.client.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Send the signal and wait for the end; the exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(60)

    def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        self.client.close()
        if self.process is not None and self.process.poll() is None:
            for child in self.children():
                resume(child)
            self.stop()

    @property
    def log(self) -> str:
        """What all its processes printed so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def children(self) -> list[int]:
        """The process numbers of web server and worker, as far as they run."""
        assert self.process is not None
        return [pid for pid in _processes() if _parent(pid) == self.process.pid and alive(pid)]

    def child(self, name: str) -> int | None:
        """The process number of `serve` or `worker`."""
        return next(iter(self.all_children(name)), None)

    def all_children(self, name: str) -> list[int]:
        """The process numbers of all that are `serve`, or `worker`."""
        return [pid for pid in self.children() if name in _command_line(pid)]

    def pause_worker(self) -> int:
        """Let the worker stand still between two jobs; its process number, to let it go on with `resume`."""
        worker = self.child("worker")
        assert worker is not None, f"no worker runs\n{self.log}"

        def stands_without_a_lock() -> bool:
            pause(worker)
            if all(_writable(self.data / name) for name in ("wingcheck.db", "queue.db")):
                return True
            resume(worker)
            return False

        eventually(stands_without_a_lock, "the worker stands still and locks nothing")
        return worker

    @cached_property
    def sessions(self) -> SessionFactory:
        """Sessions on the server's database, to see what it kept."""
        return make_session_factory(make_engine(f"sqlite:///{self.data / 'wingcheck.db'}"))


def _writable(database: Path) -> bool:
    """Whether nobody holds the lock for writing."""
    try:
        with closing(sqlite3.connect(database, timeout=0.2, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    return True


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """State, parent and so on; empty for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parent(pid: int) -> int | None:
    stat = _stat(pid)
    return int(stat[1]) if stat else None


def alive(pid: int) -> bool:
    """Whether the process runs or could run: a zombie does not."""
    return _stat(pid)[:1] not in ([], ["Z"], ["X"])


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def pause(pid: int) -> None:
    """Stop a process where it stands, so that a moment lasts."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: _stat(pid)[:1] == ["T"], f"process {pid} stands still")


def resume(pid: int) -> None:
    """Let it go on."""
    os.kill(pid, signal.SIGCONT)
