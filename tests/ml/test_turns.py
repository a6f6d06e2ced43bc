"""Costly decodes pass one at a time; others share what they may take, and small ones never wait for a costly one."""

import threading
import time
from contextlib import ExitStack

import pytest

from ml.inference.turns import Lane, turn


def most_at_once(wanted: list[int], alone_above: int) -> int:
    """How many were inside at the same time, each in its own thread."""
    inside, most, lock = 0, 0, threading.Lock()

    def decode(size: int) -> None:
        nonlocal inside, most
        with turn(size, alone_above):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.05)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=decode, args=(size,)) for size in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most


@pytest.mark.parametrize(
    ("wanted", "most"),
    [
        ([101] * 5, 1),
        ([50] * 6, 2),
        ([100] * 4, 1),
        ([101, 101, 100, 100], 1),
        ([33] * 6, 2),
        ([101] * 3 + [33] * 3, 3),
    ],
    ids=["costly", "two halves", "wholes", "costly and wholes", "small", "costly and small"],
)
def test_no_more_photos_are_decoded_at_once_than_memory_allows(wanted: list[int], most: int) -> None:
    assert most_at_once(wanted, 100) <= most


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "wanted", [[10, 10, 5, 30], [33, 33], [50, 50], [101, 33], [33, 33, 50, 50], [101, 33, 33]], ids=str
)
def test_what_fits_does_not_wait(wanted: list[int]) -> None:
    with ExitStack() as stack:
        for size in wanted:
            stack.enter_context(turn(size, 100))


def test_a_turn_ends_with_its_decode_even_when_that_fails() -> None:
    lane = Lane()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lane.passing(1, 0):
            _ = 1 / 0
