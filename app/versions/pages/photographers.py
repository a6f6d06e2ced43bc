"""Photographers of a collection: found by name, and all their photos removed because they ask for it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import RedirectResponse

from app.collecting import collections
from app.collecting.folder import folder_of
from app.collecting.pages.shared import PagesDep, TrainingPages
from app.core.db import reading
from app.core.errors import Conflict, NotFound
from app.core.web.auth import Admin
from app.core.web.dependencies import ReadSession
from app.core.web.live import Live, WorkView, event_route
from app.versions import photographers
from app.versions.base_data import open_runs_with
from app.versions.photographers import Photographers

router = APIRouter(prefix="/admin/collections/{collection_id}/photographers", include_in_schema=False)
_SHOWN = 12
Nsid = Annotated[str, Path(max_length=100)]


@router.get("")
def list_photographers(
    _user: Admin,
    collection_id: int,
    pages: PagesDep,
    session: ReadSession,
    q: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """The photographers, to find the one who asks."""
    q = q.strip() if q.isprintable() else ""
    found = photographers.find(session, collection_id, q)
    return pages.render(
        "versions/photographers.html",
        collection=collections.get(session, collection_id),
        photographers=found[: photographers.MOST],
        more=len(found) > photographers.MOST,
        q=q,
    )


@router.get("/{nsid}")
def show(_user: Admin, collection_id: int, nsid: Nsid, pages: PagesDep) -> Response:
    """What would be removed, and what can't be undone, before anything is; during the removal, its progress."""
    with reading(pages.sessions) as session:
        row = collections.get(session, collection_id)
        removal = photographers.newest_removal(session, collection_id, nsid)
        gone = not photographers.has_photos(session, collection_id, nsid)
    if removal is None:
        return _question(pages, collection_id, nsid)
    view = WorkView.of(removal, pages.words.language, pages.settings)
    if not view.over:
        return pages.render("versions/removal.html", collection=row, nsid=nsid, removal=view)
    if gone:
        return RedirectResponse(f"/admin/collections/{collection_id}?removed={removal.photos}", 303)
    problem = pages.words.t("The photos could not be removed: %(why)s", why=view.error) if view.error else ""
    return _question(pages, collection_id, nsid, problem)


def _live(collection_id: int, nsid: Nsid, pages: PagesDep) -> Live:
    def look() -> WorkView:
        with reading(pages.sessions) as session:
            removal = photographers.newest_removal(session, collection_id, nsid)
        if removal is None:
            raise NotFound("Nobody asked for that.")
        return WorkView.of(removal, pages.words.language, pages.settings)

    def context(removal: WorkView) -> dict[str, Any]:
        return {"removal": removal}

    look()
    return Live(look, context)


event_route(router, "/{nsid}/events", _live, "versions/_removal.html")


def _question(pages: TrainingPages, collection_id: int, nsid: str, problem: str = "", status: int = 200) -> Response:
    with reading(pages.sessions) as session:
        row = collections.get(session, collection_id)
        traces = photographers.traces(session, pages.settings, collection_id, nsid)
        open_runs = open_runs_with(session, folder_of(row, pages.settings).path)
    return pages.render(
        "versions/photographer.html",
        status,
        collection=row,
        nsid=nsid,
        photos=traces.photos[:_SHOWN],
        traces=traces,
        open_runs=open_runs,
        problem=problem,
    )


@router.post("/{nsid}/remove")
def remove(user: Admin, collection_id: int, nsid: Nsid, pages: PagesDep) -> Response:
    """Have all their photos removed. The page that follows shows the progress."""
    use_cases = Photographers(pages.sessions, pages.settings, pages.request.app.state.send_message)
    try:
        use_cases.remove(collection_id, nsid, user.user_id)
    except Conflict as error:
        return _question(pages, collection_id, nsid, pages.error(error), 409)
    return RedirectResponse(f"/admin/collections/{collection_id}/photographers/{nsid}", 303)
