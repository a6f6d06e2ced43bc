"""Taking a submission back: what withdrawing one and deleting all of a volunteer's have in common."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.db import utcnow
from app.core.tables import JobKind
from app.review import tasks
from app.submissions import status
from app.submissions.rules import Source, SubmissionStatus
from app.submissions.tables import PredictionRecord, Submission
from app.versions.tables import CandidatePrediction, SnapshotPhoto


def take_back(session: Session, submission: Submission) -> int:
    """Withdraw ``submission`` and forget its place, note and what tells of the photos; the log stays.

    Returns the id of the job that removes the files. Do it at once, after the commit: a file too many is removed later, a
    file too few would be a broken record. Raises Conflict for one that is withdrawn already.
    """
    now = utcnow()
    status.change_status(session, submission, SubmissionStatus.WITHDRAWN, event="withdrawn", actor="volunteer")
    submission.withdrawn_at = now
    submission.place = submission.note = ""
    submission.latitude = submission.longitude = None
    submission.coordinate_source = Source.MISSING
    tasks.after_withdrawal(session, submission)
    for photo in submission.photos:
        photo.removed_at = now
        photo.filename = ""
        photo.square = photo.taken_at = None
    _forget_squares(session, [photo.id for photo in submission.photos])
    return jobs.create(session, JobKind.REMOVAL, submission.id, sent_at=now).id


def _forget_squares(session: Session, photo_ids: list[int]) -> None:
    """Where versions looked in the photos, and what else they saw there; what they said of the record stays."""
    for table in (PredictionRecord, CandidatePrediction):
        session.execute(update(table).where(table.photo_id.in_(photo_ids)).values(square=None, others=[]))
    session.execute(update(SnapshotPhoto).where(SnapshotPhoto.photo_id.in_(photo_ids)).values(square=None))
