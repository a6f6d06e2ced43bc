"""The worker's part of removing a photographer's photos.

The files, the manifest and its rows are `wingcheck collect remove`'s; what the database and the data sets hold follows them.
Done again after a worker was lost, it changes nothing that was done already.
"""

import time

from sqlalchemy.orm import Session

from app.accounts import audit
from app.collecting import data_sets, photos
from app.collecting.collections import OpenRuns, check_still, get, touch
from app.collecting.folder import CollectionFolder, folder_of
from app.collecting.tables import PhotographerRemoval
from app.core import jobs
from app.core.db import SessionFactory, reading, transaction
from app.core.errors import Conflict
from app.core.long_work import LongWork
from app.core.processes import Child
from app.core.settings import Settings
from app.core.tables import Job

_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 300


class RemovalFailed(jobs.Hopeless):
    """The process said no, or a run began to learn from the collection. Whoever asked is told, and may ask again."""


class Removing(LongWork):
    """Handles PHOTOGRAPHER jobs."""

    def __init__(self, sessions: SessionFactory, settings: Settings, open_runs: OpenRuns) -> None:
        super().__init__(settings.data_dir / "collections" / ".removing")
        self._sessions = sessions
        self._settings = settings
        self._open_runs = open_runs

    def run(self, job_id: int, removal_id: int) -> None:
        """Remove their photos and finish the job. Raises RemovalFailed, jobs.Interrupted, or what an outage raises."""
        with reading(self._sessions) as session:
            removal = session.get(PhotographerRemoval, removal_id)
            if removal is None:
                raise RemovalFailed("This collection no longer exists.", "collection_gone")
            collection = get(session, removal.collection_id)
            folder = folder_of(collection, self._settings)
            try:
                check_still(collection, self._open_runs(session, folder.path))
            except Conflict as error:
                raise RemovalFailed(error.detail, error.code, **error.params) from error
        self._remove_files(folder, removal.owner_nsid)
        photos.enter(self._sessions, removal.collection_id, folder.listed())
        with transaction(self._sessions) as session:
            self._note(session, removal)
            jobs.finish(session, session.get_one(Job, job_id))

    def _remove_files(self, folder: CollectionFolder, nsid: str) -> None:
        arguments = ["collect", "remove", "--jsonl", str(folder.rows), "--", str(folder.photos), nsid]
        child = Child(*arguments, output=folder.printed, keeps=(self._lock.handle,))
        try:
            begun = time.monotonic()
            while child.exit_code is None and time.monotonic() - begun < _PATIENCE_SECONDS:
                if self._leaving.is_set():
                    raise jobs.Interrupted("The worker leaves.", "worker_leaves")
                time.sleep(_LOOK_SECONDS)
            code = child.exit_code
        finally:
            child.kill_group()
        if code != 0:
            lines = [line for line in folder.log().splitlines() if line.strip()]
            if code is None or code < 0 or not lines:
                raise RemovalFailed(f"The process {child.ending}.", **child.ending_as_problem)
            raise RemovalFailed(lines[-1][:1000])

    def _note(self, session: Session, removal: PhotographerRemoval) -> None:
        collection = get(session, removal.collection_id)
        collection.looked = photos.looked(session, collection.id)
        folder = folder_of(collection, self._settings)
        data_sets.leave_out(session, folder, collection, removal.owner_nsid, self._open_runs)
        touch(collection)
        details = {"photographer": removal.owner_nsid, "photos": removal.photos}
        subject = f"collection:{collection.id}"
        audit.record(session, removal.user_id, "collection.photographer_removed", subject, details)
