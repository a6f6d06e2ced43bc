"""What several checks ask of the verdicts."""

from sqlalchemy import ColumnElement, exists, func, select

from app.submissions.tables import ClaimRecord, Photo, Submission, VerdictRecord


def is_judged() -> ColumnElement[bool]:
    """Whether a submission has a verdict on its claim and its squares as they stand; as Submission.verdict, in SQL."""
    claim = select(func.max(ClaimRecord.id)).where(ClaimRecord.submission_id == Submission.id).correlate(Submission)
    changes = select(func.sum(Photo.square_changes)).where(Photo.submission_id == Submission.id).correlate(Submission)
    return exists().where(
        VerdictRecord.claim_id == claim.scalar_subquery(),
        VerdictRecord.square_changes == func.coalesce(changes.scalar_subquery(), 0),
    )
