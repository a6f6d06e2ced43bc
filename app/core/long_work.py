"""How work in the background stands, as its job tells: work has no state of its own."""

import threading
from abc import ABC, abstractmethod
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from app.core import jobs
from app.core.db import utcnow
from app.core.processes import MachineLock
from app.core.tables import Job, JobStatus


class RunState(StrEnum):
    """How a run stands. WAITING: for its turn, or for a worker; LOST: its worker is gone, another will go on with it."""

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


class LongWork(ABC):
    """A kind of such work. A worker calls ``try_to_begin`` first, and ``end`` after ``run``."""

    def __init__(self, lock_file: Path) -> None:
        """``lock_file``: held while it is done, also by a process that outlives its worker."""
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
        """The worker stops; what is under way writes down where it is."""
        self._leaving.set()
