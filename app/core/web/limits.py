"""Limits on requests: their size, how long a body may take to arrive, and how many one client may send."""

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from functools import partial

from anyio.to_thread import run_sync
from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.rate_limits import RateLimits, Usage
from app.core.settings import Network, Settings, networks
from app.core.web import errors
from app.core.web.visitors import visitor

log = logging.getLogger(__name__)
UNKNOWN = "unknown"
_OUR_COOKIES = (b"wingcheck_", b"__Host-wingcheck_")
_CLOSE = {"Connection": "close"}  # the rest of the body would be read as the next request
_LONGEST_EPILOGUE = 200  # bytes after the end of a multipart form; two at most are usual
_READING = {"GET", "HEAD", "OPTIONS", "TRACE"}
_PREDICTING = {"/predict", "/find"}
_SUBMITTING = {"/submissions", "/api/v1/submissions"}


# --- size and speed -------------------------------------------------------------------------------------------------------


class LimitHead:
    """Answers 414 if the address is too long, 404 if it has control characters, and 431 if the headers are too large.

    Passes on only our own cookies, and none that is quoted: some versions of Python take seconds to parse a long quoted one.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.max_url = settings.max_url_bytes
        self.max_headers = settings.max_header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        url = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        app = self.app
        if url > self.max_url:
            app = errors.answer(Request(scope), "url-too-long", 414, f"An address may have {self.max_url} bytes.")
        elif not scope[
            "path"
        ].isprintable():  # to a route's pattern, "/submissions\n" is "/submissions"; to limits it is not
            app = errors.answer(Request(scope), "not-found", 404, "There is nothing at this address.")
        elif headers > self.max_headers:
            detail = f"The headers may have {self.max_headers} bytes together."
            app = errors.answer(Request(scope), "headers-too-large", 431, detail)
        else:
            scope["headers"] = [(name, _our_cookies(v) if name == b"cookie" else v) for name, v in scope["headers"]]
        await app(scope, receive, send)


def _our_cookies(header: bytes) -> bytes:
    cookies = (cookie.strip() for cookie in header.split(b";"))
    return b"; ".join(cookie for cookie in cookies if cookie.startswith(_OUR_COOKIES) and b'"' not in cookie)


class LimitBody:
    """Refuses a body while it arrives: 413 if it is too large, announced or not, 408 if it is too slow, 400 if it is a multipart
    form that breaks off: the parser would take what there is, and an address that did not arrive for one that was removed.

    The error is raised in whatever reads the body, so it is handled like all others. Only time spent waiting for the
    client counts; after a grace period, the body must have arrived at the minimum speed on average.

    Only multipart forms may be large. Everything else is parsed whole on the event loop, which serves nobody meanwhile.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.max_bytes = settings.max_body_kilobytes * 1_000
        self.max_bytes_with_files = settings.max_request_megabytes * 1_000_000
        self.max_seconds = settings.body_seconds
        self.grace_seconds = settings.body_grace_seconds
        self.min_speed = settings.min_body_bytes_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _Body(self, scope, receive).receive
        await self.app(scope, receive, send)


class _Body:
    """One body while it arrives."""

    def __init__(self, limits: LimitBody, scope: Scope, receive: Receive) -> None:
        announced = Headers(scope=scope).get("content-length", "")
        self._announced = int(announced) if announced.isascii() and announced.isdigit() else 0
        self._limits, self._receive = limits, receive
        kind, options = parse_options_header(Headers(scope=scope).get("content-type", ""))
        has_files = kind == b"multipart/form-data"
        self._end = b"--%b--" % options.get(b"boundary", b"") if has_files else b""
        self._tail = b""
        self._max_bytes = limits.max_bytes_with_files if has_files else limits.max_bytes
        self._arrived, self._waited, self._complete = 0, 0.0, False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()  # waits for the client to disconnect, without a limit
        limits = self._limits
        self._check_size(self._announced)
        allowed = min(limits.max_seconds, limits.grace_seconds + self._arrived / limits.min_speed) - self._waited
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(allowed, 0)):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "The rest of the request did not arrive in time.", _CLOSE) from None
        self._waited += asyncio.get_running_loop().time() - began
        self._arrived += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        self._check_size(self._arrived)
        if self._end and message["type"] == "http.request":
            self._check_end(message.get("body", b""))
        return message

    def _check_end(self, piece: bytes) -> None:
        kept = len(self._end) + _LONGEST_EPILOGUE
        self._tail = (self._tail + piece[-kept:])[-kept:]
        if self._complete and self._end not in self._tail:
            raise HTTPException(400, "The form ends before its closing boundary.", _CLOSE)

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise HTTPException(
                413, f"A request of this kind may have at most {self._max_bytes / 1_000_000:g} MB.", _CLOSE
            )


# --- requests per client --------------------------------------------------------------------------------------------------


def client_network(scope: Scope) -> str:
    """The client's IPv4 address or IPv6 /64, which is what one household or phone is given.

    Uvicorn's middleware has replaced the address of a trusted proxy before.
    """
    client = scope.get("client")
    return network_of(client[0] if client else "")


def network_of(text: str, ipv6_bits: int = 64) -> str:
    """The client that an address belongs to; ``ipv6_bits``: how much of an IPv6 address identifies it."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), ipv6_bits), strict=False))


def is_within(client: str, networks: list[Network]) -> bool:
    """Whether a client, as ``client_network`` gives it, is in one of these networks."""
    if client == UNKNOWN:
        return False
    network = ipaddress.ip_network(client)
    return any(network.version == other.version and network.overlaps(other) for other in networks)


def group_of(method: str, path: str) -> str | None:
    """The group that a request counts in; None for reading, which is not limited."""
    if method in _READING:
        return None
    if path in _PREDICTING:
        return "predict"
    return "submissions" if path in _SUBMITTING else "writes"


class LimitRate:
    """Answers 429 with Retry-After, before the body is read. Answers to counted requests have RateLimit headers."""

    def __init__(self, app: ASGIApp, limits: RateLimits, exempt: str) -> None:
        self.app = app
        self.limits = limits
        self.exempt = networks(exempt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        group, count = self._counter(scope)
        if group is None or count is None:
            await self.app(scope, receive, send)
            return
        usage = count() if self.limits.in_memory else await run_sync(count)
        if usage is None:
            await self.app(scope, receive, send)
            return
        headers = _headers(group, usage)
        if not usage.allowed:
            log.info("too many requests of one client in group %s", group)
            detail = f"At most {usage.limit} of these requests in {usage.window} seconds, please."
            headers["Retry-After"] = str(usage.reset)
            await errors.answer(Request(scope), "too-many-requests", 429, detail, headers)(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        await self.app(scope, receive, adding)

    def _counter(self, scope: Scope) -> tuple[str | None, Callable[[], Usage | None] | None]:
        """The group of a request, and a function that counts it. An API key has a limit of its own, for all requests."""
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


def _headers(group: str, usage: Usage) -> dict[str, str]:
    """As in the IETF draft "RateLimit header fields for HTTP"."""
    return {
        "RateLimit-Policy": f'"{group}";q={usage.limit};w={usage.window}',
        "RateLimit": f'"{group}";r={usage.remaining};t={usage.reset}',
    }
