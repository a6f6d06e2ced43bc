"""Following work that goes on: the changing part of a page, sent each time it is different."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeVar

from fastapi import Request
from fastapi.sse import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.core.web.pages import render

_LOOK_SECONDS = 1.0
# A browser comes back by itself. So a server that is to stop never waits long for those who watch.
_LONGEST_SECONDS = 10.0


class Watched(Protocol):
    """Work as a page shows it. ``revision`` is another one whenever the page would be."""

    @property
    def revision(self) -> str: ...

    @property
    def over(self) -> bool: ...


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
        await asyncio.sleep(_LOOK_SECONDS)
