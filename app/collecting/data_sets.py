"""Using a collection for training: a folder with only the photos whose species a person has decided.

It is made once and never changed, so that it stays known what a run learnt from. Later decisions count once somebody uses
the collection again.
"""

import csv
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.collecting.collections import OpenRuns, get
from app.collecting.folder import CollectionFolder, folder_of
from app.collecting.rules import LEARNT_FROM
from app.collecting.tables import CollectedPhoto, Collection
from app.core import formulas
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict
from app.core.settings import Settings
from app.taxa.rules import label_of

# What the reader of data sets knows: docs/datasets.md.
_COLUMNS = ("path", "label", "sequence", "near_duplicate_group", "duplicate", "screening", "sha256")
_CREDITS = (
    "taxon", "title", "owner_name", "owner_url", "page_url", "licence_name", "licence_url", "taken", "flickr_id", "sha256",
)  # fmt: skip
LABELS, CREDITS = "labels.csv", "ATTRIBUTION.csv"
_PREFIX = "data-set-"


class DataSets:
    """Use cases of admins."""

    def __init__(self, sessions: SessionFactory, settings: Settings, open_runs: OpenRuns) -> None:
        self._sessions = sessions
        self._settings = settings
        self._open_runs = open_runs

    def use(self, collection_id: int, user_id: int | None) -> int:
        """Let runs learn from the photos decided so far; returns how many. Raises NotFound, Conflict, OSError."""
        with reading(self._sessions) as session:
            collection = get(session, collection_id)
            photos = known_photos(session, collection_id)
        if not photos:
            raise Conflict("No photo of this collection has been confirmed yet.", "collection_undecided")
        name = _write(folder_of(collection, self._settings), photos)
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            collection.note(data_set=name, used_photos=len(photos), used_by_id=user_id, used_at=utcnow())
            details = {"photos": len(photos), "as": name}
            audit.record(session, user_id, "collection.used", f"collection:{collection_id}", details)
            _tidy(session, folder_of(collection, self._settings), collection, self._open_runs)
        return len(photos)

    def stop_using(self, collection_id: int, user_id: int | None) -> None:
        """Let no further run learn from it; runs that are queued or running still do. Raises NotFound."""
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            if collection.data_set is None:
                return
            collection.note(data_set=None, used_photos=0, used_by_id=None, used_at=None)
            audit.record(session, user_id, "collection.taken_out", f"collection:{collection_id}")
            _tidy(session, folder_of(collection, self._settings), collection, self._open_runs)


def _tidy(session: Session, folder: CollectionFolder, collection: Collection, open_runs: OpenRuns) -> None:
    """Remove earlier data sets, unless a run may still read them."""
    if open_runs(session, folder.path):
        return
    for path in folder.path.glob(f"{_PREFIX}*"):
        if path.name != collection.data_set:
            shutil.rmtree(path, ignore_errors=True)


def photos_by(folder: CollectionFolder, name: str, nsid: str) -> int | None:
    """How many photos of a photographer a data set contains; None where it no longer exists."""
    table = folder.path / name / LABELS
    if not table.is_file():
        return None
    return sum(row["near_duplicate_group"] == nsid for row in _read(table))


def leave_out(
    session: Session, folder: CollectionFolder, collection: Collection, nsid: str, open_runs: OpenRuns
) -> None:
    """Rebuild the data set in use without a photographer's photos, and remove earlier ones. Raises OSError."""
    if collection.data_set and photos_by(folder, collection.data_set, nsid):
        old = folder.path / collection.data_set
        rows = [row for row in _read(old / LABELS) if row["near_duplicate_group"] != nsid]
        numbers = {Path(row["path"]).stem for row in rows}
        credits = [row for row in _read(old / CREDITS) if row["flickr_id"] in numbers]
        collection.data_set, collection.used_photos = None, len(rows)
        if rows:
            table = _table(_CREDITS, (list(row.values()) for row in credits))
            lines = [list(row.values()) for row in rows]
            collection.data_set = _make(folder, lines, (old / row["path"] for row in rows), table)
    _tidy(session, folder, collection, open_runs)


def _read(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def in_use(session: Session, settings: Settings) -> list[Path]:
    """The data sets that runs may learn from, the oldest collection first."""
    collections = session.scalars(select(Collection).where(Collection.data_set.is_not(None)).order_by(Collection.id))
    return [folder_of(collection, settings).path.resolve() / (collection.data_set or "") for collection in collections]


def numbers_by_path(session: Session, settings: Settings) -> dict[str, int]:
    """Which collection a data set belongs to, by the path of the collection's folder."""
    return {str(folder_of(row, settings).path.resolve()): row.id for row in session.scalars(select(Collection))}


def known_photos(session: Session, collection_id: int) -> list[CollectedPhoto]:
    """The photos whose species a person has decided, by that species and photographer."""
    query = select(CollectedPhoto).where(
        CollectedPhoto.collection_id == collection_id, CollectedPhoto.decision.in_(LEARNT_FROM)
    )
    order = (CollectedPhoto.owner_nsid, CollectedPhoto.taken, CollectedPhoto.flickr_id)
    return sorted(session.scalars(query.order_by(*order)), key=lambda photo: photo.shows)


def credits_csv(photos: Iterable[CollectedPhoto]) -> str:
    """Who made the photos and under which licence, as CSV. Texts from Flickr can't become formulas of a spreadsheet."""
    return _table(_CREDITS, ([_credit(photo, name) for name in _CREDITS] for photo in photos))


def _credit(photo: CollectedPhoto, name: str) -> str:
    value = photo.shows if name == "taxon" else str(getattr(photo, name))
    return formulas.as_text(value)


def _write(folder: CollectionFolder, photos: Sequence[CollectedPhoto]) -> str:
    """The data set of these photos. Raises OSError."""
    rows = [_row(photo) for photo in photos]
    return _make(folder, rows, (folder.file(photo.file_name) for photo in photos), credits_csv(photos))


def _make(folder: CollectionFolder, rows: Sequence[Sequence[str]], files: Iterable[Path], credits: str) -> str:
    """A data set, named for what is in it; made unless it is there. Raises OSError."""
    content = _table(_COLUMNS, rows)
    name = _PREFIX + hashlib.sha256(content.encode()).hexdigest()[:16]
    target, part = folder.path / name, folder.path / f"{_PREFIX}part-{os.getpid()}"
    if target.is_dir():
        return name
    shutil.rmtree(part, ignore_errors=True)
    for file, row in zip(files, rows, strict=True):
        (part / row[0]).parent.mkdir(parents=True, exist_ok=True)
        _link(file, part / row[0])
    (part / LABELS).write_text(content, encoding="utf-8")
    (part / CREDITS).write_text(credits, encoding="utf-8")
    part.rename(target)
    return name


def _row(photo: CollectedPhoto) -> list[str]:
    """A photographer's photos stay together, so that none are on both sides of a division."""
    label = label_of(photo.shows)
    path = f"{label}/{photo.flickr_id}{Path(photo.file_name).suffix}"
    return [path, label, "", photo.owner_nsid, "0", "ok", photo.sha256]


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return stream.getvalue()
