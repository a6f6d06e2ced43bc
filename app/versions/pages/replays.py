"""A version tried on what was sent: replays of the past, and its place in the shadow of the one that serves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Header, Query, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from app.core.db import reading, utcnow
from app.core.errors import Conflict
from app.core.web.dependencies import ReadSession
from app.core.web.live import follow
from app.predictions.rules import Outcome
from app.review.judging import season_start
from app.versions import promotion, replays
from app.versions.pages.figures import verdict_rows
from app.versions.pages.frame import AdminPage, Page
from app.versions.replays import FlipFilter, Replays, Summary
from app.versions.shadow import set_shadow

router = APIRouter(prefix="/admin", include_in_schema=False)
Typed = Annotated[str, Field(max_length=20)]


class ReplayForm(BaseModel):
    """What a replay looks at: submissions ``since`` a day (empty: all of them), or photos that are ``measuring``."""

    what: Typed = "season"
    since: Typed = ""

    @classmethod
    def of_the_season(cls) -> "ReplayForm":
        """The form before anything is typed."""
        return cls(since=season_start(utcnow()).date().isoformat())

    @property
    def only_measuring(self) -> bool:
        """Only photos that measure models."""
        return self.what == "measuring"

    def first_moment(self) -> datetime | None:
        """Of the submissions. Raises ValueError for what is no date."""
        if self.only_measuring or not self.since.strip():
            return None
        return datetime.combine(date.fromisoformat(self.since.strip()), time.min, UTC)


def _replays(page: AdminPage) -> Replays:
    return Replays(page.sessions, page.request.app.state.send_message)


@router.get("/models/{version_id}/replays")
def ask(page: Page, version_id: int) -> Response:
    """What to look at again; and the replays that there were."""
    return _list_page(page, version_id, ReplayForm.of_the_season())


def _list_page(
    page: AdminPage, version_id: int, form: ReplayForm, status: int = 200, *, error: str = "", problem: str = ""
) -> Response:
    with reading(page.sessions) as session:
        version = promotion.get(session, version_id)
        summaries = [replays.summary(session, row.id) for row in replays.page(session, version_id)]
    context = {"version": version, "replays": summaries, "form": form, "error": error, "problem": problem}
    return page.render("versions/replays.html", status, **context)


@router.post("/models/{version_id}/replays")
def start(page: Page, version_id: int, form: Annotated[ReplayForm, Form()]) -> Response:
    """Start one, and go where it is watched."""
    try:
        since = form.first_moment()
    except ValueError:
        return _list_page(page, version_id, form, 422, error=page.words.t("Please enter a valid date."))
    try:
        number = _replays(page).start(version_id, page.user.user_id, since=since, only_measuring=form.only_measuring)
    except Conflict:
        problem = page.words.t(
            "Nothing was started: there are no submissions, this version is in service itself, or no version is."
        )
        return _list_page(page, version_id, form, 409, problem=problem)
    return RedirectResponse(f"/admin/replays/{number}", 303)


@router.post("/models/{version_id}/shadow")
def shadow(page: Page, version_id: int, on: Annotated[bool, Form()] = False) -> Response:
    """Put it into the shadow, or take it out."""
    try:
        set_shadow(page.sessions, version_id, page.user.user_id, on=on)
    except Conflict:  # it was promoted meanwhile: its page says so
        return RedirectResponse(f"/admin/models/{version_id}", 303)
    return RedirectResponse(f"/admin/models/{version_id}#shadow", 303)


# --- one replay -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FlipQuery:
    """Which submissions of a replay are listed; see FlipFilter. ``after``: the page that follows this submission."""

    disputed: bool = False
    before: Outcome | None = None
    verdict: Outcome | None = None
    after: Annotated[int, Query(ge=0, le=2**31)] = 0

    @property
    def filter(self) -> FlipFilter:
        """As the replay is asked for them."""
        return FlipFilter(self.disputed, self.before, self.verdict)

    def url(self, after: int) -> str:
        """The same list from another place on, as part of an address."""
        named = {"disputed": "true" if self.disputed else "", "before": self.before, "verdict": self.verdict}
        return urlencode({name: value for name, value in named.items() if value} | ({"after": after} if after else {}))


ListedFlips = Annotated[FlipQuery, Depends()]


def _context(page: AdminPage, session: Session, summary: Summary, query: FlipQuery) -> dict[str, Any]:
    rows = replays.flipped(session, summary.replay.id, query.after, filter=query.filter, size=replays.PAGE + 1)
    listed = rows[: replays.PAGE]
    here = f"/admin/replays/{summary.replay.id}"
    return page.shared | {
        "replay": summary.replay,
        "summary": summary,
        "matrix": verdict_rows(summary.pairs),
        "filter": query.filter,
        "flips": listed,
        "first": f"{here}?{query.url(0)}#list" if query.after else "",
        "next": f"{here}?{query.url(listed[-1].submission_id)}#list" if len(rows) > len(listed) else "",
    }


@router.get("/replays/{replay_id}")
def show(page: Page, session: ReadSession, replay_id: int, query: ListedFlips, refused: bool = False) -> Response:
    """What it found so far; a script goes on from there."""
    context = _context(page, session, replays.summary(session, replay_id), query)
    events = f"/admin/replays/{replay_id}/events?{query.url(query.after)}"
    problem = page.words.t("No parts have failed, so there is nothing to retry.") if refused else ""
    return page.render("versions/replay.html", events=events, problem=problem, **context)


def _known(page: Page, replay_id: int) -> int:
    """The number of a replay that there is: once a stream has begun, it can't say that there is none."""
    with reading(page.sessions) as session:
        return replays.get(session, replay_id).id


@router.get("/replays/{replay_id}/events", response_class=EventSourceResponse)
async def events(
    page: Page,
    number: Annotated[int, Depends(_known)],
    query: ListedFlips,
    last_event_id: Annotated[str, Header()] = "",
) -> AsyncIterator[ServerSentEvent]:
    """The changing part of the page, each time it is different; at last "over"."""

    def look() -> Summary:
        with reading(page.sessions) as session:
            return replays.summary(session, number)

    def context(summary: Summary) -> dict[str, Any]:
        with reading(page.sessions) as session:
            return _context(page, session, summary, query)

    async for event in follow(page.request, last_event_id, look, "versions/_replay.html", context):
        yield event


@router.post("/replays/{replay_id}/retry")
def retry(page: Page, replay_id: int) -> Response:
    """Queue the parts that failed again."""
    try:
        _replays(page).retry(replay_id, page.user.user_id)
    except Conflict:
        return RedirectResponse(f"/admin/replays/{replay_id}?refused=true", 303)
    return RedirectResponse(f"/admin/replays/{replay_id}", 303)
