"""Screening: the model looks at a submission's photos, the policy makes a verdict, the status follows.

Runs in the worker. It may run twice for the same submission (a lost worker): predictions and verdicts already there are
kept. A claim or a square that is changed gets another verdict; what a person has asked or decided stays as it is.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from sqlalchemy.orm import Session

from app.core import jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, reading, transaction
from app.core.storage import Storage
from app.core.tables import Job
from app.predictions.classifiers import Classifiers, Served
from app.predictions.inference import Answer, PhotoError, policy_of
from app.predictions.rules import Opinion, Outcome, Policy, Verdict, judge
from app.review import quality, tasks, trust
from app.review.rules import PhotoQuality
from app.submissions import photos, status
from app.submissions.looks import drawn, values_of, witness
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Photo, PredictionRecord, Submission, VerdictRecord

_SCREENABLE = {SubmissionStatus.RECEIVED, SubmissionStatus.FLAGGED, SubmissionStatus.SCREENED}


class PhotosUnreadable(jobs.Hopeless):
    """A kept photo can't be read back: an operator has to look, trying again may not help."""


class Screening:
    """Handles SCREENING jobs."""

    def __init__(
        self,
        sessions: SessionFactory,
        storage: Storage,
        classifiers: Classifiers,
        afterwards: Callable[[int], None] | None = None,
    ) -> None:
        """``afterwards`` is told of each submission that was screened, when that is written."""
        self._sessions = sessions
        self._storage = storage
        self._classifiers = classifiers
        self._afterwards = afterwards

    def run(self, job_id: int, submission_id: int) -> None:
        """Screen one submission and finish the job, in one transaction. Raises what stopped it."""
        with reading(self._sessions) as session:
            submission = session.get_one(Submission, submission_id)
            due = _is_due(submission)
            remaining = submission.remaining_photos
        served = self._classifiers.current()
        answers = self._ask(served, remaining) if due else {}
        best_quality = quality.best(
            quality.of_kept(self._storage, photo, answers[photo.id].square)
            for photo in remaining
            if photo.id in answers
        )
        reach("predicted")
        with transaction(self._sessions) as session:
            submission = session.get_one(Submission, submission_id, with_for_update={"of": Submission})
            moved = submission.square_changes != sum(photo.square_changes for photo in remaining)
            if answers and not moved and _is_due(submission):  # for squares that were moved meanwhile another job waits
                record(session, submission, served, answers, best_quality)
            jobs.finish(session, session.get_one(Job, job_id))
            reach("verdict-written")
        reach("screened")
        if self._afterwards is not None and answers:
            self._afterwards(submission_id)

    def _ask(self, served: Served, remaining: list[Photo]) -> dict[int, Answer]:
        """What the version says of each photo, by the number of its row. Raises PhotosUnreadable."""
        keys = [photos.largest(photo) for photo in remaining]
        sources = [(partial(self._read, key), drawn(photo)) for key, photo in zip(keys, remaining, strict=True)]
        answers = {}
        for photo, key, answer in zip(remaining, keys, self._classifiers.answer(served, sources), strict=True):
            if isinstance(answer, PhotoError):
                raise PhotosUnreadable(f"photo {key}: {answer.detail}")
            answers[photo.id] = answer
        return answers

    def _read(self, key: str) -> bytes:
        data = self._storage.get(key)
        reach("photos-read")
        return data


def _is_due(submission: Submission) -> bool:
    """Whether the machine has something to say: always while it decides, and once on each claim and square whoever does."""
    if submission.status is SubmissionStatus.WITHDRAWN:
        return False
    return submission.status in _SCREENABLE or submission.verdict is None


def record(
    session: Session, submission: Submission, served: Served, answers: dict[int, Answer], best_quality: PhotoQuality
) -> None:
    """Write what ``served`` says of the photos (by their row's id), the verdict on the claim, and what follows from it.

    ``best_quality``: how well the best photo shows its animal.
    """
    opinions = [_add_prediction(session, photo, served.id, answers[photo.id]) for photo in submission.remaining_photos]
    claim, changes = submission.claim, submission.square_changes
    judged = (claim.id, served.id, changes)
    if any((row.claim_id, row.model_version_id, row.square_changes) == judged for row in submission.verdicts):
        return
    policy, accepts = _policy_for(session, submission, served)
    verdict = judge(witness(claim, served), opinions, policy)
    accepted = accepts and verdict.outcome is Outcome.AGREE and verdict.within_error_bound
    row = VerdictRecord(
        claim_id=claim.id,
        model_version_id=served.id,
        square_changes=changes,
        outcome=verdict.outcome,
        reason=verdict.reason,
        photo_position=verdict.photo,
        support=verdict.support,
        suggested=verdict.suggested,
        within_error_bound=verdict.within_error_bound,
        machine_accepted=accepted,
        policy=asdict(policy),
    )
    submission.verdicts.append(row)
    session.flush()
    if submission.status is not SubmissionStatus.VERIFIED:  # what a person has decided stands
        _move(session, submission, verdict, accepted, served.id)
        tasks.after_screening(session, submission, row, best_quality)


def _add_prediction(session: Session, photo: Photo, version_id: int, answer: Answer) -> Opinion:
    """Append the prediction, or return the one this version made of the same square before."""
    earlier = photo.prediction(version_id)
    if earlier is not None:
        return earlier.opinion
    photo.predictions.append(
        PredictionRecord(model_version_id=version_id, sketch=list(answer.sketch), **values_of(answer, photo))
    )
    session.flush()
    return answer.opinion


def _policy_for(session: Session, submission: Submission, served: Served) -> tuple[Policy, bool]:
    """The version's thresholds at the error rate wanted for the claimed taxon, and whether the machine may accept it.

    It may not where the taxon is suspended, nor where a person has the submission in hand.
    """
    taxon = submission.claim.taxon
    own = taxon.policy if taxon is not None else None
    policy = policy_of(served.info, own.wanted_error if own else None)
    if taxon is None or own is None or not own.machine_acceptance:
        return policy, False
    return policy, not tasks.is_in_hand(session, submission.id) and not trust.is_suspended(session, taxon.id)


def _move(session: Session, submission: Submission, verdict: Verdict, accepted: bool, version_id: int) -> None:
    def change(new: SubmissionStatus, verification: VerificationStatus | None = None) -> None:
        status.change_status(
            session,
            submission,
            new,
            event="screened",
            actor="machine",
            verification_status=verification,
            model_version_id=version_id,
        )

    if submission.status is SubmissionStatus.QUERIED:  # a person waits for the volunteer
        return
    if submission.status is SubmissionStatus.AUTO_ACCEPTED:
        if not accepted:
            change(SubmissionStatus.FLAGGED, VerificationStatus.PENDING)
        return
    if submission.status is not SubmissionStatus.SCREENED:
        change(SubmissionStatus.SCREENED)
    if accepted:
        change(SubmissionStatus.AUTO_ACCEPTED, VerificationStatus.ACCEPTED_BY_MACHINE)
    elif verdict.outcome is not Outcome.AGREE:
        change(SubmissionStatus.FLAGGED)
