"""Parts of a running service that are killed, and a service manager that starts again what does not come back by itself."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url, text

from tests.running import Server, alive, eventually

PARTS = {"web": "serve", "worker": "worker", "supervisor": ""}


@contextmanager
def database(server: str | None) -> Iterator[dict[str, str]]:
    """Settings of a database, and a queue in it, that are dropped at the end; none for SQLite."""
    if server is None:
        yield {}
        return
    name = f"wingcheck_kills_{os.getpid()}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    try:
        yield {"WINGCHECK_DATABASE_URL": url, "WINGCHECK_QUEUE_URL": url}
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def kill(server: Server, part: str) -> bool:
    """SIGKILL to the part, and a new start where nobody else starts it; whether it was there to be killed."""
    assert server.process is not None
    pid = server.child(PARTS[part]) if PARTS[part] else server.process.pid
    if pid is None:
        return False  # it is on its way up again
    children = server.children()
    os.kill(pid, signal.SIGKILL)
    if part != "worker":  # the supervisor starts a worker again; the service manager, which is here, starts it
        _restart(server, children)
    return True


def _restart(server: Server, children: list[int]) -> None:
    """As a service manager does. No process of the last run may be left."""
    assert server.process is not None
    server.process.wait(60)
    eventually(lambda: not any(map(alive, children)), "the children of a dead supervisor leave")
    server.start()
