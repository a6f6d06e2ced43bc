"""One training run, watched as it goes on; and its end, asked for or put right."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session

from app.core.db import reading
from app.core.errors import Conflict
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions
from app.core.web.live import follow
from app.core.web.pages import uncached_page
from app.review.pages.shared import WordsDep
from app.versions import model_versions, runs
from app.versions.pages.run_views import RunView, RunViews
from app.versions.pages.shared import RunsDep, RunViewsDep
from app.versions.runs import Runs
from app.versions.tables import TrainingRun

router = APIRouter(prefix="/admin/runs/{run_id}", include_in_schema=False)


@router.get("")
def show(
    request: Request,
    _user: Admin,
    run_id: int,
    sessions: Sessions,
    views: RunViewsDep,
    words: WordsDep,
    refused: str = "",
) -> Response:
    """The run as it is now; a script goes on from there."""
    with reading(sessions) as session:
        row = runs.get(session, run_id)
        run = _viewed(session, views, row)
        learnt = views.frozen(row)
    problem = words.t("No longer possible: the run has moved on.") if refused else ""
    return uncached_page(
        request,
        "versions/run.html",
        run=run,
        learnt=learnt,
        fingerprint=row.snapshot.fingerprint,
        options=row.options,
        wanted=views.wanted(row),
        names=", ".join(words.name(label) for label in row.labels),
        minutes=row.time_limit_minutes,
        megabytes=row.memory_limit_megabytes,
        problem=problem,
    )


def _viewed(session: Session, views: RunViews, row: TrainingRun) -> RunView:
    against = model_versions.compared_with(session, row) if row.comparison else None
    return views.view(row, runs.waiting_before(session).get(row.id, 0), against.id if against else None)


def _known(run_id: int, sessions: Sessions) -> int:
    """The number of a run that there is: once a stream has begun, it can't say that there is none."""
    with reading(sessions) as session:
        return runs.get(session, run_id).id


@router.get("/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    _user: Admin,
    number: Annotated[int, Depends(_known)],
    sessions: Sessions,
    views: RunViewsDep,
    last_event_id: Annotated[str, Header()] = "",
) -> AsyncIterator[ServerSentEvent]:
    """The changing part of the page, each time it is different; at last "over"."""

    def look() -> RunView:
        with reading(sessions) as session:
            return _viewed(session, views, runs.get(session, number))

    async for event in follow(request, last_event_id, look, "versions/_run.html", lambda run: {"run": run}):
        yield event


@router.post("/cancel")
def cancel(user: Admin, run_id: int, use_cases: RunsDep) -> Response:
    """Ask for its end."""
    return _do(use_cases, "cancel", run_id, user.user_id)


@router.post("/retry")
def retry(user: Admin, run_id: int, use_cases: RunsDep) -> Response:
    """Queue it again."""
    return _do(use_cases, "retry", run_id, user.user_id)


def _do(use_cases: Runs, what: str, run_id: int, user_id: int) -> Response:
    try:
        getattr(use_cases, what)(run_id, user_id)
    except Conflict:
        return RedirectResponse(f"/admin/runs/{run_id}?refused={what}", 303)
    return RedirectResponse(f"/admin/runs/{run_id}", 303)
