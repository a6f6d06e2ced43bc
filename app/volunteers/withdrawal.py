"""Taking a submission back: what is personal is emptied, the files go, the log stays.

Tables say which of their columns are personal: ``info={"personal": "withdrawal"}`` for what goes with a submission, and
``info={"personal": "deletion"}`` for what goes only when a volunteer deletes everything. A second mark, ``about``, says what a
column tells: the privacy notice names each kind, and some kinds are deleted sooner (app/privacy).
"""

import logging
import secrets
from typing import Any, Literal

from sqlalchemy import Column, ColumnDefault, ColumnElement, UniqueConstraint, select, update
from sqlalchemy.orm import Mapper, Session

from app.core import jobs
from app.core.db import Base, SessionFactory, reading, transaction, utcnow
from app.core.storage import Storage
from app.core.tables import Job, JobKind
from app.mail import outbox
from app.mail.tables import Mail
from app.review import tasks
from app.submissions import photos, status
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Photo, Submission, Volunteer

log = logging.getLogger(__name__)

Occasion = Literal["withdrawal", "deletion"]


def take_back(session: Session, submission: Submission) -> int:
    """Withdraw ``submission`` and forget its place, note and what tells of the photos; the log stays.

    Returns the id of the job that removes the files. Do it at once, after the commit: a file too many is removed later, a
    file too few would be a broken record. Raises Conflict for one that is withdrawn already.
    """
    now = utcnow()
    status.change_status(submission, SubmissionStatus.WITHDRAWN, event="withdrawn", actor="volunteer")
    submission.withdrawn_at = now
    tasks.after_withdrawal(session, submission)
    for photo in submission.photos:
        photo.removed_at = now
    forget(session, submission, "withdrawal")
    outbox.forget(session, Mail.submission_id == submission.id)
    _forget_unneeded_address(session, submission.volunteer)
    return jobs.create(session, JobKind.REMOVAL, submission.id, sent_at=now).id


def _forget_unneeded_address(session: Session, volunteer: Volunteer) -> None:
    """Once nothing is left to write about, the address goes too."""
    session.flush()
    remaining = select(Submission.id).where(
        Submission.volunteer_id == volunteer.id, Submission.status != SubmissionStatus.WITHDRAWN
    )
    if session.scalar(remaining.limit(1)) is None:
        volunteer.email = volunteer.email_confirmed_at = None
        outbox.forget(session, Mail.volunteer_id == volunteer.id)


def forget(session: Session, owner: Submission | Volunteer, occasion: Occasion, *about: str) -> None:
    """Empty the columns marked for that occasion in every row of a submission, or in a volunteer's own.

    ``about``: only columns that tell this; none: all of them.
    """
    for mapper in Base.registry.mappers:
        columns = [column for column in mapper.columns if column.info.get("personal") == occasion]
        columns = [column for column in columns if not about or column.info["about"] in about]
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
        return f"deleted-{secrets.token_urlsafe(18)}"
    if column.nullable:
        return None
    if not isinstance(column.default, ColumnDefault):
        return ""
    first = column.default.arg
    return first(None) if callable(first) else first


class Removal:
    """Removes the files of withdrawn photos, as often as it takes: at once where all is well, else as a REMOVAL job."""

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

    def try_now(self, job_id: int, submission_id: int) -> None:
        """As ``run``, after the withdrawal was committed: whatever fails now, the sweep sends the job."""
        try:
            self.run(job_id, submission_id)
        except Exception:
            log.warning("the files of submission %s wait to be removed", submission_id, exc_info=True)

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
