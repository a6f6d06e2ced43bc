"""Withdrawing one submission, and deleting everything of a volunteer.

The journal comes first, then the transaction, then the files: a crash in between loses no deletion. What stays after a
deletion tells nothing of anybody: that something was sent, when, what the model and the experts said, and that it was withdrawn.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.crash_points import reach
from app.core.db import SessionFactory, empty_log, reading, transaction
from app.core.storage import Storage
from app.core.storage.deletions import Deletion, Journal
from app.mail import outbox
from app.mail.tables import Mail
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission, Volunteer
from app.volunteers.withdrawal import ERASED, Removal, forget, take_back

SUBMISSION, VOLUNTEER = "submission", "volunteer"
_TABLES: dict[str, type[Submission] | type[Volunteer]] = {SUBMISSION: Submission, VOLUNTEER: Volunteer}
_STILL_THERE = {
    SUBMISSION: Submission.status != SubmissionStatus.WITHDRAWN,
    VOLUNTEER: ~Volunteer.key.startswith(ERASED),
}


@dataclass(frozen=True)
class Deleted:
    """How much was deleted."""

    volunteers: int
    submissions: int


class Deleting:
    """What volunteers have deleted, and what an older database makes necessary to delete once more."""

    kinds = frozenset(_TABLES)

    def __init__(self, sessions: SessionFactory, storage: Storage, journal: Journal) -> None:
        self._sessions = sessions
        self._journal = journal
        self._removal = Removal(sessions, storage)

    def withdraw(self, submission: Submission) -> None:
        """Delete what is personal of a submission, and keep the log. Files that another submission shows stay. Idempotent.

        Raises OSError where the journal can't be written; then nothing was withdrawn.
        """
        if submission.status is SubmissionStatus.WITHDRAWN:
            return
        self._journal.note(SUBMISSION, submission)
        reach("deletion-noted")
        self._take_back(submission.id)

    def erase(self, volunteer_ids: Iterable[int]) -> Deleted:
        """Withdraw every submission and forget the e-mail address, the cookie's key and every word that was typed.

        One transaction for all; the files follow, at once or, where the storage is away, as jobs. Raises OSError as above.
        """
        numbers = sorted(set(volunteer_ids))
        with reading(self._sessions) as session:
            rows = list(session.scalars(select(Volunteer).where(Volunteer.id.in_(numbers))))
        for row in rows:
            self._journal.note(VOLUNTEER, row)
        reach("deletion-noted")
        return self._erase(numbers)

    # --- what an older database does not know --------------------------------------------------------------------------

    def lacks(self, session: Session, deletion: Deletion) -> bool:
        """Whether the database still has what was deleted."""
        table = _TABLES[deletion.kind]
        is_same = (table.id == deletion.id, table.created_at == deletion.made_at)
        return session.scalar(select(table.id).where(*is_same, _STILL_THERE[deletion.kind])) is not None

    def repeat(self, deletion: Deletion) -> None:
        """Delete it once more."""
        if deletion.kind == SUBMISSION:
            self._take_back(deletion.id)
        else:
            self._erase([deletion.id])

    # --- the transactions ----------------------------------------------------------------------------------------------

    def _take_back(self, submission_id: int) -> None:
        with transaction(self._sessions) as session:
            query = select(Submission).where(Submission.id == submission_id).with_for_update(of=Submission)
            submission = session.scalars(query).one()
            if submission.status is SubmissionStatus.WITHDRAWN:
                return
            job_id = take_back(session, submission)
        reach("withdrawn-committed")
        self._removal.try_now(job_id, submission_id)

    def _erase(self, numbers: list[int]) -> Deleted:
        with transaction(self._sessions) as session:
            for number in numbers:
                forget(session, session.get_one(Volunteer, number))
                outbox.forget(session, Mail.volunteer_id == number)
            query = select(Submission).where(Submission.volunteer_id.in_(numbers)).order_by(Submission.id)
            rows = list(session.scalars(query.with_for_update(of=Submission)))
            work = [(take_back(session, row), row.id) for row in rows if row.status is not SubmissionStatus.WITHDRAWN]
        reach("withdrawn-committed")
        for job_id, submission_id in work:
            self._removal.try_now(job_id, submission_id)
        if not work:
            empty_log(self._sessions)
        return Deleted(len(numbers), len(rows))
