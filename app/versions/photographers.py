"""The photographers of a collection, and the removal of all photos by one who asks for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.collecting import data_sets
from app.collecting.collections import check_unused, get
from app.collecting.folder import CollectionFolder, folder_of
from app.collecting.tables import CollectedPhoto, PhotographerRemoval
from app.core import jobs, long_work
from app.core.db import SessionFactory, transaction
from app.core.errors import NotFound
from app.core.long_work import state_of
from app.core.settings import Settings
from app.core.tables import JobKind
from app.versions.base_data import open_runs_with
from app.versions.tables import TrainingRun

MOST = 100
_OWNER = re.compile(r"\d+@N\d+")
_PHOTO = re.compile(r"/photos/[^/]+/(\d+)")


@dataclass(frozen=True)
class Photographer:
    """Somebody on Flickr, by the name that never changes and the one that people see, and how many photos are theirs."""

    nsid: str
    name: str
    photos: int


@dataclass(frozen=True)
class Trained:
    """A run that made a version. ``photos``: theirs in its data set; None: unknown, because that is no longer kept."""

    run: TrainingRun
    photos: int | None


@dataclass(frozen=True)
class Traces:
    """Where somebody's photos are: in the data set in use, in versions, in other collections (number → photos)."""

    photos: list[CollectedPhoto]
    in_use: int
    trained: list[Trained]
    elsewhere: dict[int, int]


def find(session: Session, collection_id: int, text: str = "") -> list[Photographer]:
    """The photographers by name, up to MOST and one; ``text``: part of a name, or the address of a photo or of a person."""
    name = func.max(CollectedPhoto.owner_name)
    query = select(CollectedPhoto.owner_nsid, name, func.count()).where(CollectedPhoto.collection_id == collection_id)
    if match := _OWNER.search(text):
        query = query.where(CollectedPhoto.owner_nsid == match[0])
    elif match := _PHOTO.search(text):
        query = query.where(CollectedPhoto.flickr_id == match[1])
    elif text:
        own = CollectedPhoto.owner_name.icontains(text, autoescape=True)
        query = query.where(or_(own, CollectedPhoto.owner_nsid == text))
    rows = session.execute(query.group_by(CollectedPhoto.owner_nsid).order_by(func.lower(name)).limit(MOST + 1))
    return [Photographer(*row) for row in rows]


def has_photos(session: Session, collection_id: int, nsid: str) -> bool:
    """Whether the collection has any photo by them."""
    theirs = select(CollectedPhoto.id).where(CollectedPhoto.collection_id == collection_id)
    return session.scalar(theirs.where(CollectedPhoto.owner_nsid == nsid).limit(1)) is not None


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
        trained=_trained(session, folder, nsid),
        elsewhere={number: photos for number, photos in numbers if number != collection_id},
    )


def _trained(session: Session, folder: CollectionFolder, nsid: str) -> list[Trained]:
    runs = select(TrainingRun).where(TrainingRun.model_version_id.is_not(None)).order_by(TrainingRun.id)
    mark, trained = f"{folder.path.resolve()}/", []
    for run in session.scalars(runs):
        names = [base["path"].removeprefix(mark) for base in run.snapshot.bases if base["path"].startswith(mark)]
        for name in names:
            photos = data_sets.photos_by(folder, name, nsid)
            if photos != 0:
                trained.append(Trained(run, photos))
    return trained


class Photographers:
    """Use cases of admins. Where no message is sent, the sweep finds the job."""

    def __init__(
        self, sessions: SessionFactory, settings: Settings, send_message: Callable[[int], bool] = lambda _: False
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._send = send_message

    def remove(self, collection_id: int, nsid: str, user_id: int | None) -> int:
        """Have the worker remove all their photos, for good; returns how many. They are not fetched again. Idempotent.

        Raises NotFound, and Conflict while the collection runs or an open run learns from it.
        """
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            photos = len(traces(session, self._settings, collection_id, nsid).photos)
            check_unused(collection, open_runs_with(session, folder_of(collection, self._settings).path))
            before = newest_removal(session, collection_id, nsid)
            if before is not None and not state_of(before.job).over:
                return before.photos
            removal = PhotographerRemoval(collection_id=collection_id, user_id=user_id, owner_nsid=nsid, photos=photos)
            job = long_work.queue(session, JobKind.PHOTOGRAPHER, removal)
        jobs.send(self._sessions, self._send, job.id)
        return photos


def newest_removal(session: Session, collection_id: int, nsid: str) -> PhotographerRemoval | None:
    """The last removal of their photos from this collection, done or not."""
    query = select(PhotographerRemoval).where(
        PhotographerRemoval.collection_id == collection_id, PhotographerRemoval.owner_nsid == nsid
    )
    return session.scalar(query.order_by(PhotographerRemoval.id.desc()).limit(1))
