"""A request that is too large is refused while it arrives, before it fills memory or disk."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class LimitBody:
    """Answers 413 for a body of more than ``most`` bytes, announced or not (a chunked body has no Content-Length).

    The error rises from whatever reads the body, so it is worded where all errors are. (FastAPI's own ``max_body_size``
    answers an announced size with plain text.)
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        size = int(announced) if announced.isascii() and announced.isdigit() else 0
        arrived = 0

        async def counting() -> Message:
            nonlocal arrived
            if max(size, arrived) > self.most:
                raise self._too_large()
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self.most:
                raise self._too_large()
            return message

        await self.app(scope, counting, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"A request may have {self.most / 1_000_000:g} MB.")
