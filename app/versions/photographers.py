"""The photographers of a collection, and having all that one of them made removed because they ask for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.collecting import data_sets
from app.collecting.collections import check_still, get
from app.collecting.folder import CollectionFolder, folder_of
from app.collecting.tables import CollectedPhoto, PhotographerRemoval
from app.core import jobs
from app.core.db import SessionFactory, transaction, utcnow
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
    """Use cases of admins. Where no message is sent, the sweep finds the job."""

    def __init__(
        self, sessions: SessionFactory, settings: Settings, send_message: Callable[[int], bool] = lambda _: False
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._send = send_message

    def remove(self, collection_id: int, nsid: str, user_id: int | None) -> int:
        """Have the worker remove all their photos, for good; how many. They are not fetched again. Asked twice is once.

        Raises NotFound, and Conflict while the collection goes on or an open run learns from it.
        """
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            found = len(traces(session, self._settings, collection_id, nsid).photos)
            check_still(collection, open_runs_with(session, folder_of(collection, self._settings).path))
            before = newest_removal(session, collection_id, nsid)
            if before is not None and not state_of(before.job).over:
                return before.photos
            job = jobs.create(session, JobKind.PHOTOGRAPHER, 0, sent_at=utcnow())
            removal = PhotographerRemoval(
                job_id=job.id, collection_id=collection_id, user_id=user_id, owner_nsid=nsid, photos=found
            )
            session.add(removal)
            session.flush()
            job.subject_id = removal.id
        jobs.send(self._sessions, self._send, job.id)
        return found


def newest_removal(session: Session, collection_id: int, nsid: str) -> PhotographerRemoval | None:
    """What was asked for last about their photos in this collection, done or not."""
    query = select(PhotographerRemoval).where(
        PhotographerRemoval.collection_id == collection_id, PhotographerRemoval.owner_nsid == nsid
    )
    return session.scalar(query.order_by(PhotographerRemoval.id.desc()).limit(1))
