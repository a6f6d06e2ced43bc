"""One collection: watched as it goes on, cancelled, tried again, given to training, deleted."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.collecting import collections, curation, data_sets
from app.collecting.pages.collection_words import DECISIONS, LICENCES, SIZES
from app.collecting.pages.collections_shared import CollectionsDep, CollectionViewsDep, DataSetsDep
from app.collecting.pages.collections_views import CollectionView, CollectionViews
from app.collecting.rules import LEARNT_FROM, PhotoDecision
from app.core.db import SessionFactory, reading
from app.core.errors import Conflict
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions
from app.core.web.live import follow
from app.core.web.pages import uncached_page
from app.core.web.words import error_message
from app.review.pages.shared import WordsDep

router = APIRouter(prefix="/admin/collections/{collection_id}", include_in_schema=False)


@router.get("")
def show(
    request: Request,
    _user: Admin,
    collection_id: int,
    sessions: Sessions,
    views: CollectionViewsDep,
    words: WordsDep,
    problem: str = "",
    removed: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    """The collection as it is now; a script goes on from there. ``removed``: so many photos were just now."""
    said = words.t(_PROBLEMS[problem]) if problem in _PROBLEMS else ""
    return _page(request, sessions, views, said, collection_id, removed)


_ = str  # marks messages for extraction
_PROBLEMS = {"late": _("No longer possible: the collection has moved on.")}


def _page(
    request: Request,
    sessions: SessionFactory,
    views: CollectionViews,
    problem: str,
    collection_id: int,
    removed: int = 0,
) -> Response:
    with reading(sessions) as session:
        row = collections.get(session, collection_id)
        counts = curation.counts(session, collection_id)
        shown = views.view(row, collections.waiting_before(session).get(row.id, 0))
    t = views.t
    return uncached_page(
        request,
        "collecting/collection.html",
        409 if problem else 200,
        collection=shown,
        keywords=[
            (views.words.name(name), [k["text"] for k in row.keywords if k["taxon"] == name]) for name in row.taxa
        ],
        licences=[t(LICENCES[name]) for name in row.licences],
        size=t(SIZES[row.size]),
        wanted=row.wanted,
        counts=[(each.value, t(DECISIONS[each]), counts[each]) for each in PhotoDecision],
        known=sum(counts[each] for each in LEARNT_FROM),
        problem=problem,
        flash=views.words.language.ngettext("One photo removed.", "%(num)s photos removed.", removed)
        if removed
        else None,
    )


def _view(sessions: SessionFactory, views: CollectionViews, collection_id: int) -> CollectionView:
    with reading(sessions) as session:
        row = collections.get(session, collection_id)
        return views.view(row, collections.waiting_before(session).get(row.id, 0))


def _known(collection_id: int, sessions: Sessions) -> int:
    """The number of a collection that there is: once a stream has begun, it can't say that there is none."""
    with reading(sessions) as session:
        return collections.get(session, collection_id).id


@router.get("/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    _user: Admin,
    number: Annotated[int, Depends(_known)],
    sessions: Sessions,
    views: CollectionViewsDep,
    last_event_id: Annotated[str, Header()] = "",
) -> AsyncIterator[ServerSentEvent]:
    """The changing part of the page, each time it is different; at last "over"."""
    look = partial(_view, sessions, views, number)
    async for event in follow(
        request, last_event_id, look, "collecting/_collection.html", lambda view: {"collection": view}
    ):
        yield event


@router.post("/cancel")
def cancel(user: Admin, collection_id: int, use_cases: CollectionsDep) -> Response:
    """Ask for its end."""
    return _or_late(collection_id, lambda: use_cases.cancel(collection_id, user.user_id))


@router.post("/retry")
def retry(user: Admin, collection_id: int, use_cases: CollectionsDep) -> Response:
    """Queue it again."""
    return _or_late(collection_id, lambda: use_cases.retry(collection_id, user.user_id))


def _or_late(collection_id: int, act: Callable[[], None]) -> Response:
    try:
        act()
    except Conflict:
        return RedirectResponse(f"/admin/collections/{collection_id}?problem=late", 303)
    return RedirectResponse(f"/admin/collections/{collection_id}", 303)


@router.post("/use")
def use(
    request: Request,
    user: Admin,
    collection_id: int,
    sessions: Sessions,
    views: CollectionViewsDep,
    use_cases: DataSetsDep,
) -> Response:
    """Let runs learn from the photos whose species is decided."""
    try:
        use_cases.use(collection_id, user.user_id)
    except Conflict as error:
        return _page(request, sessions, views, error_message(views.words.language, error), collection_id)
    return RedirectResponse(f"/admin/collections/{collection_id}#use-title", 303)


@router.post("/take-out")
def take_out(user: Admin, collection_id: int, use_cases: DataSetsDep) -> Response:
    """Let no further run learn from it."""
    use_cases.stop_using(collection_id, user.user_id)
    return RedirectResponse(f"/admin/collections/{collection_id}#use-title", 303)


@router.post("/delete")
def delete(
    request: Request,
    user: Admin,
    collection_id: int,
    sessions: Sessions,
    views: CollectionViewsDep,
    use_cases: CollectionsDep,
) -> Response:
    """Remove it with its photos."""
    try:
        use_cases.delete(collection_id, user.user_id)
    except Conflict as error:
        return _page(request, sessions, views, error_message(views.words.language, error), collection_id)
    return RedirectResponse("/admin/collections?deleted=yes", 303)


@router.get("/attribution.csv")
def attribution(_user: Admin, collection_id: int, sessions: Sessions) -> Response:
    """Who made the photos whose species is decided, and under which licence."""
    with reading(sessions) as session:
        collections.get(session, collection_id)
        table = data_sets.credits_csv(data_sets.known_photos(session, collection_id))
    headers = {"Content-Disposition": f'attachment; filename="attribution-{collection_id}.csv"'}
    return Response(table, media_type="text/csv; charset=utf-8", headers=headers)
