"""Work in the background that takes hours, in a process of its own: its row, its place in the queue, the worker's part."""

import logging
import shutil
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from sqlalchemy import ForeignKey, Integer, String, Text, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Mapped, Session, declared_attr, mapped_column, relationship

from app.core import jobs
from app.core.db import SessionFactory, UtcDateTime, reading, transaction, utcnow
from app.core.errors import Conflict, WingcheckError
from app.core.processes import Child, MachineLock, read_output
from app.core.settings import Settings
from app.core.tables import Job, JobKind, JobStatus

log = logging.getLogger(__name__)
PAGE = 50
OPEN = (JobStatus.QUEUED, JobStatus.RUNNING)
_POLL_SECONDS = 0.5
_LONGEST_REASON = 1000


class RunState(StrEnum):
    """How work stands. WAITING: for its turn, or for a worker; LOST: its worker is gone, another one will continue."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    LOST = "lost"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {RunState.DONE, RunState.FAILED, RunState.CANCELLED}


_ENDS = {
    JobStatus.QUEUED: RunState.WAITING,
    JobStatus.DONE: RunState.DONE,
    JobStatus.FAILED: RunState.FAILED,
    JobStatus.CANCELLED: RunState.CANCELLED,
}


def state_of(job: Job, lost_after: timedelta = jobs.LOST_AFTER) -> RunState:
    """How the work of this job stands. Without a heartbeat for ``lost_after`` it has lost its worker."""
    if job.status is not JobStatus.RUNNING:
        return _ENDS[job.status]
    if job.heartbeat_at is None or abs(utcnow() - job.heartbeat_at) > lost_after:
        return RunState.LOST
    return RunState.STOPPING if job.cancel_requested else RunState.RUNNING


# --- rows -------------------------------------------------------------------------------------------------------------


class LongWorkRow:
    """Columns of every kind of long work. Its state is that of its job."""

    UNWATCHED: ClassVar[frozenset[str]] = frozenset()
    """Columns that change all the time; a change in nothing else is not worth showing."""

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), unique=True)
    revision: Mapped[int] = mapped_column(Integer, default=0, doc="counts changes, for whoever watches")
    phase: Mapped[str] = mapped_column(String(40), default="waiting")
    log: Mapped[str] = mapped_column(Text, default="", doc="the end of what the process printed")
    machine: Mapped[str] = mapped_column(String(100), default="")
    process_group: Mapped[int | None] = mapped_column(Integer, doc="while its process runs")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    @declared_attr
    def job(self) -> Mapped[Job]:
        """The job that does the work."""
        return relationship(lazy="joined")

    def state(self, lost_after: timedelta = jobs.LOST_AFTER) -> RunState:
        """How it stands; see ``state_of``."""
        return state_of(self.job, lost_after)

    def touch(self) -> None:
        """Have pages that show it refresh."""
        self.revision += 1

    def differs(self, values: dict[str, Any]) -> bool:
        """Whether any of these columns has another value."""
        return any(getattr(self, name) != value for name, value in values.items())

    def note(self, **values: Any) -> None:
        """Set columns, and count the change where there is one."""
        watched = {name: value for name, value in values.items() if name not in self.UNWATCHED}
        if self.differs(watched):
            self.touch()
        for name, value in values.items():
            setattr(self, name, value)


Row = TypeVar("Row", bound=LongWorkRow)


def newest(session: Session, table: type[Row], before: int | None = None, size: int = PAGE) -> list[Row]:
    """Rows, the newest first. ``before``: a number, for the page that follows it."""
    query = select(table).order_by(table.id.desc()).limit(size)
    return list(session.scalars(query if before is None else query.where(table.id < before)))


def waiting_before(session: Session, table: type[LongWorkRow]) -> dict[int, int]:
    """How many others are running or waiting ahead of each row that waits, by its number."""
    query = select(table.id, Job.status).join(Job, table.job_id == Job.id).where(Job.status.in_(OPEN))
    rows = session.execute(query.order_by(table.id)).all()
    running = sum(status is JobStatus.RUNNING for _, status in rows)
    waiting = [number for number, status in rows if status is JobStatus.QUEUED]
    return {number: running + place for place, number in enumerate(waiting)}


def queue(session: Session, kind: JobKind, row: Any) -> Job:
    """Add the row with its job. The message follows the commit; until then the sweep leaves the job alone."""
    job = jobs.create(session, kind, 0, sent_at=utcnow())
    row.job = job
    session.add(row)
    session.flush()
    job.subject_id = row.id
    return job


def cancel(session: Session, work: LongWorkRow, refusal: str) -> bool:
    """Ask for its end: at once where it waits, within seconds where it runs. False where that was asked before.

    Raises Conflict with the text ``refusal`` where it is done or failed.
    """
    if work.job.status in {JobStatus.DONE, JobStatus.FAILED}:
        raise Conflict(refusal)
    if not jobs.cancel(session, work.job):
        return False
    work.touch()
    return True


def retry(work: LongWorkRow, refusal: str) -> None:
    """Queue what failed or was cancelled again; it continues where it was. Raises Conflict with the text ``refusal``."""
    if work.job.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
        raise Conflict(refusal)
    jobs.revive(work.job)
    work.phase = "waiting"
    work.touch()


# --- the worker's part ------------------------------------------------------------------------------------------------


class WorkFolder:
    """A folder in which a process works. What it prints goes to ``printed``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.printed = path / "log.txt"

    def log(self) -> str:
        """The end of what the process printed."""
        return read_output(self.printed)

    def last_line(self) -> str:
        """The last line that it printed: why it failed, where it did."""
        lines = [line for line in self.log().splitlines() if line.strip()]
        return lines[-1][:_LONGEST_REASON] if lines else ""

    def remove(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)


