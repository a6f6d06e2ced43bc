"""Replays: what a candidate would have made of the season, without changing anything of it.

A replay is cut into chunks, each a job, so that several workers share it. Decisions of persons stay as they are; acceptances by
the machine are only listed, where the candidate disputes them.
"""

from collections import Counter
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, selectinload

from app.accounts import audit
from app.core import jobs
from app.core.db import SessionFactory, get_or_not_found, reading, transaction, utcnow
from app.core.errors import Conflict
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
PAGE = 50
_LEFT_OUT = (SubmissionStatus.WITHDRAWN, SubmissionStatus.RECEIVED)


def get(session: Session, replay_id: int) -> Replay:
    """The replay. Raises NotFound."""
    return get_or_not_found(session, Replay, replay_id, "There is no such replay.")


class Replays:
    """Starting replays, and their failed parts again."""

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
            replay = get(session, replay_id)
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
        """Ask both versions, write both verdicts, finish the job. Idempotent. Raises what stopped it."""
        with reading(self._sessions) as session:
            chunk = session.get_one(ReplayChunk, chunk_id)
            replay, numbers = chunk.replay, chunk.submission_ids
            photos = list(
                session.scalars(select(Photo).where(Photo.submission_id.in_(numbers), Photo.removed_at.is_(None)))
            )
        versions = (replay.against_id, replay.model_version_id)
        for version_id in versions:
            self._candidates.ask(version_id, photos)
        before, after = (self._candidates.served(version_id) for version_id in versions)
        with transaction(self._sessions) as session:
            done = select(ReplayVerdict.submission_id).where(ReplayVerdict.replay_id == replay.id)
            todo = set(numbers) - set(session.scalars(done.where(ReplayVerdict.submission_id.in_(numbers))))
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


# --- results ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """How far a replay is and what it found. ``growing``: a live one whose version is in the shadow now.

    ``submissions``: those to look at, of a live replay those seen so far; ``done``: those looked at; ``waiting`` and ``failed``:
    parts that are not over yet, and those given up; ``pairs``: how many have which verdict before and after. ``queue_…`` and
    ``accepted_…``: submissions that a person must see, and that the machine would accept, of those that no person has decided
    on; ``disputed``: records that stand as accepted by the machine and that the candidate would not accept.
    """

    replay: Replay
    growing: bool
    submissions: int
    done: int
    waiting: int
    failed: int
    pairs: dict[tuple[Outcome, Outcome], int]
    decided: int
    queue_before: int
    queue_after: int
    accepted_before: int
    accepted_after: int
    disputed: int

    @property
    def flips(self) -> dict[tuple[Outcome, Outcome], int]:
        """The pairs of verdicts that differ."""
        return {pair: number for pair, number in self.pairs.items() if pair[0] is not pair[1]}

    @property
    def flipped(self) -> int:
        """How many verdicts differ."""
        return sum(self.flips.values())

    @property
    def over(self) -> bool:
        """Whether nothing more will be found."""
        return not self.growing if self.replay.live else not self.waiting

    @property
    def revision(self) -> str:
        """Another one whenever it found more, for whoever watches."""
        return f"{self.done}-{self.waiting}-{self.failed}-{self.decided}"


def summary(session: Session, replay_id: int) -> Summary:
    """What a replay found so far. Raises NotFound."""
    replay = get(session, replay_id)
    row = ReplayVerdict
    kinds = (row.before, row.after, row.accepted_before, row.accepted_after, row.accepted_now, row.decided)
    groups = session.execute(
        select(*kinds, func.count().label("number")).where(row.replay_id == replay_id).group_by(*kinds)
    ).all()
    pairs: Counter[tuple[Outcome, Outcome]] = Counter()
    for group in groups:
        pairs[group.before, group.after] += group.number

    def undecided(is_counted: Callable[[Any], bool]) -> int:
        return sum(group.number for group in groups if not group.decided and is_counted(group))

    parts = _parts(session, replay_id)
    return Summary(
        replay=replay,
        growing=_is_growing(session, replay),
        submissions=pairs.total() if replay.live else replay.submissions,
        done=pairs.total(),
        waiting=parts.get(JobStatus.QUEUED, 0) + parts.get(JobStatus.RUNNING, 0),
        failed=parts.get(JobStatus.FAILED, 0),
        pairs=dict(pairs),
        decided=sum(group.number for group in groups if group.decided),
        queue_before=undecided(lambda group: group.before is not Outcome.AGREE),
        queue_after=undecided(lambda group: group.after is not Outcome.AGREE),
        accepted_before=undecided(lambda group: group.accepted_before),
        accepted_after=undecided(lambda group: group.accepted_after),
        disputed=undecided(lambda group: group.accepted_now and group.after is not Outcome.AGREE),
    )


def _parts(session: Session, replay_id: int) -> dict[JobStatus, int]:
    query = select(Job.status, func.count()).select_from(ReplayChunk).join(ReplayChunk.job)
    query = query.where(ReplayChunk.replay_id == replay_id).group_by(Job.status)
    return {row[0]: row[1] for row in session.execute(query)}


def _is_growing(session: Session, replay: Replay) -> bool:
    if not replay.live or not replay.model_version.shadow:
        return False
    return page(session, replay.model_version_id, 1, live=True)[0].id == replay.id


def page(
    session: Session, version_id: int | None = None, size: int = PAGE, *, live: bool | None = None
) -> list[Replay]:
    """Replays, the newest first: of one version where it is named; only ``live`` ones or only others where that is given."""
    query = select(Replay).order_by(Replay.id.desc()).limit(size)
    if version_id is not None:
        query = query.where(Replay.model_version_id == version_id)
    if live is not None:
        query = query.where(Replay.live == live)
    return list(session.scalars(query))


@dataclass(frozen=True)
class FlipFilter:
    """Which submissions of a replay are listed: those that flip, of one kind where ``before`` and ``after`` are given, or those
    whose acceptance by the machine is ``disputed``.
    """

    disputed: bool = False
    before: Outcome | None = None
    after: Outcome | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """For a query of ReplayVerdict."""
        row = ReplayVerdict
        disputed = row.accepted_now & ~row.decided & (row.after != Outcome.AGREE)
        conditions: list[ColumnElement[bool]] = [disputed if self.disputed else row.before != row.after]
        if self.before is not None:
            conditions.append(row.before == self.before)
        if self.after is not None:
            conditions.append(row.after == self.after)
        return conditions


def flipped(
    session: Session, replay_id: int, after: int = 0, *, filter: FlipFilter = FlipFilter(), size: int = PAGE
) -> list[ReplayVerdict]:
    """Submissions whose verdict would change, or as ``filter`` says, by id; ``after``: the page that follows this id."""
    query = select(ReplayVerdict).where(ReplayVerdict.replay_id == replay_id, ReplayVerdict.submission_id > after)
    query = query.where(*filter.conditions).options(selectinload(ReplayVerdict.submission))
    return list(session.scalars(query.order_by(ReplayVerdict.submission_id).limit(size)))
