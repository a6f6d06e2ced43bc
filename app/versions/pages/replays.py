"""A version tried on what was sent: replays of the past, and its place in the shadow of the one that serves."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Header, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session

from app.core.db import reading, utcnow
from app.core.errors import Conflict
from app.core.web.auth import Admin
from app.core.web.dependencies import Sessions
from app.core.web.live import follow
from app.core.web.pages import uncached_page
from app.predictions.rules import Outcome
from app.review.judging import season_start
from app.review.pages.shared import WordsDep
from app.review.words import Words
from app.versions import promotion, replay_results
from app.versions.pages.replays_views import ReplayView, ReplayViews
from app.versions.pages.version_views import title
from app.versions.replay_results import Wanted
from app.versions.replays import Replays
from app.versions.shadow import set_shadow

router = APIRouter(prefix="/admin", include_in_schema=False)


def _replays(request: Request, sessions: Sessions) -> Replays:
    return Replays(sessions, request.app.state.send_message)


ReplaysDep = Annotated[Replays, Depends(_replays)]


@router.get("/models/{version_id}/replays")
def ask(request: Request, _user: Admin, version_id: int, sessions: Sessions, words: WordsDep) -> Response:
    """What to look at again; and the replays that there were."""
    return _ask_page(request, sessions, words, version_id)


def _ask_page(
    request: Request, sessions: Sessions, words: Words, version_id: int, status: int = 200, **context: Any
) -> Response:
    views = ReplayViews(words)
    with reading(sessions) as session:
        version = promotion.get(session, version_id)
        rows = replay_results.page(session, version_id)
        newest = next((row.id for row in rows if row.live), None) if version.shadow else None
        found = [
            views.view(replay_results.summary(session, row.id), current=row.live and row.id == newest) for row in rows
        ]
    shown = {"what": "season", "since": season_start(utcnow()).date().isoformat(), "error": "", "problem": ""}
    return uncached_page(
        request,
        "versions/replays.html",
        status,
        version=version,
        title=title(version),
        replays=found,
        **(shown | context),
    )


@router.post("/models/{version_id}/replays")
def start(
    request: Request,
    user: Admin,
    version_id: int,
    sessions: Sessions,
    words: WordsDep,
    use_cases: ReplaysDep,
    what: Annotated[str, Form(max_length=20)] = "season",
    since: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Begin one, and go where it is watched."""
    typed = {"what": what, "since": since}
    measuring = what == "measuring"
    try:
        day = date.fromisoformat(since.strip()) if since.strip() and not measuring else None
        first = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
    except ValueError:
        error = words.t("Please enter a valid date.")
        return _ask_page(request, sessions, words, version_id, 422, error=error, **typed)
    try:
        number = use_cases.start(version_id, user.user_id, since=first, only_measuring=measuring)
    except Conflict:
        problem = words.t(
            "Nothing was started: there are no submissions, this version is in service itself, or no version is."
        )
        return _ask_page(request, sessions, words, version_id, 409, problem=problem, **typed)
    return RedirectResponse(f"/admin/replays/{number}", 303)


@router.post("/models/{version_id}/shadow")
def shadow(user: Admin, version_id: int, sessions: Sessions, on: Annotated[bool, Form()] = False) -> Response:
    """Put it into the shadow, or take it out."""
    try:
        set_shadow(sessions, version_id, user.user_id, on=on)
    except Conflict:  # it was promoted meanwhile: its page says so
        return RedirectResponse(f"/admin/models/{version_id}", 303)
    return RedirectResponse(f"/admin/models/{version_id}#shadow", 303)


def _wanted(disputed: bool = False, before: Outcome | None = None, verdict: Outcome | None = None) -> Wanted:
    return Wanted(disputed, before, verdict)


WantedDep = Annotated[Wanted, Depends(_wanted)]
AfterDep = Annotated[int, Query(ge=0, le=2**31)]


def _view(session: Session, words: Words, replay_id: int) -> ReplayView:
    found = replay_results.summary(session, replay_id)
    replay, current = found.replay, False
    if replay.live and replay.model_version.shadow:
        [newest] = replay_results.page(session, replay.model_version_id, 1, live=True)
        current = newest.id == replay.id
    return ReplayViews(words).view(found, current=current)


def _content(session: Session, words: Words, replay: ReplayView, wanted: Wanted, after: int) -> dict[str, Any]:
    views = ReplayViews(words)
    rows = replay_results.flipped(session, replay.id, after, wanted=wanted, size=replay_results.PAGE + 1)
    shown = rows[: replay_results.PAGE]
    query = _query(wanted)
    return {
        "replay": replay,
        "filters": views.filters(replay, wanted),
        "flips": views.flips(shown),
        "first": f"/admin/replays/{replay.id}?{query}#list" if after else "",
        "next": f"/admin/replays/{replay.id}?{query}&after={shown[-1].submission_id}#list"
        if len(rows) > len(shown)
        else "",
        "disputed": wanted.disputed,
    }


def _query(wanted: Wanted) -> str:
    asked = {"disputed": "true" if wanted.disputed else "", "before": wanted.before, "verdict": wanted.after}
    return urlencode({name: value for name, value in asked.items() if value})


@router.get("/replays/{replay_id}")
def show(
    request: Request,
    _user: Admin,
    replay_id: int,
    sessions: Sessions,
    words: WordsDep,
    wanted: WantedDep,
    after: AfterDep = 0,
    refused: bool = False,
) -> Response:
    """What it found so far; a script goes on from there."""
    with reading(sessions) as session:
        content = _content(session, words, _view(session, words, replay_id), wanted, after)
    events = f"/admin/replays/{replay_id}/events?{_query(wanted)}&after={after}"
    problem = words.t("No parts have failed, so there is nothing to retry.") if refused else ""
    return uncached_page(request, "versions/replay.html", events=events, problem=problem, **content)


def _known(replay_id: int, sessions: Sessions) -> int:
    """The number of a replay that there is: once a stream has begun, it can't say that there is none."""
    with reading(sessions) as session:
        return replay_results.summary(session, replay_id).replay.id


@router.get("/replays/{replay_id}/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    _user: Admin,
    number: Annotated[int, Depends(_known)],
    sessions: Sessions,
    words: WordsDep,
    wanted: WantedDep,
    after: AfterDep = 0,
    last_event_id: Annotated[str, Header()] = "",
) -> AsyncIterator[ServerSentEvent]:
    """The changing part of the page, each time it is different; at last "over"."""

    def look() -> ReplayView:
        with reading(sessions) as session:
            return _view(session, words, number)

    def context(replay: ReplayView) -> dict[str, Any]:
        with reading(sessions) as session:
            return _content(session, words, replay, wanted, after)

    async for event in follow(request, last_event_id, look, "versions/_replay.html", context):
        yield event


@router.post("/replays/{replay_id}/retry")
def retry(user: Admin, replay_id: int, use_cases: ReplaysDep) -> Response:
    """Queue the parts that failed again."""
    try:
        use_cases.retry(replay_id, user.user_id)
    except Conflict:
        return RedirectResponse(f"/admin/replays/{replay_id}?refused=true", 303)
    return RedirectResponse(f"/admin/replays/{replay_id}", 303)
