"""Photographers of a collection: found by name, and all their photos removed because they ask for it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from app.collecting import collections
from app.collecting.folder import folder_of
from app.collecting.pages.collections_shared import CollectionViewsDep
from app.collecting.pages.collections_views import CollectionViews, RemovalView
from app.core.db import SessionFactory, reading
from app.core.errors import Conflict, NotFound
from app.core.settings import Settings
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions, SettingsDep
from app.core.web.live import follow
from app.core.web.pages import uncached_page
from app.core.web.words import error_message
from app.versions import photographers
from app.versions.base_data import open_runs_with
from app.versions.photographers import Photographers

router = APIRouter(prefix="/admin/collections/{collection_id}/photographers", include_in_schema=False)
_SHOWN = 12
Nsid = Annotated[str, Path(max_length=100)]


def _use_cases(request: Request, sessions: Sessions, settings: SettingsDep) -> Photographers:
    return Photographers(sessions, settings, request.app.state.send_message)


@router.get("")
def show(
    request: Request,
    _user: Admin,
    collection_id: int,
    sessions: Sessions,
    views: CollectionViewsDep,
    q: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Who they are, to find the one who asks."""
    q = q.strip() if q.isprintable() else ""
    with reading(sessions) as session:
        row = collections.get(session, collection_id)
        found = photographers.find(session, collection_id, q)
    return uncached_page(
        request,
        "versions/photographers.html",
        collection=views.view(row),
        found=found[: photographers.MOST],
        more=len(found) > photographers.MOST,
        q=q,
    )


@router.get("/{nsid}")
def ask(
    request: Request,
    _user: Admin,
    collection_id: int,
    nsid: Nsid,
    sessions: Sessions,
    settings: SettingsDep,
    views: CollectionViewsDep,
) -> Response:
    """What would go, and what can't be taken back any more, before anything does; while it goes, how far that is."""
    with reading(sessions) as session:
        row = collections.get(session, collection_id)
        removal = photographers.newest_removal(session, collection_id, nsid)
        gone = not photographers.has_photos(session, collection_id, nsid)
    going = views.removal(removal) if removal is not None else None
    if removal is None or going is None:
        return _question(request, sessions, settings, views, collection_id, nsid)
    if not going.over:
        return uncached_page(request, "versions/removal.html", collection=views.view(row), nsid=nsid, removal=going)
    if gone:
        return RedirectResponse(f"/admin/collections/{collection_id}?removed={removal.photos}", 303)
    return _question(request, sessions, settings, views, collection_id, nsid, going.error)


def _known(collection_id: int, nsid: Nsid, sessions: Sessions) -> str:
    """The photographer of a removal that there is: once a stream has begun, it can't say that there is none."""
    with reading(sessions) as session:
        if photographers.newest_removal(session, collection_id, nsid) is None:
            raise NotFound("Nobody asked for that.")
    return nsid


@router.get("/{nsid}/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    _user: Admin,
    collection_id: int,
    nsid: Annotated[str, Depends(_known)],
    sessions: Sessions,
    views: CollectionViewsDep,
    last_event_id: Annotated[str, Header()] = "",
) -> AsyncIterator[ServerSentEvent]:
    """How the removal stands, each time that is different; at last "over"."""

    def look() -> RemovalView:
        with reading(sessions) as session:
            removal = photographers.newest_removal(session, collection_id, nsid)
            if removal is None:
                raise NotFound("Nobody asked for that.")
            return views.removal(removal)

    template = "versions/_removal.html"
    async for event in follow(request, last_event_id, look, template, lambda removal: {"removal": removal}):
        yield event


def _question(
    request: Request,
    sessions: SessionFactory,
    settings: Settings,
    views: CollectionViews,
    collection_id: int,
    nsid: str,
    problem: str = "",
    status: int = 200,
) -> Response:
    with reading(sessions) as session:
        row = collections.get(session, collection_id)
        traces = photographers.traces(session, settings, collection_id, nsid)
        open_runs = open_runs_with(session, folder_of(row, settings).path)
        learnt = [
            (each.run.id, f"{each.run.model_version.name} {each.run.model_version.version}", each.photos)
            for each in traces.learnt
            if each.run.model_version is not None
        ]
    return uncached_page(
        request,
        "versions/photographer.html",
        status,
        collection=views.view(row),
        nsid=nsid,
        tiles=[views.tile(photo) for photo in traces.photos[:_SHOWN]],
        many=len(traces.photos),
        in_use=traces.in_use,
        learnt=learnt,
        elsewhere=traces.elsewhere.items(),
        open_runs=open_runs,
        problem=problem,
    )


@router.post("/{nsid}/remove")
def remove(
    request: Request,
    user: Admin,
    collection_id: int,
    nsid: Nsid,
    sessions: Sessions,
    settings: SettingsDep,
    views: CollectionViewsDep,
    use_cases: Annotated[Photographers, Depends(_use_cases)],
) -> Response:
    """Have all their photos removed. The page that follows says how far that is."""
    try:
        use_cases.remove(collection_id, nsid, user.user_id)
    except Conflict as error:
        return _question(
            request, sessions, settings, views, collection_id, nsid, error_message(views.words.language, error), 409
        )
    return RedirectResponse(f"/admin/collections/{collection_id}/photographers/{nsid}", 303)
