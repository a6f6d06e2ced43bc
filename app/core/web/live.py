"""Pages about work in the background, and the stream of events that keeps their changing part up to date."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Protocol, TypeVar

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.core.long_work import RunState, state_of
from app.core.settings import Settings
from app.core.web.auth import Admin
from app.core.web.i18n import Language
from app.core.web.pages import render
from app.core.web.words import job_message

_POLL_SECONDS = 1.0
# A browser reconnects by itself, so a server that is to stop never waits long for those who watch.
_LONGEST_SECONDS = 10.0


class Watched(Protocol):
    """Work as a page shows it. ``revision`` is different whenever the page would be."""

    @property
    def revision(self) -> str: ...

    @property
    def over(self) -> bool: ...


@dataclass(frozen=True)
class WorkView:
    """Long work now. ``ahead``: how many others are before it in the queue; ``error``: why it failed or has to wait."""

    row: Any
    state: RunState
    ahead: int
    error: str

    @classmethod
    def of(cls, row: Any, language: Language, settings: Settings, ahead: int = 0) -> "WorkView":
        """The row as it is now. ``ahead``: of those that wait."""
        state = state_of(row.job, timedelta(seconds=settings.job_lost_seconds))
        explained = state in {RunState.FAILED, RunState.WAITING}
        return cls(row, state, ahead, job_message(language, row.job) if explained else "")

    @property
    def revision(self) -> str:
        """Changes with what the page shows."""
        return f"{self.row.revision}-{self.state}-{self.ahead}"

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state.over

    @property
    def stoppable(self) -> bool:
        """Whether it may be cancelled."""
        return not self.over and self.state is not RunState.STOPPING

    @property
    def retriable(self) -> bool:
        """Whether it may be tried again."""
        return self.state in {RunState.FAILED, RunState.CANCELLED}


View = TypeVar("View", bound=Watched)


async def follow(
    request: Request, seen: str, look: Callable[[], View], template: str, context: Callable[[View], dict[str, Any]]
) -> AsyncIterator[ServerSentEvent]:
    """The part of the page that ``template`` renders, as events "run"; at last "over".

    ``seen``: the revision that the browser has; ``look``: the work as it is now; ``context``: what the template is given.
    """
    begun = time.monotonic()
    while time.monotonic() - begun < _LONGEST_SECONDS and not await request.is_disconnected():
        view = await run_in_threadpool(look)
        if view.revision != seen:
            shown = await run_in_threadpool(context, view)
            html = bytes(render(request, template, **shown).body).decode()
            yield ServerSentEvent(raw_data=html, event="run", id=view.revision, retry=500)
            seen = view.revision
        if view.over:
            yield ServerSentEvent(raw_data="over", event="over", id=view.revision)
            return
        await asyncio.sleep(_POLL_SECONDS)


@dataclass(frozen=True)
class Live:
    """Where the events of a page come from: ``look`` and ``context`` as ``follow`` takes them."""

    look: Callable[[], Any]
    context: Callable[[Any], dict[str, Any]]


def event_route(router: APIRouter, path: str, live: Callable[..., Live], template: str) -> None:
    """Add the events of a page for admins. ``live``: a dependency; it raises NotFound, which a begun stream can't say."""

    @router.get(path, response_class=EventSourceResponse)
    async def events(
        request: Request,
        _user: Admin,
        live: Annotated[Live, Depends(live)],
        last_event_id: Annotated[str, Header()] = "",
    ) -> AsyncIterator[ServerSentEvent]:
        """The changing part of the page, each time it is different; at last "over"."""
        async for event in follow(request, last_event_id, live.look, template, live.context):
            yield event
