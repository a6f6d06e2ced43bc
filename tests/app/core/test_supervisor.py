"""What `wingcheck run` does about its children: whoever dies comes back, ever slower; on SIGHUP each is replaced."""

import itertools
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from app.core import supervisor
from app.core.shared_port import make_seats
from app.core.supervisor import Plan, Supervisor


class FakeChild:
    """A child that lives until the test says otherwise. A web server is ready at once, unless the test says so."""

    started: ClassVar[list["FakeChild"]] = []
    ready: ClassVar[bool] = True
    _pids = itertools.count(1)

    def __init__(self, name: str, *_: str, environment=None, keeps=()) -> None:
        self.name, self.ending, self.asked, self.leaving = name, "stopped (exit code 3)", 0, False
        self.exit_code: int | None = None
        self.silent_seconds = 0.0
        self.process = SimpleNamespace(pid=next(self._pids))
        self.started.append(self)

    def ask_to_stop(self):
        self.asked += 1
        if self.name == "worker":
            self.exit_code = 0

    def ask_to_leave(self):
        self.leaving = True

    def kill_group(self):
        self.exit_code, self.ending, self.silent_seconds = -9, "was killed (SIGKILL)", 0.0

    def stop(self, seconds=25):
        self.exit_code = self.exit_code or 0


class Clock:
    """Time passes only where the supervisor sleeps; ``then`` maps moments to what happens at them."""

    def __init__(self):
        self.now = 1000.0
        self.then: dict[float, Callable[[], object]] = {}

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        for moment in [m for m in self.then if m <= self.now - 1000]:
            self.then.pop(moment)()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(FakeChild, "started", [])
    monkeypatch.setattr(supervisor, "Child", FakeChild)
    monkeypatch.setattr(supervisor, "time", clock)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return clock


@pytest.fixture
def supervise(clock, tmp_path):
    """Makes supervisors of so many web servers and a worker."""

    def make(processes=2):
        return Supervisor(
            Plan(
                host="127.0.0.1",
                port=1,
                sockets=[],
                seats=make_seats(processes),
                processes=processes,
                folder=str(tmp_path),
                patience=600,
                worker=True,
                hung_after=20,
            )
        )

    return make


def started(name):
    return [child for child in FakeChild.started if child.name == name]


def die(child):
    child.exit_code = 3


def interrupt():
    raise KeyboardInterrupt


def test_a_web_server_that_can_not_start_ends_the_run_and_is_named(clock, supervise, capsys, monkeypatch):
    monkeypatch.setattr(FakeChild, "ready", False)
    watched = supervise()
    clock.then[5] = lambda: die(started("serve")[1])
    assert watched.watch() == 1
    assert "The web server stopped (exit code 3)" in capsys.readouterr().err
    assert [child.asked for child in started("worker")] == [1]
    assert len(started("serve")) == 2


@pytest.mark.parametrize("name", ["worker", "serve"])
def test_a_process_that_hangs_is_killed_and_started_again(clock, supervise, capsys, name):
    supervise_ = supervise()

    def hang():
        started(name)[0].silent_seconds = 21

    clock.then[5] = hang
    clock.then[20] = interrupt
    assert supervise_.watch() == 0
    assert started(name)[0].exit_code == -9
    assert len(started(name)) == (2 if name == "worker" else 3)
    assert "has not moved for 20 s" in capsys.readouterr().err


def test_a_web_server_that_dies_later_is_started_again_and_the_other_goes_on(clock, supervise, capsys):
    watched = supervise()
    first, second = started("serve")
    clock.then[5] = lambda: die(first)
    clock.then[20] = interrupt
    assert watched.watch() == 0
    assert "The web server stopped (exit code 3); starting it again in 1 s." in capsys.readouterr().err
    assert len(started("serve")) == 3
    assert (second.asked, started("serve")[2].asked) == (1, 1)


def test_ctrl_c_stops_all_and_starts_nothing(clock, supervise, capsys):
    watched = supervise()
    clock.then[5] = interrupt
    assert watched.watch() == 0
    assert [child.asked for child in FakeChild.started] == [1, 1, 1]
    assert "starting it again" not in capsys.readouterr().err


