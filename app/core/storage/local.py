"""A folder of this machine."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from app.core.storage.base import WRITING, StoredFile, check_key

# With less room than a few photos take, no more are invited.
_LEAST_FREE = 50_000_000


class LocalStorage:
    """A folder. Files are written beside their place, flushed to the disk, and renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def _path(self, key: str) -> Path:
        path = (self.root / check_key(key)).resolve()
        if not path.is_relative_to(self.root) or path == self.root:
            raise ValueError(f"not a storage key: {key!r}")
        return path

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        if path.exists() and path.stat().st_size == len(data):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=WRITING)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        flush_folder(path.parent)

    def get(self, key: str) -> bytes:
        return self._path(key).read_bytes()

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def keys(self, prefix: str = "") -> Iterator[str]:
        for file in self.files(prefix):
            yield file.key

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        for file in self._walk():
            if file.key.startswith(prefix) and not _is_leftover(file):
                yield file

    def leftovers(self) -> Iterator[StoredFile]:
        yield from filter(_is_leftover, self._walk())

    def _walk(self) -> Iterator[StoredFile]:
        for path in self.root.rglob("*"):
            try:
                found = path.stat()
            except FileNotFoundError:  # removed meanwhile
                continue
            if path.is_file():
                modified = datetime.fromtimestamp(found.st_mtime, UTC)
                yield StoredFile(path.relative_to(self.root).as_posix(), found.st_size, modified)

    def check(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.root, prefix=WRITING) as file:
            file.write(b"wingcheck")
            file.flush()
        if shutil.disk_usage(self.root).free < _LEAST_FREE:
            raise OSError(errno.ENOSPC, f"less than {_LEAST_FREE // 1_000_000} MB are free")


def _is_leftover(file: StoredFile) -> bool:
    return file.key.rpartition("/")[2].startswith(WRITING)


def flush_folder(folder: Path) -> None:
    """Make a rename in it survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
