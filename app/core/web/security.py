"""Security headers of every answer."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "geolocation=(self), camera=(self), microphone=()",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}
# A picture needs nothing, so a file that only pretends to be a picture may load nothing.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_YEAR = 365 * 24 * 3600


class SecurityHeaders:
    """Adds strict defaults to what routes set; links to submissions never leak as referrers.

    By default nothing is cached. Pages are requested again each time, but "back" may show the browser's copy with a
    half-filled form.
    """

    def __init__(self, app: ASGIApp, *, over_tls: bool) -> None:
        self.app = app
        self.headers = HEADERS | ({"Strict-Transport-Security": f"max-age={_YEAR}"} if over_tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
                is_page = message["status"] < 400 and headers.get("content-type", "").startswith("text/html")
                headers.setdefault("Cache-Control", "private, no-cache" if is_page else "no-store")
            await send(message)

        await self.app(scope, receive, adding)
