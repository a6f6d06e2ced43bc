"""All rows of a database as JSON lines, and back: shared by backup, restore and the move to another database.

The tables come from the migrations, run in memory up to the revision of a database or a backup. An old backup can
therefore be read for as long as its migrations exist, and both databases are read with the same types. A line omits NULL
values, and the same row gives the same bytes in every database: two databases are equal if their digests are.
"""

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import JSON, URL, Column, Connection, Engine, Table, func, select
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from app.core import migrations
from app.core.db import UtcDateTime, make_engine
from app.core.errors import Conflict, NotFound, WingcheckError

BATCH = 1000

Tell = Callable[[str, int, int], None]
"""Called with the progress: the step, how much of it is done, and the total."""


def silent(_step: str, _done: int, _total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class TableDigest:
    """The number of rows of a table, and the SHA-256 of their lines in primary key order."""

    rows: int
    sha256: str


@cache
def tables_at(revision: str) -> list[Table]:
    """Every table of the schema at ``revision``, referenced tables first. Raises WingcheckError for an unknown revision."""
    if not migrations.is_known(revision):
        raise WingcheckError(f"schema {revision} is not known to this Wingcheck; a newer one made it")
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata = sa.MetaData()
    with engine.begin() as connection:
        migrations.apply(connection, revision)
        metadata.reflect(connection)
    engine.dispose()
    for name in ("alembic_version", "workers"):  # who is at work just now is no data
        if name in metadata.tables:
            metadata.remove(metadata.tables[name])
    for table in metadata.sorted_tables:
        for column in table.columns:
            column.type = _portable(column.type)
    return metadata.sorted_tables


def _portable(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    generic = kind.as_generic()
    if isinstance(generic, sa.DateTime):
        return UtcDateTime()
    return JSON(none_as_null=True) if isinstance(generic, JSON) else generic


# --- reading ----------------------------------------------------------------------------------------------------------


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as of now. It blocks no writer."""
    if engine.dialect.name == "postgresql":
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    else:
        options = {"read_only": True}  # in WAL mode a reader keeps the state it began with
    with engine.connect().execution_options(**options) as connection:
        yield connection
        connection.rollback()


def lines(connection: Connection, table: Table) -> Iterator[bytes]:
    """The table's rows, one JSON object per line, streamed in primary key order."""
    # JSON is read as text: only then can the JSON value null be told from NULL.
    selected = [sa.cast(c, sa.Text).label(c.name) if isinstance(c.type, JSON) else c for c in table.columns]
    query = select(*selected).order_by(*(_sort_key(connection, column) for column in table.primary_key.columns))
    columns = list(table.columns)
    for row in connection.execute(query, execution_options={"yield_per": BATCH}):
        values = {c.name: _encode(c, value) for c, value in zip(columns, row, strict=True) if value is not None}
        yield json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _sort_key(connection: Connection, column: Column[Any]) -> Any:
    """Text is sorted by bytes, as SQLite does; PostgreSQL would use the rules of a language."""
    if connection.dialect.name == "postgresql" and isinstance(column.type, sa.String):
        return sa.collate(column, "C")
    return column


def _encode(column: Column[Any], value: Any) -> Any:
    if isinstance(column.type, JSON):
        return json.loads(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


class Digesting:
    """Passes lines on, and counts and hashes them."""

    def __init__(self, source: Iterable[bytes]) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self._rows = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._source:
            self._rows += 1
            self._hash.update(line)
            yield line

    @property
    def digest(self) -> TableDigest:
        """Of the lines passed on so far."""
        return TableDigest(self._rows, self._hash.hexdigest())


def digest(connection: Connection, table: Table) -> TableDigest:
    """The digest of a table's current rows."""
    passing = Digesting(lines(connection, table))
    for _ in passing:
        pass
    return passing.digest


def revision_of(connection: Connection) -> str:
    """The revision of a database's schema. Raises WingcheckError if it has none."""
    revision = migrations.current(connection)
    if revision is None:
        raise WingcheckError("this database has no tables of Wingcheck")
    return revision


# --- writing ----------------------------------------------------------------------------------------------------------


def fill(
    engine: Engine, revision: str, lines_of: Callable[[Table], Iterable[bytes]], tell: Tell = silent
) -> dict[str, TableDigest]:
    """Write all rows into an empty database in one transaction, compare them there, then upgrade the schema.

    Raises Conflict unless the database is empty, WingcheckError for a row that it refuses or returns changed. On any error
    no row has been written.
    """
    tables = tables_at(revision)
    _create_tables(engine, revision)
    written = {}
    with engine.begin() as connection:
        check_empty(connection, tables)
        for number, table in enumerate(tables):
            tell(f"writing {table.name}", number, len(tables))
            passing = Digesting(lines_of(table))
            _write(connection, table, passing)
            written[table.name] = passing.digest
        _set_sequences(connection, tables)
        for number, table in enumerate(tables):
            tell(f"comparing {table.name}", number, len(tables))
            if digest(connection, table) != written[table.name]:
                raise WingcheckError(f"the rows of {table.name} came back changed; nothing was kept")
    tell("rows", len(tables), len(tables))
    migrations.upgrade(engine)
    return written


def check_empty(connection: Connection, tables: Sequence[Table]) -> None:
    """Raise Conflict if any of these tables has a row."""
    existing = set(sa.inspect(connection).get_table_names())
    for table in tables:
        if table.name in existing and connection.execute(select(func.count()).select_from(table)).scalar_one():
            raise Conflict(f"the database is not empty (there are rows in {table.name}); choose a new one")


def _create_tables(engine: Engine, revision: str) -> None:
    with engine.connect() as connection:
        current = migrations.current(connection)
    if current is not None and current != revision:
        raise Conflict(
            f"the database has schema {current} and the rows have {revision}; choose a database without tables"
        )
    migrations.upgrade(engine, revision)


def _write(connection: Connection, table: Table, source: Iterable[bytes]) -> None:
    remaining = iter(source)
    while batch := list(itertools.islice(remaining, BATCH)):
        rows = [_decode(table, line) for line in batch]
        try:
            with connection.begin_nested():
                connection.execute(table.insert(), rows)
        except (SQLAlchemyError, ValueError) as error:
            raise _explain(connection, table, rows, error) from error


def _decode(table: Table, line: bytes) -> dict[str, Any]:
    values = json.loads(line)
    unknown = values.keys() - set(table.columns.keys())
    if unknown:
        raise WingcheckError(f"{table.name} has no column {', '.join(sorted(unknown))}")
    return {column.name: _value(column, values) for column in table.columns}


def _value(column: Column[Any], values: dict[str, Any]) -> Any:
    if column.name not in values:
        return None
    value = values[column.name]
    if isinstance(column.type, JSON):
        return JSON.NULL if value is None else value
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(column.type, sa.Date):
        return date.fromisoformat(value)
    if isinstance(column.type, sa.LargeBinary):
        return base64.b64decode(value)
    return Decimal(value) if isinstance(column.type, sa.Numeric) and isinstance(value, str) else value


def _explain(connection: Connection, table: Table, rows: list[dict[str, Any]], error: Exception) -> WingcheckError:
    """Which row of the batch the database refuses, and why: SQLite accepts texts that are too long, PostgreSQL does not."""
    for row in rows:
        try:
            with connection.begin_nested():
                connection.execute(table.insert(), row)
        except (SQLAlchemyError, ValueError) as refusal:
            reason = refusal.orig if isinstance(refusal, DBAPIError) else refusal
            where = ", ".join(f"{column.name} {row[column.name]}" for column in table.primary_key.columns)
            return WingcheckError(f"the database refuses the row of {table.name} with {where}: {reason}")
    return WingcheckError(f"the database refuses rows of {table.name}: {error}")


def _set_sequences(connection: Connection, tables: Sequence[Table]) -> None:
    """Continue PostgreSQL's numbering after the last row; SQLite needs nothing."""
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote
    for table in tables:
        column = table.autoincrement_column
        if column is not None:
            sequence = func.pg_get_serial_sequence(quote(table.name), column.name)
            # Both functions return NULL for NULL: a table without rows or sequence stays as it is.
            connection.execute(select(func.setval(sequence, select(func.max(column)).scalar_subquery())))


# --- to another database ----------------------------------------------------------------------------------------------


def move(source_url: str, target_url: str, tell: Tell = silent) -> dict[str, TableDigest]:
    """Copy all rows into another, empty database, SQLite to PostgreSQL or back, and compare them there.

    Returns the digest of each table; the source is not changed. Stop the service first: later writes are not copied.
    Raises NotFound for a missing source, Conflict for a target that is not empty, WingcheckError for a row that the
    target refuses; then no row was written.
    """
    _check_urls(_parsed(source_url), _parsed(target_url))
    source, target = make_engine(source_url), make_engine(target_url)
    try:
        with snapshot(source) as connection:
            return fill(target, revision_of(connection), partial(lines, connection), tell)
    finally:
        source.dispose()
        target.dispose()


def _check_urls(source: URL, target: URL) -> None:
    for name in (source.get_backend_name(), target.get_backend_name()):
        if name not in {"sqlite", "postgresql"}:
            raise WingcheckError(f"{name} is no database of Wingcheck; there are sqlite and postgresql")
    if source == target:
        raise Conflict("source and target are the same database")
    if source.get_backend_name() == "sqlite" and not Path(source.database or "").is_file():
        raise NotFound(f"there is no database at {source.database}")


def _parsed(url: str) -> URL:
    try:
        return sa.make_url(url)
    except ArgumentError as error:  # its text may hold a password, so it is not repeated
        raise WingcheckError("that is no database URL; they look like postgresql://user@host/name") from error
