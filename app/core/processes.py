"""Child processes that never outlive their parent."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

_READY_SIGN = b"!"
_PIPE, _READY = "WINGCHECK_PARENT_PIPE", "WINGCHECK_READY_PIPE"
_SECONDS_TO_START, _SECONDS_TO_LEAVE = 120, 30
_LONGEST_OUTPUT = 20_000  # bytes
# Notes that TensorFlow's libraries print before anybody can ask them not to; errors, which begin with E or F, are no chatter.
_CHATTER = re.compile(
    r"^(?:WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d:|INFO: Created TensorFlow Lite).*\n?", re.MULTILINE
)


class Child:
    """A `wingcheck` command in a process of its own. It stops when this process does, however that ends.

    It is in a process group of its own, so that Ctrl-C in a terminal reaches this process alone, which then stops it.
    """

    def __init__(
        self,
        *arguments: str,
        environment: dict[str, str] | None = None,
        output: Path | None = None,
        keeps: tuple[int, ...] = (),
    ) -> None:
        """``output``: a file that what it prints is added to. ``keeps``: open files that it is to hold, too."""
        self._writing: int | None
        self._asked = self._said_ready = False
        self._heard_at = time.monotonic() + _SECONDS_TO_START
        reading, self._writing = os.pipe()  # the child reads end-of-file when this end closes, even after SIGKILL
        self._hearing, telling = os.pipe()
        with output.open("ab") if output is not None else nullcontext() as printed:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", *arguments],
                env={**os.environ, **(environment or {}), _PIPE: str(reading), _READY: str(telling)},
                stdin=None if printed is None else subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                pass_fds=(reading, telling, *keeps),
                process_group=0,
            )
        os.close(reading)
        os.close(telling)
        os.set_blocking(self._hearing, False)

    @property
    def group(self) -> int:
        """The number of its process group: its own, which every process that it starts is in, too."""
        return self.process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    @property
    def ready(self) -> bool:
        """Whether it has said that it is; see ``say_ready``."""
        self._hear()
        return self._said_ready

    @property
    def silent_seconds(self) -> float:
        """How long it has not said that it is alive, see ``say_alive``; it may take its time before it does so first."""
        self._hear()
        return time.monotonic() - self._heard_at if self.exit_code is None else 0.0

    def _hear(self) -> None:
        if self._writing is None:
            return
        with suppress(BlockingIOError):
            while said := os.read(self._hearing, 4096):
                self._heard_at = time.monotonic()
                self._said_ready = self._said_ready or _READY_SIGN in said

    @property
    def ending(self) -> str:
        """How it ended, in words that follow a subject."""
        code = self.process.returncode
        if code is not None and code < 0:
            return f"was killed ({signal.Signals(-code).name})"
        return f"stopped (exit code {code})"

    @property
    def ending_as_problem(self) -> dict[str, Any]:
        """The same as ``code`` and params of an error."""
        code = self.process.returncode
        if code is not None and code < 0:
            return {"code": "process_killed", "signal": signal.Signals(-code).name}
        return {"code": "process_stopped", "exit_code": str(code)}

    def ask_to_stop(self) -> None:
        """Send SIGTERM and don't wait. Only once: a worker takes a second one as leave to drop what it is doing."""
        if self.exit_code is None and not self._asked:
            self._asked = True
            self.process.terminate()

    def ask_to_leave(self) -> None:
        """Send SIGHUP and don't wait: a web process answers what is under way, however long that takes, and ends."""
        if self.exit_code is None:
            self.process.send_signal(signal.SIGHUP)

    def kill_group(self) -> None:
        """End it and whatever it started, at once, and wait for it."""
        with suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        self.process.wait()
        self._close()

    def stop(self, seconds: float = 25) -> None:
        """Ask it to stop; kill it when it does not. Once is enough, twice is harmless."""
        if self.exit_code is None:
            self.ask_to_stop()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()

    def _close(self) -> None:
        if self._writing is not None:
            os.close(self._writing)
            os.close(self._hearing)
            self._writing = None


def read_output(file: Path) -> str:
    """The end of what a process printed into a file; nothing where it has not begun."""
    try:
        with file.open("rb") as output:
            output.seek(0, os.SEEK_END)
            output.seek(max(0, output.tell() - _LONGEST_OUTPUT))
            return _CHATTER.sub("", output.read().decode(errors="replace"))
    except FileNotFoundError:
        return ""


def say_ready() -> None:
    """In a child: tell the parent. Elsewhere: nothing."""
    _say(_READY_SIGN)


def say_alive() -> None:
    """In a child, again and again: tell the parent, which takes a long silence for a process that hangs. Elsewhere: nothing."""
    _say(b".")


def _say(sign: bytes) -> None:
    handle = _telling()
    if handle is not None:
        with suppress(BlockingIOError, BrokenPipeError):  # the parent is stopped itself, or gone
            os.write(handle, sign)


@cache
def _telling() -> int | None:
    handle = os.environ.pop(_READY, "")
    if not handle:
        return None
    os.set_blocking(int(handle), False)
    os.set_inheritable(int(handle), False)
    return int(handle)


def stop_with_parent() -> None:
    """In a child: leave when the parent is gone. Elsewhere: nothing."""
    handle = os.environ.pop(_PIPE, "")
    if handle:
        threading.Thread(target=_watch, args=(int(handle),), name="parent-watch", daemon=True).start()


def _watch(handle: int) -> None:
    os.read(handle, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_LEAVE)  # a thread that hangs must not make an orphan of its process
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with what it started
    os.kill(os.getpid(), signal.SIGKILL)


class MachineLock:
    """A file that one process at a time holds, and whichever children it was passed to: freed when the last of them ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Whether it is this process's now."""
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
        """The open file, to pass on. Raises RuntimeError where it is not held."""
        if self._file is None:
            raise RuntimeError(f"{self._path} is not held")
        return self._file

    def release(self) -> None:
        """Let go of it; a child that it was passed to may hold it on."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def resident_megabytes(group: int) -> float:
    """Memory that the processes of a group hold now, in MB; 0 where the system has no /proc."""
    pages = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                pages += int(fields[21])
        except (OSError, IndexError, ValueError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
