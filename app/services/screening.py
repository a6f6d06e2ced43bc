"""Screening: the model looks at a submission's photos, the policy makes a verdict, the status follows.

Runs in the worker. It may run twice for the same submission (a lost worker): predictions and verdicts already there are
kept, and a status is only changed from where screening may change it.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from sqlalchemy.orm import Session

from app.crash_points import reach
from app.db import SessionFactory, reading, transaction
from app.domain.review import PhotoQuality
from app.domain.submission import ClaimKind, SubmissionStatus
from app.domain.verdict import Claim, Opinion, Outcome, Policy, Verdict, judge
from app.domain.verification import VerificationStatus
from app.models import ClaimRecord, Job, Photo, PredictionRecord, Submission, VerdictRecord
from app.services import jobs, photos, status
from app.services.classifiers import Classifiers, Served
from app.services.inference import Answer, PhotoError, Square, policy_of
from app.services.review import quality, tasks, trust
from app.storage import Storage

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
            waiting = submission.status in _SCREENABLE
            kept = [p for p in submission.photos if p.removed_at is None]
            todo = [(p.id, photos.largest(p), p.square) for p in kept]
            pictures = [quality.Picture.of(p) for p in kept]
        served = self._classifiers.current()
        answers = self._ask(served, todo) if waiting else {}
        looks = quality.best(self._storage, pictures) if waiting else PhotoQuality.UNKNOWN
        reach("predicted")
        with transaction(self._sessions) as session:
            submission = session.get_one(Submission, submission_id, with_for_update={"of": Submission})
            if answers and submission.status in _SCREENABLE:
                _record(session, submission, served, answers, looks)
            jobs.finish(session, session.get_one(Job, job_id))
            reach("verdict-written")
        reach("screened")
        if self._afterwards is not None and answers:
            self._afterwards(submission_id)

    def _ask(self, served: Served, todo: list[tuple[int, str, list[float] | None]]) -> dict[int, Answer]:
        sources = [(partial(self._read, key), Square(*square) if square else None) for _, key, square in todo]
        answers = self._classifiers.answer(served, sources)
        found = {}
        for (photo_id, key, _), answer in zip(todo, answers, strict=True):
            if isinstance(answer, PhotoError):
                raise PhotosUnreadable(f"photo {key}: {answer.detail}")
            found[photo_id] = answer
        return found

    def _read(self, key: str) -> bytes:
        data = self._storage.get(key)
        reach("photos-read")
        return data


def _record(
    session: Session, submission: Submission, served: Served, fresh: dict[int, Answer], looks: PhotoQuality
) -> None:
    kept = [photo for photo in submission.photos if photo.removed_at is None]
    opinions = [_keep_prediction(session, photo, served.id, fresh[photo.id]) for photo in kept]
    claim = submission.claim
    if any(v.claim_id == claim.id and v.model_version_id == served.id for v in submission.verdicts):
        return
    policy, accepts = _policy_for(session, submission, served)
    verdict = judge(witness(claim, served), opinions, policy)
    accepted = accepts and verdict.outcome is Outcome.AGREE and verdict.within_error_bound
    row = _verdict_row(verdict, claim, served.id, policy, accepted)
    submission.verdicts.append(row)
    session.flush()
    _move(session, submission, verdict, accepted, served.id)
    tasks.after_screening(session, submission, row, looks)


def _keep_prediction(session: Session, photo: Photo, version_id: int, answer: Answer) -> Opinion:
    """Append the prediction, or return the one this version made before."""
    for row in photo.predictions:
        if row.model_version_id == version_id:
            return Opinion(row.probabilities, row.in_scope)
    photo.predictions.append(
        PredictionRecord(
            model_version_id=version_id,
            probabilities=dict(answer.opinion.probabilities),
            in_scope=answer.opinion.in_scope,
            sketch=list(answer.sketch),
        )
    )
    session.flush()
    return answer.opinion


def _policy_for(session: Session, submission: Submission, served: Served) -> tuple[Policy, bool]:
    """The version's thresholds at the error rate wanted for the claimed taxon, and whether the machine may accept it.

    It may not where the taxon is suspended, nor once a person has identified the submission.
    """
    taxon = submission.claim.taxon
    wanted = taxon.policy if taxon is not None else None
    policy = policy_of(served.info, wanted.wanted_error if wanted else None)
    if taxon is None or wanted is None or not wanted.machine_acceptance:
        return policy, False
    task = tasks.of(session, submission.id)
    return policy, not (task and task.answers) and not trust.is_suspended(session, taxon.id)


def witness(claim: ClaimRecord, served: Served) -> Claim:
    """The claim, with how far such claims are to be believed."""
    own = claim.taxon.policy.claim_reliability if claim.taxon is not None and claim.taxon.policy else None
    reliability = served.info.policy.default_claim_reliability if own is None else own
    name = claim.taxon.scientific_name if claim.kind is ClaimKind.TAXON and claim.taxon else None
    return Claim(claim.kind, name, reliability, claim.informed)


def _verdict_row(
    verdict: Verdict, claim: ClaimRecord, version_id: int, policy: Policy, accepted: bool
) -> VerdictRecord:
    return VerdictRecord(
        claim_id=claim.id,
        model_version_id=version_id,
        outcome=verdict.outcome,
        reason=verdict.reason,
        photo_position=verdict.photo,
        support=verdict.support,
        suggested=verdict.suggested,
        within_error_bound=verdict.within_error_bound,
        machine_accepted=accepted,
        policy=asdict(policy),
    )


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

    if submission.status is not SubmissionStatus.SCREENED:
        change(SubmissionStatus.SCREENED)
    if accepted:
        change(SubmissionStatus.AUTO_ACCEPTED, VerificationStatus.ACCEPTED_BY_MACHINE)
    elif verdict.outcome is not Outcome.AGREE:
        change(SubmissionStatus.FLAGGED)
