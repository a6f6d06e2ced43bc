"""Which names this server answers to: links in its pages, and its cookies, belong to those alone."""

import ipaddress
import re
import socket

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.settings import Settings, listed
from app.core.web import errors

LOCAL = ("localhost", "127.0.0.1", "::1")
# Probes and Prometheus come by the address of a container; what they are answered is the same under any name.
UNCHECKED = {"/healthz", "/readyz", "/metrics"}
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?", re.ASCII)


class AllowedHosts:
    """Answers 400 to a request for another name.

    A server that listens on all addresses is also answered to under each of them and under the machine's own name, so that
    it can be tried out from a phone; a name that anybody could point here is still refused.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        names = {name.lower().strip("[]") for name in (*LOCAL, *listed(settings.allowed_hosts))}
        self._everywhere = settings.host in {"0.0.0.0", "::"}  # noqa: S104
        own = socket.gethostname().lower()
        names |= {own, f"{own}.local"} if self._everywhere else {settings.host.lower()}
        self._names = names
        self._domains = tuple(name for name in names if name.startswith("."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNCHECKED or self._allows(scope):
            await self.app(scope, receive, send)
            return
        detail = "This server does not answer to the name in the Host header (setting WINGCHECK_ALLOWED_HOSTS)."
        answer = errors.answer(Request(scope), "unknown-host", 400, detail)
        await answer(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        given = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        found = _HOST.fullmatch(given[0]) if len(given) == 1 else None
        if found is None:
            return False
        name = (found[1] or found[2]).removesuffix(".")
        if "*" in self._names or name in self._names or f".{name}".endswith(self._domains):
            return True
        return self._everywhere and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
