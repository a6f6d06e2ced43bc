"""Not being a burden: a pace for requests, and patience when a server is busy."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from ml.collection.errors import CollectError

T = TypeVar("T")
Waiting = Callable[[float, str], None]  # seconds, why


class Stopped(Exception):
    """Someone asked to stop while a thread was waiting."""


class Busy(Exception):
    """A server did not answer properly, but may do so later.

    ``retry_after`` is in seconds, None where the server named no time.
    """

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.retry_after = retry_after


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, in either of its two forms; None without a usable one."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


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
        self.sleep(turn - time.monotonic())

    def hold(self, seconds: float) -> None:
        """Nobody asks this server for so many seconds."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def sleep(self, seconds: float) -> None:
        """Sleep, but not through a stop. Raises Stopped."""
        if seconds > 0:
            self._stop.wait(seconds)
        if self._stop.is_set():
            raise Stopped


@dataclass(frozen=True)
class Patience:
    """How often to ask again, and how long to wait before.

    Waits double from ``first`` seconds up to ``longest``, and each is drawn between a half and the whole of that, so
    that several collectors don't knock in step. A server's own Retry-After is obeyed up to ``longest_obeyed`` seconds;
    a server that wants longer ends the run instead.
    """

    attempts: int = 5
    first: float = 2.0
    longest: float = 60.0
    longest_obeyed: float = 300.0

    def call(self, action: Callable[[], T], pace: Pace, waiting: Waiting) -> T:
        """``action()``, again whenever it raises Busy.

        Raises:
            Busy: it still is after the last attempt.
            CollectError: the server asks for a longer wait than is obeyed.
        """
        for attempt in range(1, self.attempts + 1):
            pace.wait()
            try:
                return action()
            except Busy as busy:
                if attempt == self.attempts:
                    raise
                seconds = self._seconds(attempt, busy)
                waiting(seconds, busy.what)
                pace.hold(seconds)
        raise AssertionError("attempts is at least 1")

    def _seconds(self, attempt: int, busy: Busy) -> float:
        if busy.retry_after is None:
            return min(self.longest, self.first * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)
        if busy.retry_after > self.longest_obeyed:
            raise CollectError(
                f"The server asks for {busy.retry_after:.0f} seconds of quiet ({busy.what}). "
                "Run the same command again after that: it continues where it stopped."
            )
        return busy.retry_after + random.uniform(0.0, 0.1 * self.first)
