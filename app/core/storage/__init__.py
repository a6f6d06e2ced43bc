"""Photo storage: bytes under a key, written completely or not at all. A folder, or an S3 bucket by setting."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Protocol

from app.core.settings import Settings

# Prefix of unfinished files, which are not keys.
WRITING = ".writing-"
# Before keys that are not of photos in use: files that no row needs, which the doctor keeps for a month, and the journal of
# deletions where it lies in the same bucket.
QUARANTINE, DELETIONS = "quarantine/", "deletions/"
# With less free space than a few photos take, the storage counts as full.
_LEAST_FREE = 50_000_000


@dataclass(frozen=True)
class StoredFile:
    """What is known of a file without reading it."""

    key: str
    size: int
    modified_at: datetime


class Storage(Protocol):
    """Bytes under keys like ``original/ab/abcd…``. Writing a key again is harmless: keys are content hashes.

    Every method raises OSError if the storage can't be reached, and ValueError for an invalid key.
    """

    def put(self, key: str, data: bytes) -> None:
        """Store the data, completely or not at all."""

    def get(self, key: str) -> bytes:
        """The bytes; raises FileNotFoundError."""

    def exists(self, key: str) -> bool:
        """Whether the key exists."""

    def delete(self, key: str) -> None:
        """Remove it; no error if it does not exist."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys that start with ``prefix``."""

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        """All files whose keys start with ``prefix``."""

    def leftovers(self) -> Iterator[StoredFile]:
        """Unfinished files, which may be being written now. ``delete`` accepts their keys too."""

    def check(self) -> None:
        """Raise OSError unless something can be written now."""


def check_key(key: str) -> str:
    """Return the key. Raises ValueError for one that is empty or leads out of the storage."""
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in key:
        raise ValueError(f"not a storage key: {key!r}")
    return key


def make_storage(settings: Settings) -> Storage:
    """The storage that the settings name. Connections are opened at first use."""
    if not settings.s3_bucket:
        return LocalStorage(settings.photo_dir)
    from app.core.storage.s3 import S3Storage

    return S3Storage(settings)


class LocalStorage:
    """A folder of this machine. Files are written beside their place, flushed to the disk, and renamed."""

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
        missing = [folder for folder in path.parents if not folder.exists()]
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
        for folder in (path, *missing):
            flush_folder(folder.parent)

    def get(self, key: str) -> bytes:
        return self._path(key).read_bytes()

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def keys(self, prefix: str = "") -> Iterator[str]:
        return (file.key for file in self.files(prefix))

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        return (file for file in self._walk() if file.key.startswith(prefix) and not _is_leftover(file))

    def leftovers(self) -> Iterator[StoredFile]:
        return filter(_is_leftover, self._walk())

    def _walk(self) -> Iterator[StoredFile]:
        for path in self.root.rglob("*"):
            try:
                status = path.stat()
            except FileNotFoundError:  # removed in the meantime
                continue
            if path.is_file():
                modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
                yield StoredFile(path.relative_to(self.root).as_posix(), status.st_size, modified_at)

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
