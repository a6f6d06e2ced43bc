"""Deletes originals after the retention period: a decision needs them, a decided record does not.

The copies for pages stay. They are large enough for the model, so a photo without its original can still be screened
again; only the camera's metadata, and detail beyond 2,048 pixels, is lost.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, false, func, select, update
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.storage import Storage
from app.submissions import photos
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Photo, StatusLog, Submission

# Undecided submissions need the original, for the expert and for the model.
DECIDED = (SubmissionStatus.AUTO_ACCEPTED, SubmissionStatus.VERIFIED)
_BATCH = 500


def decided_before(moment: datetime) -> ColumnElement[bool]:
    """SQL: a submission is decided, and has not changed since."""
    last = select(func.max(StatusLog.created_at)).where(StatusLog.submission_id == Submission.id).scalar_subquery()
    return and_(Submission.status.in_(DECIDED), func.coalesce(last, Submission.created_at) < moment)


@dataclass(frozen=True)
class Deletion:
    """``photos``: rows whose original is no longer kept; ``files``: deleted files, fewer where another row needs the file."""

    photos: int
    files: int


class Originals:
    """With ``days`` 0, nothing is deleted."""

    def __init__(self, sessions: SessionFactory, storage: Storage, days: int) -> None:
        self._sessions = sessions
        self._storage = storage
        self._days = days

    def plan(self) -> Deletion:
        """What ``apply`` would delete now."""
        with reading(self._sessions) as session:
            due = set(session.scalars(self._due()))
            newly_released = select(Photo.sha256).join(Submission).where(Photo.id.in_(self._due()))
            released = _released(session) | set(session.scalars(newly_released))
            needed = set(session.scalars(_needing().where(Photo.id.not_in(self._due()))))
        return Deletion(len(due), len(self._files(released - needed)))

    def apply(self) -> Deletion:
        """Mark the originals as removed, then delete the files that no photo needs. Idempotent.

        Files are deleted after the commit: the next run finds a file too many, but a missing one would be a broken record.
        Raises OSError if the storage can't be reached.
        """
        with transaction(self._sessions) as session:
            due = list(session.scalars(self._due()))
            for start in range(0, len(due), _BATCH):
                batch = due[start : start + _BATCH]
                session.execute(update(Photo).where(Photo.id.in_(batch)).values(original_removed_at=utcnow()))
        with reading(self._sessions) as session:
            unneeded = _released(session) - set(session.scalars(_needing()))
        files = self._files(unneeded)
        for sha256 in files:
            self._delete(sha256)
        return Deletion(len(due), len(files))

    def _due(self) -> Select[int]:
        """Photos whose submission is decided and has not changed for ``days`` days."""
        query = select(Photo.id).join(Submission).where(*_KEPT)
        return query.where(decided_before(utcnow() - timedelta(days=self._days)) if self._days else false())

    def _files(self, hashes: set[str]) -> list[str]:
        if not hashes:
            return []
        stored = (key.rpartition("/")[2] for key in self._storage.keys("original/"))
        return [sha256 for sha256 in stored if sha256 in hashes]

    def _delete(self, sha256: str) -> None:
        """Delete a file; put it back if a submission with the same photo arrived in the meantime."""
        key = photos.key_of(sha256, "original")
        data = self._storage.get(key)
        self._storage.delete(key)
        with reading(self._sessions) as session:
            needed = session.scalar(_needing().where(Photo.sha256 == sha256).limit(1))
        if needed is not None:
            self._storage.put(key, data)


_KEPT = (Photo.removed_at.is_(None), Photo.original_removed_at.is_(None))


def _needing() -> Select[str]:
    """Hashes of the originals that photos need."""
    return select(Photo.sha256).where(*_KEPT)


def _released(session: Session) -> set[str]:
    """Hashes of the originals that were marked as removed for some photo."""
    return set(session.scalars(select(Photo.sha256).where(Photo.original_removed_at.is_not(None))))
