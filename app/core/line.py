"""Work that may come faster than it is done: threads with a queue that turns people away before they wait in vain."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from app.core.errors import Overloaded

T = TypeVar("T")
# How much the latest piece of work says about how long one takes.
_NEWEST = 0.1
_LONGEST_RETRY = 60


class Line:
    """Does work in the order in which it came, on a few threads. Thread-safe."""

    def __init__(
        self,
        threads: int,
        *,
        patience: float = math.inf,
        most: int | None = None,
        name: str,
        watch: Callable[[int], object] = lambda waiting: None,
    ) -> None:
        """Whoever would wait for longer than ``patience`` seconds is turned away, and whoever comes when ``most`` wait.

        ``watch`` is told how much waits or is being done, whenever that changes.
        """
        self._threads, self._patience, self._most = threads, patience, most
        self._watch = watch
        self._lock = threading.Lock()
        self._waiting = 0
        self._seconds = 0.0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    @property
    def waiting(self) -> int:
        """Pieces of work that wait or are being done."""
        return self._waiting

    @property
    def wait(self) -> float:
        """About how many seconds whoever comes now waits until it is their turn, judged by how long work took lately."""
        return max(0, self._waiting + 1 - self._threads) * self._seconds / self._threads

    def check(self, wanted: int = 1) -> None:
        """Raise Overloaded where so much more can't be taken now.

        What alone is more than the queue takes is still done when nothing else waits.
        """
        wait = self.wait
        full = self._most is not None and self._waiting > 0 and self._waiting + wanted > self._most
        if full or wait > self._patience:
            seconds = min(_LONGEST_RETRY, max(1, math.ceil(wait)))
            raise Overloaded("The server is very busy. Please try again in a moment.", seconds)

    def begin(self, work: Sequence[Callable[[], T]]) -> list[Future[T]]:
        """Have all of it done, each in the context of whoever calls (log lines carry the request's id). Raises Overloaded."""
        with self._lock:
            self.check(len(work))
            self._count(len(work))
        return [self._submit(each) for each in work]

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        future = self._pool.submit(copy_context().run, self._do, work)
        future.add_done_callback(self._forget)
        return future

    def _do(self, work: Callable[[], T]) -> T:
        begun = time.perf_counter()
        try:
            return work()
        finally:
            took = time.perf_counter() - begun
            with self._lock:
                self._seconds += _NEWEST * (took - self._seconds) if self._seconds else took
                self._count(-1)

    def _forget(self, future: Future[T]) -> None:
        if future.cancelled():  # so it was never done
            with self._lock:
                self._count(-1)

    def _count(self, more: int) -> None:
        self._waiting += more
        self._watch(self._waiting)

    def close(self) -> None:
        """Finish what is being done, and forget the rest."""
        self._pool.shutdown(wait=True, cancel_futures=True)
