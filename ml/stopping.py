"""Stopping a run when it is asked to: SIGTERM and Ctrl-C end it in good order, a second one at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

# What sysexits.h calls EX_TEMPFAIL: nothing is wrong, and the same command with --resume goes on.
EXIT_CODE = 75


class Stopped(BaseException):
    """The run was asked to stop. Not an Exception, so that nothing takes it for a failure."""


class Stop:
    """Whether the run was asked to stop. While ``patient``, asking only sets ``asked``; otherwise it raises Stopped."""

    def __init__(self) -> None:
        self.asked = False
        self._patient = False
        # Listens to the signals again, after something else took them.
        self.listen: Callable[[], None] = lambda: None

    @contextlib.contextmanager
    def patience(self) -> Iterator[None]:
        """For a part of a run that looks at ``asked`` by itself."""
        self._patient = True
        try:
            yield
        finally:
            self._patient = False

    def ask(self) -> None:
        """Ask the run to stop; asking twice does not wait."""
        if self.asked or not self._patient:
            raise Stopped
        self.asked = True


@contextlib.contextmanager
def listening() -> Iterator[Stop]:
    """A Stop that SIGTERM and SIGINT ask, until the block ends. In a thread other than the first it listens to neither."""
    stop = Stop()

    def heard(_number: int, _frame: FrameType | None) -> None:
        stop.ask()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def listen() -> None:
        for number in before:
            signal.signal(number, heard)

    stop.listen = listen
    listen()
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
