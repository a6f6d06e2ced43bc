"""HTTP as uvicorn speaks it, with the time limits that it lacks: clients that send or read too slowly lose their connection.

The limits of the application can't do this: it first hears of a request when all its headers are there, and nothing more of
it once the answer is written.
"""

import asyncio
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.core.settings import Network, Settings, networks
from app.core.web import problems
from app.core.web.edges.clients import is_within, network_of


class GuardedProtocol(HttpToolsProtocol):
    """One connection. ``for_settings`` gives the class that uvicorn makes connections of."""

    header_seconds: float
    stalled_seconds: float
    overhead: int
    """Bytes that may come without being a body: headers, what frames chunks, trailers."""
    most_per_client: int
    """Connections of one address; of an IPv6 /48 twice as many."""
    proxies: list[Network]
    """Through these come many clients."""
    changed: Callable[[], None]
    """Called when a connection was made or lost."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._stalled_timer: asyncio.TimerHandle | None = None
        self._in_headers = False
        self._received = 0
        self._body = 0
        self._leaving = False
        self._refused = False
        self._networks: list[tuple[str, int]] = []
        self._waiting_since = 0.0

    @classmethod
    def for_settings(cls, settings: Settings, changed: Callable[[], None] = lambda: None) -> type["GuardedProtocol"]:
        """A class with the limits of these settings, and with whom to tell when a connection was made or lost."""
        own = {
            "header_seconds": settings.header_seconds,
            "stalled_seconds": settings.stalled_seconds,
            "overhead": 2 * settings.max_header_bytes + settings.max_url_bytes,
            "most_per_client": settings.max_connections_per_client,
            "proxies": networks(settings.trusted_proxies),
            "changed": staticmethod(changed),
        }
        return type(cls.__name__, (cls,), own)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self.changed()
        if self.limit_concurrency is not None and len(self.connections) > 2 * self.limit_concurrency:
            self.transport.abort()  # those that were told 503 do not leave; open files are needed for others
            return
        self._waiting_since = self.loop.time()
        self._make_room()
        self._expect_headers()

    def _make_room(self) -> None:
        """Where a client, or all of them together, have too many connections, close the slowest in favour of this one.

        That is the one which has waited longest for a request to begin, or else for a body; never one that is being answered.
        Where all of them are, this one is told 503.
        """
        for crowd, most in self._crowds():
            others = [c for c in crowd if c is not self and not c.transport.is_closing()]
            if len(others) < most:
                continue
            slowest = min(others, key=GuardedProtocol._patience)
            if slowest._is_free or slowest.cycle.more_body:
                slowest.transport.abort()
                self.connections.discard(slowest)  # so that it does not count until the loop has closed it
            else:
                self._refused = True

    def _crowds(self) -> Iterator[tuple[list["GuardedProtocol"], int]]:
        """Groups of connections to which this one belongs, each with how many others it may have beside this one."""
        everybody = [c for c in self.connections if isinstance(c, GuardedProtocol)]
        address = self.client[0] if self.client else ""
        self._networks = [
            (network_of(address, bits), times * self.most_per_client) for bits, times in ((64, 1), (48, 2))
        ]
        if not is_within(network_of(address), self.proxies):
            for own in self._networks:
                yield [c for c in everybody if own in c._networks], own[1]
        if self.limit_concurrency is not None:
            # uvicorn answers 503 at its limit, and what was closed counts until its task has ended.
            yield everybody, self.limit_concurrency - 1 - max(1, self.limit_concurrency // 20)

    def _patience(self) -> tuple[int, float]:
        """The connection with the smallest is the slowest."""
        return 0 if self._is_free else 1 if self.cycle.more_body else 2, self._waiting_since

    def connection_lost(self, exc: Exception | None) -> None:
        self._header_timer = _stop(self._header_timer)
        self._stalled_timer = _stop(self._stalled_timer)
        super().connection_lost(exc)
        self.changed()

    def leave(self) -> None:
        """Close as soon as the request under way, or the next one, is answered, or when none comes in its time.

        An idle connection is not closed at once: its client may be writing to it already. A stream of events would go on
        for long; whoever listens to one comes back.
        """
        self._leaving = True
        if self._is_free:
            return
        self.cycle.keep_alive = False
        if any(name == b"accept" and b"text/event-stream" in value for name, value in self.cycle.scope["headers"]):
            self._close()

    # --- coming in ---------------------------------------------------------------------------------------------------

    @property
    def _is_free(self) -> bool:
        """Nothing is being answered."""
        return self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first

    def _expect_headers(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.header_seconds, self._headers_late)

    def _headers_late(self) -> None:
        if self._in_headers:
            self._refuse("too-slow", 408, "The headers of the request did not arrive in time.")
        else:  # it said nothing, or is still sending what was answered already
            self._close()

    def _refuse(self, name: str, status: int, detail: str) -> None:
        """Answer without the application, and hang up."""
        if self.transport.is_closing():
            return
        if self._is_free:
            body = problems.problem(name, status, detail).model_dump_json().encode()
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {problems.MEDIA_TYPE}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self._close()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._is_free:
            self._expect_headers()
        super().data_received(data)
        if self._received - self._body > self.overhead + self._body and not self.transport.is_closing():
            self._refuse("headers-too-large", 431, "The headers of the request are too large.")

    def on_message_begin(self) -> None:
        self._received, self._body, self._in_headers = 0, 0, True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_headers:  # trailers are read and forgotten
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_headers = False
        self._header_timer = _stop(self._header_timer)
        super().on_headers_complete()
        if self._leaving:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if app is service_unavailable or self._refused:  # a crowded process is alive; whoever restarts it helps nobody
            app = self.app if cycle.scope["path"] == "/healthz" else _crowded
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._waiting_since = self.loop.time()

    # --- going out ---------------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        self._stalled_timer = _stop(self._stalled_timer)
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._await_reader()

    def _close(self) -> None:
        self.transport.close()
        self._await_reader()

    def _await_reader(self) -> None:
        """``close`` waits for the client to read what is left, which may be for ever."""
        if self._stalled_timer is None:
            self._stalled_timer = self.loop.call_later(self.stalled_seconds, self.transport.abort)


def _stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None


async def _crowded(scope: Any, receive: Any, send: Any) -> None:
    detail = "Too many connections are open. Please try again in a moment."
    answer = problems.response("overloaded", 503, detail, headers={"Retry-After": "2", "Connection": "close"})
    await answer(scope, receive, send)
