"""Too many requests of one client are refused before their body is read."""

import logging
from collections.abc import Callable
from functools import partial

from anyio.to_thread import run_sync
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.rate_limits import RateLimits, Standing
from app.core.settings import networks
from app.core.web import errors
from app.core.web.edges.clients import client_network, is_within
from app.core.web.visitors import visitor

log = logging.getLogger(__name__)
_READING = {"GET", "HEAD", "OPTIONS", "TRACE"}
_PREDICTING = {"/predict", "/find"}
_SUBMITTING = {"/submissions", "/api/v1/submissions"}


def group_of(method: str, path: str) -> str | None:
    """The group that a request counts in; reading counts in none."""
    if method in _READING:
        return None
    if path in _PREDICTING:
        return "predict"
    return "submissions" if path in _SUBMITTING else "writes"


class LimitRate:
    """Answers 429 with Retry-After. Every counted request tells in RateLimit headers how many are left."""

    def __init__(self, app: ASGIApp, limits: RateLimits, exempt: str) -> None:
        self.app = app
        self.limits = limits
        self.exempt = networks(exempt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        group, count = self._counting(scope)
        if group is None or count is None:
            await self.app(scope, receive, send)
            return
        standing = count() if self.limits.in_memory else await run_sync(count)
        if standing is None:
            await self.app(scope, receive, send)
            return
        headers = _headers(group, standing)
        if not standing.allowed:
            log.info("too many requests of one client in group %s", group)
            detail = f"At most {standing.limit} of these requests in {standing.window} seconds, please."
            headers["Retry-After"] = str(standing.reset)
            await errors.answer(Request(scope), "too-many-requests", 429, detail, headers)(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self.app(scope, receive, adding)

    def _counting(self, scope: Scope) -> tuple[str | None, Callable[[], Standing | None] | None]:
        """The group a request counts in, and what counts it. A program with an API key has a limit of its own for all it asks."""
        if scope["type"] != "http":
            return None, None
        user = visitor(scope)
        if user is not None and user.api_key_id is not None:
            return "api_key", partial(self.limits.hit_key, user.api_key_id, user.requests_per_minute)
        group = group_of(scope["method"], scope["path"])
        if group is None or not self.limits.groups[group]:
            return None, None
        client = client_network(scope)
        if is_within(client, self.exempt):
            return None, None
        # Two reviewers at one office's address are two clients.
        name = f"user {user.user_id}" if user is not None and group == "writes" else client
        return group, partial(self.limits.hit, group, name)


def _headers(group: str, standing: Standing) -> dict[str, str]:
    """As in the IETF draft "RateLimit header fields for HTTP"."""
    return {
        "RateLimit-Policy": f'"{group}";q={standing.limit};w={standing.window}',
        "RateLimit": f'"{group}";r={standing.remaining};t={standing.reset}',
    }
