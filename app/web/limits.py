"""Limits on what a request may send, enforced while it is read and not after."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Refuses a request body over ``max_bytes``: at once where Content-Length says so, else when the bytes arrive."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        too_large = declared.isdigit() and int(declared) > self.max_bytes
        received = 0

        async def limited() -> Message:
            nonlocal received
            if too_large:
                raise self._refusal()
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise self._refusal()
            return message

        await self.app(scope, limited, send)

    def _refusal(self) -> HTTPException:
        # Connection: close, because the rest of the body is never read.
        return HTTPException(
            413, f"A request may have {self.max_bytes // 1_000_000} MB.", headers={"Connection": "close"}
        )
