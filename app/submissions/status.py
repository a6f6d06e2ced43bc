"""The one place where a submission's status changes: it checks the transition and writes the log row."""

from typing import Any

from app.submissions.rules import SubmissionStatus, VerificationStatus, check_transition
from app.submissions.tables import StatusLog, Submission


def change_status(
    submission: Submission,
    new: SubmissionStatus,
    *,
    event: str,
    actor: str,
    verification_status: VerificationStatus | None = None,
    model_version_id: int | None = None,
) -> None:
    """Move ``submission`` to ``new`` and log it. Raises Conflict when the transition is not allowed."""
    old = submission.status
    check_transition(old, new)
    submission.status = new
    if verification_status is not None:
        submission.verification_status = verification_status
    _log(submission, old, event, actor, model_version_id)


def note_event(submission: Submission, *, event: str, actor: str, changes: dict[str, list[Any]] | None = None) -> None:
    """Log something that leaves the status as it is (received, claim kept, corrected: ``changes`` then say what)."""
    _log(submission, submission.status, event, actor, None)
    submission.log[-1].changes = changes


def _log(submission: Submission, old: SubmissionStatus, event: str, actor: str, model_version_id: int | None) -> None:
    submission.log.append(
        StatusLog(
            event=event,
            actor=actor,
            from_status=old,
            to_status=submission.status,
            verification_status=submission.verification_status,
            model_version_id=model_version_id,
        )
    )
