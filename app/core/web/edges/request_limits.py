"""How much one request may bring, and how long it may take over it."""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.settings import Settings
from app.core.web import errors

_OUR_COOKIES = (b"wingcheck_", b"__Host-wingcheck_")
_CLOSE = {"Connection": "close"}  # what is left of the body would be read as the next request


class LimitHead:
    """Answers 414 to an address that is too long, and 431 to too many bytes of headers.

    Only our own cookies go on, and none that is quoted: some versions of Python take seconds to read a long quoted one.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.longest_url = settings.max_url_bytes
        self.most_headers = settings.max_header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        url = len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"])
        headers = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        if url > self.longest_url:
            detail = f"An address may have {self.longest_url} bytes."
            answer = errors.answer(Request(scope), "url-too-long", 414, detail)
        elif headers > self.most_headers:
            detail = f"The headers may have {self.most_headers} bytes together."
            answer = errors.answer(Request(scope), "headers-too-large", 431, detail)
        else:
            scope["headers"] = [(name, _own_cookies(v) if name == b"cookie" else v) for name, v in scope["headers"]]
            await self.app(scope, receive, send)
            return
        await answer(scope, receive, send)


def _own_cookies(header: bytes) -> bytes:
    cookies = (cookie.strip() for cookie in header.split(b";"))
    return b"; ".join(cookie for cookie in cookies if cookie.startswith(_OUR_COOKIES) and b'"' not in cookie)


class LimitBody:
    """Refuses a body while it arrives: 413 when it is too large, announced or not, 408 when it is too slow.

    Only multipart forms may be large. Everything else is parsed whole on the event loop, which serves nobody meanwhile.

    The error rises from whatever reads the body, so it is worded where all errors are. Only time spent waiting for the
    client counts; after a grace, the body must have come at the minimum speed on the average.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.most_with_files = settings.max_request_megabytes * 1_000_000
        self.most_without = settings.max_body_kilobytes * 1_000
        self.longest = settings.body_seconds
        self.grace = settings.body_grace_seconds
        self.slowest = settings.min_body_bytes_per_second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _Body(self, scope, receive).receive
        await self.app(scope, receive, send)

    def too_slow(self) -> HTTPException:
        return HTTPException(408, "The rest of the request did not arrive in time.", _CLOSE)


class _Body:
    """One body on its way in."""

    def __init__(self, limits: LimitBody, scope: Scope, receive: Receive) -> None:
        announced = Headers(scope=scope).get("content-length", "")
        self._announced = int(announced) if announced.isascii() and announced.isdigit() else 0
        self._limits, self._receive = limits, receive
        with_files = Headers(scope=scope).get("content-type", "").lower().startswith("multipart/form-data")
        self._most = limits.most_with_files if with_files else limits.most_without
        self._arrived, self._waited, self._complete = 0, 0.0, False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()  # waits for the client to hang up, which may take as long as it likes
        limits = self._limits
        if max(self._announced, self._arrived) > self._most:
            raise self._too_large()
        allowed = min(limits.longest, limits.grace + self._arrived / limits.slowest) - self._waited
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(max(allowed, 0)):
                message = await self._receive()
        except TimeoutError:
            raise limits.too_slow() from None
        self._waited += asyncio.get_running_loop().time() - began
        self._arrived += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._arrived > self._most:
            raise self._too_large()
        return message

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"A request of this kind may have at most {self._most / 1_000_000:g} MB.", _CLOSE)
