"""From a backup to a working installation: everything, or nothing.

The whole backup is verified before anything is written. Files are written first and rows last, in one transaction: until
it commits the target is as empty as before, and errors remove what was written. After a kill only files of this backup
are left, and the same command continues from there.

Last, what was deleted after the backup is deleted once more: the journal of the backup is merged into the one that lies here.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, Table

from app.core import migrations
from app.core.db import make_session_factory
from app.core.errors import Conflict, WingcheckError
from app.core.paths import inside
from app.core.settings import Settings
from app.core.storage import DELETIONS, QUARANTINE, LocalStorage, Storage
from app.core.storage.deletions import Deletion, Journal, make_journal
from app.upkeep.backup import ABOUT, COLLECTIONS, COOKIE_KEY, About, free_bytes, read_about, table_path
from app.upkeep.bags import Bag, open_bag
from app.upkeep.copying import Tell, check_empty, fill, silent, tables_at
from app.upkeep.deletions import Undone

_PHOTOS = "photos/"
_Undo = list[Callable[[], None]]


@dataclass(frozen=True)
class Restored:
    """``newest_deletion``: the last that the journal here knew before, None: it had none; ``repeated``: how many were."""

    about: About
    newest_deletion: datetime | None
    repeated: int


def verify(source: Path, tell: Tell = silent) -> About:
    """Check that a backup is complete and return its description. Raises DamagedBag."""
    with _verified(source, tell) as (_, about):
        return about


def restore(settings: Settings, engine: Engine, storage: Storage, source: Path, *, tell: Tell = silent) -> Restored:
    """Fill an empty database and storage from a backup, without what was deleted since.

    Raises DamagedBag for an incomplete backup, Conflict for a target that is not empty, OSError for a failed write. On any
    error the target is as empty as before.
    """
    with _verified(source, tell) as (bag, about):
        tables_at(about.revision)  # raises for an unknown schema, before anything is written
        existing = _check_target(settings, engine, storage, bag, about)
        with _undone_on_error() as undo:
            _put_photos(bag, storage, existing, undo, tell)
            for name in about.models:
                _put_folder(bag, inside(settings.model_dir, name), f"models/{name}/", undo)
            for name in sorted({path.removeprefix(COLLECTIONS).partition("/")[0] for path in bag.paths(COLLECTIONS)}):
                _put_folder(bag, inside(settings.data_dir / COLLECTIONS, name), f"{COLLECTIONS}{name}/", undo)
            _put_secret_key(bag, settings, undo)
            journal = make_journal(settings)
            known = journal.entries()
            _merge_deletions(bag, journal, undo)

            def rows(table: Table) -> Iterator[bytes]:
                with bag.open(table_path(table.name)) as file:
                    yield from file

            written = fill(engine, about.revision, rows, tell)
            if written != about.tables:  # every file had its hash, so this is a bug
                raise WingcheckError("the restored rows are not those of the backup")
    sessions = make_session_factory(engine)
    # After a kill right here the worker does it when it starts, and the doctor finds what it has left.
    repeated = Undone(sessions, storage, journal).repeat_all()
    return Restored(about, known[-1].deleted_at if known else None, repeated)


@contextmanager
def _verified(source: Path, tell: Tell) -> Iterator[tuple[Bag, About]]:
    with open_bag(source) as bag:
        bag.verify(tell)
        yield bag, read_about(bag.read(ABOUT))


def _check_target(settings: Settings, engine: Engine, storage: Storage, bag: Bag, about: About) -> set[str]:
    """Keys of this backup's photo files that exist already, from a killed restore or because only the database was lost."""
    with engine.connect() as connection:
        check_empty(connection, tables_at(migrations.current(connection) or about.revision))
    existing = {key for key in storage.keys() if not key.startswith((QUARANTINE, DELETIONS))}
    if strange := sorted(existing - {path.removeprefix(_PHOTOS) for path in bag.paths(_PHOTOS)}):
        raise Conflict(f"the photo storage is not empty (there is {strange[0]}); choose an empty one")
    for name in about.models:
        folder = inside(settings.model_dir, name)
        if folder.exists() and not _is_same(bag, folder, f"models/{name}/"):
            raise Conflict(f"another model version lies in {folder}")
    needed = sum(bag.size(path) for path in bag.paths())
    if isinstance(storage, LocalStorage) and free_bytes(settings.data_dir) < needed:
        raise WingcheckError(f"the disk of {settings.data_dir} has no space for {needed / 1e6:,.0f} MB")
    return existing


def _is_same(bag: Bag, folder: Path, prefix: str) -> bool:
    existing = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    paths = {path.removeprefix(prefix) for path in bag.paths(prefix)}
    return existing == paths and all((folder / path).read_bytes() == bag.read(prefix + path) for path in paths)


@contextmanager
def _undone_on_error() -> Iterator[_Undo]:
    """Functions appended to the list are called, last first, if the block raises."""
    undo: _Undo = []
    try:
        yield undo
    except BaseException:
        for step in reversed(undo):
            with suppress(OSError):  # what can't be removed now belongs to this backup, so the next attempt accepts it
                step()
        raise


def _put_photos(bag: Bag, storage: Storage, existing: set[str], undo: _Undo, tell: Tell) -> None:
    paths = bag.paths(_PHOTOS)
    for number, path in enumerate(paths):
        tell("writing photos", number, len(paths))
        key = path.removeprefix(_PHOTOS)
        if key not in existing:
            undo.append(partial(storage.delete, key))
        storage.put(key, bag.read(path))
    tell("writing photos", len(paths), len(paths))


def _put_folder(bag: Bag, folder: Path, prefix: str, undo: _Undo) -> None:
    if folder.exists():
        return
    unfinished = folder.with_name(f".importing-{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    undo.extend(partial(shutil.rmtree, place, ignore_errors=True) for place in (unfinished, folder))
    for path in bag.paths(prefix):
        target = unfinished / path.removeprefix(prefix)
        target.parent.mkdir(parents=True, exist_ok=True)
        with bag.open(path) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    unfinished.rename(folder)


def _merge_deletions(bag: Bag, journal: Journal, undo: _Undo) -> None:
    """Add the entries of the backup's journal that are not here. Those that are only here are newer, and stay."""
    names = {path.removeprefix(DELETIONS) for path in bag.paths(DELETIONS)}
    noted = {entry for name in names if (entry := Deletion.parse(name))}
    for entry in noted - set(journal.entries()):
        undo.append(partial(journal.remove, entry))
        journal.add(entry)


def _put_secret_key(bag: Bag, settings: Settings, undo: _Undo) -> None:
    """Restore the key, so that existing cookies stay valid. A key that exists is kept."""
    path = settings.data_dir / COOKIE_KEY
    if COOKIE_KEY not in bag.paths(COOKIE_KEY) or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    undo.append(partial(path.unlink, missing_ok=True))
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(bag.read(COOKIE_KEY))
