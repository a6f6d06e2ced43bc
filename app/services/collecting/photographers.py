"""The photographers of a collection, and removing all that one of them made because they ask for it.

The files, the manifest and its rows are `wingcheck collect remove`'s; what the database and the data sets hold follows them.
"""

import re
from dataclasses import dataclass
from subprocess import TimeoutExpired

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.db import SessionFactory, reading, transaction
from app.domain.errors import Conflict, NotFound
from app.models import CollectedPhoto, TrainingRun
from app.processes import Child
from app.services import audit
from app.services.collecting import data_sets, photos
from app.services.collecting.collections import check_still, get, touch
from app.services.collecting.folder import CollectionFolder, folder_of
from app.settings import Settings

MOST = 100
_OWNER = re.compile(r"\d+@N\d+")
_PHOTO = re.compile(r"/photos/[^/]+/(\d+)")
_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Photographer:
    """Somebody on Flickr, by the name that never changes and the one that people see, and how many photos are theirs."""

    nsid: str
    name: str
    photos: int


@dataclass(frozen=True)
class Learnt:
    """A run that made a version of a frozen data set. ``photos``: theirs in it; None: it is not kept, so nobody can tell."""

    run: TrainingRun
    photos: int | None


@dataclass(frozen=True)
class Traces:
    """Where somebody's photos are: in the data set in use, in versions for good, in other collections (number → photos)."""

    photos: list[CollectedPhoto]
    in_use: int
    learnt: list[Learnt]
    elsewhere: dict[int, int]


def find(session: Session, collection_id: int, text: str = "") -> list[Photographer]:
    """The photographers by name, up to MOST and one; ``text``: part of a name, or the address of a photo or of a person."""
    name = func.max(CollectedPhoto.owner_name)
    query = select(CollectedPhoto.owner_nsid, name, func.count()).where(CollectedPhoto.collection_id == collection_id)
    if found := _OWNER.search(text):
        query = query.where(CollectedPhoto.owner_nsid == found[0])
    elif found := _PHOTO.search(text):
        query = query.where(CollectedPhoto.flickr_id == found[1])
    elif text:
        own = CollectedPhoto.owner_name.icontains(text, autoescape=True)
        query = query.where(or_(own, CollectedPhoto.owner_nsid == text))
    rows = session.execute(query.group_by(CollectedPhoto.owner_nsid).order_by(func.lower(name)).limit(MOST + 1))
    return [Photographer(*row) for row in rows]


def traces(session: Session, settings: Settings, collection_id: int, nsid: str) -> Traces:
    """Where their photos are. Raises NotFound where the collection has none."""
    collection = get(session, collection_id)
    theirs = select(CollectedPhoto).where(CollectedPhoto.owner_nsid == nsid)
    here = list(
        session.scalars(theirs.where(CollectedPhoto.collection_id == collection_id).order_by(CollectedPhoto.id))
    )
    if not here:
        raise NotFound("This collection has no photo by them.")
    folder = folder_of(collection, settings)
    counted = select(CollectedPhoto.collection_id, func.count()).where(CollectedPhoto.owner_nsid == nsid)
    numbers = session.execute(counted.group_by(CollectedPhoto.collection_id).order_by(CollectedPhoto.collection_id))
    return Traces(
        photos=here,
        in_use=data_sets.photos_by(folder, collection.data_set, nsid) or 0 if collection.data_set else 0,
        learnt=_learnt(session, folder, nsid),
        elsewhere={number: many for number, many in numbers if number != collection_id},
    )


def _learnt(session: Session, folder: CollectionFolder, nsid: str) -> list[Learnt]:
    runs = select(TrainingRun).where(TrainingRun.model_version_id.is_not(None)).order_by(TrainingRun.id)
    mark, found = f"{folder.path.resolve()}/", []
    for run in session.scalars(runs):
        names = [base["path"].removeprefix(mark) for base in run.snapshot.bases if base["path"].startswith(mark)]
        for name in names:
            many = data_sets.photos_by(folder, name, nsid)
            if many != 0:
                found.append(Learnt(run, many))
    return found


class Photographers:
    """Use cases of admins."""

    def __init__(self, sessions: SessionFactory, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    def remove(self, collection_id: int, nsid: str, user_id: int | None) -> int:
        """Remove all their photos, for good; how many. They are not fetched again.

        Raises NotFound, and Conflict while the collection goes on or an open run learns from it.
        """
        with reading(self._sessions) as session:
            collection = get(session, collection_id)
            found = len(traces(session, self._settings, collection_id, nsid).photos)
            check_still(session, collection, self._settings)
            folder = folder_of(collection, self._settings)
        _remove_files(folder, nsid)
        photos.enter(self._sessions, collection_id, folder.listed())
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            collection.looked = photos.looked(session, collection_id)
            data_sets.leave_out(session, self._settings, collection, nsid)
            touch(collection)
            details = {"photographer": nsid, "photos": found}
            audit.record(session, user_id, "collection.photographer_removed", f"collection:{collection_id}", details)
        return found


def _remove_files(folder: CollectionFolder, nsid: str) -> None:
    """Raises Conflict, which says what the process said."""
    child = Child(
        "collect", "remove", "--jsonl", str(folder.rows), "--", str(folder.photos), nsid, output=folder.printed
    )
    try:
        code = child.process.wait(_PATIENCE_SECONDS)
    except TimeoutExpired:
        code = None
    finally:
        child.kill_group()
    if code != 0:
        lines = [line for line in folder.log().splitlines() if line.strip()]
        raise Conflict(f"The photos could not be removed: {lines[-1] if lines else child.ending}"[:1000])
