"""The web server as a process: uvicorn, alone or as one of several that share a port."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import cast

import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from uvicorn.config import STARTUP_FAILURE

from app.core.errors import ModelUnavailable, NotReady
from app.core.processes import say_alive, say_ready
from app.core.settings import Settings
from app.core.shared_port import Seats, Share
from app.core.web.protocol import GuardedProtocol

log = logging.getLogger(__name__)
# Without this pause, the process that wakes first would take every waiting connection.
_AFTER_YOU_SECONDS = 0.005
_FULL_SECONDS = 1.0
_POLL_SECONDS = 0.2
_ALIVE_SECONDS = 0.5


class SharedPortServer(uvicorn.Server):
    """One of several processes that share a port. New connections go to the process with the fewest."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, share: Share, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._seats, self._seat = Seats(share.seats), share.seat
        self._when_ready = when_ready
        self._listening: list[socket.socket] = []
        self._accepting: set[asyncio.Task[None]] = set()
        self._background: asyncio.Task[None] | None = None
        self._living: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Load the model version, accept connections, and announce it when everything is ready."""
        await super().startup(sockets=[])
        await asyncio.to_thread(self._load)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._leave)
        self._listening = list(sockets or [])
        self.count_connections()
        for listening in self._listening:
            self._await_client(listening)
        self._background = asyncio.create_task(self._announce())
        self._living = asyncio.create_task(self._live())

    def _load(self) -> None:
        try:
            self._app.state.classifiers.current()
        except (ModelUnavailable, SQLAlchemyError) as error:  # pages work without; ``_announce`` logs what is missing
            log.warning("no model version is loaded yet: %s", error)

    # --- accepting connections -------------------------------------------------------------------------------------------

    def count_connections(self) -> None:
        """Tell the other processes how many connections this one has."""
        if self._listening:
            self._seats.write(self._seat, len(self.server_state.connections))

    def _await_client(self, listening: socket.socket) -> None:
        loop, port = asyncio.get_running_loop(), listening.fileno()

        def on_client() -> None:
            loop.remove_reader(port)
            task = loop.create_task(self._accept_fairly(listening))
            self._accepting.add(task)
            task.add_done_callback(self._accepting.discard)

        loop.add_reader(port, on_client)

    async def _accept_fairly(self, listening: socket.socket) -> None:
        if self._seats.another_has_fewer(self._seat):
            await asyncio.sleep(_AFTER_YOU_SECONDS)
        try:
            if listening in self._listening:
                await self._accept(listening)
        finally:
            if listening in self._listening:
                self._await_client(listening)

    async def _accept(self, listening: socket.socket) -> None:
        try:
            client, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another process was quicker
            return
        except OSError as error:  # too many open files
            log.error("no connection can be accepted: %s", error)
            await asyncio.sleep(_FULL_SECONDS)
            return
        client.setblocking(False)
        try:
            _, connection = await asyncio.get_running_loop().connect_accepted_socket(self._protocol, client)
        except OSError as error:  # the client has disconnected already
            log.debug("a connection was lost at once: %s", error)
            client.close()
            return
        if not self._listening:
            connection.leave()

    def _stop_accepting(self) -> None:
        for listening in self._listening:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        self._listening = []
        self._seats.leave(self._seat)

    def _protocol(self) -> GuardedProtocol:
        protocol: GuardedProtocol = self.config.http_protocol_class(  # type: ignore[call-arg, assignment]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    # --- starting and leaving --------------------------------------------------------------------------------------------

    async def _announce(self) -> None:
        """Announce that this process is ready, as soon as it is; until then, log why it is not."""
        logged = ""
        while True:
            try:
                await self._app.state.readiness.check()
                break
            except (NotReady, SQLAlchemyError) as error:
                reason = str(error.orig if isinstance(error, DBAPIError) else error)
            if reason != logged:
                log.warning("not ready yet: %s", reason)
                logged = reason
            await asyncio.sleep(_POLL_SECONDS)
        say_ready()  # first: after the line on the screen, the supervisor must know
        await asyncio.to_thread(self._when_ready)

    async def _live(self) -> None:
        """Show the supervisor that the event loop runs."""
        while True:
            say_alive()
            await asyncio.sleep(_ALIVE_SECONDS)

    def _leave(self) -> None:
        """Accept no more connections, answer requests on open ones, and end when all are closed."""
        self._stop_accepting()
        for connection in list(self.server_state.connections):
            cast(GuardedProtocol, connection).leave()
        self._stop_announcing()
        self._background = asyncio.create_task(self._end_after_the_last())

    def _stop_announcing(self) -> None:
        if self._background is not None:
            self._background.cancel()

    async def _end_after_the_last(self) -> None:
        while self.server_state.connections or self._accepting:
            await asyncio.sleep(_POLL_SECONDS)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn's, which closes idle connections at once."""
        self._stop_accepting()
        self._stop_announcing()
        await super().shutdown(sockets)


def serve(app: FastAPI, settings: Settings, share: Share | None, when_ready: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT, or SIGHUP if it is one of several processes, which call ``when_ready``."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        ws="none",
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=15,
        server_header=False,
        proxy_headers=False,  # the application does this, for named proxies only
    )
    if share is None:
        config.http = GuardedProtocol.for_settings(settings)
        server = uvicorn.Server(config)
        with suppress(KeyboardInterrupt):
            server.run()
    else:
        server = shared = SharedPortServer(config, app, share, when_ready)
        config.http = GuardedProtocol.for_settings(settings, shared.count_connections)
        server.run([socket.socket(fileno=number) for number in share.sockets])
    if not server.started:
        sys.exit(STARTUP_FAILURE)
