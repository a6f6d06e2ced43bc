"""The message queue: huey carries the ids of job rows from the process that creates them to a worker."""

import importlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url


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

__all__ = ["Consumer", "Dispatcher", "Huey"]

_NAME = "wingcheck"
_BACKENDS = {"sqlite", "postgresql", "redis", "rediss"}
_CONNECT_SECONDS = 5
# After a failure the queue is not tried for so long: forty requests must not each wait for a queue that hangs.
_PAUSE_SECONDS = 5
log = logging.getLogger(__name__)


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

    def send(self, job_id: int) -> bool:
        """Put the message into the queue. False if the queue is down; the sweep sends the job later."""
        if time.monotonic() < self._paused_until:
            return False
        try:
            assert self.huey is not None
            self._task(job_id)
        except Exception as error:  # sqlite3, psycopg and redis each raise their own; in any case the row is safe
            self._paused_until = time.monotonic() + _PAUSE_SECONDS
            log.warning("the queue can't be reached (%s); job %s waits for the sweep", error, job_id)
            return False
        return True


def _make_huey(url: URL) -> Huey:
    backend = url.get_backend_name()
    if backend == "sqlite":
        path = Path(url.database or "queue.db")
        path.parent.mkdir(parents=True, exist_ok=True)
        return Huey(_NAME, results=False, storage_class=backends.SqliteStorage, filename=str(path))
    importlib.reload(backends)  # with its client, this time
    if backend == "postgresql":
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        postgresql = backends.PostgresStorage
        return Huey(_NAME, results=False, storage_class=postgresql, dsn=dsn, connect_timeout=_CONNECT_SECONDS)
    seconds = str(_CONNECT_SECONDS)
    url = url.update_query_dict({"socket_timeout": seconds, "socket_connect_timeout": seconds})
    address = url.render_as_string(hide_password=False)
    return Huey(_NAME, results=False, storage_class=backends.RedisStorage, url=address)
