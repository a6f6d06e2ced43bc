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
from app.core.web.edges.protocol import GuardedProtocol

log = logging.getLogger(__name__)
# Left to the system, whoever wakes first takes every connection that waits, and keeps it.
_AFTER_YOU_SECONDS = 0.005
_FULL_SECONDS = 1.0
_LOOK_EVERY = 0.2
_ALIVE_EVERY = 0.5


class SharedPortServer(uvicorn.Server):
    """One of several processes that share a port. New connections go to whoever holds fewest."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, share: Share, when_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._seats, self._seat = Seats(share.seats), share.seat
        self._when_ready = when_ready
        self._listening: list[socket.socket] = []
        self._taking: set[asyncio.Task[None]] = set()
        self._other: asyncio.Task[None] | None = None
        self._living: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Load the model version, take connections, and say so when everything is ready."""
        await super().startup(sockets=[])
        await asyncio.to_thread(self._load)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._leave)
        self._listening = list(sockets or [])
        self.count_connections()
        for each in self._listening:
            self._await_client(each)
        self._other = asyncio.create_task(self._tell())
        self._living = asyncio.create_task(self._live())

    def _load(self) -> None:
        try:
            self._app.state.classifiers.current()
        except (ModelUnavailable, SQLAlchemyError) as error:  # pages work without; ``_tell`` says what is missing
            log.warning("no model version is loaded yet: %s", error)

    # --- taking connections ----------------------------------------------------------------------------------------------

    def count_connections(self) -> None:
        """Tell the other processes how many there are here."""
        if self._listening:
            self._seats.write(self._seat, len(self.server_state.connections))

    def _await_client(self, listening: socket.socket) -> None:
        loop, port = asyncio.get_running_loop(), listening.fileno()

        def knocked() -> None:
            loop.remove_reader(port)
            task = loop.create_task(self._take(listening))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)

        loop.add_reader(port, knocked)

    async def _take(self, listening: socket.socket) -> None:
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
            taken, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):  # another process was quicker
            return
        except OSError as error:  # no file is left to open
            log.error("no connection can be taken: %s", error)
            await asyncio.sleep(_FULL_SECONDS)
            return
        taken.setblocking(False)
        try:
            _, connection = await asyncio.get_running_loop().connect_accepted_socket(self._protocol, taken)
        except OSError as error:  # the client has gone already
            log.debug("a connection was lost at once: %s", error)
            taken.close()
            return
        if not self._listening:
            connection.leave()

    def _stop_taking(self) -> None:
        for each in self._listening:
            asyncio.get_running_loop().remove_reader(each.fileno())
        self._listening = []
        self._seats.leave(self._seat)

    def _protocol(self) -> GuardedProtocol:
        made: GuardedProtocol = self.config.http_protocol_class(  # type: ignore[call-arg, assignment]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    # --- coming and going ------------------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        """Say that this process is ready, as soon as it is; until then, why it is not."""
        told = ""
        while True:
            try:
                await self._app.state.readiness.check()
                break
            except (NotReady, ModelUnavailable, SQLAlchemyError) as error:
                reason = str(error.orig if isinstance(error, DBAPIError) else error)
            if reason != told:
                log.warning("not ready yet: %s", reason)
                told = reason
            await asyncio.sleep(_LOOK_EVERY)
        say_ready()  # first: whoever reads on the screen that it is ready may rely on the supervisor's knowing
        await asyncio.to_thread(self._when_ready)

    async def _live(self) -> None:
        """Show the supervisor that the event loop turns."""
        while True:
            say_alive()
            await asyncio.sleep(_ALIVE_EVERY)

    def _leave(self) -> None:
        """Take no connection any more, answer what comes on those that are open, and end when all are closed."""
        self._stop_taking()
        for connection in list(self.server_state.connections):
            cast(GuardedProtocol, connection).leave()
        self._tell_no_more()
        self._other = asyncio.create_task(self._end_after_the_last())

    def _tell_no_more(self) -> None:
        if self._other is not None:
            self._other.cancel()

    async def _end_after_the_last(self) -> None:
        while self.server_state.connections or self._taking:
            await asyncio.sleep(_LOOK_EVERY)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's; idle connections are closed at once."""
        self._stop_taking()
        self._tell_no_more()
        await super().shutdown(sockets)


def serve(app: FastAPI, settings: Settings, share: Share | None, when_ready: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT; as one of several, which also say when they are ready, until SIGHUP, too."""
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
        server.run([socket.socket(fileno=each) for each in share.sockets])
    if not server.started:
        sys.exit(STARTUP_FAILURE)
