"""The journal of deletions: what people asked us to delete, kept outside of the database, so that no older backup undoes it.

Each deletion is a file whose name says everything and whose content is empty: the kind, the number of the row, when the row
was made, and when it was deleted. Nothing of that is personal. The moment of making is in it because a database that was
restored gives the same numbers again. Files are never changed, so journals are merged by copying what is missing.

A deletion is noted before its transaction begins (ADR 24). An entry whose transaction never happened is therefore a deletion
that somebody confirmed and got no answer to; it is completed like one that a restore has undone.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from app.core.db import utcnow
from app.core.settings import Settings
from app.core.storage import DELETIONS, LocalStorage, Storage, make_storage

_NAME = re.compile(r"([a-z]+)\.(\d+)\.(\d{8}T\d{12})\.(\d{8}T\d{12})")
_TIME = "%Y%m%dT%H%M%S%f"


class Made(Protocol):
    """A row with a number, and the moment at which it was made."""

    id: int
    created_at: datetime


@dataclass(frozen=True)
class Deletion:
    """One entry. ``kind`` says what the number counts: ``submission``, ``volunteer``; rooms may add kinds of their own."""

    kind: str
    id: int
    made_at: datetime
    deleted_at: datetime

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.kind}.{self.id}.{_written(self.made_at)}.{_written(self.deleted_at)}"

    @classmethod
    def parse(cls, name: str) -> "Deletion | None":
        """The entry of that name; None for a file that is none."""
        match = _NAME.fullmatch(name)
        return None if match is None else cls(match[1], int(match[2]), _read(match[3]), _read(match[4]))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_TIME)


def _read(text: str) -> datetime:
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


class Journal:
    """The entries in one place. Every method raises OSError if that can't be reached."""

    def __init__(self, storage: Storage, prefix: str = "") -> None:
        self._storage = storage
        self._prefix = prefix

    def note(self, kind: str, row: Made) -> None:
        """Note that ``row`` is about to be deleted. On return the entry is on the disk. Call it before the transaction."""
        self.add(Deletion(kind, row.id, row.created_at, utcnow()))

    def add(self, deletion: Deletion) -> None:
        """Write an entry, unless it is there."""
        self._storage.put(self._prefix + deletion.name, b"")

    def remove(self, deletion: Deletion) -> None:
        """Take an entry out again, for a restore that failed."""
        self._storage.delete(self._prefix + deletion.name)

    def entries(self) -> list[Deletion]:
        """All entries, the earliest deletion first."""
        keys = self._storage.keys(self._prefix)
        found = [entry for key in keys if (entry := Deletion.parse(key.removeprefix(self._prefix)))]
        return sorted(found, key=lambda entry: (entry.deleted_at, entry.name))


def make_journal(settings: Settings) -> Journal:
    """The journal of an installation: ``deletions/`` in the data folder, or in the bucket where photos lie in one."""
    if settings.s3_bucket:
        return Journal(make_storage(settings), DELETIONS)
    return Journal(LocalStorage(settings.data_dir / DELETIONS))
