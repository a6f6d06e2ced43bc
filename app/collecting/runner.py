"""The worker's part of collections: fetching photos, and removing a photographer's.

Work may be begun by one worker and finished by another. Fetching continues where it was and fetches nothing twice, rows are
entered as often as needed, and a photo that the model has checked is not checked again.
"""

import socket
import time
from typing import Any

from sqlalchemy.orm import Session

from app.accounts import audit
from app.collecting import data_sets, photos
from app.collecting.collections import OpenRuns, check_unused, get
from app.collecting.folder import CollectionFolder, folder_of
from app.collecting.tables import Collection, PhotographerRemoval
from app.core import jobs
from app.core.db import SessionFactory, reading, transaction
from app.core.errors import Conflict, WingcheckError
from app.core.long_work import Cancelled, LongWork, WatchedWork, failure, outage_survived, polls
from app.core.settings import Settings
from app.core.tables import Job
from app.predictions.classifiers import Classifiers

# `wingcheck collect` ends with this code where the key or the request is wrong: trying it again would not help.
_REFUSED = 2
_LONGEST_REMOVAL_SECONDS = 300


class CollectingRefused(jobs.Hopeless):
    """Flickr does not accept the key, or the collector the request."""


class CollectingFailed(WingcheckError):
    """Flickr can't be reached, say. It is tried again, but not for ever."""


class RemovalFailed(jobs.Hopeless):
    """The process refused, or a run began to learn from the collection. Whoever asked is told, and may ask again."""


class Collecting(WatchedWork):
    """Handles COLLECTION jobs."""

    table = Collection

    def __init__(self, sessions: SessionFactory, classifiers: Classifiers, settings: Settings) -> None:
        super().__init__(sessions, settings, settings.data_dir / "collections" / ".collecting")
        self._classifiers = classifiers

    def run(self, job_id: int, collection_id: int) -> None:
        """Fetch, have the model check, and finish the job. Raises as ``_collect``, jobs.Interrupted, or on an outage."""
        with reading(self._sessions) as session:
            folder = folder_of(get(session, collection_id), self._settings)
        try:
            if not folder.rows.is_file():
                self._collect(job_id, collection_id, folder)
            self._note(collection_id, phase="entering")
            photos.enter(self._sessions, collection_id, folder.listed())
            self._note(collection_id, phase="looking")
            photos.check(self._sessions, self._classifiers, collection_id, folder, lambda: self._may_continue(job_id))
        except Cancelled:
            with transaction(self._sessions) as session:
                jobs.cancelled(session, job_id)
            return
        with transaction(self._sessions) as session:
            get(session, collection_id).note(phase="done")
            jobs.finish(session, session.get_one(Job, job_id))

    def _collect(self, job_id: int, collection_id: int, folder: CollectionFolder) -> None:
        """Raises CollectingRefused, CollectingFailed."""
        with reading(self._sessions) as session:
            folder.write_request(get(session, collection_id))
        self._note(collection_id, phase="collecting", machine=socket.gethostname())
        paths = {"--request": folder.request, "--progress": folder.progress, "--jsonl": folder.rows}
        options = [str(part) for option in paths.items() for part in option]
        arguments = ["collect", "flickr", str(folder.photos), *options]
        try:
            with self._process(arguments, folder.printed, self._access()) as child:
                self._note(collection_id, process_group=child.group)
                for _ in polls(child):
                    self._note_progress(collection_id, folder)
                    self._may_continue(job_id)
        finally:  # what is half there is continued, or fetched anew
            self._note_progress(collection_id, folder, process_group=None)
        if child.exit_code != 0:
            kind = CollectingRefused if child.exit_code == _REFUSED else CollectingFailed
            raise failure(kind, child, folder.last_line())

    def _access(self) -> dict[str, str]:
        """The key goes to the process in its environment, and nowhere else."""
        settings = self._settings
        secrets = {"KEY": settings.flickr_key, "SECRET": settings.flickr_secret}
        values = {name: secret.get_secret_value() for name, secret in secrets.items() if secret is not None}
        values |= {"CONTACT": settings.flickr_contact, "API_URL": settings.flickr_api_url}
        return {f"WINGCHECK_FLICKR_{name}": value for name, value in values.items() if value}

    def _may_continue(self, job_id: int) -> None:
        """Raises Cancelled or jobs.Interrupted."""
        self._check_leaving()
        self._check_job(job_id)

    def _note_progress(self, collection_id: int, folder: CollectionFolder, **values: Any) -> None:
        report = folder.reported()
        if keywords := report.get("keywords", []):
            values |= {
                "found": sum(keyword["found"] for keyword in keywords),
                "kept": sum(keyword["kept"] for keyword in keywords),
                "left_out": _left_out(keywords),
                "keyword": report["now"][:200],
                "pause": report["pause"][:300],
            }
        with outage_survived(f"collection {collection_id}"):
            self._note(collection_id, log=folder.log(), **values)


def _left_out(keywords: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for keyword in keywords:
        for reason, number in [*keyword["skipped"].items(), *keyword["failed"].items()]:
            counts[reason] = counts.get(reason, 0) + number
    return counts


class Removing(LongWork):
    """Handles PHOTOGRAPHER jobs. `wingcheck collect remove` removes files; database and data sets follow. Idempotent."""

    def __init__(self, sessions: SessionFactory, settings: Settings, open_runs: OpenRuns) -> None:
        super().__init__(sessions, settings, settings.data_dir / "collections" / ".removing")
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
                check_unused(collection, self._open_runs(session, folder.path))
            except Conflict as error:
                raise RemovalFailed(error.detail, error.code, **error.params) from error
        self._remove_files(folder, removal.owner_nsid)
        photos.enter(self._sessions, removal.collection_id, folder.listed())
        with transaction(self._sessions) as session:
            self._note_removed(session, removal, folder)
            jobs.finish(session, session.get_one(Job, job_id))

    def _remove_files(self, folder: CollectionFolder, nsid: str) -> None:
        arguments = ["collect", "remove", "--jsonl", str(folder.rows), "--", str(folder.photos), nsid]
        deadline = time.monotonic() + _LONGEST_REMOVAL_SECONDS
        with self._process(arguments, folder.printed) as child:
            for _ in polls(child):
                self._check_leaving()
                if time.monotonic() > deadline:
                    break
        if child.exit_code != 0:
            raise failure(RemovalFailed, child, folder.last_line())

    def _note_removed(self, session: Session, removal: PhotographerRemoval, folder: CollectionFolder) -> None:
        collection = get(session, removal.collection_id)
        collection.looked = photos.count_checked(session, collection.id)
        data_sets.leave_out(session, folder, collection, removal.owner_nsid, self._open_runs)
        collection.touch()
        details = {"photographer": removal.owner_nsid, "photos": removal.photos}
        subject = f"collection:{collection.id}"
        audit.record(session, removal.user_id, "collection.photographer_removed", subject, details)
