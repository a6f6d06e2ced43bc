"""Deletions that the journal knows and the database does not, because it is an older one: found, and repeated."""

from typing import Protocol

from sqlalchemy.orm import Session

from app.accounts.erasure import Erasures
from app.core.db import SessionFactory, reading
from app.core.storage import Storage
from app.core.storage.deletions import Deletion, Journal
from app.volunteers.deleting import Deleting


class Repeats(Protocol):
    """What a room knows of the deletions that it notes in the journal."""

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of entries that are its own."""

    def lacks(self, session: Session, deletion: Deletion) -> bool:
        """Whether the database still has what was deleted. Rows of the same number that were made later are others."""

    def repeat(self, deletion: Deletion) -> None:
        """Delete it once more, without noting it. Idempotent."""


class Undone:
    """Deletions to be repeated. A room that notes deletions of its own kinds is added in ``_rooms``."""

    def __init__(self, sessions: SessionFactory, storage: Storage, journal: Journal) -> None:
        self._sessions = sessions
        self._journal = journal
        self._rooms: tuple[Repeats, ...] = (Deleting(sessions, storage, journal), Erasures(sessions))

    def lacking(self) -> list[Deletion]:
        """The deletions that the database lacks, the earliest first. Raises OSError if the journal can't be read."""
        entries = self._journal.entries()
        with reading(self._sessions) as session:
            return [entry for entry in entries if (room := self._room(entry)) and room.lacks(session, entry)]

    def repeat(self, deletion: Deletion) -> None:
        """Repeat one of those."""
        if room := self._room(deletion):
            room.repeat(deletion)

    def repeat_all(self) -> int:
        """Repeat all that the database lacks; returns how many."""
        lacking = self.lacking()
        for deletion in lacking:
            self.repeat(deletion)
        return len(lacking)

    def _room(self, deletion: Deletion) -> Repeats | None:
        """Whose it is; None for the kind of a newer Wingcheck."""
        return next((room for room in self._rooms if deletion.kind in room.kinds), None)
