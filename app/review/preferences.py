"""How a reviewer likes the desk, and what is hidden from a reviewer until the answer is given."""

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from app.core.db import SessionFactory, transaction
from app.core.errors import FieldError, InvalidInput
from app.review.rules import ANSWERS
from app.review.tables import Identification, ReviewerPreference, ReviewTask

_MOST_BYTES = 4000


@dataclass(frozen=True)
class Preferences:
    """``blind``: hide claim and verdict of every item until it is answered. ``options``: what only pages read."""

    blind: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def of(session: Session, user_id: int) -> Preferences:
    """A user's preferences, or the defaults."""
    row = session.get(ReviewerPreference, user_id)
    return Preferences() if row is None else Preferences(row.blind, dict(row.options))


def is_hidden(session: Session, task: ReviewTask, user_id: int) -> bool:
    """Whether claim and verdict are hidden from this user: the item or the user is blind, and has not answered it yet."""
    if not (task.blind or of(session, user_id).blind):
        return False
    undo = aliased(Identification)
    query = (
        select(Identification.id)
        .outerjoin(undo, undo.undoes_id == Identification.id)
        .where(
            Identification.submission_id == task.submission_id,
            Identification.user_id == user_id,
            Identification.kind.in_(ANSWERS),
            undo.id.is_(None),
        )
    )
    return session.scalar(query.limit(1)) is None


class PreferencesService:
    """Changing them."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def save(self, user_id: int, wanted: Preferences) -> None:
        """Keep them. Raises InvalidInput for options that are too long."""
        if len(json.dumps(wanted.options)) > _MOST_BYTES:
            raise InvalidInput([FieldError("options", "text_too_long", (("max", _MOST_BYTES),))])
        with transaction(self._sessions) as session:
            row = session.get(ReviewerPreference, user_id, with_for_update=True)
            if row is None:
                row = ReviewerPreference(user_id=user_id)
                session.add(row)
            row.blind, row.options = wanted.blind, wanted.options
