"""Work that takes minutes or hours: each kind is done one at a time on a machine, by whichever worker begins it."""

import threading
from abc import ABC, abstractmethod
from pathlib import Path

from app.processes import MachineLock


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
