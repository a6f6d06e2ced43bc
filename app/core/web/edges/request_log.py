"""A line per request, and the id that ties it to every other line about it."""

import logging
import re
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.logs import request_id
from app.core.web.metrics import route_of

log = logging.getLogger("app.access")
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


class LogRequests:
    """Gives the request its id, a proxy's where that is sane, and writes one line when its answer has ended.

    The line names the route's template, never the path: links are secrets.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        own = given if _SANE.fullmatch(given) else secrets.token_hex(8)
        reset, started, status, size = request_id.set(own), time.perf_counter(), 500, 0

        async def watching(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = own
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, watching)
        finally:
            seen = {
                "method": scope["method"] if scope["method"].isalpha() else "?",
                "route": route_of(scope),
                "status": status,
                "ms": round((time.perf_counter() - started) * 1000, 1),
                "bytes": size,
            }
            log.info("%(method)s %(route)s %(status)d %(ms).1f ms %(bytes)d bytes", seen, extra=seen)
            request_id.reset(reset)
