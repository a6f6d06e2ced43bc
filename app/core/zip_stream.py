"""Zip files that are sent while they are written."""

import io
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Entry = tuple[str, Callable[[], Iterable[bytes]]]
"""A file's name, and a function that reads it in chunks."""


class _Pipe(io.RawIOBase):
    """Collects what a ZipFile writes, to be taken in chunks."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._buffer += data
        return len(data)

    def take(self) -> bytes:
        chunk = bytes(self._buffer)
        self._buffer.clear()
        return chunk


def zipped(entries: Iterable[Entry], compression: int = zipfile.ZIP_STORED) -> Iterator[bytes]:
    """The chunks of a zip file, with one chunk of one file in memory at a time; each file is smaller than 2 GiB.

    A file that no longer exists (FileNotFoundError before its first chunk) is left out.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        for name, read in entries:
            chunks = iter(read())
            try:
                chunk: bytes | None = next(chunks, b"")
            except FileNotFoundError:
                continue
            info = zipfile.ZipInfo(name, time.localtime()[:6])
            info.compress_type = compression
            with archive.open(info, "w") as file:
                while chunk is not None:
                    file.write(chunk)
                    if written := pipe.take():
                        yield written
                    chunk = next(chunks, None)
            yield pipe.take()
    yield pipe.take()