class Cancelled(Exception):
    """Somebody cancelled the work."""


class LongWork(ABC):
    """A kind of long work. A worker calls ``try_to_begin`` before ``run``, and ``end`` after it."""

    def __init__(self, sessions: SessionFactory, settings: Settings, lock_file: Path) -> None:
        """``lock_file``: held during the work, also by a process that outlives its worker."""
        self._sessions = sessions
        self._settings = settings
        self._lock = MachineLock(lock_file)
        self._leaving = threading.Event()

    def try_to_begin(self) -> bool:
        """Whether none of this kind is on this machine, nor the process of one that lost its worker."""
        return not self._leaving.is_set() and self._lock.acquire()

    @abstractmethod
    def run(self, job_id: int, subject_id: int, /) -> None:
        """Do the work and finish the job."""

    def end(self) -> None:
        """Another one may begin."""
        self._lock.release()

    def leave(self) -> None:
        """The worker stops; what is under way saves where it is."""
        self._leaving.set()

    @contextmanager
    def _process(
        self, arguments: Sequence[str], output: Path, environment: dict[str, str] | None = None
    ) -> Iterator[Child]:
        """A `wingcheck` command in a process group of its own, which is killed at the end of the block."""
        child = Child(*arguments, environment=environment, output=output, keeps=(self._lock.handle,))
        try:
            yield child
        finally:
            child.kill_group()

    def _check_leaving(self) -> None:
        if self._leaving.is_set():
            raise jobs.Interrupted("The worker leaves.", "worker_leaves")


class WatchedWork(LongWork):
    """Long work whose progress is written into its row. A database that is away stops no process."""

    table: type[LongWorkRow]

    def _note(self, work_id: int, **values: Any) -> None:
        with reading(self._sessions) as session:
            if not session.get_one(self.table, work_id).differs(values):
                return
        with transaction(self._sessions) as session:
            session.get_one(self.table, work_id).note(**values)

    def _check_job(self, job_id: int, *, heed_cancel: bool = True) -> None:
        """Raises Cancelled, or jobs.Interrupted where another worker took the job over."""
        with outage_survived("work"), reading(self._sessions) as session:
            job = session.get_one(Job, job_id)
            if heed_cancel and job.cancel_requested:
                raise Cancelled
            if job.status is not JobStatus.RUNNING:
                raise jobs.Interrupted("Another worker took over.", "taken_over")


@contextmanager
def outage_survived(what: str) -> Iterator[None]:
    """Skip the rest of the block while the database can't be reached."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        log.warning("%s continues without a database: %s", what, error.orig)


def polls(child: Child) -> Iterator[float]:
    """The seconds since the poll before, twice a second as long as the process runs."""
    before = time.monotonic()
    while child.exit_code is None:
        time.sleep(_POLL_SECONDS)
        now = time.monotonic()
        yield now - before
        before = now


Failure = TypeVar("Failure", bound=WingcheckError)


def failure(kind: type[Failure], child: Child, reason: str = "") -> Failure:
    """The error for a process that did not end well: the reason that it gave itself, or else how it ended."""
    code = child.process.returncode
    if reason and code is not None and code > 0:
        return kind(reason)
    return kind(f"The process {child.ending}.", **child.ending_as_problem)
