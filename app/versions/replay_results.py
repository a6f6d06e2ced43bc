"""What replays found: how many verdicts would be others, what that means for the queue, and which submissions they are."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, selectinload

from app.core.errors import NotFound
from app.core.tables import Job, JobStatus
from app.predictions.rules import Outcome
from app.versions.tables import Replay, ReplayChunk, ReplayVerdict

PAGE = 50
_NEEDS_PERSON_BEFORE = and_(~ReplayVerdict.decided, ReplayVerdict.before != Outcome.AGREE)
_NEEDS_PERSON_AFTER = and_(~ReplayVerdict.decided, ReplayVerdict.after != Outcome.AGREE)
_DISPUTED = and_(ReplayVerdict.accepted_now, ~ReplayVerdict.decided, ReplayVerdict.after != Outcome.AGREE)
_FLIPS = ReplayVerdict.before != ReplayVerdict.after


@dataclass(frozen=True)
class Summary:
    """How a replay stands and what it found.

    ``submissions``: those to look at, of a live one those seen so far; ``done``: those looked at; ``waiting`` and
    ``failed``: parts that are not over yet, and those given up. ``queue_before`` and ``queue_after``: submissions that a
    person must see, of those that no person has decided on; ``flips``: verdicts that differ, ``same``: those that do not;
    ``disputed``: records that stand as accepted by the machine and that the candidate would not accept.
    """

    replay: Replay
    submissions: int
    done: int
    waiting: int
    failed: int
    flips: dict[tuple[Outcome, Outcome], int]
    same: dict[Outcome, int]
    decided: int
    queue_before: int
    queue_after: int
    accepted_before: int
    accepted_after: int
    disputed: int


@dataclass(frozen=True)
class Wanted:
    """Which submissions of a replay are asked for: those that flip, of one kind where ``before`` and ``after`` are named, or
    those whose acceptance by the machine is ``disputed``.
    """

    disputed: bool = False
    before: Outcome | None = None
    after: Outcome | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """For a query of ReplayVerdict."""
        found: list[ColumnElement[bool]] = [_DISPUTED if self.disputed else _FLIPS]
        if self.before is not None:
            found.append(ReplayVerdict.before == self.before)
        if self.after is not None:
            found.append(ReplayVerdict.after == self.after)
        return found


def page(
    session: Session, version_id: int | None = None, size: int = PAGE, *, live: bool | None = None
) -> list[Replay]:
    """Replays, the newest first; of one version where it is named; only ``live`` ones, or only others, where that is said."""
    query = select(Replay).order_by(Replay.id.desc()).limit(size)
    if version_id is not None:
        query = query.where(Replay.model_version_id == version_id)
    if live is not None:
        query = query.where(Replay.live == live)
    return list(session.scalars(query))


def summary(session: Session, replay_id: int) -> Summary:
    """What a replay found so far. Raises NotFound."""
    replay = session.get(Replay, replay_id)
    if replay is None:
        raise NotFound("There is no such replay.")

    def count(*conditions: ColumnElement[bool] | InstrumentedAttribute[bool]) -> int:
        query = select(func.count()).select_from(ReplayVerdict)
        return session.scalar(query.where(ReplayVerdict.replay_id == replay_id, *conditions)) or 0

    pairs = _pairs(session, replay_id)
    done = sum(pairs.values())
    parts = _parts(session, replay_id)
    return Summary(
        replay=replay,
        submissions=done if replay.live else replay.submissions,
        done=done,
        waiting=parts.get(JobStatus.QUEUED, 0) + parts.get(JobStatus.RUNNING, 0),
        failed=parts.get(JobStatus.FAILED, 0),
        flips={pair: number for pair, number in pairs.items() if pair[0] is not pair[1]},
        same={before: number for (before, after), number in pairs.items() if before is after},
        decided=count(ReplayVerdict.decided),
        queue_before=count(_NEEDS_PERSON_BEFORE),
        queue_after=count(_NEEDS_PERSON_AFTER),
        accepted_before=count(ReplayVerdict.accepted_before, ~ReplayVerdict.decided),
        accepted_after=count(ReplayVerdict.accepted_after, ~ReplayVerdict.decided),
        disputed=count(_DISPUTED),
    )


def _pairs(session: Session, replay_id: int) -> dict[tuple[Outcome, Outcome], int]:
    row = ReplayVerdict
    query = (
        select(row.before, row.after, func.count()).where(row.replay_id == replay_id).group_by(row.before, row.after)
    )
    return {(before, after): number for before, after, number in session.execute(query)}


def _parts(session: Session, replay_id: int) -> dict[JobStatus, int]:
    query = select(Job.status, func.count()).select_from(ReplayChunk).join(ReplayChunk.job)
    query = query.where(ReplayChunk.replay_id == replay_id).group_by(Job.status)
    return {row[0]: row[1] for row in session.execute(query)}


def flipped(
    session: Session, replay_id: int, after: int = 0, *, wanted: Wanted = Wanted(), size: int = PAGE
) -> list[ReplayVerdict]:
    """Submissions whose verdict would be another one, or as ``wanted``, by number; ``after``: the page that follows."""
    query = select(ReplayVerdict).where(ReplayVerdict.replay_id == replay_id, ReplayVerdict.submission_id > after)
    query = query.where(*wanted.conditions).options(selectinload(ReplayVerdict.submission))
    return list(session.scalars(query.order_by(ReplayVerdict.submission_id).limit(size)))
