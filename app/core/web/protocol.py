"""HTTP as uvicorn implements it, with the time limits it lacks: clients that send or read too slowly are disconnected.

Middleware can't do this: it first hears of a request when all its headers have arrived, and nothing more once the answer is
written. Uvicorn has settings for idle connections and their number (see app/core/web/server.py), but none for headers that
arrive slowly or without end, or for answers that nobody reads. This relies on the methods of its httptools protocol, which
are not public.
"""

import asyncio
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.core.settings import Network, Settings, networks
from app.core.web import problems
from app.core.web.limits import is_within, network_of


class GuardedProtocol(HttpToolsProtocol):
    """One connection. ``for_settings`` returns the class that uvicorn instantiates for each."""

    header_seconds: float
    stalled_seconds: float
    overhead: int
    """Bytes that may arrive without being body: headers, chunk framing, trailers."""
    max_per_client: int
    """Connections of one address; of an IPv6 /48 twice as many."""
    proxies: list[Network]
    """Each of these stands for many clients."""
    changed: Callable[[], None]
    """Called after a connection was made or lost."""

    _header_timer: asyncio.TimerHandle | None = None
    _stalled_timer: asyncio.TimerHandle | None = None
    _in_headers = False
    _received = 0
    _body = 0
    _leaving = False
    _refused = False
    _networks: tuple[tuple[str, int], ...] = ()
    _waiting_since = 0.0

    @classmethod
    def for_settings(cls, settings: Settings, changed: Callable[[], None] = lambda: None) -> type["GuardedProtocol"]:
        """A subclass with the limits of these settings; ``changed`` is called after a connection was made or lost."""
        limits = {
            "header_seconds": settings.header_seconds,
            "stalled_seconds": settings.stalled_seconds,
            "overhead": 2 * settings.max_header_bytes + settings.max_url_bytes,
            "max_per_client": settings.max_connections_per_client,
            "proxies": networks(settings.trusted_proxies),
            "changed": staticmethod(changed),
        }
        return type(cls.__name__, (cls,), limits)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.changed()
        if self.limit_concurrency is not None and len(self.connections) > 2 * self.limit_concurrency:
            self.transport.abort()  # clients that were answered 503 stay connected, and open files run out
            return
        self._waiting_since = self.loop.time()
        self._make_room()
        self._start_header_timer()

    def _make_room(self) -> None:
        """If this client, or all clients together, have too many connections, close the slowest one in favour of this one.

        The slowest is the one that has waited longest for a request, or else for a body; never one that is being answered.
        If all of them are, this one is answered 503.
        """
        for crowd, limit in self._crowds():
            others = [c for c in crowd if c is not self and not c.transport.is_closing()]
            if len(others) < limit:
                continue
            slowest = min(others, key=GuardedProtocol._patience)
            if slowest._is_idle or slowest.cycle.more_body:
                slowest.transport.abort()
                self.connections.discard(slowest)  # the event loop closes it later, and it must not count until then
            else:
                self._refused = True

    def _crowds(self) -> Iterator[tuple[list["GuardedProtocol"], int]]:
        """Groups of connections that this one belongs to, each with the number of others that it may have beside it."""
        everybody = [c for c in self.connections if isinstance(c, GuardedProtocol)]
        address = self.client[0] if self.client else ""
        self._networks = tuple((network_of(address, bits), n * self.max_per_client) for bits, n in ((64, 1), (48, 2)))
        if not is_within(network_of(address), self.proxies):
            for network in self._networks:
                yield [c for c in everybody if network in c._networks], network[1]
        if self.limit_concurrency is not None:
            # Uvicorn answers 503 at its limit, and a closed connection counts until its task has ended.
            yield everybody, self.limit_concurrency - 1 - max(1, self.limit_concurrency // 20)

    def _patience(self) -> tuple[int, float]:
        """The connection with the smallest value is the slowest."""
        return 0 if self._is_idle else 1 if self.cycle.more_body else 2, self._waiting_since

    def connection_lost(self, exc: Exception | None) -> None:
        self._header_timer = _cancelled(self._header_timer)
        self._stalled_timer = _cancelled(self._stalled_timer)
        super().connection_lost(exc)
        self.changed()

    def leave(self) -> None:
        """Close after the current or the next request is answered, or when the keep-alive time is over.

        An idle connection is not closed at once: its client may be sending already. A stream of events is, because it would
        go on for long; its client reconnects.
        """
        self._leaving = True
        if self._is_idle:
            return
        self.cycle.keep_alive = False
        if any(name == b"accept" and b"text/event-stream" in value for name, value in self.cycle.scope["headers"]):
            self._close()

    # --- receiving ---------------------------------------------------------------------------------------------------

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _start_header_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.header_seconds, self._headers_late)

    def _headers_late(self) -> None:
        if self._in_headers:
            self._refuse("too-slow", 408, "The headers of the request did not arrive in time.")
        else:  # it sent nothing, or still sends the body of a request that is answered
            self._close()

    def _refuse(self, name: str, status: int, detail: str) -> None:
        """Answer without the application, and close."""
        if self.transport.is_closing():
            return
        if self._is_idle:
            body = problems.problem(name, status, detail).model_dump_json().encode()
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {problems.MEDIA_TYPE}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self._close()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._is_idle:
            self._start_header_timer()
        super().data_received(data)
        if self._received - self._body > self.overhead + self._body and not self.transport.is_closing():
            self._refuse("headers-too-large", 431, "The headers of the request are too large.")

    def on_message_begin(self) -> None:
        self._received, self._body, self._in_headers = 0, 0, True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_headers:  # trailers are ignored
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._header_timer = _cancelled(self._header_timer)
        super().on_headers_complete()
        if self._leaving:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if app is service_unavailable or self._refused:  # a crowded process is alive; restarting it would not help
            app = self.app if cycle.scope["path"] == "/healthz" else _crowded
        super()._start_asgi_task(cycle, app)

    # --- sending -----------------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._waiting_since = self.loop.time()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_stalled_timer()

    def resume_writing(self) -> None:
        self._stalled_timer = _cancelled(self._stalled_timer)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._start_stalled_timer()

    def _close(self) -> None:
        self.transport.close()
        self._start_stalled_timer()

    def _start_stalled_timer(self) -> None:
        """Limit how long ``close`` waits for the client to read what is left."""
        if self._stalled_timer is None:
            self._stalled_timer = self.loop.call_later(self.stalled_seconds, self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Cancel a timer; returns None, to be stored in its place."""
    if timer is not None:
        timer.cancel()
    return None


async def _crowded(scope: Any, receive: Any, send: Any) -> None:
    detail = "Too many connections are open. Please try again in a moment."
    answer = problems.response("overloaded", 503, detail, headers={"Retry-After": "2", "Connection": "close"})
    await answer(scope, receive, send)
