"""Who may decode now: memory that decoding takes is shared out, so that many photos at once can't take all of it."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Lane:
    """Lets decodes pass as long as the memory they take together stays within ``most`` bytes.

    One that wants more than that passes alone. They pass in the order in which they came. Thread-safe.
    """

    def __init__(self) -> None:
        self._door = threading.Lock()
        self._changed = threading.Condition()
        self._taken = 0

    @contextmanager
    def passing(self, wanted: int, most: int) -> Iterator[None]:
        """Wait for ``wanted`` bytes to be free, and hold them."""
        with self._door, self._changed:  # one waits behind the door, so a large photo is not overtaken for ever
            self._changed.wait_for(lambda: self._taken == 0 or self._taken + wanted <= most)
            self._taken += wanted
        try:
            yield
        finally:
            with self._changed:
                self._taken -= wanted
                self._changed.notify_all()


_small, _large, _files = Lane(), Lane(), Lane()
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8  # M_MMAP_THRESHOLD and M_ARENA_MAX in malloc.h
_HELD_TOGETHER = 40_000_000


@contextmanager
def holding(size: int) -> Iterator[None]:
    """Wait until a file of ``size`` bytes may be read into memory: together they take 40 MB, or what one takes alone.

    Whoever decodes a file holds it first and takes its turn then, never the other way round.
    """
    with _files.passing(size, _HELD_TOGETHER):
        yield


@contextmanager
def turn(wanted: int, alone_above: int) -> Iterator[None]:
    """Wait for one's turn to work on a photo in ``wanted`` bytes.

    Above ``alone_above`` bytes it is a costly one: these pass one at a time, and give their memory back to the system. Small
    ones, up to a third of ``alone_above``, share two thirds and never wait for a costly one: a telephone's JPEG of 12
    megapixels is one of them. Those in between share ``alone_above``, and wait while a costly one passes.
    """
    small = alone_above // 3
    lane, most = (_small, 2 * small) if wanted <= small else (_large, alone_above)
    with lane.passing(wanted, most):
        try:
            yield
        finally:
            if wanted > alone_above:
                give_back()


def _of_glibc(name: str) -> Callable[..., object] | None:
    try:
        function: Callable[..., object] = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # another allocator returns memory as it sees fit
        return None
    return function


_trim, _option = _of_glibc("malloc_trim"), _of_glibc("mallopt")


def give_back() -> None:
    """Return freed memory to the system; glibc would keep it for the next large photo, which may never come."""
    if _trim is not None:
        _trim(0)


def keep_large_blocks_apart() -> None:
    """Have every block of a megabyte or more come from the system and go back there when it is freed, in this process; and
    smaller ones from two pools.

    Left alone, glibc learns to keep blocks of up to 32 MB, in a pool per thread: a server of photos grows with every thread.
    """
    if _option is not None:
        _option(_MMAP_THRESHOLD, 1_000_000)
        _option(_ARENA_MAX, 2)
