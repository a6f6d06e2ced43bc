"""What every request passes before a route sees it, apart from limits and security headers; the order is in app/main.py."""

import ipaddress
import logging
import re
import secrets
import socket
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.logs import request_id
from app.core.settings import Settings, listed
from app.core.web import errors
from app.core.web.metrics import Metrics
from app.core.web.visitors import visitor

log = logging.getLogger("app.access")
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
_READING = {"GET", "HEAD", "OPTIONS"}
_ONE_CLICK = re.compile(r"/mail/stop/[^/]+")
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
# Probes and Prometheus use a container's address; the answer is the same under any name.
_ANY_HOST = {"/healthz", "/readyz", "/metrics"}
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?", re.ASCII)


class RecordRequests:
    """Gives each request an id (a proxy's, if acceptable), writes a log line when its answer has ended, and counts it.

    Line and metrics name the route's template, never the path: links are secrets, and strangers can invent paths.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        own_id = given if _ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(8)
        token, started, status, size = request_id.set(own_id), time.perf_counter(), 500, 0

        async def recording(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = own_id
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, recording)
        finally:
            seconds, route = time.perf_counter() - started, _route_of(scope)
            self.metrics.requests.labels(scope["method"], route, str(status)).inc()
            self.metrics.latency.labels(route).observe(seconds)
            method = scope["method"] if scope["method"].isalpha() else "?"
            line = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1), "bytes": size}
            log.info("%(method)s %(route)s %(status)d %(ms).1f ms %(bytes)d bytes", line, extra=line)
            request_id.reset(token)


def _route_of(scope: Scope) -> str:
    if scope["path"].startswith("/static/"):
        return "/static"
    return getattr(scope.get("route"), "path", "unknown")


class AllowedHosts:
    """Answers 400 to a request for a host name that is not ours: links in pages, and cookies, belong to our names alone.

    A server that listens on all addresses also answers to each of them and to the machine's own name, so that it can be
    tried from a phone; a name that anybody could point here is still refused.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        names = {name.lower().strip("[]") for name in (*_LOCAL_NAMES, *listed(settings.allowed_hosts))}
        self._everywhere = settings.host in {"0.0.0.0", "::"}  # noqa: S104
        machine = socket.gethostname().lower()
        names |= {machine, f"{machine}.local"} if self._everywhere else {settings.host.lower()}
        self._names = names
        self._domains = tuple(name for name in names if name.startswith("."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ANY_HOST or self._allows(scope):
            await self.app(scope, receive, send)
            return
        detail = "This server does not answer to the name in the Host header (setting WINGCHECK_ALLOWED_HOSTS)."
        await errors.answer(Request(scope), "unknown-host", 400, detail)(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        match = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            return False
        name = (match[1] or match[2]).removesuffix(".")
        if "*" in self._names or name in self._names or f".{name}".endswith(self._domains):
            return True
        return self._everywhere and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class RefuseOtherSites:
    """Answers 403 to whatever is not plain reading and comes from a page of another site, whether or not it needs an account.

    Browsers name the site in Sec-Fetch-Site, older ones in Origin; programs send neither. A request with an API key passes:
    no page can add one without asking first, and we allow no site to. So does the one click with which mail programs stop
    mails (RFC 8058): its address holds a signed token, and no cookie counts there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        changes = scope["type"] == "http" and scope["method"] not in _READING
        if changes and not _ONE_CLICK.fullmatch(scope["path"]) and _is_from_another_site(scope):
            app = errors.answer(Request(scope), "forbidden", 403, "This was sent by a page of another site.")
        await app(scope, receive, send)


def _is_from_another_site(scope: Scope) -> bool:
    user = visitor(scope)
    if user is not None and user.via == "api_key":
        return False
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


class CatchErrors:
    """The innermost layer but one: an unexpected error becomes an answer with headers, count and log line like any other.

    Starlette's own handler for Exception is outside all layers, and raises the error once more.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watching(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watching)
        except Exception as error:
            if scope["type"] != "http" or started:
                raise
            await errors.unexpected(Request(scope), error)(scope, receive, send)


class AnswerHead:
    """Answers HEAD, which link previews and monitors use, like GET without its body: routes are declared for GET alone."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        as_get: Scope = {**scope, "method": "GET"}
        try:
            await self.app(as_get, receive, without_body)
        finally:
            if "route" in as_get:  # for the log and the metrics, further out
                scope["route"] = as_get["route"]
