"""`wingcheck run`, and `wingcheck serve` with several processes: web servers and a worker as children, which are restarted
if they die, and replaced one by one on SIGHUP.

The supervisor is a process that has imported nothing else: ``become`` replaces the process that prepared everything.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import NoReturn

from app.core.processes import Child
from app.core.shared_port import Seats, Share

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
# A process that lived so long did not fail at its start: the pauses begin again.
_SETTLED = 60.0
_POLL_SECONDS = 0.1
# A new process that is not ready by then never will be.
_START_SECONDS = 120.0
# The next process is replaced when the previous one has ended, or after so long: a client may be sending for minutes.
_LEAVING_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """What to run: ``processes`` web servers at ``host`` and ``port`` that share ``sockets``, ``seats`` and ``folder`` (see
    ``Share``), and perhaps a ``worker``. A replaced process gets ``patience`` seconds to finish its requests; one that shows no
    sign of life for ``hung_after`` seconds is killed and restarted.
    """

    host: str
    port: int
    sockets: list[int]
    seats: int
    processes: int
    folder: str
    patience: float
    worker: bool
    hung_after: float


def become(plan: Plan) -> NoReturn:
    """Continue as the supervisor of ``plan`` in a new interpreter, which frees 90 MB."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "app.core.supervisor", json.dumps(asdict(plan))])  # noqa: S606


class Post:
    """A process that should be running: restarted if it dies, after a pause that doubles while it dies early."""

    def __init__(self, name: str, start: Callable[[], Child], hung_after: float) -> None:
        self.name = name
        self.start = start
        self._hung_after = hung_after
        self.child = start()
        self._pause = _FIRST_PAUSE
        self._started = time.monotonic()
        self._next_start: float | None = None
        self.renewing = False

    def look(self) -> None:
        """Notice that it died, or restart it when the pause is over."""
        now = time.monotonic()
        if self._next_start is not None:
            if now >= self._next_start:
                self.put(self.start())
        elif self.child.silent_seconds > self._hung_after:
            _say(f"The {self.name} has not moved for {self._hung_after:g} s.")
            self.child.kill_group()
        elif self.child.exit_code is not None:
            self.child.stop()
            if self.renewing:
                self.put(self.start())
                return
            if now - self._started > _SETTLED:
                self._pause = _FIRST_PAUSE
            _say(f"The {self.name} {self.child.ending}; starting it again in {self._pause:g} s.")
            self._next_start, self._pause = now + self._pause, min(self._pause * 2, _LONGEST_PAUSE)

    def put(self, child: Child) -> Child:
        """Replace the child; returns the previous one."""
        previous, self.child = self.child, child
        self._started, self._next_start, self.renewing = time.monotonic(), None, False
        return previous

    def renew(self) -> None:
        """Stop it after its current work, and restart it."""
        self.renewing = True
        self.child.ask_to_stop()


class Supervisor:
    """Runs the processes of a plan until it is told to stop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._seats = Seats(plan.seats)
        self._seated: dict[int, Child] = {}
        self._leaving: dict[Child, float] = {}
        self._replacing: Iterator[None] | None = None
        self._asked = False
        self._was_ready, self._first = False, True
        self.web = [Post("web server", self._start_web, plan.hung_after) for _ in range(plan.processes)]
        self.worker = Post("worker", lambda: Child("worker"), plan.hung_after) if plan.worker else None

    def watch(self) -> int:
        """Watch until SIGINT or SIGTERM. Returns the exit code: 1 if a web server died before any was ready."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, _interrupt)
        _handle_hangup(self._on_hangup)
        try:
            while not self._look():
                time.sleep(_POLL_SECONDS)
            return 1
        except KeyboardInterrupt:
            print("Stopping.", flush=True)
            return 0
        finally:
            self._stop()

    def _look(self) -> bool:
        """Check every process once; True if the web server can't be started."""
        if not self._was_ready:
            self._was_ready = any(post.child.ready for post in self.web)
            if not self._was_ready and (dead := [post for post in self.web if post.child.exit_code is not None]):
                _say(f"The web server {dead[0].child.ending}; its last messages stand above. Stopping.")
                return True
        for seat, child in list(self._seated.items()):
            if child.exit_code is not None:
                self._clear(seat)
        for child, until in list(self._leaving.items()):
            if child.exit_code is not None or time.monotonic() > until:
                child.stop()
                del self._leaving[child]
        for post in self._posts():
            post.look()
        self._replace()
        return False

    def _posts(self) -> list[Post]:
        return [*self.web, *([self.worker] if self.worker is not None else [])]

    # --- web servers ---------------------------------------------------------------------------------------------------

    def _start_web(self) -> Child:
        plan = self._plan
        seat = next(seat for seat in range(len(self._seats)) if seat not in self._seated)
        share = Share(plan.sockets, plan.seats, seat, plan.processes, plan.folder, first=self._first)
        child = Child(
            *("serve", "--host", plan.host, "--port", str(plan.port), "--no-prepare"),
            environment=share.environment(),
            keeps=share.handles,
        )
        self._first = False
        self._seated[seat] = child
        return child

    def _clear(self, seat: int) -> None:
        from prometheus_client.multiprocess import mark_process_dead  # rarely needed

        mark_process_dead(self._seated.pop(seat).process.pid, self._plan.folder)  # type: ignore[no-untyped-call]
        self._seats.leave(seat)

    # --- replacing -----------------------------------------------------------------------------------------------------

    def _on_hangup(self) -> None:
        self._asked = True

    def _replace(self) -> None:
        if self._replacing is None and self._asked:
            self._asked, self._replacing = False, self._one_by_one()
        if self._replacing is not None:
            try:
                next(self._replacing)
            except StopIteration:
                self._replacing = None

    def _one_by_one(self) -> Iterator[None]:
        """Replace each web server when a new one is ready, then the worker. Yields while it waits."""
        print("Replacing every process.", flush=True)
        for post in self.web:
            while len(self._seated) > 2 * len(self.web):  # too many are still leaving
                yield
            new, until = post.start(), time.monotonic() + _START_SECONDS
            while not new.ready:
                if new.exit_code is not None or time.monotonic() > until:
                    new.stop()
                    _say(f"A new web server {new.ending} before it was ready; the others go on.")
                    return
                yield
            old = post.put(new)
            old.ask_to_leave()
            self._leaving[old] = time.monotonic() + self._plan.patience
            until = time.monotonic() + _LEAVING_SECONDS
            while old.exit_code is None and time.monotonic() < until:
                yield
        if self.worker is not None:
            self.worker.renew()
            while self.worker.renewing:
                yield
        print("Every process was replaced.", flush=True)

    def _stop(self) -> None:
        """Stop all at once; a second Ctrl-C kills them."""
        children = {*(post.child for post in self._posts()), *self._seated.values(), *self._leaving}
        try:
            for child in children:
                child.ask_to_stop()
            for child in children:
                child.stop()
        except KeyboardInterrupt:
            for child in children:
                child.stop(seconds=0)
        shutil.rmtree(self._plan.folder, ignore_errors=True)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _handle_hangup(replace: Callable[[], None]) -> None:
    """SIGHUP replaces every process, but stops if it was sent because the terminal was closed."""
    from_terminal = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN  # which nohup sets

    def on_signal(*_: object) -> None:
        if from_terminal and not _has_terminal():
            raise KeyboardInterrupt
        replace()

    signal.signal(signal.SIGHUP, on_signal)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def main() -> None:
    """Entry point of the process that ``become`` starts."""
    sys.exit(Supervisor(Plan(**json.loads(sys.argv[1]))).watch())


if __name__ == "__main__":
    main()
