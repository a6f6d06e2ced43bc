"""The parts of a service as processes of their own, to be killed one by one: `wingcheck serve` and `wingcheck worker`."""

import hashlib
import signal
import subprocess
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import inspect, text

from app.core.db import SessionFactory, make_engine, make_session_factory
from tests.factories import photo
from tests.running import alive, command, environment, eventually, free_port
from tests.wholeness import faults, leftovers, working

LOST_SECONDS = 3
STOP_SECONDS = 60


class Site:
    """A database, a data folder, and whatever processes run on them."""

    def __init__(self, folder: Path, database_url: str, **settings: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.url = database_url
        self.port = free_port()
        self.sessions: SessionFactory = make_session_factory(make_engine(database_url))
        self._settings = {
            "WINGCHECK_DATABASE_URL": database_url,
            "WINGCHECK_JOB_LOST_SECONDS": str(LOST_SECONDS),
            "WINGCHECK_SECRET_KEY": "only-for-tests",
            "WINGCHECK_PROCESSES": "1",
            "WINGCHECK_SCREEN_AT_ONCE_SECONDS": "0",
        } | settings
        if database_url.startswith("postgresql"):
            self._settings.setdefault("WINGCHECK_QUEUE_URL", database_url)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def files(self) -> Path:
        """Where the photos lie."""
        return self.data / "photos"

    @property
    def log(self) -> str:
        """What all processes printed so far."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def worker(self, crash_at: str = "") -> subprocess.Popen[bytes]:
        """Start a worker that dies at the named moment."""
        return self._start("worker", crash_at=crash_at)

    def web(self, crash_at: str = "", port: int | None = None, *, at_once: bool = False) -> subprocess.Popen[bytes]:
        """Start a web server that dies at the named moment, and wait until it is ready; on another port than the first's.

        ``at_once``: it screens what it takes instead of leaving that to a worker.
        """
        port = port or self.port
        more = {"WINGCHECK_SCREEN_AT_ONCE_SECONDS": "60"} if at_once else {}
        process = self._start("serve", "--port", str(port), "--no-prepare", crash_at=crash_at, **more)
        eventually(lambda: self._ready(process, port), f"the web server is ready\n{self.log}")
        return process

    def _start(self, *arguments: str, crash_at: str, **more: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command(*arguments),
                cwd=self.folder,
                env=environment(self.data, WINGCHECK_CRASH_AT=crash_at, **(self._settings | more)),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def _ready(self, process: subprocess.Popen[bytes], port: int) -> bool:
        assert process.poll() is None, f"it did not start\n{self.log}"
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=10).status_code == 200
        except httpx2.TransportError:
            return False

    def settle(self, seconds: float = 90) -> None:
        """Wait until every job is at its end."""
        eventually(lambda: working(self.sessions) == 0, f"all jobs are done\n{self.log[-3000:]}", seconds)

    def faults(self, *, settled: bool = True) -> list[str]:
        """What is half there, or twice."""
        return faults(self.sessions, self.files, settled=settled)

    def leftovers(self) -> set[str]:
        """Files that no row needs."""
        return leftovers(self.sessions, self.files)

    def close(self) -> None:
        """Stop what runs; fails, with nothing left, where something did not stop by itself."""
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        late = [process for process in self._processes if not _ended(process)]
        for process in late:
            process.kill()
            process.wait()
        engine = self.sessions.kw["bind"]
        if inspect(engine).has_table("huey_task"):  # the queue was in the database, which other tests will use
            with engine.begin() as connection:
                connection.execute(text("TRUNCATE huey_task"))
        engine.dispose()
        assert not late, f"{[process.args for process in late]} did not stop\n{self.log[-3000:]}"


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop it in the orderly way."""
    if process.poll() is None:
        process.terminate()
        process.wait(STOP_SECONDS)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    return process.returncode is not None


def was_killed(process: subprocess.Popen[bytes]) -> bool:
    """Wait for its end; whether it was SIGKILL, as a crash point sends."""
    eventually(lambda: process.poll() is not None, "the process dies at its crash point", 90)
    assert not alive(process.pid)
    return process.returncode == -signal.SIGKILL


@dataclass
class Visitor:
    """A volunteer with a browser: one cookie, one form with its key, two photos that nobody else has."""

    site: Site
    seed: int
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        url = f"http://127.0.0.1:{self.site.port}"
        self._browser = httpx2.Client(base_url=url, trust_env=False, timeout=60)
        self._browser.get("/").raise_for_status()
        self.photos = [photo(self.seed * 10 + number) for number in range(2)]

    @property
    def hashes(self) -> list[str]:
        """What the photos are known by."""
        return [hashlib.sha256(data).hexdigest() for data in self.photos]

    def close(self) -> None:
        self._browser.close()

    def turn_to(self, port: int) -> None:
        """Go on with another web server of the same site."""
        self._browser.base_url = httpx2.URL(f"http://127.0.0.1:{port}")

    def send(self) -> str | None:
        """Send the form; the token of the submission, or None where no answer came."""
        files = [("file", (f"{number}.jpg", data, "image/jpeg")) for number, data in enumerate(self.photos)]
        answer = self._post("/submissions", files=files, data={"claim": "unknown", "idempotency_key": self.key})
        return None if answer is None else answer.headers["location"].removeprefix("/s/").removesuffix("?again=1")

    def reconsider(self, token: str, claim: str) -> bool:
        """Change the claim; whether an answer came."""
        return self._post(f"/s/{token}/claim", data={"claim": claim}) is not None

    def move(self, token: str, square: str) -> bool:
        """Move the square of the first photo; whether an answer came."""
        return self._post(f"/s/{token}/photos/1/square", data={"square": square}) is not None

    def withdraw(self, token: str) -> bool:
        """Withdraw; whether an answer came."""
        return self._post(f"/s/{token}/withdraw") is not None

    def _post(self, path: str, **content: object) -> httpx2.Response | None:
        try:
            answer = self._browser.post(path, **content)
        except httpx2.TransportError:
            return None
        assert answer.status_code == 303, answer.text
        return answer
