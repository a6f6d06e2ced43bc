"""Child processes that never outlive their parent, locks between processes, and what they use of the machine."""

import fcntl
import gc
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

_READY_SIGN = b"!"
_PIPE, _READY = "WINGCHECK_PARENT_PIPE", "WINGCHECK_READY_PIPE"
_SECONDS_TO_START, _SECONDS_TO_LEAVE = 120, 30
_LONGEST_OUTPUT = 20_000  # bytes
# Notes that TensorFlow's libraries print before they can be silenced; lines of errors begin with E or F.
_NOISE = re.compile(
    r"^(?:WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d:|INFO: Created TensorFlow Lite).*\n?", re.MULTILINE
)


class Child:
    """A `wingcheck` command in a process of its own, which stops when this process ends, for whatever reason.

    It has a process group of its own, so that Ctrl-C in a terminal reaches only this process, which then stops it.
    """

    def __init__(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        output: Path | None = None,
        keeps: tuple[int, ...] = (),
    ) -> None:
        """``output``: a file to append its output to. ``keeps``: open files for it to inherit."""
        self._parent_end: int | None
        self._asked_to_stop = self._is_ready = False
        self._alive_at = time.monotonic() + _SECONDS_TO_START
        child_end, self._parent_end = os.pipe()  # the child reads end-of-file when this end closes, even after SIGKILL
        self._ready_end, child_ready_end = os.pipe()
        with output.open("ab") if output is not None else nullcontext() as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", *arguments],
                env={**os.environ, **(environment or {}), _PIPE: str(child_end), _READY: str(child_ready_end)},
                stdin=None if log is None else subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(child_end, child_ready_end, *keeps),
                process_group=0,
            )
        os.close(child_end)
        os.close(child_ready_end)
        os.set_blocking(self._ready_end, False)

    @property
    def group(self) -> int:
        """The id of its process group, which the processes that it starts are in, too."""
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    @property
    def ready(self) -> bool:
        """Whether it has called ``say_ready``."""
        self._listen()
        return self._is_ready

    @property
    def silent_seconds(self) -> float:
        """Seconds since its last ``say_alive``; it gets some time to start before the first."""
        self._listen()
        return time.monotonic() - self._alive_at if self.exit_code is None else 0.0

    def _listen(self) -> None:
        if self._parent_end is None:
            return
        with suppress(BlockingIOError):
            while signs := os.read(self._ready_end, 4096):
                self._alive_at = time.monotonic()
                self._is_ready = self._is_ready or _READY_SIGN in signs

    @property
    def ending(self) -> str:
        """How it ended, as a predicate."""
        code = self.process.returncode
        if code is not None and code < 0:
            return f"was killed ({signal.Signals(-code).name})"
        return f"stopped (exit code {code})"

    @property
    def ending_as_problem(self) -> dict[str, Any]:
        """How it ended, as ``code`` and params of an error."""
        code = self.process.returncode
        if code is not None and code < 0:
            return {"code": "process_killed", "signal": signal.Signals(-code).name}
        return {"code": "process_stopped", "exit_code": str(code)}

    def ask_to_stop(self) -> None:
        """Send SIGTERM and don't wait. Only once: a worker aborts its job at a second one."""
        if self.exit_code is None and not self._asked_to_stop:
            self._asked_to_stop = True
            self.process.terminate()

    def ask_to_leave(self) -> None:
        """Send SIGHUP and don't wait: a web process finishes its requests, however long that takes, and ends."""
        if self.exit_code is None:
            self.process.send_signal(signal.SIGHUP)

    def kill_group(self) -> None:
        """Kill it and whatever it started, and wait for it."""
        with suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        self.process.wait()
        self._close()

    def stop(self, seconds: float = 25) -> None:
        """Ask it to stop, and kill it after ``seconds``. Idempotent."""
        if self.exit_code is None:
            self.ask_to_stop()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()

    def _close(self) -> None:
        if self._parent_end is not None:
            os.close(self._parent_end)
            os.close(self._ready_end)
            self._parent_end = None


def read_output(file: Path) -> str:
    """The end of a process's output file; empty if there is none."""
    try:
        with file.open("rb") as output:
            output.seek(0, os.SEEK_END)
            output.seek(max(0, output.tell() - _LONGEST_OUTPUT))
            return _NOISE.sub("", output.read().decode(errors="replace"))
    except FileNotFoundError:
        return ""


def say_ready() -> None:
    """In a child: tell the parent that it is ready. Elsewhere, do nothing."""
    _say(_READY_SIGN)


def say_alive() -> None:
    """In a child, regularly: tell the parent, which restarts a process that is silent for long. Elsewhere, do nothing."""
    _say(b".")


def _say(sign: bytes) -> None:
    handle = _parent_handle()
    if handle is not None:
        with suppress(BlockingIOError, BrokenPipeError):  # the parent is stopped itself, or gone
            os.write(handle, sign)


@cache
def _parent_handle() -> int | None:
    handle = os.environ.pop(_READY, "")
    if not handle:
        return None
    os.set_blocking(int(handle), False)
    os.set_inheritable(int(handle), False)
    return int(handle)


def stop_with_parent() -> None:
    """In a child: stop when the parent has ended. Elsewhere do nothing."""
    handle = os.environ.pop(_PIPE, "")
    if handle:
        threading.Thread(target=_watch, args=(int(handle),), name="parent-watch", daemon=True).start()


def _watch(handle: int) -> None:
    os.read(handle, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_LEAVE)  # a thread that hangs must not keep an orphan alive
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with what it started
    os.kill(os.getpid(), signal.SIGKILL)


class MachineLock:
    """A file lock of one process and the children it was passed to; released when the last of them ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Try to take the lock."""
        if self._file is not None:
            return False
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._file = file
        return True

    @property
    def handle(self) -> int:
        """The open file, to pass on. Raises RuntimeError if the lock is not held."""
        if self._file is None:
            raise RuntimeError(f"{self._path} is not held")
        return self._file

    def release(self) -> None:
        """Release it; a child that it was passed to may still hold it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def resident_megabytes(group: int) -> float:
    """Memory that the processes of a group use now, in MB; 0 if the system has no /proc."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                pages += int(fields[21])
        except (OSError, IndexError, ValueError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def uncollected() -> Iterator[None]:
    """Import without garbage collection: searching what imports create takes a sixth of the start, and never frees any."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
