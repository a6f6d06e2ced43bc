"""One at a time: the desk with an item on it, and the next ones for scripts that load them ahead."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from app.core.db import reading
from app.core.web.auth import Reviewer
from app.core.web.dependencies import ReadSession, Sessions
from app.review import item, questions, queue, settings
from app.review.desk import Desk
from app.review.filters import Filter
from app.review.pages.item_views import ItemView, ItemViews
from app.review.pages.last import last_decisions
from app.review.pages.nothing_left import nothing_left
from app.review.pages.queue_views import QueueViews
from app.review.pages.shared import WantedDep, WordsDep, desk_page, to
from app.review.words import Words

router = APIRouter(include_in_schema=False)
_MOST_AHEAD = 10
_MOST_TAXA = 12


@router.get("/review/next")
def next_one(
    request: Request,
    user: Reviewer,
    sessions: Sessions,
    session: ReadSession,
    words: WordsDep,
    wanted: WantedDep,
    after: int | None = None,
) -> Response:
    """On to the item that is worth most now; where none is left, what to do instead."""
    found = Desk(sessions).next(user.user_id, wanted, after)
    if found is not None:
        return to(f"/review/{found}", wanted.to_query())
    return desk_page(
        request,
        "review/nothing_left.html",
        words.language,
        query=wanted.to_query(),
        last=last_decisions(session, words, user.user_id)[-1:],
        **nothing_left(words, wanted, queue.count(session, wanted, user.user_id)),
    )


@router.get("/review/ahead")
def ahead(
    request: Request, user: Reviewer, sessions: Sessions, words: WordsDep, wanted: WantedDep, n: int = 3, have: str = ""
) -> Response:
    """The next items as pieces of a page, but those that the browser has."""
    known = {int(part) for part in have.split(",") if part.isdecimal() and len(part) < 10}
    current = next(iter(int(part) for part in have.split(",") if part.isdecimal() and len(part) < 10), None)
    found = Desk(sessions).peek(user.user_id, wanted, min(n + len(known), _MOST_AHEAD), current)
    wanted_ids = [number for number in found if number not in known][: max(0, min(n, _MOST_AHEAD))]
    with reading(sessions) as session:
        items = [_view(session, words, user.user_id, number) for number in wanted_ids]
    return desk_page(request, "review/_ahead.html", words.language, items=items, query=wanted.to_query())


@router.get("/review/{submission_id}/item")
def piece(
    request: Request, submission_id: int, user: Reviewer, sessions: Sessions, words: WordsDep, wanted: WantedDep
) -> Response:
    """One item as a piece of a page."""
    Desk(sessions).open(user.user_id, submission_id)
    with reading(sessions) as session:
        view = _view(session, words, user.user_id, submission_id)
    return desk_page(request, "review/_ahead.html", words.language, items=[view], query=wanted.to_query())


@router.get("/review/taxa")
def taxa(_user: Reviewer, words: WordsDep, text: str = "") -> Response:
    """Taxa with these letters in one of their names, those that begin with them first; for scripts."""
    return JSONResponse({"taxa": words.matching(text[:80], _MOST_TAXA)})


@router.get("/review/{submission_id}")
def show(
    request: Request, submission_id: int, user: Reviewer, sessions: Sessions, words: WordsDep, wanted: WantedDep
) -> Response:
    """The desk with one item on it."""
    return item_page(request, sessions, words, user.user_id, submission_id, wanted)


def item_page(
    request: Request,
    sessions: Sessions,
    words: Words,
    user_id: int,
    submission_id: int,
    wanted: Filter,
    status: int = 200,
    flash: str | None = None,
) -> Response:
    """The desk with this item; ``flash``: what was wrong with what was sent."""
    Desk(sessions).open(user_id, submission_id)
    with reading(sessions) as session:
        return desk_page(
            request,
            "review/item.html",
            words.language,
            status,
            item=_view(session, words, user_id, submission_id),
            query=wanted.to_query(),
            filter_text=QueueViews(words, queue.user_names(session), user_id).describe(wanted),
            last=last_decisions(session, words, user_id),
            renew_seconds=settings.current(session).lease_minutes * 60 // 3,
            brightness=settings.preferences_of(session, user_id).options.get("brightness", 1),
            flash=flash,
        )


def _view(session: Session, words: Words, user_id: int, submission_id: int) -> ItemView:
    found = item.load(session, user_id, submission_id)
    names = [taxon.scientific_name for taxon in (found.claimed, found.predicted) if taxon]
    return ItemViews(words, user_id).item(found, questions.templates(session, found.language, names))
