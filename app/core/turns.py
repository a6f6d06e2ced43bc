"""Whose turn it is: a queue for what only one may do at a time, in order of arrival, also between processes of a machine."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.processes import MachineLock

_LOOK_SECONDS = 0.001
# Whoever follows somebody of the same process lets others go first, who can only look whether it is their turn.
_AFTER_YOU_SECONDS = 0.004


class Turns:
    """Threads of a process queue, and the first of them waits for the first of every other process. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """``path``: a file that the processes share; whoever dies loses its turn."""
        self._between = MachineLock(path)
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()  # each locked until it is first

    @contextmanager
    def turn(self, deadline: float) -> Iterator[bool]:
        """Wait for the turn until ``deadline`` (of ``time.monotonic``); whether it came. It ends with the block."""
        mine = threading.Lock()
        mine.acquire()
        with self._lock:
            self._waiting.append(mine)
            if self._waiting[0] is mine:
                mine.release()
        try:
            yield self._comes(mine, deadline)
        finally:
            with self._lock:
                if self._waiting[0] is mine:
                    self._between.release()
                    if len(self._waiting) > 1:
                        self._waiting[1].release()
                self._waiting.remove(mine)

    def _comes(self, mine: threading.Lock, deadline: float) -> bool:
        if not mine.acquire(blocking=False):
            if not mine.acquire(timeout=max(0.0, deadline - time.monotonic())):
                return False
            time.sleep(_AFTER_YOU_SECONDS)
        while not self._between.acquire():
            if time.monotonic() > deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        return True
