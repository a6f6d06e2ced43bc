"""The message queue: huey carries the ids of job rows from the process that creates them to a worker."""

import importlib
import json
import logging
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, make_url

from app.core.db import make_private_file
from app.core.processes import MachineLock


@contextmanager
def _without(*packages: str) -> Iterator[None]:
    """Hide installed packages from an import that would load whichever it finds."""
    hidden = [name for name in packages if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # makes importing it fail
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _without("psycopg", "redis"):  # 16 MB in every process, for nothing if the queue is SQLite
    from huey import Huey
    from huey import storage as backends
    from huey.api import TaskWrapper
    from huey.consumer import Consumer
    from huey.registry import Message
    from huey.serializer import Serializer

__all__ = ["Consumer", "Dispatcher", "Huey"]

_NAME = "wingcheck"
_BACKENDS = {"sqlite", "postgresql", "redis", "rediss"}
_CONNECT_SECONDS = 5
# After a failure the queue is not tried for so long: forty requests must not each wait for a queue that hangs.
_PAUSE_SECONDS = 5
log = logging.getLogger(__name__)


class _Json(Serializer):  # type: ignore[misc]
    """Messages as JSON. Huey's own pickles would run whatever somebody else wrote into the queue."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Message:
        return Message(*json.loads(bytes(data)))


class Dispatcher:
    """A huey queue with one task, ``run_job``. A process that only sends gives no handler.

    The queue is opened at first use, so a queue that is down stops no process from starting.
    """

    def __init__(self, queue_url: str, handler: Callable[[int], None] | None = None) -> None:
        self._url = make_url(queue_url)
        if self._url.get_backend_name() not in _BACKENDS:
            raise ValueError(f"no queue for {self._url.get_backend_name()!r}: sqlite, postgresql or redis")
        self._handler = handler
        self._lock = threading.Lock()
        self._huey: Huey | None = None
        self._paused_until = 0.0

    @property
    def huey(self) -> Huey:
        """The open queue. Raises its backend's errors if it can't be reached."""
        with self._lock:
            if self._huey is None:
                self._huey = _make_huey(self._url)
                self._task = TaskWrapper(self._huey, self._run, name="run_job", retries=0)
            return self._huey

    def _run(self, job_id: int) -> None:
        if self._handler is None:
            raise RuntimeError("this process sends jobs, it does not run them")
        self._handler(job_id)

    @property
    def file(self) -> Path | None:
        """The file of an SQLite queue; None for a queue on a server."""
        return Path(self._url.database or "queue.db") if self._url.get_backend_name() == "sqlite" else None

    @property
    def name(self) -> str:
        """Its address without the password."""
        return self._url.render_as_string()

    def is_damaged(self) -> bool:
        """Whether the file of an SQLite queue is damaged."""
        return self.file is not None and bool(damage(self.file))

    def waiting(self) -> list[int]:
        """Ids of the jobs whose messages are in the queue, in their order; 0 for a message that is none of ours.

        Raises the backend's errors if the queue can't be reached.
        """
        return [_job_of(data) for data in self.huey.storage.enqueued_items()]

    def close(self) -> None:
        """Close the connection, if there is one; the next use opens another."""
        if self._huey is not None:
            self._huey.storage.close()

    def flush(self) -> None:
        """Forget every message; the sweep sends those of jobs that are still queued. Raises the backend's errors."""
        self.huey.storage.flush_queue()

    def send(self, job_id: int) -> bool:
        """Put the message into the queue. False if the queue is down; the sweep sends the job later."""
        if time.monotonic() < self._paused_until:
            return False
        try:
            assert self.huey is not None
            self._task(job_id)
        except Exception as error:  # sqlite3, psycopg and redis each raise their own; in any case the row is safe
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                with self._lock:
                    self._huey = None  # damaged: opening it again puts it aside
            log.warning("the queue can't be reached (%s); job %s waits for the sweep", error, job_id)
            return False
        return True


def _job_of(data: bytes) -> int:
    try:
        [job_id] = _Json().deserialize(data).args
    except (TypeError, ValueError):
        return 0
    return job_id if isinstance(job_id, int) else 0


def damage(path: Path) -> str:
    """What is wrong with the file of an SQLite queue, in SQLite's words; empty if nothing is, or there is no file."""
    if not path.is_file():
        return ""
    try:
        uri = f"file:{quote(str(path))}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=_CONNECT_SECONDS)) as connection:
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:  # locked, read-only, disk full: unreachable, not damaged
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if result == "ok" else str(result)


def put_aside_if_damaged(path: Path) -> Path | None:
    """Rename a damaged queue, so that a new one is made. Returns its new name.

    Its messages are lost; the sweep sends them again, because jobs are rows of the database.
    """
    lock = MachineLock(path.with_name(f"{path.name}.lock"))  # another process may have made a new one meanwhile
    while not lock.acquire():
        time.sleep(0.05)
    try:
        reason = damage(path)
        if not reason:
            return None
        aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}")
        path.rename(aside)
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    finally:
        lock.release()
    log.error("the queue %s is damaged (%s); it was put aside as %s, and a new one is made", path, reason, aside.name)
    return aside


def _make_huey(url: URL) -> Huey:
    backend = url.get_backend_name()
    if backend == "sqlite":
        path = Path(url.database or "queue.db")
        put_aside_if_damaged(path)
        make_private_file(path)
        return _huey(backends.SqliteStorage, filename=str(path))
    importlib.reload(backends)  # with its client, this time
    if backend == "postgresql":
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        return _huey(backends.PostgresStorage, dsn=dsn, connect_timeout=_CONNECT_SECONDS)
    seconds = str(_CONNECT_SECONDS)
    url = url.update_query_dict({"socket_timeout": seconds, "socket_connect_timeout": seconds})
    address = url.render_as_string(hide_password=False)
    return _huey(backends.RedisStorage, url=address)


def _huey(storage: type[backends.BaseStorage], **options: object) -> Huey:
    return Huey(_NAME, results=False, serializer=_Json(), storage_class=storage, **options)
