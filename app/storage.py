"""Where photos lie: bytes under a key, written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """Bytes under keys like ``originals/ab/abcd….jpg``. Writing the same key again is harmless: keys are content hashes."""

    def put(self, key: str, data: bytes) -> None:
        """Store whole or not at all; raises OSError when it can't."""

    def get(self, key: str) -> bytes:
        """The bytes; raises FileNotFoundError."""

    def exists(self, key: str) -> bool:
        """Whether the key is there."""

    def delete(self, key: str) -> None:
        """Remove it; no error where it is gone already."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys that start with ``prefix``."""

    def check(self) -> None:
        """Raise OSError unless something can be written now."""


class LocalStorage:
    """A folder. Files are written beside their place, flushed to the disk, and renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def _path(self, key: str) -> Path:
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root) or path == self.root:
            raise ValueError(f"not a storage key: {key!r}")
        return path

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        if path.exists() and path.stat().st_size == len(data):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _flush_folder(path.parent)

    def get(self, key: str) -> bytes:
        return self._path(key).read_bytes()

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def keys(self, prefix: str = "") -> Iterator[str]:
        for path in self.root.rglob("*"):
            key = path.relative_to(self.root).as_posix()
            if path.is_file() and not path.name.startswith(".writing-") and key.startswith(prefix):
                yield key

    def check(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.root, prefix=".writing-") as file:
            file.write(b"wingcheck")
            file.flush()


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
