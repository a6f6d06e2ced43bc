"""Removing the files of withdrawn photos, as often as it takes: at once where all is well, else as a job of the worker."""

from sqlalchemy import select

from app.core import jobs
from app.core.db import SessionFactory, reading, transaction
from app.core.storage import Storage
from app.core.tables import Job
from app.submissions import photos
from app.submissions.tables import Photo


class Removal:
    """Handles REMOVAL jobs."""

    def __init__(self, sessions: SessionFactory, storage: Storage) -> None:
        self._sessions = sessions
        self._storage = storage

    def run(self, job_id: int, submission_id: int) -> None:
        """Remove every file that a withdrawn photo left and no other photo shows; then finish the job. Raises OSError."""
        with reading(self._sessions) as session:
            query = select(Photo.sha256).where(Photo.submission_id == submission_id, Photo.removed_at.is_not(None))
            hashes = set(session.scalars(query))
        for sha256 in hashes:
            self._discard(sha256)
        with transaction(self._sessions) as session:
            jobs.finish(session, session.get_one(Job, job_id))

    def _discard(self, sha256: str) -> None:
        """A submission that comes in at this very moment gets its files back."""
        if self._is_used(sha256):
            return
        removed = photos.discard(self._storage, sha256)
        if self._is_used(sha256):
            for key, data in removed.items():
                self._storage.put(key, data)

    def _is_used(self, sha256: str) -> bool:
        with reading(self._sessions) as session:
            query = select(Photo.id).where(Photo.sha256 == sha256, Photo.removed_at.is_(None)).limit(1)
            return session.scalar(query) is not None
