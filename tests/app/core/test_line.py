"""A line of work: done in order on a few threads, and closed to whoever would wait in vain."""

import threading
from typing import Any

import pytest

from app.core import line as line_module
from app.core.errors import Overloaded
from app.core.line import Line
from app.core.logs import request_id


class Clock:
    """Time passes only where work says so."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def takes(self, seconds):
        def work():
            self.now += seconds

        return work


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(line_module, "time", clock)
    return clock


@pytest.fixture
def make():
    """Makes lines, which are closed in the end."""
    made = []

    def make(threads=1, **options):
        made.append(Line(threads, name="test", **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Gate:
    """Work that is begun and not done before the test says so."""

    def __init__(self):
        self._begun, self._open = threading.Event(), threading.Event()

    def __call__(self):
        self._begun.set()
        assert self._open.wait(30)
        return "through"

    def wait_until_begun(self):
        assert self._begun.wait(30)

    def open(self):
        self._open.set()


def test_work_is_done_in_its_order_and_gives_what_it_gives(make):
    done = []

    def work(number):
        done.append(number)
        return number * number

    futures = make().begin([lambda number=number: work(number) for number in range(5)])
    assert [future.result(30) for future in futures] == [0, 1, 4, 9, 16]
    assert done == [0, 1, 2, 3, 4]


def test_what_work_raises_reaches_whoever_waits_for_it(make):
    line = make()

    def fails():
        raise ValueError("no")

    [future] = line.begin([fails])
    with pytest.raises(ValueError, match="no"):
        future.result(30)
    assert line.waiting == 0


def test_each_change_of_what_waits_is_told(make):
    seen: list[Any] = []
    gate = Gate()
    line = make(watch=seen.append)
    futures = line.begin([gate, gate])
    gate.open()
    for future in futures:
        future.result(30)
    assert seen == [2, 1, 0]


def test_a_full_line_takes_no_more_and_a_large_order_alone_is_done(make):
    line, gate = make(most=2), Gate()
    futures = line.begin([gate] * 3)
    with pytest.raises(Overloaded):
        line.begin([gate])
    gate.open()
    assert [future.result(30) for future in futures] == ["through"] * 3
    assert line.begin([gate])[0].result(30) == "through"


def test_the_wait_is_judged_by_how_long_work_took(make, clock):
    line, gate = make(threads=2), Gate()
    assert line.wait == 0
    for future in line.begin([clock.takes(3)]):
        future.result(30)
    assert line.wait == 0  # nobody is before whoever comes now
    futures = line.begin([gate] * 5)
    assert line.wait == pytest.approx((5 + 1 - 2) * 3 / 2)
    gate.open()
    for future in futures:
        future.result(30)
    assert line.wait == 0


def test_how_long_work_takes_is_learned_anew(make, clock):
    line, gate = make(), Gate()
    for seconds in [10, *[1] * 60]:
        for future in line.begin([clock.takes(seconds)]):
            future.result(30)
    futures = line.begin([gate])
    assert 1 < line.wait < 1.1
    gate.open()
    futures[0].result(30)


def test_whoever_would_wait_too_long_is_turned_away_and_told_for_how_long(make, clock):
    line, gate = make(patience=4), Gate()
    for future in line.begin([clock.takes(3)]):
        future.result(30)
    futures = line.begin([gate])
    futures += line.begin([gate])  # a wait of 3 s
    with pytest.raises(Overloaded) as refused:
        line.begin([gate])
    assert refused.value.retry_after == 6
    with pytest.raises(Overloaded):
        line.check()
    gate.open()
    for future in futures:
        future.result(30)
    line.check()


def test_what_is_cancelled_before_its_turn_gives_its_place_back(make):
    line, gate = make(), Gate()
    first, second = line.begin([gate, gate])
    gate.wait_until_begun()
    assert second.cancel()
    assert line.waiting == 1
    gate.open()
    first.result(30)
    assert line.waiting == 0


def test_work_knows_the_request_that_it_is_done_for(make):
    line = make()
    for name in ("one", "another"):
        reset = request_id.set(name)
        [future] = line.begin([request_id.get])
        request_id.reset(reset)
        assert future.result(30) == name
