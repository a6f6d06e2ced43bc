"""`wingcheck run` holds web server and worker: a worker that dies comes back, ever slower; without a web server it ends."""

from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

import pytest

from app import supervisor
from app.supervisor import Supervisor


class FakeChild:
    """A child that lives until the test says otherwise."""

    started: ClassVar[list["FakeChild"]] = []

    def __init__(self, name: str, *_: str) -> None:
        self.name, self.ending, self.asked = name, "stopped (exit code 3)", 0
        self.exit_code: int | None = None
        self.started.append(self)

    def ask_to_stop(self):
        self.asked += 1

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


def workers():
    return [child for child in FakeChild.started if child.name == "worker"]


def die(child):
    child.exit_code = 3


def interrupt():
    raise KeyboardInterrupt


def test_a_web_server_that_dies_ends_the_run_and_is_named(clock, capsys):
    watched = Supervisor("127.0.0.1", 1)
    clock.then[5] = lambda: die(watched.web)
    assert watched.watch(lambda: None) == 1
    assert "The web server stopped (exit code 3)" in capsys.readouterr().err
    assert workers()[0].asked == 1


def test_ctrl_c_stops_both_and_starts_nothing(clock, capsys):
    watched = Supervisor("127.0.0.1", 1)
    clock.then[5] = interrupt
    assert watched.watch(lambda: None) == 0
    assert [child.asked for child in FakeChild.started] == [1, 1]
    assert "starting it again" not in capsys.readouterr().err


def test_a_worker_that_dies_at_once_again_and_again_is_started_ever_later(clock, capsys):
    watched = Supervisor("127.0.0.1", 1)
    births = []

    def kill_the_newest():
        births.append(clock.now - 1000)
        die(workers()[-1])
        wait_for_the_next(len(workers()))

    def wait_for_the_next(count):
        clock.then[clock.now - 1000 + 0.2] = lambda: (
            kill_the_newest() if len(workers()) > count else wait_for_the_next(count)
        )

    clock.then[1] = kill_the_newest
    clock.then[300] = interrupt
    watched.watch(lambda: None)
    pauses = [round(later - before) for before, later in pairwise(births)]
    assert pauses[:6] == pytest.approx([1, 2, 4, 8, 16, 32], abs=1)
    assert max(pauses) <= 62
    assert "starting it again in 60 s" in capsys.readouterr().err


def test_after_a_long_life_the_pauses_begin_anew(clock, capsys):
    watched = Supervisor("127.0.0.1", 1)
    for moment in (1, 5, 200):
        clock.then[moment] = lambda: die(workers()[-1])
    clock.then[210] = interrupt
    watched.watch(lambda: None)
    assert [line.rpartition(" in ")[2] for line in capsys.readouterr().err.splitlines()] == ["1 s.", "2 s.", "1 s."]
    assert len(workers()) == 4
