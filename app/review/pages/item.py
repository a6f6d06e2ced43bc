"""One at a time: the desk with an item on it, and the next ones for scripts that load them ahead."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.core.db import reading, utcnow
from app.review import decisions, item, questions, queue, settings
from app.review.desk import Desk
from app.review.filters import Filter
from app.review.item import Item
from app.review.pages.shared import DeskContext, QueueFilter, ReviewerContext, to
from app.review.rules import ANSWERS, IdentificationKind, TaskState
from app.review.tables import Identification, QuestionTemplate

router = APIRouter(include_in_schema=False)
_MOST_AHEAD = 10
_MOST_TAXA = 12
# The decisions of so long are offered for undoing.
_RECENT = timedelta(hours=2)


@dataclass(frozen=True)
class DeskItem:
    """An item with what its page shows besides. ``templates``: for questions about it. ``opened``: now, as a Unix time.

    ``undo_id``: the reviewer's last answer or question that stands; None where there is nothing to take back.
    """

    item: Item
    templates: Sequence[QuestionTemplate]
    undo_id: int | None
    opened: int = field(default_factory=lambda: int(time.time()))


def _load(session: Session, user_id: int, submission_id: int) -> DeskItem:
    row = item.load(session, user_id, submission_id)
    names = [taxon.scientific_name for taxon in (row.claimed, row.predicted) if taxon]
    return DeskItem(row, questions.templates(session, row.language, names), _to_undo(row, user_id))


def _to_undo(row: Item, user_id: int) -> int | None:
    if row.state.state is TaskState.GONE:
        return None
    undone = {identification.undoes_id for identification in row.identifications}
    standing = [
        identification.id
        for identification in row.identifications
        if identification.user_id == user_id
        and identification.id not in undone
        and identification.kind in ANSWERS | {IdentificationKind.QUESTION}
    ]
    return standing[-1] if standing else None


def _recent(session: Session, user_id: int) -> list[Identification]:
    """Decisions and questions of the last two hours that can be undone, the latest last."""
    since = utcnow() - _RECENT
    return [row for row in reversed(decisions.recent(session, user_id)) if row.created_at > since]


@router.get("/review/next")
def next_item(context: ReviewerContext, queue_filter: QueueFilter, after: int | None = None) -> Response:
    """On to the item that is worth most now; where none is left, what to do instead."""
    submission_id = Desk(context.sessions).next(context.user_id, queue_filter, after)
    if submission_id is not None:
        return to(f"/review/{submission_id}", queue_filter.to_query())
    with reading(context.sessions) as session:
        return context.page(
            "review/nothing_left.html",
            query=queue_filter.to_query(),
            narrowed=bool(queue_filter.narrowed_by),
            # Others have them open, or this reviewer has answered them.
            waiting=queue.count(session, queue_filter, context.user_id),
            recent=_recent(session, context.user_id),
        )


@router.get("/review/ahead")
def ahead(context: ReviewerContext, queue_filter: QueueFilter, n: int = 3, have: str = "") -> Response:
    """The next items as pieces of a page, except those that the browser has; the first of these is on its desk."""
    known = [int(part) for part in have.split(",") if part.isdecimal() and len(part) < 10]
    count = min(n + len(set(known)), _MOST_AHEAD)
    following = Desk(context.sessions).peek(context.user_id, queue_filter, count, known[0] if known else None)
    missing = [number for number in following if number not in known]
    return _pieces(context, queue_filter, missing[: max(0, min(n, _MOST_AHEAD))])


@router.get("/review/{submission_id}/item")
def piece(context: ReviewerContext, submission_id: int, queue_filter: QueueFilter) -> Response:
    """One item as a piece of a page."""
    Desk(context.sessions).open(context.user_id, submission_id)
    return _pieces(context, queue_filter, [submission_id])


def _pieces(context: DeskContext, queue_filter: Filter, submission_ids: list[int]) -> Response:
    with reading(context.sessions) as session:
        items = [_load(session, context.user_id, submission_id) for submission_id in submission_ids]
        return context.page("review/_ahead.html", items=items, query=queue_filter.to_query())


@router.get("/review/taxa")
def taxa(context: ReviewerContext, text: str = "") -> Response:
    """Taxa with these letters in one of their names, those that begin with them first; for scripts."""
    return JSONResponse({"taxa": context.words.matching(text[:80], _MOST_TAXA)})


@router.get("/review/{submission_id}")
def show(context: ReviewerContext, submission_id: int, queue_filter: QueueFilter) -> Response:
    """The desk with one item on it."""
    return item_page(context, submission_id, queue_filter)


def item_page(
    context: DeskContext, submission_id: int, queue_filter: Filter, status: int = 200, flash: str | None = None
) -> Response:
    """The desk with this item; ``flash``: what was wrong with what was sent."""
    user_id = context.user_id
    Desk(context.sessions).open(user_id, submission_id)
    with reading(context.sessions) as session:
        return context.page(
            "review/item.html",
            status,
            desk_item=_load(session, user_id, submission_id),
            query=queue_filter.to_query(),
            queue_filter=queue_filter,
            people=queue.user_names(session),
            recent=_recent(session, user_id),
            renew_seconds=settings.current(session).lease_minutes * 60 // 3,
            brightness=settings.preferences_of(session, user_id).options.get("brightness", 1),
            flash=flash,
        )
