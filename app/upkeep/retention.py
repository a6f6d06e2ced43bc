"""Deleting originals when their time is over, by setting: a decision needs them, a decided record does not.

The copies that pages show stay. They are large enough for the model, so a photo without its original is still screened
again when it has to be; only what a camera wrote into the file, and detail beyond 2,048 pixels, is gone for good.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, false, func, select, update
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.storage import Storage
from app.core.tables import Job
from app.submissions import photos
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Photo, StatusLog, Submission

# Whoever still has to decide, human or machine, looks at the original.
DECIDED = (SubmissionStatus.AUTO_ACCEPTED, SubmissionStatus.VERIFIED)
_BATCH = 500


@dataclass(frozen=True)
class Outcome:
    """``photos``: rows whose original is kept no longer; ``files`` that went with them. Another row may need the same file."""

    photos: int
    files: int


class Retention:
    """Handles RETENTION jobs. With ``days`` None, nothing is ever deleted."""

    def __init__(self, sessions: SessionFactory, storage: Storage, days: int | None) -> None:
        self._sessions = sessions
        self._storage = storage
        self._days = days

    def run(self, job_id: int, _subject_id: int) -> None:
        """Apply it and finish the job. Raises OSError when the storage can't be reached."""
        self.apply()
        with transaction(self._sessions) as session:
            jobs.finish(session, session.get_one(Job, job_id))

    def plan(self) -> Outcome:
        """What ``apply`` would do now."""
        with reading(self._sessions) as session:
            due = set(session.scalars(self._due()))
            gone = _released(session) | set(
                session.scalars(select(Photo.sha256).join(Submission).where(Photo.id.in_(self._due())))
            )
            needed = set(session.scalars(_needing().where(Photo.id.not_in(self._due()))))
        return Outcome(len(due), len(self._files(gone - needed)))

    def apply(self) -> Outcome:
        """Note that originals are kept no longer, then delete the files that nobody needs. Running it twice is once.

        Files follow the commit: a file too many is found by the next run, a file too few would be a broken record.
        """
        with transaction(self._sessions) as session:
            due = list(session.scalars(self._due()))
            for start in range(0, len(due), _BATCH):
                batch = due[start : start + _BATCH]
                session.execute(update(Photo).where(Photo.id.in_(batch)).values(original_removed_at=utcnow()))
        with reading(self._sessions) as session:
            gone = _released(session) - set(session.scalars(_needing()))
        files = self._files(gone)
        for sha256 in files:
            self._delete(sha256)
        return Outcome(len(due), len(files))

    def _due(self) -> Select[int]:
        """Photos whose submission was decided, and then left alone for so many days."""
        last = select(func.max(StatusLog.created_at)).where(StatusLog.submission_id == Submission.id).scalar_subquery()
        query = select(Photo.id).join(Submission).where(*_KEPT, Submission.status.in_(DECIDED))
        if self._days is None:
            return query.where(false())
        return query.where(func.coalesce(last, Submission.created_at) < utcnow() - timedelta(days=self._days))

    def _files(self, hashes: set[str]) -> list[str]:
        if not hashes:
            return []
        found = (key.rpartition("/")[2] for key in self._storage.keys("original/"))
        return [sha256 for sha256 in found if sha256 in hashes]

    def _delete(self, sha256: str) -> None:
        """A submission with the same photo that comes in at this very moment gets the file back."""
        key = photos.key_of(sha256, "original")
        data = self._storage.get(key)
        self._storage.delete(key)
        with reading(self._sessions) as session:
            needed = session.scalar(_needing().where(Photo.sha256 == sha256).limit(1))
        if needed is not None:
            self._storage.put(key, data)


_KEPT = (Photo.removed_at.is_(None), Photo.original_removed_at.is_(None))


def _needing() -> Select[str]:
    """Hashes of the originals that some photo needs."""
    return select(Photo.sha256).where(*_KEPT)


def _released(session: Session) -> set[str]:
    """Hashes of the originals that some photo needs no longer, because its time is over."""
    return set(session.scalars(select(Photo.sha256).where(Photo.original_removed_at.is_not(None))))
