"""All rows of a database as lines of JSON, and back: what backup, restore and the move to another database share.

The tables come from the migrations, run in memory up to the revision that a database or a backup has. So an old backup
can be read for as long as its migrations are here, and both databases are walked with the same types. A line leaves out
what is NULL, and the same row gives the same bytes wherever it lies: two databases are equal when their digests are.
"""

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Date,
    DateTime,
    Engine,
    LargeBinary,
    MetaData,
    Numeric,
    StaticPool,
    String,
    Table,
    Text,
    cast,
    collate,
    create_engine,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.types import TypeEngine

from app.core import migrations
from app.core.db import UtcDateTime
from app.core.errors import Conflict, WingcheckError

BATCH = 1000

Tell = Callable[[str, int, int], None]
"""Told about progress: what is being done, how much of it is done, and of how much."""


def silent(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class TableDigest:
    """How many rows a table has, and the SHA-256 of their lines in the order of the primary key."""

    rows: int
    sha256: str


@cache
def tables_at(revision: str) -> list[Table]:
    """Every table of the schema at ``revision``, those that others point at first. Raises WingcheckError for one not known."""
    if not migrations.is_known(revision):
        raise WingcheckError(f"schema {revision} is not known to this Wingcheck; a newer one made it")
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata = MetaData()
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
    general = kind.as_generic()
    if isinstance(general, DateTime):
        return UtcDateTime()
    return JSON(none_as_null=True) if isinstance(general, JSON) else general


# --- reading ----------------------------------------------------------------------------------------------------------


def lines(connection: Connection, table: Table) -> Iterator[bytes]:
    """The table's rows, one JSON object a line, streamed in the order of the primary key."""
    # JSON as text: that is the only way to tell the value null from no value.
    wanted = [cast(c, Text).label(c.name) if isinstance(c.type, JSON) else c for c in table.columns]
    query = select(*wanted).order_by(*(_sorting(connection, column) for column in table.primary_key.columns))
    columns = list(table.columns)
    for row in connection.execute(query, execution_options={"yield_per": BATCH}):
        found = {c.name: _encode(c, value) for c, value in zip(columns, row, strict=True) if value is not None}
        yield json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _sorting(connection: Connection, column: Column[Any]) -> Any:
    """PostgreSQL sorts text by the rules of a language; here, as SQLite does it, by bytes."""
    if connection.dialect.name == "postgresql" and isinstance(column.type, String):
        return collate(column, "C")
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
    """Lines that pass by, counted and hashed."""

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
        """Of what has passed so far."""
        return TableDigest(self._rows, self._hash.hexdigest())


def digest(connection: Connection, table: Table) -> TableDigest:
    """The digest of a table as it stands."""
    passing = Digesting(lines(connection, table))
    for _ in passing:
        pass
    return passing.digest


def revision_of(connection: Connection) -> str:
    """The revision of a database's schema. Raises WingcheckError where there is none."""
    revision = migrations.current(connection)
    if revision is None:
        raise WingcheckError("this database has no tables of Wingcheck")
    return revision


# --- writing ----------------------------------------------------------------------------------------------------------


def fill(
    engine: Engine, revision: str, lines_of: Callable[[Table], Iterable[bytes]], tell: Tell = silent
) -> dict[str, TableDigest]:
    """Write all rows into an empty database in one transaction, read them back and compare; then the newest schema.

    Raises Conflict unless the database is empty, WingcheckError for a row that it refuses or gives back changed. Whatever
    is raised, no row has been written.
    """
    tables = tables_at(revision)
    _prepare(engine, revision)
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
    """Raise Conflict when any of these tables has a row."""
    here = set(inspect(connection).get_table_names())
    for table in tables:
        if table.name in here and connection.execute(select(func.count()).select_from(table)).scalar_one():
            raise Conflict(f"the database is not empty (there are rows in {table.name}); choose a new one")


def _prepare(engine: Engine, revision: str) -> None:
    with engine.connect() as connection:
        here = migrations.current(connection)
    if here is not None and here != revision:
        raise Conflict(f"the database has schema {here} and the rows have {revision}; choose a database without tables")
    migrations.upgrade(engine, revision)


def _write(connection: Connection, table: Table, source: Iterable[bytes]) -> None:
    waiting = iter(source)
    while batch := list(itertools.islice(waiting, BATCH)):
        rows = [_decode(table, line) for line in batch]
        try:
            with connection.begin_nested():
                connection.execute(table.insert(), rows)
        except (SQLAlchemyError, ValueError) as error:
            raise _refused(connection, table, rows, error) from error


def _decode(table: Table, line: bytes) -> dict[str, Any]:
    found = json.loads(line)
    unknown = found.keys() - set(table.columns.keys())
    if unknown:
        raise WingcheckError(f"{table.name} has no column {', '.join(sorted(unknown))}")
    return {column.name: _value(column, found) for column in table.columns}


def _value(column: Column[Any], found: dict[str, Any]) -> Any:
    if column.name not in found:
        return None
    value = found[column.name]
    if isinstance(column.type, JSON):
        return JSON.NULL if value is None else value
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(column.type, Date):
        return date.fromisoformat(value)
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value)
    return Decimal(value) if isinstance(column.type, Numeric) and isinstance(value, str) else value


def _refused(connection: Connection, table: Table, rows: list[dict[str, Any]], error: Exception) -> WingcheckError:
    """Which row of the batch the database refuses, and why: SQLite takes texts that are too long, PostgreSQL does not."""
    for row in rows:
        try:
            with connection.begin_nested():
                connection.execute(table.insert(), row)
        except (SQLAlchemyError, ValueError) as found:
            reason = found.orig if isinstance(found, DBAPIError) else found
            names = [column.name for column in table.primary_key.columns]
            where = ", ".join(f"{name} {row[name]}" for name in names)
            return WingcheckError(f"the database refuses the row of {table.name} with {where}: {reason}")
    return WingcheckError(f"the database refuses rows of {table.name}: {error}")


def _set_sequences(connection: Connection, tables: Sequence[Table]) -> None:
    """Let PostgreSQL number the next row after the last one; SQLite looks for itself."""
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote
    for table in tables:
        column = table.autoincrement_column
        if column is not None:
            sequence = func.pg_get_serial_sequence(quote(table.name), column.name)
            # Both functions answer NULL to NULL: a table without rows or sequence stays as it is.
            connection.execute(select(func.setval(sequence, select(func.max(column)).scalar_subquery())))
