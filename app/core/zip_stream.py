"""Zip files that are sent as they are made."""

import io
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Entry = tuple[str, Callable[[], Iterable[bytes]]]
"""A file's name, and how to read it piece by piece."""


class _Pipe(io.RawIOBase):
    """Takes what a ZipFile writes, and gives it on piece by piece."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        found = bytes(self._waiting)
        self._waiting.clear()
        return found


def zipped(entries: Iterable[Entry], compression: int = zipfile.ZIP_STORED) -> Iterator[bytes]:
    """A zip file as it grows, with one piece of one file in memory at a time; each file has less than 2 GiB.

    A file that is gone when its turn comes (FileNotFoundError before its first piece) is left out.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, read in entries:
            pieces = iter(read())
            try:
                piece: bytes | None = next(pieces, b"")
            except FileNotFoundError:
                continue
            about = zipfile.ZipInfo(name, time.localtime()[:6])
            about.compress_type = compression
            with archive.open(about, "w") as file:
                while piece is not None:
                    file.write(piece)
                    if waiting := pipe.take():
                        yield waiting
                    piece = next(pieces, None)
            yield pipe.take()
    yield pipe.take()
