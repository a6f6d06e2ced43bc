"""Bounded work queues: threads with a queue that refuses work early if it would have to wait too long."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from app.core.errors import Overloaded

T = TypeVar("T")
# Weight of the latest task in the moving average of durations.
_SMOOTHING = 0.1
_MAX_RETRY_SECONDS = 60


class Line:
    """Runs tasks in the order of their arrival, on a few threads. Thread-safe."""

    def __init__(
        self,
        threads: int,
        *,
        patience: float = math.inf,
        most: int | None = None,
        name: str,
        watch: Callable[[int], object] = lambda waiting: None,
    ) -> None:
        """Tasks are refused that would wait for longer than ``patience`` seconds, or when ``most`` are waiting.

        ``watch`` is called with the number of tasks that wait or run, whenever it changes.
        """
        self._threads, self._patience, self._most = threads, patience, most
        self._watch = watch
        self._lock = threading.Lock()
        self._waiting = 0
        self._seconds = 0.0
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    @property
    def waiting(self) -> int:
        """The number of tasks that wait or run."""
        return self._waiting

    @property
    def wait(self) -> float:
        """The expected wait of a new task in seconds, judged by how long tasks took lately."""
        return max(0, self._waiting + 1 - self._threads) * self._seconds / self._threads

    def check(self, count: int = 1) -> None:
        """Raise Overloaded if ``count`` more tasks would be refused now.

        A batch that alone exceeds the queue is still accepted when nothing else waits.
        """
        wait = self.wait
        is_full = self._most is not None and self._waiting > 0 and self._waiting + count > self._most
        if is_full or wait > self._patience:
            seconds = min(_MAX_RETRY_SECONDS, max(1, math.ceil(wait)))
            raise Overloaded("The server is very busy. Please try again in a moment.", seconds)

    def begin(self, tasks: Sequence[Callable[[], T]]) -> list[Future[T]]:
        """Queue all tasks, each in the caller's context (log lines carry the request's id). Raises Overloaded."""
        with self._lock:
            self.check(len(tasks))
            self._count(len(tasks))
        return [self._submit(task) for task in tasks]

    def _submit(self, task: Callable[[], T]) -> Future[T]:
        future = self._pool.submit(copy_context().run, self._run, task)
        future.add_done_callback(self._uncount_cancelled)
        return future

    def _run(self, task: Callable[[], T]) -> T:
        began = time.perf_counter()
        try:
            return task()
        finally:
            duration = time.perf_counter() - began
            with self._lock:
                self._seconds += _SMOOTHING * (duration - self._seconds) if self._seconds else duration
                self._count(-1)

    def _uncount_cancelled(self, future: Future[T]) -> None:
        if future.cancelled():  # it never ran
            with self._lock:
                self._count(-1)

    def _count(self, difference: int) -> None:
        self._waiting += difference
        self._watch(self._waiting)

    def close(self) -> None:
        """Finish running tasks and drop waiting ones."""
        self._pool.shutdown(wait=True, cancel_futures=True)
