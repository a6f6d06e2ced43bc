"""`wingcheck run`: the web server and the worker as children, the worker started again whenever it dies."""

import signal
import time
from collections.abc import Callable

from app.commands.shared import err, out
from app.processes import Child

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
# A worker that lived so long did not die of what its start met: the pauses begin anew.
_SETTLED = 60.0


class Supervisor:
    """Holds both children until it is told to stop or the web server dies."""

    def __init__(self, host: str, port: int) -> None:
        self.web = Child("serve", "--host", host, "--port", str(port), "--no-prepare", "--no-greet")
        self._worker = Child("worker")
        self._pause = _FIRST_PAUSE
        self._started = time.monotonic()
        self._next_start: float | None = None

    def watch(self, ready: Callable[[], None]) -> int:
        """Call ``ready`` once, then watch until SIGINT, SIGTERM or SIGHUP; the exit code, 1 when the web server died."""
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, _interrupt)
        try:
            ready()
            while self.web.exit_code is None:
                self._keep_worker()
                time.sleep(0.2)
            err.print(f"The web server {self.web.ending}; its last messages stand above. Stopping.", soft_wrap=True)
            return 1
        except KeyboardInterrupt:
            out.print("Stopping.")
            return 0
        finally:
            self._stop()

    def _keep_worker(self) -> None:
        """Start a worker that died again, after a pause that doubles as long as it dies soon after each start."""
        now = time.monotonic()
        if self._next_start is None:
            if self._worker.exit_code is None:
                return
            self._worker.stop()
            if now - self._started > _SETTLED:
                self._pause = _FIRST_PAUSE
            err.print(f"The worker {self._worker.ending}; starting it again in {self._pause:g} s.", soft_wrap=True)
            self._next_start, self._pause = now + self._pause, min(self._pause * 2, _LONGEST_PAUSE)
        elif now >= self._next_start:
            self._worker, self._started, self._next_start = Child("worker"), now, None

    def _stop(self) -> None:
        """Both at once. Whoever insists with a second Ctrl-C gets them killed."""
        children = [self.web, self._worker]
        try:
            for child in children:
                child.ask_to_stop()
            for child in children:
                child.stop()
        except KeyboardInterrupt:
            for child in children:
                child.stop(seconds=0)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
