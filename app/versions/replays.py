"""Replays: what a candidate would have made of the season, without changing anything of it.

A replay is cut into chunks, each a job, so that several workers share it. What persons decided stays what it is; what the
machine accepted is only told, where the candidate disputes it.
"""

from collections.abc import Callable, Sequence, Set
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core import jobs
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict, NotFound
from app.core.tables import Job, JobKind, JobStatus
from app.predictions.classifiers import Served
from app.predictions.registry import serving_for
from app.predictions.rules import Opinion, Outcome
from app.review import acceptance
from app.review.judging import Judge
from app.review.rules import TaskState
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Photo, Submission
from app.versions.candidates import Candidates, opinions
from app.versions.promotion import get as get_version
from app.versions.rules import Part
from app.versions.tables import PhotoPart, Replay, ReplayChunk, ReplayVerdict

CHUNK = 100
_LEFT_OUT = (SubmissionStatus.WITHDRAWN, SubmissionStatus.RECEIVED)


class Replays:
    """Starting replays and reading what they found."""

    def __init__(self, sessions: SessionFactory, send_message: Callable[[int], bool]) -> None:
        self._sessions = sessions
        self._send = send_message

    def start(
        self, version_id: int, user_id: int | None, *, since: datetime | None = None, only_measuring: bool = False
    ) -> int:
        """Queue a replay against the version that serves; its number.

        Raises NotFound, Conflict where nothing serves, the candidate is what serves, or there is nothing to look at.
        """
        with transaction(self._sessions) as session:
            chunks = begin(session, version_id, user_id, since=since, only_measuring=only_measuring)
            replay_id, job_ids = chunks[0].replay_id, [chunk.job_id for chunk in chunks]
            kind = "measuring photos" if only_measuring else "season"
            audit.record(session, user_id, "model.replayed", f"model:{version_id}", {"what": kind})
        self._send_all(job_ids)
        return replay_id

    def retry(self, replay_id: int, user_id: int | None) -> None:
        """Queue the parts that failed again. Raises NotFound, Conflict where none did."""
        with transaction(self._sessions) as session:
            replay = session.get(Replay, replay_id)
            if replay is None:
                raise NotFound("There is no such replay.")
            failed = select(Job).join(ReplayChunk, ReplayChunk.job_id == Job.id)
            failed = failed.where(ReplayChunk.replay_id == replay_id, Job.status == JobStatus.FAILED)
            again = list(session.scalars(failed.with_for_update(of=Job)))
            if not again:
                raise Conflict("No part of this replay has failed.")
            for job in again:
                jobs.revive(job)
            subject = f"model:{replay.model_version_id}"
            audit.record(session, user_id, "model.replayed", subject, {"what": "failed parts again"})
            job_ids = [job.id for job in again]
        self._send_all(job_ids)

    def _send_all(self, job_ids: Sequence[int]) -> None:
        for job_id in job_ids:
            jobs.send(self._sessions, self._send, job_id)


def begin(
    session: Session,
    version_id: int,
    user_id: int | None,
    *,
    since: datetime | None = None,
    only_measuring: bool = False,
) -> list[ReplayChunk]:
    """The rows of a replay, in the caller's transaction; see Replays.start."""
    version = get_version(session, version_id)
    serving = serving_for(session, version.task)
    if serving is None or serving.id == version.id:
        raise Conflict("A replay needs a version other than the one in service.")
    numbers = list(session.scalars(_submissions(since, only_measuring)))
    if not numbers:
        raise Conflict("There are no submissions to replay.")
    replay = Replay(
        model_version_id=version.id,
        against_id=serving.id,
        only_measuring=only_measuring,
        since=since,
        submissions=len(numbers),
        user_id=user_id,
    )
    session.add(replay)
    session.flush()
    chunks = []
    for start in range(0, len(numbers), CHUNK):
        job = jobs.create(session, JobKind.REPLAY, 0, sent_at=utcnow())
        chunk = ReplayChunk(replay_id=replay.id, job_id=job.id, submission_ids=numbers[start : start + CHUNK])
        session.add(chunk)
        session.flush()
        job.subject_id = chunk.id
        chunks.append(chunk)
    return chunks


def _submissions(since: datetime | None, only_measuring: bool) -> Select[int]:
    query = select(Submission.id).where(Submission.status.not_in(_LEFT_OUT)).order_by(Submission.id)
    if since is not None:
        query = query.where(Submission.created_at >= since)
    if only_measuring:
        measuring = select(PhotoPart.sha256).where(PhotoPart.part == Part.TEST)
        query = query.where(
            select(Photo.id).where(Photo.submission_id == Submission.id, Photo.sha256.in_(measuring)).exists()
        )
    return query


class Replaying:
    """Handles REPLAY jobs: one chunk each."""

    def __init__(self, sessions: SessionFactory, candidates: Candidates) -> None:
        self._sessions = sessions
        self._candidates = candidates

    def run(self, job_id: int, chunk_id: int) -> None:
        """Ask both versions, write both verdicts, finish the job. Twice is once. Raises what stopped it."""
        with reading(self._sessions) as session:
            chunk = session.get_one(ReplayChunk, chunk_id)
            replay, numbers = chunk.replay, chunk.submission_ids
            seen = list(
                session.scalars(select(Photo).where(Photo.submission_id.in_(numbers), Photo.removed_at.is_(None)))
            )
        versions = (replay.against_id, replay.model_version_id)
        for version_id in versions:
            self._candidates.ask(version_id, seen)
        before, after = (self._candidates.served(version_id) for version_id in versions)
        with transaction(self._sessions) as session:
            there = select(ReplayVerdict.submission_id).where(ReplayVerdict.replay_id == replay.id)
            todo = set(numbers) - set(session.scalars(there.where(ReplayVerdict.submission_id.in_(numbers))))
            accepted_taxa = acceptance.accepted_taxa(session)
            for submission in session.scalars(select(Submission).where(Submission.id.in_(todo))):
                row = both_verdicts(session, submission, before, after, accepted_taxa)
                if row is not None:
                    row.replay_id = replay.id
                    session.add(row)
            jobs.finish(session, session.get_one(Job, job_id))


def both_verdicts(
    session: Session, submission: Submission, before: Served, after: Served, accepted_taxa: Set[int]
) -> ReplayVerdict | None:
    """What either version makes of a submission, from what both said of its photos; not added to a replay yet.

    None where there is nothing to judge: it was withdrawn meanwhile, or one of its photos can't be read.
    """
    kept = [photo.id for photo in submission.photos if photo.removed_at is None]
    made = []
    for served in (before, after):
        found = opinions(session, served.id, kept)
        if not kept or len(found) != len(kept):
            return None
        made.append(_verdict(submission, served, [found[number] for number in kept], accepted_taxa))
    task = session.get(ReviewTask, submission.id)
    return ReplayVerdict(
        submission_id=submission.id,
        before=made[0][0],
        after=made[1][0],
        accepted_before=made[0][1],
        accepted_after=made[1][1],
        accepted_now=submission.status is SubmissionStatus.AUTO_ACCEPTED,
        decided=task is not None and task.state is TaskState.DECIDED,
    )


def _verdict(
    submission: Submission, served: Served, seen: Sequence[Opinion], accepted_taxa: Set[int]
) -> tuple[Outcome, bool]:
    claim = submission.claim
    verdict = Judge.of_taxon(claim.taxon, served).verdict(claim, seen)
    return verdict.outcome, verdict.within_error_bound and claim.taxon_id in accepted_taxa
