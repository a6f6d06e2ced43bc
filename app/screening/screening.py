"""Screening: the model looks at a submission's photos, the policy makes a verdict, the status follows.

Runs in the worker. It may run twice for the same submission (a lost worker): predictions and verdicts already there are
kept. A changed claim or square gets another verdict; a person's question or decision stays as it is.
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
from app.predictions.inference import Answer, PhotoError
from app.predictions.rules import Opinion, Outcome, Verdict
from app.review import acceptance, tasks
from app.review.judging import Judge
from app.review.rules import PhotoQuality
from app.screening import quality
from app.submissions import photos, status
from app.submissions.looks import drawn, values_of
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Photo, PredictionRecord, Submission, VerdictRecord

_SCREENABLE = {SubmissionStatus.RECEIVED, SubmissionStatus.FLAGGED, SubmissionStatus.SCREENED}


class PhotosUnreadable(jobs.Hopeless):
    """A stored photo can't be read: an operator has to look, trying again may not help."""


class Screening:
    """Handles SCREENING jobs."""

    def __init__(
        self,
        sessions: SessionFactory,
        storage: Storage,
        classifiers: Classifiers,
        afterwards: Callable[[int], None] | None = None,
    ) -> None:
        """``afterwards`` is called with the id of each submission that was screened, after the commit."""
        self._sessions = sessions
        self._storage = storage
        self._classifiers = classifiers
        self._afterwards = afterwards

    def run(self, job_id: int, submission_id: int) -> None:
        """Screen one submission and finish the job, in one transaction. Raises what stopped it."""
        with reading(self._sessions) as session:
            submission = session.get_one(Submission, submission_id)
            due = _is_due(submission)
            photos_left = submission.remaining_photos
        served = self._classifiers.current()
        answers = self._ask(served, photos_left) if due else {}
        photo_quality = quality.best(
            quality.of_stored(self._storage, photo, answers[photo.id].square)
            for photo in photos_left
            if photo.id in answers
        )
        reach("predicted")
        with transaction(self._sessions) as session:
            submission = session.get_one(Submission, submission_id, with_for_update={"of": Submission})
            moved = submission.square_changes != sum(photo.square_changes for photo in photos_left)
            if answers and not moved and _is_due(submission):  # for squares that were moved meanwhile another job waits
                record(session, submission, served, answers, photo_quality)
            jobs.finish(session, session.get_one(Job, job_id))
            reach("verdict-written")
        reach("screened")
        if self._afterwards is not None and answers:
            self._afterwards(submission_id)

    def _ask(self, served: Served, photos_left: list[Photo]) -> dict[int, Answer]:
        keys = [photos.largest(photo) for photo in photos_left]
        sources = [(partial(self._read, key), drawn(photo)) for key, photo in zip(keys, photos_left, strict=True)]
        answers = {}
        for photo, key, answer in zip(photos_left, keys, self._classifiers.answer(served, sources), strict=True):
            if isinstance(answer, PhotoError):
                raise PhotosUnreadable(f"photo {key}: {answer.detail}")
            answers[photo.id] = answer
        return answers

    def _read(self, key: str) -> bytes:
        data = self._storage.get(key)
        reach("photos-read")
        return data


def _is_due(submission: Submission) -> bool:
    """Whether a verdict is due: always while the machine decides, else once for each claim and square."""
    if submission.status is SubmissionStatus.WITHDRAWN:
        return False
    return submission.status in _SCREENABLE or submission.verdict is None


def record(
    session: Session, submission: Submission, served: Served, answers: dict[int, Answer], photo_quality: PhotoQuality
) -> None:
    """Write the predictions of ``served`` (``answers`` by photo id), the verdict on the claim, and what follows from it.

    ``photo_quality``: that of the best photo.
    """
    photos_left = submission.remaining_photos
    opinions = [_store_prediction(photo, served.id, answers[photo.id]) for photo in photos_left]
    claim, changes = submission.claim, submission.square_changes
    key = (claim.id, served.id, changes)
    if any((v.claim_id, v.model_version_id, v.square_changes) == key for v in submission.verdicts):
        return
    judge = Judge.of_taxon(claim.taxon, served)
    verdict = judge.verdict(claim, opinions)
    accepted = verdict.within_error_bound and _may_accept(session, submission)
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
        policy=asdict(judge.policy),
    )
    submission.verdicts.append(row)
    if submission.status is not SubmissionStatus.VERIFIED:  # a person's decision stands
        _move(submission, verdict, accepted, served.id)
        tasks.after_screening(session, submission, row, photo_quality)


def _store_prediction(photo: Photo, version_id: int, answer: Answer) -> Opinion:
    """Store the prediction, unless this version has predicted the same square before; returns the stored one's opinion."""
    earlier = photo.prediction(version_id)
    if earlier is not None:
        return earlier.opinion
    photo.predictions.append(
        PredictionRecord(model_version_id=version_id, sketch=list(answer.sketch), **values_of(answer, photo))
    )
    return answer.opinion


def _may_accept(session: Session, submission: Submission) -> bool:
    """Whether the machine may accept claims of this taxon, and no person has the submission in hand."""
    taxon = submission.claim.taxon
    if taxon is None or taxon.id not in acceptance.accepted_taxa(session):
        return False
    return not tasks.is_in_hand(session, submission.id)


def _move(submission: Submission, verdict: Verdict, accepted: bool, version_id: int) -> None:
    def change(new: SubmissionStatus, verification: VerificationStatus | None = None) -> None:
        status.change_status(
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