def test_a_worker_that_dies_at_once_again_and_again_is_started_ever_later(clock, supervise, capsys):
    watched = supervise()
    births = []

    def kill_the_newest():
        births.append(clock.now - 1000)
        die(started("worker")[-1])
        wait_for_the_next(len(started("worker")))

    def wait_for_the_next(count):
        clock.then[clock.now - 1000 + 0.2] = lambda: (
            kill_the_newest() if len(started("worker")) > count else wait_for_the_next(count)
        )

    clock.then[1] = kill_the_newest
    clock.then[300] = interrupt
    watched.watch()
    pauses = [round(later - before) for before, later in pairwise(births)]
    assert pauses[:6] == pytest.approx([1, 2, 4, 8, 16, 32], abs=1)
    assert max(pauses) <= 62
    assert "starting it again in 60 s" in capsys.readouterr().err


def test_after_a_long_life_the_pauses_begin_anew(clock, supervise, capsys):
    watched = supervise()
    for moment in (1, 5, 200):
        clock.then[moment] = lambda: die(started("worker")[-1])
    clock.then[210] = interrupt
    watched.watch()
    assert [line.rpartition(" in ")[2] for line in capsys.readouterr().err.splitlines()] == ["1 s.", "2 s.", "1 s."]
    assert len(started("worker")) == 4


# --- replacing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def hangup(monkeypatch):
    """Calls what SIGHUP calls."""
    heard: list[Any] = []
    monkeypatch.setattr(supervisor, "_handle_hangup", heard.append)
    return lambda: heard[0]()


def test_on_sighup_each_web_server_leaves_when_a_new_one_is_ready_and_then_the_worker_is_renewed(
    clock, supervise, hangup, monkeypatch, capsys
):
    watched = supervise()
    first, second = started("serve")
    worker = started("worker")[0]
    seen: list[Any] = []

    def note():
        seen.append((len(started("serve")), first.leaving, second.leaving, worker.asked))

    def slow_start():
        hangup()
        monkeypatch.setattr(FakeChild, "ready", False)

    clock.then[5] = slow_start
    clock.then[8] = note
    clock.then[10] = lambda: monkeypatch.setattr(FakeChild, "ready", True)
    clock.then[11] = note
    clock.then[12] = lambda: die(first)
    clock.then[13] = note
    clock.then[60] = note
    clock.then[61] = interrupt
    assert watched.watch() == 0
    assert seen == [(3, False, False, 0), (3, True, False, 0), (4, True, True, 0), (4, True, True, 1)]
    assert len(started("worker")) == 2
    assert capsys.readouterr().err == ""  # nobody died who was not asked to


def test_a_new_web_server_that_dies_before_it_is_ready_leaves_the_old_ones_alone(
    clock, supervise, hangup, monkeypatch, capsys
):
    watched = supervise()
    old = list(FakeChild.started)

    def break_something():
        hangup()
        monkeypatch.setattr(FakeChild, "ready", False)

    clock.then[5] = break_something
    clock.then[8] = lambda: die(started("serve")[2])
    clock.then[60] = interrupt
    assert watched.watch() == 0
    assert "A new web server stopped (exit code 3) before it was ready; the others go on." in capsys.readouterr().err
    assert len(started("serve")) == 3
    assert not any(child.leaving for child in old)
    assert [child.asked for child in old] == [1, 1, 1]


def test_whoever_takes_too_long_to_leave_is_stopped_and_the_next_is_not_kept_waiting(clock, supervise, hangup):
    watched = supervise()
    first, second = started("serve")
    stopped = []
    first.stop = lambda seconds=25: stopped.append(clock.now - 1000)
    clock.then[5] = hangup
    clock.then[20] = lambda: stopped.append(second.leaving)
    clock.then[700] = interrupt
    watched.watch()
    assert stopped[0] is True
    assert 600 < stopped[1] < 610
