"""What a reviewer decided a short while ago, to take back."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.review import decisions
from app.review.words import Words

_A_WHILE = timedelta(hours=2)


@dataclass(frozen=True)
class LastView:
    item: int
    identification: int
    text: str


def last_decisions(session: Session, words: Words, user_id: int) -> list[LastView]:
    """The decisions and questions of the last two hours that can be undone, the latest last."""
    since = utcnow() - _A_WHILE
    return [
        LastView(
            row.submission_id,
            row.id,
            words.said(row.kind, row.taxon.scientific_name if row.taxon else None, row.verification_status),
        )
        for row in reversed(decisions.recent(session, user_id))
        if row.created_at > since
    ]
