"""Engine, sessions and the declarative base. SQLite by default, PostgreSQL by one setting."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, DateTime, Dialect, Engine, Enum, MetaData, create_engine, event, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import TypeDecorator

from app.core.errors import NotFound
from app.core.turns import Turns

NAMING_CONVENTION = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_BUSY_MS, _SHORT_BUSY_MS = 10_000, 200
# How long SQLite waits at a time for the write lock, looking after 1, 3 and 8 ms; later it would look more and more seldom.
_TRY_MS = 8
# Forty request threads may each hold a connection for reading and need one more; with fewer, they could deadlock.
# The clocks of the first place on earth to see a new day.
_EARLIEST_CLOCKS = timedelta(hours=14)
_MAX_CONNECTIONS = 80
# Values, such as links and e-mail addresses, stay out of error messages and so out of logs.
_OPTIONS = {"hide_parameters": True, "pool_pre_ping": True, "pool_size": 5, "max_overflow": _MAX_CONNECTIONS - 5}
# A server that disappears is noticed within about ten seconds, not within the two hours of TCP.
_CONNECTING = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}

SessionFactory = sessionmaker[Session]
Row = TypeVar("Row")


def utcnow() -> datetime:
    """The current time, with its zone: naive times never enter the database."""
    return datetime.now(UTC)


def latest_day() -> date:
    """The day that it is where the day begins first: the latest that can be today for anybody."""
    return (utcnow() + _EARLIEST_CLOCKS).date()


class UtcDateTime(TypeDecorator[datetime]):
    """A time with zone in Python, UTC in the database; SQLite stores no zone, so what it returns is read as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def make_private_file(path: Path) -> None:
    """Create an empty database file, and its folder, that only its owner can read. One that exists stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def make_engine(url: str) -> Engine:
    """An engine for ``url``. Creates the folder of an SQLite file; connections are checked before use."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise ValueError("an SQLite database needs a file: in memory, each connection would have its own")
        path = Path(str(parsed.database))
        make_private_file(path)
        engine = create_engine(url, **_OPTIONS, connect_args={"timeout": SQLITE_BUSY_MS / 1000})
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _Beginning(path))
        return engine
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed, **_OPTIONS, connect_args=_CONNECTING)
    event.listen(engine, "connect", _configure_postgresql)
    return engine


def _configure_postgresql(connection: Any, _record: object) -> None:
    """A row that stays locked is an error, not a request that hangs."""
    connection.execute("SET lock_timeout = '10s'")
    connection.commit()


def _configure_sqlite(connection: Any, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # the "begin" event opens transactions, see below
    pragmas = ("journal_mode=WAL", "foreign_keys=ON", f"busy_timeout={SQLITE_BUSY_MS}", "synchronous=FULL")
    for pragma in (*pragmas, "secure_delete=ON"):  # what is deleted or overwritten becomes zeros
        connection.execute(f"PRAGMA {pragma}")


class _Beginning:
    """Begins transactions of an SQLite database. See docs/adr/0026-writers-queue.md."""

    def __init__(self, database: Path) -> None:
        self._turns = Turns(database.with_name(f"{database.name}-turn"))

    def __call__(self, connection: Connection) -> None:
        """Take the write lock at the start: a transaction that reads, then writes, would fail if another wrote in between.

        SQLite lets everybody who waits try again now and then, so some never get it. Here only one tries: whose turn it is.
        """
        options = connection.get_execution_options()
        if options.get("read_only"):
            connection.exec_driver_sql("BEGIN")
            return
        raw = connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        deadline = time.monotonic() + options.get("patience_ms", SQLITE_BUSY_MS) / 1000
        raw.execute(f"PRAGMA busy_timeout={_TRY_MS}")
        try:
            with self._turns.turn(deadline):
                while _is_busy(raw) and time.monotonic() < deadline:
                    pass
            if not raw.in_transaction:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises what is wrong as an error of SQLAlchemy
        finally:
            raw.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")


def _is_busy(connection: sqlite3.Connection) -> bool:
    """Whether another transaction writes; if none does, this connection's has begun, or can't for some other reason."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    return False


def why_not_writable(engine: Engine) -> str | None:
    """Why no writing transaction can begin within two seconds, in words; None if one can.

    An SQLite file may be locked, its disk read-only, a PostgreSQL server a standby.
    """
    try:
        with engine.connect().execution_options(patience_ms=2000) as connection:
            if connection.dialect.name == "postgresql":
                standby = connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
                return "it only reads at present" if standby else None
            connection.exec_driver_sql("PRAGMA user_version=0")  # unlike BEGIN, this touches the file; rolled back
    except (OperationalError, InterfaceError) as error:
        return " ".join(str(error.orig).split())
    return None


def empty_log(sessions: SessionFactory) -> bool:
    """Write SQLite's write-ahead log into the database and empty it, so that it keeps no old values.

    False while somebody still reads an older state, such as a backup: try again later. Nobody is kept from writing for more
    than a moment. PostgreSQL does this by itself.
    """
    with _raw_sqlite(sessions) as connection:
        if connection is None:
            return True
        connection.execute(f"PRAGMA busy_timeout={_SHORT_BUSY_MS}")
        try:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")
        return not busy


def compact(sessions: SessionFactory) -> None:
    """Write the file of an SQLite database anew. It then holds no trace of what was deleted.

    Without this a few may be left: SQLite overwrites what is deleted, but not copies that it made when a page grew too full.
    Nobody can write meanwhile. Does nothing on PostgreSQL. Raises sqlite3.OperationalError where the database is busy or
    the disk is full.
    """
    with _raw_sqlite(sessions) as connection:
        if connection is not None:
            connection.execute("VACUUM")


@contextmanager
def _raw_sqlite(sessions: SessionFactory) -> Iterator[sqlite3.Connection | None]:
    """A connection outside of any transaction; None on PostgreSQL."""
    engine: Engine = sessions.kw["bind"]
    if engine.dialect.name != "sqlite":
        yield None
        return
    pooled = engine.raw_connection()
    try:
        assert isinstance(pooled.driver_connection, sqlite3.Connection)
        yield pooled.driver_connection
    finally:
        pooled.close()


def make_session_factory(engine: Engine) -> SessionFactory:
    """Sessions whose objects stay readable after commit."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def transaction(sessions: SessionFactory) -> Iterator[Session]:
    """A session that commits on success and rolls back on any error."""
    with sessions() as session, session.begin():
        yield session


@contextmanager
def reading(sessions: SessionFactory) -> Iterator[Session]:
    """A session for reading only; on SQLite it takes no write lock."""
    with sessions() as session:
        session.connection(execution_options={"read_only": True})
        yield session


def get_or_not_found(session: Session, table: type[Row], key: Any, message: str, *, lock: bool = False) -> Row:
    """The row with that primary key, for update if ``lock``. Raises NotFound with ``message``."""
    row = session.get(table, key, with_for_update=lock or None)
    if row is None:
        raise NotFound(message)
    return row


def text_enum(kind: type[StrEnum]) -> Enum:
    """A StrEnum stored as its value in a text column, so that a new member needs no migration."""
    return Enum(kind, native_enum=False, length=32, values_callable=lambda e: [member.value for member in e])
