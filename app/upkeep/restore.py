"""From a backup to a running Wingcheck: everything, or nothing.

The whole backup is checked before anything is written. Files come first and rows last, in one transaction: until that is
committed the place is as empty as before, and what an error leaves is removed. After a kill only files of this backup lie
there, and the same command goes on from where it was.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, Table

from app.core import migrations
from app.core.errors import Conflict, WingcheckError
from app.core.settings import Settings
from app.core.storage import LocalStorage, Storage
from app.upkeep.backup import ABOUT, COLLECTIONS, COOKIE_KEY, About, free_bytes, read_about, table_path
from app.upkeep.bags import Bag, open_bag
from app.upkeep.copying import Tell, check_empty, fill, silent, tables_at

_PHOTOS = "photos/"


def verify(source: Path, tell: Tell = silent) -> About:
    """Whether a backup is whole; what it says of itself. Raises DamagedBag."""
    with _checked(source, tell) as (_, about):
        return about


def restore(settings: Settings, engine: Engine, storage: Storage, source: Path, *, tell: Tell = silent) -> About:
    """Fill an empty database and storage from a backup.

    Raises DamagedBag for a backup that is not whole, Conflict for a place that is not empty, OSError when something can't
    be written. Whatever is raised, the place is as empty as before.
    """
    with _checked(source, tell) as (bag, about):
        tables = tables_at(about.revision)
        here = _check_place(settings, engine, storage, bag, about, tables)
        with _undone_on_error() as undo:
            _put_photos(bag, storage, here, undo, tell)
            for name in about.models:
                _put_folder(bag, settings.model_dir / name, f"models/{name}/", undo)
            for name in _collections(bag):
                _put_folder(bag, settings.data_dir / COLLECTIONS / name, f"{COLLECTIONS}{name}/", undo)
            _put_secret_key(bag, settings, undo)

            def rows(table: Table) -> Iterator[bytes]:
                with bag.open(table_path(table.name)) as file:
                    yield from file

            written = fill(engine, about.revision, rows, tell)
            if written != about.tables:  # every file had its hash, so this is a mistake of ours
                raise WingcheckError("the restored rows are not those of the backup")
    return about


@contextmanager
def _checked(source: Path, tell: Tell) -> Iterator[tuple[Bag, About]]:
    with open_bag(source) as bag:
        bag.verify(tell)
        yield bag, read_about(bag.read(ABOUT))


def _check_place(
    settings: Settings, engine: Engine, storage: Storage, bag: Bag, about: About, tables: list[Table]
) -> set[str]:
    """Keys of photo files that are there already, from a restore that was killed or a database that was lost alone."""
    with engine.connect() as connection:
        here = migrations.current(connection)
        check_empty(connection, tables_at(here) if here else tables)
    ours = {path.removeprefix(_PHOTOS) for path in bag.paths(_PHOTOS)}
    present = set(storage.keys())
    if strange := sorted(present - ours):
        raise Conflict(f"the photo storage is not empty (there is {strange[0]}); choose an empty one")
    for name in about.models:
        if (settings.model_dir / name).exists() and not _is_same(bag, settings.model_dir / name, f"models/{name}/"):
            raise Conflict(f"another model version lies in {settings.model_dir / name}")
    needed = sum(bag.size(path) for path in bag.paths())
    if isinstance(storage, LocalStorage) and free_bytes(settings.data_dir) < needed:
        raise WingcheckError(f"the disk of {settings.data_dir} has no space for {needed / 1e6:,.0f} MB")
    return present


def _collections(bag: Bag) -> list[str]:
    """Folder names of the collections of photos that a backup has."""
    return sorted({path.removeprefix(COLLECTIONS).partition("/")[0] for path in bag.paths(COLLECTIONS)})


def _is_same(bag: Bag, folder: Path, prefix: str) -> bool:
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    paths = {path.removeprefix(prefix) for path in bag.paths(prefix)}
    return here == paths and all((folder / path).read_bytes() == bag.read(prefix + path) for path in paths)


@contextmanager
def _undone_on_error() -> Iterator[list[Callable[[], None]]]:
    """What is appended here is called, last first, when the block raises."""
    undo: list[Callable[[], None]] = []
    try:
        yield undo
    except BaseException:
        for step in reversed(undo):
            with suppress(OSError):  # what can't be removed now is of this backup, so the next try may keep it
                step()
        raise


def _put_photos(bag: Bag, storage: Storage, here: set[str], undo: list[Callable[[], None]], tell: Tell) -> None:
    paths = bag.paths(_PHOTOS)
    for number, path in enumerate(paths):
        tell("writing photos", number, len(paths))
        key = path.removeprefix(_PHOTOS)
        if key not in here:
            undo.append(partial(storage.delete, key))
        storage.put(key, bag.read(path))
    tell("writing photos", len(paths), len(paths))


def _put_folder(bag: Bag, folder: Path, prefix: str, undo: list[Callable[[], None]]) -> None:
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


def _put_secret_key(bag: Bag, settings: Settings, undo: list[Callable[[], None]]) -> None:
    """Cookies signed before stay good. A key that is there already stays."""
    path = settings.data_dir / COOKIE_KEY
    if COOKIE_KEY not in bag.paths(COOKIE_KEY) or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    undo.append(partial(path.unlink, missing_ok=True))
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(bag.read(COOKIE_KEY))
