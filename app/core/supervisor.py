"""`wingcheck run`, and `wingcheck serve` with several processes: web servers and a worker as children, which are started
again when they die, and replaced one after the other on SIGHUP.

Runs as a process that has loaded nothing else: ``become`` puts it in the place of the one that prepared everything.
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
# A process that lived so long did not die of what its start met: the pauses begin anew.
_SETTLED = 60.0
_LOOK_EVERY = 0.1
# A new process that is not ready by then won't be.
_START_SECONDS = 120.0
# The next process is replaced when the one before has left, or after so long: somebody may be sending for minutes.
_LEAVING_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """What to hold: ``processes`` web servers at ``host`` and ``port``, through open ``sockets``, with what they share
    (see ``Share``), and a ``worker`` or none. Whoever is replaced gets ``patience`` seconds for what is under way; whoever
    has said nothing for ``hung_after`` seconds hangs, and is killed and started again.
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
    """Go on as the supervisor of ``plan``, in a fresh interpreter: 90 MB that preparing took are free again."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "app.core.supervisor", json.dumps(asdict(plan))])  # noqa: S606


class Post:
    """A process that is to be there: started again when it dies, after a pause that doubles as long as that is soon."""

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
        """Notice that it died, or start it again when its pause is over."""
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
        """Have this one from now on; the one before."""
        before, self.child = self.child, child
        self._started, self._next_start, self.renewing = time.monotonic(), None, False
        return before

    def renew(self) -> None:
        """Let it end what it does, and start it again."""
        self.renewing = True
        self.child.ask_to_stop()


class Supervisor:
    """Holds the processes of a plan until it is told to stop."""

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
        """Watch until SIGINT or SIGTERM; the exit code, 1 when a web server died before any was ready."""
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, _interrupt)
        _on_hangup(self._hung_up)
        try:
            while not self._look():
                time.sleep(_LOOK_EVERY)
            return 1
        except KeyboardInterrupt:
            print("Stopping.", flush=True)
            return 0
        finally:
            self._stop()

    def _look(self) -> bool:
        """One round; whether there is nothing to wait for: the web server can't be started."""
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
        from prometheus_client.multiprocess import mark_process_dead  # few supervisors ever need it

        mark_process_dead(self._seated.pop(seat).process.pid, self._plan.folder)  # type: ignore[no-untyped-call]
        self._seats.leave(seat)

    # --- replacing -----------------------------------------------------------------------------------------------------

    def _hung_up(self) -> None:
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
        """Each web server is replaced when a new one is ready, then the worker. Whoever has to wait yields."""
        print("Replacing every process.", flush=True)
        for post in self.web:
            while len(self._seated) > 2 * len(self.web):  # too many are still about to leave
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
        """All at once. Whoever insists with a second Ctrl-C gets them killed."""
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


def _on_hangup(replace: Callable[[], None]) -> None:
    """SIGHUP means to replace every process. When the terminal that this was started in is closed, it means to stop."""
    from_terminal = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN  # which nohup sets

    def heard(*_: object) -> None:
        if from_terminal and not _has_terminal():
            raise KeyboardInterrupt
        replace()

    signal.signal(signal.SIGHUP, heard)


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
