"""Child processes that never outlive their parent."""

import os
import signal
import subprocess
import sys
import threading
import time

_PIPE = "WINGCHECK_PARENT_PIPE"
_SECONDS_TO_LEAVE = 30


class Child:
    """A `wingcheck` command in a process of its own. It stops when this process does, however that ends.

    It is in a process group of its own, so that Ctrl-C in a terminal reaches this process alone, which then stops it.
    """

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self._writing: int | None
        self._asked = False
        reading, self._writing = os.pipe()  # the child reads end-of-file when this end closes, even after SIGKILL
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", *arguments],
            env={**os.environ, **(environment or {}), _PIPE: str(reading)},
            pass_fds=(reading,),
            process_group=0,
        )
        os.close(reading)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    @property
    def ending(self) -> str:
        """How it ended, in words that follow a subject."""
        code = self.process.returncode
        if code is not None and code < 0:
            return f"was killed ({signal.Signals(-code).name})"
        return f"stopped (exit code {code})"

    def ask_to_stop(self) -> None:
        """Send SIGTERM and don't wait. Only once: a worker takes a second one as leave to drop what it is doing."""
        if self.exit_code is None and not self._asked:
            self._asked = True
            self.process.terminate()

    def stop(self, seconds: float = 25) -> None:
        """Ask it to stop; kill it when it does not. Once is enough, twice is harmless."""
        if self.exit_code is None:
            self.ask_to_stop()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self._writing is not None:
            os.close(self._writing)
            self._writing = None


def stop_with_parent() -> None:
    """In a child: leave when the parent is gone. Elsewhere: nothing."""
    handle = os.environ.pop(_PIPE, "")
    if handle:
        threading.Thread(target=_watch, args=(int(handle),), name="parent-watch", daemon=True).start()


def _watch(handle: int) -> None:
    os.read(handle, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_LEAVE)  # a thread that hangs must not make an orphan of its process
    os.kill(os.getpid(), signal.SIGKILL)
