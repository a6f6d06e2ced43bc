"""Everything that Wingcheck keeps, in one bag: the rows of all tables, photos, imported model versions, collected photos,
the journal of deletions and the cookie key.

The rows are those of one moment, read in one transaction and written as JSON lines, so a backup of SQLite can be restored
into PostgreSQL and vice versa. Photos are copied afterwards: their content never changes, and a photo that was withdrawn
in between is listed as missing.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, select

from app import __version__
from app.core.db import utcnow
from app.core.errors import WingcheckError
from app.core.settings import Settings
from app.core.storage import DELETIONS, Storage
from app.core.storage.deletions import make_journal
from app.submissions import photos
from app.upkeep.bags import BagWriter, new_bag
from app.upkeep.copying import Digesting, TableDigest, Tell, lines, revision_of, silent, snapshot, tables_at

FORMAT = 1
ABOUT = "backup.json"
COOKIE_KEY = "secret-key"
COLLECTIONS = "collections/"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class About:
    """The content of backup.json. ``missing``: files that rows refer to and that could not be copied."""

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
        """The rows of all tables together."""
        return sum(table.rows for table in self.tables.values())


def read_about(text: bytes) -> About:
    """Parse backup.json. Raises WingcheckError for the format of a newer Wingcheck."""
    values = json.loads(text)
    if values.get("format") != FORMAT:
        raise WingcheckError(f"this backup has format {values.get('format')}; a newer Wingcheck made it")
    return About(**values | {"tables": {name: TableDigest(**digest) for name, digest in values["tables"].items()}})


def back_up(
    settings: Settings, engine: Engine, storage: Storage, target: Path, *, secrets: bool = True, tell: Tell = silent
) -> About:
    """Write a backup to ``target`` while the service runs. It appears there once it is complete.

    Raises Conflict if ``target`` exists, OSError if it can't be written or a photo can't be read.
    """
    with new_bag(target) as bag:
        with snapshot(engine) as connection:
            revision = revision_of(connection)
            tables = {table.name: table for table in tables_at(revision)}
            digests = _add_tables(bag, connection, list(tables.values()), tell)
            keys = _photo_keys(connection, tables["photos"])
            locations = _strings(connection, tables["model_versions"], "location")
            folders = _strings(connection, tables["collections"], "folder") if "collections" in tables else []
        copied, missing = _add_photos(bag, storage, keys, tell)
        models, missing_models = _add_models(bag, settings, [name for name in locations if ":" not in name])
        _add_collections(bag, settings, folders)
        for deletion in make_journal(settings).entries():
            bag.add(DELETIONS + deletion.name, [])
        if secrets and (settings.data_dir / COOKIE_KEY).is_file():
            bag.add(COOKIE_KEY, [(settings.data_dir / COOKIE_KEY).read_bytes()])
        now = utcnow()
        about = About(now.isoformat(), __version__, revision, digests, copied, models, missing + missing_models)
        bag.add(ABOUT, [json.dumps(asdict(about), indent=1).encode()])
        bag.finish(Bagging_Date=now.date().isoformat(), Bag_Software_Agent=f"Wingcheck {__version__}")
    return about


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
    """The file of a table's rows in a backup."""
    return f"tables/{name}.jsonl"


def _photo_keys(connection: Connection, table: Table) -> dict[str, bool]:
    """The storage key of every file that a photo may have, and whether it must exist."""
    columns = table.columns
    removed_at = columns.get("original_removed_at")  # older schemas always kept the original
    query = select(columns["sha256"], *([removed_at] if removed_at is not None else []))
    required: dict[str, bool] = {}
    for sha256, *removed in connection.execute(query.where(columns["removed_at"].is_(None)).order_by(columns["id"])):
        for variant in ("original", *photos.VARIANTS):
            key = photos.key_of(sha256, variant)
            required[key] = required.get(key, False) or variant != "original" or removed in ([], [None])
    return required


def _add_photos(bag: BagWriter, storage: Storage, required: dict[str, bool], tell: Tell) -> tuple[int, list[str]]:
    copied, missing = 0, []
    for number, (key, is_required) in enumerate(required.items()):
        tell("copying photos", number, len(required))
        try:
            bag.add(f"photos/{key}", [storage.get(key)])
            copied += 1
        except FileNotFoundError:
            if is_required:
                missing.append(key)
    tell("copying photos", len(required), len(required))
    return copied, missing


def _strings(connection: Connection, table: Table, column: str) -> list[str]:
    """The values of a column, in the order of the rows."""
    return list(connection.scalars(select(table.columns[column]).order_by(table.columns["id"])))


def _add_models(bag: BagWriter, settings: Settings, locations: list[str]) -> tuple[list[str], list[str]]:
    added, missing = [], []
    for location in locations:
        if (settings.model_dir / location).is_dir():
            _add_folder(bag, settings.model_dir / location, f"models/{location}")
            added.append(location)
        else:
            missing.append(f"models/{location}")
    return added, missing


def _add_collections(bag: BagWriter, settings: Settings, names: list[str]) -> None:
    """Collected photos and the data sets made from them. Unfinished files are left out: they are written again."""
    for name in names:
        _add_folder(bag, settings.data_dir / COLLECTIONS / name, f"{COLLECTIONS}{name}", _is_finished)


def _is_finished(path: Path, part: str) -> bool:
    if not part.startswith(("photos", "data-set-")) or any(name.startswith(".") for name in part.split("/")):
        return False
    return not (path.name.startswith("collection.db") and path.with_name("collection.db-wal").exists())


def _add_folder(
    bag: BagWriter, folder: Path, target: str, is_included: Callable[[Path, str], bool] = lambda path, part: True
) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        part = path.relative_to(folder).as_posix()
        if is_included(path, part):
            bag.add(f"{target}/{part}", _chunks(path))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def free_bytes(folder: Path) -> int:
    """Free space on the disk of ``folder``, or of its nearest existing parent."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
