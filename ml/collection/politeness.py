"""Not being a burden: a pace for requests, and patience when a server is busy."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from ml.collection.errors import CollectError

T = TypeVar("T")
Waiting = Callable[[float, str], None]  # seconds, why
_LONGEST_PAUSE = 60.0
_LONGEST_OBEYED = 300.0


class Stopped(Exception):
    """Someone asked to stop while a thread was waiting."""


class Busy(Exception):
    """A server did not answer properly, but may do so later. ``retry_after`` is its Retry-After header, if it sent one."""

    def __init__(self, reason: str, retry_after: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Pace:
    """At least ``interval`` seconds between two requests to one server, counted over all threads that share it."""

    def __init__(self, interval: float, stop: threading.Event) -> None:
        self._interval = interval
        self._stop = stop
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Wait for one's turn. Raises Stopped."""
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
        if (seconds := turn - time.monotonic()) > 0:
            self._stop.wait(seconds)
        if self._stop.is_set():
            raise Stopped

    def hold(self, seconds: float) -> None:
        """Nobody asks this server for so many seconds."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


class Patience:
    """How often to ask a busy server again, and how long to wait before: urllib3's schedule.

    urllib3 itself would apply it to a response's status alone, in one thread, and sleep through a stop. Here it also covers
    answers that are cut short or not what they should be, and holds back all threads that share a pace.
    """

    def __init__(
        self, pace: Pace, attempts: int = 5, first: float = 2.0, waiting: Waiting = lambda _seconds, _why: None
    ) -> None:
        """Pauses of ``first`` seconds, and up to half as much by chance, then twice that and so on, 60 seconds at most;
        ``waiting`` is told of each.
        """
        self._pace, self.attempts, self._waiting = pace, attempts, waiting
        schedule = Retry(
            attempts, backoff_factor=first / 2, backoff_jitter=first / 2, backoff_max=max(_LONGEST_PAUSE, first)
        )
        self._schedule = schedule.increment()  # urllib3 does not wait after the very first failure

    def call(self, action: Callable[[], T]) -> T:
        """``action()`` when its turn comes, and again whenever it raises Busy.

        Raises:
            Busy: it still is after the last attempt.
            CollectError: the server asks for a longer pause than is obeyed.
            Stopped: someone asked to stop.
        """
        schedule = self._schedule
        while True:
            self._pace.wait()
            try:
                return action()
            except Busy as busy:
                try:
                    schedule = schedule.increment()
                except MaxRetryError:
                    raise busy from None
                seconds = _asked_for(busy, schedule) or schedule.get_backoff_time()
                self._waiting(seconds, busy.reason)
                self._pace.hold(seconds)


def _asked_for(busy: Busy, schedule: Retry) -> float | None:
    """Seconds that the server asks for, None where it names no usable time. Raises CollectError where they are too many."""
    try:
        seconds = schedule.parse_retry_after(busy.retry_after) if busy.retry_after else None
    except InvalidHeader:
        return None
    if seconds is not None and seconds > _LONGEST_OBEYED:
        raise CollectError(
            f"The server asks for {seconds:.0f} seconds of quiet ({busy.reason}). "
            "Run the same command again after that: it continues where it stopped."
        )
    return seconds
