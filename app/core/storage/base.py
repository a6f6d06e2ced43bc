"""What every storage does."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol

# Names that begin so are being written, or were when the power went; they are no keys.
WRITING = ".writing-"


@dataclass(frozen=True)
class StoredFile:
    """What is known of a file without reading it."""

    key: str
    size: int
    modified_at: datetime


class Storage(Protocol):
    """Bytes under keys like ``original/ab/abcd…``. Writing the same key again is harmless: keys are content hashes.

    Every method raises OSError when the storage can't be reached, and ValueError for what is no key.
    """

    def put(self, key: str, data: bytes) -> None:
        """Store whole or not at all."""

    def get(self, key: str) -> bytes:
        """The bytes; raises FileNotFoundError."""

    def exists(self, key: str) -> bool:
        """Whether the key is there."""

    def delete(self, key: str) -> None:
        """Remove it; no error where it is gone already."""

    def keys(self, prefix: str = "") -> Iterator[str]:
        """All keys that start with ``prefix``."""

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        """All files whose keys start with ``prefix``."""

    def leftovers(self) -> Iterator[StoredFile]:
        """What was begun and never finished, or is being written now. ``delete`` takes these keys too."""

    def check(self) -> None:
        """Raise OSError unless something can be written now."""


def check_key(key: str) -> str:
    """The key itself. Raises ValueError for one that leads out of the storage, or nowhere."""
    path = PurePosixPath(key)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in key:
        raise ValueError(f"not a storage key: {key!r}")
    return key
