"""Deciding look-alikes in a grid: one claimed and one predicted species, many photos, one decision that can be undone."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, get_or_not_found, transaction, utcnow
from app.core.errors import FieldError, InvalidInput, NotFound, WingcheckError
from app.review import decisions, queue, tasks
from app.review.answers import lock
from app.review.decisions import Decision, DecisionResult
from app.review.desk import first_free, for_user, lease_length, release_own
from app.review.filters import Filter
from app.review.queue import QueueItem
from app.review.rules import ANSWERS, Happening, Stale, TaskState
from app.review.tables import Identification, ReviewBatch, ReviewTask
from app.taxa.tables import Taxon

LARGEST = 100
_NO_BATCH = "There is no such batch of yours."


@dataclass(frozen=True)
class Pair:
    """How many open items were claimed as one species and look like another to the model; None: no species."""

    claimed: Taxon | None
    predicted: Taxon | None
    open: int


@dataclass(frozen=True)
class BatchItem:
    """What became of one item. ``outcome`` None: it was left as it is, because of what had ``happened`` to it meanwhile."""

    submission_id: int
    outcome: DecisionResult | None
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
    ids = {number for row in rows for number in row[:2] if number is not None}
    taxa = {taxon.id: taxon for taxon in session.scalars(select(Taxon).where(Taxon.id.in_(ids)))}
    result = [Pair(taxa.get(claimed or 0), taxa.get(predicted or 0), count) for claimed, predicted, count in rows]
    return sorted(result, key=lambda pair: (-pair.open, _name(pair.claimed), _name(pair.predicted)))


def _name(taxon: Taxon | None) -> str:
    return taxon.scientific_name if taxon else ""


class Batches:
    """The grid's use cases."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def grid(self, user_id: int, claimed: str, predicted: str, size: int = 30) -> list[QueueItem]:
        """The first open items of a pair that nobody else holds, now this user's. Species by scientific name, or "none".

        Blind items, and those that were skipped or answered by this user, are not among them.
        """
        with transaction(self._sessions) as session:
            now = utcnow()
            pair = queue.conditions(session, Filter(claimed=claimed, predicted=predicted), user_id, now)
            free = first_free(session, [*pair, *for_user(user_id, now)], max(1, min(size, LARGEST)))
            for task in free:
                tasks.lease(task, user_id, now + lease_length(session))
            session.flush()
            return queue.items_of(session, [task.submission_id for task in free], user_id, now)

    def decide(
        self, user_id: int, revisions: Mapping[int, int], exceptions: Set[int], decision: Decision
    ) -> BatchResult:
        """Give one answer to every item (submission → revision seen) except ``exceptions``, whose leases end.

        An item that has changed meanwhile is left as it is and reported. Raises InvalidInput, and Conflict for a decision
        that no item can have.
        """
        if not 1 <= len(revisions) <= LARGEST:
            raise InvalidInput([FieldError("items", "number_range", (("min", 1), ("max", LARGEST)))])
        with transaction(self._sessions) as session:
            taxon = decisions.check(session, decision)
            batch = ReviewBatch(user_id=user_id)
            session.add(batch)
            session.flush()
            if decision.seconds is not None:
                decision = replace(decision, seconds=decision.seconds / len(revisions))
            items = []
            for submission_id in sorted(revisions):
                if submission_id in exceptions:
                    release_own(session, user_id, submission_id)
                else:
                    items.append(_decide(session, batch, submission_id, revisions[submission_id], decision, taxon))
            result = BatchResult(batch.id, items)
            if result.decided:
                return result
            session.delete(batch)
            return BatchResult(None, items)

    def undo(self, user_id: int, batch_id: int) -> BatchResult:
        """Undo a batch, as far as that is still possible. Raises NotFound for somebody else's batch."""
        with transaction(self._sessions) as session:
            batch, answers = _own_batch(session, user_id, batch_id, lock=True)
            answers.sort(key=lambda row: row.submission_id)
            items = [_undo(session, batch, row) for row in answers]
            batch.undone_at = batch.undone_at or utcnow()
            return BatchResult(batch_id, items)


def _decide(
    session: Session,
    batch: ReviewBatch,
    submission_id: int,
    revision: int,
    decision: Decision,
    taxon: Taxon | None,
) -> BatchItem:
    try:
        with session.begin_nested():
            item = lock(session, submission_id, batch.user_id)
            decisions.refuse_stale(item, revision)
            batch.claimed_taxon_id = item.task.claimed_taxon_id
            batch.predicted_taxon_id = item.task.predicted_taxon_id
            result = decisions.answer(item, decision, taxon, batch.id)
    except Stale as error:
        return BatchItem(submission_id, None, error.happened)
    except WingcheckError:
        return BatchItem(submission_id, None)
    return BatchItem(submission_id, result)


def _undo(session: Session, batch: ReviewBatch, row: Identification) -> BatchItem:
    try:
        with session.begin_nested():
            result = decisions.take_back(lock(session, row.submission_id, batch.user_id), row, batch.id)
    except WingcheckError:
        return BatchItem(row.submission_id, None)
    return BatchItem(row.submission_id, result)


def _own_batch(
    session: Session, user_id: int, batch_id: int, *, lock: bool = False
) -> tuple[ReviewBatch, list[Identification]]:
    """A user's own batch and its answers, in their order. Raises NotFound."""
    batch = get_or_not_found(session, ReviewBatch, batch_id, _NO_BATCH, lock=lock)
    if batch.user_id != user_id:
        raise NotFound(_NO_BATCH)
    query = select(Identification).where(Identification.batch_id == batch_id, Identification.kind.in_(ANSWERS))
    return batch, list(session.scalars(query.order_by(Identification.id)))


@dataclass(frozen=True)
class BatchRecord:
    """A batch. ``answer``: any of its identifications, which all say the same. ``items``: as they are now."""

    batch: ReviewBatch
    claimed: Taxon | None
    predicted: Taxon | None
    answer: Identification
    items: list[QueueItem]


def read(session: Session, user_id: int, batch_id: int) -> BatchRecord:
    """A user's own batch. Raises NotFound."""
    batch, answers = _own_batch(session, user_id, batch_id)
    if not answers:
        raise NotFound(_NO_BATCH)
    return BatchRecord(
        batch=batch,
        claimed=session.get(Taxon, batch.claimed_taxon_id) if batch.claimed_taxon_id else None,
        predicted=session.get(Taxon, batch.predicted_taxon_id) if batch.predicted_taxon_id else None,
        answer=answers[0],
        items=queue.items_of(session, [row.submission_id for row in answers], user_id, utcnow()),
    )
