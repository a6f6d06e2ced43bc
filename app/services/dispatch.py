"""The messenger: huey carries the ids of job rows from whoever creates them to a worker."""

import logging
from collections.abc import Callable
from pathlib import Path

from huey import Huey, PostgresHuey, RedisHuey, SqliteHuey
from huey.api import TaskWrapper
from sqlalchemy import make_url

_NAME = "wingcheck"
log = logging.getLogger(__name__)


class Dispatcher:
    """A huey queue with one task, ``run_job``. A process that only sends gives no handler."""

    def __init__(self, queue_url: str, handler: Callable[[int], None] | None = None) -> None:
        self.huey = _make_huey(queue_url)
        self._handler = handler
        self._task = TaskWrapper(self.huey, self._run, name="run_job", retries=0)

    def _run(self, job_id: int) -> None:
        if self._handler is None:
            raise RuntimeError("this process sends jobs, it does not run them")
        self._handler(job_id)

    def send(self, job_id: int) -> bool:
        """Put the message into the queue; False when the queue is down, and then the sweep sends it later."""
        try:
            self._task(job_id)
        except Exception:  # sqlite3, psycopg and redis each raise their own; whatever it is, the job row is safe
            log.warning("the queue can't be reached; job %s waits for the sweep", job_id, exc_info=True)
            return False
        return True


def _make_huey(queue_url: str) -> Huey:
    url = make_url(queue_url)
    backend = url.get_backend_name()
    if backend == "sqlite":
        path = Path(url.database or "queue.db")
        path.parent.mkdir(parents=True, exist_ok=True)
        return SqliteHuey(_NAME, filename=str(path), results=False)
    if backend == "postgresql":
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgresHuey(_NAME, dsn=dsn, results=False)
    if backend in {"redis", "rediss"}:
        return RedisHuey(_NAME, url=queue_url, results=False)
    raise ValueError(f"no queue for {backend!r}: sqlite, postgresql or redis")
