"""Look-alikes by the grid: one claimed species, one predicted species, many photos, one decision that one action undoes."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput, NotFound, WingcheckError
from app.review import decisions, leases, queue, tasks
from app.review.decisions import Decision, Outcome
from app.review.desk import first_free, for_user, lease_length
from app.review.filters import Filter
from app.review.rules import ANSWERS, Happening, Stale, TaskState
from app.review.tables import Identification, ReviewBatch, ReviewTask
from app.taxa.tables import Taxon

LARGEST = 100


@dataclass(frozen=True)
class Pair:
    """How many open items were claimed as one species and look like another to the model; None: no species."""

    claimed: Taxon | None
    predicted: Taxon | None
    open: int


@dataclass(frozen=True)
class BatchItem:
    """What became of one item: an outcome, or none, and what happened to it meanwhile."""

    submission_id: int
    outcome: Outcome | None
    happened: list[Happening] = field(default_factory=list)


@dataclass(frozen=True)
class BatchResult:
    """``batch_id`` is what an undo names; None where nothing was decided."""

    batch_id: int | None
    items: list[BatchItem]

    @property
    def decided(self) -> int:
        """How many items it changed."""
        return sum(item.outcome is not None for item in self.items)


def pairs(session: Session) -> list[Pair]:
    """Every pair that open items have, the most frequent first. Blind items are in none."""
    query = (
        select(ReviewTask.claimed_taxon_id, ReviewTask.predicted_taxon_id, func.count())
        .where(ReviewTask.state == TaskState.OPEN, ReviewTask.blind.is_(False))
        .group_by(ReviewTask.claimed_taxon_id, ReviewTask.predicted_taxon_id)
    )
    rows = session.execute(query).all()
    wanted = {number for row in rows for number in row[:2] if number is not None}
    known = {taxon.id: taxon for taxon in session.scalars(select(Taxon).where(Taxon.id.in_(wanted)))}
    found = [Pair(known.get(claimed or 0), known.get(predicted or 0), count) for claimed, predicted, count in rows]
    return sorted(found, key=lambda pair: (-pair.open, _name(pair.claimed), _name(pair.predicted)))


def _name(taxon: Taxon | None) -> str:
    return taxon.scientific_name if taxon else ""


class Batches:
    """The grid's use cases."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def grid(self, user_id: int, claimed: str, predicted: str, size: int = 30) -> list[queue.QueueItem]:
        """The first open items of a pair that nobody else holds, now this user's. Species by scientific name, or "none".

        Blind items, and those that were skipped or answered by this user, are not among them.
        """
        with transaction(self._sessions) as session:
            now = utcnow()
            wanted = queue.conditions(session, Filter(claimed=claimed, predicted=predicted), user_id, now)
            found = first_free(session, [*wanted, *for_user(user_id, now)], max(1, min(size, LARGEST)))
            for task in found:
                leases.take(task, user_id, now + lease_length(session))
            session.flush()
            return queue.items_of(session, [task.submission_id for task in found], user_id, now)

    def decide(
        self, user_id: int, revisions: Mapping[int, int], exceptions: Set[int], decision: Decision
    ) -> BatchResult:
        """One answer for every item (submission → revision seen) but the exceptions, which others may have then.

        An item that has changed meanwhile is left as it is and reported; the others are decided. Raises InvalidInput,
        Conflict for a decision that no item can have.
        """
        if not 1 <= len(revisions) <= LARGEST:
            raise InvalidInput([FieldError("items", "number_range", (("min", 1), ("max", LARGEST)))])
        with transaction(self._sessions) as session:
            taxon = decisions.check(session, decision)
            batch = ReviewBatch(user_id=user_id)
            session.add(batch)
            session.flush()
            share = decision.seconds / max(1, len(revisions)) if decision.seconds is not None else None
            one = Decision(**vars(decision) | {"seconds": share})
            done = []
            for submission_id in sorted(revisions):
                if submission_id in exceptions:
                    _release(session, user_id, submission_id)
                    continue
                done.append(_decide_one(session, batch, user_id, submission_id, revisions[submission_id], one, taxon))
            result = BatchResult(batch.id, done)
            if result.decided:
                return result
            session.delete(batch)
            return BatchResult(None, done)

    def undo(self, user_id: int, batch_id: int) -> BatchResult:
        """Take the whole action back, as far as it still can be. Raises NotFound for somebody else's batch."""
        with transaction(self._sessions) as session:
            batch = session.get(ReviewBatch, batch_id, with_for_update=True)
            if batch is None or batch.user_id != user_id:
                raise NotFound("There is no such batch of yours.")
            query = select(Identification).where(Identification.batch_id == batch_id, Identification.kind.in_(ANSWERS))
            rows = list(session.scalars(query.order_by(Identification.submission_id)))
            items = [_undo_one(session, batch, user_id, row) for row in rows]
            batch.undone_at = batch.undone_at or utcnow()
            return BatchResult(batch_id, items)


def _decide_one(
    session: Session,
    batch: ReviewBatch,
    user_id: int,
    submission_id: int,
    revision: int,
    decision: Decision,
    taxon: Taxon | None,
) -> BatchItem:
    try:
        with session.begin_nested():
            submission, task = decisions.locked(session, submission_id)
            decisions.refuse_stale(session, task, user_id, revision)
            batch.claimed_taxon_id, batch.predicted_taxon_id = task.claimed_taxon_id, task.predicted_taxon_id
            outcome = decisions.answer(session, submission, task, user_id, decision, taxon, batch.id)
    except Stale as error:
        return BatchItem(submission_id, None, error.happened)
    except WingcheckError:
        return BatchItem(submission_id, None)
    return BatchItem(submission_id, outcome)


def _undo_one(session: Session, batch: ReviewBatch, user_id: int, row: Identification) -> BatchItem:
    try:
        with session.begin_nested():
            submission, task = decisions.locked(session, row.submission_id)
            outcome = decisions.take_back(session, submission, task, user_id, row, batch.id)
    except WingcheckError:
        return BatchItem(row.submission_id, None)
    return BatchItem(row.submission_id, outcome)


def _release(session: Session, user_id: int, submission_id: int) -> None:
    task = tasks.of(session, submission_id, lock=True)
    if task is not None and task.leased_by == user_id:
        leases.let_go(task)
