"""Replays: what a candidate would have made of the season, without changing anything of it.

A replay is cut into chunks, each a job, so that several workers share it. What persons decided stays what it is; what the
machine accepted is only told, where the candidate disputes it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db import SessionFactory, reading, transaction, utcnow
from app.domain.errors import Conflict, NotFound
from app.domain.review import TaskState
from app.domain.submission import SubmissionStatus
from app.domain.training import Part
from app.domain.verdict import Opinion, Outcome, Policy, judge
from app.models import (
    Job,
    JobKind,
    JobStatus,
    ModelVersion,
    Photo,
    PhotoPart,
    Replay,
    ReplayChunk,
    ReplayVerdict,
    ReviewTask,
    Submission,
)
from app.services import audit, jobs
from app.services.candidates import Candidates, opinions
from app.services.classifiers import Served, policy_of
from app.services.promotion import get as get_version
from app.services.promotion import serving_for
from app.services.review import trust
from app.services.screening import witness

CHUNK = 100
PAGE = 50
_LEFT_OUT = (SubmissionStatus.WITHDRAWN, SubmissionStatus.RECEIVED)


@dataclass(frozen=True)
class Summary:
    """How a replay stands and what it found. ``queue_before`` and ``queue_after``: submissions that a person must see, of
    those that no person has decided on; ``flips``: verdicts that differ; ``disputed``: records that stand as accepted by
    the machine and that the candidate would not accept.
    """

    replay: Replay
    submissions: int
    done: int
    failed: int
    flips: dict[tuple[Outcome, Outcome], int]
    queue_before: int
    queue_after: int
    accepted_before: int
    accepted_after: int
    disputed: int


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
        for job_id in job_ids:
            jobs.send(self._sessions, self._send, job_id)
        return replay_id


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
        raise Conflict("A replay compares a version with the one that serves, so it must be another one.")
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
            suspended = _Suspensions(session)
            for submission in session.scalars(select(Submission).where(Submission.id.in_(todo))):
                row = _verdicts(session, submission, before, after, suspended)
                if row is not None:
                    row.replay_id = replay.id
                    session.add(row)
            jobs.finish(session, session.get_one(Job, job_id))


class _Suspensions:
    """Which taxa the machine may not accept, each asked once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[int, bool] = {}

    def accepts(self, submission: Submission) -> bool:
        """Whether the machine may accept claims of this taxon at all."""
        taxon = submission.claim.taxon
        if taxon is None or taxon.policy is None or not taxon.policy.machine_acceptance:
            return False
        if taxon.id not in self._known:
            self._known[taxon.id] = trust.is_suspended(self._session, taxon.id)
        return not self._known[taxon.id]


def _verdicts(
    session: Session, submission: Submission, before: Served, after: Served, suspended: _Suspensions
) -> ReplayVerdict | None:
    kept = [photo.id for photo in submission.photos if photo.removed_at is None]
    made = []
    for served in (before, after):
        found = opinions(session, served.id, kept)
        if not kept or len(found) != len(kept):
            return None  # withdrawn meanwhile, or a photo that can't be read
        made.append(_verdict(submission, served, [found[number] for number in kept], suspended))
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
    submission: Submission, served: Served, seen: Sequence[Opinion], suspended: _Suspensions
) -> tuple[Outcome, bool]:
    claim = submission.claim
    wanted = claim.taxon.policy.wanted_error if claim.taxon is not None and claim.taxon.policy else None
    policy: Policy = policy_of(served.info, wanted)
    verdict = judge(witness(claim, served), seen, policy)
    accepted = verdict.outcome is Outcome.AGREE and verdict.within_error_bound and suspended.accepts(submission)
    return verdict.outcome, accepted


# --- reading ----------------------------------------------------------------------------------------------------------

_NEEDS_PERSON_BEFORE = and_(~ReplayVerdict.decided, ReplayVerdict.before != Outcome.AGREE)
_NEEDS_PERSON_AFTER = and_(~ReplayVerdict.decided, ReplayVerdict.after != Outcome.AGREE)
_DISPUTED = and_(ReplayVerdict.accepted_now, ~ReplayVerdict.decided, ReplayVerdict.after != Outcome.AGREE)
_FLIPS = ReplayVerdict.before != ReplayVerdict.after


def page(session: Session, version_id: int | None = None, size: int = PAGE) -> list[Replay]:
    """Replays, the newest first; of one version where it is named."""
    query = select(Replay).order_by(Replay.id.desc()).limit(size)
    return list(session.scalars(query if version_id is None else query.where(Replay.model_version_id == version_id)))


def summary(session: Session, replay_id: int) -> Summary:
    """What a replay found so far. Raises NotFound."""
    replay = session.get(Replay, replay_id)
    if replay is None:
        raise NotFound("There is no such replay.")
    mine = ReplayVerdict.replay_id == replay_id

    def count(*conditions: ColumnElement[bool] | InstrumentedAttribute[bool]) -> int:
        return session.scalar(select(func.count()).select_from(ReplayVerdict).where(mine, *conditions)) or 0

    grouped = select(ReplayVerdict.before, ReplayVerdict.after, func.count()).where(mine, _FLIPS)
    rows = session.execute(grouped.group_by(ReplayVerdict.before, ReplayVerdict.after)).all()
    failed = (
        select(func.count())
        .join(ReplayChunk.job)
        .where(ReplayChunk.replay_id == replay_id, Job.status == JobStatus.FAILED)
    )
    return Summary(
        replay=replay,
        submissions=replay.submissions,
        done=count(),
        failed=session.scalar(failed) or 0,
        flips={(before, after): number for before, after, number in rows},
        queue_before=count(_NEEDS_PERSON_BEFORE),
        queue_after=count(_NEEDS_PERSON_AFTER),
        accepted_before=count(ReplayVerdict.accepted_before, ~ReplayVerdict.decided),
        accepted_after=count(ReplayVerdict.accepted_after, ~ReplayVerdict.decided),
        disputed=count(_DISPUTED),
    )


def flipped(
    session: Session, replay_id: int, after: int = 0, *, disputed: bool = False, size: int = PAGE
) -> list[ReplayVerdict]:
    """Submissions whose verdict would be another one, or whose acceptance is ``disputed``; ``after``: the page that follows."""
    query = select(ReplayVerdict).where(ReplayVerdict.replay_id == replay_id, ReplayVerdict.submission_id > after)
    query = query.where(_DISPUTED if disputed else _FLIPS)
    return list(session.scalars(query.order_by(ReplayVerdict.submission_id).limit(size)))


def stands_in_shadow(session: Session, task: str) -> ModelVersion | None:
    """The version that looks at live photos of this task beside the one that serves."""
    return session.scalar(select(ModelVersion).where(ModelVersion.task == task, ModelVersion.shadow))
