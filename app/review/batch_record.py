"""What a batch was: for the page that follows it."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.core.errors import NotFound
from app.review import queue
from app.review.queue import QueueItem
from app.review.rules import ANSWERS
from app.review.tables import Identification, ReviewBatch
from app.taxa.tables import Taxon


@dataclass(frozen=True)
class BatchRecord:
    """``answer`` is one of its identifications: all say the same. ``items`` as they stand now."""

    batch: ReviewBatch
    claimed: Taxon | None
    predicted: Taxon | None
    answer: Identification
    items: list[QueueItem]


def read(session: Session, user_id: int, batch_id: int) -> BatchRecord:
    """A user's own batch. Raises NotFound."""
    batch = session.get(ReviewBatch, batch_id)
    query = select(Identification).where(Identification.batch_id == batch_id, Identification.kind.in_(ANSWERS))
    answers = list(session.scalars(query.order_by(Identification.id)))
    if batch is None or batch.user_id != user_id or not answers:
        raise NotFound("There is no such batch of yours.")
    return BatchRecord(
        batch=batch,
        claimed=session.get(Taxon, batch.claimed_taxon_id) if batch.claimed_taxon_id else None,
        predicted=session.get(Taxon, batch.predicted_taxon_id) if batch.predicted_taxon_id else None,
        answer=answers[0],
        items=queue.items_of(session, [row.submission_id for row in answers], user_id, utcnow()),
    )
