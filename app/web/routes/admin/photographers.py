"""Photographers of a collection: found by name, and all their photos removed because they ask for it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from app.db import SessionFactory, reading
from app.domain.errors import Conflict
from app.services.collecting import collections, photographers
from app.services.collecting.photographers import Photographers
from app.settings import Settings
from app.web.auth import Admin
from app.web.model_pages.collections import CollectionViews
from app.web.routes.admin.collections_shared import CollectionViewsDep
from app.web.routes.admin.models_shared import Sessions, SettingsDep, model_page

router = APIRouter(prefix="/admin/collections/{collection_id}/photographers", include_in_schema=False)
_SHOWN = 12
Nsid = Annotated[str, Path(max_length=100)]


def _use_cases(sessions: Sessions, settings: SettingsDep) -> Photographers:
    return Photographers(sessions, settings)


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
    return model_page(
        request,
        "photographers.html",
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
    """What would go, and what can't be taken back any more, before anything does."""
    return _question(request, sessions, settings, views, collection_id, nsid)


def _question(
    request: Request,
    sessions: SessionFactory,
    settings: Settings,
    views: CollectionViews,
    collection_id: int,
    nsid: str,
    problem: str = "",
) -> Response:
    with reading(sessions) as session:
        row = collections.get(session, collection_id)
        traces = photographers.traces(session, settings, collection_id, nsid)
        open_runs = collections.open_runs_with(session, row, settings)
        learnt = [
            (each.run.id, f"{each.run.model_version.name} {each.run.model_version.version}", each.photos)
            for each in traces.learnt
            if each.run.model_version is not None
        ]
    return model_page(
        request,
        "photographer.html",
        409 if problem else 200,
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
    """Remove all their photos."""
    try:
        removed = use_cases.remove(collection_id, nsid, user.user_id)
    except Conflict as error:
        return _question(request, sessions, settings, views, collection_id, nsid, error.detail)
    return RedirectResponse(f"/admin/collections/{collection_id}?removed={removed}", 303)
