"""Child processes that never outlive their parent."""

import os
import signal
import subprocess
import sys
import threading

_PIPE = "WINGCHECK_PARENT_PIPE"


class Child:
    """A `wingcheck` command in a process of its own. It stops when this process does, however that ends."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        reading, self._writing = os.pipe()  # the child reads end-of-file when this end closes, even after SIGKILL
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", *arguments],
            env={**os.environ, **(environment or {}), _PIPE: str(reading)},
            pass_fds=(reading,),
        )
        os.close(reading)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def stop(self, seconds: float = 25) -> None:
        """Ask it to stop; kill it when it does not."""
        if self.exit_code is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self._writing)


def stop_with_parent() -> None:
    """In a child: leave when the parent is gone. Elsewhere: nothing."""
    handle = os.environ.pop(_PIPE, "")
    if handle:
        threading.Thread(target=_watch, args=(int(handle),), name="parent-watch", daemon=True).start()


def _watch(handle: int) -> None:
    os.read(handle, 1)
    os.kill(os.getpid(), signal.SIGTERM)
