"""Addresses that come with a request and are gone to afterwards: only ever to a page of our own."""

from urllib.parse import urlencode, urlsplit

from starlette.requests import Request

SIGN_IN = "/sign-in"


def local(address: str, otherwise: str = "/") -> str:
    """The address where it leads to a page of ours, else ``otherwise``."""
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours else otherwise


def sign_in_address(request: Request) -> str:
    """The door, with the way back: to this page, or to the one whose form was sent."""
    if request.method in {"GET", "HEAD"} and "hx-request" not in request.headers:
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    else:
        page = urlsplit(request.headers.get("referer", ""))
        back = page.path + (f"?{page.query}" if page.query else "") if page.netloc == request.url.netloc else ""
    return f"{SIGN_IN}?{urlencode({'next': back})}" if local(back, "") else SIGN_IN
