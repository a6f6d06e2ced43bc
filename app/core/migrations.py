"""The database's schema: its revision, and upgrades.

Alembic is imported only to change a schema: web processes, which only read the revision, are 10 MB smaller.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from app.core.paths import MIGRATIONS

if TYPE_CHECKING:
    from alembic.config import Config

# Any constant; processes that migrate the same PostgreSQL database take turns.
_ADVISORY_LOCK = 7_462_001
_PATIENCE_MS = 60_000  # with another process that migrates the same SQLite database


def alembic_config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration; with a connection, commands run on it."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Apply every missing migration, in one transaction."""
    with changing(engine) as connection:
        apply(connection, revision)


def apply(connection: Connection, revision: str) -> None:
    """Apply the migrations up to a revision in the connection's transaction."""
    from alembic import command

    command.upgrade(alembic_config(connection), revision)


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may change tables, while no other process does."""
    with engine.connect().execution_options(patience_ms=_PATIENCE_MS) as connection:
        raw = connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            with _sqlite_changing(raw), connection.begin():
                before = raw.total_changes
                yield connection
                # Checking a season takes a while, and most starts have nothing to migrate.
                if raw.total_changes != before and (broken := raw.execute("PRAGMA foreign_key_check").fetchall()):
                    raise RuntimeError(f"the migration would leave rows that point nowhere: {broken[:10]}")
        else:
            with connection.begin():
                connection.execute(text("SET LOCAL lock_timeout = 0"))  # the other process may take long
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
                yield connection


@contextmanager
def _sqlite_changing(raw: sqlite3.Connection) -> Iterator[None]:
    """Don't enforce foreign keys: SQLite changes a table by copying and dropping it, which would delete every row that refers
    to it.
    """
    raw.execute("PRAGMA foreign_keys = OFF")  # has no effect inside a transaction
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys = ON")


def is_current(connection: Connection) -> bool:
    """Whether the database has exactly the newest schema."""
    return current(connection) == newest()


def current(connection: Connection) -> str | None:
    """The revision of the database's schema; None if it has no tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


@cache
def newest() -> str:
    """The revision that this Wingcheck needs."""
    return max(_revisions())


def is_known(revision: str) -> bool:
    """Whether this Wingcheck has the migrations up to ``revision``."""
    return revision in _revisions()


def _revisions() -> set[str]:
    """Migrations are numbered, and each file is named after its revision."""
    return {file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*_*.py")}
