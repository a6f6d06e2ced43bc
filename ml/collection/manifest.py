"""The manifest: one SQLite file per collection, with where every photo came from, what became of it, and how far each
search has been read. Whatever is committed here survives a kill; nothing else is needed to go on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ml.collection.errors import CollectError

FILE = "collection.db"
VERSION = 1
Status = Literal["waiting", "kept", "skipped", "failed"]

_SCHEMA = """
CREATE TABLE photo (
    id TEXT PRIMARY KEY,            -- Flickr's
    owner_nsid TEXT NOT NULL,       -- Flickr's name for the photographer, which never changes
    owner_name TEXT NOT NULL,
    title TEXT NOT NULL,
    tags TEXT NOT NULL,             -- parted by spaces
    licence_id TEXT NOT NULL,       -- Flickr's number
    licence_name TEXT NOT NULL,
    licence_url TEXT NOT NULL,
    page_url TEXT NOT NULL,
    image_url TEXT,
    size_name TEXT,
    width INTEGER,                  -- pixels, upright: as listed until it is kept, then as measured
    height INTEGER,
    date_taken TEXT,                -- ISO 8601 without zone
    date_uploaded TEXT,             -- ISO 8601, UTC
    latitude REAL,
    longitude REAL,
    accuracy INTEGER,               -- 1 world … 16 street
    keyword TEXT NOT NULL,
    taxon TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'kept', 'skipped', 'failed')),
    reason TEXT,                    -- why it was skipped or failed, in a few fixed words
    detail TEXT,                    -- the same with particulars
    sha256 TEXT,
    perceptual_hash TEXT,           -- 16 hexadecimal digits
    bytes INTEGER,
    file_name TEXT,                 -- relative to the folder
    fetched_at TEXT                 -- ISO 8601, UTC
);
CREATE INDEX photo_by_keyword ON photo (keyword, status);
CREATE INDEX photo_by_content ON photo (sha256);
CREATE TABLE search (
    query TEXT NOT NULL,            -- digest of what is searched for
    keyword TEXT NOT NULL,
    uploaded_from INTEGER NOT NULL, -- Unix seconds, both ends included
    uploaded_to INTEGER NOT NULL,
    per_page INTEGER NOT NULL,
    next_page INTEGER NOT NULL DEFAULT 1,
    total INTEGER,                  -- photos that Flickr counts
    finished INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (query, uploaded_from, uploaded_to)
);
"""


@dataclass(frozen=True)
class Search:
    """A stretch of upload dates of one query, and the next page to read of it."""

    query: str
    keyword: str
    uploaded_from: int
    uploaded_to: int
    per_page: int
    next_page: int = 1


class Manifest:
    """One connection, for the thread that opened it. Each method is a transaction."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Raises CollectError: the folder has no manifest (and none is to be made), or one that can't be read."""
        self.file = folder / FILE
        if not create and not self.file.is_file():
            raise CollectError(f"{folder} holds no collection ({FILE} is missing).")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.file, timeout=30, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise CollectError(f"{self.file} can't be used: {error}.") from None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            raise CollectError(f"{self.file} was made by another version of Wingcheck (format {version}).")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def rows(self, where: str = "1", values: Sequence[object] = (), *, order: str = "rowid") -> list[sqlite3.Row]:
        """Photos that meet a condition on the table's columns; both texts come from code, never from outside."""
        return self._connection.execute(f"SELECT * FROM photo WHERE {where} ORDER BY {order}", values).fetchall()  # noqa: S608

    def counts(self, columns: Sequence[str], where: str = "1", values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """How many photos there are of each combination of the columns, which come from code: (…columns, count, bytes)."""
        names = ", ".join(columns)
        query = f"SELECT {names}, COUNT(*), TOTAL(bytes) FROM photo WHERE {where} GROUP BY {names} ORDER BY {names}"  # noqa: S608
        return [tuple(row) for row in self._connection.execute(query, values)]

    def kept(self, column: Literal["keyword", "taxon"], value: str) -> int:
        """How many photos are kept for a keyword, or for a taxon, whichever keyword found them."""
        query = f"SELECT COUNT(*) FROM photo WHERE {column} = ? AND status = 'kept'"  # noqa: S608
        return int(self._connection.execute(query, (value,)).fetchone()[0])

    def settle(self, identifier: str, status: Status, **columns: object) -> None:
        """Say what became of a photo; ``columns`` come from code."""
        changes = {"status": status, "reason": None, **columns}
        assignments = ", ".join(f"{name} = :{name}" for name in changes)
        with self._transaction() as connection:
            connection.execute(f"UPDATE photo SET {assignments} WHERE id = :id", {**changes, "id": identifier})  # noqa: S608

    def try_failed_again(self, keyword: str) -> None:
        """Put photos whose download failed back among the waiting."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE photo SET status = 'waiting', reason = NULL, detail = NULL WHERE keyword = ? AND status = 'failed'",
                (keyword,),
            )

    def searches(self, query: str | None = None) -> list[sqlite3.Row]:
        """Every stretch of a query, or of all, oldest uploads first."""
        return self._connection.execute(
            "SELECT * FROM search WHERE query = ? OR ? IS NULL ORDER BY keyword, query, uploaded_from", (query, query)
        ).fetchall()

    def add_searches(self, new: Iterable[Search], *, instead_of: Search | None = None) -> None:
        """Enter stretches to read, replacing one that was too long."""
        with self._transaction() as connection:
            if instead_of is not None:
                connection.execute(
                    "DELETE FROM search WHERE query = ? AND uploaded_from = ? AND uploaded_to = ?",
                    (instead_of.query, instead_of.uploaded_from, instead_of.uploaded_to),
                )
            for search in new:
                connection.execute(
                    "INSERT INTO search (query, keyword, uploaded_from, uploaded_to, per_page, next_page) "
                    "VALUES (:query, :keyword, :uploaded_from, :uploaded_to, :per_page, :next_page)",
                    asdict(search),
                )

    def unfinished(self, query: str) -> Search | None:
        """The first stretch of a query that has pages left to read."""
        row = self._connection.execute(
            "SELECT query, keyword, uploaded_from, uploaded_to, per_page, next_page FROM search "
            "WHERE query = ? AND NOT finished ORDER BY uploaded_from DESC LIMIT 1",
            (query,),
        ).fetchone()
        return None if row is None else Search(**dict(row))

    def enter_page(self, search: Search, photos: Iterable[dict[str, Any]], *, total: int, finished: bool) -> list[str]:
        """Enter a page's photos, each with the columns of the table, and turn to the next page, both or neither.

        A photo that is known already stays as it is, unless another taxon's keyword found it: no label can be right
        for both, so it is skipped.

        Returns:
            the files of photos that were kept and no longer are, relative to the folder.
        """
        dropped: list[str] = []
        with self._transaction() as connection:
            for photo in photos:
                _enter(connection, photo, dropped)
            connection.execute(
                "UPDATE search SET next_page = ?, total = ?, finished = ? "
                "WHERE query = ? AND uploaded_from = ? AND uploaded_to = ?",
                (search.next_page + 1, total, finished, search.query, search.uploaded_from, search.uploaded_to),
            )
        return dropped


def _enter(connection: sqlite3.Connection, photo: dict[str, Any], dropped: list[str]) -> None:
    known = connection.execute("SELECT taxon, keyword, file_name FROM photo WHERE id = ?", (photo["id"],)).fetchone()
    if known is None:
        columns, marks = ", ".join(photo), ", ".join(f":{name}" for name in photo)
        connection.execute(f"INSERT INTO photo ({columns}) VALUES ({marks})", photo)  # noqa: S608
    elif known["taxon"] != photo["taxon"]:
        detail = f"found for {known['taxon']} ({known['keyword']}) and for {photo['taxon']} ({photo['keyword']})"
        connection.execute(
            "UPDATE photo SET status = 'skipped', reason = 'two taxa', detail = ?, file_name = NULL WHERE id = ?",
            (detail, photo["id"]),
        )
        if known["file_name"]:
            dropped.append(known["file_name"])
