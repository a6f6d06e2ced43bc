"""Once a day after deletions: the database's file is written anew, so that nothing of what was deleted is left in it."""

from sqlalchemy import func, select

from app.core import jobs
from app.core.db import SessionFactory, compact, empty_log, reading, transaction
from app.core.storage.deletions import Journal
from app.core.tables import Job, JobKind, JobStatus


class Compaction:
    """Handles COMPACTION jobs. PostgreSQL cleans up by itself, see docs/operations.md."""

    def __init__(self, sessions: SessionFactory, journal: Journal) -> None:
        self._sessions = sessions
        self._journal = journal

    def run(self, job_id: int, _subject_id: int) -> None:
        """Compact and finish the job. Raises jobs.Interrupted while somebody reads, and what a full disk raises."""
        if self._is_worthwhile():
            compact(self._sessions)
        if not empty_log(self._sessions):
            raise jobs.Interrupted("somebody reads the database, so its log could not be emptied")
        with transaction(self._sessions) as session:
            jobs.finish(session, session.get_one(Job, job_id))

    def _is_worthwhile(self) -> bool:
        """Whether something was deleted since the last time."""
        entries = self._journal.entries()
        done = select(func.max(Job.created_at)).where(Job.kind == JobKind.COMPACTION, Job.status == JobStatus.DONE)
        with reading(self._sessions) as session:
            last = session.scalar(done)
        return bool(entries) and (last is None or entries[-1].deleted_at >= last)
