"""Everything that Wingcheck keeps, in one bag: the rows of all tables, the photos, imported model versions, collected
photos, the cookie key.

The rows are those of one moment, read in one transaction, and stand as lines of JSON: a backup of SQLite can be restored
into PostgreSQL and the other way round. Photos are copied afterwards; they never change under their name, and one that a
volunteer withdrew meanwhile is listed as missing.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, select

from app import __version__
from app.core.db import utcnow
from app.core.errors import WingcheckError
from app.core.settings import Settings
from app.core.storage import Storage
from app.submissions import photos
from app.upkeep.bags import BagWriter, new_bag
from app.upkeep.copying import Digesting, TableDigest, Tell, lines, revision_of, silent, tables_at

FORMAT = 1
ABOUT = "backup.json"
COOKIE_KEY = "secret-key"
COLLECTIONS = "collections/"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class About:
    """What a backup says of itself, in backup.json. ``missing``: what rows speak of and nobody could copy."""

    created_at: str
    wingcheck: str
    revision: str
    tables: dict[str, TableDigest] = field(default_factory=dict)
    photo_files: int = 0
    models: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """In all tables together."""
        return sum(table.rows for table in self.tables.values())


def read_about(text: bytes) -> About:
    """What backup.json says. Raises WingcheckError for one of a newer Wingcheck."""
    found = json.loads(text)
    if found.get("format") != FORMAT:
        raise WingcheckError(f"this backup has format {found.get('format')}; a newer Wingcheck made it")
    return About(**found | {"tables": {name: TableDigest(**values) for name, values in found["tables"].items()}})


def back_up(
    settings: Settings, engine: Engine, storage: Storage, target: Path, *, secrets: bool = True, tell: Tell = silent
) -> About:
    """Write a backup to ``target`` while the service runs. It appears there when it is whole, or not at all.

    Raises Conflict where something is there already, OSError when it can't be written or a photo can't be read.
    """
    with new_bag(target) as bag:
        with snapshot(engine) as connection:
            revision = revision_of(connection)
            tables = {table.name: table for table in tables_at(revision)}
            digests = _add_tables(bag, connection, list(tables.values()), tell)
            wanted = _photo_keys(connection, tables["photos"])
            locations = _imported_models(connection, tables["model_versions"])
            folders = _collections(connection, tables.get("collections"))
        copied, missing = _add_photos(bag, storage, wanted, tell)
        models, lost = _add_models(bag, settings, locations)
        _add_collections(bag, settings, folders)
        if secrets and (settings.data_dir / COOKIE_KEY).is_file():
            bag.add(COOKIE_KEY, [(settings.data_dir / COOKIE_KEY).read_bytes()])
        now = utcnow()
        about = About(now.isoformat(), __version__, revision, digests, copied, models, missing + lost)
        bag.add(ABOUT, [json.dumps(asdict(about), indent=1).encode()])
        bag.finish(Bagging_Date=now.date().isoformat(), Bag_Software_Agent=f"Wingcheck {__version__}")
    return about


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever others write meanwhile. It stops nobody from writing."""
    if engine.dialect.name == "postgresql":
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    else:
        options = {"read_only": True}  # in WAL mode a reader keeps the state that it began with
    with engine.connect().execution_options(**options) as connection:
        yield connection
        connection.rollback()


def _add_tables(bag: BagWriter, connection: Connection, tables: list[Table], tell: Tell) -> dict[str, TableDigest]:
    digests = {}
    for number, table in enumerate(tables):
        tell(f"reading {table.name}", number, len(tables))
        passing = Digesting(lines(connection, table))
        bag.add(table_path(table.name), passing)
        digests[table.name] = passing.digest
    tell("rows", len(tables), len(tables))
    return digests


def table_path(name: str) -> str:
    """Where a table's rows lie in a backup."""
    return f"tables/{name}.jsonl"


def _photo_keys(connection: Connection, table: Table) -> dict[str, bool]:
    """Keys of every file that a photo may have, and whether it must be there."""
    columns = table.columns
    kept = columns.get("original_removed_at")  # older schemas always kept the original
    query = select(columns["sha256"], *([kept] if kept is not None else [])).where(columns["removed_at"].is_(None))
    wanted: dict[str, bool] = {}
    for sha256, *removed in connection.execute(query.order_by(columns["id"])):
        for variant in ("original", *photos.VARIANTS):
            key = photos.key_of(sha256, variant)
            wanted[key] = wanted.get(key, False) or variant != "original" or removed in ([], [None])
    return wanted


def _add_photos(bag: BagWriter, storage: Storage, wanted: dict[str, bool], tell: Tell) -> tuple[int, list[str]]:
    copied, missing = 0, []
    for number, (key, must) in enumerate(wanted.items()):
        tell("copying photos", number, len(wanted))
        try:
            bag.add(f"photos/{key}", [storage.get(key)])
            copied += 1
        except FileNotFoundError:
            if must:
                missing.append(key)
    tell("copying photos", len(wanted), len(wanted))
    return copied, missing


def _imported_models(connection: Connection, table: Table) -> list[str]:
    """Folder names of the versions that did not come with Wingcheck."""
    found = connection.scalars(select(table.columns["location"]).order_by(table.columns["id"]))
    return [location for location in found if ":" not in location]


def _add_models(bag: BagWriter, settings: Settings, locations: list[str]) -> tuple[list[str], list[str]]:
    added, missing = [], []
    for location in locations:
        folder = settings.model_dir / location
        if not folder.is_dir():
            missing.append(f"models/{location}")
            continue
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            bag.add(f"models/{location}/{path.relative_to(folder).as_posix()}", _chunks(path))
        added.append(location)
    return added, missing


def _collections(connection: Connection, table: Table | None) -> list[str]:
    """Folder names of collections of photos; older schemas have none."""
    return (
        [] if table is None else list(connection.scalars(select(table.columns["folder"]).order_by(table.columns["id"])))
    )


def _add_collections(bag: BagWriter, settings: Settings, names: list[str]) -> None:
    """Collected photos and the data sets made of them. What a process is writing is left out: it is made anew."""
    for name in names:
        folder = settings.data_dir / COLLECTIONS / name
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            part = path.relative_to(folder).as_posix()
            if part.startswith(("photos", "data-set-")) and not _is_being_written(path, part):
                bag.add(f"{COLLECTIONS}{name}/{part}", _chunks(path))


def _is_being_written(path: Path, part: str) -> bool:
    if any(each.startswith(".") for each in part.split("/")):
        return True
    return path.name.startswith("collection.db") and path.with_name("collection.db-wal").exists()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def free_bytes(folder: Path) -> int:
    """Room on the disk of ``folder``, or of the nearest folder above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
