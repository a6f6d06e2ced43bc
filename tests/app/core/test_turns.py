"""Turns: in order of arrival, one at a time, and nobody who gave up or died holds up the others."""

import threading
import time
from pathlib import Path

import pytest

from app.core.processes import MachineLock
from app.core.turns import Turns
from tests.running import eventually

LONG, SOON = 120.0, 0.05


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(tmp_path / "turn")


class Waiting(threading.Thread):
    """Somebody who takes a turn and notes its number."""

    def __init__(self, turns: Turns, number: int, order: list[int], patience: float = LONG) -> None:
        super().__init__()
        self._turns, self._number, self._order, self._patience = turns, number, order, patience
        queue = turns._waiting
        before = len(queue)
        self.start()
        eventually(lambda: len(queue) > before or not self.is_alive(), "stands in the queue")

    def run(self) -> None:
        with self._turns.turn(time.monotonic() + self._patience) as came:
            self._order.append(self._number if came else -self._number)


def test_those_who_wait_come_in_the_order_of_their_arrival(turns: Turns):
    order: list[int] = []
    with turns.turn(time.monotonic() + LONG) as came:
        assert came
        waiting = [Waiting(turns, number, order) for number in range(1, 9)]
        assert order == []
    for each in waiting:
        each.join()
    assert order == [1, 2, 3, 4, 5, 6, 7, 8]


def test_whoever_gives_up_is_left_out(turns: Turns):
    order: list[int] = []
    with turns.turn(time.monotonic() + LONG):
        first = Waiting(turns, 1, order)
        Waiting(turns, 2, order, SOON).join()
        last = Waiting(turns, 3, order)
    first.join()
    last.join()
    assert order == [-2, 1, 3]


def test_an_error_ends_a_turn(turns: Turns):
    with pytest.raises(ZeroDivisionError), turns.turn(time.monotonic() + LONG):
        raise ZeroDivisionError
    with turns.turn(time.monotonic()) as came:
        assert came


def test_another_process_has_the_turn(turns: Turns, tmp_path: Path):
    other = MachineLock(tmp_path / "turn")  # the kernel tells open files apart, not processes
    assert other.acquire()
    with turns.turn(time.monotonic() + SOON) as came:
        assert not came
    order: list[int] = []
    waiting = [Waiting(turns, number, order) for number in (1, 2)]
    assert order == []
    other.release()
    for each in waiting:
        each.join()
    assert order == [1, 2]
    assert other.acquire()  # nobody kept it
