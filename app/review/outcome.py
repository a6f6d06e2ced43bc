"""What a volunteer is told of a review: the outcome, what to look for next time, and questions."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.review import questions, standings, tasks
from app.review.rules import IdentificationKind, TaskState
from app.review.tables import ReviewQuestion
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Submission
from app.taxa.tables import Taxon


@dataclass(frozen=True)
class Told:
    """What experts settled. ``differs``: they named another species than the claim did; ``claimed`` is that species."""

    code: VerificationStatus
    kind: IdentificationKind
    taxon: Taxon | None
    claimed: Taxon | None
    at: datetime

    @property
    def differs(self) -> bool:
        """Whether there is something to look for next time: the marks of both species tell it."""
        return self.taxon is not None and self.claimed is not None and self.taxon.id != self.claimed.id


@dataclass(frozen=True)
class ReviewOutcome:
    """``told`` None: not settled. ``question`` waits for an answer; ``answered`` are earlier ones."""

    told: Told | None
    question: ReviewQuestion | None
    answered: list[ReviewQuestion]


def of_submission(session: Session, submission: Submission) -> ReviewOutcome:
    """What there is to tell; nothing of a submission that was withdrawn."""
    task = tasks.of(session, submission.id)
    if task is None or submission.status is SubmissionStatus.WITHDRAWN:
        return ReviewOutcome(None, None, [])
    told = None
    if task.state is TaskState.DECIDED and task.outcome_kind is not None and task.outcome_code is not None:
        at = task.closed_at or task.changed_at
        told = Told(task.outcome_code, task.outcome_kind, task.outcome_taxon, submission.claim.taxon, at)
    waiting = submission.status is SubmissionStatus.QUERIED
    return ReviewOutcome(
        told,
        standings.open_question(session, submission.id) if waiting else None,
        [row for row in questions.of_submission(session, submission.id) if row.answered_at is not None],
    )
