"""Taking a submission back: what is personal is emptied, the files go, the log stays.

Tables say which of their columns are personal and what kind of thing they hold, as in ``info={"personal": "sighting"}``. They
are emptied when the row's submission is withdrawn or, in the volunteer's own row, when everything is deleted. Columns that
stay say why, as in ``info={"stays": "log"}``. The pages that ask before a deletion list both.
The privacy notice has a line for each kind of thing, and some kinds are emptied sooner (app/privacy).
"""

import logging
import secrets
from typing import Any

from sqlalchemy import Column, ColumnDefault, ColumnElement, UniqueConstraint, select, update
from sqlalchemy.orm import Mapper, Session

from app.core import jobs
from app.core.db import Base, SessionFactory, empty_log, reading, transaction, utcnow
from app.core.storage import QUARANTINE, Storage
from app.core.tables import Job, JobKind
from app.mail import outbox
from app.mail.tables import Mail
from app.review import tasks
from app.submissions import photos, status
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Photo, Submission, Volunteer

ERASED = "deleted-"
"""What stands before the random text in a unique column that was emptied."""
log = logging.getLogger(__name__)


def take_back(session: Session, submission: Submission) -> int:
    """Withdraw ``submission`` and empty what is personal in its rows; the log stays.

    Returns the id of the job that removes the files. Do it at once, after the commit: a file too many is removed later, a
    file too few would be a broken record. Raises Conflict for one that is withdrawn already.
    """
    now = utcnow()
    status.change_status(submission, SubmissionStatus.WITHDRAWN, event="withdrawn", actor="volunteer")
    submission.withdrawn_at = now
    tasks.after_withdrawal(session, submission)
    for photo in submission.photos:
        photo.removed_at = now
    forget(session, submission)
    outbox.forget(session, Mail.submission_id == submission.id)
    _forget_unneeded_address(session, submission.volunteer)
    # An error may quote what it failed at.
    screening = (Job.kind == JobKind.SCREENING, Job.subject_id == submission.id)
    session.execute(update(Job).where(*screening).values(error="", problem=None))
    return jobs.create(session, JobKind.REMOVAL, submission.id, sent_at=now).id


def what_goes(*, everything: bool = False) -> set[str]:
    """The kinds of things that a withdrawal empties; ``everything``: with what only goes when a volunteer deletes it all."""
    return _marks("personal") - (set() if everything else _marks("personal", Volunteer))


def what_stays() -> set[str]:
    """The reasons for which something of a withdrawn submission stays."""
    return _marks("stays")


def _marks(mark: str, *classes: type[Base]) -> set[str]:
    mappers = [mapper for mapper in Base.registry.mappers if not classes or mapper.class_ in classes]
    return {column.info[mark] for mapper in mappers for column in mapper.columns if mark in column.info}


def _forget_unneeded_address(session: Session, volunteer: Volunteer) -> None:
    """Once nothing is left to write about, the address goes too."""
    session.flush()
    remaining = select(Submission.id).where(
        Submission.volunteer_id == volunteer.id, Submission.status != SubmissionStatus.WITHDRAWN
    )
    if session.scalar(remaining.limit(1)) is None:
        volunteer.email = volunteer.email_confirmed_at = None
        outbox.forget(session, Mail.volunteer_id == volunteer.id)


def forget(session: Session, owner: Submission | Volunteer, *kinds: str) -> None:
    """Empty the personal columns in every row of a submission, or in a volunteer's own. ``kinds``: only those; none: all."""
    for mapper in Base.registry.mappers:
        columns = [
            column for column in mapper.columns if column.info.get("personal") in (kinds or what_goes(everything=True))
        ]
        rows = _rows_of(mapper, owner) if columns else None
        if rows is not None:
            values = {mapper.get_property_by_column(column).key: _nothing(column) for column in columns}
            session.execute(update(mapper.class_).where(rows).values(values))


def _rows_of(mapper: Mapper[Any], owner: Submission | Volunteer) -> ColumnElement[bool] | None:
    """Which rows of a table belong to a submission or a volunteer; None: it is about others."""
    ids = {"id": [owner.id]} if isinstance(owner, mapper.class_) else {}
    if not ids and isinstance(owner, Submission):
        ids = {"submission_id": [owner.id], "photo_id": [photo.id for photo in owner.photos]}
    column = next((mapper.columns[name] for name in ids if name in mapper.columns), None)
    return None if column is None else column.in_(ids[column.name])


def _nothing(column: Column[Any]) -> Any:
    """What stands in a column that was emptied: NULL where that is allowed, else what stood there at first, else no text."""
    if any(column.name in key.columns for key in column.table.constraints if isinstance(key, UniqueConstraint)):
        return ERASED + secrets.token_urlsafe(18)
    if column.nullable:
        return None
    if not isinstance(column.default, ColumnDefault):
        return ""
    first = column.default.arg
    return first(None) if callable(first) else first


class Removal:
    """Removes the files of withdrawn photos, and old values from the database's log.

    That takes as many tries as it takes: one at once, right after the withdrawal, and then as a REMOVAL job.
    """

    def __init__(self, sessions: SessionFactory, storage: Storage) -> None:
        self._sessions = sessions
        self._storage = storage

    def run(self, job_id: int, submission_id: int) -> None:
        """Remove every file that a withdrawn photo left and no other photo shows; then finish the job.

        Raises OSError, and jobs.Interrupted while the log of the database can't be emptied.
        """
        with reading(self._sessions) as session:
            query = select(Photo.sha256).where(Photo.submission_id == submission_id, Photo.removed_at.is_not(None))
            hashes = set(session.scalars(query))
        for sha256 in hashes:
            self._discard(sha256)
        if not empty_log(self._sessions):
            raise jobs.Interrupted("somebody reads the database, so its log could not be emptied")
        with transaction(self._sessions) as session:
            jobs.finish(session, session.get_one(Job, job_id))

    def try_now(self, job_id: int, submission_id: int) -> None:
        """As ``run``, after the withdrawal was committed: whatever fails now, the sweep sends the job."""
        try:
            self.run(job_id, submission_id)
        except Exception:
            log.warning("what is left of submission %s waits to be removed", submission_id, exc_info=True)

    def _discard(self, sha256: str) -> None:
        """A submission that comes in at this very moment gets its files back."""
        if self._is_used(sha256):
            return
        removed = photos.discard(self._storage, sha256)
        for key in removed:
            self._storage.delete(QUARANTINE + key)  # there, if an older database was in service for a while
        if self._is_used(sha256):
            for key, data in removed.items():
                self._storage.put(key, data)

    def _is_used(self, sha256: str) -> bool:
        with reading(self._sessions) as session:
            query = select(Photo.id).where(Photo.sha256 == sha256, Photo.removed_at.is_(None)).limit(1)
            return session.scalar(query) is not None
